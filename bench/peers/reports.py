"""The clusters' reports, as their agents would write them: one a cluster every 2 s, through the functions in Redis."""

import threading
import time

from kit.process import TOP
from kit.redis_server import Redis

INTERVAL_S = 2
PREFIX = "{iso}"


class Reports:
    """A Redis of its own, and a thread that reports for every cluster until close()."""

    def __init__(self, folder, clusters):
        self.redis = Redis(folder)
        self.clusters = clusters
        self.redis.client.function_load((TOP / "router" / "net" / "redis_library.lua").read_text(), replace=True)
        self.epoch = int(time.time() * 1000)
        self.sequence = 0
        self._over = threading.Event()
        self.write()
        self._thread = threading.Thread(target=self._repeat, daemon=True)
        self._thread.start()

    def write(self):
        self.sequence += 1
        for number, cluster in enumerate(self.clusters):
            fields = {"state": "open", "interval_ms": INTERVAL_S * 1000, "instances": 4, "running": 40 + number, "waiting": 0, "waiting_tokens": 0,
                      "slots": 1024, "prefill_tps": 400000, "prefill_tps_one": 40000, "utilisation": 0.05, "mean_tokens": 900,
                      "itl_ms": 20 + number, "itl_idle_ms": 15, "done_per_s": 100 + self.sequence % 10, "kv_used": 0.2, "models": "qwen3-32b",
                      "engine": "vllm"}
            words = [str(word) for pair in fields.items() for word in pair]
            self.redis.client.fcall("iso1_report", 2, f"{PREFIX}:report:{cluster}:default", f"{PREFIX}:reports", cluster, "default",
                                    self.epoch, self.sequence, 3 * INTERVAL_S * 1000, f"{PREFIX}:updates", *words)

    def _repeat(self):
        while not self._over.wait(INTERVAL_S):
            self.write()

    def stop(self):
        self._over.set()
        self._thread.join()
        return self.redis.stop()
