"""What the kernel counted for a proxy: CPU and memory, over all its threads and processes."""

import re
from pathlib import Path


def processes(pid):
    """A process and all it started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += processes(int(child))
    return found


def cpu_us(pid):
    """What it has used, by the scheduler's count: user and system."""
    return sum(int((task / "schedstat").read_text().split()[0]) / 1000
               for one in processes(pid) for task in Path(f"/proc/{one}/task").iterdir())


def rss_kib(pid):
    return sum(int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{one}/status").read_text()).group(1)) for one in processes(pid))
