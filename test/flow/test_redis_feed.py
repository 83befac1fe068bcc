"""An edge on a real Redis: reports and counters arrive, garbage does not, and no outage costs a request."""

import json
import threading

import pytest

from kit.requests import chat
from kit.sim import cluster
from kit.wait import until, wait_for

# What no number of a report may be.
GARBAGE = ["", " ", "nan", "NaN", "-nan", "inf", "+inf", "-inf", "infinity", "-0", "-1", "+5", "1e308", "1e999", "1e-320", "0x10",
           "0b1", "010x", "5 ", " 5", "5\n", "\t5", "5\0", "\0", "5,0", "5.0.0", "1_000", "1 000", "five", "true", "null", "None", "[]",
           "{}", "\"5\"", "'5'", "5%", "5ms", "$5", "٥", "५", "½", "５", "5\u200b", "\ufeff5", "9" * 65, "0." + "1" * 65, "9" * 400,
           "5e", "e5", "--5", "5-", "1/0", "<5>", "5;DROP", "%s%n", "\x1b[31m5", "5\r\n{\"fake\":1}", "x" * 900]


class Writer:
    """The test as an agent that keeps no rule but the shape: straight into the keys and the channel."""

    def __init__(self, redis):
        self._client, self._seq = redis.client, 0

    def report(self, publish=True, store=True, **fields):
        self._seq += 1
        seconds, micros = self._client.time()
        now = seconds * 1000 + micros // 1000
        report = {"epoch": 1000, "seq": self._seq, "ts_ms": now, "ttl_ms": 60000, "state": "open", "running": 1, "waiting": 0,
                  "slots": 321, "instances": 2, "mean_tokens": 500, **fields}
        if store:
            self._client.delete("{iso}:report:near:default")
            self._client.hset("{iso}:report:near:default", mapping=report)
            self._client.zadd("{iso}:reports", {"near:default": now})
        if publish:
            self.publish(json.dumps([str(word) for pair in {"cluster": "near", "pool": "default", **report}.items() for word in pair]))

    def publish(self, message):
        self._client.publish("{iso}:updates", message)


def inputs(edge):
    return next(one for one in edge.admin("/clusters").json()["clusters"] if one["cluster"] == "near")["inputs"]


def slots(edge):
    """The slots as the edge knows them, None while it only assumes them."""
    found = inputs(edge)["slots"]
    return found["value"] if found["known"] else None


def live_routers(edge):
    return edge.admin("/routers").json()["live"]


@pytest.fixture
def redis(stage):
    return stage.redis()


@pytest.fixture
def sim(stage):
    return stage.sim(cluster("near"))


def edge_on(stage, sim, redis, name="edge"):
    edge = stage.edge(sim, redis, name)
    wait_for(lambda: edge.metric("isochrone_redis_snapshots_total") > 0, what="a first snapshot")
    return edge


class Load:
    """Requests one after the other until it is stopped; `failed` has what was not a 200."""

    def __init__(self, edge):
        self.failed, self.count, self._stop = [], 0, threading.Event()
        self._thread = threading.Thread(target=self._run, args=(edge,))
        self._thread.start()

    def _run(self, edge):
        with edge.client() as client:
            while not self._stop.is_set():
                answer = client.post("/v1/chat/completions", json=chat())
                self.count += 1
                if answer.status_code != 200:
                    self.failed.append((answer.status_code, answer.text))

    def stop(self):
        self._stop.set()
        self._thread.join()
        return self.failed


# ---- reports ----------------------------------------------------------------


def test_report_made_before_the_edge_came_is_known(stage, sim, redis):
    Writer(redis).report(publish=False)
    edge = edge_on(stage, sim, redis)
    wait_for(lambda: slots(edge) == 321)


def test_report_arrives_at_once_by_the_channel(stage, sim, redis):
    edge = edge_on(stage, sim, redis)
    writer = Writer(redis)
    wait_for(lambda: writer.report(store=False) or slots(edge) == 321)
    before = edge.metric("isochrone_redis_snapshots_total")
    writer.report(store=False, slots=322)
    wait_for(lambda: slots(edge) == 322, timeout=3)
    assert edge.metric("isochrone_redis_snapshots_total") <= before + 1


