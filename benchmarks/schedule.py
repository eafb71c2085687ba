"""What a recipe's schedule costs: operations counted, time and money on 1, 8 and 64 GPUs estimated from assumptions.

    python benchmarks/schedule.py [recipes/ebb.toml] [--peak 494] [--share 0.25] [--price 2.5]

Operations (two for each multiplication and addition) of every level's step, forward and backward, VGG included, are
counted on tensors without memory, so no GPU is needed. A step on N GPUs takes operations / (N x peak x share), and
then the gradients' ring all-reduce, taken as not hidden at all, over NVLink up to 8 GPUs and over the network beyond.
Batches are rounded up to a multiple of N and steps reduced so that the number of samples stays.

All but the operations is assumed: measure a level on your machine (samples/s in the bar) and put in what you find.
Prints a table, and the figures as JSON on the last line.
"""

import argparse
import json
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

from wideopen.network.pynet import PyNET
from wideopen.network.vgg import CHANNELS, DEPTHS
from wideopen.training.recipe import LevelRecipe, Recipe, load_recipe

WORLDS = (1, 8, 64)


def operations(recipe: Recipe, level: LevelRecipe) -> tuple[float, int]:
    """(operations of one sample in a training step, parameters) of a level."""
    side = recipe.pairs.input
    with torch.device("meta"):
        network = PyNET(recipe.network, level.level)
        with FlopCounterMode(display=False) as counter:
            output = network(torch.empty(1, recipe.network.in_channels, side, side))
            torch.cat([part.flatten() for part in output if part is not None]).sum().backward()
    # VGG's own weights are not trained: forward for both pictures, backward through one.
    vgg = 3 * vgg_operations(recipe.vgg_arch, int(side * 2 ** (2 - level.level))) if level.vgg else 0
    return float(counter.get_total_flops() + vgg), sum(p.numel() for p in network.parameters())


def vgg_operations(arch: str, side: int) -> float:
    """Operations of one picture's way through VGG's convolutions."""
    total, before = 0.0, 3
    for depth, channels in zip(DEPTHS[arch], CHANNELS, strict=True):  # type: ignore[index]
        for _ in range(depth):
            total += 2 * 9 * before * channels * side * side
            before = channels
        side //= 2
    return total


def estimate(recipe: Recipe, options: argparse.Namespace) -> list[dict[str, float]]:
    """Of each level: operations, samples, and seconds on each number of GPUs."""
    rows = []
    for level in recipe.levels:
        each, parameters = operations(recipe, level)
        samples = level.batch * level.steps
        row: dict[str, float] = {
            "level": level.level,
            "gflop": each / 1e9,
            "samples": samples,
            "mparams": parameters / 1e6,
        }
        for world in WORLDS:
            steps = samples / (world * -(-level.batch // world))
            link = options.nvlink if world <= 8 else options.network
            exchange = 2 * (world - 1) / world * 4 * parameters / (link * 1e9)
            row[f"s_{world}"] = samples * each / (world * options.peak * 1e12 * options.share) + steps * exchange
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path, nargs="?", default=Path(__file__).parents[1] / "recipes" / "ebb.toml")
    parser.add_argument("--peak", type=float, default=494, help="TFLOP/s of one GPU; an H100 SXM's dense TF32")
    parser.add_argument("--share", type=float, default=0.25, help="of the peak that is reached")
    parser.add_argument("--nvlink", type=float, default=300, help="GB/s of the all-reduce within a node")
    parser.add_argument("--network", type=float, default=40, help="GB/s a GPU of the all-reduce between nodes")
    parser.add_argument("--price", type=float, default=2.5, help="of a GPU for an hour")
    options = parser.parse_args()
    rows = estimate(load_recipe(options.recipe), options)
    table = Table("level", title=f"{options.recipe.name}: {options.peak:g} TFLOP/s x {options.share:g}")
    for name in ("Gflop/sample", "parameters/M", "samples", "Pflop", *(f"hours on {world}" for world in WORLDS)):
        table.add_column(name, justify="right")
    for row in rows:
        hours = [f"{row[f's_{world}'] / 3600:.2f}" for world in WORLDS]
        pflop = row["gflop"] * row["samples"] / 1e6
        table.add_row(
            f"{row['level']:g}", f"{row['gflop']:.0f}", f"{row['mparams']:.1f}", f"{row['samples']:,.0f}",
            f"{pflop:,.0f}", *hours,
        )  # fmt: skip
    hours = {world: sum(row[f"s_{world}"] for row in rows) / 3600 for world in WORLDS}
    prices = {world: hours[world] * world * options.price for world in WORLDS}
    pflop = sum(row["gflop"] * row["samples"] for row in rows) / 1e6
    table.add_row("all", "", "", "", f"{pflop:,.0f}", *(f"{found:.1f}" for found in hours.values()))
    table.add_row("price", "", "", "", "", *(f"{found:,.0f}" for found in prices.values()))
    Console().print(table)
    print(json.dumps({"levels": rows, "pflop": pflop, "hours": hours, "price": prices}))


if __name__ == "__main__":
    main()
