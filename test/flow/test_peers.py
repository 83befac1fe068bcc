"""bench/peers: every workload with every proxy, the counts tiny. That it measures, not what."""

import json
import os
import re
import subprocess

import pytest
from kit.process import BUILD, TOP
from kit.wait import PATIENCE

PEERS = TOP / "bench" / "peers"
COMPARED = {"isochrone", "nginx", "haproxy", "nghttpx", "h2o"}
SANITIZED = any(kind in BUILD.name for kind in ("asan", "tsan"))


def bench(program, *arguments):
    done = subprocess.run([PEERS / program, *arguments], env={**os.environ, "ISOCHRONE_BUILD": str(BUILD)}, capture_output=True, text=True,
                          timeout=60 * PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("workload", ["W1", "W2", "W3", "W3sat", "W4", "W5-full", "W5-resumed", "W6", "RSS"])
def test_a_workload_is_measured_with_every_proxy(workload, tmp_path):
    file = tmp_path / "rows.json"
    bench("run", "--rounds", "1", "--scale", "0.01", "--json", file, workload)
    rows = {one["peer"]: one for one in json.loads(file.read_text()) if one["workload"] == workload}
    assert rows.keys() >= COMPARED
    for name in COMPARED:
        row = rows[name]
        assert row["cost"] > 0 and row["unit"]
        assert row["ratio"] == pytest.approx(row["ours"] / row["cost"])


def test_instructions_are_counted():
    """callgrind and the sanitizers do not go together: there a peer is counted."""
    whose = ["--only", "--peer", "nghttpx"] if SANITIZED else []
    said = bench("instructions", "--requests", "1000", "--functions", "3", *whose, "W2")
    count = re.search(r"^W2 (isochrone|nghttpx) +(\d+) instructions/request: ", said, re.M)
    assert count and 5000 < int(count.group(2)) < 5_000_000
    assert re.search(r"\blibc \d+", said.split("of these in", 1)[1])


def test_an_unknown_workload_is_named():
    done = subprocess.run([PEERS / "run", "W9"], env={**os.environ, "ISOCHRONE_BUILD": str(BUILD)}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and "no workload W9" in done.stderr
