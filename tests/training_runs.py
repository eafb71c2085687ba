"""Training runs in processes of their own, for tests that kill them: recipe, start, curve, weights."""

import csv
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from lightning.pytorch.strategies.launchers import subprocess_script
from torch.distributed.elastic.multiprocessing.subprocess_handler import subprocess_handler

from limits import HANG
from wideopen.network.checkpoint import load_weights
from wideopen.training.processes import Processes
from wideopen.training.recipe import load_recipe
from wideopen.training.train import train

HEAD = """name = "small"
seed = 7
epoch_steps = {epoch}
precision = "64-true"
schedule = "cosine"
[network]
width = 0.0625
blocks = "cascade"
head = "{head}"
init = "he"
{network}
[pairs]
crop_scale = [0.8, 1.0]
input = 64
flips = true
exposure = 0.2
validation = 0.12
workers = {workers}
"""
LEVEL = "[[level]]\nlevel = {level}\nbatch = 4\nsteps = {steps}\nlr = 1e-4\n{more}\n"


def write_recipe(
    path: Path,
    levels: tuple[int, ...] = (7,),
    steps: int | Mapping[int, int] = 20,
    epoch: int = 5,
    workers: int = 0,
    head: str = "residual",
    more: str = "",
    network: str = "",
) -> Path:
    """A recipe of small levels, of so many steps each, or by level; `more` goes into each, `network` into the network's
    part."""
    text = HEAD.format(epoch=epoch, workers=workers, head=head, network=network)
    for level in levels:
        count = steps if isinstance(steps, int) else steps[level]
        text += LEVEL.format(level=level, steps=count, more="ssim = 1.0" if level in (1, 3) else more)
    path.write_text(text)
    return path


def command(recipe: Path, pairs: Path, run: Path, *options: str) -> list[str]:
    """`wideopen train` with these."""
    called = [sys.executable, "-m", "wideopen", "train", "--recipe", str(recipe), "--data", str(pairs), "-o", str(run)]
    return [*called, *options]


class Run:
    """`python -m` of wideopen or torchrun in a process of its own, forked from one that has imported what they need.

    Importing that takes as long as all that many of these runs do. The processes that a run starts itself
    (`--devices 2`) are started from nothing, or forked, too. Interface and exit codes are those of `Popen`.
    """

    def __init__(self, called: list[str], environment: Mapping[str, str], fork_others: bool = False) -> None:
        assert called[:2] == [sys.executable, "-m"]
        self._errors, theirs = _FORKS.Pipe(duplex=False)
        values = (called[2], called[3:], dict(environment), theirs, fork_others)
        self._process = _FORKS.Process(target=_as_command, args=values)
        self._process.start()
        theirs.close()
        self.pid = self._process.pid or 0
        self.kill, self.terminate = self._process.kill, self._process.terminate

    @property
    def returncode(self) -> int | None:
        """The exit code, minus the signal's number if one ended it; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def error(self, seconds: float = HANG) -> str:
        """Wait for its end, and that of all who write where it does; what they wrote on standard error."""
        end, parts = time.monotonic() + seconds, []
        while True:
            assert wait([self._errors], max(0.0, end - time.monotonic())), f"{self.pid} hangs: {b''.join(parts)!r}"
            parts.append(os.read(self._errors.fileno(), 1 << 16))
            if not parts[-1]:
                break
        self._process.join(max(0.0, end - time.monotonic()))
        assert self._process.exitcode is not None, f"{self.pid} hangs"
        return b"".join(parts).decode()


_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["wideopen.training.train", "wideopen.cli.train", "torch.distributed.run", "torch.utils.tensorboard", "s3fs"]
)


class _Forked:
    """What Lightning's launcher and torchrun ask of `Popen`, for a process of the command that this process runs."""

    def __init__(self, args: Sequence[str], env: Mapping[str, str], **_: object) -> None:
        before, arguments = list(args[: args.index("train")]), list(args[args.index("train") :])
        assert before in ([sys.executable, "-m", "wideopen.__main__"], [sys.executable, "-u", "-m", "wideopen"])
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                os.environ.clear()
                os.environ.update(env)
                _become("wideopen", arguments)
                code = 0
            except SystemExit as stopped:
                code = int(stopped.code or 0)
            finally:
                os._exit(code)

    def poll(self) -> int | None:
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if ended else None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float | None = None) -> int | None:
        end = time.monotonic() + (HANG if timeout is None else timeout)
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("wideopen", timeout or HANG)
            time.sleep(0.01)
        return self.returncode


