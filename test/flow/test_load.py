"""isobench load: it reports what really happened, against a server whose every delay is known."""

import json
import signal
import socket
import subprocess
import threading
import time

import httpx
import pytest

from kit.known_server import DONE, KnownServer, Plan, event, stream, whole
from kit.load import Load
from kit.process import BUILD
from kit.requests import MODEL
from kit.sim import QUICK, cluster
from kit.wait import PATIENCE, wait_for

# How far a measured time may be off: a share, and what a busy machine adds, in ms.
SHARE, BUSY_MS = 0.03, 20 * PATIENCE


@pytest.fixture
def load(stage):
    """Runs isobench load to its end; its exit code must be the expected one."""
    def run(*arguments, expected_exit=0, timeout=30):
        process = stage.add(Load(stage.folder, *arguments, expected_exit=expected_exit))
        code = process.wait(timeout)
        assert code == expected_exit, process.errors()
        return process
    return run


def percentile(values, percent):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * percent // 100) - 1))]


def median_of(buckets):
    """Of a report's buckets, ms: the middle of the one that half of all have not passed."""
    half, passed = sum(count for _, count in buckets) / 2, 0
    for from_ns, count in buckets:
        passed += count
        if passed >= half:
            return from_ns * (1 + 1 / 128) / 1e6


def near(measured_ms, real_ms):
    return abs(measured_ms - real_ms) <= SHARE * real_ms + BUSY_MS


@pytest.mark.parametrize("protocol", ["h2", "h1"])
def test_percentiles_are_right(load, protocol):
    """TTFT and ends within 1 % of what the server really made them, 200 ms to 5 s."""
    with KnownServer(lambda seen: stream(first_s=0.2 + seen.number * 379 % 4800 / 1000, gap_s=0.05, events=5)) as server:
        run = load("--url", server.url, "--protocol", protocol, "--rate", 60, "--duration", "3s")
    total = run.total
    assert total["requests"] == total["answered"] == len(server.seen) > 100
    firsts = [(one.first_s - one.came_s) * 1000 for one in server.seen]
    ends = [(one.end_s - one.came_s) * 1000 for one in server.seen]
    for percent in (50, 95, 99):
        assert total["ttft_ms"][f"p{percent}"] == pytest.approx(percentile(firsts, percent), rel=0.01 * PATIENCE)
        assert total["e2e_ms"][f"p{percent}"] == pytest.approx(percentile(ends, percent), rel=0.01 * PATIENCE)
    assert total["itl_ms"]["count"] == 4 * total["requests"]
    assert near(total["itl_ms"]["mean"], 50)
    assert near(total["itl_request_ms"]["p50"], 50)
    assert total["events"] == 5 * total["requests"]
    for group in (total, *run.report["by_cluster"].values(), *run.report["by_class"].values()):
        for latency in ("ttft_ms", "itl_ms", "itl_request_ms", "e2e_ms", "head_ms"):
            assert sum(count for _, count in group[latency]["buckets"]) == group[latency]["count"]
    assert near(median_of(total["ttft_ms"]["buckets"]), percentile(firsts, 50))
    series = run.report["series"]
    assert [one["at_s"] for one in series] == [0, 1, 2]
    assert sum(one["answered"] for one in series) == sum(one["clusters"]["-"] for one in series) == total["requests"]
    second = [one["ttft_ms"] for one in run.requests if 1000 <= one["intended_ms"] < 2000]
    assert series[1]["requests"] == len(second)
    assert series[1]["ttft_ms"]["p99"] == pytest.approx(percentile(second, 99), abs=0.01)


def test_the_schedule_is_poisson_and_kept(load):
    with KnownServer(lambda seen: stream()) as server:
        run = load("--url", server.url, "--rate", 200, "--duration", "3s")
    assert 480 < run.total["requests"] < 720  # 600, five deviations
    starts = [one["intended_ms"] for one in run.requests]
    gaps = [b - a for a, b in zip(starts, starts[1:])]
    assert starts == sorted(starts) and starts[-1] < 3000
    assert sum(gap < 5 for gap in gaps) > 0.5 * len(gaps)  # an exponential: 63 % are below the mean
    assert run.report["slip_ms"]["count"] == run.total["requests"]


