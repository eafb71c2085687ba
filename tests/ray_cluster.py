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

from limits import HANG

TESTS = Path(__file__).parent
ENVIRONMENT = {"RAY_AUTH_MODE": "disabled", "RAY_raylet_start_wait_time_s": "60"}
"""Of the cluster, and of who uses it."""
TRIES = 4
"""Ray's own processes wait 15 s for one another, which is too short where cores are busy."""
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
    for _ in range(TRIES):
        # Workers import what tests give them to do from where it is.
        folders = [str(TESTS), str(TESTS / "batch"), os.environ.get("PYTHONPATH", "")]
        here = {"PYTHONPATH": os.pathsep.join(folders)}
        process, cluster, said = _start(cores, {**(environment or os.environ), **ENVIRONMENT, **here})
        try:
            if cluster is not None:
                yield cluster
                return
        finally:
            processes = below(process.pid)
            process.terminate()
            for pid in processes:
                if told(pid, "cmdline"):
                    os.kill(pid, signal.SIGKILL)
            process.communicate()
    raise AssertionError(said)


def _start(cores: int, environment: dict[str, str]) -> tuple["subprocess.Popen[str]", Cluster | None, str]:
    with ExitStack() as held:
        sockets = {name: held.enter_context(socket.socket()) for name in PORTS}
        for free in sockets.values():
            free.bind(("127.0.0.1", 0))
        ports = {name: free.getsockname()[1] for name, free in sockets.items()}
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--disable-usage-stats",
               "--include-dashboard=false", "--node-ip-address=127.0.0.1", f"--num-cpus={cores}",
               "--object-store-memory=200000000", *(f"--{name}={port}" for name, port in ports.items())]  # fmt: skip
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    started = subprocess.Popen(command, env=environment, start_new_session=True, **pipes)  # type: ignore[call-overload]
    said = ""
    for line in started.stdout:
        said += line
        if "Ray runtime started" in line:
            return started, Cluster(f"127.0.0.1:{ports['port']}", started.pid), said
    return started, None, said


def below(pid: int) -> list[int]:
    """A process's descendants."""
    parents = {int(name): _parent(int(name)) for name in os.listdir("/proc") if name.isdigit()}
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found[1:]


def wait_for_end(pids: list[int], most_s: float = HANG) -> None:
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
