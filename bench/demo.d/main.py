"""The demo: one load under the default policy and under `nearest`, with one cluster made busy and one killed on the way.

bench/demo calls it, once everything is built.  The last line is relied on by others; README.md shows a whole transcript.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "test"))  # the kit of the flow tests starts programs and waits for facts

import show  # noqa: E402
from kit.wait import PATIENCE, wait_for  # noqa: E402
from load import Load, percentile, ttfts  # noqa: E402
from scenario import Scenario  # noqa: E402
from stage import EDGES, MODEL, Stage, ask  # noqa: E402

POLICY, RIVAL = "least_latency", "nearest"
BUSY, KILLED = "shanghai", "frankfurt"
STREAMS_LEAST = 5  # cut by the kill
STREAMS_OPEN = STREAMS_LEAST + 2  # before it: one may end in the meantime
RATE = 24.0  # requests a second, all places together
PROMPT = "lognormal:6.2,0.7"  # tokens
BUSY_LOAD = ["--rate", "5.5", "--prompt", "1500", "--output", "32"]  # nine tenths of what the cluster can do
# Seconds: normal, busy, one cluster less; and the answers' tokens.
LENGTHS = {"whole": ((8.0, 10.0, 8.0), "lognormal:4.2,0.4"), "quick": ((3.0, 5.0, 3.0), "lognormal:4.1,0.3")}
SETTLE_S = 1.0  # after a change, for the comparison of shares: reports come every second


class Run:
    """One policy under the load; `phases` has the requests of each, `cut` those that were open on the killed cluster."""

    def __init__(self, stage, length, streams_open):
        self.stage = stage
        (self.normal_s, self.busy_s, self.killed_s), self.output = length
        self.streams_open = streams_open

    def play(self):
        stage, end = self.stage, self.normal_s + self.busy_s + self.killed_s
        self.load = self._start("load", [
            "--model", MODEL, "--steer", stage.edges["edge-sha"].url, "--rate", RATE, "--duration", f"{end:g}s", "--prompt", PROMPT, "--output", self.output,
            *[word for place in stage.scenario.places for word in ("--place", f"{place['name']}={place['network']}.10")]])
        self._until(self.normal_s)
        self.busy_at = self._make_busy(end)
        self._until(self.normal_s + self.busy_s)
        self.killed_at = self._kill()
        self.load.wait(end + 60)
        self._sort_out()

    def _start(self, name, options):
        load = Load(name, self.stage.folder, options)
        load.expected_exit.add(-signal.SIGTERM)  # the others' requests end with the stage
        return self.stage.add(load)

    def _until(self, elapsed_s):
        """The load goes on until then; it ends early only if it failed."""
        wait_for(lambda: self.load.elapsed_s >= elapsed_s or not self.load.running, elapsed_s + 10)
        if not self.load.running:
            raise AssertionError(f"isobench ended early:\n{self.load.errors()[-2000:]}")

    def _make_busy(self, end):
        """Somebody else's requests, straight to the cluster: the edges know of them only by its reports."""
        at = self.load.elapsed_s
        self._start("others", ["--model", self.stage.scenario.model, "--url", self.stage.sim.urls[BUSY],
                              "--duration", f"{end - at:g}s", *BUSY_LOAD])
        edge = self.stage.edges["edge-sha"]
        report = wait_for(lambda: self._overloaded(edge.clusters()[BUSY + ":default"]["report"]), 10, f"a report that {BUSY} is busy")
        say(f"{at:4.1f} s  {BUSY} gets busy with requests that no edge sent; reported {self.load.elapsed_s - at:.1f} s later: "
            f"utilisation {report['utilisation']:.2f}, {report['waiting']:.0f} waiting")
        return at

    @staticmethod
    def _overloaded(report):
        return report if (report["utilisation"] or 0) > 0.75 or (report["waiting"] or 0) >= 3 else None

    def _kill(self):
        streams = wait_for(lambda: self._streams(KILLED), 20, f"{self.streams_open} streams open on {KILLED}")
        at = self.load.elapsed_s
        self.stage.sim.fault(KILLED, "kill")
        say(f"{at:4.1f} s  {KILLED} is killed with {streams} streams open on it")
        return at

    def _streams(self, cluster):
        """The text of how many are open, once they are enough."""
        streams = self.stage.sim.state(cluster)["decoding"]
        return str(streams) if streams >= self.streams_open else None

    def _sort_out(self):
        edges = self.stage.edges.values()
        wait_for(lambda: self._all_logged(edges), 10, "an access line of every request")

        def between(begin, end):
            return [one for one in self.requests if begin <= one.at_s - self.load.begun_s < end]

        self.normal = between(0, self.busy_at)
        self.before = between(SETTLE_S, self.busy_at)
        self.busy = between(self.busy_at + SETTLE_S, self.killed_at)
        self.after = between(self.killed_at + SETTLE_S, float("inf"))
        self.phases = [("normal", self.before), (f"{BUSY} busy", self.busy), (f"{KILLED} dead", self.after)]
        self.answered = [one for one in self.requests if one.answered]
        self.twice = self._started_twice()
        self.cut = [one for one in self.requests if not one.answered and one.cut_by(KILLED)]
        self.failed = [one for one in self.requests if not one.answered and not one.cut_by(KILLED)]

    def _all_logged(self, edges):
        """Edges write their logs in batches."""
        self.requests = self.load.requests(edges)
        return all(one.access for one in self.requests if one.id)

    def _started_twice(self):
        """By the clusters' own logs."""
        ids = {one.id for one in self.requests}
        starts = Counter(line["request_id"] for cluster in self.stage.sim.urls for line in self.stage.sim.log(cluster)
                         if line["event"] == "started" and line["request_id"] in ids)
        return [name for name, count in starts.items() if count > 1]

    def percentiles(self):
        times = ttfts(self.requests)
        return percentile(times, 0.5), percentile(times, 0.99)


