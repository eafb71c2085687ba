"""Edges at full size: the error along the subject's edge, against the same network run natively at a crop.

    python benchmarks/edges.py [--megapixels 24] [--crops 6] [--pictures FOLDER]

The scenes have known layers: a subject from examples/ in focus, with a frayed edge, before a landscape that a lens
blurs as in training (a disc of EBB!'s size), mixed in linear light. So the true picture is known. At points along the
edge a crop of the network's own working size is cut and done twice: out of the whole photo, for which one pixel of the
network's picture spans many, and natively, where the network sees nothing but the crop at its own resolution.
Twice again: `maps`, a network that is right about everything, so that what is left is full size's own error; `model`,
the shipped one, whose own doubt about where the edge is comes on top. The model's lens blurs by the same px in both,
so both are held against one truth; the pictures of `maps` blur by a share of their frame, each against its own.
Errors are means of absolute differences in 1/255 within 8 px of the edge:
`whole` the crop out of the whole photo, `native` the network's picture of the crop, `carried` that picture carried
to the crop (which gives it the photo's own detail), `enlarged` the network's picture of the whole photo simply
enlarged; `photo` and `photo_native` what the photo itself scores against the two truths. `ratio` is whole over native.
`--pictures` writes the crops at 100 %: photo, whole (model), native (model), whole (maps), native (maps), truth. Prints
a table and the figures as JSON on the last line.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from inside import ROOT, perfect, square, stitched, subject_of_map
from wideopen import Renderer
from wideopen.image.color import linear_to_srgb
from wideopen.image.inpaint import fill
from wideopen.image.resize import fit, resize
from wideopen.image.tone_curve import to_light, to_pixels
from wideopen.lens.full_resolution import carry_to_full_size
from wideopen.lens.lens_settings import LensSettings
from wideopen.photo.files import load
from wideopen.render.scene_rendering import draw_on_canvas
from wideopen.synthesis.options import SynthesizeOptions

Array = NDArray[Any]
BLUR = SynthesizeOptions().blur
"""Radius of the disc as a share of the short side."""
BAND_PX = 8
KINDS = ("maps", "model")
COLUMNS = ("whole", "native", "ratio", "carried", "enlarged", "photo", "photo_native")


@dataclass(frozen=True)
class Layers:
    """A subject in focus before a ground that is not."""

    subject: Array
    """HxWx3 uint8."""
    ground: Array
    alpha: Array
    """HxW float32 in [0, 1]."""

    def photo(self) -> Array:
        """What a pinhole camera sees, HxWx3 uint8."""
        done = np.empty_like(self.ground)
        for top in range(0, len(done), 256):
            part = slice(top, top + 256)
            done[part] = mixed(self.alpha[part], self.subject[part], to_light(self.ground[part]))
        return done

    def taken(self, window: tuple[slice, slice], radius: float) -> Array:
        """What a lens sees in a window, HxWx3 uint8, its disc of that radius in px."""
        margin = int(np.ceil(radius)) + 1
        wide = tuple(slice(max(part.start - margin, 0), part.stop + margin) for part in window)
        soft = disc_blur(to_light(self.ground[wide]), radius)
        inner = tuple(
            slice(part.start - out.start, part.start - out.start + part.stop - part.start)
            for part, out in zip(window, wide, strict=True)
        )
        return mixed(self.alpha[window], self.subject[window], soft[inner])


def mixed(alpha: Array, subject: Array, ground: Array) -> Array:
    """A subject (pixels) before a ground (light), as pixels."""
    share = alpha[..., None]
    return to_pixels(share * to_light(subject) + (1 - share) * ground, np.uint8)


def disc_blur(light: Array, radius: float) -> Array:
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius + 0.5 - np.hypot(y, x), 0, 1).astype(np.float32)
    blurred: Array = cv2.filter2D(light, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT)
    return blurred


def signed_distance(inside: Array) -> Array:
    """HxW: px to the edge, positive inside."""
    sides = (cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, 5) for side in (inside, ~inside))
    own, other = sides
    return np.asarray(own - other, np.float32)


def stage(name: str, megapixels: float, mirrored: bool) -> Layers:
    """One of the example subjects before the stitched landscape."""
    ground, _ = stitched(ROOT / "cairn.jpg", megapixels)
    if megapixels < 24:
        ground = resize(ground, *(round(side * (megapixels / 24) ** 0.5) for side in ground.shape[:2]))
    ground = np.ascontiguousarray(ground[:, ::-1] if mirrored else ground)
    height, width = ground.shape[:2]
    small, photo = subject_of_map(ROOT / f"{name}-depth.png"), load(ROOT / f"{name}.jpg").pixels
    # Outside the subject its own colours go on, so that its edge shows nothing of the photo it was cut from.
    known = cv2.erode(resize(small, *photo.shape[:2]), square(9))
    whole = fill(photo.astype(np.float32) / 255, np.floor(known).astype(np.float32))
    own = round(photo.shape[1] * height / photo.shape[0])
    sides = (width - own) // 2, width - own - (width - own) // 2
    subject = cv2.resize(
        np.rint(whole * 255).clip(0, 255).astype(np.uint8), (own, height), interpolation=cv2.INTER_CUBIC
    )
    subject = cv2.copyMakeBorder(subject, 0, 0, *sides, cv2.BORDER_REPLICATE)
    matte = cv2.GaussianBlur(cv2.resize(small, (own, height), interpolation=cv2.INTER_CUBIC), (0, 0), height / 400)
    matte = cv2.copyMakeBorder(matte, 0, 0, *sides, cv2.BORDER_CONSTANT, value=0)
    rng = np.random.default_rng(4)
    frayed = cv2.GaussianBlur(rng.normal(0, 1, matte.shape).astype(np.float32), (0, 0), 3)
    distance = signed_distance(matte > 0.5) + 4 * frayed / frayed.std()
    grain = cv2.GaussianBlur(rng.normal(0, 6, subject.shape[:2]).astype(np.float32), (0, 0), 0.7)[..., None]
    subject = (subject + grain).clip(0, 255).astype(np.uint8)
    return Layers(subject, ground, np.clip(0.5 + distance / 1.5, 0, 1).astype(np.float32))


def windows(alpha: Array, size: tuple[int, int], count: int) -> list[tuple[slice, slice]]:
    """Crops whose middles lie on the edge, far apart."""
    height, width = size
    inner = alpha[height // 2 : -height // 2, width // 2 : -width // 2]
    edge = cv2.morphologyEx((inner > 0.5).astype(np.uint8), cv2.MORPH_GRADIENT, square(3))
    rows, columns = np.nonzero(edge)
    chosen: list[int] = [0]
    nearest = np.full(rows.size, np.inf)
    while len(chosen) < count:  # The farthest from all that are chosen.
        nearest = np.minimum(nearest, np.hypot(rows - rows[chosen[-1]], columns - columns[chosen[-1]]))
        chosen.append(int(nearest.argmax()))
    return [
        (slice(int(rows[i]), int(rows[i]) + height), slice(int(columns[i]), int(columns[i]) + width)) for i in chosen
    ]


def right_maps(layers: Layers, photo: Array, height: int, width: int) -> tuple[Array, Array, Array]:
    """What a network that is right gives for a photo at its own size."""
    _, sharp, seen = perfect(photo, layers.alpha, height, width)
    # Texture that is smaller than a pixel is averaged as light: blurred at full size, it would be as bright.
    light = resize(to_light(layers.ground), height, width)
    soft = linear_to_srgb(disc_blur(light, BLUR * min(height, width)))
    return sharp[..., None] * seen + (1 - sharp[..., None]) * soft, sharp, seen


def measure(layers: Layers, renderer: Renderer, crops: int, pictures: Path | None) -> dict[str, dict[str, float]]:
    photo = layers.photo()
    height, width = photo.shape[:2]
    size = fit(height, width, renderer.engine.metadata.working_side)
    blur = BLUR * min(height, width)
    found = drawn_by(renderer, photo, blur)
    given = {"model": found, "maps": right_maps(layers, photo, *found[0].shape[:2])}
    whole = {kind: carry_to_full_size(photo, *given[kind]) for kind in KINDS}
    rows: dict[str, list[tuple[float, ...]]] = {kind: [] for kind in KINDS}
    for number, window in enumerate(windows(layers.alpha, size, crops)):
        crop = np.ascontiguousarray(photo[window])
        part = Layers(layers.subject[window], layers.ground[window], np.ascontiguousarray(layers.alpha[window]))
        truth, own = layers.taken(window, blur), part.photo()
        assert (own == crop).all()
        near = np.abs(signed_distance(part.alpha > 0.5)) <= BAND_PX
        native_truth = {"model": truth, "maps": layers.taken(window, BLUR * min(size))}
        natives = {
            "model": drawn_by(renderer, crop, blur),
            "maps": right_maps(part, crop, *size),
        }
        drawn = {kind: np.rint(255 * resize(natives[kind][0].clip(0, 1), *size)) for kind in KINDS}
        for kind in KINDS:
            plain = enlarged_window(given[kind][0], photo.shape[:2], window)
            rows[kind].append(
                (
                    error(whole[kind][window], truth, near),
                    error(drawn[kind], native_truth[kind], near),
                    error(carry_to_full_size(crop, *natives[kind]), native_truth[kind], near),
                    error(plain, truth, near),
                    error(crop, truth, near),
                    error(crop, native_truth[kind], near),
                )
            )
        if pictures is not None:
            shown = [crop, whole["model"][window], drawn["model"], whole["maps"][window], drawn["maps"], truth]
            middle = tuple(slice(side // 2 - 160, side // 2 + 160) for side in size)
            strip = np.hstack([image[middle].astype(np.uint8) for image in shown])
            cv2.imwrite(str(pictures) + f"-{number}.png", cv2.cvtColor(strip, cv2.COLOR_RGB2BGR))
    return {kind: summary(rows[kind]) for kind in KINDS}


def drawn_by(renderer: Renderer, photo: Array, blur_px: float) -> tuple[Array, Array, Array]:
    """What the model's lens draws of a photo, the farthest blurred by that radius in the photo's px."""
    return draw_on_canvas(renderer.estimate_scene(photo), LensSettings(blur_px / min(photo.shape[:2])))[:3]  # type: ignore[return-value]


def enlarged_window(bokeh: Array, size: tuple[int, int], window: tuple[slice, slice]) -> Array:
    """A window of the network's picture enlarged to a size, bicubic."""
    scale = size[1] / bokeh.shape[1], size[0] / bokeh.shape[0]
    x, y = window[1].start, window[0].start
    move = np.array([[scale[0], 0, 0.5 * scale[0] - 0.5 - x], [0, scale[1], 0.5 * scale[1] - 0.5 - y]])
    shape = window[1].stop - x, window[0].stop - y
    moved = cv2.warpAffine(bokeh, move, shape, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.rint(moved.clip(0, 1) * 255)


def error(result: Array, truth: Array, near: Array) -> float:
    return float(np.abs(result[near].astype(np.float32) - truth[near]).mean())


def summary(rows: list[tuple[float, ...]]) -> dict[str, float]:
    whole, native, *rest = (float(value) for value in np.mean(rows, axis=0))
    return dict(zip(COLUMNS, (whole, native, whole / native, *rest), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--crops", type=int, default=6)
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    if options.pictures is not None:
        options.pictures.mkdir(parents=True, exist_ok=True)
    renderer, found = Renderer(), {}
    for name, mirrored in (("path", False), ("whale", True)):
        pictures = None if options.pictures is None else options.pictures / name
        found[name] = measure(stage(name, options.megapixels, mirrored), renderer, options.crops, pictures)
    table = Table(
        "scene",
        "network",
        *(name.replace("_", " ") for name in COLUMNS),
        title=f"{options.megapixels:g} megapixels, within {BAND_PX} px of the edge",
    )
    for name, kinds in found.items():
        for kind, figures in kinds.items():
            table.add_row(name, kind, *(f"{figures[key]:.2f}" for key in COLUMNS))
    Console().print(table)
    rounded = {
        name: {kind: {key: round(value, 3) for key, value in figures.items()} for kind, figures in kinds.items()}
        for name, kinds in found.items()
    }
    print(json.dumps(rounded))


if __name__ == "__main__":
    main()
