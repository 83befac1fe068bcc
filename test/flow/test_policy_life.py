"""Policies loaded, asked beside, promoted, rolled back and taken out while requests go on."""

import json
import shutil
import subprocess

import httpx
import pytest

from kit.process import BUILD, TOP
from kit.requests import MODEL, chat
from kit.sim import cluster
from kit.wait import wait_for

ISOCTL = BUILD / "router" / "isoctl"
PLACES = {"near": {"latitude": 31.2, "longitude": 121.5}, "far": {"latitude": 50.1, "longitude": 8.7}}

# Takes its time over each decision, by work or by blocking, and prefers what is far away.
SLOW_POLICY = """
#define _GNU_SOURCE
#include <poll.h>
#include <time.h>
#include <isochrone/policy.h>

static void slow_cost(const struct iso_call *call, const uint8_t *verdict, double *ms)
{
    (void)verdict;
    for (uint32_t i = 0; i < call->count; i++)
        ms[i] = -iso_estimate(call, i)->distance_km;
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_nsec += 12000000;
    if (end.tv_nsec >= 1000000000) {
        end.tv_nsec -= 1000000000;
        end.tv_sec++;
    }
    do {
#ifdef BLOCKS
        poll(0, 0, 3);
#endif
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
}

static const char *const parts[] = {"far"};
const struct iso_policy iso_policy = {
    ISO_POLICY_HEAD,
    .name = "slow",
    .version = "1",
    .summary = "Too slow.",
    .kind = ISO_COMPLETE,
    .parts = parts,
    .part_count = 1,
    .cost = slow_cost,
};
"""


def isoctl(edge, *words):
    return subprocess.run([ISOCTL, "--admin", edge.admin_url.removeprefix("http://"), *map(str, words)],
                          capture_output=True, text=True, timeout=60, check=False)


def done(edge, *words):
    """It worked; what it said."""
    run = isoctl(edge, *words)
    assert run.returncode == 0, run.stderr
    return run.stdout


def policies(edge):
    return edge.admin("/policies").json()


def ask(edge, count=4):
    """The clusters that answered."""
    with edge.client() as client:
        answers = [client.post("/v1/chat/completions", json=chat()) for _ in range(count)]
    assert [one.status_code for one in answers] == [200] * count
    return [one.headers["x-isochrone-cluster"] for one in answers]


def compiled(folder, name, source, *flags):
    code, plugin = folder / f"{name}.c", folder / f"{name}.so"
    code.write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", f"-I{TOP}/include", *flags, "-o", plugin, code], check=True)
    return plugin


@pytest.fixture
def sim(stage):
    return stage.sim(cluster("near"), cluster("far"))


@pytest.fixture
def edge(stage, sim):
    return make_edge(stage, sim)


def make_edge(stage, sim, **more):
    clusters = [{"name": name, "endpoints": [{"url": sim.urls[name]}], "models": [MODEL], **PLACES[name]} for name in PLACES]
    return stage.edge(clusters=clusters, geoip={"default_location": PLACES["near"]}, edge=PLACES["near"],
                      **{"policies": [{"plugin": "nearest"}], **more})


def test_a_bad_policy_is_refused_with_every_problem(edge, tmp_path):
    run = isoctl(edge, "policy", "load", "least_latency", "flex_rule=perhaps", "nonsense=1", "nearest")
    assert run.returncode == 1
    assert "policies[0].settings.flex_rule" in run.stderr and "on or off" in run.stderr
    assert "policies[0].settings.nonsense" in run.stderr
    assert "policies[1]" in run.stderr
    broken = tmp_path / "broken.so"
    broken.write_text("no shared object")
    assert isoctl(edge, "policy", "load", broken).returncode == 1
    assert policies(edge)["candidate"] is None
    assert isoctl(edge, "policy", "promote").returncode == 1
    assert isoctl(edge, "policy", "rollback").returncode == 1
    assert set(ask(edge)) == {"near"}


@pytest.mark.parametrize("body,sentence", [
    ("{", "no JSON"), ("[]", "must be a JSON object"), ('{"plugin": 1}', 'text "plugin"'), ('{"plugni": "x"}', "plugni"),
    ('{"plugin": "nearest", "settings": []}', "object of settings"), ('{"policies": []}', "1 to 8"),
    ('{"plugin": "nearest", "settings": {"a": [1]}}', "a setting is a text"), ("", "Say which policy"),
])
def test_a_bad_body(edge, body, sentence):
    answer = edge.admin("/policies/load", "POST", content=body)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]["message"]


