"""The admin address: health, metrics, what the router believes, why it chooses what it chooses."""

import subprocess

import pytest

from kit.requests import chat
from kit.sim import cluster
from kit.wait import wait_for


@pytest.fixture(scope="module")
def edge(shared_stage):
    redis = shared_stage.redis()
    sim = shared_stage.sim(cluster("near"), cluster("other", protocol="h2c"))
    shared_stage.agents(sim, redis)
    edge = shared_stage.edge(sim, redis)
    for _ in range(5):
        assert edge.chat(chat()).status_code == 200
    return edge


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health(edge, path):
    assert edge.admin(path).status_code == 200


def test_metrics_are_clean(edge):
    page = edge.admin("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    check = subprocess.run(["promtool", "check", "metrics"], input=page.content, capture_output=True, check=False)
    assert check.returncode == 0, check.stderr + check.stdout
    names = [line.rsplit(" ", 1)[0] for line in page.text.splitlines() if line and not line.startswith("#")]
    assert len(names) == len(set(names)), "a sample twice"
    assert all(name.startswith(("isochrone_", "process_")) for name in names)


def test_metrics_as_openmetrics(edge):
    page = edge.admin("/metrics", headers={"accept": "application/openmetrics-text"})
    assert page.headers["content-type"].startswith("application/openmetrics-text")
    assert page.text.endswith("# EOF\n")


def test_requests_are_counted(edge):
    before = edge.metric("isochrone_requests_total")
    assert edge.chat(chat()).status_code == 200
    wait_for(lambda: edge.metric("isochrone_requests_total") == before + 1, what="the request is counted")


def test_clusters(edge):
    clusters = edge.clusters()
    assert set(clusters) == {"near", "other"}
    wait_for(lambda: edge.clusters()["near"]["report"], what="a report")


def test_explain_is_a_dry_run(edge):
    before = edge.metric("isochrone_requests_total")
    said = edge.admin("/explain?ip=127.0.0.1&model=qwen3-32b&class=interactive&prompt_tokens=100").json()
    assert said["chosen"] in ("near", "other")
    for one in said["clusters"]:
        assert one["verdict"]
        assert one["total_ms"] == pytest.approx(sum(sum(part.values()) for part in one["ms"].values()), abs=0.01)
    assert edge.metric("isochrone_requests_total") == before


def test_explain_of_an_unknown_model(edge):
    assert edge.admin("/explain?ip=127.0.0.1&model=nobody").status_code == 404


def test_decisions(edge):
    decisions = edge.admin("/decisions?n=3").json()["decisions"]
    assert len(decisions) == 3
    assert all(one["chosen"] in ("near", "other") for one in decisions)


def test_config_is_redacted(edge):
    assert edge.admin("/config").json()["config"]["edge"]["name"] == "edge"


@pytest.mark.parametrize("header", [{"host": "evil.example"}, {"origin": "http://evil.example"}])
@pytest.mark.parametrize("method, path", [("GET", "/config"), ("POST", "/reload")])
def test_a_page_in_a_browser_cannot_drive_it(edge, method, path, header):
    assert edge.admin(path, method, headers=header).status_code == 403


def test_unknown_path_and_method(edge):
    assert edge.admin("/nothing").status_code == 404
    assert edge.admin("/metrics", "DELETE").status_code == 405


def test_the_clients_port_has_no_admin(edge):
    for path in ("/metrics", "/config", "/clusters", "/healthz"):
        assert edge.get(path).status_code == 404
