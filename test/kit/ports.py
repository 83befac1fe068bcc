"""Free ports of the loopback."""

import socket

_given = set()


def free_port(address="127.0.0.1"):
    """A port that nobody has now and that this process has not given out before."""
    while True:
        with socket.socket() as probe:
            probe.bind((address, 0))
            port = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port