def test_lost_message_is_made_up_for_by_the_next_snapshot(stage, sim, redis):
    edge = edge_on(stage, sim, redis)
    Writer(redis).report(publish=False)
    wait_for(lambda: slots(edge) == 321, timeout=15)


def test_every_kind_of_garbage_is_refused_counted_and_leaves_the_last_good(stage, sim, redis):
    edge = edge_on(stage, sim, redis)
    writer = Writer(redis)
    wait_for(lambda: writer.report() or slots(edge) == 321)
    assert len(GARBAGE) >= 50

    def refused():
        return (edge.metric("isochrone_report_fields_refused_total", field="slots")
                + edge.metric("isochrone_redis_refused_total", what="report"))

    before = refused()
    for garbage in GARBAGE:
        writer.report(store=False, slots=garbage)
    wait_for(lambda: refused() == before + len(GARBAGE))
    assert slots(edge) == 321
    writer.report(slots=330)
    wait_for(lambda: slots(edge) == 330)


@pytest.mark.parametrize("message", [
    "", "[]", "{}", "null", "[[]]", "[1,2]", "[\"cluster\"]", "x" * 100_000, "[" * 1000, "\0", "[\"cluster\",\"near\"",
    "[\"cluster\",\"near\",\"pool\",\"default\",\"epoch\",\"9\",\"seq\",\"9\"]",
    "[\"cluster\",\"../near\",\"pool\",\"default\",\"epoch\",\"9\",\"seq\",\"9\",\"ts_ms\",\"9\"]",
    "[" + ",".join(["\"a\""] * 400) + "]",
])
def test_message_of_another_shape_is_refused(shared_edge, message):
    edge, writer = shared_edge
    before = edge.metric("isochrone_redis_refused_total", what="report")
    writer.publish(message)
    wait_for(lambda: edge.metric("isochrone_redis_refused_total", what="report") > before)
    assert edge.chat(chat()).status_code == 200


@pytest.fixture(scope="module")
def shared_edge(shared_stage):
    sim, redis = shared_stage.sim(cluster("near")), shared_stage.redis()
    edge = edge_on(shared_stage, sim, redis)
    wait_for(lambda: redis.client.pubsub_numsub("{iso}:updates")[0][1] == 1)
    return edge, Writer(redis)


@pytest.mark.parametrize("spoil", [
    lambda client: client.set("{iso}:reports", "x"), lambda client: client.set("{iso}:total", "x"),
    lambda client: client.set("{iso}:routers", "x"), lambda client: client.zadd("{iso}:reports", {f"c{i}:d": i for i in range(20_000)}),
    lambda client: client.hset("{iso}:report:near:default", "slots", "9" * 10_000_000),
    lambda client: client.function_flush(), lambda client: client.flushall(),
], ids=["reports", "total", "routers", "20,000 clusters", "10 MB", "no functions", "flushed"])
def test_spoiled_keys_cost_nothing_and_the_exchange_goes_on(stage, sim, redis, spoil):
    edge = edge_on(stage, sim, redis)
    writer = Writer(redis)
    wait_for(lambda: writer.report() or slots(edge) == 321)
    spoil(redis.client)
    before = edge.metric("isochrone_redis_exchanges_total")
    wait_for(lambda: edge.metric("isochrone_redis_exchanges_total") > before + 5)
    assert slots(edge) == 321
    assert edge.chat(chat()).status_code == 200


# ---- outages ----------------------------------------------------------------


