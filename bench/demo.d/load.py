"""The load: isobench with clients in every place, what it logged of each request, and what the edges logged of the same."""

import math
import time

from kit.process import BUILD, Process, json_lines

ISOBENCH = BUILD / "bench" / "isobench"


class Request:
    """One request as its client saw it; `access` is the line its edge wrote of it, {} when none did."""

    def __init__(self, line, access):
        self.place = line["place"]
        self.at_s = line["at_ms"] / 1000  # the intended start, by the wall clock
        self.ttft_ms = line.get("ttft_ms")
        self.outcome = line["outcome"]
        self.status = line.get("status")
        self.id = line.get("request_id")
        self.access = access
        self.cluster = access.get("cluster")

    @property
    def answered(self):
        return self.outcome == "answered"

    @property
    def parts(self):
        """Milliseconds by part of the first policy of the chain, for the cluster that was chosen."""
        policies = self.access.get("decision", {}).get("ms", {})
        return next(iter(policies.values()), {})

    def cut_by(self, cluster):
        """It was open on this cluster when that died: an honestly cut stream, or an error before the first byte."""
        if self.cluster != cluster or self.access.get("fault") not in ("upstream_cut", "upstream_lost"):
            return False
        return self.outcome == "cut" if self.status == 200 else self.outcome == "status" and self.status >= 500

    def __str__(self):
        return (f"{self.id} from {self.place}: {self.outcome}, status {self.status}, "
                f"cluster {self.cluster}, fault {self.access.get('fault')}, after {self.access.get('attempts')} attempts")


class Load(Process):
    """isobench load."""

    def __init__(self, name, folder, options):
        self.log_file = folder / f"{name}.log"
        argv = [ISOBENCH, "load", "--log", self.log_file, "--quiet", *options]
        super().__init__(name, argv, folder)
        self.begun_s = time.time()

    @property
    def elapsed_s(self):
        return time.time() - self.begun_s

    def requests(self, edges):
        """Every request that it made, in the order of their intended starts."""
        access = {line["request_id"]: line for edge in edges for line in edge.access()}
        made = [Request(line, access.get(line.get("request_id"), {})) for line in json_lines(self.log_file.read_text())]
        return sorted(made, key=lambda one: one.at_s)


def percentile(values, share):
    """By nearest rank; NAN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def ttfts(requests):
    """Of the answered: milliseconds from the intended start to the first data event."""
    return [one.ttft_ms for one in requests if one.answered and one.ttft_ms is not None]