def test_a_shadow_is_asked_and_not_obeyed(edge):
    said = done(edge, "policy", "shadow", "round_robin")
    assert said.startswith("in force: nearest\n") and "round_robin" in said
    assert set(ask(edge, 10)) == {"near"}
    shadow = wait_for(lambda: next((one for one in policies(edge)["shadows"] if one["decisions"] == 10), None))
    assert shadow["policy"] == "round_robin" and shadow["from"] == "operator"
    assert 0 < shadow["differed"] < 10
    assert edge.metric("isochrone_shadow_decisions_total", policy="round_robin", agree="no") == shadow["differed"]
    assert edge.metric("isochrone_shadow_decisions_total", policy="round_robin") == 10
    assert edge.metric("isochrone_shadow_loss_seconds_count", policy="round_robin") == shadow["differed"]
    live = {one["id"]: one for one in edge.admin("/decisions?n=20").json()["decisions"]}
    records = edge.admin("/decisions?n=20&shadow=1").json()["decisions"]
    assert len(records) == 10
    for one in records:
        assert one["shadow"] is True and one["obeyed"] == "near"
        assert one["agrees"] == (one["chosen"] == "near")
        assert one["policies"][0]["name"] == "round_robin"
        assert live[one["id"]]["chosen"] == "near" and "shadow" not in live[one["id"]]
        assert [c["inputs"] for c in one["clusters"]] == [c["inputs"] for c in live[one["id"]]["clusters"]]
    check = subprocess.run(["promtool", "check", "metrics"], input=edge.admin("/metrics").content, capture_output=True, check=False)
    assert check.returncode == 0, check.stderr + check.stdout
    assert "round_robin" not in done(edge, "policy", "shadow", "--stop", "round_robin")
    ask(edge, 2)
    assert len(edge.admin("/decisions?n=20&shadow=1").json()["decisions"]) == 10
    assert isoctl(edge, "policy", "shadow", "--stop", "round_robin").returncode == 1


def test_the_shadow_of_the_file(stage, sim):
    edge = make_edge(stage, sim, shadow=[{"plugin": "round_robin"}])
    ask(edge, 6)
    (shadow,) = policies(edge)["shadows"]
    assert (shadow["policy"], shadow["from"], shadow["decisions"]) == ("round_robin", "file", 6)
    assert isoctl(edge, "policy", "shadow", "--stop", "round_robin").returncode == 1
    done(edge, "reload")
    assert policies(edge)["shadows"][0]["decisions"] == 6, "a reload that leaves it alone must not forget"
    done(edge, "policy", "promote")
    assert policies(edge)["shadows"] == [], "what is in force is no shadow"
    assert set(ask(edge)) == {"near", "far"}
    done(edge, "policy", "rollback")
    assert [one["policy"] for one in policies(edge)["shadows"]] == ["round_robin"]
    assert set(ask(edge)) == {"near"}


def test_promote_and_rollback(edge):
    assert "candidate: round_robin" in done(edge, "policy", "load", "round_robin")
    assert set(ask(edge)) == {"near"}
    assert "in force: round_robin (promoted; the file says nearest)" in done(edge, "policy", "promote", "round_robin")
    assert set(ask(edge)) == {"near", "far"}
    assert policies(edge)["routes"] == [{"route": "default", "chain": ["round_robin"]}]
    assert "in force: nearest\ncandidate: round_robin" in done(edge, "policy", "rollback")
    assert set(ask(edge)) == {"near"}
    assert isoctl(edge, "policy", "rollback").returncode == 1
    assert "POLICY" in done(edge, "policy", "list")
    assert edge.metric("isochrone_policy_changes_total", change="promotion") == 1


def test_only_routes_without_their_own_policies_follow(stage, sim):
    edge = make_edge(stage, sim, routes=[{"match": {"class": "flex"}, "policies": [{"plugin": "nearest"}]},
                                         {"match": {"class": "batch"}}])
    done(edge, "policy", "load", "round_robin")
    done(edge, "policy", "promote")
    assert [one["chain"] for one in policies(edge)["routes"]] == [["nearest"], ["round_robin"], ["round_robin"]]


def test_a_promotion_outlives_reloads_until_the_file_changes_its_policies(edge):
    done(edge, "policy", "load", "round_robin")
    done(edge, "policy", "promote")
    done(edge, "reload")
    assert policies(edge)["in_force"] == "round_robin"
    edge.config_file.write_text(edge.config_file.read_text().replace('"nearest"', '"least_latency"'))
    done(edge, "reload")
    assert policies(edge)["in_force"] == "least_latency"
    assert policies(edge)["promoted"] == []
    assert edge.events("policy_promotion_ended")