def test_a_standstill_is_latency_not_fewer_requests(load):
    """From 0.5 to 1.5 s after the first request nothing is answered."""
    first = []

    def answer(seen):
        first.append(seen.came_s)
        since = seen.came_s - first[0]
        return stream(first_s=1.5 - since if 0.5 <= since < 1.5 else 0.0)

    with KnownServer(answer) as server:
        run = load("--url", server.url, "--rate", 100, "--arrivals", "constant", "--duration", "3s")
    assert run.total["answered"] == 300
    slow = [one for one in run.requests if one["ttft_ms"] > 500]
    assert 35 <= len(slow) <= 65  # half of the hundred that began in that second
    assert near(run.total["ttft_ms"]["max"], 1000)


def test_waiting_for_a_stream_counts(load):
    """One connection with one stream and answers of 100 ms: ten requests at once take a second."""
    with KnownServer(lambda seen: stream(first_s=0.1)) as server:
        run = load("--url", server.url, "--rate", 1000, "--arrivals", "constant", "--requests", 10, "--connections", 1, "--streams", 1)
    assert run.total["answered"] == 10
    assert run.total["ttft_ms"]["max"] > 900


ENDINGS = {
    "answered": lambda: stream(),
    "answered without a blank line behind [DONE]": lambda: stream(tail=(DONE[:-1],)),
    "answered without a line's end behind [DONE]": lambda: stream(tail=(DONE[:-2],)),
    "cut": lambda: stream(tail=(), end="reset"),
    "cut before a head": lambda: Plan(silent=True, end="reset"),
    "cut after an error event": lambda: stream(tail=(b'data: {"error":{"message":"x","code":"upstream_lost"}}\n\n',), end="reset"),
    "missing_done": lambda: stream(tail=()),
    "error_event": lambda: stream(tail=(b'data: {"error":{"message":"x","code":"upstream_lost"}}\n\n',)),
    "after_done": lambda: stream(tail=(DONE, event(9))),
    "after_done twice": lambda: stream(tail=(DONE, DONE)),
    "status": lambda: whole({"error": {"message": "x", "type": "server_error", "param": None, "code": "overloaded"}}, status=503),
    "stall": lambda: stream(end="never", tail=()),
    "protocol": lambda: whole({"id": "no stream"}),
}


@pytest.mark.parametrize("protocol", ["h2", "h1"])
def test_every_ending_is_told_apart(load, protocol):
    kinds = list(ENDINGS)
    with KnownServer(lambda seen: ENDINGS[kinds[seen.number % len(kinds)]]()) as server:
        run = load("--url", server.url, "--protocol", protocol, "--closed", 1, "--requests", 2 * len(kinds), "--stall",
                   f"{700 * PATIENCE}ms")
    total = run.total
    assert (total["requests"], total["answered"], total["cut"], total["unfinished"]) == (26, 6, 6, 0)
    assert total["failed"] == 14
    assert total["errors"] == {"cut": 6, "connect": 0, "missing_done": 2, "error_event": 2, "after_done": 4, "lost_event": 0,
                               "duplicate_event": 0, "stall": 2, "protocol": 2,
                               "not_sent": 0, "status": {"503": 2}}
    for one, kind in zip(run.requests, kinds * 2):
        assert one["outcome"] == kind.split()[0], kind
    by_kind = dict(zip(kinds, run.requests))
    assert by_kind["status"]["code"] == "overloaded"
    assert by_kind["cut after an error event"]["error_event"] and by_kind["cut after an error event"]["code"] == "upstream_lost"
    assert by_kind["cut before a head"]["head_ms"] is None and by_kind["cut"]["events"] == 4
    assert total["ttft_ms"]["count"] == 6


def test_a_refused_stream_is_sent_again(load):
    with KnownServer(lambda seen: Plan(end="refuse") if seen.number < 2 else stream()) as server:
        run = load("--url", server.url, "--closed", 1, "--requests", 5)
    assert (run.total["answered"], run.total["resent"], len(server.seen)) == (5, 2, 7)


