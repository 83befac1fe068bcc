"""The workloads. Each measures one proxy at a time and gives what it measured, by metric: "" is the cost that is compared.

A metric's name goes behind the workload's: `W3` is the cost of an event, `W3-p50` its delay.
"""

import client
from accounting import cpu_us, rss_kib
from client import Client
from h2load import H2load, request_body


class Workload:
    name = ""
    title = ""
    tls = True
    with_direct = True  # whether the direct run and the relay say something here
    fresh = False  # each measurement in a proxy that was just started
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


class Events(Workload):
    """Streams of events of 120 B: what an event costs, and how late it comes."""

    units = {"": "us/event", "-rate": "events/s", "-p50": "us", "-p99": "us"}
    path = "/v1/completions"
    connections, streams = 50, 20
    period_us = 40000
    seconds = 4

    def backend(self):
        return self.stage.backend("127.0.0.1:0", self.period_us)

    def answers(self, url):
        return client.answers(self.stage.others, url, self.path)

    def open(self, proxy):
        """All streams; with a warm-up's or a test's scale, fewer connections of them."""
        connections = max(2, round(self.connections * min(1, 5 * self.scale)))
        return Client(self.stage.others, "streams", proxy.url(self.tls), self.path, connections, self.streams, self.seconds * self.scale)

    def measure(self, proxy):
        with self.open(proxy) as streams:
            streams.line()
            before = proxy.process and cpu_us(proxy.pid)
            told = streams.line()
            used = proxy.process and cpu_us(proxy.pid) - before
        found = {"-rate": told["events"] / told["seconds"], "-p50": told["p50_us"], "-p99": told["p99_us"]}
        return found | ({"": used / told["events"]} if proxy.process else {})


class W3(Events):
    name = "W3"
    title = "streams of events: 1,000 of 120 B per 40 ms, TLS in front, 50 connections x 20"


class W3sat(Events):
    name = "W3sat"
    title = "the same, 5,000 streams and 250,000 events/s offered, 100 connections x 50"
    connections, streams = 100, 50
    period_us = 20000


class Handshakes(Workload):
    units = {"": "us/handshake", "-p50": "us"}
    with_direct = False
    mode = ""
    count, at_once = 2000, 8

    def answers(self, url):
        return answered(self.stage, url)

    def measure(self, proxy):
        count = max(round(self.count * self.scale), 10)
        before = cpu_us(proxy.pid)
        with Client(self.stage.others, self.mode, proxy.url(True), count, self.at_once) as visits:
            visits.line()
            told = visits.line()
        return {"": (cpu_us(proxy.pid) - before) / count, "-p50": told["p50_us"]}


class W5full(Handshakes):
    name = "W5-full"
    title = "handshakes of TLS 1.3, ECDSA P-256, up to the SETTINGS of HTTP/2"
    mode = "full"


class W5resumed(Handshakes):
    name = "W5-resumed"
    title = "the same, resumed by ticket"
    mode = "resumed"


class W6(Workload):
    """What a connection takes while nothing happens on it, in a proxy that was not used before."""

    name = "W6"
    title = "memory of an idle TLS h2 connection that has made one request: of 2,000"
    units = {"": "KiB/connection"}
    with_direct = False
    fresh = True
    connections = 2000
    path = "/v1/chat/completions"

    def answers(self, url):
        return answered(self.stage, url)

    def measure(self, proxy):
        connections = round(self.connections * min(1, 5 * self.scale))  # fewer only in a test
        before = rss_kib(proxy.pid)
        with Client(self.stage.others, "idle", proxy.url(True), self.path, connections) as idle:
            idle.line()
            return {"": (rss_kib(proxy.pid) - before) / connections}


class RSS(Events):
    """The same of streams that give events all the time."""

    name = "RSS"
    title = "memory of a stream: 5,000 of 120 B per 200 ms, TLS in front, 100 connections x 50"
    units = {"": "KiB/stream"}
    with_direct = False
    fresh = True
    connections, streams = 100, 50
    period_us = 200000
    seconds = 2

    def measure(self, proxy):
        before = rss_kib(proxy.pid)
        with self.open(proxy) as streams:
            opened = streams.line()["streams"]
            streams.line()
            return {"": (rss_kib(proxy.pid) - before) / opened}


def answered(stage, url):
    return H2load(stage.others, request_body(stage.folder, 1024)).answers(url)


ALL = {one.name: one for one in (W1, W2, W3, W3sat, W4, W5full, W5resumed, W6, RSS)}
