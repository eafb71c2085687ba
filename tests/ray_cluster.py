"""A Ray cluster of this machine, as `ray start` makes it, and its processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

# Given, none of these has to be waited for, which Ray does for 15 s at most: too short where cores are busy.
ENVIRONMENT = {"RAY_AUTH_MODE": "disabled", "RAY_raylet_start_wait_time_s": "400"}
"""Of the cluster, and of who uses it."""
PORTS = ("port", "metrics-export-port", "dashboard-agent-grpc-port", "dashboard-agent-listen-port",
         "runtime-env-agent-port")  # fmt: skip


@dataclass(frozen=True)
class Cluster:
    address: str
    pid: int
    """Of the process whose descendants are all others of the cluster."""

    def workers(self) -> list[int]:
        """Processes of actors that render."""
        return [pid for pid in below(self.pid) if told(pid, "cmdline").startswith("ray::MapWorker")]


@contextmanager
def started_cluster(cores: int, environment: dict[str, str] | None = None) -> Iterator[Cluster]:
    """A cluster that ends with the context."""
    with ExitStack() as held:
        sockets = {name: held.enter_context(socket.socket()) for name in PORTS}
        for free in sockets.values():
            free.bind(("127.0.0.1", 0))
        ports = {name: free.getsockname()[1] for name, free in sockets.items()}
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats",
               "--include-dashboard=false", "--node-ip-address=127.0.0.1", f"--num-cpus={cores}",
               "--object-store-memory=200000000", *(f"--{name}={port}" for name, port in ports.items())]  # fmt: skip
    with subprocess.Popen(
        command,
        env={**(environment or os.environ), **ENVIRONMENT},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as started:
        assert started.stdout is not None
        try:
            lines = []
            for line in started.stdout:
                lines.append(line)
                if "Ray runtime started" in line:
                    break
            assert any("Ray runtime started" in line for line in lines), "".join(lines)
            yield Cluster(f"127.0.0.1:{ports['port']}", started.pid)
        finally:
            processes = below(started.pid)
            started.terminate()
            for pid in processes:
                if told(pid, "cmdline"):
                    os.kill(pid, signal.SIGKILL)


def below(pid: int) -> list[int]:
    """A process's descendants."""
    parents = {int(name): _parent(int(name)) for name in os.listdir("/proc") if name.isdigit()}
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found[1:]


def wait_for_end(pids: list[int], most_s: float = 300) -> None:
    """Until processes are gone."""
    end = time.monotonic() + most_s
    while alive := [pid for pid in pids if told(pid, "cmdline")]:
        assert time.monotonic() < end, [told(pid, "cmdline") for pid in alive]
        time.sleep(0.1)


def told(pid: int, what: str) -> str:
    """A file of /proc about a process; nothing if it is no more."""
    try:
        return Path(f"/proc/{pid}/{what}").read_text(errors="replace")
    except OSError:
        return ""


def _parent(pid: int) -> int:
    fields = told(pid, "stat").rpartition(")")[2].split()
    return int(fields[1]) if fields else 0
