"""What the demo prints: tables of what was routed where, why, and how long it took."""

from collections import Counter, defaultdict

from load import percentile, ttfts

SHARE_SHOWN = 0.1  # of a place's requests; rarer choices are summed up


def _table(words, head, rows):
    """The first `words` columns to the left, the others to the right."""
    texts = [head, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in texts) for i in range(len(head))]
    for row in texts:
        cells = [cell.ljust(width) if i < words else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        print("  " + "  ".join(cells).rstrip())
    print(flush=True)


def _whole(value):
    return "-" if value is None or value != value else f"{value:.0f}"


def _tenths(values):
    return f"{sum(values) / len(values):.1f}" if values else "-"


def percent(part, whole):
    return f"{100 * part / whole:.0f} %" if whole else "-"


def places(title, requests, edge_of):
    """For each place its edge (by name in edge_of), the clusters chosen, why in milliseconds (means), and the time to the first token."""
    by_place = defaultdict(list)
    for one in requests:
        if one.cluster:
            by_place[one.place].append(one)
    parts = list(dict.fromkeys(part for one in requests for part in one.parts))
    parts = [part for part in parts if any(one.parts.get(part) for one in requests)]
    rows = []
    for place, here in ((place, by_place[place]) for place in edge_of):
        chosen = Counter(one.cluster for one in here)
        for i, (cluster, count) in enumerate(chosen.most_common()):
            if i > 0 and count < SHARE_SHOWN * len(here):
                continue
            these = [one for one in here if one.cluster == cluster]
            times = ttfts(these)
            rows.append([place if i == 0 else "", edge_of[place] if i == 0 else "", cluster, percent(count, len(here)),
                         *[_tenths([one.parts[part] for one in these if part in one.parts]) for part in parts],
                         _whole(percentile(times, 0.5)), _whole(percentile(times, 0.99))])
    print(f"{title}: the clusters chosen from each place (a tenth of its requests and more),\n"
          "the reason in milliseconds by part (means of the decisions), and the TTFT that came of it, in ms:\n")
    _table(3, ["from", "edge", "cluster", "share", *parts, "TTFT p50", "p99"], rows)


def shares(title, clusters, phases):
    """Where the traffic went; phases: [(name, requests)]."""
    print(title + "\n")
    rows = []
    for cluster in clusters:
        row = [cluster]
        for _, requests in phases:
            row.append(percent(sum(one.cluster == cluster for one in requests), len(requests)))
        rows.append(row)
    _table(1, ["cluster", *[name for name, _ in phases]], rows)


def comparison(passes):
    """TTFT of each policy in each phase; passes: [(policy, [(phase, requests)])]."""
    rows = []
    for policy, phases in passes:
        for phase, requests in phases:
            times = ttfts(requests)
            rows.append([policy, phase, len(requests), _whole(percentile(times, 0.5)), _whole(percentile(times, 0.99))])
    _table(2, ["policy", "phase", "requests", "TTFT p50", "p99"], rows)