def _as_command(
    module: str, arguments: list[str], environment: dict[str, str], errors: Connection, fork_others: bool
) -> None:
    """Become `python -m` of a module with these arguments."""
    os.dup2(errors.fileno(), 2)
    errors.close()
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.environ.update(environment)
    torch.set_num_threads(1)
    if fork_others:
        subprocess_script.subprocess = SimpleNamespace(Popen=_Forked)  # type: ignore[assignment]
        subprocess_handler.Popen = _Forked  # type: ignore[assignment,misc]
    _become(module, arguments)


def _become(module: str, arguments: list[str]) -> None:
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def start(called: list[str], fork_others: bool = False, **environment: str) -> Run:
    """Start a command of one thread, its complaints to be read."""
    return Run(called, {"OMP_NUM_THREADS": "1", **environment}, fork_others)


def complaints(process: Run, seconds: float = HANG) -> list[str]:
    """Wait for its end; the lines that begin with `wideopen:`, of which there are no tracebacks."""
    return _said(process.error(seconds))


def _said(error: str) -> list[str]:
    assert "Traceback" not in error, error
    return [line for line in error.splitlines() if line.startswith("wideopen: ")]


def train_through(called: list[str]) -> list[str]:
    """Run to the end, which has to be a good one; what was said."""
    process = start(called)
    lines = complaints(process)
    assert process.returncode == 0, lines
    return lines


def train_shared(called: list[str]) -> list[list[str]]:
    """Run by two processes as srun starts them, to a good end; what each said."""
    shared = {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "SLURM_NNODES": "1", "SLURM_NODEID": "0"}
    shared |= {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "x", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    tasks = [start(called, **shared, SLURM_PROCID=str(rank), SLURM_LOCALID=str(rank)) for rank in (0, 1)]
    said = [complaints(task) for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], said
    return said


def train_by_torchrun(called: list[str]) -> None:
    """Run by two processes that torchrun starts, to a good end."""
    torchrun = [*called[:2], "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    process = start([*torchrun, *called[1:]], fork_others=True)
    error = process.error()
    _said(error)
    assert process.returncode == 0, error


def free_port() -> str:
    """A port of this machine that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


def train_here(recipe: Path, pairs: Path, run: Path, **options: Any) -> list[str]:
    """Train to the end in this process, which has imported all that another would have to; what was told.

    With one thread, as `start` has it, so that the weights are the same to the last bit.
    """
    told: list[str] = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train(load_recipe(recipe), pairs, run, processes=Processes(1, 1), tell=told.append, **options)
    finally:
        torch.set_num_threads(threads)
    return told


def wait_for(path: Path, process: Run, seconds: float = HANG) -> None:
    """Wait until a file is there, while the process runs."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.error()
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.02)


def children(process: Run) -> list[int]:
    """Process ids of those it started."""
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def kill(pids: list[int]) -> None:
    """SIGKILL to each."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def curve(run: Path, level: int, name: str = "train/total") -> list[float]:
    """A level's figures, step by step, means over all processes."""
    with (run / "csv" / f"level{level}" / "metrics.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]


def assert_same_weights(
    run: Path, other: Path, level: int, tolerance: float = 0.0, figures: float | None = None
) -> None:
    """Weights of a level, and how good they were (within `figures`, or the same tolerance)."""
    figures = tolerance if figures is None else figures
    (one, kept), (two, also) = (load_weights(folder / f"level{level}.pt") for folder in (run, other))
    for name, value in one.state_dict().items():
        torch.testing.assert_close(two.state_dict()[name], value, rtol=tolerance, atol=tolerance)
    for name, value in kept["metrics"].items():
        assert abs(also["metrics"][name] - value) <= figures, name
