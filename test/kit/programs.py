"""Programs that are started one after the other and end together. Needs the standard library only: the demo has no more."""

import signal


class Programs:
    """A context manager over a new folder: enters by `_start`, which a subclass has, and stops what was added by pid, the newest first."""

    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir()
        self.processes = []
        self.faults = []  # programs that did not end as they should

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def add(self, process):
        process.expected_exit.add(-signal.SIGINT)  # Ctrl-C goes to all of a terminal's programs
        self.processes.append(process)
        return process

    def __exit__(self, *_):
        for process in reversed(self.processes):
            fault = process.stop()
            if fault:
                self.faults.append(f"{fault}\n{process.errors()[-2000:]}")
        self.processes.clear()
