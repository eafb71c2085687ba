"""What of the machine a program may use."""

import os
from pathlib import Path


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> tuple[int, int]:
    """Free and total bytes, of the container (cgroup v2) where that leaves less; zeros where one cannot tell."""
    try:
        lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
        said = {line[0]: int(line[1]) * 1024 for line in lines}
        free, total = said["MemAvailable:"], said["MemTotal:"]
    except (OSError, KeyError):
        try:
            page = os.sysconf("SC_PAGE_SIZE")
            free, total = (os.sysconf(f"SC_{name}PHYS_PAGES") * page for name in ("AV", ""))
        except (AttributeError, ValueError, OSError):
            return 0, 0
    try:
        limit, used = (int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current"))
        return min(free, limit - used), min(total, limit)
    except (OSError, ValueError):  # No container's, or it says "max".
        return free, total
