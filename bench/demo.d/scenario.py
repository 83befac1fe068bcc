"""The demo's scenario: what bench/scenarios/demo.yaml says, and a copy of it on free ports."""

import re
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "scenarios" / "demo.yaml"


def _numbers(text):
    try:
        return float(text)
    except ValueError:
        return text


def _mappings(lines):
    """Each `{key: value, ...}` of these lines; the file keeps one on a line."""
    for line in lines:
        inside = re.search(r"\{(.*)\}", line)
        if inside:
            yield {key: _numbers(value.strip("[] ")) for key, value in re.findall(r"(\w+): (\[[^]]*\]|[^,}]+)", inside.group(1))}


class Scenario:
    """`places` and `clusters` in the order of the file, each a dictionary."""

    def __init__(self):
        self.text = FILE.read_text()
        lines = self.text.splitlines()
        regions = lines.index(next(line for line in lines if line.startswith("  regions:")))
        clusters = lines.index("  clusters:")
        types = lines[:regions]
        self.places = list(_mappings(lines[regions + 1:clusters]))
        self.clusters = list(_mappings(lines[clusters + 1:]))
        kinds = {re.match(r" *([\w-]+):", line).group(1): kind
                 for line in types if line.startswith("  ") for kind in _mappings([line])}
        for number, place in enumerate(self.places, 1):
            place["network"] = f"127.0.{number}"
        for cluster in self.clusters:
            cluster["kind"] = kinds[cluster["type"]]
        self.model = self.clusters[0]["models"]

    def place(self, name):
        return next(one for one in self.places if one["name"] == name)

    def on_free_ports(self):
        """The text of the file with port 0 everywhere: isosim says which it took."""
        return re.sub(r"\b(listen|control): ([\d.]+):\d+", r"\1: \2:0", self.text)
