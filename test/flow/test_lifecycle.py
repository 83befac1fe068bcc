"""--check, reload, drain, logs: what an operator does to a running edge."""

import json
import signal
import subprocess

import h2.events
import pytest

from kit.h2_peer import H2Peer
from kit.process import BUILD
from kit.requests import chat
from kit.sim import cluster
from kit.wait import wait_for

CHAT = "/v1/chat/completions"
ROUTER = BUILD / "router" / "isochrone"


def run(*arguments):
    return subprocess.run([ROUTER, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)


def test_version():
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("isochrone ")


def test_check_finds_every_problem_in_one_run(tmp_path):
    file = tmp_path / "edge.yaml"
    file.write_text("listen:\n  - address: 127.0.0.1:0\nworkrs: 2\npolicies: [{plugin: nowhere.so}]\n"
                    "clusters:\n  - name: a\n    latitude: north\n    endpoints: [{url: \"ftp://x\"}]\n    models: [m]\n")
    done = run("--check", "-c", file)
    assert done.returncode == 2
    said = done.stdout + done.stderr
    assert 'edge.yaml:3:1: workrs: unknown key; did you mean "workers"?' in said
    assert 'edge.yaml:7:15: clusters[0].latitude: expected a number' in said
    assert 'edge.yaml:8:' in said


def test_check_of_a_good_file(stage):
    edge = stage.edge(stage.sim())
    done = run("--check", "-c", edge.config_file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_bad_file_does_not_start(tmp_path):
    file = tmp_path / "edge.yaml"
    file.write_text("listen: 3\n")
    done = run("-c", file)
    assert done.returncode == 2
    assert "edge.yaml:1:9: listen: " in done.stdout + done.stderr


def test_healthcheck(stage):
    edge = stage.edge(stage.sim())
    assert run("--healthcheck", "-c", edge.config_file).returncode == 0
    edge.stop()
    assert run("--healthcheck", "-c", edge.config_file).returncode == 1


def test_describe_names_the_policy():
    done = run("--describe", BUILD / "plugins" / "least_latency.so")
    assert done.returncode == 0
    assert "least_latency" in done.stdout


def test_reload_changes_the_fleet(stage):
    sim = stage.sim(cluster("a"), cluster("b"))
    one, other = (stage.cluster_config(sim, name) for name in ("a", "b"))
    edge = stage.edge(sim, clusters=[one])
    assert edge.chat(chat()).headers["x-isochrone-cluster"] == "a"
    edge.write_config({"clusters": [other]})
    edge.reload()
    wait_for(lambda: edge.chat(chat()).headers.get("x-isochrone-cluster") == "b", what="the new fleet")


def test_a_bad_reload_changes_nothing_and_is_counted(stage):
    sim = stage.sim()
    edge = stage.edge(sim)
    before = edge.metric("isochrone_reloads_total", result="refused")
    edge.write_config("listen: 3\n")
    edge.reload()
    wait_for(lambda: edge.metric("isochrone_reloads_total", result="refused") == before + 1, what="the failure is counted")
    assert edge.chat(chat()).status_code == 200


def test_open_streams_survive_a_reload(stage):
    sim = stage.sim(cluster("slow", type="slow"))
    edge = stage.edge(sim)
    with H2Peer(edge.plain) as peer:
        stream = peer.post(CHAT, chat(stream=True, max_tokens=30))
        peer.until(lambda one: isinstance(one, h2.events.DataReceived))
        edge.reload()
        wait_for(lambda: edge.metric("isochrone_reloads_total", result="taken") >= 1, what="the reload")
        status, _, body, ended = peer.answer(stream)
    assert (status, ended) == (200, "end")
    assert body.rstrip().endswith(b"data: [DONE]")


def test_sigterm_drains(stage):
    """Open streams end as they should, new connections are refused, then it leaves."""
    sim = stage.sim(cluster("slow", type="slow"))
    edge = stage.edge(sim)
    with H2Peer(edge.plain) as peer:
        stream = peer.post(CHAT, chat(stream=True, max_tokens=30))
        peer.until(lambda one: isinstance(one, h2.events.DataReceived))
        edge.signal(signal.SIGTERM)
        peer.until(lambda one: isinstance(one, h2.events.ConnectionTerminated))
        status, _, body, ended = peer.answer(stream)
    assert (status, ended) == (200, "end")
    assert body.rstrip().endswith(b"data: [DONE]")
    assert edge.wait() == 0


def test_the_access_log_has_the_decision(stage):
    sim = stage.sim()
    edge = stage.edge(sim)
    answer = edge.chat(chat("a secret prompt", stream=True), headers={"authorization": "Bearer a-secret-key"})
    line = edge.logged(answer.headers["x-request-id"])
    assert line["cluster"] == "near"
    assert line["model"] == "qwen3-32b"
    assert line["status"] == 200
    assert line["ms"]["ttft"] > 0
    assert line["decision"]["chosen"] == "near"
    assert "secret" not in edge.access_file.read_text() + edge.errors()


def test_sigusr1_reopens_the_access_log(stage):
    edge = stage.edge(stage.sim())
    edge.logged(edge.chat(chat()).headers["x-request-id"])
    edge.access_file.rename(stage.folder / "old.log")
    edge.signal(signal.SIGUSR1)
    wait_for(edge.access_file.exists, what="a new access log")
    edge.logged(edge.chat(chat()).headers["x-request-id"])


def test_json_of_the_log_is_json(stage):
    edge = stage.edge(stage.sim())
    assert edge.stop() is None
    lines = edge.errors().splitlines()
    assert lines
    for line in lines:
        assert json.loads(line)["event"]


@pytest.mark.parametrize("name", ["nearest", "round_robin", "least_latency"])
def test_every_policy_routes(stage, name):
    sim = stage.sim(cluster("a"), cluster("b"))
    edge = stage.edge(sim, policies=[{"plugin": name}])
    chosen = {edge.chat(chat()).headers["x-isochrone-cluster"] for _ in range(10)}
    assert chosen <= {"a", "b"}
    if name == "round_robin":
        assert chosen == {"a", "b"}
