"""bench/peers' own client, where h2load can't measure: events with their delay, handshakes, idle connections."""

import json
import subprocess

from kit.process import BUILD
from stage import pinned


class Client:
    """A run of it; what it holds open stays so until `with` ends."""

    def __init__(self, cores, *arguments):
        self._child = subprocess.Popen(pinned(cores, [BUILD / "bench" / "peers" / "client", *arguments]), stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def line(self):
        """The next thing it says."""
        said = self._child.stdout.readline()
        if not said:
            raise SystemExit(f"{' '.join(self._child.args)}\n{self._child.stderr.read()}")
        return json.loads(said)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self._child.kill()
        self._child.communicate(timeout=60)


def answers(cores, url, path):
    """Whether a stream there gives an event."""
    said = subprocess.run(pinned(cores, [BUILD / "bench" / "peers" / "client", "streams", url, path, 1, 1, 0]), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20, check=False)
    return '"begin":true' in said.stdout
