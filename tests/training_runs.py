"""Training runs in processes of their own, for tests that kill them: recipe, start, curve, weights."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

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
        text += LEVEL.format(level=level, steps=count, more="ssim = 1.0" if level == 1 else more)
    path.write_text(text)
    return path


def command(recipe: Path, pairs: Path, run: Path, *options: str) -> list[str]:
    """`wideopen train` with these."""
    called = [sys.executable, "-m", "wideopen", "train", "--recipe", str(recipe), "--data", str(pairs), "-o", str(run)]
    return [*called, *options]


def start(called: list[str], **environment: str) -> subprocess.Popen[str]:
    """Start a command of one thread, its complaints to be read."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(called, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)


def complaints(process: subprocess.Popen[str], seconds: float = HANG) -> list[str]:
    """Wait for its end; the lines that begin with `wideopen:`, of which there are no tracebacks."""
    error = process.communicate(timeout=seconds)[1]
    assert "Traceback" not in error, error
    return [line for line in error.splitlines() if line.startswith("wideopen: ")]


def train_through(called: list[str], **environment: str) -> list[str]:
    """Run to the end, which has to be a good one; what was said."""
    process = start(called, **environment)
    lines = complaints(process)
    assert process.returncode == 0, lines
    return lines


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


def wait_for(path: Path, process: subprocess.Popen[str], seconds: float = HANG) -> None:
    """Wait until a file is there, while the process runs."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.02)


def children(process: subprocess.Popen[str]) -> list[int]:
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
