"""`isobench load`, run to its end: its report and its line per request."""

import json

from kit.process import BUILD, Process, json_lines


class Load(Process):
    count = 0

    def __init__(self, folder, *arguments, expected_exit=0):
        Load.count += 1
        name = f"load-{Load.count}"
        self.json_file, self.log_file = folder / f"{name}.json", folder / f"{name}.log"
        super().__init__(name, [BUILD / "bench" / "isobench", "load", "--json", self.json_file, "--log", self.log_file,
                                *map(str, arguments)], folder)
        self.expected_exit = {expected_exit}

    @property
    def report(self):
        return json.loads(self.json_file.read_text())

    @property
    def total(self):
        return self.report["total"]

    @property
    def requests(self):
        """One dictionary a request, in the order of their intended starts."""
        return sorted(json_lines(self.log_file.read_text()), key=lambda one: one["n"])

    def outcomes(self):
        """outcome -> how many, of the log."""
        found = {}
        for one in self.requests:
            found[one["outcome"]] = found.get(one["outcome"], 0) + 1
        return found
