"""A policy written from plugins/README.md alone: its file, its compile line, its lines of configuration."""

import re
import subprocess

import pytest

from kit.process import BUILD, TOP
from kit.requests import chat
from kit.sim import cluster
from kit.wait import wait_for

MANUAL = (TOP / "plugins" / "README.md").read_text()


def block(language):
    """The manual's first block of code in a language."""
    return re.search(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL).group(1)


def compiled(folder, source):
    """Compiled with the manual's own line."""
    (folder / "mine.c").write_text(source)
    line = block("sh").replace("-Iinclude", f"-I{TOP}/include")
    subprocess.run(line, shell=True, cwd=folder, check=True)
    return folder / "mine.so"


@pytest.fixture
def sim(stage):
    return stage.sim(cluster("here"), cluster("abroad"))


def edge_with(stage, sim, plugin, settings=None):
    clusters = [stage.cluster_config(sim, "here", country="CN"), stage.cluster_config(sim, "abroad", country="DE")]
    return stage.edge(sim, clusters=clusters, policies=[{"plugin": str(plugin), "settings": settings or {}}])


def test_the_manuals_policy_is_loaded_and_obeyed(stage, sim):
    edge = edge_with(stage, sim, compiled(stage.folder, block("c")), {"abroad": "80ms"})
    answer = edge.chat(chat())
    assert answer.status_code == 200
    line = edge.logged(answer.headers["x-request-id"])
    parts = set(line["decision"]["ms"]["mine"])  # the log leaves out what costs nothing
    assert {"network", "service"} <= parts <= {"network", "wait", "service", "border"}
    said = edge.admin("/explain?ip=127.0.0.1&model=qwen3-32b").json()
    assert [one["name"] for one in said["policies"]] == ["mine"]


def test_a_modifier_with_texts_moves_the_choice(stage, sim):
    clusters = [stage.cluster_config(sim, "here", region="cn-north"), stage.cluster_config(sim, "abroad", region="eu-west")]
    preferences = [{"plugin": "prefer", "settings": {"region": region, "worth": "10s"}} for region in ("eu-west", "none")]
    edge = stage.edge(sim, clusters=clusters, policies=[{"plugin": "least_latency"}, *preferences])
    assert {edge.chat(chat()).headers["x-isochrone-cluster"] for _ in range(5)} == {"abroad"}
    said = edge.admin("/explain?ip=127.0.0.1&model=qwen3-32b").json()
    assert [one["name"] for one in said["policies"]] == ["least_latency", "prefer", "prefer"]
    edge.write_config({"clusters": clusters, "policies": [{"plugin": "least_latency"},
                                                          {"plugin": "prefer", "settings": {"country": "Germany"}}]})
    edge.reload()
    wait_for(lambda: edge.metric("isochrone_reloads_total", result="refused") == 1, what="the refusal is counted")
    assert "country is two capital letters" in edge.admin("/config").json()["last_reload_error"]


BROKEN = {
    "part_count": (r"\.part_count = PARTS", ".part_count = 0"),
    "kind": (r"\.kind = ISO_COMPLETE", ".kind = 77"),
    "settings_size": (r"\.settings_size = sizeof\(struct settings\)", ".settings_size = 4"),
    "cost": (r"    \.cost = cost,\n", ""),
}


@pytest.mark.parametrize("field", BROKEN)
def test_a_broken_one_is_refused_by_name_and_the_old_one_stays(stage, sim, field):
    wrong, instead = BROKEN[field]
    source, count = re.subn(wrong, instead, block("c"))
    assert count == 1
    plugin = compiled(stage.folder, source + ("\nvoid *unused_cost = (void *)cost;\n" if field == "cost" else ""))
    done = subprocess.run([BUILD / "router" / "isochrone", "--describe", plugin], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert field in done.stderr

    edge = edge_with(stage, sim, "least_latency")
    edge.write_config({"policies": [{"plugin": str(plugin)}], "clusters": [stage.cluster_config(sim, "here")]})
    edge.reload()
    wait_for(lambda: edge.metric("isochrone_reloads_total", result="refused") == 1, what="the refusal is counted")
    assert field in edge.admin("/config").json()["last_reload_error"]
    assert edge.chat(chat()).status_code == 200