def test_nobody_there_is_a_connect_error(load):
    with KnownServer(lambda seen: stream()) as server:
        url = server.url
    run = load("--url", url, "--rate", 50, "--duration", "500ms")
    assert run.total["errors"]["connect"] == run.total["requests"] == run.total["failed"] > 5
    assert "refused" in run.output()


def test_a_closed_loop_at_nobody_ends(load):
    with KnownServer(lambda seen: stream()) as server:
        url = server.url
    run = load("--url", url, "--closed", 20, "--requests", 100, "--connections", 2)
    assert run.total["errors"]["connect"] == run.total["requests"] == 100


def test_requests_say_what_was_asked(load):
    with KnownServer(lambda seen: stream()) as server:
        load("--url", server.url + "/base", "--closed", 2, "--requests", 10, "--prompt", 300, "--output", 9, "--sim", "--class", "flex",
             "--model", "m\"1", "--conversations", 2, "--usage", "--header", "X-Tenant: a b")
    for seen in server.seen:
        assert seen.path == "/base/v1/chat/completions"
        assert (seen.headers["x-sim-prompt-tokens"], seen.headers["x-sim-output-tokens"]) == ("300", "9")
        assert seen.headers["x-tenant"] == "a b"
        body = seen.json
        assert body["service_tier"] == "flex"
        assert (body["model"], body["stream"], body["max_tokens"]) == ('m"1', True, 9)
        assert body["prompt_cache_key"] in ("conversation-1", "conversation-2")
        # As isosim counts: four bytes a token of the prompt as it stands in the body, all but "content"'s quotes and brackets.
        assert len(body["messages"][0]["content"]) == 4 * 300 - len('[{"role":"user","content":""}]')
    texts = {seen.json["prompt_cache_key"]: seen.json["messages"][0]["content"][:1000] for seen in server.seen}
    assert all(seen.json["messages"][0]["content"].startswith(texts[seen.json["prompt_cache_key"]]) for seen in server.seen)


def arrival(at_ms, place, conversation, turn, prompt, reusable, tier="interactive", output=7):
    return json.dumps({"at_ms": at_ms, "place": place, "conversation": conversation, "turn": turn, "prompt_tokens": prompt,
                       "output_tokens": output, "reusable_tokens": reusable, "class": tier}) + "\n"


def test_recorded_arrivals_are_played(load, stage):
    """Times, places, classes and sizes of the file; a turn begins with the reusable part of the one before."""
    file = stage.folder / "arrivals.jsonl"
    file.write_text(arrival(0, "sh", 7, 0, 400, 0) + arrival(500, "fra", 8, 0, 300, 0, "flex") + arrival(1000, "sh", 7, 1, 600, 407)
                    + arrival(1400, "sh", 7, 2, 700, 450, "priority"))
    with KnownServer(lambda seen: stream()) as server:
        run = load("--url", server.url, "--place", "fra=127.0.2.1", "--place", "sh=127.0.1.1", "--arrivals", file, "--time-scale", 0.5,
                   "--sim")
    seen = server.seen
    assert run.total["answered"] == len(seen) == 4
    assert [one["intended_ms"] for one in run.requests] == [0, 250, 500, 700]
    assert all(near(1000 * (one.came_s - seen[0].came_s), ms) for one, ms in zip(seen, (0, 250, 500, 700)))
    assert [one.source for one in seen] == ["127.0.1.1", "127.0.2.1", "127.0.1.1", "127.0.1.1"]
    assert [one.json["service_tier"] for one in seen] == ["default", "flex", "default", "priority"]
    assert [one.json["prompt_cache_key"] for one in seen] == [f"conversation-{number}" for number in (7, 8, 7, 7)]
    assert [one.json["max_tokens"] for one in seen] == [7] * 4
    assert [int(one.headers["x-sim-prefix-tokens"]) for one in seen] == [0, 0, 407, 450]
    texts = [one.json["messages"][0]["content"] for one in seen]
    around = len('[{"role":"user","content":""}]')
    assert [len(text) + around for text in texts] == [4 * tokens for tokens in (400, 300, 600, 700)]
    assert texts[2].startswith(texts[0]) and not texts[1].startswith(texts[0][:16])
    shared = 4 * 450
    assert texts[3][:shared] == texts[2][:shared] and texts[3][shared:shared + 16] != texts[2][shared:shared + 16]
    assert {name: group["requests"] for name, group in run.report["by_class"].items()} == {"priority": 1, "interactive": 2, "flex": 1}
    assert {name: group["requests"] for name, group in run.report["by_place"].items()} == {"sh": 3, "fra": 1}


