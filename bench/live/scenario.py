"""A scenario file as simulate and isosim read it, and what simulate makes of it: arrivals, and what came of them in virtual time."""

import json
import subprocess
from pathlib import Path

import yaml

from kit.process import BUILD

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"


class Scenario:
    """`places`, `clusters` and `edges` (names of places) in the order of the file, each a dictionary."""

    def __init__(self, name):
        self.name = name
        self.file = SCENARIOS / f"{name}.yaml"
        text = yaml.safe_load(self.file.read_text())
        kinds, own = text["clusters_of_type"], text[name]
        self.places = [{**one, "network": f"127.0.{number}"} for number, one in enumerate(own["regions"], 1)]
        self.clusters = [{**one, "kind": kinds[one["type"]]} for one in own["clusters"]]
        self.output_scale = own.get("workload", {}).get("output_scale", 1)
        self.edges = [self.place(one) for one in own["edges"]]

    def place(self, name):
        return next(one for one in self.places if one["name"] == name)


class Arrivals:
    """Requests recorded by simulate: `file` for load to play, `simulated` what came of them there."""

    def __init__(self, scenario, folder, load, seed, options):
        self.load, self.seed = load, seed
        self.warm_up_s, self.measure_s = options.warm_up, options.measure
        self.file = folder / f"arrivals-{load:g}-{seed}.jsonl"
        done = subprocess.run(
            [BUILD / "bench" / "isobench", "simulate", "--scenario", scenario.file, "--policy", "least_latency.so", "--load", f"{load:g}",
             "--routers", str(len(scenario.edges)), "--report-interval", "2s", "--first-seed", str(seed),
             "--warm-up", f"{options.warm_up:g}s", "--measure", f"{options.measure:g}s", "--no-regret", "--json",
             "--write-arrivals", self.file, *(["--traces", options.traces] if options.traces else [])],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(done.stderr)
        self.simulated = json.loads(done.stdout)

    def measures(self, request):
        """Whether this line of load's log is of the measured time."""
        return request["intended_ms"] >= 1000 * self.warm_up_s
