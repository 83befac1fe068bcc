"""The agent of one simulated cluster: build/router/isochrone-agent."""

import json

from kit.process import BUILD, Process


class Agent(Process):
    def __init__(self, folder, name, url, redis_url, **more):
        file = folder / f"agent-{name}.yaml"
        file.write_text(json.dumps({"cluster": name, "redis": {"urls": [redis_url]}, "interval": "100ms", "engine": "vllm",
                                    "endpoints": [url], **more}, indent=1))
        super().__init__(f"agent-{name}", [BUILD / "router" / "isochrone-agent", "-c", file], folder)
