"""Requests by h2load, all of which must be answered with 2xx."""

import re
import shutil
import statistics
import subprocess

from stage import pinned

MODEL = "qwen3-32b"


def require():
    if shutil.which("h2load") is None:
        raise SystemExit("h2load is not installed (Debian's nghttp2-client)")


def request_body(folder, size):
    """A chat request of exactly so many bytes."""
    start, end = b'{"model":"%s","messages":[{"role":"user","content":"' % MODEL.encode(), b'"}]}'
    file = folder / f"body-{size}.json"
    file.write_bytes(start + b"a" * (size - len(start) - len(end)) + end)
    return file


CIPHER = "TLS_AES_128_GCM_SHA256"  # the same with every proxy, whatever it would prefer


class H2load:
    def __init__(self, cores, body, path="/v1/chat/completions", connections=32, streams=16):
        self._cores = cores
        self._path = path
        self._shape = ["-c", connections, "-m", streams, "-t", 1]
        self._request = ["-d", body, "-H", "content-type: application/json", f"--tls13-ciphers={CIPHER}"]

    def _h2load(self, url, requests, *more):
        return subprocess.run(pinned(self._cores, ["h2load", *more, *self._request, "-n", requests, url + self._path]),
                              capture_output=True, text=True, check=False).stdout

    def answers(self, url):
        """Whether one request is answered with 2xx."""
        return "status codes: 1 2xx" in self._h2load(url, 1)

    def run(self, url, requests, *more):
        """Requests a second."""
        said = self._h2load(url, requests, *self._shape, *more)
        if not re.search(rf"status codes: {requests} 2xx", said):
            raise SystemExit(f"{url}: not every request was answered with 2xx\n{said}")
        return float(re.search(r"([\d.]+) req/s", said).group(1))

    def median_us(self, url, requests, folder):
        """The median time of a request, in us."""
        log = folder / "h2load.log"
        log.unlink(missing_ok=True)
        self.run(url, requests, f"--log-file={log}")
        return statistics.median(int(line.split("\t")[2]) for line in log.read_text().splitlines())
