"""Training speed: a plain loop beside ours, and whether loading keeps up.

    python benchmarks/training.py [--steps 6] [--rounds 2] [--ssim]

Three loops train PyNET of width 0.25 at level 1 (batch 4, 512 px input) for a few steps:

* plain: float32, contiguous tensors, `torch.optim.Adam` as it comes, as anybody would write it;
* ours: what `wideopen train` does: memory pages kept, channels_last, bf16 autocast where the processor
  computes in it, fused Adam, our SSIM (plain takes torchmetrics');
* fed: ours, fed by the real loader from JPEG pairs of 1536x1024 that this script makes.

malloc cannot be told to forget, so each measurement is a process of its own; plain and ours take turns, so that a
busy machine slows both. Prints a table, and the figures as JSON on the last line.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from wideopen.network.pynet import PyNET
from wideopen.options import PyNETConfig
from wideopen.pairs.pairs import find_pairs
from wideopen.pairs.sample_options import PairsOptions
from wideopen.training.loader import EpochSampler, PairDataset, make_loader
from wideopen.training.losses import BokehLoss
from wideopen.training.train import choose_precision, keep_pages

Batch = tuple[Tensor, Tensor]
Step = Callable[[Tensor, Tensor], None]
PAIRS = 16


def plain_step(config: PyNETConfig, ssim: bool) -> Step:
    network = PyNET(config, 1)
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-5)

    def step(photo: Tensor, target: Tensor) -> None:
        optimiser.zero_grad()
        output = network(photo).bokeh
        loss = F.l1_loss(output, target)
        if ssim:
            found = structural_similarity_index_measure(output, target, sigma=1.5, kernel_size=11, data_range=1.0)
            assert isinstance(found, Tensor)
            loss = loss + 1 - found
        loss.backward()
        optimiser.step()

    return step


def our_step(config: PyNETConfig, ssim: bool) -> Step:
    keep_pages()
    network = PyNET(config, 1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-5, fused=True)
    criterion = BokehLoss(l1=1.0, ssim=float(ssim))
    bf16 = choose_precision("auto") == "bf16-mixed"

    def step(photo: Tensor, target: Tensor) -> None:
        optimiser.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            output = network(photo.contiguous(memory_format=torch.channels_last)).bokeh
            loss = criterion(output.float(), target)["total"]
        loss.backward()
        optimiser.step()

    return step


def drawn_batches(options: argparse.Namespace) -> Iterator[Batch]:
    torch.manual_seed(0)
    photo = torch.rand(options.batch, 3, options.input, options.input)
    target = torch.rand(options.batch, 3, 2 * options.input, 2 * options.input)
    while True:
        yield photo, target


def loaded_batches(options: argparse.Namespace, folder: Path) -> Iterator[Batch]:
    make_pairs(folder)
    recipe = PairsOptions(
        resize_width=1536, crop=1024, input=options.input, turns=True, flips=True, workers=options.workers
    )
    dataset = PairDataset(find_pairs(folder), recipe, level=1, seed=0, train=True)
    sampler = EpochSampler(len(dataset), (options.steps + 1) * options.batch, seed=0, level=1)
    for sample in make_loader(dataset, options.batch, recipe.workers, sampler):
        yield sample["photo"], sample["target"]


def make_pairs(folder: Path) -> None:
    """Photos of 1536x1024 with detail at every scale, so that decoding costs what it does for real ones."""
    rng = np.random.default_rng(0)
    for index in range(PAIRS):
        photo = np.full((1024, 1536, 3), 0.5, np.float32)
        for octave in range(9):
            noise = rng.standard_normal((2 * 2**octave, 3 * 2**octave, 3)).astype(np.float32)
            photo += 0.12 * 0.75**octave * cv2.resize(noise, (1536, 1024), interpolation=cv2.INTER_CUBIC)
        for name, picture in (("original", photo), ("bokeh", cv2.GaussianBlur(photo, (0, 0), 4))):
            (folder / name).mkdir(exist_ok=True)
            cv2.imwrite(str(folder / name / f"{index}.jpg"), np.clip(255 * picture, 0, 255).astype(np.uint8))


def measure(loop: str, options: argparse.Namespace) -> dict[str, float]:
    """Samples/s of one loop, by its median step, and the share of the time it waited for batches.

    The first step and the first batch are left out: they start the workers and choose the kernels.
    """
    config = PyNETConfig(width=options.width)
    step = (plain_step if loop == "plain" else our_step)(config, options.ssim)
    waits: list[float] = []
    works: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        batches = loaded_batches(options, Path(folder)) if loop == "fed" else drawn_batches(options)
        for _ in range(options.steps + 1):
            start = time.perf_counter()
            photo, target = next(batches)
            arrived = time.perf_counter()
            step(photo, target)
            waits.append(arrived - start)
            works.append(time.perf_counter() - arrived)
        batches.close()  # type: ignore[attr-defined]
    waited, worked = sum(waits[1:]), sum(works[1:])
    return {
        "samples_per_s": options.batch / statistics.median(w + d for w, d in zip(works[1:], waits[1:], strict=True)),
        "waiting": waited / (waited + worked),
    }


def in_its_own_process(loop: str) -> dict[str, float]:
    command = [sys.executable, __file__, *sys.argv[1:], "--loop", loop]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(found.stdout.splitlines()[-1])


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6, help="steps timed in each process")
    parser.add_argument("--rounds", type=int, default=2, help="processes of each of plain and ours")
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--input", type=int, default=512)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--ssim", action="store_true", help="L1 + (1 - SSIM) in place of L1")
    parser.add_argument("--loop", choices=("plain", "ours", "fed"), help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    options = read_options()
    if options.loop is not None:
        print(json.dumps(measure(options.loop, options)))
        return
    speeds: dict[str, list[float]] = {"plain": [], "ours": []}
    for _ in range(options.rounds):
        for loop, found in speeds.items():
            found.append(in_its_own_process(loop)["samples_per_s"])
    fed = in_its_own_process("fed")
    plain, ours = (statistics.median(speeds[loop]) for loop in ("plain", "ours"))
    table = Table("loop", title=f"level 1, width {options.width}, batch {options.batch}, input {options.input} px")
    for title in ("samples/s", "x plain", "waiting for data"):
        table.add_column(title, justify="right")
    table.add_row("plain: eager float32", f"{plain:.2f}", "1.00", "")
    table.add_row("ours", f"{ours:.2f}", f"{ours / plain:.2f}", "")
    table.add_row("ours, fed by the loader", f"{fed['samples_per_s']:.2f}", "", f"{fed['waiting']:.1%}")
    Console().print(table)
    figures = {
        "plain": plain,
        "ours": ours,
        "ratio": ours / plain,
        "fed": fed["samples_per_s"],
        "waiting": fed["waiting"],
        "rounds": speeds,
        "bf16": choose_precision("auto") == "bf16-mixed",
        "threads": torch.get_num_threads(),
    }
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}))


if __name__ == "__main__":
    main()