def test_a_place_that_is_not_given_is_refused(load, stage):
    file = stage.folder / "arrivals.jsonl"
    file.write_text(arrival(0, "sh", 7, 0, 400, 0))
    run = load("--url", "http://127.0.0.1:1", "--place", "fra=127.0.2.1", "--arrivals", file, expected_exit=2)
    assert f"--arrivals {file}: there is no --place sh" in run.errors()


def test_what_simulate_writes_is_played_through_an_edge(load, stage):
    """The router and the simulated clusters see the same conversations: what comes back as cached is what the file calls reusable."""
    file = stage.folder / "arrivals.jsonl"
    simulate = [BUILD / "bench" / "isobench", "simulate", "--scenario", "china", "--load", "0.01", "--policy", "sticky", "--routers", "1",
                "--warm-up", "10s", "--measure", "300s", "--no-regret", "--write-arrivals", file]
    subprocess.run(simulate, check=True, capture_output=True, timeout=60 * PATIENCE)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    sim = stage.sim(cluster("one"))
    edge = stage.edge(sim)
    count = min(len(rows), 60)
    run = load("--url", edge.url, "--arrivals", file, "--time-scale", 0.01, "--requests", count, "--model", MODEL, "--sim", "--usage",
               "--assert", f"answered == {count}", timeout=60)
    lines = {(one["conversation"], one["turn"]): one for one in run.requests}
    assert len(lines) == count and any(turn > 0 for _, turn in lines)
    for row in sorted(rows, key=lambda row: row["at_ms"])[:count]:
        one = lines[row["conversation"], row["turn"]]
        assert (one["place"], one["class"]) == (row["place"], row["class"])
        assert (one["prompt_tokens"], one["output_tokens"]) == (row["prompt_tokens"], row["output_tokens"])
        assert one["cached_tokens"] <= row["reusable_tokens"]
    assert any(one["cached_tokens"] > 0 for one in lines.values())


def test_conversations_grow(load):
    """Each turn begins with the whole of the one before it."""
    with KnownServer(lambda seen: stream()) as server:
        load("--url", server.url, "--closed", 1, "--requests", 40, "--conversations", 2, "--turns", 4, "--prompt", 100, "--output", 20)
    talks = {}
    for seen in server.seen:
        talks.setdefault(seen.json["prompt_cache_key"], []).append(seen.json["messages"][0]["content"])
    assert 2 < len(talks) < 40 and max(map(len, talks.values())) > 2
    for texts in talks.values():
        for number, (before, after) in enumerate(zip(texts, texts[1:]), 1):
            assert after.startswith(before) and len(after) - len(before) == 4 * 120, number


def test_direct_runs_are_interleaved(load):
    with KnownServer(lambda seen: stream(first_s=0.3)) as routed, KnownServer(lambda seen: stream(first_s=0.1)) as direct:
        run = load("--url", routed.url, "--direct", direct.url, "--rate", 60, "--requests", 60, "--assert", "added_ttft.p50 > 150ms")
    assert len(routed.seen) == len(direct.seen) == 30
    assert run.total["requests"] == run.report["direct"]["requests"] == 30 and run.report["direct"]["url"] == direct.url
    assert near(run.report["added_ms"]["ttft"]["p50"], 200)
    assert [bool(one.get("direct")) for one in run.requests] == [False, True] * 30
    assert "added, ms:  TTFT p50" in run.output()


def test_goodput_is_who_kept_the_promise(load):
    with KnownServer(lambda seen: stream(first_s=0.0 if seen.number % 4 else 0.6)) as server:
        run = load("--url", server.url, "--closed", 1, "--requests", 12, "--promise", "ttft=400ms", "--assert", "goodput >= 0.75")
    assert run.total["goodput"] == {"promised": 12, "kept": 9, "share": 0.75}
    assert [one["kept"] for one in run.requests] == [False, True, True, True] * 3


