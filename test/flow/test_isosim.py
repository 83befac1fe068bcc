"""The simulated clusters themselves: what the other flow tests rely on."""

import json
import subprocess

import httpx
import pytest

from kit.requests import MODEL, chat, completion, embedding
from kit.sim import cluster
from kit.wait import wait_for

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def sim(shared_stage):
    return shared_stage.sim(cluster("plain"), cluster("h2c", protocol="h2c", type="slow"),
                            cluster("tls", protocol="h2"))


def client(sim, name, **more):
    http2 = sim.protocol(name) != "h1"
    return httpx.Client(base_url=sim.urls[name], http2=http2, http1=not http2, verify=False, trust_env=False,
                        timeout=20, **more)


def events(text):
    return [line[6:] for line in text.split("\n\n") if line.startswith("data: ")]


@pytest.mark.parametrize("name", ["plain", "h2c", "tls"])
def test_a_stream_is_whole(sim, name):
    with client(sim, name) as http:
        answer = http.post(CHAT, json=chat(stream=True, max_tokens=5, stream_options={"include_usage": True}),
                           headers={"x-request-id": f"whole-{name}"})
    got = events(answer.text)
    assert got[-1] == "[DONE]"
    chunks = [json.loads(one) for one in got[:-1]]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert [one["choices"][0]["finish_reason"] for one in chunks[:-1]] == [None] * 6 + ["length"]
    assert chunks[-1]["usage"]["completion_tokens"] == 5
    assert answer.headers["x-request-id"] == f"whole-{name}"
    assert sim.saw(f"whole-{name}", "finished")["tokens"] == 5


def test_a_second_turn_finds_its_prefix(sim):
    with client(sim, "plain") as http:
        sizes = {"x-sim-prompt-tokens": "1000", "x-sim-output-tokens": "24"}
        first = http.post("/v1/completions", json=completion(prompt_cache_key="talk"), headers=sizes).json()
        sizes["x-sim-prompt-tokens"] = "1500"
        second = http.post("/v1/completions", json=completion(prompt_cache_key="talk"), headers=sizes).json()
    assert first["usage"]["prompt_tokens_details"]["cached_tokens"] == 0
    assert second["usage"]["prompt_tokens_details"]["cached_tokens"] == 1024
    assert second["usage"]["prompt_tokens"] == 1500


def test_embeddings_models_and_errors(sim):
    with client(sim, "plain") as http:
        assert len(http.post("/v1/embeddings", json=embedding()).json()["data"][0]["embedding"]) == 8
        assert [one["id"] for one in http.get("/v1/models").json()["data"]] == [MODEL]
        assert http.post(CHAT, json=chat(model="other")).status_code == 404
        assert http.post(CHAT, content=b"{").status_code == 400
        assert http.get(CHAT).status_code == 405
        assert http.get("/nowhere").json()["error"]["code"] == 404


def test_metrics_are_those_of_an_engine(sim):
    with client(sim, "plain") as http:
        http.post(CHAT, json=chat())
        page = http.get("/metrics").text
    # promtool only dislikes the colon in vLLM's names.
    check = subprocess.run(["promtool", "check", "metrics"], input=page, text=True, capture_output=True)
    complaints = [one for one in check.stderr.splitlines() if "should not contain ':'" not in one]
    assert not complaints, complaints
    assert 'vllm:num_requests_running{engine="0"' in page
    assert 'vllm:request_prefill_time_seconds_sum{' in page


def test_who_leaves_is_aborted(sim):
    with client(sim, "h2c") as http:
        with http.stream("POST", CHAT, json=chat(stream=True, max_tokens=1000), headers={"x-request-id": "leaver"}) as answer:
            next(answer.iter_bytes())
    assert sim.saw("leaver", "aborted")["tokens"] >= 1


@pytest.mark.parametrize("name", ["plain", "h2c", "tls"])
def test_a_cut_answer_does_not_end(sim, name):
    sim.fault(name, "cut_after_tokens", value=3)
    try:
        with client(sim, name) as http, pytest.raises(httpx.HTTPError):
            http.post(CHAT, json=chat(stream=True), headers={"x-request-id": f"cut-{name}"})
        assert sim.saw(f"cut-{name}", "aborted")["tokens"] == 3
    finally:
        sim.fault(name, "clear")


def test_a_killed_cluster_is_gone_until_cleared(sim):
    with client(sim, "h2c") as http, http.stream("POST", CHAT, json=chat(stream=True, max_tokens=1000)) as answer:
        parts = answer.iter_bytes()
        next(parts)
        sim.fault("h2c", "kill")
        with pytest.raises(httpx.HTTPError):
            for _ in parts:
                pass
    with client(sim, "h2c") as http:
        with pytest.raises(httpx.ConnectError):
            http.get("/health")
        sim.fault("h2c", "clear")
        assert http.get("/health").status_code == 200


def test_a_refusing_cluster_serves_who_is_there(sim):
    with client(sim, "plain") as inside, client(sim, "plain") as outside:
        inside.get("/health")
        sim.fault("plain", "refuse")
        try:
            assert inside.get("/health").status_code == 200
            with pytest.raises(httpx.ConnectError):
                outside.get("/health")
        finally:
            sim.fault("plain", "clear")


def test_a_status_is_answered_at_once(sim):
    sim.fault("plain", "status", value=503)
    try:
        with client(sim, "plain") as http:
            answer = http.post(CHAT, json=chat())
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert http.get("/health").status_code == 200
    finally:
        sim.fault("plain", "clear")


@pytest.mark.parametrize("what", ["engine", "wire"])
def test_a_stalled_cluster_goes_on_when_cleared(sim, what):
    sim.fault("plain", "stall", value=what)
    with client(sim, "plain") as http, client(sim, "plain") as other:
        with pytest.raises(httpx.ReadTimeout):
            http.post(CHAT, json=chat(), timeout=0.3)
        if what == "engine":
            assert other.get("/health").status_code == 200
        sim.fault("plain", "clear")
        assert http.post(CHAT, json=chat()).status_code == 200


def test_a_wrong_order_changes_nothing(sim):
    with httpx.Client(base_url=sim.control_url, trust_env=False) as control:
        answer = control.post("/sim/plain/fault", json={"fault": "slaw", "value": 3})
        assert answer.status_code == 400
        assert "did you mean" in answer.json()["error"]["message"]
        assert control.post("/sim/plain/fault", json={"fault": "slow"}).status_code == 400
        assert control.post("/sim/nobody/fault", json={"fault": "kill"}).status_code == 404
        assert control.get("/sim/plain").json()["faults"] == {}
        log = control.get("/sim/plain/log?since=1").text.splitlines()
        assert json.loads(log[0])["seq"] == 2


def test_distance_is_in_front_of_everything(stage):
    far = stage.sim(cluster("far", latitude=50.1, longitude=8.7), delay=True)
    transport = httpx.HTTPTransport(local_address="127.0.1.1", trust_env=False)
    with httpx.Client(base_url=far.urls["far"], transport=transport) as http, client(far, "far") as near:
        http.get("/health")  # the connection takes a round trip more
        assert http.get("/health").elapsed.total_seconds() > 0.06
        near.get("/health")
        fastest = wait_for(lambda: min(near.get("/health").elapsed.total_seconds() for _ in range(5)))
        assert fastest < 0.05
