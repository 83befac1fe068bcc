"""Everything one take runs: Redis, isosim, an agent beside each cluster, an edge at each of the scenario's places, and the load."""

import json
import os
import signal
from pathlib import Path

import httpx

from kit.agent import Agent
from kit.ports import free_port
from kit.process import BUILD, TOP, Process, json_lines
from kit.programs import Programs
from kit.redis_server import Redis

GEOIP = TOP / "test" / "data" / "china.mmdb"
REPORT_INTERVAL = "2s"
MODEL = "qwen3-32b"
OUTPUT_PRIOR = 256  # tokens that simulate's routers expect of every request, times the scenario's output_scale
TICKS = os.sysconf("SC_CLK_TCK")


class Sim(Process):
    """isosim with the scenario's file; `urls` by name."""

    def __init__(self, scenario, folder):
        super().__init__("isosim", [BUILD / "bench" / "isosim", "-c", scenario.file, "--scenario", scenario.name, "--quiet"], folder)
        first = self.announced("its line of addresses")
        self.control_url = "http://" + first["control"]
        self.clusters = {one["name"]: one for one in first["clusters"]}

    def fault(self, cluster, fault, value=None):
        body = {"fault": fault} if value is None else {"fault": fault, "value": value}
        answer = httpx.post(f"{self.control_url}/sim/{cluster}/fault", json=body, timeout=10, trust_env=False)
        assert answer.status_code == 200, answer.text


class Stand:
    """Where an edge stands, under which name and URL."""

    def __init__(self, place):
        self.place = place
        self.name = "edge-" + place["name"].lower()
        self.address = place["network"] + ".1"
        self.url = f"http://{self.address}:{free_port(self.address)}"

    def entry(self):
        return {"name": self.name, "url": self.url, "latitude": self.place["latitude"], "longitude": self.place["longitude"]}


class Edge(Process):
    """Listens at its place's address and speaks from there, so that every cluster is its true distance away."""

    def __init__(self, own, stage):
        name = own.name
        self.url = own.url
        self.admin_url = f"http://127.0.0.1:{free_port()}"
        self.access_file = stage.folder / f"{name}.access.log"
        config_file = stage.folder / f"{name}.yaml"
        config_file.write_text(json.dumps({
            "listen": [{"address": own.url.removeprefix("http://")}],
            "admin": {"address": self.admin_url.removeprefix("http://")},
            "workers": 1,
            "edge": {**own.entry(), "source_address": own.address},
            "edges": [one.entry() for one in stage.stands],
            "redis": {"urls": [stage.redis.url]},
            "geoip": {"databases": [str(GEOIP)]},
            "policies": [{"plugin": stage.policy}],
            "plugin_dir": str(BUILD / "plugins"),
            "limits": {"queue": 0},  # nothing is refused for being late, as in simulate
            "upstream": {"connections": 10000},
            "access_log": str(self.access_file),
            "clusters": [self._cluster(one, stage.sim) for one in stage.scenario.clusters],
        }, indent=1))
        super().__init__(name, [BUILD / "router" / "isochrone", "-c", config_file], stage.folder)

    @staticmethod
    def _cluster(cluster, sim):
        """As simulate declares it: what is on paper."""
        endpoint = {"url": sim.clusters[cluster["name"]]["url"]}
        if cluster["protocol"] == "h2c":
            endpoint["protocol"] = "h2"
        one = cluster["kind"]["prefill_tps_one"]
        return {"name": cluster["name"], "latitude": cluster["latitude"], "longitude": cluster["longitude"], "price_per_mtok": cluster["price"],
                "endpoints": [endpoint], "models": "*",
                "capacity": {"slots": cluster["instances"] * cluster["kind"]["batch"], "prefill_tps": one * cluster["instances"],
                             "prefill_tps_one": one}}

    def page(self):
        try:
            return httpx.get(self.admin_url + "/clusters", timeout=10, trust_env=False).json()
        except (httpx.TransportError, ValueError):
            return None

    def sees_all(self, edges):
        """Every cluster is usable and reported, and the other edges are heard."""
        page = self.page()
        return page and page["routers"] == edges and all(one["usable"] and one["report"] for one in page["clusters"])


class Load(Process):
    """isobench load: plays the arrivals, each place's at the edge it is steered to."""

    def __init__(self, stage, arrivals, drain_s):
        self.log_file, self.json_file = stage.folder / "load.log", stage.folder / "load.json"
        places = [word for place in stage.scenario.places for word in ("--place", f"{place['name']}={place['network']}.10")]
        super().__init__("load", [BUILD / "bench" / "isobench", "load", "--arrivals", arrivals.file, "--sim", "--usage", "--model", MODEL,
                                  "--max-tokens", str(max(1, round(OUTPUT_PRIOR * stage.scenario.output_scale))),
                                  "--steer", stage.edges[0].url, *places,
                                  "--connections", "64", "--drain", f"{drain_s:g}s", "--stall", "0",
                                  "--json", self.json_file, "--log", self.log_file, "--quiet"], stage.folder)
        self.expected_exit.add(-signal.SIGTERM)  # an end before its time is told by others

    @property
    def report(self):
        return json.loads(self.json_file.read_text())

    @property
    def requests(self):
        return list(json_lines(self.log_file.read_text()))


class Stage(Programs):
    """All of it, fresh, so that nothing is learned from the take before."""

    def __init__(self, scenario, policy, folder):
        super().__init__(folder)
        self.scenario, self.policy = scenario, policy

    def _start(self):
        self.redis = self.add(Redis(self.folder))
        self.sim = self.add(Sim(self.scenario, self.folder))
        self.agents = [self.add(self._agent(one)) for one in self.scenario.clusters]
        self.stands = [Stand(place) for place in self.scenario.edges]
        self.edges = [self.add(Edge(one, self)) for one in self.stands]
        for edge in self.edges:
            edge.ready(lambda edge=edge: edge.sees_all(len(self.edges)), "every cluster is reported, the other edges heard")

    def _agent(self, cluster):
        return Agent(self.folder, cluster["name"], self.sim.clusters[cluster["name"]]["url"], self.redis.url, interval=REPORT_INTERVAL,
                     capacity={"slots": cluster["instances"] * cluster["kind"]["batch"]}, price_per_mtok=cluster["price"])


def cpu_s(process):
    """What a process has used so far, all its threads."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def machine_s():
    """CPU seconds that all programs of this machine have used: the first line of /proc/stat without idle and iowait."""
    fields = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS
