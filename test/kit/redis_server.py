"""A Redis of the test's own: a free port, nothing on disk."""

import redis

from kit.ports import free_port
from kit.process import Process


class Redis(Process):
    def __init__(self, folder, port=None):
        self.port = port or free_port()
        self._folder = folder
        super().__init__(f"redis-{self.port}", ["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "",
                                                "--appendonly", "no", "--dir", folder], folder)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis(host="127.0.0.1", port=self.port, decode_responses=True, socket_timeout=5)
        self.ready(self._answers, "it answers PING")

    def _answers(self):
        try:
            return self.client.ping()
        except redis.exceptions.ConnectionError:
            return False

    def again(self):
        """An empty Redis on the port of this one, which has ended."""
        return Redis(self._folder, self.port)

    def report(self, name, pool="default"):
        """The last report of a cluster, as the contract's hash."""
        return self.client.hgetall(f"{{iso}}:report:{name}:{pool}")