def say(text):
    print(text, flush=True)


def introduce(stage):
    say(f"{len(EDGES)} edges over one Redis at {', '.join(EDGES.values())}; {len(stage.scenario.clusters)} simulated clusters, "
        "an agent beside each:\n")
    for cluster in stage.scenario.clusters:
        kind = cluster["kind"]
        paper = cluster["instances"] * kind["prefill_tps_one"]
        rtts = stage.sim.state(cluster["name"])["rtt_ms"]
        ways = ", ".join(f"{rtts[place]:3.0f} ms from {place}" for place in EDGES.values())
        say(f"  {cluster['name']:<10} {cluster['instances']:.0f} x {kind['prefill_tps_one']:.0f} prompt tokens/s on paper, "
            f"{paper * cluster['efficiency']:5.0f} in truth; {ways}")


def steering(stage):
    """Which edge each place is sent to, as GET /edge tells a client there."""
    lines = {}
    for place in stage.scenario.places:
        answer = ask(stage.edges["edge-sha"].url + "/edge", source=place["network"] + ".10")
        lines[place["name"]] = answer["edges"][0]["name"]
    return lines


def perform(scenario, policy, folder, length):
    """The run of one policy on a stage of its own, so that neither learns from the other."""
    with Stage(scenario, policy, folder) as stage:
        run = Run(stage, length, STREAMS_OPEN if policy == POLICY else 0)
        run.edge_of = steering(stage)
        if policy == POLICY:
            introduce(stage)
        say(f"\n{sum(length[0]):.0f} s of {RATE:.0f} requests/s from {len(scenario.places)} places, policy {policy}:")
        run.play()
    return run


def report(ours, nearest, scenario):
    names = [one["name"] for one in scenario.clusters]
    say("")
    show.places("While nothing was wrong", ours.normal, ours.edge_of)
    show.shares(f"Where requests went, with {POLICY}:", names, ours.phases)
    say("The same requests with the same events:\n")
    show.comparison([(POLICY, ours.phases), (RIVAL, nearest.phases)])


