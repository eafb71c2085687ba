"""Train one of the two pretrained parts of the default model on, end to end, on photos and their subjects' mattes.

    python recipes/subject.py WITH_PRIOR.pt PHOTOS MATTES -o OUT.pt --part prior [--share 0.4] [--only LIST]
        [--steps 700]

WITH_PRIOR.pt is made by `recipes/with_prior.py`. PHOTOS/SET/NAME.* are photos, MATTES/SET/NAME.png the opacities of
their subjects; LIST holds SET/NAME, one a line. `--part prior` trains U2-Netp but for its first stage: it learnt from
masks of DUTS, which leave thin parts out, and takes well to finer ones. `--part pyramid` trains the encoder but for
its stem and first blocks, and levels 7 to 4; their relative disparity is held to what it was, since a matte says
nothing of it. Whole photos and parts of them that hold the subject, mirrored, with other colours, blur, noise and JPEG,
in batches of eight of one shape. Convolutions are in bfloat16, which halves the time where the processor has it. The
weights learnt are a running mean, and those written lie between the old and these, SHARE of the way, which beside the
other part erred less than either (docs/log.md, 2026-11-29). U2-Netp's are rounded to 16 bits, as a file holds them.

`recipes/fusion.py` teaches the head that joins both parts afterwards, on photos that are in neither's LIST.
"""

import argparse
import math
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from itertools import islice
from pathlib import Path

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
from wideopen.network.heads import SceneMaps
from wideopen.network.pynet import PyNET
from wideopen.network.saliency import U2Netp

BATCH = 8
SHAPES = [(224, 320), (256, 320), (320, 256), (224, 288), (288, 224), (256, 256)]
"""Height and width of a batch; U2-Netp is shown 320 px of a whole photo."""
FROZEN_BLOCKS = 7
"""Of EfficientNet-Lite2: its first three halvings."""
FINEST = 4
"""Level that the pyramid is trained down to."""
Photo = NDArray[np.uint8]
Loss = Callable[[Tensor, Tensor], Tensor]
Samples = Iterator[tuple[Tensor, Tensor]]


def part_with_subject(photo: Photo, matte: Photo, draw: random.Random) -> tuple[Photo, Photo]:
    """The whole, or in two of five cases a part that holds most of the subject."""
    height, width = matte.shape
    subject = matte > 127
    for _ in range(12 if draw.random() < 0.4 else 0):
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
    """Endless batches: photos [N, 3, H, W] in [0, 1] and mattes [N, 1, H, W]."""
    files = {path.relative_to(photos).with_suffix("").as_posix(): path for path in photos.glob("*/*")}
    left: list[str] = []
    while True:
        if len(left) < BATCH:
            left = draw.sample(names, len(names))
        shape, samples = draw.choice(SHAPES), []
        for name in [left.pop() for _ in range(min(BATCH, len(left)))]:
            photo = np.asarray(Image.open(files[name]).convert("RGB"))
            matte = resize(np.asarray(Image.open(mattes / f"{name}.png").convert("L")), *photo.shape[:2])
            photo, matte = (resize(x, *shape) for x in part_with_subject(photo, matte, draw))
            photo = changed(photo, draw) if draw.random() < 0.7 else photo
            step = draw.choice([1, -1])
            samples.append(
                (photo[:, ::step].transpose(2, 0, 1) / np.float32(255), matte[None, :, ::step] / np.float32(255))
            )
        shown, true = (torch.from_numpy(np.stack(planes)) for planes in zip(*samples, strict=True))
        yield shown.contiguous(memory_format=torch.channels_last), true


def error(matte: Tensor, true: Tensor) -> Tensor:
    """Cross entropy, overlap, absolute error."""
    matte = matte.float().clamp(1e-4, 1 - 1e-4)
    both = (matte * true).sum((1, 2, 3))
    either = (matte + true - matte * true).sum((1, 2, 3))
    overlap = ((1 - (both + 1) / (either + 1)) * (true.mean((1, 2, 3)) > 0.01)).mean()
    return F.binary_cross_entropy(matte, true) + 0.5 * overlap + 0.5 * (matte - true).abs().mean()


def prior_loss(prior: U2Netp) -> Loss:
    """What U2-Netp's joined logit is off by, along the edge and in thin parts as well, and each of its six others."""

    def loss(photo: Tensor, true: Tensor) -> Tensor:
        fused, sides = prior.logits(photo)
        matte = torch.sigmoid(fused.float())
        off = (matte - true).abs()
        edge = F.max_pool2d(true, 5, 1, 2) + F.max_pool2d(-true, 5, 1, 2)
        thin = (true - F.max_pool2d(-F.max_pool2d(-true, 7, 1, 3), 7, 1, 3)).clamp(0, 1)
        total = error(matte, true) + 0.5 * off.mean() + 0.4 * (edge * off).sum() / edge.sum().clamp_min(1)
        total = total + 0.05 * (thin * (1 - matte)).sum() / thin.sum().clamp_min(20)
        for halvings, side in enumerate(sides):
            total = total + 0.15 * F.binary_cross_entropy_with_logits(side.float(), F.avg_pool2d(true, 2**halvings))
        return total

    return loss


