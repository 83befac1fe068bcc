"""A stage: everything that one test (or one module) starts, and its end."""

from kit.agent import Agent
from kit.certificates import Certificates
from kit.edge import Edge
from kit.redis_server import Redis
from kit.requests import MODEL
from kit.sim import PLACE, Sim, cluster


class Stage:
    def __init__(self, folder):
        self.folder = folder
        self.processes = []
        self._certificates = None

    @property
    def certificates(self):
        if self._certificates is None:
            place = self.folder / "certificates"
            place.mkdir()
            self._certificates = Certificates(place)
        return self._certificates

    def add(self, process):
        self.processes.append(process)
        return process

    def sim(self, *clusters, delay=False, types=None):
        """Simulated clusters; by default one, named near."""
        return self.add(Sim(self.folder, self.certificates, list(clusters) or [cluster()], delay, types))

    def redis(self):
        return self.add(Redis(self.folder))

    def agents(self, sim, redis, **more):
        """One agent beside each simulated cluster; they have reported when this returns."""
        agents = [self.add(Agent(self.folder, name, sim.urls[name], redis.url, **more)) for name in sim.cluster_names]
        for name, agent in zip(sim.cluster_names, agents):
            agent.ready(lambda name=name: redis.report(name), "its first report")
        return agents

    def edge(self, sim=None, redis=None, name="edge", clusters=None, ready=True, **config):
        """An edge over the simulated clusters; redis: a Redis or a URL; config is merged into what the kit writes, see kit/edge.py."""
        if sim and clusters is None:
            clusters = [self.cluster_config(sim, one) for one in sim.cluster_names]
        if redis:
            config = {"redis": {"urls": [redis if isinstance(redis, str) else redis.url]}, **config}
        return self.add(Edge(name, self.folder, self.certificates, {"clusters": clusters or [], **config}, ready))

    @staticmethod
    def cluster_config(sim, name, **more):
        """A simulated cluster as an edge's configuration has it."""
        endpoint = {"url": sim.urls[name]}
        if sim.protocol(name) == "h2c":
            endpoint["protocol"] = "h2"
        return {"name": name, "endpoints": [endpoint], "models": [MODEL], **PLACE, **more}

    def finish(self):
        """Stops everything, the newest first; returns what was wrong."""
        faults = [process.stop() for process in reversed(self.processes)]
        return [one for one in faults if one]

    def said(self):
        """The end of what each program said, for a failed test."""
        for process in self.processes:
            text = process.errors()[-4000:]
            if text.strip():
                yield f"{process.name} (pid {process.pid}) stderr", text
