"""One take: a policy under recorded arrivals, perhaps with a fault on the way; and the figures that came of it."""

import math
from collections import Counter
from pathlib import Path

from kit.wait import wait_for
from stage import Load, Stage, cpu_s, machine_s

FAULT_AFTER, FAULT_LASTS_S = 0.5, 120  # of the measured time; four fifths of what is left of it at most
FAULTS = {"brown_out": ("slow", 5), "lie": ("lie", 5)}  # in isosim's words
SLO_CLASS = "interactive"  # whose time to the first token counts
PATIENCE_S = 5  # beyond what it should take: for programs that come late


def percentile(values, share):
    """By nearest rank; NAN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


class Take:
    """`ttft_ms` of the requests measured: infinite where there was none; `outcomes`, `cpu` (cores by program) of the whole take."""

    def __init__(self, policy, arrivals, fault=None, fault_on=None):
        self.policy, self.arrivals, self.fault, self.fault_on = policy, arrivals, fault, fault_on

    @property
    def name(self):
        return f"{self.policy} {self.fault}" if self.fault else self.policy

    def play(self, scenario, folder, drain_s):
        with Stage(scenario, self.policy, folder) as stage:
            load = stage.add(Load(stage, self.arrivals, drain_s))
            span_s = self.arrivals.warm_up_s + self.arrivals.measure_s
            meter = Meter(stage, load)
            if self.fault:
                self._disturb(stage, load, meter)
            wait_for(lambda: meter.elapsed_s >= span_s or not load.running, span_s + PATIENCE_S)
            self.cpu = meter.read()
            code = load.wait(drain_s + span_s + PATIENCE_S)
            if code != 0:
                raise SystemExit(f"isobench load ended with {code}: {load.errors()[-2000:]}")
            self._sort_out(load)
        self.problems = stage.faults

    def _disturb(self, stage, load, meter):
        start_s = self.arrivals.warm_up_s + FAULT_AFTER * self.arrivals.measure_s
        end_s = start_s + min(FAULT_LASTS_S, 0.8 * (1 - FAULT_AFTER) * self.arrivals.measure_s)
        for at_s, order in (start_s, FAULTS[self.fault]), (end_s, ("clear", None)):
            wait_for(lambda at_s=at_s: meter.elapsed_s >= at_s or not load.running, at_s + PATIENCE_S)
            stage.sim.fault(self.fault_on, *order)

    def _sort_out(self, load):
        report = load.report
        self.not_answered = {key: report["total"][key] for key in ("cut", "failed", "unfinished")}
        self.requests = report["total"]["requests"]
        self.slip_ms = report["slip_ms"]["p99"]
        measured = [one for one in load.requests if self.arrivals.measures(one)]
        self.by_cluster = Counter(one["cluster"] for one in measured)
        done = [one for one in measured if "cached_tokens" in one]
        self.prefix_hit = sum(one["cached_tokens"] for one in done) / max(1, sum(one["prompt_tokens"] for one in done))
        self.ttft_ms = [math.inf if one["ttft_ms"] is None else one["ttft_ms"] for one in measured if one["class"] == SLO_CLASS]

    @property
    def failed(self):
        return self.not_answered["cut"] + self.not_answered["failed"]


class Meter:
    """CPU of every program from now on; [load] its time."""

    def __init__(self, stage, load):
        self._programs = {"isosim": [stage.sim], "redis": [stage.redis], "agents": stage.agents, "load": [load],
                          **{edge.name: [edge] for edge in stage.edges}}
        self._before = self._used()
        self._uptime_before = self._uptime_s()

    def _used(self):
        used = {name: sum(cpu_s(one) for one in programs) for name, programs in self._programs.items()}
        return {**used, "machine": machine_s()}

    @staticmethod
    def _uptime_s():
        return float(Path("/proc/uptime").read_text().split()[0])

    @property
    def elapsed_s(self):
        return self._uptime_s() - self._uptime_before

    def read(self):
        """Cores used, by program; `others` are programs that are not ours."""
        elapsed_s, after = self.elapsed_s, self._used()
        cores = {name: (after[name] - before) / elapsed_s for name, before in self._before.items()}
        machine = cores.pop("machine")
        return {**cores, "all": sum(cores.values()), "others": machine - sum(cores.values())}
