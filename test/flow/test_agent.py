"""The agent beside a simulated cluster, and beside an engine that the test plays: what it reports, what it survives."""

import json
import signal
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from kit.agent import Agent
from kit.process import BUILD
from kit.requests import MODEL
from kit.sim import cluster
from kit.wait import wait_for

PAGE = """# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 3.0
vllm:num_requests_waiting{engine="0",model_name="m"} 1.0
"""
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "word " * 500}], "max_tokens": 20}


class Engine:
    """An engine of the test's own: `page` is what it shows, `status` how it answers, `hang` that it does not."""

    def __init__(self):
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                engine.asked.append(self.path)
                engine.released.wait()
                body = engine.page.encode() if isinstance(engine.page, str) else engine.page
                self.send_response(engine.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # the agent has had enough

            def log_message(self, *_):
                pass

        self.page, self.status, self.asked = "", 200, []
        self.released = threading.Event()
        self.released.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def engine():
    engine = Engine()
    yield engine
    engine.stop()


@pytest.fixture
def redis(stage):
    return stage.redis()


def start(stage, redis, url, name="fra", **more):
    return stage.add(Agent(stage.folder, name, url, redis.url, **more))


def reported(redis, name="fra", timeout=10, **facts):
    """Waits for a report that says so; a value may be a function."""
    def check():
        report = redis.report(name)
        good = all(fact(report.get(field)) if callable(fact) else report.get(field) == fact for field, fact in facts.items())
        return report if report and good else None
    return wait_for(check, timeout, f"a report with {facts}, last {redis.report(name)}")


def answers(sim, name, count, words=500):
    with httpx.Client(trust_env=False, timeout=30) as client:
        for i in range(count):
            body = {**CHAT, "messages": [{"role": "user", "content": f"{i} " + "word " * words}]}
            assert client.post(sim.urls[name] + "/v1/chat/completions", json=body).status_code == 200


# ---- what it says -----------------------------------------------------------


def test_first_report_of_an_idle_cluster(stage, redis):
    sim = stage.sim(cluster("fra", instances=4))
    start(stage, redis, sim.urls["fra"], price_per_mtok=0.6, accelerator="910b", models=["a", "b"], advertise="http://x:1")
    report = reported(redis)
    assert report["state"] == "open" and report["engine"] == "vllm"
    assert report["instances"] == "4" and report["running"] == "0" and report["waiting"] == "0"
    assert (report["price_per_mtok"], report["accelerator"], report["models"], report["endpoint"]) == ("0.6", "910b", "a b", "http://x:1")
    assert report["interval_ms"] == "100" and report["ttl_ms"] == "3000"
    for unknown in ("prefill_tps", "prefill_tps_one", "mean_tokens", "hold_ms", "ttft_ms", "slots"):
        assert unknown not in report


def test_tiny_prompts_do_not_make_a_cluster_slow(stage, redis):
    sim = stage.sim(cluster("fra"))
    start(stage, redis, sim.urls["fra"])
    answers(sim, "fra", 30, words=5)
    report = reported(redis, ttft_ms=bool, mean_tokens=bool)
    assert float(report["mean_tokens"]) < 30
    assert "prefill_tps_one" not in report and "prefill_tps" not in report
    answers(sim, "fra", 20)
    report = reported(redis, prefill_tps_one=bool)
    assert float(report["prefill_tps_one"]) > 10000
    answers(sim, "fra", 100, words=5)
    report = reported(redis, mean_tokens=lambda mean: float(mean) < 200)
    assert float(report["prefill_tps_one"]) > 8000


def test_effective_capacity_after_some_work(stage, redis):
    sim = stage.sim(cluster("fra", instances=2))
    agent = start(stage, redis, sim.urls["fra"])
    agent.ready(lambda: redis.report("fra"), "its first report")
    answers(sim, "fra", 20)
    report = reported(redis, prefill_tps_one=bool, hold_ms=bool, mean_tokens=bool, itl_ms=bool, ttft_ms=bool, done_per_s=bool)
    assert 400 < float(report["mean_tokens"]) < 1500
    assert float(report["prefill_tps"]) == pytest.approx(2 * float(report["prefill_tps_one"]), rel=0.01)
    assert 0 <= float(report["utilisation"]) <= 1


def test_endpoint_with_tls(stage, redis):
    sim = stage.sim(cluster("fra", protocol="h2"))
    start(stage, redis, sim.urls["fra"], tls={"verify": False})
    assert reported(redis, running="0")["instances"] == "1"


def test_reports_follow_each_other(stage, redis, engine):
    engine.page = PAGE
    start(stage, redis, engine.url)
    first = reported(redis)
    later = reported(redis, seq=lambda seq: int(seq or 0) >= int(first["seq"]) + 3)
    assert later["epoch"] == first["epoch"] and int(later["ts_ms"]) > int(first["ts_ms"])


def test_says_closed_when_it_leaves(stage, redis, engine):
    engine.page = PAGE
    agent = start(stage, redis, engine.url)
    reported(redis, state="open")
    agent.signal(signal.SIGTERM)
    assert agent.wait() == 0
    assert redis.report("fra")["state"] == "closed"


def test_leaves_at_once_without_redis(stage, redis, engine):
    agent = start(stage, redis, engine.url)
    redis.stop()
    stage.processes.remove(redis)
    agent.ready(lambda: agent.events("agent_started"), "it has started")
    agent.signal(signal.SIGTERM)
    assert agent.wait(5) == 0


def test_later_agent_wins_and_the_other_says_so(stage, redis, engine):
    engine.page = PAGE
    first = start(stage, redis, engine.url)
    epoch = reported(redis)["epoch"]
    (stage.folder / "second").mkdir()
    second = stage.add(Agent(stage.folder / "second", "fra", engine.url, redis.url, state="existing_only"))
    report = reported(redis, state="existing_only")
    assert int(report["epoch"]) > int(epoch)
    wait_for(lambda: first.events("report_refused"), what="the first says that it lost")
    assert not second.events("report_refused")


# ---- engines that misbehave -------------------------------------------------

def test_engine_of_one_page(stage, redis, engine):
    engine.page = PAGE
    start(stage, redis, engine.url)
    report = reported(redis, running="3", waiting="1")
    assert "kv_used" not in report and engine.asked[0] == "/metrics"


@pytest.mark.parametrize("spoil", [
    lambda engine: setattr(engine, "status", 503),
    lambda engine: setattr(engine, "page", ""),
    lambda engine: setattr(engine, "page", "<html>" * 1000),
    lambda engine: setattr(engine, "page", "vllm:num_requests_running NaN\n"),
    lambda engine: setattr(engine, "page", b"\x00\xff" * 50_000),
    lambda engine: setattr(engine, "page", "vllm:num_requests_running 1\n" * 200_000),
    lambda engine: engine.released.clear(),
], ids=["503", "empty", "html", "nan", "bytes", "5 MiB", "hangs"])
def test_engine_that_says_nothing_of_use_is_unknown_until_it_does(stage, redis, engine, spoil):
    engine.page = PAGE
    agent = start(stage, redis, engine.url, scrape_timeout="200ms")
    reported(redis, running="3")
    spoil(engine)
    report = reported(redis, running=None)
    assert "instances" not in report and report["state"] == "open"
    assert len(agent.events("scrape_failed")) == 1
    engine.status, engine.page = 200, PAGE
    engine.released.set()
    reported(redis, running="3")
    wait_for(lambda: agent.events("scrape_works"))


@pytest.mark.parametrize("value", ["1e300", "-5", "1e999", "0x10", "99999999999999999999", "٣", ""])
def test_values_out_of_all_range_are_left_out(stage, redis, engine, value):
    engine.page = PAGE + f'vllm:kv_cache_usage_perc 0.5\nvllm:num_requests_swapped 1\nvllm:gpu_prefix_cache_hits {value}\n'
    engine.page = engine.page.replace("running{engine=\"0\",model_name=\"m\"} 3.0", f"running{{engine=\"0\"}} {value}")
    start(stage, redis, engine.url)
    report = reported(redis, waiting="1")
    assert "running" not in report and report["kv_used"] == "0.5"


def test_one_of_two_endpoints_dead(stage, redis, engine):
    engine.page = PAGE
    file = stage.folder / "two"
    file.mkdir()
    agent = stage.add(Agent(file, "fra", engine.url, redis.url, endpoints=[engine.url, "http://127.0.0.1:1"]))
    assert reported(redis, running="3")["instances"] == "1"
    wait_for(lambda: agent.events("scrape_failed"))


# ---- Redis that misbehaves --------------------------------------------------


def test_redis_killed_and_back_empty(stage, redis, engine):
    engine.page = PAGE
    agent = start(stage, redis, engine.url)
    epoch = reported(redis)["epoch"]
    redis.kill()
    wait_for(lambda: agent.events("redis_lost"))
    stage.processes.remove(redis)
    again = stage.add(redis.again())
    assert reported(again)["epoch"] == epoch


def test_redis_frozen_and_thawed(stage, redis, engine):
    engine.page = PAGE
    agent = start(stage, redis, engine.url)
    reported(redis)
    redis.freeze()
    wait_for(lambda: agent.events("redis_lost"))
    redis.thaw()
    seq = int(reported(redis)["seq"])
    reported(redis, seq=lambda now: int(now or 0) > seq + 3)


def test_redis_flushed_of_data_and_functions(stage, redis, engine):
    engine.page = PAGE
    start(stage, redis, engine.url)
    reported(redis)
    redis.client.flushall()
    redis.client.function_flush()
    reported(redis, running="3")


def test_redis_that_is_a_replica_is_not_written_to(stage, redis, engine):
    engine.page = PAGE
    other = stage.redis()
    redis.client.replicaof("127.0.0.1", other.port)
    file = stage.folder / "list"
    file.mkdir()
    stage.add(Agent(file, "fra", engine.url, redis.url, redis={"urls": [redis.url, other.url]}))
    reported(other, running="3")
    redis.client.replicaof("NO", "ONE")  # or the other would wait for it when it ends


# ---- configuration ----------------------------------------------------------


def check(folder, **config):
    file = folder / "agent.yaml"
    file.write_text(json.dumps(config))
    done = subprocess.run([BUILD / "router" / "isochrone-agent", "-c", file, "--check"], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


GOOD = {"cluster": "fra", "endpoints": ["http://10.1.0.5:8000"], "redis": {"urls": ["redis://127.0.0.1/0"]}}


def test_good_configuration(tmp_path):
    assert check(tmp_path, **GOOD)[0] == 0


@pytest.mark.parametrize("change, said", [
    ({"cluster": "Fra"}, "cluster"), ({"endpoints": []}, "endpoints"), ({"endpoints": ["ftp://x"]}, "endpoints[0]"),
    ({"engine": "vlm"}, "vllm"), ({"interval": "1ms"}, "100ms"), ({"state": "shut"}, "existing_only"),
    ({"redis": {"urls": ["redis://h:99999"]}}, "65535"), ({"redis": {}}, "urls"), ({"intervall": "2s"}, "interval"),
    ({"capacity": {"slots": 0}}, "slots"), ({"models": ["a b"]}, "blank"), ({"price_per_mtok": "nan"}, "price_per_mtok"),
])
def test_bad_configuration_is_one_sentence_each(tmp_path, change, said):
    code, text = check(tmp_path, **{**GOOD, **change})
    assert code == 2 and "agent.yaml:" in text and said in text


def test_all_problems_in_one_run(tmp_path):
    code, text = check(tmp_path, cluster="Fra", endpoints=["x"], redis={"urls": ["y"]}, interval="x", engine="x")
    assert code == 2 and len(text.strip().splitlines()) >= 5
