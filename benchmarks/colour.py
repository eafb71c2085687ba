"""Do colours survive, level by level? Low-passed chroma of each level's picture against its input.

    python benchmarks/colour.py --photos HELD_OUT [--run RUN ...] [--pairs PAIRS --steps 60]

For every RUN (a folder of `wideopen train`) each level{k}.pt draws the held-out photos, and the mean difference of Lab
a and b after a 16 px Gaussian is taken between its picture and the photo resized to that level. With --pairs, the
absolute head as published and the residual head are first trained on them, each with the same small budget. The last
line is JSON: {name: {level: chroma shift}}.
"""

import argparse
import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from wideopen.evaluation.metrics import chroma_shift
from wideopen.network.checkpoint import load_weights
from wideopen.network.heads import resize_to_level
from wideopen.options import PyNETConfig
from wideopen.pairs.pairs import find_pairs
from wideopen.pairs.sample_options import PairsOptions
from wideopen.training.loader import PairDataset
from wideopen.training.recipe import LevelRecipe, Recipe
from wideopen.training.train import train


def small_recipe(head: str, steps: int) -> Recipe:
    """The same budget for either head: width 0.25, crops of 128, batch 4."""
    return Recipe(
        name=f"colour-{head}",
        seed=1,
        epoch_steps=max(1, steps // 2),
        precision="auto",
        schedule="cosine",
        network=PyNETConfig(width=0.25, blocks="cascade", head=head, init="he"),  # type: ignore[arg-type]
        pairs=PairsOptions(crop_scale=(0.75, 1.0), input=128, flips=True, workers=1),
        levels=tuple(LevelRecipe(level, 4, steps, 5e-4, ssim=float(level == 1)) for level in range(7, 0, -1)),
    )


def shifts(run: Path, photos: Path, limit: int, side: int) -> dict[int, float]:
    """Mean chroma shift of every finished level of a run."""
    found = {}
    pairs = find_pairs(photos)[:limit]
    for level in range(7, 0, -1):
        path = run / f"level{level}.pt"
        if not path.exists():
            continue
        network, _ = load_weights(path)
        data = PairDataset(pairs, PairsOptions(input=side), level, seed=0, train=False)
        values = []
        for index in range(len(pairs)):
            photo = data[(index, 0)]["photo"][None]
            with torch.no_grad():
                picture = network(photo).bokeh.clamp(0, 1)
            seen = resize_to_level(photo, level)
            values.append(chroma_shift(*(x[0].permute(1, 2, 0).numpy() for x in (picture, seen))))
        found[level] = float(np.mean(values))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="held-out pairs, whose photos are drawn")
    parser.add_argument("--run", type=Path, action="append", default=[], help="a training run to measure")
    parser.add_argument("--pairs", type=Path, help="train both heads on these pairs first")
    parser.add_argument("--steps", type=int, default=60, help="steps of each level, with --pairs")
    parser.add_argument("--limit", type=int, default=50, help="photos drawn")
    parser.add_argument("--side", type=int, default=256, help="side of the network's input")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    rows = {run.name: shifts(run, options.photos, options.limit, options.side) for run in options.run}
    if options.pairs:
        with tempfile.TemporaryDirectory() as folder:
            for head in ("absolute", "residual"):
                run = Path(folder) / head
                train(small_recipe(head, options.steps), options.pairs, run)
                rows[head] = shifts(run, options.photos, options.limit, options.side)
    table = Table("chroma shift (Lab)", *(f"level {level}" for level in range(7, 0, -1)))
    for name, found in rows.items():
        table.add_row(name, *(f"{found[level]:.2f}" if level in found else "-" for level in range(7, 0, -1)))
    Console().print(table)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
