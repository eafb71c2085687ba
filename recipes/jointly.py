"""Train all of the default model on at once, end to end, on photos and their subjects' mattes.

    python recipes/jointly.py START PHOTOS MATTES -o OUT.pt [--only LIST] [--steps 880] [--narrower 0.5]

START is the package's own model (.onnx) or weights of `recipes/fusion.py` (.pt). PHOTOS/SET/NAME.* are photos,
MATTES/SET/NAME.png the opacities of their subjects; LIST holds SET/NAME, one a line. The encoder but for its stem and
first blocks, levels 7 to 3, U2-Netp but for its first stage, and the head that joins them learn together: trained
apart, each network gains by itself but errs where the other errs, and their sum gains less. What it brought, and why it
is not what ships, is in docs/log.md, 2026-11-29. Relative disparity, of which a matte says nothing, is held to what it
was.

Whole photos and parts of them that hold the subject, mirrored, with other colours, blur, noise and JPEG, in batches of
eight of one shape. Convolutions are in bfloat16 where the processor computes in it, which halves the time. The weights
written are a running mean. Thin parts that are missed count more than what is held too much, so the subject becomes
wide: `--narrower` is taken off its logit in the end. What a run that was stopped needs to go on is kept beside OUT.pt.
"""

import argparse
import math
import random
from collections.abc import Iterator
from copy import deepcopy
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from torch import Tensor, nn

from wideopen.image.resize import resize
from wideopen.network.checkpoint import load_weights, save_weights
from wideopen.network.pynet import PyNET
from wideopen.network.restore import read_export
from wideopen.training.train import choose_precision

BATCH = 8
SHAPES = [(288, 384), (288, 384), (320, 384), (384, 288), (384, 288), (384, 320), (256, 384), (320, 320)]
"""Height and width of a batch, each as often as it stands here."""
FROZEN_BLOCKS = 7
"""Of the encoder: its first three halvings."""
RATES = {"prior": 1.2e-4, "backbone": 4e-5, "fusion": 4e-4, "level": 1.2e-4}
KEPT_EVERY = 50
Photo = NDArray[np.uint8]
Samples = Iterator[tuple[Tensor, Tensor]]


def part_with_subject(photo: Photo, matte: Photo, draw: random.Random) -> tuple[Photo, Photo]:
    """The whole, or in two of five cases a part that holds most of the subject."""
    height, width = matte.shape
    subject = matte > 127
    for _ in range(12 if draw.random() < 0.4 and subject.mean() > 0.01 else 0):
        rows, columns = (int(side * draw.uniform(0.6, 1)) for side in matte.shape)
        top, left = draw.randint(0, height - rows), draw.randint(0, width - columns)
        part = slice(top, top + rows), slice(left, left + columns)
        if subject[part].sum() >= 0.7 * subject.sum():
            return photo[part], matte[part]
    return photo, matte


def changed(photo: Photo, draw: random.Random) -> Photo:
    """Another exposure, white balance and contrast; now and then grey, soft, noisy, through JPEG."""
    light = (photo / 255) ** (2 ** draw.uniform(-0.5, 0.5)) * 2 ** draw.uniform(-0.4, 0.3)
    light = light * [2 ** draw.uniform(-0.2, 0.2) for _ in range(3)]
    if draw.random() < 0.08:
        light = np.repeat(light.mean(2, keepdims=True), 3, 2)
    if draw.random() < 0.15:
        light = cv2.GaussianBlur(light, (0, 0), draw.uniform(0.4, 1.4))
    if draw.random() < 0.15:
        noise = np.random.default_rng(draw.randrange(2**31))
        light = light + noise.normal(0, draw.uniform(0.01, 0.04), light.shape)
    shown = (light.clip(0, 1) * 255).round().astype(np.uint8)
    if draw.random() < 0.2:
        quality = [cv2.IMWRITE_JPEG_QUALITY, draw.randrange(25, 85)]
        shown = np.asarray(cv2.imdecode(cv2.imencode(".jpg", shown, quality)[1], cv2.IMREAD_COLOR), np.uint8)
    return shown