@pytest.mark.parametrize("flags", [[], ["-DBLOCKS"]], ids=["works", "blocks"])
def test_a_policy_that_is_too_slow_is_taken_out(edge, tmp_path, flags):
    slow = compiled(tmp_path, "slow", SLOW_POLICY, *flags)
    done(edge, "policy", "load", slow)
    done(edge, "policy", "promote")
    assert set(ask(edge, 2)) == {"far"}
    assert policies(edge)["in_force"] == "slow"
    wait_for(lambda: ask(edge, 4) and policies(edge)["in_force"] == "nearest", what="nearest is in force again")
    assert set(ask(edge)) == {"near"}
    assert policies(edge)["candidate"] is None
    assert "in force is nearest" in edge.events("policy_taken_out")[0]["message"]
    assert edge.metric("isochrone_policy_overruns_total", policy="slow", budget="hard") >= 3
    assert edge.metric("isochrone_policy_changes_total", change="taken_out") == 1


def test_a_slow_shadow_is_taken_out(edge, tmp_path):
    done(edge, "policy", "shadow", compiled(tmp_path, "slow", SLOW_POLICY))
    wait_for(lambda: ask(edge, 4) and not policies(edge)["shadows"], what="the shadow is gone")
    assert set(ask(edge)) == {"near"}


def test_a_slow_policy_of_the_file_gives_way_to_the_one_before(edge, tmp_path):
    slow = compiled(tmp_path, "slow", SLOW_POLICY)
    edge.config_file.write_text(edge.config_file.read_text().replace('"nearest"', json.dumps(str(slow))))
    done(edge, "reload")
    wait_for(lambda: ask(edge, 4) and policies(edge)["in_force"] == "nearest", what="nearest is in force again")


def test_a_slow_policy_without_any_before_it_stays(stage, sim, tmp_path):
    edge = make_edge(stage, sim, policies=[{"plugin": str(compiled(tmp_path, "slow", SLOW_POLICY))}])
    wait_for(lambda: ask(edge, 4) and edge.events("policy_too_slow"), what="it is told of")
    assert policies(edge)["in_force"] == "slow"
    assert set(ask(edge)) == {"far"}


def test_new_code_at_the_same_path(edge, tmp_path):
    """The same file name with another content is another policy, whose name may be the same."""
    plugin = tmp_path / "mine.so"
    shutil.copy(BUILD / "plugins" / "round_robin.so", plugin)
    done(edge, "policy", "load", plugin)
    plugin.unlink()
    shutil.copy(BUILD / "plugins" / "nearest.so", plugin)
    done(edge, "policy", "promote")
    assert policies(edge)["in_force"] == "round_robin"
    done(edge, "policy", "load", plugin)
    done(edge, "policy", "promote")
    assert policies(edge)["in_force"] == "nearest"


def test_a_thousand_swaps_under_load(stage, sim, tmp_path):
    edge = make_edge(stage, sim, workers=2, shadow=[{"plugin": "round_robin"}])
    body = tmp_path / "body.json"
    body.write_text(json.dumps(chat(stream=True, max_tokens=4)))
    requests, swaps = 1500, 0
    load = subprocess.Popen(["h2load", "-n", str(requests), "-c", "4", "-m", "8", "-d", body, "-H", "content-type: application/json",
                             edge.url + "/v1/chat/completions"], stdout=subprocess.PIPE, text=True)
    with httpx.Client(base_url=edge.admin_url, trust_env=False, timeout=60) as admin:
        while swaps < 1000 or load.poll() is None:
            answer = admin.post("/policies/promote" if swaps % 2 == 0 else "/policies/rollback")
            assert answer.status_code == 200, answer.text
            swaps += 1
    said = load.communicate()[0]
    assert f"{requests} succeeded, 0 failed, 0 errored, 0 timeout" in said, said
    assert f"status codes: {requests} 2xx" in said, said
    assert edge.metric("isochrone_policy_changes_total") == swaps
    assert edge.metric("isochrone_request_faults_total") == edge.metric("isochrone_request_faults_total", fault="ok") == requests
    asked = {name: edge.metric("isochrone_policy_seconds_count", policy=name) for name in ("nearest", "round_robin")}
    assert asked["nearest"] > 0 and asked["round_robin"] > 0
    assert edge.metric("isochrone_policy_faults_total") == 0
