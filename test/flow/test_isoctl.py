"""isoctl against a running edge: what an operator types and reads."""

import json
import subprocess

import pytest

from kit.ports import free_port
from kit.process import BUILD
from kit.requests import MODEL, chat
from kit.sim import cluster
from kit.wait import wait_for

ISOCTL = BUILD / "router" / "isoctl"


def isoctl(*words, edge=None, folder=None):
    """Runs it to its end; with an edge, over its admin address."""
    where = ["--admin", edge.admin_url.removeprefix("http://")] if edge else []
    return subprocess.run([ISOCTL, *where, *words], capture_output=True, text=True, timeout=60, check=False, cwd=folder)


def rows(text):
    """A table by the first word of each line that has any."""
    return {words[0]: words for words in (line.replace(">", " ").split() for line in text.splitlines()) if words}


def served_by(edge, count=6):
    """Which clusters answer now."""
    with edge.client() as client:
        return {client.post("/v1/chat/completions", json=chat()).headers["x-isochrone-cluster"] for _ in range(count)}


@pytest.fixture(scope="module")
def sim(shared_stage):
    return shared_stage.sim(cluster("near"), cluster("far", latitude=50.1, longitude=8.7))


@pytest.fixture(scope="module")
def edge(shared_stage, sim):
    near = {"endpoints": [{"url": sim.urls["near"]}], "name": "near", "models": [MODEL], "region": "cn-east",
            "latitude": 31.2, "longitude": 121.5}
    far = {**near, "endpoints": [{"url": sim.urls["far"]}], "name": "far", "region": "eu-west", "latitude": 50.1,
           "longitude": 8.7}
    return shared_stage.edge(clusters=[near, far], edge={"latitude": 31.2, "longitude": 121.5},
                             geoip={"default_location": {"latitude": 31.2, "longitude": 121.5}},
                             policies=[{"plugin": str(BUILD / "plugins" / "nearest.so")}])


def test_status_shows_every_cluster(edge):
    done = isoctl("status", edge=edge)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("edge: 1 router live, no Redis")
    table = rows(done.stdout)
    assert table["near"][1:3] == ["cn-east", "open"]
    assert table["far"][1:3] == ["eu-west", "open"]
    lines = [line for line in done.stdout.splitlines() if line.startswith(("CLUSTER", "near", "far"))]
    assert len({len(line) for line in lines}) == 1, "columns are not aligned"


def test_json_is_what_the_router_says(edge):
    done = isoctl("--json", "status", edge=edge)
    assert {one["cluster"] for one in json.loads(done.stdout)["clusters"]} == {"near", "far"}
    assert json.loads(isoctl("explain", "--json", edge=edge).stdout)["chosen"] == "near"


def test_watch_goes_on_for_as_often_as_it_is_told(edge):
    done = isoctl("watch", "--interval", "0.1", "--count", "3", edge=edge)
    assert done.returncode == 0
    assert done.stdout.count("router live") == 3


def test_explain_says_who_and_why(edge):
    done = isoctl("explain", "--model", MODEL, "--class", "flex", "--prompt-tokens", "1234", edge=edge)
    assert done.returncode == 0, done.stderr
    assert f"flex request for {MODEL}, 1234 prompt tokens" in done.stdout
    assert "route default: nearest" in done.stdout
    chosen = [line for line in done.stdout.splitlines() if line.startswith(">")]
    assert len(chosen) == 1 and chosen[0].split()[1] == "near"
    assert "MEASURED" not in done.stdout
    assert "MEASURED" in isoctl("explain", "--verbose", edge=edge).stdout


def test_a_question_the_router_refuses(edge):
    for words, sentence in ((["--ip", "300.1.1.1"], "is no IPv4 or IPv6 address"),
                            (["--class", "urgent"], "priority, interactive, flex or batch"),
                            (["--model", "no/such model&x=1"], 'No cluster serves the model "no/such model&x=1"')):
        done = isoctl("explain", *words, edge=edge)
        assert done.returncode == 1
        assert sentence in done.stderr
        assert done.stdout == ""