def batches(photos: Path, mattes: Path, names: list[str], draw: random.Random) -> Samples:
    """Endless batches: photos [N, 3, H, W] in [0, 1] and mattes [N, 1, H, W]; upright photos where H > W."""
    files = {path.relative_to(photos).with_suffix("").as_posix(): path for path in photos.glob("*/*")}
    left: list[str] = []
    upright: dict[str, bool] = {}
    while True:
        left = left if len(left) >= BATCH else draw.sample(names, len(names))
        (height, width), samples = draw.choice(SHAPES), []
        for name in left[:60]:
            if name not in upright:
                with Image.open(files[name]) as opened:
                    upright[name] = opened.height > opened.width
        fitting = [name for name in left[:60] if height == width or upright[name] == (height > width)]
        chosen = fitting[:BATCH] if len(fitting) >= BATCH else left[:BATCH]
        left = [name for name in left if name not in chosen]
        for name in chosen:
            photo = np.asarray(Image.open(files[name]).convert("RGB"))
            matte = resize(np.asarray(Image.open(mattes / f"{name}.png").convert("L")), *photo.shape[:2])
            photo, matte = (resize(x, height, width) for x in part_with_subject(photo, matte, draw))
            photo = changed(photo, draw) if draw.random() < 0.6 else photo
            step = draw.choice([1, -1])
            samples.append(
                (photo[:, ::step].transpose(2, 0, 1) / np.float32(255), matte[None, :, ::step] / np.float32(255))
            )
        shown, true = (torch.from_numpy(np.stack(planes)) for planes in zip(*samples, strict=True))
        yield shown.contiguous(memory_format=torch.channels_last), true


class Found(NamedTuple):
    """What a network says of a batch: logits by level, of the joined matte, of the pyramid's own, and U2-Netp's."""

    joined: dict[int, Tensor]
    own: dict[int, Tensor]
    relative: Tensor
    """Relative disparity of the finest level."""
    fused: Tensor
    sides: list[Tensor]


def look(network: PyNET, photo: Tensor) -> Found:
    """Run a network and keep what its parts say on the way."""
    said: dict[nn.Module, Any] = {}
    assert network.prior is not None and network.fusion is not None
    heads = {level: getattr(network, f"level{level}").head for level in range(7, max(network.level, 3) - 1, -1)}
    heard = [network.fusion, network.prior.fuse, *network.prior.side, *heads.values()]
    hooks = [part.register_forward_hook(lambda part, _, said_by: said.update({part: said_by})) for part in heard]
    network(photo)
    for hook in hooks:
        hook.remove()
    places, own = None, {}
    for level, head in heads.items():
        places = head.places(said[head], places)
        own[level] = places[:, :1].float()
    assert places is not None
    joined = {level: logit.float() for level, logit in said[network.fusion].items()}
    sides = [said[side].float() for side in network.prior.side]
    return Found(joined, own, places[:, 1:].float(), said[network.prior.fuse].float(), sides)


def error(logit: Tensor, true: Tensor) -> Tensor:
    """Cross entropy, overlap, absolute error."""
    matte = torch.sigmoid(logit).clamp(1e-4, 1 - 1e-4)
    both = (matte * true).sum((1, 2, 3))
    either = (matte + true - matte * true).sum((1, 2, 3))
    overlap = ((1 - (both + 1) / (either + 1)) * (true.mean((1, 2, 3)) > 0.01)).mean()
    return F.binary_cross_entropy(matte, true) + 0.5 * overlap + 0.5 * (matte - true).abs().mean()


def along_edges(logit: Tensor, true: Tensor, reach: int) -> Tensor:
    """Mean absolute error within so many px of the true edge."""
    edge = F.max_pool2d(true, 2 * reach + 1, 1, reach) + F.max_pool2d(-true, 2 * reach + 1, 1, reach)
    return (edge * (torch.sigmoid(logit) - true).abs()).sum() / edge.sum().clamp_min(1)


def missed_of_thin_parts(logit: Tensor, true: Tensor) -> Tensor:
    """Share of what an opening by 7 px takes from the true matte that is not kept."""
    thin = (true - F.max_pool2d(-F.max_pool2d(-true, 7, 1, 3), 7, 1, 3)).clamp(0, 1)
    return (thin * (1 - torch.sigmoid(logit))).sum() / thin.sum().clamp_min(20)


