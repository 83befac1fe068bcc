"""bench/demo, the short form, on the build under test: what its last line promises."""

import os
import re
import subprocess

from kit.process import BUILD, TOP
from kit.wait import PATIENCE

# Relied on by others: not a character of it changes.
LAST = re.compile(r"demo ok: (\d+) requests, (\d+) answered, (\d+) cut by the kill, 0 otherwise failed; "
                  r"TTFT p50 \d+ ms p99 \d+ ms \(nearest: p50 \d+ ms p99 \d+ ms\)")


def test_the_demo_ends_well(tmp_path):
    done = subprocess.run([TOP / "bench" / "demo", "--quick"], cwd=tmp_path, capture_output=True, text=True, timeout=180 * PATIENCE,
                          env={**os.environ, "ISOCHRONE_BUILD": str(BUILD), "TMPDIR": str(tmp_path)})
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    last = LAST.fullmatch(done.stdout.splitlines()[-1])
    assert last, done.stdout[-1000:]
    requests, answered, cut = map(int, last.groups())
    assert requests == answered + cut
    assert cut >= 5
    assert not list(tmp_path.iterdir()), "it leaves nothing behind"


def test_the_demo_names_what_it_takes(tmp_path):
    done = subprocess.run([TOP / "bench" / "demo", "--fast"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "--quick" in done.stderr and "--stay" in done.stderr
