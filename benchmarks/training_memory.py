"""Whether training's memory stays flat: a small network, many steps, the resident set of the process watched.

    OMP_NUM_THREADS=1 python benchmarks/training_memory.py [--steps 10000] [--level 7]

Trains as `wideopen train` does, loader processes, validation and checkpoints (every 250 steps) included, and notes
the resident set of this process and of its loaders every 50 steps (Linux). KiB a 1,000 steps are fitted over the second
half. Prints a table, and the figures as JSON on the last line.
"""

import argparse
import json
import os
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.table import Table

from training_kills import make_pairs
from wideopen.options import PyNETConfig
from wideopen.pairs.sample_options import PairsOptions
from wideopen.training.recipe import LevelRecipe, Recipe
from wideopen.training.train import train

EVERY = 50


def resident_mib(pid: int) -> float:
    """Memory of a process that is in use now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def loaders_mib() -> float:
    """Memory of this process's children."""
    pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return sum(resident_mib(int(pid)) for pid in pids)


class Watch(Callback):
    """Notes step, own memory, loaders' memory."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, float, float]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs, batch, batch_idx: int) -> None:
        if trainer.global_step % EVERY == 0:
            self.seen.append((trainer.global_step, resident_mib(os.getpid()), loaders_mib()))


def measure(options: argparse.Namespace) -> Watch:
    watch = Watch()
    levels = [LevelRecipe(level, 2, 2, 1e-4) for level in range(7, options.level, -1)]
    levels.append(LevelRecipe(options.level, 2, options.steps, 1e-4))
    network = PyNETConfig(width=0.0625, blocks="cascade", head="residual", init="he")
    pairs = PairsOptions(input=64, crop_scale=(0.8, 1.0), flips=True, validation=0.2, workers=options.workers)
    recipe = Recipe("memory", tuple(levels), network, pairs, epoch_steps=250)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make_pairs(Path(folder) / "pairs")
        train(
            recipe,
            Path(folder) / "pairs",
            Path(folder) / "run",
            callbacks=lambda level: [watch] if level.level == options.level else [],
        )
    return watch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--level", type=int, default=7)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    started = time.monotonic()
    steps, own, loaders = (np.array(column) for column in zip(*measure(options).seen, strict=True))
    half = steps >= steps[-1] / 2
    table = Table("memory in MiB", title=f"{steps[-1]} steps of level {options.level}")
    columns = {"tenth": len(steps) // 10, "half": int(np.argmax(half)), "end": -1}
    for name in ("after a tenth", "after half", "at the end", "KiB a 1,000 steps"):
        table.add_column(name, justify="right")
    figures: dict[str, float] = {"steps": int(steps[-1]), "seconds": round(time.monotonic() - started)}
    for name, values in (("trainer", own), ("loaders", loaders)):
        growth = float(np.polyfit(steps[half], values[half], 1)[0]) * 1024 * 1000
        table.add_row(name, *(f"{values[at]:.1f}" for at in columns.values()), f"{growth:.0f}")
        figures |= {f"{name}_{key}_mib": round(float(values[at]), 1) for key, at in columns.items()}
        figures[f"{name}_kib_per_1000"] = round(growth, 1)
    Console().print(table)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
