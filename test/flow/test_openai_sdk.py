"""The unmodified `openai` npm SDK, as test/kit/npm/package-lock.json pins it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from kit.sim import cluster
from kit.wait import PATIENCE

NPM = Path(__file__).resolve().parents[1] / "kit" / "npm"
# Its own where the system's is older than the SDK allows.
OWN = list(NPM.glob("node_modules/node-linux-*/bin/node"))
NODE = OWN[0] if OWN else shutil.which("node")


@pytest.fixture(scope="module")
def sim(shared_stage):
    return shared_stage.sim(cluster("near"), cluster("slow", type="slow", models=["slow-model"]))


@pytest.fixture(scope="module")
def edge(shared_stage, sim):
    clusters = [shared_stage.cluster_config(sim, "near"), shared_stage.cluster_config(sim, "slow", models=["slow-model"])]
    return shared_stage.edge(sim, clusters=clusters)


@pytest.fixture(params=["tls", "plain"])
def sdk(edge, request):
    """Runs one of the functions of sdk.mjs; returns the JSON that it prints."""
    base = edge.tls_url if request.param == "tls" else edge.url

    def run(case, **more):
        done = subprocess.run([NODE, NPM / "sdk.mjs", case, json.dumps({"base": base + "/v1", **more})], capture_output=True,
                              text=True, check=False, timeout=60 * PATIENCE, env={"NODE_EXTRA_CA_CERTS": str(edge.authority)})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_chat(sdk):
    said = sdk("chat")
    assert said["role"] == "assistant"
    assert said["content"]
    assert said["completion_tokens"] == 8
    assert said["request_id"]


def test_streaming(sdk):
    said = sdk("streaming")
    assert said["chunks"] >= 8
    assert said["finish_reason"] in ("stop", "length")
    assert said["usage"]["completion_tokens"] == 8


def test_embeddings(sdk):
    said = sdk("embeddings")
    assert said["count"] == 2
    assert said["dimensions"] > 0


def test_models(sdk):
    assert sorted(sdk("models")["ids"]) == ["qwen3-32b", "slow-model"]


@pytest.mark.parametrize("case, kind, status, code", [
    ("unknown_model", "NotFoundError", 404, "model_not_found"),
    ("no_model", "BadRequestError", 400, "model_required"),
    ("unknown_path", "NotFoundError", 404, "not_found"),
])
def test_error_classes(sdk, case, kind, status, code):
    said = sdk(case)
    assert (said["name"], said["status"], said["code"]) == (kind, status, code)
    assert said["type"] == "invalid_request_error"
    assert said["message"]
    assert said["request_id"]


def test_a_refusal_is_retried_by_the_sdk_as_we_ask_it(sdk, sim, edge):
    """The cluster is overloaded until the SDK was told so; it waits as our retry-after says, and is answered."""
    sim.fault("near", "status", 503)
    try:
        said = sdk("retries", control=sim.control_url, cluster="near")
    finally:
        sim.fault("near", "clear")
    assert said["content"]
    assert said["refused"] >= 1
    assert all(1 <= int(one) <= 5 for one in said["retry_after"])


def test_an_abort_reaches_the_cluster(sdk, sim):
    said = sdk("abort")
    assert said["aborted"] is True
    assert said["chunks"] >= 2
    sim.saw(said["request_id"], "aborted")


def test_a_break_out_of_the_loop_reaches_the_cluster(sdk, sim):
    said = sdk("break_out")
    sim.saw(said["request_id"], "aborted")


def test_a_cut_stream_raises(sdk, sim):
    sim.fault("slow", "cut_after_tokens", 3)
    try:
        said = sdk("cut")
    finally:
        sim.fault("slow", "clear")
    assert said["chunks"] >= 1
    assert said["raised"]
