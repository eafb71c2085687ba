"""Train the head that makes one matte of the pyramid's and U2-Netp's (`wideopen/network/fusion.py`), on one core.

    python recipes/fusion.py WITH_PRIOR.pt PHOTOS MATTES -o FUSED.pt --cache FOLDER [--only LIST] [--steps 700]
        [--share 0.7]

WITH_PRIOR.pt is made by `recipes/with_prior.py`. PHOTOS/SET/NAME.* are photos, MATTES/SET/NAME.png the opacities of
their subjects; LIST holds SET/NAME, one a line. Everything but the head stands still, so what it reads is worked out
once for each photo, and for one crop of it with changed colours, and kept in FOLDER (1.5 MB each): a run that was
stopped there goes on. Then AdamW on batches of eight of one shape, half of them mirrored: a cross entropy, the overlap
and the absolute error from level 5 down, from level 3 on the error along the edge as well, and
what of thin parts is missed. The weights written are a running mean of the last steps', and of what the head adds to
the weighted sum only a share counts: taught by few photos it moves too far.
"""

import argparse
import math
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from torch import Tensor

from wideopen.image.resize import fit, resize
from wideopen.network.checkpoint import load_weights, save_weights
from wideopen.network.pynet import SIDE_MULTIPLE, PyNET

SIDE, BATCH, RATE, DECAY = 416, 8, 1e-3, 0.05
Sample = dict[str, Tensor]


def read(folder: Path, name: str) -> Path:
    """The photo SET/NAME."""
    return next(path for path in sorted((folder / name).parent.iterdir()) if path.stem == Path(name).name)


