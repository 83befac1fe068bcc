"""An edge: build/router/isochrone with a configuration of the test's own, on free ports."""

import json
import signal

import httpx

from kit.ports import free_port
from kit.process import BUILD, Process, json_lines
from kit.wait import PATIENCE, wait_for

PLUGINS = BUILD / "plugins"


def merged(base, over):
    """over wins; mappings are merged, everything else is replaced; None takes a key out."""
    out = dict(base)
    for key, value in over.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], value)
        else:
            out[key] = value
    return out


class Edge(Process):
    """`plain` and `tls` are addresses (host, port); `url` and `tls_url` the same for clients that take URLs."""

    def __init__(self, name, folder, certificates, config, ready=True):
        self.plain = ("127.0.0.1", free_port())
        self.tls = ("127.0.0.1", free_port())
        admin = ("127.0.0.1", free_port())
        self.url = "http://{}:{}".format(*self.plain)
        self.tls_url = "https://{}:{}".format(*self.tls)
        self.admin_url = "http://{}:{}".format(*admin)
        self.authority = certificates.authority
        self.access_file = folder / f"{name}.access.log"
        self.config_file = folder / f"{name}.yaml"
        self._base = {
            "listen": [
                {"address": "{}:{}".format(*self.plain)},
                {"address": "{}:{}".format(*self.tls),
                 "tls": {"certificate": str(certificates.certificate), "key": str(certificates.key)}},
            ],
            "admin": {"address": "{}:{}".format(*admin)},
            "workers": 2,
            "edge": {"name": name},
            "access_log": str(self.access_file),
            "plugin_dir": str(PLUGINS),
            "policies": [{"plugin": "least_latency"}],
        }
        self.write_config(config)
        super().__init__(name, [BUILD / "router" / "isochrone", "-c", self.config_file], folder)
        if ready:
            self.ready(self._is_ready, "GET /readyz says 200")

    def write_config(self, config):
        """YAML is a superset of JSON; a text is taken as it is."""
        text = config if isinstance(config, str) else json.dumps(merged(self._base, config), indent=1)
        self.config_file.write_text(text)

    def _is_ready(self):
        return self.admin_answers("/readyz")

    def admin_answers(self, path="/healthz"):
        try:
            return self.admin(path).status_code == 200
        except httpx.TransportError:
            return False

    def admin(self, path, method="GET", **more):
        with httpx.Client(trust_env=False) as client:
            return client.request(method, self.admin_url + path, timeout=10 * PATIENCE, **more)

    def client(self, tls=False, http2=False, **more):
        """An httpx client whose base is this edge."""
        return httpx.Client(base_url=self.tls_url if tls else self.url, http1=not http2 or tls, http2=http2, trust_env=False,
                            verify=str(self.authority), timeout=20 * PATIENCE, **more)

    def post(self, path, body, tls=False, http2=False, **more):
        with self.client(tls, http2) as client:
            return client.post(path, json=body, **more)

    def get(self, path, tls=False, http2=False, **more):
        with self.client(tls, http2) as client:
            return client.get(path, **more)

    def chat(self, body, **more):
        return self.post("/v1/chat/completions", body, **more)

    def reload(self):
        """SIGHUP; the caller waits for what it should change."""
        self.signal(signal.SIGHUP)

    def clusters(self):
        """GET /clusters, by name."""
        return {one["cluster"]: one for one in self.admin("/clusters").json()["clusters"]}

    def metrics(self):
        """The samples of GET /metrics: "name{labels}" -> number."""
        samples = {}
        for line in self.admin("/metrics").text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    def metric(self, name, **labels):
        """The sum of a metric's samples that carry these labels."""
        return sum(value for key, value in self.metrics().items()
                   if key.split("{")[0] == name and all(f'{label}="{want}"' in key for label, want in labels.items()))

    def access(self):
        """The access log: one dictionary a request."""
        return list(json_lines(self.access_file.read_text())) if self.access_file.exists() else []

    def logged(self, request_id):
        """The access line of a request, once it is there."""
        return wait_for(lambda: next((one for one in self.access() if one.get("request_id") == request_id), None),
                        what=f"an access line of {request_id}")
