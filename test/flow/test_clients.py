"""Unmodified clients that people have: curl, httpx, h2load, nghttp; over TLS and in cleartext."""

import json
import re
import subprocess

import pytest

from kit.h2_peer import H2Peer
from kit.requests import chat
from kit.sim import cluster
from kit.wait import PATIENCE, wait_for

pytestmark = pytest.mark.usefixtures("edge")


@pytest.fixture(scope="module")
def edge(shared_stage):
    return shared_stage.edge(shared_stage.sim(cluster("near"), cluster("other", protocol="h2c"), cluster("secure", protocol="h2")),
                             upstream={"ca_file": str(shared_stage.certificates.authority)})


def run(*command, data=None):
    done = subprocess.run([str(one) for one in command], input=data, capture_output=True, text=True, check=False,
                          timeout=60 * PATIENCE)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def curl(edge, base, *options, body=None, path="/v1/chat/completions"):
    """(HTTP version, status, body)"""
    out = run("curl", "-sS", "--noproxy", "*", "--cacert", edge.authority, "-N", *options, "-H", "content-type: application/json",
              "-w", "\n%{http_version} %{http_code}", "-d", json.dumps(body or chat()), base + path)
    answer, last = out.rsplit("\n", 1)
    version, status = last.split()
    return version, int(status), answer


CURL = [
    ("tls", "--http2", "2"),
    ("tls", "--http1.1", "1.1"),
    ("plain", "--http1.1", "1.1"),
    ("plain", "--http2-prior-knowledge", "2"),
    # asks for an upgrade, which is not taken, and is content with 1.1
    ("plain", "--http2", "1.1"),
]


@pytest.mark.parametrize("wire, option, version", CURL)
def test_curl_chat(edge, wire, option, version):
    got, status, answer = curl(edge, edge.tls_url if wire == "tls" else edge.url, option)
    assert (got, status) == (version, 200)
    assert json.loads(answer)["choices"][0]["message"]["role"] == "assistant"


@pytest.mark.parametrize("wire, option, version", CURL)
def test_curl_stream(edge, wire, option, version):
    got, status, answer = curl(edge, edge.tls_url if wire == "tls" else edge.url, option, body=chat(stream=True))
    assert (got, status) == (version, 200)
    assert answer.rstrip().endswith("data: [DONE]")


def test_https_in_cleartext_needs_a_proxy_that_ended_tls(stage):
    sim = stage.sim()
    edge = stage.edge(sim)

    def ask(scheme):
        with H2Peer(edge.plain) as client:
            client.scheme = scheme
            return client.answer(client.post("/v1/chat/completions", chat()))[0]

    assert (ask("https"), ask("http")) == (400, 200)
    edge.write_config({"clusters": [stage.cluster_config(sim, "near")],
                       "listen": [{"address": "{}:{}".format(*edge.plain), "behind_tls": True}]})
    edge.reload()
    wait_for(lambda: ask("https") == 200, what="https is right")
    assert (ask("http"), ask("ftp")) == (200, 400)
    assert edge.chat(chat()).status_code == 200


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
@pytest.mark.parametrize("http2", [True, False], ids=["h2", "h1"])
def test_httpx(edge, tls, http2):
    answer = edge.chat(chat(), tls=tls, http2=http2)
    assert answer.status_code == 200
    assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
    assert answer.headers["x-isochrone-cluster"] in ("near", "other", "secure")
    with edge.client(tls, http2) as client, client.stream("POST", "/v1/chat/completions", json=chat(stream=True)) as stream:
        assert list(line for line in stream.iter_lines() if line.strip())[-1].strip() == "data: [DONE]"


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_httpx_many_on_one_connection(edge, tls):
    with edge.client(tls, http2=True) as client:
        for _ in range(50):
            assert client.post("/v1/chat/completions", json=chat()).status_code == 200


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_h2load(edge, stage, tls):
    body = stage.folder / "body.json"
    body.write_text(json.dumps(chat(max_tokens=1)))
    out = run("h2load", "-n", 400, "-c", 4, "-m", 10, "-d", body, "-H", "content-type: application/json",
              (edge.tls_url if tls else edge.url) + "/v1/chat/completions")
    assert re.search(r"400 total, 400 started, 400 done, 400 succeeded, 0 failed, 0 errored, 0 timeout", out), out
    assert re.search(r"400 2xx", out), out


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_nghttp(edge, stage, tls):
    body = stage.folder / "body.json"
    body.write_text(json.dumps(chat()))
    out = run("nghttp", "-y", "-v", "-d", body, "-H", "content-type: application/json",
              (edge.tls_url if tls else edge.url) + "/v1/chat/completions")
    assert ":status: 200" in out
    assert "chat.completion" in out


def test_models_and_edge_over_every_wire(edge):
    for tls in (True, False):
        for http2 in (True, False):
            models = edge.get("/v1/models", tls=tls, http2=http2)
            assert [one["id"] for one in models.json()["data"]] == ["qwen3-32b"]
            assert edge.get("/edge", tls=tls, http2=http2).json()["edges"][0]["name"] == "edge"


def test_response_headers(edge):
    answer = edge.chat(chat(), headers={"x-request-id": "mine-0123"})
    assert answer.headers["x-request-id"] == "mine-0123"
    assert answer.headers["x-isochrone-attempts"] == "1"
    assert re.fullmatch(r"route;dur=[\d.]+, queue;dur=[\d.]+, head;dur=[\d.]+", answer.headers["server-timing"])
    assert edge.chat(chat()).headers["x-request-id"] != edge.chat(chat()).headers["x-request-id"]
