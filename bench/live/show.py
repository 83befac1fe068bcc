"""The tables, and the record of a take."""

import math
from collections import defaultdict

from take import percentile

PERCENTS = (50, 95, 99)


def _ms(value):
    return "never" if math.isinf(value) else "-" if math.isnan(value) else f"{value:.0f}"


def _ttfts(times):
    return "  ".join(f"p{percent} {_ms(percentile(times, percent / 100))}" for percent in PERCENTS)


def take(one):
    lost = ", ".join(f"{count} {word}" for word, count in one.not_answered.items())
    cpu = ", ".join(f"{name} {cores:.2f}" for name, cores in one.cpu.items())
    print(f"{one.name}, load {one.arrivals.load:g}, seed {one.arrivals.seed}: {one.requests} requests, {lost}; "
          f"TTFT ms {_ttfts(one.ttft_ms)} of {len(one.ttft_ms)}; cached {one.prefix_hit:.2f}; begun late p99 {one.slip_ms:.1f} ms\n"
          f"  cores: {cpu}", flush=True)
    for problem in one.problems:
        print(f"  {problem}", flush=True)


def _row(name, takes, more=""):
    times = [value for one in takes for value in one.ttft_ms]
    nothing = sum(math.isinf(value) for value in times)
    cells = " ".join(f"{_ms(percentile(times, percent / 100)):>7}" for percent in PERCENTS)
    print(f"{name:<28} {takes[0].arrivals.load:4.2f} {sum(one.requests for one in takes):>8} {cells} "
          f"{sum(one.failed for one in takes):>6} {nothing:>8} {sum(one.cpu['all'] for one in takes) / len(takes):6.2f}  {more}")
    return percentile(times, 0.99)


def _simulated_row(takes):
    """The same requests in virtual time; the mean of the seeds' percentiles."""
    cells = []
    for percent in PERCENTS:
        values = [one.arrivals.simulated["ttft_ms"][f"p{percent}"] for one in takes]
        cells.append(sum(values) / len(values))
    live = [percentile([value for one in takes for value in one.ttft_ms], percent / 100) for percent in PERCENTS]
    more = "live / simulated " + ", ".join(f"{x / y:.2f}" for x, y in zip(live, cells))
    print(f"{'  ... simulated':<28} {takes[0].arrivals.load:4.2f} {'':>8} " + " ".join(f"{_ms(value):>7}" for value in cells) +
          f" {'':>6} {'':>8} {'':>6}  {more}")


def summary(takes):
    """The table of all rounds; whether nothing failed under the policy of the first take and every program ended well."""
    groups = defaultdict(list)
    for one in takes:
        groups[one.name, one.arrivals.load].append(one)
    heads = " ".join(f"{'p' + str(percent):>7}" for percent in PERCENTS)
    print(f"\n{'TTFT in ms':<28} load requests {heads} failed no token  cores")
    base = {}
    for (name, load), group in groups.items():
        ours = name == group[0].policy and not base.get(load)
        quotient = _quotient(group, base[load]) if load in base else ""
        _row(name, group, quotient)
        if ours:
            base[load] = group
            _simulated_row(group)
    return all(not one.problems and (one.failed == 0 or one.policy != takes[0].policy) for one in takes)


def _quotient(group, base):
    def p99(takes):
        return percentile([value for one in takes for value in one.ttft_ms], 0.99)
    return "" if math.isinf(p99(group)) else f"p99 {p99(group) / p99(base):.2f} x {base[0].name}'s"


def record(one):
    return {"policy": one.policy, "fault": one.fault, "load": one.arrivals.load, "seed": one.arrivals.seed, "requests": one.requests,
            **one.not_answered, "measured": len(one.ttft_ms),
            "ttft_ms": {f"p{percent}": _finite(percentile(one.ttft_ms, percent / 100)) for percent in PERCENTS},
            "simulated_ttft_ms": one.arrivals.simulated["ttft_ms"], "prefix_hit": one.prefix_hit,
            "simulated_prefix_hit": one.arrivals.simulated["prefix_hit"], "by_cluster": one.by_cluster, "slip_p99_ms": one.slip_ms,
            "cores": one.cpu}


def _finite(value):
    return value if math.isfinite(value) else None