def loss(found: Found, true: Tensor, was: Tensor | None = None) -> Tensor:
    """What all of its mattes are off by; `was`: the relative disparity that it is held to, if that is asked for."""
    finest = min(found.joined)

    def at(level: int) -> Tensor:
        return F.avg_pool2d(true, 2 ** (level - 2))

    total = error(found.joined[finest], at(finest))
    if finest <= 3:
        logit, wanted = found.joined[finest], at(finest)
        total = total + 0.4 * along_edges(logit, wanted, 2) + 0.2 * missed_of_thin_parts(logit, wanted)
    for level in {4, 5} & set(found.joined):
        total = total + 0.3 * error(found.joined[level], at(level))
    for level in {min(found.own), 5}:
        total = total + 0.3 * error(found.own[level], at(level))
    shown = F.interpolate(true, size=found.fused.shape[2:], mode="area")
    total = total + 0.3 * (error(found.fused, shown) + 0.4 * along_edges(found.fused, shown, 2))
    for halvings, side in enumerate(found.sides):
        total = total + 0.03 * F.binary_cross_entropy_with_logits(side, F.avg_pool2d(shown, 2**halvings))
    if was is not None:
        total = total + 4 * ((found.relative - was).abs() / (1 + was.abs())).mean()
    return total


def learning_groups(network: PyNET) -> list[dict[str, Any]]:
    """What learns, in groups of one rate each; all else of the network stands still."""
    assert network.prior is not None and network.backbone is not None
    network.train().requires_grad_(True)
    network.prior.encoder[0].requires_grad_(False)
    network.backbone.freeze(FROZEN_BLOCKS)
    learns = [(name, x) for name, x in network.named_parameters() if x.requires_grad]
    return [
        {"params": [x for name, x in learns if name.startswith(part)], "lr": rate, "rate": rate}
        for part, rate in RATES.items()
    ]


def train(network: PyNET, samples: Samples, steps: int, kept: Path | None = None) -> None:
    """AdamW with a cosine; the weights are a running mean in the end. A stopped run goes on from the file `kept`."""
    before = deepcopy(network).eval().requires_grad_(False)
    groups = learning_groups(network.to(memory_format=torch.channels_last))
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0)
    mean = {name: value.clone() for name, value in network.state_dict().items()}
    done, console, in_bf16 = 0, Console(), choose_precision("auto") == "bf16-mixed"
    if kept is not None and kept.exists():
        state = torch.load(kept, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        mean, done = state["mean"], state["step"]
    for step, (photo, true) in enumerate(islice(samples, steps - done), done + 1):
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * (0.51 + 0.49 * math.cos(math.pi * step / steps)) * min(1, step / 40)
        with torch.autocast("cpu", torch.bfloat16, in_bf16):
            found = look(network, photo)
            with torch.no_grad():
                was = look(before, photo).relative if step % 4 == 0 else None
        total = loss(found, true, was)
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([x for group in optimizer.param_groups for x in group["params"]], 2.0)
        optimizer.step()
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                mean[name].lerp_(value, 1 - min(0.99, step / (step + 9)))
        if kept is not None and (step % KEPT_EVERY == 0 or step == steps):
            console.print(f"step {step} of {steps}, loss {float(total.detach()):.4f}")
            state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "mean": mean, "step": step}
            torch.save(state, kept.with_suffix(".part"))
            kept.with_suffix(".part").replace(kept)
    network.load_state_dict(mean)
    network.eval().requires_grad_(False)


def finish(network: PyNET, narrower: float) -> None:
    """Make the subject's logit less, and round U2-Netp's weights to 16 bits."""
    assert network.fusion is not None and network.prior is not None
    # What each level adds is summed from level 7 on, so the bias of the first reaches all of them.
    network.fusion.adds7.bias.sub_(narrower)
    for weight in network.prior.parameters():
        weight.copy_(weight.half() if weight.ndim > 1 else weight)


def main() -> None:
    """Train, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("start", type=Path, help="the package's model (.onnx), or weights of recipes/fusion.py (.pt)")
    parser.add_argument("photos", type=Path)
    parser.add_argument("mattes", type=Path)
    parser.add_argument("--only", type=Path, help="names, SET/NAME, one a line; all of MATTES if not given")
    parser.add_argument("--steps", type=int, default=760)
    parser.add_argument("--narrower", type=float, default=0.5, help="taken off the subject's logit in the end")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    read = read_export if arguments.start.suffix == ".onnx" else load_weights
    network, notes = read(arguments.start)
    listed = sorted(f"{path.parent.name}/{path.stem}" for path in arguments.mattes.glob("*/*.png"))
    names = arguments.only.read_text(encoding="utf-8").split() if arguments.only else listed
    samples = batches(arguments.photos, arguments.mattes, names, random.Random(0))
    train(network, samples, arguments.steps, arguments.output.with_suffix(".kept"))
    finish(network, arguments.narrower)
    save_weights(arguments.output, network, **{key: notes[key] for key in ("recipe", "metrics") if key in notes})


if __name__ == "__main__":
    main()