def test_tenants_have_keys(load, stage):
    file = stage.folder / "tenants"
    file.write_text("acme key-a 3\nother key-o\n")
    with KnownServer(lambda seen: stream()) as server:
        run = load("--url", server.url, "--closed", 2, "--requests", 80, "--tenants", file)
    groups = run.report["by_tenant"]
    for name, key in (("acme", "key-a"), ("other", "key-o")):
        assert groups[name]["answered"] == sum(seen.headers["authorization"] == f"Bearer {key}" for seen in server.seen)
    assert groups["acme"]["requests"] > groups["other"]["requests"] > 5


def test_places_by_forwarded_for(load):
    with KnownServer(lambda seen: stream()) as server:
        run = load("--url", server.url, "--place", "sh=198.51.100.7", "--place", "fra=2001:db8::9", "--identify", "forwarded",
                   "--closed", 2, "--requests", 30)
    told = [seen.headers["x-forwarded-for"] for seen in server.seen]
    assert {seen.source for seen in server.seen} == {"127.0.0.1"} and set(told) == {"198.51.100.7", "2001:db8::9"}
    assert run.report["by_place"]["sh"]["answered"] == told.count("198.51.100.7")


@pytest.mark.parametrize("scheme, first", [("http", b"PRI * HTTP/2.0\r\n"), ("https", b"\x16\x03\x01")])
def test_places_by_proxy_protocol(load, scheme, first):
    """The line stands before all else, TLS too."""
    heard = []

    def listen(listener):
        with listener.accept()[0] as connection:
            while len(b"".join(heard)) < 80:
                heard.append(connection.recv(1000))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=listen, args=(listener,), daemon=True)
        thread.start()
        load("--url", f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", "--insecure", "--place", "sh=198.51.100.7", "--identify",
             "proxy", "--closed", 1, "--requests", 1, "--connections", 1, "--stall", "2s")
        thread.join(10)
    assert b"".join(heard).startswith(b"PROXY TCP4 198.51.100.7 127.0.0.1 40000 443\r\n" + first)


def knows_localhost():
    try:
        return bool(socket.getaddrinfo("localhost", 80))
    except socket.gaierror:
        return False


def test_all_addresses_of_a_name_are_tried(load):
    """localhost is ::1 too, where nobody listens; a machine without /etc/hosts does not know it at all, and is told so."""
    known = knows_localhost()
    with KnownServer(lambda seen: stream()) as server:
        run = load("--url", server.url.replace("127.0.0.1", "localhost"), "--closed", 4, "--requests", 20, expected_exit=0 if known else 2)
    if known:
        assert run.total["answered"] == 20
    else:
        assert "cannot resolve localhost" in run.errors()


@pytest.mark.parametrize("numbers, outcome", [((0, 1, 2, 3), "answered"), ((0, 1, 3), "lost_event"), ((0, 1, 1, 2, 3), "duplicate_event")])
def test_lost_and_duplicate_events_of_isosim_are_seen(load, numbers, outcome):
    words = (" time", " line", " equal", " point")
    pieces = [(0.0, f'data: {{"choices":[{{"index":0,"delta":{{"content":"{words[number]}"}}}}]}}\n\n'.encode()) for number in numbers]
    with KnownServer(lambda seen: Plan(pieces=[*pieces, (0.0, DONE)])) as server:
        run = load("--url", server.url, "--closed", 1, "--requests", 3, "--sim", "--output", 4)
    assert {one["outcome"] for one in run.requests} == {outcome}


@pytest.mark.parametrize("path, key", [("completions", "prompt"), ("embeddings", "input")])
def test_other_paths(load, path, key):
    answer = {"usage": {"prompt_tokens": 11, "total_tokens": 18, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 4}}}
    with KnownServer(lambda seen: whole(answer)) as server:
        run = load("--url", server.url, "--closed", 1, "--requests", 3, "--path", path, "--stream", "off", "--usage")
    assert {seen.path for seen in server.seen} == {f"/v1/{path}"}
    assert all(isinstance(seen.json[key], str) and "stream" not in seen.json for seen in server.seen)
    assert run.total["answered"] == 3 and run.total["ttft_ms"]["count"] == 0
    assert run.total["usage"] == {"prompt_tokens": 33, "cached_tokens": 12, "output_tokens": 21}


