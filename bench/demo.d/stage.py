"""Everything the demo runs: a Redis, the simulated clusters, an agent beside each, edges at three places."""

import http.client
import json
import socket
from urllib.parse import urlsplit

from kit.agent import Agent
from kit.ports import free_port
from kit.process import BUILD, TOP, Process, json_lines
from kit.programs import Programs
from kit.wait import PATIENCE

# Where edges stand: in these of the scenario's places.
EDGES = {"edge-sha": "Shanghai", "edge-fra": "Frankfurt", "edge-iad": "Virginia"}
MODEL = "qwen3-32b"  # the edges' name for it; they write the engines' own on the way
GEOIP = TOP / "test" / "data" / "city.mmdb"


def ask(url, body=None, source="127.0.0.1", text=False):
    """GET, or POST of JSON, from a source address; the answer's JSON, or its text where asked for.  OSError unless it is a 200."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(where.hostname, where.port, 10 * PATIENCE, (source, 0))
    try:
        path = where.path + ("?" + where.query if where.query else "")
        data = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, data, {"content-type": "application/json"})
        answer = connection.getresponse()
        said = answer.read().decode()
    except http.client.HTTPException as error:
        raise OSError(f"{url}: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise OSError(f"{url}: {answer.status} {said}")
    return said if text else json.loads(said)


class Sim(Process):
    def __init__(self, scenario, folder):
        file = folder / "clusters.yaml"
        file.write_text(scenario.on_free_ports())
        super().__init__("isosim", [BUILD / "bench" / "isosim", "-c", file, "--quiet"], folder)
        first = self.announced("its line of addresses")
        self.control_url = "http://" + first["control"]
        self.urls = {one["name"]: "http://" + one["address"] for one in first["clusters"]}

    def state(self, cluster):
        return ask(f"{self.control_url}/sim/{cluster}")

    def log(self, cluster):
        """What it did with each request: started, finished, aborted."""
        return list(json_lines(ask(f"{self.control_url}/sim/{cluster}/log", text=True)))

    def fault(self, cluster, fault):
        return ask(f"{self.control_url}/sim/{cluster}/fault", {"fault": fault})


class Redis(Process):
    def __init__(self, folder):
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        super().__init__("redis", ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "",
                                   "--appendonly", "no", "--dir", folder], folder)
        self.ready(self._answers, "it answers PING")

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


class Edge(Process):
    def __init__(self, name, place, policy, stage):
        """Listens at its place's address and speaks from there, so that every cluster is its true distance away."""
        self.place = place
        self.address = place["network"] + ".1"
        self._ways = {one["name"]: stage.sim.state(one["name"])["rtt_ms"][place["name"]] for one in stage.scenario.clusters}
        self.url = stage.edge_url(place)
        self.admin_url = f"http://127.0.0.1:{free_port()}"
        self.access_file = stage.folder / f"{name}.access.log"
        self.config_file = stage.folder / f"{name}.yaml"
        self.config_file.write_text(json.dumps({
            "listen": [{"address": f"{self.address}:{stage.port}"}],
            "admin": {"address": self.admin_url[len("http://"):]},
            "workers": 1,
            "edge": {"name": name, "url": self.url, "latitude": place["latitude"], "longitude": place["longitude"],
                     "source_address": self.address},
            "edges": stage.edge_entries,
            "redis": {"urls": [stage.redis.url]},
            "geoip": {"databases": [str(GEOIP)]},
            "policies": [{"plugin": policy}],
            "upstream": {"probe_interval": "1s"},
            "access_log": str(self.access_file),
            "clusters": [self._cluster(one, stage.sim) for one in stage.scenario.clusters],
        }, indent=1))
        super().__init__(name, [BUILD / "router" / "isochrone", "-c", self.config_file], stage.folder)

    @staticmethod
    def _cluster(cluster, sim):
        endpoint = {"url": sim.urls[cluster["name"]]}
        if cluster["protocol"] == "h2c":
            endpoint["protocol"] = "h2"
        return {"name": cluster["name"], "latitude": cluster["latitude"], "longitude": cluster["longitude"],
                "price_per_mtok": cluster["price"], "endpoints": [endpoint], "models": {MODEL: cluster["models"]}}

    def clusters(self):
        """GET /clusters, by name."""
        return {one["name"]: one for one in ask(self.admin_url + "/clusters")["clusters"]}

    def sees_all(self):
        """Ready, every cluster usable and reported, the way to each measured, and the other edges heard."""
        try:
            ask(self.admin_url + "/readyz", text=True)
            page = ask(self.admin_url + "/clusters")
        except OSError:
            return False
        return page["routers"] == len(EDGES) and all(
            one["usable"] and one["report"] and self._way_measured(one) for one in page["clusters"])

    def _way_measured(self, cluster):
        """A connection's first round trip takes two in isosim, whose kernel shook hands at once; later ones tell."""
        rtt = cluster["inputs"]["rtt_ms"]
        return rtt["known"] and rtt["value"] < 1.5 * self._ways[cluster["cluster"]] + 1

    def access(self):
        """The access log: one dictionary a request."""
        return list(json_lines(self.access_file.read_text())) if self.access_file.exists() else []


class Stage(Programs):
    """All of it, fresh."""

    def __init__(self, scenario, policy, folder):
        super().__init__(folder)
        self.scenario, self.policy = scenario, policy
        self.port = free_port("0.0.0.0")

    def _start(self):
        self.redis = self.add(Redis(self.folder))
        self.sim = self.add(Sim(self.scenario, self.folder))
        for cluster in self.scenario.clusters:
            self.add(self._agent(cluster))
        places = {name: self.scenario.place(place) for name, place in EDGES.items()}
        self.edge_entries = [{"name": name, "url": self.edge_url(place), "latitude": place["latitude"],
                              "longitude": place["longitude"]} for name, place in places.items()]
        self.edges = {name: self.add(Edge(name, place, self.policy, self)) for name, place in places.items()}
        for name, edge in self.edges.items():
            edge.ready(edge.sees_all, "every cluster is reported, its round trip measured, the other edges heard")

    def _agent(self, cluster):
        """Beside its cluster: from 127.0.0.1 isosim's network has no delay."""
        return Agent(self.folder, cluster["name"], self.sim.urls[cluster["name"]], self.redis.url, interval="1s",
                     capacity={"slots": int(cluster["instances"] * cluster["kind"]["batch"])}, price_per_mtok=cluster["price"])

    def edge_url(self, place):
        return f"http://{place['network']}.1:{self.port}"
