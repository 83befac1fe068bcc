"""bench/live/run, the short form, on the build under test: every program of a take does its part, and nobody is lost."""

import json
import os
import subprocess

from kit.process import BUILD, TOP
from kit.wait import PATIENCE

RUN = TOP / "bench" / "live" / "run"


def run(folder, *arguments):
    return subprocess.run([RUN, *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=180 * PATIENCE,
                          env={**os.environ, "ISOCHRONE_BUILD": str(BUILD), "TMPDIR": str(folder)}, check=False)


def test_takes_with_and_without_a_fault(tmp_path):
    done = run(tmp_path, "--quick", "--json", "takes.json", "faults")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    takes = [json.loads(line) for line in (tmp_path / "takes.json").read_text().splitlines()]
    assert [one["fault"] for one in takes] == [None, "brown_out", "lie"]
    for take in takes:
        assert take["requests"] == takes[0]["requests"] > 50, "the same arrivals, all of them sent"
        assert (take["cut"], take["failed"]) == (0, 0)
        assert take["measured"] > 20 and sum(take["by_cluster"].values()) >= take["measured"]
        assert take["simulated_ttft_ms"]["p50"] > 0
        assert {"isosim", "redis", "agents", "load", "edge-shanghai", "edge-beijing", "all", "others"} == set(take["cores"])
    assert "simulated" in done.stdout
    assert [one.name for one in tmp_path.iterdir()] == ["takes.json"], "it leaves nothing else behind"


def test_it_names_its_parts(tmp_path):
    done = run(tmp_path, "everything")
    assert done.returncode == 2
    assert "no part everything; there are policies, faults, agree" in done.stderr
