"""Whatever is wrong, the client gets the OpenAI error object, a request id and the right status."""

import json

import h2.events
import pytest

from kit.h1_peer import H1Peer
from kit.h2_peer import H2Peer
from kit.requests import chat

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def edge(shared_stage):
    return shared_stage.edge(shared_stage.sim(), limits={"body": "16KiB"}, timeouts={"head": "1s", "body": "1s"})


def is_error(status, headers, body, want_status, want_code=None):
    error = json.loads(body)["error"]
    assert status == want_status, error
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"] and error["type"]
    assert headers["content-type"].startswith("application/json")
    assert headers["x-request-id"]
    if want_code:
        assert error["code"] == want_code
    return error


# Each: what is wrong, method, path, headers, body, status, code.
WRONG = {
    "unknown path": ("POST", "/v2/chat", {}, json.dumps(chat()), 404, "not_found"),
    "wrong method": ("PUT", CHAT, {}, json.dumps(chat()), 405, "method_not_allowed"),
    "get of a post": ("GET", CHAT, {}, None, 405, "method_not_allowed"),
    "not JSON": ("POST", CHAT, {}, "{", 400, "invalid_json"),
    "an array": ("POST", CHAT, {}, "[]", 400, "invalid_json"),
    "two objects": ("POST", CHAT, {}, "{}{}", 400, "invalid_json"),
    "an empty body": ("POST", CHAT, {}, "", 400, None),
    "no model": ("POST", CHAT, {}, '{"messages":[]}', 400, "model_required"),
    "a model that is a number": ("POST", CHAT, {}, '{"model":1}', 400, "invalid_value"),
    "the model twice": ("POST", CHAT, {}, '{"model":"qwen3-32b","model":"other"}', 400, "duplicate_key"),
    "unknown model": ("POST", CHAT, {}, json.dumps(chat(model="nobody")), 404, "model_not_found"),
    "a form": ("POST", CHAT, {"content-type": "multipart/form-data; boundary=x"}, "--x--", 415, "unsupported_media_type"),
    "a packed body": ("POST", CHAT, {"content-encoding": "gzip"}, "\x1f", 415, "unsupported_media_type"),
    "a body too large": ("POST", CHAT, {}, json.dumps(chat("x" * 20000)), 413, "request_too_large"),
    "a strange expectation": ("POST", CHAT, {"expect": "miracles"}, json.dumps(chat()), 417, "expectation_failed"),
}


@pytest.mark.parametrize("http2", [True, False], ids=["h2", "h1"])
@pytest.mark.parametrize("what", WRONG)
def test_wrong_request(edge, what, http2):
    method, path, headers, body, status, code = WRONG[what]
    with edge.client(http2=http2) as client:
        answer = client.request(method, path, content=body, headers={"content-type": "application/json", **headers})
    error = is_error(answer.status_code, answer.headers, answer.content, status, code)
    assert answer.headers.get("x-should-retry", "false") == "false"
    if what in ("the model twice", "a model that is a number"):
        assert error["param"] == "model"


@pytest.mark.parametrize("http2", [True, False], ids=["h2", "h1"])
def test_a_405_says_what_is_allowed(edge, http2):
    assert "POST" in edge.get(CHAT, http2=http2).headers["allow"]


def test_header_too_large_h1(edge):
    with H1Peer(edge.plain) as peer:
        peer.post(CHAT, chat(), [f"X-Large-{number}: {'x' * 8000}" for number in range(12)])
        status, headers, body = peer.answer()
        is_error(status, headers, body, 431, "header_too_large")


def test_header_too_large_h2(edge):
    with H2Peer(edge.plain) as peer:
        stream = peer.post(CHAT, chat(), [(f"x-large-{number}", "x" * 8000) for number in range(12)])
        status, headers, body, ended = peer.answer(stream)
        is_error(status, headers, body, 431, "header_too_large")
        assert ended in ("end", 0)


def test_a_head_that_does_not_come_408(edge):
    with H1Peer(edge.plain) as peer:
        peer.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n")
        status, headers, body = peer.answer()
        is_error(status, headers, body, 408, "request_timeout")


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
def test_a_body_that_does_not_come_408_h1(edge, tls):
    with H1Peer(edge.tls if tls else edge.plain, edge.authority if tls else None) as peer:
        peer.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        status, headers, body = peer.answer()
        is_error(status, headers, body, 408, "request_timeout")


