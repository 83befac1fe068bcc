"""An HTTP server whose every delay and ending a test decides, and which writes down what it did: HTTP/1.1 and HTTP/2,
cleartext and TLS. It stands where a router would, so that a measuring tool can be measured."""

import asyncio
import itertools
import json
import ssl
import threading
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def event(number):
    return f'data: {{"choices":[{{"index":0,"delta":{{"content":" {number}"}}}}]}}\n\n'.encode()


@dataclass
class Plan:
    """One answer. Pieces are (seconds after the request came, bytes)."""

    status: int = 200
    head_s: float = 0.0
    headers: dict = field(default_factory=lambda: {"content-type": "text/event-stream"})
    pieces: list = field(default_factory=list)
    end: str = "end"  # or "reset", "refuse" (HTTP/2: before it started), "never"
    end_s: float = 0.0  # after the last piece
    silent: bool = False  # no head at all


def stream(first_s=0.0, gap_s=0.0, events=4, tail=(DONE,), **more):
    """Events at first_s, first_s + gap_s, ...; then the tail with the last of them."""
    pieces = [(first_s + number * gap_s, event(number)) for number in range(events)]
    last_s = pieces[-1][0] if pieces else first_s
    return Plan(head_s=first_s, pieces=pieces + [(last_s, one) for one in tail], **more)


def whole(body, status=200, **more):
    return Plan(status=status, headers={"content-type": "application/json"}, pieces=[(0.0, json.dumps(body).encode())], **more)


@dataclass
class Seen:
    """One request, and when its answer's parts really went out; seconds of the server's clock."""

    number: int
    method: str
    path: str
    headers: dict
    source: str
    body: bytes
    came_s: float
    first_s: float = 0.0
    end_s: float = 0.0

    @property
    def json(self):
        return json.loads(self.body)


class _Exchange:
    """Plays a plan on a stream of whatever protocol."""

    def __init__(self, server, out, seen, plan):
        self.server, self.out, self.seen, self.plan = server, out, seen, plan
        if plan.end == "refuse":
            out.refuse()
            return
        steps = [] if plan.silent else [(plan.head_s, self._head)]
        steps += [(at, lambda data=data: self._piece(data)) for at, data in plan.pieces]
        steps.append((max([at for at, _ in steps], default=0.0) + plan.end_s, self._end))
        # One call for all that is due at one time: the loop keeps no order among equals.
        for at, together in itertools.groupby(sorted(steps, key=lambda step: step[0]), key=lambda step: step[0]):
            calls = [step for _, step in together]
            if at <= 0:
                self._play(calls)
            else:
                server.loop.call_at(seen.came_s + at, self._play, calls)

    @staticmethod
    def _play(calls):
        for step in calls:
            step()

    def _head(self):
        self.out.head(self.plan.status, self.plan.headers)

    def _piece(self, data):
        self.seen.first_s = self.seen.first_s or self.server.loop.time()
        self.out.data(data)

    def _end(self):
        self.seen.end_s = self.server.loop.time()
        if self.plan.end == "end":
            self.out.end()
        elif self.plan.end == "reset":
            self.out.reset()


class _H2Stream:
    def __init__(self, protocol, number):
        self.protocol, self.number = protocol, number

    def _do(self, name, *arguments, **more):
        try:
            getattr(self.protocol.h2, name)(self.number, *arguments, **more)
        except h2.exceptions.ProtocolError:
            return  # the client has gone
        self.protocol.flush()

    def head(self, status, headers):
        self._do("send_headers", [(":status", str(status)), *headers.items()])

    def data(self, data):
        self._do("send_data", data)

    def end(self):
        self._do("end_stream")

    def reset(self):
        self._do("reset_stream", error_code=2)

    def refuse(self):
        self._do("reset_stream", error_code=7)


class _H1Stream:
    def __init__(self, protocol):
        self.protocol = protocol

    def head(self, status, headers):
        lines = [f"HTTP/1.1 {status} Status", *(f"{name}: {value}" for name, value in headers.items()), "transfer-encoding: chunked"]
        self.protocol.write("\r\n".join(lines).encode() + b"\r\n\r\n")

    def data(self, data):
        self.protocol.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def end(self):
        self.protocol.write(b"0\r\n\r\n")

    def reset(self):
        self.protocol.transport.abort()

    refuse = reset


class _Protocol(asyncio.Protocol):
    def __init__(self, server):
        self.server = server
        self.h2 = None
        self.bytes = b""
        self.requests = {}

    def connection_made(self, transport):
        self.transport = transport
        self.source = transport.get_extra_info("peername")[0]
        self.server.connections += 1

    def write(self, data):
        if not self.transport.is_closing():
            self.transport.write(data)

    def flush(self):
        self.write(self.h2.data_to_send())

    def data_received(self, data):
        if self.h2:
            self._feed_h2(data)
            return
        self.bytes += data
        if self.bytes.startswith(PREFACE[:len(self.bytes)]):
            if len(self.bytes) >= len(PREFACE):
                self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
                self.h2.initiate_connection()
                self._feed_h2(self.bytes)
            return
        while self._take_h1():
            pass

    def _take_h1(self):
        head, found, rest = self.bytes.partition(b"\r\n\r\n")
        if not found:
            return False
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return False
        self.bytes = rest[length:]
        method, path, _ = first.split()
        self._begin(_H1Stream(self), method, path, headers, rest[:length])
        return True

    def _feed_h2(self, data):
        for one in self.h2.receive_data(data):
            if isinstance(one, h2.events.RequestReceived):
                self.requests[one.stream_id] = (dict(one.headers), bytearray())
            elif isinstance(one, h2.events.DataReceived):
                self.requests[one.stream_id][1].extend(one.data)
                self.h2.acknowledge_received_data(one.flow_controlled_length, one.stream_id)
            elif isinstance(one, h2.events.StreamEnded):
                headers, body = self.requests.pop(one.stream_id)
                self._begin(_H2Stream(self, one.stream_id), headers[":method"], headers[":path"], headers, bytes(body))
        self.flush()

    def _begin(self, out, method, path, headers, body):
        seen = Seen(next(self.server.numbers), method, path, headers, self.source, body, self.server.loop.time())
        self.server.seen.append(seen)
        _Exchange(self.server, out, seen, self.server.answer(seen))


class KnownServer:
    """answer(seen) returns the Plan of a request; `seen` has all requests in the order they came, from number 0."""

    def __init__(self, answer, certificates=None):
        self.answer = answer
        self.seen = []
        self.connections = 0
        self.numbers = itertools.count()
        self.loop = asyncio.new_event_loop()
        context = None
        if certificates:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificates.certificate, certificates.key)
            context.set_alpn_protocols(["h2", "http/1.1"])
        self._server = self.loop.run_until_complete(self.loop.create_server(lambda: _Protocol(self), "127.0.0.1", 0, ssl=context))
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if certificates else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self._server.close()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()
