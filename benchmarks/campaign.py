"""Trials at equal budget: what each choice behind the default model brings, on a CPU.

    python benchmarks/campaign.py --data PAIRS --held-out PAIRS -o RUNS --table docs/trials-small.csv [--vgg FILE]

Every trial is the base below with one thing changed: as many samples, the same pairs in the same order, levels 7 to 3.
It is judged at level 3, on held-out pairs with a blur to see: the gain in PSNR over "output = input", and the
difference of that to the base's on the same pairs, each with half its 95 % interval; mean errors of matte and relative
disparity. Marks are drawn without a network; they have no encoder. A trial adds its row when it ends, those that the
table has are left out, and one that was stopped goes on. The last line is JSON.
"""

import argparse
import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wideopen.evaluation.results import bootstrap_interval
from wideopen.network.heads import SceneMaps, resize_to_level
from wideopen.network.pynet import PyNET
from wideopen.options import PyNETConfig
from wideopen.pairs.pairs import find_pairs
from wideopen.pairs.sample_options import PairsOptions
from wideopen.training.differentiable_lens import DrawnLens
from wideopen.training.loader import PairDataset, make_loader
from wideopen.training.recipe import LevelRecipe, Recipe
from wideopen.training.train import train

LEVEL = 3
UNSEEN_DB = 45.0
"""See `default_model`."""
FLAT_BLUR = -1.0
COLUMNS = (
    "name", "encoder", "width", "blocks", "head", "input", "samples", "gain", "interval", "difference",
    "difference_interval", "matte", "relative",
)  # fmt: skip

MAPS = {"matte": 1.0, "relative": 1.0}
BASE = Recipe(
    name="base",
    network=PyNETConfig(width=0.25, blocks="cascade", head="lens", encoder="lite0", init="he"),
    levels=(
        LevelRecipe(7, 8, 30, 1e-3, l1=0.0, **MAPS),
        LevelRecipe(6, 8, 60, 1e-3, l1=0.0, **MAPS),
        LevelRecipe(5, 8, 400, 1e-3, l1=0.0, **MAPS),
        LevelRecipe(4, 8, 100, 5e-4, l1=0.0, **MAPS),
        LevelRecipe(3, 8, 80, 3e-4, l1=2.0, matte=1.0, relative=0.5),
    ),
    pairs=PairsOptions(crop_scale=(0.75, 1.0), input=192, flips=True, exposure=0.3, colour=0.4, validation=0.02),
    seed=11,
    epoch_steps=240,
    weight_decay=0.05,
    schedule="cosine",
    encoder_frozen=99,  # All of it, which saves its backward pass.
    vgg_arch="vgg16",
)


def with_network(**changes: Any) -> Recipe:
    return replace(BASE, network=replace(BASE.network, **changes))


def with_levels(**changes: Any) -> Recipe:
    return replace(BASE, levels=tuple(replace(level, **changes) for level in BASE.levels))


def with_vgg() -> Recipe:
    """The published loss at the last level, as far as VGG-16 goes."""
    return replace(BASE, levels=(*BASE.levels[:-1], replace(BASE.levels[-1], ssim=1.0, vgg=0.01)))


TRIALS: dict[str, Recipe] = {
    "base: cascade, 1/4": BASE,
    "no matte or disparity": with_levels(l1=2.0, matte=0.0, relative=0.0),
    "parallel blocks": with_network(blocks="parallel"),
    "width 1/8": with_network(width=0.125),
    "width 1/2": with_network(width=0.5),
    "with VGG and SSIM": with_vgg(),
    "Lite2": with_network(encoder="lite2"),
}

Rows = dict[str, NDArray[np.float64]]


def held_out(folder: Path) -> list[dict[str, Tensor]]:
    """Batches of level 3's validation samples."""
    dataset = PairDataset(find_pairs(folder), BASE.pairs, LEVEL, 0, train=False, network=BASE.network)
    return list(make_loader(dataset, 8, 2))


def psnr(output: Tensor, target: Tensor) -> Tensor:
    return -10 * torch.log10((output.clamp(0, 1) - target).square().mean((1, 2, 3)).clamp_min(1e-10))