def test_redis_killed_under_load(stage, sim, redis):
    edge = edge_on(stage, sim, redis)
    writer = Writer(redis)
    wait_for(lambda: writer.report() or slots(edge) == 321)
    load = Load(edge)
    redis.kill()
    wait_for(lambda: edge.metric("isochrone_redis_up") == 0)
    count = load.count
    wait_for(lambda: load.count > count + 20)
    assert slots(edge) == 321
    stage.processes.remove(redis)
    again = stage.add(redis.again())
    wait_for(lambda: edge.metric("isochrone_redis_up") == 1, timeout=25)
    writer = Writer(again)
    wait_for(lambda: writer.report(epoch=2000, slots=400) or slots(edge) == 400)
    assert load.stop() == []


def test_redis_frozen_under_load(stage, sim, redis):
    edge = edge_on(stage, sim, redis)
    writer = Writer(redis)
    wait_for(lambda: writer.report() or slots(edge) == 321)
    load = Load(edge)
    redis.freeze()
    wait_for(lambda: edge.metric("isochrone_redis_up") == 0)
    count = load.count
    wait_for(lambda: load.count > count + 20)
    redis.thaw()
    wait_for(lambda: edge.metric("isochrone_redis_up") == 1, timeout=25)
    wait_for(lambda: writer.report(slots=400) or slots(edge) == 400)
    assert load.stop() == []


@pytest.mark.soak
@pytest.mark.parametrize("how", ["frozen", "killed"])
def test_redis_away_for_a_minute_under_load(stage, sim, redis, how):
    edge = edge_on(stage, sim, redis)
    load = Load(edge)
    redis.freeze() if how == "frozen" else redis.kill()
    for _ in until(60):
        wait_for(lambda: load.count >= 0)
    if how == "frozen":
        redis.thaw()
    else:
        stage.processes.remove(redis)
        stage.add(redis.again())
    wait_for(lambda: edge.metric("isochrone_redis_up") == 1, timeout=25)
    assert load.stop() == []


def test_redis_that_becomes_a_replica_is_left_for_the_other(stage, sim, redis):
    other = stage.redis()
    edge = edge_on(stage, sim, redis)
    edge.write_config({"clusters": [stage.cluster_config(sim, "near")], "redis": {"urls": [redis.url, other.url]}})
    edge.reload()
    wait_for(lambda: len(edge.events("redis_connected")) == 2)
    redis.client.replicaof("127.0.0.1", other.port)
    wait_for(lambda: other.client.zscore("{iso}:routers", "edge"), timeout=25)
    assert edge.chat(chat()).status_code == 200
    redis.client.replicaof("NO", "ONE")


def test_no_redis_at_the_start(stage, sim, redis):
    redis.kill()
    stage.processes.remove(redis)
    edge = stage.edge(sim, redis)
    assert edge.chat(chat()).status_code == 200
    stage.add(redis.again())
    wait_for(lambda: edge.metric("isochrone_redis_up") == 1, timeout=25)


# ---- exchange ---------------------------------------------------------------


def test_routers_know_what_the_others_hold(stage, redis):
    sim = stage.sim(cluster("near", type="slow"))
    first, second = edge_on(stage, sim, redis, "edge-1"), edge_on(stage, sim, redis, "edge-2")
    wait_for(lambda: live_routers(first) == live_routers(second) == 2)

    def others(edge):
        return next(one for one in edge.admin("/clusters").json()["clusters"])["work"]["others_requests"]

    with first.client() as client, client.stream("POST", "/v1/chat/completions", json=chat(stream=True, max_tokens=400)) as answer:
        assert answer.status_code == 200
        wait_for(lambda: others(second) == 1)
        assert others(first) == 0
    wait_for(lambda: others(second) == 0)


def test_router_that_dies_is_taken_out_with_what_it_held(stage, redis):
    sim = stage.sim(cluster("near", type="slow"))
    first, second = edge_on(stage, sim, redis, "edge-1"), edge_on(stage, sim, redis, "edge-2")

    def others(edge):
        return next(one for one in edge.admin("/clusters").json()["clusters"])["work"]["others_requests"]

    with first.client() as client, client.stream("POST", "/v1/chat/completions", json=chat(stream=True, max_tokens=400)):
        wait_for(lambda: others(second) == 1)
        first.kill()
        wait_for(lambda: others(second) == 0 and live_routers(second) == 1)
