"""Models with engines of their own: capacity is known per pool, and what was asked for is what answers."""

import threading

import httpx
import pytest

from kit.agent import Agent
from kit.requests import chat
from kit.sim import BUSIABLE, PLACE, cluster
from kit.wait import wait_for

FAR = {"latitude": 50.1, "longitude": 8.7}
THEIRS = {"large": "Large-72B-Instruct", "small": "Small-7B-Instruct"}


def engines(place, where, **more):
    """The engines of a place, a simulated cluster for each model."""
    return [cluster(f"{place}-{model}", type="busiable", models=[theirs], **where, **more) for model, theirs in THEIRS.items()]


def pools(sim, place, where):
    """The place as an edge's configuration has it: one cluster, a pool for each model."""
    return {"name": place, **where, "pools": [
        {"name": model, "endpoints": [{"url": sim.urls[f"{place}-{model}"]}], "models": {model: theirs}}
        for model, theirs in THEIRS.items()]}


def agents(stage, sim, redis, place):
    for model in THEIRS:
        agent = stage.add(Agent(stage.folder, f"{place}-{model}", sim.urls[f"{place}-{model}"], redis.url, cluster=place, pool=model))
        agent.ready(lambda model=model: redis.report(place, model), "its first report")


class Crowd:
    """Others' requests, straight at an engine: the edge learns of them by the report only. They make a queue of many
    seconds, so that it is not thought to be gone when a report comes late. It leaves when the engine does."""

    def __init__(self, url, model, count):
        self._client = httpx.Client(trust_env=False, timeout=None)
        body = chat("x", model=model, max_tokens=4)
        headers = {"x-sim-prompt-tokens": "4000", "x-sim-prefix-tokens": "0"}
        self._threads = [threading.Thread(target=self._ask, args=(f"{url}/v1/chat/completions", body, headers)) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _ask(self, url, body, headers):
        try:
            while self._client.post(url, json=body, headers=headers).status_code == 200:
                pass
        except httpx.HTTPError:
            pass  # the end of the engine

    def wait(self):
        for thread in self._threads:
            thread.join()
        self._client.close()


@pytest.fixture
def scene(stage):
    """Two places, the near one quicker to reach by 100 ms and more; each has engines for each model."""
    sim = stage.sim(*engines("near", PLACE), *engines("far", FAR), delay=True, types={"busiable": BUSIABLE})
    redis = stage.redis()
    for place in ("near", "far"):
        agents(stage, sim, redis, place)
    edge = stage.edge(sim, redis, edge={"source_address": "127.0.1.1", **PLACE},
                      clusters=[pools(sim, "near", PLACE), pools(sim, "far", FAR)])
    return sim, redis, edge


def rows(edge):
    return {(one["cluster"], one["pool"]): one for one in edge.admin("/clusters").json()["clusters"]}


def chosen(edge, model, count=10):
    return [edge.chat(chat(f"{i}", model=model)).headers["x-isochrone-cluster"] for i in range(count)]


def test_a_busy_pools_traffic_leaves_and_an_idle_ones_stays(scene):
    sim, redis, edge = scene
    wait_for(lambda: all(one["inputs"]["rtt_ms"]["known"] for one in rows(edge).values()), what="every round trip is measured")
    for model in THEIRS:  # idle, both stay
        assert chosen(edge, model, 10).count("near") >= 9
    crowd = Crowd(sim.urls["near-large"], THEIRS["large"], 64)
    try:
        wait_for(lambda: rows(edge)[("near", "large")]["report"].get("waiting_tokens", 0) > 100000, what="the edge knows the busy pool")
        assert float(redis.report("near", "small")["waiting"]) == 0
        wait_for(lambda: chosen(edge, "large").count("far") >= 9, what="its traffic leaves")  # the crowd comes and goes with this machine
        assert chosen(edge, "small").count("near") >= 9
    finally:
        sim.fault("near-large", "kill")
        crowd.wait()


def test_the_engine_that_answers_has_the_model_that_was_asked_for(scene):
    sim, _, edge = scene
    for model, theirs in THEIRS.items():
        answer = edge.chat(chat(model=model))
        assert answer.json()["model"] == theirs
        started = sim.saw(answer.headers["x-request-id"], "started")
        assert started["cluster"] == f"{answer.headers['x-isochrone-cluster']}-{model}"


def test_a_model_without_engines_fails_and_is_no_other_model(scene):
    sim, _, edge = scene
    for place in ("near", "far"):
        sim.fault(f"{place}-large", "kill")
    for _ in range(5):
        answer = edge.chat(chat(model="large"))
        assert answer.status_code in (502, 503) and answer.json()["error"]["type"] == "server_error"
        assert edge.chat(chat(model="small")).status_code == 200
    assert not [one for one in sim.log(event="started") if one["request_id"] == answer.headers["x-request-id"]]


def test_what_nobody_serves_is_not_found(scene):
    _, _, edge = scene
    for model in ("Large-72B-Instruct", "LARGE", "large ", "huge"):  # theirs is not ours, and near is not the same
        answer = edge.chat(chat(model=model))
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    assert {one["id"] for one in edge.get("/v1/models").json()["data"]} == set(THEIRS)
