"""The decision log of a real edge under load: made again by `isobench replay`, it is the same bit for bit."""

import json
import os
import subprocess

import pytest

from kit.load import Load
from kit.process import BUILD
from kit.requests import MODEL
from kit.sim import cluster
from kit.wait import wait_for


def run(log, *options):
    return subprocess.run([BUILD / "bench" / "isobench", "replay", log, "--json", *options], capture_output=True, text=True)


def replay(log, *options):
    """`isobench replay --json`: its object, and its complaints."""
    done = run(log, *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def recorded(log):
    """How many decisions are in it by now."""
    done = run(log)
    return json.loads(done.stdout)["decisions"] if done.returncode == 0 else 0


@pytest.fixture
def log(stage):
    """A log of 300 decisions on three clusters."""
    sim = stage.sim(cluster("one"), cluster("two"), cluster("three"))
    file = stage.folder / "decisions.log"
    edge = stage.edge(sim, decision_log={"path": str(file)})
    load = stage.add(Load(stage.folder, "--url", edge.url, "--rate", "200", "--requests", "300", "--model", MODEL,
                          "--conversations", "20", "--output", "4", "--quiet"))
    assert load.wait() == 0
    assert load.outcomes() == {"answered": 300}
    wait_for(lambda: recorded(file) >= 300, what="300 decisions in the log")
    assert edge.metric("isochrone_decision_log_dropped_total") == 0
    return file


def test_the_same_policy_decides_the_same_bit_for_bit(log):
    found, complaints = replay(log)
    assert complaints == ""
    assert found["decisions"] == found["identical"] == 300
    assert found["without_scene"] == found["changed"] == 0
    assert sum(one["then"] for one in found["clusters"].values()) == 300


def test_another_policy_shows_what_would_have_changed(log):
    found, _ = replay(log, "--policy", "round_robin")
    assert found["decisions"] == 300
    assert 0 < found["changed"] <= 300
    assert {name: one["now"] for name, one in found["clusters"].items()} == pytest.approx({"one": 100, "two": 100, "three": 100}, abs=4)
    assert sum(one["decisions"] for one in found["moves"]) == found["changed"]
    assert 0 < found["sooner"] + found["later"] <= found["changed"], "alike at first, clusters are neither sooner nor later"
    assert found["by_class"] == {"interactive": found["by_route"]["default"]}
    assert found["by_class"]["interactive"]["decisions"] == 300
    assert found["predicted_ttft_ms"]["now"]["mean"] > found["predicted_ttft_ms"]["then"]["mean"] > 0
    assert found["predicted_ttft_ms_of_all"] == pytest.approx(
        found["predicted_ttft_ms_now"] - found["predicted_ttft_ms_then"], abs=0.01)
    again, _ = replay(log, "--policy", "least_latency:flex_rule=off")  # no request is flex
    assert again["changed"] == 0


def test_a_log_that_was_cut_counts_to_where_it_was_cut(log):
    os.truncate(log, os.stat(log).st_size - 3)
    found, complaints = replay(log)
    assert found["decisions"] == found["identical"] == 299
    assert complaints == "isobench replay: the log ends in the middle of a record; what is before it counts\n"
