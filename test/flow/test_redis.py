"""The data plane never waits for Redis: killed, frozen, back, empty, full of nonsense."""

import json
import threading
import time

import pytest

from kit.requests import chat
from kit.sim import cluster
from kit.wait import until, wait_for


@pytest.fixture
def redis(stage):
    return stage.redis()


@pytest.fixture
def sim(stage):
    return stage.sim(cluster("near"), cluster("other", protocol="h2c"))


@pytest.fixture
def edge(stage, sim, redis):
    stage.agents(sim, redis)
    edge = stage.edge(sim, redis)
    wait_for(lambda: fresh(edge, "near") and fresh(edge, "other"), what="both clusters' reports at the edge")
    return edge


def fresh(edge, name, at_most_ms=2000):
    """The edge has a report of the cluster that is not old."""
    report = edge.clusters()[name]["report"]
    return bool(report) and report["age_ms"] <= at_most_ms


class Load:
    """Chats from two threads, from the beginning to the end of a with block."""

    def __init__(self, edge):
        self._edge, self._done = edge, threading.Event()
        self.failures, self.count = [], 0
        self._threads = [threading.Thread(target=self._run) for _ in range(2)]

    def _run(self):
        with self._edge.client(http2=True) as client:
            while not self._done.is_set():
                answer = client.post("/v1/chat/completions", json=chat(max_tokens=2))
                self.count += 1
                if answer.status_code != 200:
                    self.failures.append(answer.text)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        wait_for(lambda: self.count > 20, what="load")
        return self

    def __exit__(self, *why):
        self._done.set()
        for thread in self._threads:
            thread.join()

    def more(self, count=200):
        """Waits until this many more were answered; nothing may have failed."""
        before = self.count
        wait_for(lambda: self.count >= before + count, 30, "more answers")
        assert not self.failures


def test_reports_reach_the_edge(edge, redis):
    report = redis.report("near")
    assert report["state"] == "open"
    assert float(report["running"]) >= 0


def test_redis_killed_and_back(edge, redis, stage):
    with Load(edge) as load:
        load.more()
        redis.kill()
        load.more()
        stage.add(redis.again())
        wait_for(lambda: fresh(edge, "near", 500), 30, "a fresh report after Redis came back")
        load.more()


def test_redis_frozen_for_60_s_under_load(edge, redis):
    """Decisions go on; when it thaws the edge is back by itself."""
    with Load(edge) as load:
        redis.freeze()
        began = time.monotonic()
        for _ in until(60):
            load.more(100)
        assert time.monotonic() - began >= 60
        assert edge.admin("/readyz").status_code == 200
        redis.thaw()
        wait_for(lambda: fresh(edge, "near", 500), 30, "a fresh report after the thaw")
        load.more()


def test_no_redis_at_the_start(stage, sim):
    """Priors and what it sees itself are enough."""
    edge = stage.edge(sim)
    assert edge.chat(chat()).status_code == 200
    dead = stage.edge(sim, "redis://127.0.0.1:1/0", name="dead")
    assert dead.chat(chat()).status_code == 200


@pytest.mark.parametrize("field, value", [("slots", "nan"), ("slots", "-5"), ("running", "1e308"), ("state", "perhaps"),
                                          ("prefill_tps", "many"), ("ttl_ms", "0")])
def test_a_nonsense_report_is_ignored_and_counted(edge, redis, field, value):
    last = redis.report("near")
    wild = [one for pair in {**last, field: value, "seq": str(int(last["seq"]) + 1000)}.items() for one in pair]
    redis.client.publish("{iso}:updates", json.dumps(wild))
    wait_for(lambda: edge.metric("isochrone_report_fields_refused_total", field=field) >= 1, what="the refusal is counted")
    assert edge.chat(chat()).status_code == 200
