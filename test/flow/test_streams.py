"""SSE streams: whole, in order, unsplit; honestly cut; never buffered without bound."""

import json

import h2.events
import h2.settings
import pytest

from kit.h1_peer import H1Peer
from kit.h2_peer import H2Peer
from kit.many_streams import play_streams
from kit.requests import chat
from kit.sim import cluster
from kit.wait import PATIENCE, until, wait_for

CHAT = "/v1/chat/completions"
# Sanitizers keep several bytes of their own for each.
SHADOW = 8 if PATIENCE > 1 else 1


@pytest.fixture(scope="module")
def sim(shared_stage):
    return shared_stage.sim(cluster("h1", protocol="h1"), cluster("h2c", protocol="h2c"), cluster("h2", protocol="h2"),
                            cluster("slow", type="slow", models=["slow-model"]),
                            cluster("slow-h2c", type="slow", protocol="h2c", models=["slow-h2c-model"]))


@pytest.fixture(scope="module")
def edge(shared_stage, sim):
    """One worker, and each cluster under a model name of its own."""
    models = {"h1": {"h1-model": "qwen3-32b"}, "h2c": {"h2c-model": "qwen3-32b"}, "h2": {"h2-model": "qwen3-32b"},
              "slow": ["slow-model"], "slow-h2c": ["slow-h2c-model"]}
    clusters = [shared_stage.cluster_config(sim, name, models=models[name]) for name in sim.cluster_names]
    return shared_stage.edge(sim, clusters=clusters, workers=1, limits={"streams": 100},
                             upstream={"connections": 1000, "ca_file": str(shared_stage.certificates.authority)})


def complete(stream, tokens):
    """Every event once, in order, [DONE] last."""
    assert stream.status == 200
    assert stream.ended == "end"
    events = stream.events
    assert events[-1] == "[DONE]"
    words = [one["choices"][0]["delta"].get("content") for one in events[:-1] if one.get("choices")]
    assert len([word for word in words if word]) == tokens


@pytest.mark.parametrize("model", ["h1-model", "h2c-model", "h2-model"])
@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_a_stream_is_whole(edge, model, tls):
    address, authority = (edge.tls, edge.authority) if tls else (edge.plain, None)
    for stream in play_streams(address, [chat(stream=True, model=model, max_tokens=50)] * 10, 2, authority=authority):
        complete(stream, 50)
        assert not stream.split


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_1000_streams_through_one_worker(edge, tls):
    address, authority = (edge.tls, edge.authority) if tls else (edge.plain, None)
    bodies = [chat(f"stream {number}", stream=True, model="h2c-model" if number % 2 else "h1-model", max_tokens=30)
              for number in range(1000)]
    streams = play_streams(address, bodies, connections=10, authority=authority, timeout=90)
    assert len(streams) == 1000
    assert edge.metric("isochrone_worker_seconds_total", worker="0", state="busy") > 0
    for stream in streams:
        complete(stream, 30)
    assert sum(len(one.split) for one in streams) == 0


def test_an_alias_is_rewritten_on_the_way(edge, sim):
    """The client's name for the model is ours; the cluster knows only its own."""
    assert edge.chat(chat(model="h1-model")).status_code == 200
    assert edge.chat(chat(model="qwen3-32b")).status_code == 404


def test_headers_of_a_stream(edge):
    with edge.client() as client, client.stream("POST", CHAT, json=chat(stream=True, model="h1-model")) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-length" not in answer.headers


SLOW = ["slow-model", "slow-h2c-model"]


@pytest.mark.parametrize("model", SLOW)
def test_a_cut_stream_looks_cut_h2(edge, sim, model):
    name = model.removesuffix("-model")
    sim.fault(name, "cut_after_tokens", 3)
    try:
        with H2Peer(edge.plain) as peer:
            status, _, body, ended = peer.answer(peer.post(CHAT, chat(stream=True, model=model, max_tokens=100)))
    finally:
        sim.fault(name, "clear")
    assert status == 200
    assert ended == 2  # INTERNAL_ERROR
    last = body.decode().strip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "upstream_cut"
    assert b"[DONE]" not in body


