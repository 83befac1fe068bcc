"""The function library in a real Redis: who may write what, what goes with a router, what garbage does."""

import json
from pathlib import Path

import pytest
import redis

from kit.wait import PATIENCE, wait_for

LIBRARY = Path(__file__).resolve().parents[2] / "router" / "net" / "redis_library.lua"


@pytest.fixture(scope="module")
def shared_server(shared_stage):
    server = shared_stage.redis()
    server.client.function_load(LIBRARY.read_text())
    return server


@pytest.fixture
def server(shared_server):
    """Empty, but for the library."""
    shared_server.client.flushall()
    shared_server.client.config_set("maxmemory", 0)
    return shared_server


def report(server, *fields, cluster="fra", pool="default", epoch=1000, seq=1, ttl_ms=6000):
    return server.client.fcall("iso1_report", 2, f"{{iso}}:report:{cluster}:{pool}", "{iso}:reports", cluster, pool, epoch, seq,
                               ttl_ms, "{iso}:updates", *fields)


def snapshot(server):
    """now_ms, the reports by cluster:pool, the routers by name."""
    now, flat, routers = server.client.fcall("iso1_snapshot", 2, "{iso}:reports", "{iso}:routers", "{iso}:report:")
    reports = {flat[i]: dict(zip(flat[i + 1][::2], flat[i + 1][1::2])) for i in range(0, len(flat), 2)}
    return now, reports, dict(zip(routers[::2], routers[1::2]))


def exchange(server, name, tick_ms=100, **targets):
    """The live routers and the totals of the targets; a target is cluster__pool=(in_flight, pending, tokens)."""
    words = [word for target, counters in targets.items() for word in (target.replace("__", ":"), *counters)]
    now, live, *totals = server.client.fcall("iso1_exchange", 3, f"{{iso}}:router:{name}", "{iso}:total", "{iso}:routers",
                                             name, tick_ms, "{iso}:router:", *words)
    return live, [tuple(totals[i:i + 3]) for i in range(0, len(totals), 3)]


def now_ms(server):
    seconds, micros = server.client.time()
    return seconds * 1000 + micros // 1000


def age(server, name, by_ms):
    """Makes a router look as if it had been silent for so long."""
    server.client.zincrby("{iso}:routers", -by_ms, name)


# ---- reports ----------------------------------------------------------------


def test_report_is_stored_stamped_listed_and_bound_in_time(server):
    before = now_ms(server)
    accepted, epoch, seq, now = report(server, "running", "3", "models", "m")
    assert (accepted, epoch, seq) == (1, 1000, 1)
    stored = server.client.hgetall("{iso}:report:fra:default")
    assert stored == {"cluster": "fra", "pool": "default", "epoch": "1000", "seq": "1", "ts_ms": str(now), "ttl_ms": "6000",
                      "running": "3", "models": "m"}
    assert before <= now <= now_ms(server)
    assert 17000 < server.client.pttl("{iso}:report:fra:default") <= 18000
    assert server.client.zscore("{iso}:reports", "fra:default") == now


def test_fields_not_said_again_are_forgotten(server):
    report(server, "running", "3", "waiting", "2")
    report(server, "running", "4", seq=2)
    assert "waiting" not in server.client.hgetall("{iso}:report:fra:default")


@pytest.mark.parametrize("epoch, seq", [(1000, 5), (1000, 4), (999, 6), (1, 10**9)])
def test_duplicates_stale_ones_and_zombies_lose(server, epoch, seq):
    assert report(server, "running", "1", epoch=1000, seq=5)[0] == 1
    assert report(server, "running", "9", epoch=epoch, seq=seq)[:3] == [0, 1000, 5]
    assert server.client.hget("{iso}:report:fra:default", "running") == "1"


def test_restarted_writer_wins_with_a_small_seq(server):
    report(server, "running", "1", epoch=1000, seq=500)
    assert report(server, "running", "2", epoch=1001, seq=0)[0] == 1