def gains(batches: list[dict[str, Tensor]], see: Any) -> Rows:
    """Of every pair with a blur to see: gain in dB, and the errors of matte and disparity.

    `see` takes a batch and its photo at level 3 and gives picture and places (or None).
    """
    found: dict[str, list[Tensor]] = {"gain": [], "matte": [], "relative": []}
    with torch.inference_mode():
        for batch in batches:
            photo = resize_to_level(batch["photo"][:, :3], LEVEL)
            before = psnr(photo, batch["target"])
            picture, places = see(batch, photo)
            counts = before <= UNSEEN_DB
            found["gain"].append((psnr(picture, batch["target"]) - before)[counts])
            if places is not None:
                share = 1 - batch["matte"]
                off = share * (places.relative - batch["relative"]).abs()
                found["matte"].append((places.matte - batch["matte"]).abs().mean((1, 2, 3))[counts])
                found["relative"].append((off.sum((1, 2, 3)) / share.sum((1, 2, 3)).clamp_min(1))[counts])
    return {name: torch.cat(parts).double().numpy() for name, parts in found.items() if parts}


def judge(network: PyNET, batches: list[dict[str, Tensor]]) -> Rows:
    lens, network = DrawnLens(), network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def see(batch: dict[str, Tensor], photo: Tensor) -> tuple[Tensor, SceneMaps]:
        places = network(batch["photo"].contiguous(memory_format=torch.channels_last))
        return lens(photo, places, batch["blur"], batch["focus"]), places

    return gains(batches, see)


def marks(batches: list[dict[str, Tensor]]) -> dict[str, Rows]:
    """What can be had without a network."""
    lens = DrawnLens()

    def true(batch: dict[str, Tensor], photo: Tensor) -> tuple[Tensor, None]:
        return lens(photo, SceneMaps(batch["matte"], batch["relative"]), batch["blur"], batch["focus"]), None

    def flat(batch: dict[str, Tensor], photo: Tensor) -> tuple[Tensor, None]:
        places = SceneMaps(batch["matte"], torch.full_like(batch["relative"], FLAT_BLUR))
        return lens(photo, places, batch["blur"], batch["focus"]), None

    def gaussian(batch: dict[str, Tensor], photo: Tensor) -> tuple[Tensor, None]:
        """A disc's standard deviation is half its radius."""
        radii = photo.shape[-1] * (batch["focus"] - FLAT_BLUR).abs() * batch["blur"]
        soft = [
            cv2.GaussianBlur(one.permute(1, 2, 0).numpy(), (0, 0), max(float(radius) / 2, 0.1))
            for one, radius in zip(photo, radii, strict=True)
        ]
        blurred = torch.from_numpy(np.stack(soft)).permute(0, 3, 1, 2)
        return batch["matte"] * photo + (1 - batch["matte"]) * blurred, None

    ways = {"lens, true matte and depth": true, "lens, true matte, flat": flat, "Gaussian behind true matte": gaussian}
    return {name: gains(batches, see) for name, see in ways.items()}


def half(values: NDArray[np.float64]) -> float:
    low, high = bootstrap_interval(values)
    return (high - low) / 2


def row(name: str, recipe: Recipe | None, found: Rows, base: Rows | None) -> dict[str, Any]:
    told: dict[str, Any] = {"name": name, "gain": found["gain"].mean(), "interval": half(found["gain"])}
    if recipe is not None:
        network = recipe.network
        told |= {name: getattr(network, name) for name in ("encoder", "width", "blocks", "head")}
        told |= {"input": recipe.pairs.input, "samples": sum(level.batch * level.steps for level in recipe.levels)}
        told |= {name: found[name].mean() for name in ("matte", "relative")}
    if base is not None:
        apart = found["gain"] - base["gain"]
        told |= {"difference": apart.mean(), "difference_interval": half(apart)}
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in told.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("data", "held-out", "table"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--vgg", type=Path, help="VGG-16 weights; torchvision's are fetched if not given")
    options = parser.parse_args()
    table: Path = options.table
    rows = list(csv.DictReader(table.open(encoding="utf-8"))) if table.exists() else []
    batches = held_out(options.held_out)

    def add(told: dict[str, Any]) -> None:
        rows.append(told)
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)

    base: Rows | None = None
    for name, recipe in TRIALS.items():
        known = any(told["name"] == name for told in rows)
        if known and base is not None:
            continue
        run = options.out / name.replace(" ", "-").replace("/", "of").replace(":", "")
        network = train(recipe, options.data, run, resume=run.exists(), vgg_weights=options.vgg)
        found = judge(network, batches)
        if not known:
            add(row(name, recipe, found, base))
        base = base or found
    if not any(told["name"] == "output = input" for told in rows):
        for name, found in marks(batches).items():
            add(row(name, None, found, base))
        add({"name": "output = input", "gain": 0.0})
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
