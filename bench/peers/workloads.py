"""The workloads. Each measures one proxy at a time and gives what it measured, by metric: "" is the cost that is compared.

A metric's name goes behind the workload's: `W3` is the cost of an event, `W3-p50` its delay.
"""

from accounting import cpu_us, rss_kib
from h2load import H2load, request_body


class Workload:
    name = ""
    title = ""
    tls = True
    with_direct = True  # whether the direct run and the relay say something here
    units = {}  # metric -> unit

    def __init__(self, stage, scale):
        self.stage = stage
        self.scale = scale  # 1 for a full measurement, less for a quick one

    def backend(self):
        """The address of the backend it needs."""
        return self.stage.backend("127.0.0.1:0")

    def answers(self, url):
        """Whether a proxy there answers as this workload needs it."""
        raise NotImplementedError

    def measure(self, proxy):
        """metric -> value; a proxy without a process is the direct run, and has no cost."""
        raise NotImplementedError


class Requests(Workload):
    """Closed loop: so many requests on all streams at once for the cost, then one at a time for the latency."""

    units = {"": "us/request", "-rate": "requests/s", "-latency": "us"}
    body_bytes = 1024
    connections, streams = 32, 16
    requests, singles = 60000, 1000
    path = "/v1/chat/completions"

    def __init__(self, stage, scale):
        super().__init__(stage, scale)
        body = request_body(stage.folder, self.body_bytes)
        self.load = H2load(stage.others, body, self.path, self.connections, self.streams)
        self.one = H2load(stage.others, body, self.path, 1, 1)

    def answers(self, url):
        return self.load.answers(url)

    def measure(self, proxy):
        requests = max(round(self.requests * self.scale), self.connections)
        url, before = proxy.url(self.tls), proxy.process and cpu_us(proxy.pid)
        found = {"-rate": self.load.run(url, requests)}
        if proxy.process:
            found[""] = (cpu_us(proxy.pid) - before) / requests
        found["-latency"] = self.one.median_us(url, max(round(self.singles * self.scale), 20), self.stage.folder)
        return found


class W1(Requests):
    name = "W1"
    title = "1 KB answered with 1 KB, TLS 1.3 in front, 32 connections x 16 streams"


class W2(Requests):
    name = "W2"
    title = "the same in cleartext HTTP/2"
    tls = False


class W4(Requests):
    name = "W4"
    title = "uploads of 1 MB, TLS 1.3 in front, 8 connections x 4 streams"
    units = {"": "us/MB", "-rate": "requests/s", "-latency": "us"}
    body_bytes = 1 << 20
    connections, streams = 8, 4
    requests, singles = 500, 50
    path = "/v1/completions"


ALL = {one.name: one for one in (W1, W2, W4)}