def test_loser_publishes_nothing(server):
    listener = server.client.pubsub(ignore_subscribe_messages=True)
    listener.subscribe("{iso}:updates")
    wait_for(lambda: listener.subscribed and listener.get_message(timeout=0.01) is None)
    report(server, "running", "1", seq=5)
    report(server, "running", "2", seq=5)
    report(server, "running", "3", seq=6)
    heard = []
    wait_for(lambda: (message := listener.get_message(timeout=0.1)) and heard.append(json.loads(message["data"])) or len(heard) == 2)
    assert [dict(zip(flat[::2], flat[1::2]))["running"] for flat in heard] == ["1", "3"]
    assert heard[0][:4] == ["cluster", "fra", "pool", "default"]
    assert all(isinstance(word, str) for flat in heard for word in flat)


def test_report_cannot_name_its_own_epoch_or_time(server):
    report(server, "ts_ms", "1", "epoch", "999999999", "cluster", "other")
    stored = server.client.hgetall("{iso}:report:fra:default")
    assert stored["epoch"] == "1000" and stored["cluster"] == "fra" and int(stored["ts_ms"]) > 10**12


@pytest.mark.parametrize("words", [
    dict(cluster="Fra"), dict(cluster="a b"), dict(cluster=""), dict(cluster="a" * 65), dict(pool="a:b"), dict(pool="é"),
    dict(epoch="x"), dict(epoch="-1"), dict(epoch="1e3"), dict(epoch=""), dict(epoch="9" * 400), dict(seq="0x1"), dict(seq="1.5"),
    dict(ttl_ms="99"), dict(ttl_ms="600001"), dict(ttl_ms="nan"), dict(epoch=10**14),
])
def test_bad_frame_is_refused_with_a_sentence(server, words):
    with pytest.raises(redis.ResponseError, match="iso1_report: "):
        report(server, "running", "1", **words)
    assert not server.client.exists("{iso}:report:fra:default", "{iso}:reports")


@pytest.mark.parametrize("fields", [
    ["running"], ["Running", "1"], ["a b", "1"], ["running", "x" * 1025], ["f" * 65, "1"],
    [word for i in range(65) for word in (f"f{i}", "1")], [word for i in range(20) for word in (f"f{i}", "x" * 1000)],
])
def test_bad_fields_are_refused(server, fields):
    with pytest.raises(redis.ResponseError, match="iso1_report: "):
        report(server, *fields)


def test_epoch_of_a_clock_gone_wrong_is_refused_before_it_can_shut_others_out(server):
    with pytest.raises(redis.ResponseError, match="a day ahead"):
        report(server, epoch=now_ms(server) + 300 * 86400 * 1000)
    assert report(server, epoch=now_ms(server))[0] == 1


@pytest.mark.parametrize("spoil", [
    lambda client, key: client.set(key, "x"), lambda client, key: client.rpush(key, "x"),
    lambda client, key: client.hset(key, mapping={"epoch": "abc", "seq": "-"}),
    lambda client, key: client.hset(key, mapping={f"f{i}": "1" for i in range(5000)}),
])
def test_key_that_somebody_spoiled_is_taken_back(server, spoil):
    spoil(server.client, "{iso}:report:fra:default")
    server.client.set("{iso}:reports", "x")
    assert report(server, "running", "1")[0] == 1
    assert server.client.hget("{iso}:report:fra:default", "running") == "1"
    assert server.client.zscore("{iso}:reports", "fra:default")


# ---- snapshot ---------------------------------------------------------------


def test_snapshot_has_all_live_reports_and_the_clock(server):
    report(server, "running", "1")
    report(server, "running", "2", cluster="iad", pool="big")
    exchange(server, "edge-1")
    now, reports, routers = snapshot(server)
    assert abs(now - now_ms(server)) < 1000 * PATIENCE
    assert reports["fra:default"]["running"] == "1" and reports["iad:big"]["running"] == "2"
    assert list(routers) == ["edge-1"]


