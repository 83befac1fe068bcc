"""What every measurement stands on: the cores, the backend, the reports in Redis, the proxies."""

import os
import resource
import sys
import tempfile
from functools import partial
from pathlib import Path

import proxies
from kit.certificates import Certificates
from kit.process import BUILD, Process, json_lines
from kit.wait import wait_for
from reports import Reports


def choose_cores():
    """The proxy's core, and the others for everybody else."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("only one core: the proxy shares it with the client and the backend", file=sys.stderr)
        return cores[:1], cores
    return cores[-1:], cores[:-1]


def pinned(cores, command):
    return ["taskset", "-c", ",".join(map(str, cores)), *map(str, command)]


class Direct:
    """The backend without a proxy."""

    name = "direct"
    process = None

    def __init__(self, backend):
        self._backend = backend

    def url(self, _tls):
        return f"http://{self._backend}"


class Stage:
    """Everything that was started ends with `with`."""

    def __enter__(self):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self._place = tempfile.TemporaryDirectory()
        self.folder = Path(self._place.name)
        self.folder.chmod(0o755)
        self.core, self.others = choose_cores()
        self._started = []
        self.certificates = Certificates(self.folder)
        self._reports = None
        return self

    def __exit__(self, *_):
        for one in reversed(self._started):
            one.stop()
        self._place.cleanup()

    def start(self, name, command, cores=None):
        process = Process(name, pinned(cores or self.others, command), self.folder)
        self._started.append(process)
        return process

    def backend(self, *arguments):
        """A backend's address."""
        process = self.start(f"backend-{len(self._started)}", [BUILD / "bench" / "peers" / "backend", *arguments])
        return process.ready(lambda: next(json_lines(process.output()), None), "its address")["address"]

    def redis_url(self):
        if self._reports is None:
            self._reports = Reports(self.folder, proxies.CLUSTERS)
            self._started.append(self._reports)
        return self._reports.redis.url

    def proxy(self, kind, backend, answers, under=()):
        """A proxy that has given its first answers, one by TLS and one without; `under` is what it runs under."""
        proxy = kind(self.folder, backend, self.certificates, self.redis_url() if kind is proxies.Isochrone else None)
        proxy.process = self.start(f"{kind.name}-{proxy.port}", [*under, *proxy.command()], self.core)
        ready = partial(wait_for, timeout=120) if under else proxy.process.ready  # under a profiler all takes long
        ready(lambda: answers(proxy.url(False)) and answers(proxy.url(True)), what="its first answers")
        return proxy

    def end(self, proxy):
        """It is not measured any more."""
        if proxy.process:
            proxy.process.stop()


def installed(kinds):
    """Those that are here; a word about the others."""
    for kind in kinds:
        if kind.path() is None:
            print(f"{kind.name} is not installed; left out", file=sys.stderr)
    return [kind for kind in kinds if kind.path() is not None]