@pytest.mark.parametrize("model", SLOW)
def test_a_cut_stream_looks_cut_h1(edge, sim, model):
    name = model.removesuffix("-model")
    sim.fault(name, "cut_after_tokens", 3)
    try:
        with H1Peer(edge.plain) as peer:
            peer.post(CHAT, chat(stream=True, model=model, max_tokens=100))
            assert peer.head()[0] == 200
            got = []
            with pytest.raises(EOFError):
                for chunk in peer.chunks():
                    got.append(chunk)
    finally:
        sim.fault(name, "clear")
    last = b"".join(got).decode().strip().split("\n\n")[-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "upstream_cut"


def test_a_killed_cluster_cuts_its_streams_and_nothing_else(edge, sim):
    with H2Peer(edge.plain) as peer:
        doomed = [peer.post(CHAT, chat(stream=True, model="slow-model", max_tokens=200)) for _ in range(5)]
        spared = [peer.post(CHAT, chat(stream=True, model="slow-h2c-model", max_tokens=20)) for _ in range(5)]
        for stream in doomed + spared:
            peer.until(lambda one, stream=stream: isinstance(one, h2.events.DataReceived) and one.stream_id == stream)
        sim.fault("slow", "kill")
        try:
            for stream in doomed:
                assert peer.answer(stream)[3] == 2
            for stream in spared:
                status, _, body, ended = peer.answer(stream)
                assert (status, ended) == (200, "end")
                assert body.rstrip().endswith(b"data: [DONE]")
        finally:
            sim.fault("slow", "clear")
    wait_for(lambda: edge.chat(chat(model="slow-model", max_tokens=1)).status_code == 200, 20, "the cluster is used again")


@pytest.mark.parametrize("model", SLOW)
def test_a_client_that_leaves_is_cancelled_h2(edge, sim, model):
    with H2Peer(edge.plain) as peer:
        stream = peer.post(CHAT, chat(stream=True, model=model, max_tokens=400))
        request_id = peer.head(stream)["x-request-id"]
        peer.reset(stream)
        sim.saw(request_id, "aborted")
    assert edge.logged(request_id)["fault"] == "client_gone"


@pytest.mark.parametrize("model", SLOW)
def test_a_client_that_leaves_is_cancelled_h1(edge, sim, model):
    with H1Peer(edge.plain) as peer:
        peer.post(CHAT, chat(stream=True, model=model, max_tokens=400))
        request_id = peer.head()[1]["x-request-id"]
    sim.saw(request_id, "aborted")
    assert edge.logged(request_id)["fault"] == "client_gone"


def paused(edge, tokens=4000):
    """A peer with a stream of about a megabyte that it does not read."""
    peer = H2Peer(edge.plain, settings={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1024})
    peer.acknowledge = False
    stream = peer.post(CHAT, chat(stream=True, model="h2c-model", max_tokens=tokens))
    peer.head(stream)
    return peer, stream


def test_a_paused_client_holds_little(edge, sim):
    """20 clients that stop reading hold less than 256 KiB each, and the others do not notice."""
    before = edge.rss_bytes()
    peers = [paused(edge)[0] for _ in range(20)]
    try:
        for stream in play_streams(edge.plain, [chat(stream=True, model="h2c-model", max_tokens=50)] * 50, 1):
            complete(stream, 50)
        assert (edge.rss_bytes() - before) / 20 < 256 * 1024 * SHADOW
    finally:
        for peer in peers:
            peer.socket.close()


def test_a_paused_client_goes_on_where_it_was(edge):
    peer, stream = paused(edge, tokens=500)
    with peer:
        peer.acknowledge = True
        peer.h2.increment_flow_control_window(1 << 20, stream)
        peer.flush()
        status, _, body, ended = peer.answer(stream, 30)
    assert (status, ended) == (200, "end")
    assert body.count(b"data: {") >= 500
    assert body.rstrip().endswith(b"data: [DONE]")


def test_what_was_queued_just_now_is_no_stall(edge):
    """At the router's first look, after five seconds, this client has not taken a byte, and is not late with any."""
    nothing = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0}
    with H2Peer(edge.plain) as peer:
        peer.h2.update_settings(nothing)
        peer.flush()
        peer.until(lambda one: isinstance(one, h2.events.SettingsAcknowledged) and set(one.changed_settings) == set(nothing))
        stream = peer.post(CHAT, chat(stream=True, model="slow-h2c-model", max_tokens=200))
        peer.head(stream)
        for _ in until(6):
            assert edge.chat(chat(model="h2c-model")).status_code == 200
        peer.h2.increment_flow_control_window(1 << 20, stream)
        peer.flush()
        status, _, body, ended = peer.answer(stream)
    assert (status, ended) == (200, "end")
    assert body.rstrip().endswith(b"data: [DONE]")