def test_snapshot_leaves_out_what_expired_or_is_no_report(server):
    report(server, "running", "1")
    report(server, cluster="gone")
    server.client.delete("{iso}:report:gone:default")
    server.client.zadd("{iso}:reports", {"spoiled:default": 5, "no-colon": 6, "big:default": 7, "long:default": 8})
    server.client.set("{iso}:report:spoiled:default", "x")
    server.client.hset("{iso}:report:big:default", mapping={f"f{i}": "1" for i in range(5000)})
    server.client.hset("{iso}:report:long:default", "f", "x" * 10_000_000)
    assert list(snapshot(server)[1]) == ["fra:default"]


def test_snapshot_of_nothing_and_of_spoiled_keys_is_empty(server):
    assert snapshot(server)[1:] == ({}, {})
    server.client.set("{iso}:reports", "x")
    server.client.set("{iso}:routers", "x")
    assert snapshot(server)[1:] == ({}, {})


def test_snapshot_is_bounded(server):
    with server.client.pipeline() as pipe:
        for i in range(3000):
            pipe.zadd("{iso}:reports", {f"c{i}:default": i})
            pipe.hset(f"{{iso}}:report:c{i}:default", "epoch", "1")
        pipe.execute()
    _, reports, _ = snapshot(server)
    assert len(reports) == 1024 and "c2999:default" in reports


def test_snapshot_is_a_read_that_works_without_memory(server):
    report(server, "running", "1")
    server.client.config_set("maxmemory", 1)
    server.client.config_set("maxmemory-policy", "noeviction")
    assert list(snapshot(server)[1]) == ["fra:default"]
    with pytest.raises(redis.ResponseError, match="OOM|maxmemory"):
        report(server, seq=2)


# ---- exchange ---------------------------------------------------------------


def test_totals_are_sums_over_routers(server):
    assert exchange(server, "a", fra__default=(3, 2, 900), iad__default=(0, 0, 0)) == (1, [(3, 2, 900), (0, 0, 0)])
    assert exchange(server, "b", fra__default=(1, 1, 100)) == (2, [(4, 3, 1000)])
    assert exchange(server, "a", fra__default=(1, 0, 0), iad__default=(5, 5, 5)) == (2, [(2, 1, 100), (5, 5, 5)])
    assert exchange(server, "b") == (2, [])
    assert exchange(server, "a", fra__default=(1, 0, 0)) == (2, [(1, 0, 0)])
    assert server.client.hgetall("{iso}:router:a") == {"tick_ms": "100", "fra:default": "1 0 0"}


def test_silent_router_is_taken_out_with_what_it_held(server):
    exchange(server, "a", fra__default=(3, 2, 900))
    exchange(server, "b", fra__default=(1, 1, 100))
    age(server, "a", 250)
    assert exchange(server, "b", fra__default=(1, 1, 100))[0] == 2
    age(server, "a", 100_000)
    assert exchange(server, "b", fra__default=(1, 1, 100)) == (1, [(1, 1, 100)])
    assert not server.client.exists("{iso}:router:a")


def test_router_of_a_slow_tick_is_given_its_time(server):
    exchange(server, "a", tick_ms=20_000, fra__default=(3, 2, 900))
    exchange(server, "b", fra__default=(1, 1, 100))
    age(server, "a", 30_000)
    assert exchange(server, "b", fra__default=(1, 1, 100)) == (2, [(4, 3, 1000)])
    age(server, "a", 40_000)
    assert exchange(server, "b", fra__default=(1, 1, 100)) == (1, [(1, 1, 100)])


def test_router_that_comes_back_counts_again_once(server):
    exchange(server, "a", fra__default=(3, 2, 900))
    age(server, "a", 100_000)
    exchange(server, "b", fra__default=(1, 1, 100))
    assert exchange(server, "a", fra__default=(3, 2, 900)) == (2, [(4, 3, 1000)])
    assert exchange(server, "a", fra__default=(3, 2, 900)) == (2, [(4, 3, 1000)])


