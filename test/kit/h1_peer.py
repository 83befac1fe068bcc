"""A bare HTTP/1.1 client: the bytes a test wants to send, the chunks as they came."""

import json
import socket

from kit.h2_peer import tls_socket
from kit.wait import PATIENCE


class H1Peer:
    def __init__(self, address, authority=None, timeout=10):
        raw = socket.create_connection(address, timeout * PATIENCE)
        self.socket = tls_socket(raw, authority, ("http/1.1",)) if authority else raw
        self.host = f"{address[0]}:{address[1]}"
        self._bytes = b""
        self.closed = False

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def post(self, path, body, headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"POST {path} HTTP/1.1", f"Host: {self.host}", "Content-Type: application/json",
                 f"Content-Length: {len(data)}", *headers]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    def get(self, path, headers=()):
        self.send("\r\n".join([f"GET {path} HTTP/1.1", f"Host: {self.host}", *headers]).encode() + b"\r\n\r\n")

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.closed = True
        self._bytes += data
        return bool(data)

    def _line(self):
        while b"\r\n" not in self._bytes:
            if not self._more():
                raise EOFError("closed within a line")
        line, self._bytes = self._bytes.split(b"\r\n", 1)
        return line.decode("latin-1")

    def _exactly(self, size):
        while len(self._bytes) < size:
            if not self._more():
                raise EOFError("closed within a body")
        data, self._bytes = self._bytes[:size], self._bytes[size:]
        return data

    def head(self):
        """(status, headers with lower-case names)"""
        status = int(self._line().split()[1])
        headers = {}
        while line := self._line():
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        return status, headers

    def chunks(self):
        """The chunks of a chunked body; EOFError when it is cut."""
        while size := int(self._line().split(";")[0], 16):
            yield self._exactly(size)
            self._exactly(2)
        while self._line():
            pass

    def answer(self):
        """(status, headers, body) of a whole answer."""
        status, headers = self.head()
        if "content-length" in headers:
            return status, headers, self._exactly(int(headers["content-length"]))
        if headers.get("transfer-encoding") == "chunked":
            return status, headers, b"".join(self.chunks())
        return status, headers, b""

    def until_closed(self):
        """Everything that comes until the peer closes."""
        while self._more():
            pass
        return self._bytes
