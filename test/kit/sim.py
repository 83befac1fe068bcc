"""Simulated clusters: build/bench/isosim with a scenario of the test's own, on free ports."""

import json

import httpx

from kit.process import BUILD, Process, json_lines
from kit.requests import MODEL
from kit.wait import PATIENCE, wait_for

# A kind of cluster that answers at once: tests are about the router, not about the model.
QUICK = {"prefill_tps_one": 1e6, "itl_base_s": 0.001, "itl_per_seq_s": 0.000001, "batch": 1024, "cache_tokens": 200000}
# One token every 50 ms: for a stream that a test wants to catch in the middle.
SLOW = {**QUICK, "itl_base_s": 0.05}
# One prompt at a time, and each takes its time: what a crowd makes wait.
BUSIABLE = {**QUICK, "prefill_tps_one": 20000, "batch": 256}

PLACE = {"latitude": 31.2, "longitude": 121.5}


def cluster(name="near", **more):
    """A cluster of a scenario; `type` is quick, slow or one of the stage's own, `protocol` h1, h2c or h2."""
    return {"name": name, "type": "quick", "instances": 1, "protocol": "h1", "listen": "127.0.0.1:0",
            "models": [MODEL], **PLACE, **more}


class Sim(Process):
    """`urls` has the address of each cluster, by name."""

    def __init__(self, folder, certificates, clusters, delay=False, types=None):
        self.cluster_names = [one["name"] for one in clusters]
        self._protocols = {one["name"]: one["protocol"] for one in clusters}
        file = folder / "sim.yaml"
        file.write_text(json.dumps({
            "isosim": {"control": "127.0.0.1:0", "delay": delay,
                       "tls": {"certificate": str(certificates.certificate), "key": str(certificates.key)}},
            "clusters_of_type": {"quick": QUICK, "slow": SLOW, **(types or {})},
            "test": {"regions": [{"name": "here", **PLACE}], "clusters": clusters},
        }, indent=1))
        super().__init__("isosim", [BUILD / "bench" / "isosim", "-c", file], folder)
        started = self.announced("its line of addresses")
        self.control_url = "http://" + started["control"]
        self.urls = {one["name"]: self._url(one) for one in started["clusters"]}

    def _url(self, one):
        host, port = one["address"].rsplit(":", 1)
        scheme = "https" if self._protocols[one["name"]] == "h2" else "http"
        return f"{scheme}://{host}:{port}"

    def protocol(self, name):
        return self._protocols[name]

    def fault(self, name, fault, value=None):
        """Makes a cluster fail in a way of bench/sim/README.md, or with "clear" behave again."""
        body = {"fault": fault} if value is None else {"fault": fault, "value": value}
        with httpx.Client(trust_env=False) as client:
            answer = client.post(f"{self.control_url}/sim/{name}/fault", json=body, timeout=10 * PATIENCE)
        assert answer.status_code == 200, answer.text

    def log(self, name=None, event=None):
        """What happened to the requests: started, finished, aborted."""
        return [one for one in json_lines(self.output())
                if "request_id" in one and name in (None, one.get("cluster")) and event in (None, one.get("event"))]

    def saw(self, request_id, event, timeout=10):
        """Waits until a cluster logged this of the request; returns the line."""
        return wait_for(lambda: next((one for one in self.log(event=event) if one["request_id"] == request_id), None),
                        timeout, f"{request_id} {event}")
