"""The proxies that run compares: how each is configured, one worker, the best settings that are known for it.

All have one cleartext HTTP/2 port and one TLS port in front and speak cleartext HTTP/2 to the backend. None of the
peers writes an access log; Isochrone does, as its users have it.
"""

import json
import shutil

from kit.ports import free_port
from kit.process import BUILD


class Proxy:
    name = ""
    program = ""

    def __init__(self, folder, backend, certificates):
        self.folder = folder
        self.backend = backend
        self.certificates = certificates
        self.port, self.tls_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.tls_url = f"https://127.0.0.1:{self.tls_port}"
        self.process = None

    def usable(self):
        return shutil.which(self.program, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin") is not None

    def file(self, text):
        path = self.folder / f"{self.name}.conf"
        path.write_text(text)
        return path


class Isochrone(Proxy):
    """As its users run it: least_latency over 8 clusters, the body's facts read, an access log in a file."""

    name = "isochrone"
    CLUSTERS = 8

    def usable(self):
        return (BUILD / "router" / "isochrone").exists()

    def cluster(self, number):
        return {"name": f"cluster-{number}", "latitude": 30 + number, "longitude": 110 + number, "models": {"qwen3-32b": "qwen3-32b"},
                "endpoints": [{"url": f"http://{self.backend}", "protocol": "h2"}],
                "capacity": {"slots": 1024, "prefill_tps": 400000, "prefill_tps_one": 40000}}

    def command(self):
        config = self.file(json.dumps({
            "listen": [{"address": f"127.0.0.1:{self.port}"},
                       {"address": f"127.0.0.1:{self.tls_port}",
                        "tls": {"certificate": str(self.certificates.certificate), "key": str(self.certificates.key)}}],
            "admin": {"address": f"unix:{self.folder}/admin.sock"},
            "workers": 1,
            "edge": {"name": "bench", "latitude": 31, "longitude": 121},
            "access_log": str(self.folder / "access.log"),
            "policies": [{"plugin": str(BUILD / "plugins" / "least_latency.so")}],
            "clusters": [self.cluster(number) for number in range(self.CLUSTERS)],
        }))
        return [BUILD / "router" / "isochrone", "-c", config]


class Nghttpx(Proxy):
    name = program = "nghttpx"

    def command(self):
        host, port = self.backend.split(":")
        return [self.program, "--conf=/dev/null", "--workers=1", "--single-process", "--errorlog-file=/dev/null", "--no-ocsp", "--tls-dyn-rec-warmup-threshold=0",
                f"--frontend=127.0.0.1,{self.port};no-tls", f"--frontend=127.0.0.1,{self.tls_port}",
                f"--backend={host},{port};;proto=h2", self.certificates.key, self.certificates.certificate]


class Haproxy(Proxy):
    name = program = "haproxy"

    def command(self):
        both = self.folder / "both.pem"
        both.write_text(self.certificates.certificate.read_text() + self.certificates.key.read_text())
        return [self.program, "-db", "-f", self.file(f"""
global
    nbthread 1
    maxconn 4000
    ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    http-reuse always
frontend front
    bind 127.0.0.1:{self.port} proto h2
    bind 127.0.0.1:{self.tls_port} ssl crt {both} alpn h2
    default_backend back
backend back
    server one {self.backend} proto h2
""")]


KINDS = {kind.name: kind for kind in (Isochrone, Nghttpx, Haproxy)}
