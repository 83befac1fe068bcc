"""A client on python3-h2 for tests that look at frames: one connection, any frame, no help."""

import json
import socket
import ssl
import time

import h2.config
import h2.connection
import h2.events

from kit.wait import PATIENCE


def tls_socket(raw, authority, alpn=("h2",)):
    context = ssl.create_default_context(cafile=str(authority))
    context.set_alpn_protocols(list(alpn))
    return context.wrap_socket(raw, server_hostname="localhost")


class _Connection(h2.connection.H2Connection):
    """python3-h2 takes a GOAWAY for the end of everything; open streams go on (RFC 9113 section 6.8)."""

    def _receive_goaway_frame(self, frame):
        event = h2.events.ConnectionTerminated()
        event.error_code, event.last_stream_id = frame.error_code, frame.last_stream_id
        event.additional_data = frame.additional_data
        return [], [event]


class H2Peer:
    """`events` is all that came, in order. A window is opened only where the test says so (`acknowledge`)."""

    def __init__(self, address, authority=None, settings=None, window=None, receive_buffer=None):
        raw = socket.socket()
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.connect(address)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = tls_socket(raw, authority) if authority else raw
        self.scheme = "https" if authority else "http"
        self.authority = f"{address[0]}:{address[1]}"
        self.h2 = _Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        if settings:
            self.h2.local_settings.update(settings)
        self.h2.initiate_connection()
        if window:
            self.h2.increment_flow_control_window(window)
        self.events = []
        self.closed = False
        self.acknowledge = True
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.socket.close()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def send(self, frame_bytes):
        """Bytes of the test's own making, right or wrong."""
        self.socket.sendall(frame_bytes)

    def post(self, path, body, headers=(), end=True):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, data, [("content-type", "application/json"), *headers], end)

    def request(self, method, path, data=b"", headers=(), end=True):
        """Sends a request; returns its stream id."""
        stream = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", self.scheme), (":authority", self.authority), (":path", path), *headers]
        if data and end:
            head.append(("content-length", str(len(data))))
        self.h2.send_headers(stream, head, end_stream=end and not data)
        while data:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room == 0:
                self.flush()
                self.read()
                continue
            self.h2.send_data(stream, data[:room], end_stream=end and len(data) <= room)
            data = data[room:]
        self.flush()
        return stream

    def reset(self, stream, code=8):
        self.h2.reset_stream(stream, code)
        self.flush()

    def read(self, timeout=10):
        """Reads once and keeps what came; False when the peer closed."""
        self.socket.settimeout(timeout * PATIENCE)
        data = self.socket.recv(65536)
        if not data:
            self.closed = True
            return False
        for event in self.h2.receive_data(data):
            self.events.append(event)
            if isinstance(event, h2.events.DataReceived) and self.acknowledge and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        self.flush()
        return True

    def until(self, fact, timeout=10):
        """Reads until fact(event) holds for an event that came; returns that event."""
        seen = 0
        end = time.monotonic() + timeout * PATIENCE
        while True:
            for event in self.events[seen:]:
                if fact(event):
                    return event
            seen = len(self.events)
            left = end - time.monotonic()
            if left <= 0 or not self.read(left / PATIENCE):
                raise AssertionError(f"it did not come; events: {[type(one).__name__ for one in self.events]}")

    def of(self, stream, kind):
        return [one for one in self.events if isinstance(one, kind) and getattr(one, "stream_id", None) == stream]

    def answer(self, stream, timeout=10):
        """The whole answer of a stream: (status, headers, body, how it ended: "end" or the reset's error code)."""
        ends = (h2.events.StreamEnded, h2.events.StreamReset)
        last = self.until(lambda one: isinstance(one, ends) and one.stream_id == stream, timeout)
        heads = self.of(stream, h2.events.ResponseReceived)
        headers = dict(heads[0].headers) if heads else {}
        body = b"".join(one.data for one in self.of(stream, h2.events.DataReceived))
        ended = "end" if isinstance(last, h2.events.StreamEnded) else int(last.error_code)
        return int(headers.get(":status", 0)), headers, body, ended

    def head(self, stream, timeout=10):
        event = self.until(lambda one: isinstance(one, h2.events.ResponseReceived) and one.stream_id == stream, timeout)
        return dict(event.headers)