@pytest.mark.parametrize("lose", [
    ["{iso}:total"], ["{iso}:routers"], ["{iso}:router:a"], ["{iso}:total", "{iso}:router:a"], ["{iso}:total", "{iso}:routers"],
])
def test_lost_keys_come_back_by_themselves(server, lose):
    exchange(server, "a", fra__default=(3, 2, 900))
    exchange(server, "b", fra__default=(1, 1, 100))
    server.client.delete(*lose)
    for _ in range(2):
        exchange(server, "a", fra__default=(3, 2, 900))
        exchange(server, "b", fra__default=(1, 1, 100))
    assert exchange(server, "b", fra__default=(1, 1, 100)) == (2, [(4, 3, 1000)])


def test_totals_gone_wrong_are_made_anew_within_a_minute(server):
    exchange(server, "a", fra__default=(3, 2, 900))
    server.client.hset("{iso}:total", "fra:default", "70 70 70")
    assert exchange(server, "a", fra__default=(3, 2, 900)) == (1, [(70, 70, 70)])
    server.client.hincrby("{iso}:total", "rebuilt_ms", -61_000)
    assert exchange(server, "a", fra__default=(3, 2, 900)) == (1, [(3, 2, 900)])


def test_totals_never_fall_below_nothing(server):
    exchange(server, "a", fra__default=(3, 2, 900))
    server.client.hset("{iso}:total", "fra:default", "1 1 1")
    assert exchange(server, "a", fra__default=(0, 0, 0)) == (1, [(0, 0, 0)])


@pytest.mark.parametrize("spoiled", ["{iso}:total", "{iso}:routers", "{iso}:router:a", "{iso}:router:b"])
def test_exchange_goes_on_over_spoiled_keys(server, spoiled):
    exchange(server, "b", fra__default=(1, 1, 100))
    server.client.set(spoiled, "x")
    for _ in range(2):
        exchange(server, "b", fra__default=(1, 1, 100))
        live, totals = exchange(server, "a", fra__default=(3, 2, 900))
    assert (live, totals) == (2, [(4, 3, 1000)])


def test_garbage_in_another_routers_hash_counts_nothing(server):
    exchange(server, "a", fra__default=(3, 2, 900))
    exchange(server, "bad")
    server.client.hset("{iso}:router:bad", mapping={"fra:default": "nan inf 1e9", "x": "1 1 1", "iad:default": "9" * 400 + " 1 1"})
    server.client.hincrby("{iso}:total", "rebuilt_ms", -61_000)
    assert exchange(server, "a", fra__default=(3, 2, 900), iad__default=(0, 0, 0)) == (2, [(3, 2, 900), (0, 0, 0)])


@pytest.mark.parametrize("words", [
    ("A", 100, "{iso}:router:"), ("a", 0, "{iso}:router:"), ("a", 60001, "{iso}:router:"), ("a", "x", "{iso}:router:"),
    ("a", 100), ("a", 100, "{iso}:router:", "fra:default", 1, 1), ("a", 100, "{iso}:router:", "fra", 1, 1, 1),
    ("a", 100, "{iso}:router:", "fra:default", -1, 1, 1), ("a", 100, "{iso}:router:", "fra:default", "1.5", 1, 1),
    ("a", 100, "{iso}:router:", "fra:default", "nan", 1, 1), ("a", 100, "{iso}:router:", "fra:default", 10**13, 1, 1),
])
def test_bad_exchange_is_refused_and_changes_nothing(server, words):
    with pytest.raises(redis.ResponseError, match="iso1_exchange: "):
        server.client.fcall("iso1_exchange", 3, "{iso}:router:a", "{iso}:total", "{iso}:routers", *words)
    assert not server.client.keys("*")


def test_many_targets_in_one_call(server):
    targets = {f"c{i}__default": (i, 1, 10) for i in range(3000)}
    assert exchange(server, "a", 60_000, **targets) == (1, list(targets.values()))
    assert exchange(server, "b", 60_000, **targets)[1][2999] == (5998, 2, 20)
    server.client.hincrby("{iso}:total", "rebuilt_ms", -61_000)
    assert exchange(server, "b", 60_000, **targets)[1][2999] == (5998, 2, 20)


def test_loading_twice_says_it_exists(server):
    with pytest.raises(redis.ResponseError, match="already exists$"):
        server.client.function_load(LIBRARY.read_text())