def test_policy_list(edge):
    done = isoctl("policy", "list", edge=edge)
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout)["nearest"][2] == "complete"
    assert rows(done.stdout)["default"][1:] == ["nearest"]


def test_drain_moves_the_traffic_and_undrain_brings_it_back(edge):
    assert served_by(edge) == {"near"}
    done = isoctl("drain", "near", edge=edge)
    assert done.returncode == 0, done.stderr
    try:
        wait_for(lambda: served_by(edge, 1) == {"far"}, what="traffic leaves near")
        assert served_by(edge) == {"far"}
        assert rows(isoctl("status", edge=edge).stdout)["near"][2] == "drained"
        assert "closed: draining (router)" in isoctl("explain", edge=edge).stdout
    finally:
        assert isoctl("undrain", "near", edge=edge).returncode == 0
    wait_for(lambda: served_by(edge, 1) == {"near"}, what="traffic comes back")


def test_no_such_cluster(edge):
    done = isoctl("drain", "nowhere", edge=edge)
    assert done.returncode == 1
    assert 'There is no cluster "nowhere"' in done.stderr


def test_reload_and_its_refusal(stage):
    edge = stage.edge(stage.sim())
    good = edge.config_file.read_text()
    assert "generation 2" in isoctl("reload", edge=edge).stdout
    edge.config_file.write_text(good.replace('"workers"', '"wokers"').replace('"near"', '"Not A Name"'))
    done = isoctl("reload", edge=edge)
    assert done.returncode == 1
    assert "wokers" in done.stderr and "workers" in done.stderr
    assert "the router goes on as before" in done.stderr
    assert edge.chat(chat()).status_code == 200
    edge.config_file.write_text(good)
    assert isoctl("reload", edge=edge).returncode == 0


def test_the_address_comes_from_the_configuration(stage, tmp_path):
    """A unix socket, too."""
    socket = tmp_path / "admin.sock"
    edge = stage.edge(stage.sim(), admin={"address": f"unix:{socket}"}, ready=False)
    done = wait_for(lambda: next((done for done in [isoctl("-c", edge.config_file, "status")] if done.returncode == 0), None))
    assert "near" in rows(done.stdout)
    assert isoctl("--admin", f"unix:{socket}", "status").returncode == 0


def test_nobody_there():
    port = free_port()
    done = isoctl("--admin", f"127.0.0.1:{port}", "status")
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr and "Connection refused" in done.stderr


def test_what_answers_is_no_router(stage):
    sim = stage.sim()
    done = isoctl("--admin", sim.urls["near"].removeprefix("http://"), "status")
    assert done.returncode == 1
    assert done.stderr


@pytest.mark.parametrize("words,sentence", [
    ([], "no command"),
    (["statsu"], '"statsu" is no command'),
    (["drain"], "drain needs a CLUSTER"),
    (["drain", "a", "b"], '"b" is too much'),
    (["status", "--ip", "10.0.0.1"], "takes no such options"),
    (["watch", "--interval", "0"], "0.1 to 3600 seconds"),
    (["--admin", "nowhere", "status"], "--admin"),
    (["-c", "/nonexistent.yaml", "status"], "/nonexistent.yaml"),
])
def test_a_wrong_command_line(words, sentence):
    done = isoctl(*words)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_check_prints_what_the_router_would(stage, tmp_path):
    edge = stage.edge(stage.sim())
    done = isoctl("check", edge.config_file)
    assert done.returncode == 0 and "fine" in done.stdout
    bad = tmp_path / "bad.yaml"
    bad.write_text(edge.config_file.read_text().replace('"least_latency"', '"most_latency"'))
    done = isoctl("check", "bad.yaml", folder=tmp_path)
    assert done.returncode == 2
    assert "most_latency" in done.stderr
