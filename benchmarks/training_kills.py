"""Training killed at random moments and resumed: how often it ends in the weights of a run left alone.

    OMP_NUM_THREADS=1 python benchmarks/training_kills.py [--kills 50] [--processes 1] [--seed 0]

Pairs are made and a small recipe (levels 7 and 6, 64 bits, a checkpoint every 5 steps) is trained once undisturbed.
Then a run of it is killed with SIGKILL, all its processes at once, at a moment drawn evenly over the time that a whole
run takes, and resumed, until it is done; then comes the next run, until there were so many kills. A resume is correct
if it trains on without an error, and a finished run if its weights have the bits of the undisturbed one. Processes are
forked from this one, so that kills fall on training and not on Python's start. Prints a table, and the figures as JSON
on the last line; exit code 1 if anything was not as it should be.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import socket
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.context import ForkProcess
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from wideopen.network.checkpoint import load_weights
from wideopen.options import PyNETConfig
from wideopen.pairs.sample_options import PairsOptions
from wideopen.training.processes import Processes
from wideopen.training.recipe import LevelRecipe, Recipe
from wideopen.training.train import train

LEVELS = (7, 6)
FORK = multiprocessing.get_context("fork")


def make_recipe(steps: int) -> Recipe:
    levels = tuple(LevelRecipe(level, 4, steps, 1e-4) for level in LEVELS)
    network = PyNETConfig(width=0.0625, blocks="cascade", head="residual", init="he")
    pairs = PairsOptions(input=64, crop_scale=(0.8, 1.0), flips=True, validation=0.2, workers=0)
    return Recipe("kills", levels, network, pairs, epoch_steps=5, precision="64-true", schedule="cosine")


def make_pairs(folder: Path) -> None:
    """Twelve pairs of noise at two scales, and the same blurred."""
    rng = np.random.default_rng(0)
    for index in range(12):
        coarse = cv2.resize(rng.integers(0, 256, (9, 12, 3), np.uint8), (96, 72), interpolation=cv2.INTER_CUBIC)
        photo = cv2.addWeighted(coarse, 0.7, rng.integers(0, 256, (72, 96, 3), np.uint8), 0.3, 0)
        for name, picture in (("original", photo), ("bokeh", cv2.GaussianBlur(photo, (0, 0), 3))):
            (folder / name).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / name / f"{index}.png"), picture)


@dataclass
class Found:
    """What the kills came to."""

    kills: int = 0
    resumes: int = 0
    runs: int = 0
    same: int = 0
    leftovers: int = 0
    killed_at: Counter[str] = field(default_factory=Counter)
    """How far the run had got, by its newest file."""
    whole_s: float = 0.0
    """An undisturbed run's time."""


class Trial:
    """One run, started, killed and started again."""

    def __init__(self, folder: Path, run: str, recipe: Recipe, processes: int) -> None:
        self.run, self.data, self.recipe, self.world = folder / run, folder / "pairs", recipe, processes
        self.tasks: list[ForkProcess] = []

    def start(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.tasks = [FORK.Process(target=self._work, args=(rank, port)) for rank in range(self.world)]
        for task in self.tasks:
            task.start()

    def _work(self, rank: int, port: int) -> None:
        warnings.filterwarnings("ignore")
        if self.world > 1:
            os.environ.update(LOCAL_RANK=str(rank), NODE_RANK="0", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
        train(self.recipe, self.data, self.run, resume=True, processes=Processes(self.world))

    def end(self, seconds: float | None = None) -> bool:
        """Wait for the end, or kill it after some time; whether it was killed. RuntimeError if it failed."""
        until = None if seconds is None else time.monotonic() + seconds
        for task in self.tasks:
            task.join(None if until is None else max(0.0, until - time.monotonic()))
        if any(task.is_alive() for task in self.tasks):
            for task in self.tasks:
                task.kill()
            for task in self.tasks:
                task.join()
            return True
        if any(task.exitcode for task in self.tasks):
            raise RuntimeError(f"exit codes {[task.exitcode for task in self.tasks]}")
        return False

    def newest(self) -> str:
        names = [name for level in sorted(LEVELS) for name in (f"level{level}.pt", f"level{level}/last.ckpt")]
        return next((name for name in names if (self.run / name).exists()), "nothing yet")


def same(one: Path, other: Path) -> bool:
    """Whether two runs' weights have the same bits."""
    for level in LEVELS:
        first, second = (load_weights(run / f"level{level}.pt")[0].state_dict() for run in (one, other))
        if not all(torch.equal(second[name], value) for name, value in first.items()):
            return False
    return True


def measure(options: argparse.Namespace, folder: Path) -> Found:
    """Kill until there were enough kills and the last run is done."""
    # A process forked while OpenCV has threads waits for them for ever.
    cv2.setNumThreads(1)
    make_pairs(folder / "pairs")
    recipe, moments, found = make_recipe(options.steps), random.Random(options.seed), Found()
    alone = Trial(folder, "alone", recipe, options.processes)
    started = time.monotonic()
    alone.start()
    alone.end()
    found.whole_s = round(time.monotonic() - started, 1)
    while found.kills < options.kills:
        trial, resuming = Trial(folder, "run", recipe, options.processes), False
        while True:
            trial.start()
            more = found.kills < options.kills
            killed = trial.end(moments.uniform(0, found.whole_s) if more else None)
            found.resumes += resuming
            if not killed:
                break
            found.kills += 1
            found.killed_at[trial.newest()] += 1
            resuming = True
            print(f"{found.kills} kills, {trial.newest()}", file=sys.stderr)
        found.runs += 1
        found.same += same(alone.run, trial.run)
        found.leftovers += len(list(trial.run.rglob(".wideopen-*")))
        shutil.rmtree(trial.run)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--steps", type=int, default=60, help="of each level")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options, Path(folder))
    table = Table("kills", "correct resumes", "runs", "same bits", "part files left")
    table.add_row(*map(str, (found.kills, found.resumes, found.runs, found.same, found.leftovers)))
    Console().print(table)
    print(json.dumps({"processes": options.processes, **vars(found), "killed_at": dict(found.killed_at)}))
    sys.exit(not (found.kills == found.resumes and found.runs == found.same and not found.leftovers))


if __name__ == "__main__":
    main()