def cropped(
    photo: NDArray[np.uint8], matte: NDArray[np.uint8], draw: random.Random
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A part of both that holds most of the subject, other white balance and exposure, often through JPEG."""
    height, width = matte.shape
    subject = matte > 127
    for _ in range(20):
        share, shape = draw.uniform(0.5, 0.95), draw.uniform(0.8, 1.25) ** 0.5
        rows, columns = min(height, int(height * share * shape)), min(width, int(width * share / shape))
        top, left = draw.randint(0, height - rows), draw.randint(0, width - columns)
        part = slice(top, top + rows), slice(left, left + columns)
        if subject[part].sum() >= 0.6 * subject.sum():
            break
    balance = np.array([2 ** draw.uniform(-0.2, 0.2) for _ in range(3)]) * 2 ** draw.uniform(-0.4, 0.3)
    toned = (photo[part] / 255) ** (2 ** draw.uniform(-0.6, 0.6)) * balance
    changed = (toned.clip(0, 1) * 255).round().astype(np.uint8)
    if draw.random() < 0.25:
        quality = [cv2.IMWRITE_JPEG_QUALITY, draw.randrange(25, 85)]
        changed = np.asarray(cv2.imdecode(cv2.imencode(".jpg", changed, quality)[1], cv2.IMREAD_COLOR), np.uint8)
    return changed, matte[part]


def look(network: PyNET, photo: NDArray[np.uint8], matte: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """What the head reads of a photo, and the true matte at that size."""
    kept: list[Any] = []
    assert network.fusion is not None
    hook = network.fusion.register_forward_pre_hook(lambda _, reads: kept.extend(reads))
    height, width = (
        max(SIDE_MULTIPLE, round(side / SIDE_MULTIPLE) * SIDE_MULTIPLE) for side in fit(*matte.shape, SIDE)
    )
    shown = resize(photo, height, width).astype(np.float32) / np.float32(255)
    with torch.inference_mode():
        network(torch.from_numpy(shown.transpose(2, 0, 1)[None].copy()))
    hook.remove()
    rgb, features, prior, own = kept
    planes = {"photo": rgb, "own": own, **{f"feature{level}": x for level, x in features.items()}}
    planes |= {f"prior{level}": x for level, x in prior.items()}
    true = resize(matte, height, width).astype(np.float16)[None] / np.float16(255)
    return {name: plane[0].numpy().astype(np.float16) for name, plane in planes.items()} | {"matte": true}


def fill(network: PyNET, photos: Path, mattes: Path, names: list[str], cache: Path) -> list[Path]:
    """The cache's files, made where they are missing."""
    files = []
    for name in names:
        for kind in ("whole", "crop"):
            path = cache / f"{name.replace('/', '~')}~{kind}.npz"
            files.append(path)
            if path.exists():
                continue
            photo = np.asarray(Image.open(read(photos, name)).convert("RGB"))
            matte = resize(np.asarray(Image.open(mattes / f"{name}.png").convert("L")), *photo.shape[:2])
            if kind == "crop":
                photo, matte = cropped(photo, matte, random.Random(name))
            written = path.with_suffix(".part")
            with written.open("wb") as file:
                np.savez(file, **look(network, photo, matte))
            written.replace(path)
    return files


def batches(files: list[Path], draw: random.Random) -> Iterator[Sample]:
    """Endless batches of photos of one shape."""
    by_shape: dict[tuple[int, ...], list[Path]] = {}
    for path in files:
        with np.load(path) as kept:
            by_shape.setdefault(kept["own"].shape, []).append(path)
    while True:
        for group in by_shape.values():
            draw.shuffle(group)
        parts = [group[k : k + BATCH] for group in by_shape.values() for k in range(0, len(group), BATCH)]
        draw.shuffle(parts)
        for part in parts:
            samples = []
            for path in part:
                with np.load(path) as kept:
                    sample = {name: torch.from_numpy(kept[name].astype(np.float32)) for name in kept.files}
                mirrored = draw.random() < 0.5
                samples.append({name: x.flip(-1) if mirrored else x for name, x in sample.items()})
            yield {
                name: torch.stack([sample[name] for sample in samples]).contiguous(memory_format=torch.channels_last)
                for name in samples[0]
            }


def joined(network: PyNET, sample: Sample) -> dict[int, Tensor]:
    """The head's logits."""
    assert network.fusion is not None
    features, prior = (
        {int(name[-1]): x for name, x in sample.items() if name.startswith(kind)} for kind in ("feature", "prior")
    )
    found: dict[int, Tensor] = network.fusion(sample["photo"], features, prior, sample["own"])
    return found


def error(logit: Tensor, true: Tensor, fine: bool) -> Tensor:
    """What one level's matte is off by."""
    matte = torch.sigmoid(logit)
    both = (matte * true).sum((1, 2, 3))
    either = (matte + true - matte * true).sum((1, 2, 3))
    overlap = ((1 - (both + 1) / (either + 1)) * (true.mean((1, 2, 3)) > 0.01)).mean()
    total = F.binary_cross_entropy_with_logits(logit, true) + 0.5 * overlap + 0.5 * (matte - true).abs().mean()
    if fine:
        side = 5 if true.shape[-1] <= SIDE // 2 + 16 else 7
        edge = F.max_pool2d(true, side, 1, side // 2) + F.max_pool2d(-true, side, 1, side // 2)
        thin = (true - F.max_pool2d(-F.max_pool2d(-true, 7, 1, 3), 7, 1, 3)).clamp(0, 1)
        total = total + 0.4 * (edge * (matte - true).abs()).sum() / edge.sum().clamp_min(1)
        total = total + 0.2 * (thin * (1 - matte)).sum() / thin.sum().clamp_min(20)
    return total


def train(network: PyNET, files: list[Path], steps: int, share: float = 1.0) -> None:
    """Train the head; its weights are a running mean in the end, and it adds `share` of what it has learnt."""
    assert network.fusion is not None
    head = network.fusion.train().requires_grad_(True).to(memory_format=torch.channels_last)
    kernels = [x for x in head.parameters() if x.ndim > 1]
    others = [x for x in head.parameters() if x.ndim <= 1]
    groups = [{"params": kernels, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.99))
    mean = {name: value.clone() for name, value in head.state_dict().items()}
    console = Console()
    for step, sample in enumerate(islice(batches(files, random.Random(0)), steps), 1):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (0.51 + 0.49 * math.cos(math.pi * step / steps)) * min(1, step / 30)
        total = torch.zeros(())
        for level, logit in joined(network, sample).items():
            if level <= 5:
                pooled = F.avg_pool2d(sample["matte"], 2 ** (level - 2))
                total = total + (1 if level == network.level else 0.3) * error(logit, pooled, level <= 3)
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        for name, value in head.state_dict().items():
            mean[name].lerp_(value, 1 - min(0.995, step / (step + 9)))
        if step % 100 == 0:
            console.print(f"step {step} of {steps}, loss {float(total):.4f}")
    head.load_state_dict({name: share * x if name.startswith("adds") else x for name, x in mean.items()})


def main() -> None:
    """Fill the cache, train, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("start", type=Path, help="weights (.pt) of recipes/with_prior.py")
    parser.add_argument("photos", type=Path)
    parser.add_argument("mattes", type=Path)
    parser.add_argument("--only", type=Path, help="names, SET/NAME, one a line; all of MATTES if not given")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--share", type=float, default=0.7, help="of what the head adds, 0..1")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    network, kept = load_weights(arguments.start)
    network = network.eval().requires_grad_(False)
    listed = sorted(f"{path.parent.name}/{path.stem}" for path in arguments.mattes.glob("*/*.png"))
    names = arguments.only.read_text(encoding="utf-8").split() if arguments.only else listed
    arguments.cache.mkdir(parents=True, exist_ok=True)
    files = fill(network, arguments.photos, arguments.mattes, names, arguments.cache)
    train(network, files, arguments.steps, arguments.share)
    save_weights(arguments.output, network, **{key: kept[key] for key in ("recipe", "metrics") if key in kept})


if __name__ == "__main__":
    main()