def share(requests, cluster):
    return sum(one.cluster == cluster for one in requests) / max(1, len(requests))


def verdict(ours, nearest):
    """The last line, and the exit code."""
    cut = len([one for one in ours.cut if one.status == 200])
    say(f"{len(ours.cut)} requests were open on {KILLED} when it was killed: {cut} streams were cut visibly, "
        f"{len(ours.cut) - cut} got an OpenAI error before their first byte.")
    problems = [f"failed: {one}" for one in ours.failed]
    problems += ours.stage.faults + nearest.stage.faults
    problems += [f"started on two clusters: {name}" for name in ours.twice]
    before, busy = share(ours.before, BUSY), share(ours.busy, BUSY)
    if busy >= before:
        problems.append(f"traffic did not leave {BUSY}: {before:.0%} before it got busy, {busy:.0%} after")
    if len(ours.cut) < STREAMS_LEAST:
        problems.append(f"only {len(ours.cut)} requests were cut by the kill")
    for problem in problems:
        say(f"demo: {problem}")
    p50, p99 = ours.percentiles()
    near50, near99 = nearest.percentiles()
    say(f"demo {'failed' if problems else 'ok'}: {len(ours.requests)} requests, {len(ours.answered)} answered, {len(ours.cut)} cut by the kill, "
        f"{len(ours.failed)} otherwise failed; TTFT p50 {p50:.0f} ms p99 {p99:.0f} ms (nearest: p50 {near50:.0f} ms p99 {near99:.0f} ms)")
    return 1 if problems else 0


def stay(scenario, folder):
    """Everything again, and no load: until SIGINT or SIGTERM."""
    with Stage(scenario, POLICY, folder) as stage:
        say("\nIt stays until Ctrl-C. The places are source addresses: curl --interface 127.0.5.10 is a client in Frankfurt.\n")
        for name, edge in stage.edges.items():
            say(f"  {name}  {edge.url}  admin {edge.admin_url}  configuration {edge.config_file}")
        edge = stage.edges["edge-sha"]
        body = f'{{"model": "{MODEL}", "stream": true, "max_tokens": 16, "messages": [{{"role": "user", "content": "hello"}}]}}'
        say(f"  simulated clusters  {stage.sim.control_url}/sim  redis {stage.redis.url}\n\n"
            f"  curl -i {edge.url}/v1/chat/completions -H 'content-type: application/json' -d '{body}'\n"
            f"  curl '{edge.admin_url}/explain?ip=127.0.1.10&prompt_tokens=500'")
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        while not ended.wait(1) and all(one.running for one in stage.processes):
            pass


def main():
    parser = argparse.ArgumentParser(prog="bench/demo", description="Three edges, simulated regional clusters, one Redis.")
    parser.add_argument("--stay", action="store_true", help="keep everything running afterwards")
    parser.add_argument("--quick", action="store_true", help="a shorter load")
    choices = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Path(tempfile.mkdtemp(prefix="isochrone-demo-"))
    code = 1
    try:
        code = show_all(choices, folder)
    except AssertionError as unmet:
        say(f"demo: {unmet}")
    except (KeyboardInterrupt, SystemExit):
        code = 130
    finally:
        if code == 1:
            say(f"demo: configurations and logs are left in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return code


def show_all(choices, folder):
    length = LENGTHS["quick" if choices.quick else "whole"]
    scenario = Scenario()
    ours = perform(scenario, POLICY, folder / POLICY, length)
    nearest = perform(scenario, RIVAL, folder / RIVAL, length)
    report(ours, nearest, scenario)
    code = verdict(ours, nearest)
    if choices.stay:
        stay(scenario, folder / "stay")
    return code


if __name__ == "__main__":
    sys.exit(main())
