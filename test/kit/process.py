"""One process of a test: its command line, its output, its end. Knows nothing of what it runs."""

import ctypes
import json
import os
import re
import signal
import subprocess
from pathlib import Path

from kit.wait import PATIENCE, wait_for

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ISOCHRONE_BUILD", TOP / "build"))

# What the sanitizers write; a program that went wrong in their eyes fails its test.
SANITIZER = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error: ")
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A running program; stdout and stderr go to files in folder."""

    def __init__(self, name, argv, folder, env=None):
        self.name = name
        self.argv = [str(one) for one in argv]
        self.out = Path(folder) / f"{name}.out"
        self.err = Path(folder) / f"{name}.err"
        self.expected_exit = {0}
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self._child = subprocess.Popen(self.argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                           env={**os.environ, **(env or {})}, preexec_fn=_die_with_parent)

    @property
    def pid(self):
        return self._child.pid

    @property
    def running(self):
        return self._child.poll() is None

    def signal(self, number):
        if self.running:
            os.kill(self.pid, number)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        """Dies at once, and that is no fault of its own."""
        self.expected_exit.add(-signal.SIGKILL)
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, timeout=10):
        """The exit code, once it has ended by itself."""
        return self._child.wait(timeout * PATIENCE)

    def stop(self, timeout=10):
        """Asks it to end; returns what is wrong with how it did, None if nothing."""
        self.thaw()
        self.signal(signal.SIGTERM)
        try:
            self.wait(timeout)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
            return f"{self.name} did not end within {timeout * PATIENCE} s of SIGTERM"
        if SANITIZER.search(self.errors()):
            return f"{self.name}: a sanitizer complained"
        if self._child.returncode not in self.expected_exit:
            return f"{self.name} ended with {self._child.returncode}"
        return None

    def output(self):
        return self.out.read_text(errors="replace")

    def errors(self):
        return self.err.read_text(errors="replace")

    def events(self, event=None):
        """The JSON lines it logged on stderr, those of one event if given."""
        found = list(json_lines(self.errors()))
        return [one for one in found if event is None or one.get("event") == event]

    def ready(self, fact, what):
        """Waits for a fact; fails at once when the process has ended, with what it said last."""
        def check():
            value = fact()
            if not value and not self.running:
                raise AssertionError(f"{self.name} ended with {self._child.returncode} before {what}:\n{self.errors()[-2000:]}")
            return value
        return wait_for(check, 20, f"{self.name}: {what}")

    def announced(self, what):
        """Waits for the first JSON line on its stdout."""
        return self.ready(lambda: next(json_lines(self.output()), None), what)

    def rss_bytes(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError(f"{self.name} has no VmRSS")


def json_lines(text):
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except ValueError:
                pass  # a line still being written
