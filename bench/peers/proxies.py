"""The proxies that are compared. The settings of each are the file of its name in settings/, @WORDS@ filled in here.

All have one cleartext HTTP/2 port and one TLS port in front. Behind them is one backend, by HTTP/2 where the proxy can.
"""

import json
import re
import resource
import shutil
from pathlib import Path

from kit.ports import free_port
from kit.process import BUILD

SETTINGS = Path(__file__).parent / "settings"
PROGRAMS = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
CLUSTERS = [f"cluster-{number}" for number in range(8)]


class Proxy:
    """One of the compared; `program` is what runs, `settings` its file, `arguments` how it takes it."""

    name = ""
    program = ""
    settings = ""
    arguments = ()
    has_tls = True

    def __init__(self, folder, backend, certificates, redis_url=None):
        self.folder = folder
        self.backend = backend
        self.certificates = certificates
        self.redis_url = redis_url
        self.port, self.tls_port = free_port(), free_port()
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    @classmethod
    def path(cls):
        return shutil.which(cls.program, path=PROGRAMS)

    def url(self, tls):
        return f"https://127.0.0.1:{self.tls_port}" if tls and self.has_tls else f"http://127.0.0.1:{self.port}"

    def words(self):
        host, port = self.backend.rsplit(":", 1)
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        return {"FOLDER": self.folder, "PORT": self.port, "TLS_PORT": self.tls_port, "BACKEND": self.backend, "BACKEND_HOST": host, "BACKEND_PORT": port,
                "CERTIFICATE": self.certificates.certificate, "KEY": self.certificates.key,
                "FILES": files, "CONNECTIONS": min(files // 4, 10000)}  # two descriptors a connection, and pipes for what is spliced

    def command(self):
        words = self.words()
        text = re.sub(r"@([A-Z_]+)@", lambda found: str(words[found.group(1)]), (SETTINGS / self.settings).read_text())
        file = self.folder / f"{self.name}-{self.port}.conf"
        file.write_text(text)
        return [self.path(), *self.arguments, file]


class Isochrone(Proxy):
    name = "isochrone"
    settings = "isochrone.yaml"
    arguments = ("-c",)

    @classmethod
    def path(cls):
        program = BUILD / "router" / "isochrone"
        return program if program.exists() else None

    def words(self):
        clusters = "".join(f"  - {json.dumps(self.cluster(number, name))}\n" for number, name in enumerate(CLUSTERS))
        return super().words() | {"REDIS": self.redis_url, "PLUGINS": BUILD / "plugins", "CLUSTERS": clusters}

    def cluster(self, number, name):
        return {"name": name, "latitude": 30 + number, "longitude": 110 + number, "models": {"qwen3-32b": "qwen3-32b"},
                "endpoints": [{"url": f"http://{self.backend}", "protocol": "h2"}],
                "capacity": {"slots": 1024, "prefill_tps": 400000, "prefill_tps_one": 40000}}


class Nginx(Proxy):
    name = program = "nginx"
    settings = "nginx.conf"
    arguments = ("-c",)


class Haproxy(Proxy):
    name = program = "haproxy"
    settings = "haproxy.cfg"
    arguments = ("-db", "-f")

    def words(self):
        both = self.folder / "both.pem"
        both.write_text(self.certificates.certificate.read_text() + self.certificates.key.read_text())
        return super().words() | {"BOTH": both}


class Nghttpx(Proxy):
    name = program = "nghttpx"
    settings = "nghttpx.conf"

    def command(self):
        return [self.path(), f"--conf={super().command()[-1]}"]


class H2o(Proxy):
    name = program = "h2o"
    settings = "h2o.yaml"
    arguments = ("-c",)


class Relay(Proxy):
    """The floor, not a peer."""

    name = "relay"
    program = "haproxy"
    settings = "relay.cfg"
    arguments = ("-db", "-f")
    has_tls = False


PEERS = (Nginx, Haproxy, Nghttpx, H2o)
KINDS = {kind.name: kind for kind in (Isochrone, *PEERS, Relay)}