def test_places_and_clusters(load):
    def answer(seen):
        headers = {"content-type": "text/event-stream", "x-isochrone-cluster": "odd" if seen.number % 2 else "even",
                   "x-request-id": f"r-{seen.number}", "server-timing": "route;dur=0.25, queue;dur=2"}
        return stream(headers=headers)

    with KnownServer(answer) as one, KnownServer(answer) as two:
        run = load("--place", f"sh=127.0.1.1@{one.url}", "--place", f"fra=127.0.2.1@{two.url}", "--rate", 100, "--requests", 60,
                   "--connections", 2)
    assert {seen.source for seen in one.seen} == {"127.0.1.1"} and {seen.source for seen in two.seen} == {"127.0.2.1"}
    assert one.connections == two.connections == 2
    report = run.report
    assert report["by_place"]["sh"]["requests"] == len(one.seen) > 10
    assert report["by_place"]["sh"]["source_address"] == "127.0.1.1" and report["by_place"]["fra"]["urls"] == [two.url]
    assert sum(group["answered"] for group in report["by_cluster"].values()) == 60
    assert report["by_place_cluster"]["fra"]["odd"]["answered"] == len(two.seen) // 2
    assert report["total"]["server_timing_ms"] == {"route": 0.25, "queue": 2}
    assert {line["request_id"] for line in run.requests if line["place"] == "sh"} == {f"r-{seen.number}" for seen in one.seen}
    assert all(name in run.output() for name in ("sh", "fra", "odd", "even", "p99"))


def test_clients_are_steered_by_edge(load):
    with KnownServer(lambda seen: stream()) as near_one, KnownServer(lambda seen: stream()) as far_one:
        edges = [{"name": "edge-a", "url": near_one.url, "distance_km": 10.0, "rtt_ms": None},
                 {"name": "edge-b", "url": far_one.url, "distance_km": 9000.0, "rtt_ms": None}]
        answers = {"127.0.1.1": edges, "127.0.2.1": edges[::-1]}
        with KnownServer(lambda seen: whole({"client": {}, "edges": answers[seen.source]})) as any_edge:
            run = load("--steer", any_edge.url, "--place", "here=127.0.1.1", "--place", "there=127.0.2.1", "--closed", 4, "--requests", 40)
    assert [seen.path for seen in any_edge.seen] == ["/edge", "/edge"]
    assert {seen.source for seen in near_one.seen} == {"127.0.1.1"} and {seen.source for seen in far_one.seen} == {"127.0.2.1"}
    assert run.report["by_place"]["here"]["edge"] == "edge-a" and run.report["by_place"]["there"]["edge"] == "edge-b"
    assert run.total["answered"] == 40


def test_steering_that_fails_says_why(load):
    with KnownServer(lambda seen: whole({"error": {"message": "no"}}, status=404)) as server:
        run = load("--steer", server.url, "--rate", 5, "--place", "here=127.0.1.1", expected_exit=2)
    assert f"place here: GET {server.url}/edge: status 404" in run.errors()


@pytest.mark.parametrize("protocol", ["h2", "h1"])
def test_tls(load, stage, protocol):
    with KnownServer(lambda seen: stream(), stage.certificates) as server:
        trusted = load("--url", server.url, "--protocol", protocol, "--ca", stage.certificates.authority, "--closed", 2, "--requests", 10)
        careless = load("--url", server.url, "--protocol", protocol, "--insecure", "--closed", 2, "--requests", 10)
        suspicious = load("--url", server.url, "--protocol", protocol, "--closed", 2, "--requests", 4)
    assert trusted.total["answered"] == careless.total["answered"] == 10
    assert suspicious.total["errors"]["connect"] == 4
    assert "certificate" in suspicious.output()


