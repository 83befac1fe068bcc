"""Where a client is, which edge is near it, and which clusters its request may go to."""

from kit.requests import chat
from kit.sim import cluster
from kit.wait import wait_for

FRANKFURT = {"latitude": 50.1, "longitude": 8.7}
SHANGHAI = {"latitude": 31.2, "longitude": 121.5}


def test_edges_come_in_the_order_of_distance(stage):
    edge = stage.edge(stage.sim(), name="sha", edge={"url": "https://sha.example.net", **SHANGHAI},
                      edges=[{"name": "fra", "url": "https://fra.example.net", **FRANKFURT}],
                      geoip={"default_location": {"latitude": 48.0, "longitude": 10.0}})
    said = edge.get("/edge").json()
    assert [one["name"] for one in said["edges"]] == ["fra", "sha"]
    assert said["edges"][0]["distance_km"] < 400 < 8000 < said["edges"][1]["distance_km"]


def test_nearest_goes_by_the_edges_place(stage):
    sim = stage.sim(cluster("fra", **FRANKFURT), cluster("sha", **SHANGHAI))
    clusters = [stage.cluster_config(sim, "fra", **FRANKFURT), stage.cluster_config(sim, "sha", **SHANGHAI)]
    for name, place in (("fra", FRANKFURT), ("sha", SHANGHAI)):
        edge = stage.edge(sim, name=f"edge-{name}", clusters=clusters, policies=[{"plugin": "nearest"}], edge=place,
                          geoip={"default_location": place})
        assert {edge.chat(chat()).headers["x-isochrone-cluster"] for _ in range(5)} == {name}


def test_a_delay_is_seen_and_avoided(stage):
    """Two equal clusters, one of them far away: requests go to the near one once the delay is measured."""
    far = {"latitude": -33.9, "longitude": 151.2}
    sim = stage.sim(cluster("near"), cluster("far", **far), delay=True)
    edge = stage.edge(sim, edge={"source_address": "127.0.1.1", **SHANGHAI})
    wait_for(lambda: all(one["inputs"]["rtt_ms"]["known"] for one in edge.clusters().values()), what="both RTTs")
    chosen = [edge.chat(chat()).headers["x-isochrone-cluster"] for _ in range(10)]
    assert chosen.count("near") >= 9


def test_residency_is_a_hard_constraint(stage):
    sim = stage.sim(cluster("here"), cluster("there"))
    clusters = [stage.cluster_config(sim, "here", country="CN"), stage.cluster_config(sim, "there", country="DE")]
    edge = stage.edge(sim, clusters=clusters, routes=[{"match": {"model": "qwen3-32b"}, "require": {"country": ["DE"]}}])
    assert {edge.chat(chat()).headers["x-isochrone-cluster"] for _ in range(5)} == {"there"}
    sim.fault("there", "kill")
    answer = edge.chat(chat())
    assert answer.status_code in (502, 503)