def pyramid_loss(pyramid: PyNET) -> Loss:
    """What the mattes of levels 7 to 4 are off by, and how far their relative disparity is from what it was."""
    before = deepcopy(pyramid).eval()

    def heads(network: PyNET, photo: Tensor) -> dict[int, SceneMaps]:
        found = network.pyramid(photo, network.look(photo))
        return {level: maps for level, maps in found.items() if isinstance(maps, SceneMaps)}

    def loss(photo: Tensor, true: Tensor) -> Tensor:
        found = heads(pyramid, photo)
        with torch.no_grad():
            was = heads(before, photo)[FINEST].relative.float()
        total = 1.5 * ((found[FINEST].relative.float() - was).abs() / (1 + was.abs())).mean()
        for level, maps in found.items():
            total = total + (1 if level == FINEST else 0.4) * error(maps.matte, F.avg_pool2d(true, 2 ** (level - 2)))
        return total

    return loss


def train(part: nn.Module, loss: Loss, samples: Samples, steps: int, rate: float) -> None:
    """AdamW with a cosine, an encoder at a third of the rate; the part's weights are a running mean in the end."""
    part.train().to(memory_format=torch.channels_last)
    learnt = [(name, x) for name, x in part.named_parameters() if x.requires_grad]
    encoder = [x for name, x in learnt if name.startswith("backbone")]
    others = [x for name, x in learnt if not name.startswith("backbone")]
    groups = [{"params": encoder, "share": 0.3}, {"params": others, "share": 1.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), weight_decay=0)
    mean = {name: value.clone() for name, value in part.state_dict().items()}
    console = Console()
    for step, (photo, true) in enumerate(islice(samples, steps), 1):
        for group in optimizer.param_groups:
            group["lr"] = (
                group["share"] * rate * (0.51 + 0.49 * math.cos(math.pi * step / steps)) * min(1, 20 * step / steps)
            )
        with torch.autocast("cpu", torch.bfloat16):
            total = loss(photo, true)
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(encoder + others, 1.0)
        optimizer.step()
        for name, value in part.state_dict().items():
            if value.is_floating_point():
                mean[name].lerp_(value, 1 - min(0.99, step / (step + 9)))
        if step % 50 == 0:
            console.print(f"step {step} of {steps}, loss {float(total.detach()):.4f}")
    part.load_state_dict(mean)
    part.eval().requires_grad_(False)


def learn(network: PyNET, part: str, samples: Samples, steps: int, rate: float, share: float = 1.0) -> None:
    """Train the part `prior` or `pyramid` of a network; it goes a share of the way, and all else stays as it was."""
    state = {name: x.clone() for name, x in network.state_dict().items()}
    if part == "prior":
        assert network.prior is not None
        network.prior.requires_grad_(True)
        network.prior.encoder[0].requires_grad_(False)
        train(network.prior, prior_loss(network.prior), samples, steps, rate)
        learnt = network.state_dict()
    else:
        pyramid = PyNET(replace(network.config, prior="none"), FINEST)
        pyramid.load_state_dict({name: state[name] for name in pyramid.state_dict()})
        assert pyramid.backbone is not None
        pyramid.backbone.freeze(FROZEN_BLOCKS)
        train(pyramid, pyramid_loss(pyramid), samples, steps, rate)
        learnt = state | pyramid.state_dict()
    for name, x in state.items():
        if x.is_floating_point():
            x.lerp_(learnt[name], share)
        if name.startswith("prior.") and x.ndim > 1:
            x.copy_(x.half())
    network.load_state_dict(state)


def main() -> None:
    """Train, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("start", type=Path, help="weights (.pt) of recipes/with_prior.py")
    parser.add_argument("photos", type=Path)
    parser.add_argument("mattes", type=Path)
    parser.add_argument("--part", choices=("prior", "pyramid"), required=True)
    parser.add_argument("--only", type=Path, help="names, SET/NAME, one a line; all of MATTES if not given")
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--rate", type=float, default=1.5e-4)
    parser.add_argument("--share", type=float, default=1.0, help="of the way from the old weights to the new, 0..1")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    network, kept = load_weights(arguments.start)
    listed = sorted(f"{path.parent.name}/{path.stem}" for path in arguments.mattes.glob("*/*.png"))
    names = arguments.only.read_text(encoding="utf-8").split() if arguments.only else listed
    samples = batches(arguments.photos, arguments.mattes, names, random.Random(0))
    learn(network, arguments.part, samples, arguments.steps, arguments.rate, arguments.share)
    save_weights(arguments.output, network, **{key: kept[key] for key in ("recipe", "metrics") if key in kept})


if __name__ == "__main__":
    main()
