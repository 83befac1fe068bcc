"""A cluster that lies, stalls, refuses or speaks nonsense costs only its own requests."""

import pytest

from kit.requests import chat
from kit.sim import cluster
from kit.wait import wait_for


@pytest.fixture
def sim(stage):
    return stage.sim(cluster("a"), cluster("b", protocol="h2c"))


@pytest.fixture
def edge(stage, sim):
    return stage.edge(sim, policies=[{"plugin": "round_robin"}], timeouts={"first_byte": "2s"})


def chats(edge, count=20):
    return [edge.chat(chat()) for _ in range(count)]


def test_a_killed_cluster_is_left_and_used_again(edge, sim):
    sim.fault("a", "kill")
    answers = chats(edge)
    assert {one.status_code for one in answers} == {200}
    assert {one.headers["x-isochrone-cluster"] for one in answers} == {"b"}
    sim.fault("a", "clear")
    wait_for(lambda: edge.chat(chat()).headers["x-isochrone-cluster"] == "a", 30, "a is used again")


def test_what_cannot_have_started_is_tried_elsewhere(edge, sim):
    sim.fault("a", "kill")
    attempts = {int(one.headers["x-isochrone-attempts"]) for one in chats(edge, 10)}
    assert attempts <= {1, 2}


def test_what_may_have_started_is_not_started_twice(edge, sim):
    sim.fault("a", "stall")
    sim.fault("b", "stall")
    answer = edge.chat(chat())
    assert answer.status_code == 504
    assert answer.json()["error"]["code"] in ("upstream_timeout", "upstream_stalled")
    started = [one for one in sim.log(event="started") if one["request_id"] == answer.headers["x-request-id"]]
    assert len(started) <= 1


def test_a_status_of_the_cluster_is_passed_on(edge, sim):
    for name in ("a", "b"):
        sim.fault(name, "status", 400)
    answer = edge.chat(chat())
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_a_refusal_goes_elsewhere(edge, sim):
    sim.fault("a", "status", 503)
    answers = chats(edge)
    assert {one.status_code for one in answers} <= {200, 503}
    assert any(one.headers["x-isochrone-cluster"] == "b" for one in answers)


def test_failing_fast_does_not_attract_traffic(edge, sim):
    sim.fault("a", "status", 500)
    chats(edge, 40)
    later = chats(edge, 40)
    assert sum(one.status_code == 500 for one in later) <= 10