def test_a_body_that_does_not_come_408_h2(edge):
    with H2Peer(edge.plain) as peer:
        stream = peer.post(CHAT, b"{", end=False)
        status, headers, body, _ = peer.answer(stream)
        is_error(status, headers, body, 408, "request_timeout")


def test_a_large_body_is_refused_before_it_is_sent(edge):
    with H1Peer(edge.plain) as peer:
        peer.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                  b"Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n")
        status, headers, body = peer.answer()
        is_error(status, headers, body, 413, "request_too_large")


def test_expect_continue(edge):
    data = json.dumps(chat()).encode()
    with H1Peer(edge.plain) as peer:
        peer.send(f"POST {CHAT} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
                  "Expect: 100-continue\r\n\r\n".encode())
        assert peer.head()[0] == 100
        peer.send(data)
        assert peer.answer()[0] == 200


# The connections are made for localhost; the certificate has the address too.
@pytest.mark.parametrize("host, status", [("localhost", 200), ("LOCALHOST:443", 200), ("127.0.0.1:8443", 200), ("[::1]:8443", 200),
                                          ("elsewhere.example", 421), ("localhost.example", 421), ("127.0.0.2", 421)])
def test_a_connection_made_for_another_host_421(edge, host, status):
    with H2Peer(edge.tls, edge.authority) as peer:
        peer.authority = host
        answer = peer.answer(peer.post(CHAT, chat()))
        assert answer[0] == status
        if status == 421:
            is_error(*answer[:3], 421, "misdirected_request")
        peer.authority = "localhost"  # the connection goes on
        assert peer.answer(peer.post(CHAT, chat()))[0] == 200
    with H1Peer(edge.tls, edge.authority) as peer:
        peer.host = host
        peer.post(CHAT, chat())
        assert peer.answer()[0] == status


def test_a_trusted_proxy_may_bring_any_host(stage):
    edge = stage.edge(stage.sim(), trust_forwarded_from=["127.0.0.0/8"])
    with H2Peer(edge.tls, edge.authority) as peer:
        peer.authority = "elsewhere.example"
        assert peer.answer(peer.post(CHAT, chat()))[0] == 200


# Heads that two parsers could read in two ways; none may reach a cluster.
HOSTILE = {
    "two lengths": b"Content-Length: 2\r\nContent-Length: 3\r\n",
    "length and chunked": b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
    "a signed length": b"Content-Length: +2\r\n",
    "a space before the colon": b"Content-Length : 2\r\n",
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n",
    "a fold": b"X-A: b\r\n c\r\nContent-Length: 2\r\n",
    "two hosts": b"Host: b\r\nContent-Length: 2\r\n",
    "a bare LF": b"X-A: b\nContent-Length: 2\r\n",
    "a bare CR": b"X-A: b\rc\r\nContent-Length: 2\r\n",
    "an empty name": b": b\r\nContent-Length: 2\r\n",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_head(edge, what):
    with H1Peer(edge.plain) as peer:
        peer.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + HOSTILE[what] + b"\r\n{}")
        status, headers, body = peer.answer()
        assert status in (400, 501)
        is_error(status, headers, body, status)
        assert peer.until_closed() == b""


def test_no_host(edge):
    with H1Peer(edge.plain) as peer:
        peer.send(b"GET /v1/models HTTP/1.1\r\n\r\n")
        status, headers, body = peer.answer()
        is_error(status, headers, body, 400)


def test_a_wrong_frame_costs_one_connection(edge):
    with H2Peer(edge.plain) as broken, H2Peer(edge.plain) as whole:
        broken.send(b"\x00\x00\x08\x00\x00\x00\x00\x00\x00" + b"x" * 8)  # DATA on stream 0
        broken.until(lambda one: isinstance(one, h2.events.ConnectionTerminated))
        assert whole.answer(whole.post(CHAT, chat()))[0] == 200


def test_no_cluster_answers(stage):
    edge = stage.edge(clusters=[{"name": "gone", "endpoints": [{"url": "http://127.0.0.1:1"}], "models": ["qwen3-32b"]}], ready=False)
    edge.ready(lambda: edge.admin_answers(), "its admin address answers")
    answer = edge.chat(chat())
    is_error(answer.status_code, answer.headers, answer.content, answer.status_code)
    assert answer.status_code in (502, 503)
    assert "x-should-retry" not in answer.headers