def test_ctrl_c_ends_with_the_report(stage):
    with KnownServer(lambda seen: stream(end="never", tail=())) as server:
        run = stage.add(Load(stage.folder, "--url", server.url, "--rate", 100))
        wait_for(lambda: len(server.seen) > 5, what="some requests")
        run.signal(signal.SIGINT)
        assert run.wait() == 0, run.errors()
    assert run.report["interrupted"]
    assert run.total["unfinished"] == run.total["requests"] > 5
    assert run.total["failed"] == 0


def test_assertions_make_the_exit_code(load):
    with KnownServer(lambda seen: stream(first_s=0.05)) as server:
        run = load("--url", server.url, "--closed", 2, "--requests", 6, "--assert", "ttft.p99 < 10ms", "--assert", "failed == 0",
                   expected_exit=1)
        load("--url", server.url, "--closed", 2, "--requests", 6, "--assert", "ttft.p50 >= 45ms", "--assert", "answered == 6")
    assert "not so: ttft.p99 < 10ms; found" in run.errors() and "failed" not in run.errors()


def test_bad_arguments_are_one_sentence(load):
    run = load("--rate", 5, expected_exit=2)
    assert run.errors() == "isobench load: give --url URL, --place NAME=IP@URL or --steer URL\n"


def test_a_thousand_streams_at_once(load):
    """All open at the same time: the server answers none before a thousand came."""
    came, start = [], time.monotonic

    def answer(seen):
        came.append(start())
        return stream(first_s=3.0 * PATIENCE, gap_s=0.01, events=3)

    with KnownServer(answer) as server:
        run = load("--url", server.url, "--rate", 2000, "--requests", 1000, "--connections", 20, timeout=60)
    assert run.total["answered"] == 1000
    assert run.total["ttft_ms"]["min"] > 0.9 * 3000 * PATIENCE - 1000 * (came[-1] - came[0])


def test_ten_thousand_streams_at_once(load, stage):
    """From one process: a cluster that stands still has them all before it goes on."""
    sim = stage.sim(cluster("crowd", protocol="h2c", type="crowd", instances=100), types={"crowd": {**QUICK, "batch": 4096}})
    sim.fault("crowd", "stall")

    def go_on():
        with httpx.Client(trust_env=False) as client:
            wait_for(lambda: client.get(f"{sim.control_url}/sim/crowd").json()["started"] == 10000, 60, "ten thousand requests under way")
        sim.fault("crowd", "clear")

    crowd = threading.Thread(target=go_on, daemon=True)
    crowd.start()
    run = load("--url", sim.urls["crowd"], "--rate", 5000, "--requests", 10000, "--connections", 110, "--model", MODEL, "--prompt", 10,
               "--output", 3, timeout=90 * PATIENCE)
    crowd.join(1)
    total = run.total
    assert total["answered"] == 10000 and total["events"] == 5 * 10000
    starts, ends = [one["intended_ms"] for one in run.requests], [one["intended_ms"] + one["ttft_ms"] for one in run.requests]
    assert max(starts) < min(ends)


def test_through_a_real_edge(load, stage):
    """Steered by /edge, over TLS: who answered is known by name, and what the cluster cached by usage."""
    sim = stage.sim(cluster("near"), cluster("far"))
    edge = stage.edge(sim, edge={"name": "edge-here", "url": "http://127.0.0.1:1"})
    edge.write_config({"clusters": [stage.cluster_config(sim, name) for name in sim.cluster_names],
                       "edge": {"name": "edge-here", "url": edge.tls_url}})
    edge.reload()
    wait_for(lambda: edge.get("/edge").json()["edges"][0]["url"] == edge.tls_url, what="its own URL in /edge")
    run = load("--steer", edge.url, "--ca", edge.authority, "--rate", 50, "--requests", 40, "--model", MODEL, "--output", 5, "--usage",
               "--conversations", 2, "--assert", "answered == 40")
    report = run.report
    assert report["by_place"]["here"]["edge"] == "edge-here"
    assert set(report["by_cluster"]) <= {"near", "far"}
    assert report["total"]["usage"]["output_tokens"] == 200
    assert "route" in report["total"]["server_timing_ms"]
    assert {edge.logged(one["request_id"])["status"] for one in run.requests} == {200}
