"""`isobench simulate` on the command line: what it runs, what it prints, and what it says of mistakes."""

import json
import subprocess

import pytest
from kit.process import BUILD

SHORT = ["--warm-up", "10s", "--measure", "30s", "--no-regret"]

SCENARIO = """\
clusters_of_type:
  h: {prefill_tps_one: 9000, itl_base_s: 0.011, itl_per_seq_s: 0.00022, batch: 96, cache_tokens: 200000}
mine:
  regions:
    - {name: Shanghai, latitude: 31.2, longitude: 121.5}
  clusters:
    - {name: near, type: h, instances: 1, latitude: 31.2, longitude: 121.5, copies: 2}
    - {name: far, type: h, instances: 1, latitude: 40.8, longitude: 111.7}
  workload: {output_scale: 0.1, slo: 500ms}
"""


def run(*options):
    return subprocess.run([BUILD / "bench" / "isobench", "simulate", *options], capture_output=True, text=True)


def objects(*options):
    done = run(*options, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def complaint(*options):
    done = run(*options)
    assert done.returncode == 2
    return done.stderr


@pytest.fixture
def scenario(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(SCENARIO)
    return file


def test_every_policy_load_seed_and_setting_is_an_object(scenario):
    got = objects("--scenario", scenario, *SHORT, "--policy", "sticky.so,nearest.so", "--set", "sticky.bound=1.1,1.5",
                  "--load", "0.3,0.6", "--seeds", "2")
    assert [(one["policy"], one["load"], one["seed"]) for one in got] == [
        (policy, load, seed) for load in (0.3, 0.6)
        for policy in ("sticky.so:bound=1.1", "sticky.so:bound=1.5", "nearest.so") for seed in (1, 2)]


def test_a_scenario_of_ones_own_is_run_and_told_in_full(scenario):
    (one,) = objects("--scenario", scenario, *SHORT, "--policy", "least_latency")
    assert one["scenario"] == "mine" and one["slo_ms"] == 500 and one["failed"] == 0
    assert list(one["utilisation"]) == ["near-1", "near-2", "far"] == [c["name"] for c in one["clusters"]]
    series = one["series"]
    assert len(series["requests"]) == 60 and series["step_s"] == 0.5
    assert sum(sum(sent) for sent in series["sent"].values()) == one["requests"]
    assert sum(one["places"][0]["sent"].values()) == one["requests"]
    assert sum(requests for _, requests in one["ttft_histogram_ms"]) == one["requests"] - one["flex"]["requests"]


def test_seeds_can_be_told_as_one(scenario):
    options = ["--scenario", scenario, *SHORT, "--policy", "least_latency", "--seeds", "2"]
    (whole,) = objects(*options, "--merge")
    parts = objects(*options)
    assert whole["seed"] is None and whole["seeds"] == 2 and [part["seeds"] for part in parts] == [1, 1]
    assert whole["requests"] == sum(part["requests"] for part in parts)
    assert min(part["ttft_ms"]["p99"] for part in parts) <= whole["ttft_ms"]["p99"] <= max(
        part["ttft_ms"]["p99"] for part in parts)


def test_goodput_is_the_highest_load_under_the_promise(scenario):
    best, nearest = objects("--scenario", scenario, *SHORT, "--policy", "least_latency,nearest", "--goodput")
    assert best["goodput"] > nearest["goodput"] > 0
    for one in best, nearest:
        loads = [load for load, _ in one["curve"]]
        assert loads == sorted(loads)
        assert dict(one["curve"])[one["goodput"]] >= one["share"] == 0.95
        assert [under < 0.95 for load, under in one["curve"] if load > one["goodput"]][:1] == [True]


def test_a_trace_is_run_as_it_was_or_at_a_load(scenario, tmp_path):
    azure = tmp_path / "azure.csv"
    azure.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n" +
                     "".join(f"2023-11-16 18:{i // 60:02}:{i % 60:02}.5,{100 + i},20\n" for i in range(600)))
    mooncake = tmp_path / "mooncake.jsonl"
    mooncake.write_text("".join(json.dumps({"timestamp": 100 * i, "input_length": 1100, "output_length": 20,
                                            "hash_ids": [2 * (i % 50), 2 * (i % 50) + 1, 1000 + i]}) + "\n"
                                for i in range(600)))
    options = ["--scenario", scenario, "--policy", "least_latency", "--no-regret", "--warm-up", "10s"]
    (as_it_was,) = objects(*options, "--arrivals", azure)
    assert as_it_was["requests"] == 590  # one a second; the first ten seconds are not measured
    assert as_it_was["prefix_hit"] == 0
    (faster,) = objects(*options, "--arrivals", azure, "--load", str(3 * as_it_was["load"]))
    assert faster["requests"] == pytest.approx(570, abs=2)
    (shared,) = objects(*options, "--arrivals", mooncake)
    assert shared["requests"] == 500 and 0.7 < shared["prefix_hit"] < 1024 / 1100 + 0.01
    written = tmp_path / "arrivals.jsonl"
    (drawn,) = objects("--scenario", scenario, "--policy", "nearest", *SHORT, "--write-arrivals", written)
    (again,) = objects("--scenario", scenario, "--policy", "nearest", *SHORT, "--arrivals", written)
    assert again["requests"] == drawn["requests"] and again["load"] == pytest.approx(0.8, rel=0.4)  # it takes a while to come to that
    assert "before anything is measured" in complaint(*options, "--arrivals", azure, "--load", "3")


def test_mistakes_are_told_where_they_are(scenario):
    assert "there is no policy sticky" in complaint("--policy", "nearest", "--set", "sticky.bound=1")
    assert "did you mean bound" in complaint("--policy", "sticky", "--set", "sticky.bund=1")
    assert "POLICY.SETTING=VALUE" in complaint("--policy", "sticky", "--set", "sticky")
    wrong = SCENARIO.replace("copies", "copis").replace("far, type: h", "far, type: x")
    scenario.write_text(wrong)
    said = complaint("--scenario", scenario, "--policy", "sticky")
    assert f"{scenario}:7:77: mine.clusters[0].copis: unknown key; did you mean \"copies\"?" in said
    assert f"{scenario}:8:25: mine.clusters[1].type: there is no type x under clusters_of_type" in said
