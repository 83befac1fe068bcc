"""A fleet that has more to do than it can: who waits at the edge, who goes first, who is told to come again."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from kit.many_streams import play_streams
from kit.requests import chat
from kit.sim import QUICK, cluster
from kit.wait import wait_for

# The cluster runs two at a time, and an answer takes half a second.
NARROW = {**QUICK, "itl_base_s": 0.02, "batch": 2}
WORK = {"stream": True, "max_tokens": 25}


@pytest.fixture
def sim(stage):
    return stage.sim(cluster(type="narrow"), types={"narrow": NARROW})


def start(stage, sim, **classes):
    """An edge whose cluster has been measured: it runs two at a time, and how long."""
    redis = stage.redis()
    stage.agents(sim, redis, capacity={"slots": 2})
    edge = stage.edge(sim, redis, workers=1, classes=classes)
    for number in range(4):
        assert edge.chat(chat(f"warm {number}", **WORK)).status_code == 200
    wait_for(lambda: {"slots", "hold"} <= set(explain(edge)["clusters"][0]["inputs"]["known"]), what="slots and their hold are known")
    return edge


def explain(edge):
    return edge.admin("/explain?prompt_tokens=10").json()


class Clients(threading.Thread):
    """Requests of one class, all at once; `streams` when it is joined."""

    def __init__(self, edge, count, tier="default"):
        super().__init__()
        self._work = edge.plain, [chat(f"{tier} {number}", service_tier=tier, **WORK) for number in range(count)]
        self.streams = []
        self.start()

    def run(self):
        self.streams = play_streams(*self._work, connections=1)


def waiting(edge, count):
    wait_for(lambda: edge.metric("isochrone_queue_depth") >= count, what=f"{count} requests wait")


def whole(stream):
    return stream.status == 200 and stream.ended == "end" and stream.events[-1] == "[DONE]"


def told_to_come_again(stream):
    return (stream.status == 503 and stream.ended == "end" and b'"code":"overloaded"' in stream.data and
            1 <= int(stream.headers["retry-after"]) <= 5)


def let_in(line):
    """When it had waited enough, in ms of the wall clock."""
    times = line["ms"]
    return line["ts_ms"] - times["total"] + times["read"] + times["queue"]


def test_overload(stage, sim):
    edge = start(stage, sim, interactive={"slo": "100ms", "queue": "2s"}, priority={"slo": "100ms", "queue": "10s"})
    assert explain(edge)["waits"] is False
    crowd = Clients(edge, 40)
    waiting(edge, 10)
    assert explain(edge)["waits"] is True
    first = Clients(edge, 3, "priority")
    crowd.join()
    first.join()

    # None is lost: an answer to its end, or an error that says when to come again.
    assert all(whole(one) for one in first.streams)
    assert all(whole(one) or told_to_come_again(one) for one in crowd.streams)
    late = [one for one in crowd.streams if one.status == 503]
    assert 0 < len(late) < 40

    lines = [edge.logged(one.headers["x-request-id"]) for one in crowd.streams + first.streams]
    waited = [one for one in lines if one["status"] == 200 and "queue" in one["ms"]]
    ordinary = [let_in(one) for one in waited if one["class"] == "interactive"]
    assert ordinary, "somebody waited and was let in"
    for one in (line for line in waited if line["class"] == "priority"):
        came = let_in(one) - one["ms"]["queue"]
        overtaken_by = [when for when in ordinary if came + 30 < when < let_in(one) - 30]
        assert not overtaken_by, f"{overtaken_by} between {came} and {let_in(one)}"
    assert all(one["ms"]["queue"] < 3000 for one in lines if "queue" in one["ms"])
    timing = dict(part.strip().split(";dur=") for part in late[0].headers["server-timing"].split(","))
    assert float(timing["route"]) < 1000

    assert edge.metric("isochrone_queue_depth") == 0
    assert edge.metric("isochrone_queue_waits_total", outcome="let_in") == len(waited)
    refused = sum(edge.metric("isochrone_queue_waits_total", outcome=why) for why in ("expired", "full", "displaced"))
    assert refused == len(late) == edge.metric("isochrone_request_faults_total", fault="overload")
    assert edge.metric("isochrone_queue_wait_seconds_count", **{"class": "interactive"}) >= len(ordinary)
    wait_for(lambda: explain(edge)["waits"] is False, what="the fleet has room again")


def test_who_goes_away_waits_no_more(stage, sim):
    edge = start(stage, sim, interactive={"slo": "100ms", "queue": "1m"}, priority={"slo": "100ms", "queue": "2s"})
    crowd = Clients(edge, 20, "priority")
    waiting(edge, 1)
    with edge.client() as client, pytest.raises(httpx.ReadTimeout):
        client.post("/v1/chat/completions", json=chat(**WORK), timeout=0.01)
    wait_for(lambda: edge.metric("isochrone_queue_waits_total", outcome="gone") == 1, what="it is noticed")
    crowd.join()
    wait_for(lambda: edge.metric("isochrone_exchanges_open") == 0, what="nothing is left")
    assert edge.metric("isochrone_queue_depth") == 0


def test_sigterm_lets_the_waiting_end(stage, sim):
    classes = {"interactive": {"slo": "1ms", "queue": "1ms"}, "priority": {"slo": "100ms", "queue": "3s"},
               "flex": {"slo": "1ms", "queue": "1h"}}
    edge = start(stage, sim, **classes)
    with ThreadPoolExecutor(30) as pool:
        def ask(tier):
            return pool.submit(edge.chat, chat(tier, service_tier=tier, **WORK))

        crowd = [ask("priority") for _ in range(22)]
        waiting(edge, 1)
        patient = [ask("flex") for _ in range(3)]
        wait_for(lambda: edge.metric("isochrone_queue_depth", **{"class": "flex"}) == 3, what="the patient wait behind them")
        edge.signal(signal.SIGTERM)
        assert [one.result().status_code for one in crowd] == [200] * 22
        answers = [one.result() for one in patient]
    assert [(one.status_code, one.json()["error"]["code"]) for one in answers] == [(503, "draining")] * 3
    assert all(1 <= int(one.headers["retry-after"]) <= 5 for one in answers)
    assert edge.wait(20) == 0
