"""Many SSE streams at once, on asyncio and python3-h2: what each one got, in the pieces it came in."""

import asyncio
import json
import ssl
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events

from kit.wait import PATIENCE


@dataclass
class Stream:
    status: int = 0
    headers: dict = field(default_factory=dict)
    pieces: list = field(default_factory=list)  # the payload of each DATA frame
    ended: str = ""  # "end", "reset N", "closed"

    @property
    def data(self):
        return b"".join(self.pieces)

    @property
    def events(self):
        """The `data:` payloads, parsed; the last is "[DONE]" when the stream is complete."""
        found = []
        for block in self.data.decode().split("\n\n"):
            if block.startswith("data: "):
                text = block[6:]
                found.append(text if text == "[DONE]" else json.loads(text))
        return found

    @property
    def split(self):
        """Pieces that end in the middle of an event."""
        return [piece for piece in self.pieces if piece and not piece.endswith(b"\n\n")]


class _Connection(asyncio.Protocol):
    def __init__(self, bodies, path, scheme):
        self._bodies, self._path, self._scheme = bodies, path, scheme
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self.streams = {}
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self._transport = transport
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(1 << 24)
        host, port = transport.get_extra_info("peername")[:2]
        for body in self._bodies:
            data = json.dumps(body).encode()
            number = self.h2.get_next_available_stream_id()
            self.streams[number] = Stream()
            self.h2.send_headers(number, [(":method", "POST"), (":scheme", self._scheme), (":authority", f"{host}:{port}"),
                                          (":path", self._path), ("content-type", "application/json"),
                                          ("content-length", str(len(data)))])
            self.h2.send_data(number, data, end_stream=True)
        self._transport.write(self.h2.data_to_send())

    def data_received(self, data):
        for event in self.h2.receive_data(data):
            stream = self.streams.get(getattr(event, "stream_id", None))
            if stream is None:
                continue
            if isinstance(event, h2.events.ResponseReceived):
                stream.headers = dict(event.headers)
                stream.status = int(stream.headers[":status"])
            elif isinstance(event, h2.events.DataReceived):
                stream.pieces.append(event.data)
                if event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                stream.ended = "end"
            elif isinstance(event, h2.events.StreamReset):
                stream.ended = f"reset {int(event.error_code)}"
        self._transport.write(self.h2.data_to_send())
        self._finish()

    def connection_lost(self, why):
        for stream in self.streams.values():
            stream.ended = stream.ended or "closed"
        self._finish()

    def _finish(self):
        if not self.done.done() and all(stream.ended for stream in self.streams.values()):
            self.done.set_result(None)
            self._transport.close()


async def _play(address, bodies, connections, path, authority, timeout):
    loop = asyncio.get_running_loop()
    context = None
    if authority:
        context = ssl.create_default_context(cafile=str(authority))
        context.set_alpn_protocols(["h2"])
    made = []
    for number in range(connections):
        part = bodies[number::connections]
        _, protocol = await loop.create_connection(
            lambda part=part: _Connection(part, path, "https" if authority else "http"), *address,
            ssl=context, server_hostname="localhost" if authority else None)
        made.append(protocol)
    await asyncio.wait_for(asyncio.gather(*(one.done for one in made)), timeout * PATIENCE)
    return [stream for one in made for stream in one.streams.values()]


def play_streams(address, bodies, connections=10, path="/v1/chat/completions", authority=None, timeout=60):
    """Sends every body as a request, over a few h2 connections; returns the finished Streams."""
    return asyncio.run(_play(address, bodies, connections, path, authority, timeout))
