"""Varied pairs: scenes of several layers, seen by a random real lens focused on any of them.

The input is what a pinhole camera sees: the photo itself, bit for bit, unless something was put into it. The target is
the same scene through the lens; what is in focus keeps the input's own pixels.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from wideopen._types import Float32
from wideopen.errors import PhotoError
from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.lens.highlights import lamp_certainty
from wideopen.lens.layered_lens import Layer, expose
from wideopen.pairs.pair_scene import NEAREST
from wideopen.scene.background_depth import draw_surface, find_sky
from wideopen.synthesis.camera_sampling import Camera, draw_camera, draw_response
from wideopen.synthesis.cutouts import (
    Cutout,
    Fits,
    Placed,
    bright_end,
    find_cutout,
    place,
    place_obstacle,
    place_second,
)
from wideopen.synthesis.lamps import draw_lamps
from wideopen.synthesis.layered_scene import BACKGROUND, Focus, Item, Stage, choose_focus, scene_kind, subject_item
from wideopen.synthesis.options import VariedOptions
from wideopen.synthesis.photo_layers import Host
from wideopen.synthesis.sources import Source, read_photo
from wideopen.synthesis.subject_layers import Pair

DARK = 0.06
"""Median linear light below which a photo is taken for a night scene."""


@dataclass(frozen=True)
class Props:
    """What other photos may lend to a scene."""

    sources: Sequence[Source] = ()
    backgrounds: Sequence[Path] = ()
    long_side: int = 960
    """They are read at most this large (px)."""


@dataclass(frozen=True)
class VariedPair(Pair):
    """A pair and what is known of it."""

    disparity: Float32
    """HxW, in units of the subject's, of what the input shows."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Plain values for a manifest."""


def make_varied(
    host: Host, rng: np.random.Generator, options: VariedOptions, props: Props, highlight_gain: float = 4.0
) -> VariedPair:
    """Draw one pair.

    Args:
        host: the photo.
        rng: of this pair alone. Each part of it draws from a stream of its own: more lamps change no lens.
        props: what may be put into the photo.
        highlight_gain: see `layered_lens.expose`; lowered where much of the photo is white.
    """
    scene_rng, lamp_rng, camera_rng, focus_rng, response_rng, grain_rng = rng.spawn(6)
    stage, lent = build_stage(host, scene_rng, lamp_rng, options, props)
    host = stage.host
    short = min(host.size)
    camera = draw_camera(camera_rng, options)
    focus = choose_focus(focus_rng, stage, camera.blur_per_disparity(1.0) * short, options.elsewhere)
    if focus is None:
        raise PhotoError("no place to focus on; another --seed may find one")
    per_disparity = camera.blur_per_disparity(focus.disparity)
    photo, target, sharp = photograph(stage, camera, focus, highlight_gain)
    target = _with_grain(target, host, options.grain * (1.0 - sharp), grain_rng)
    response = draw_response(response_rng, options, host.size)
    grain = round(float(host.grain.strength.mean()), 5) if host.grain else 0.0
    facts = {
        "kind": scene_kind(stage), "surface": host.surface.kind, "foot": round(host.scene.foot / host.size[0], 4),
        "aperture": camera.f_number, "focal_length_mm": camera.focal_length_mm,
        "sensor_height_mm": camera.sensor_height_mm,
        "focus_distance_m": _finite(camera.lens(focus.disparity).focus_distance_m),
        "blur": round(per_disparity * focus.disparity, 6), "blur_per_disparity": round(per_disparity * NEAREST, 6),
        "in_focus": focus.name, "focus": _as_share(focus.point, host.size),
        "focus_disparity": round(focus.disparity / NEAREST, 6), "shape": _shape(camera), "lent": lent,
        "response": asdict(response), "grain": grain * options.grain,
    }  # fmt: skip
    return VariedPair(photo, response.apply(target), stage.matte(), sharp, stage.disparity(), facts)


def build_stage(
    host: Host, rng: np.random.Generator, lamp_rng: np.random.Generator, options: VariedOptions, props: Props
) -> tuple[Stage, list[str]]:
    """Put things into a photo; also gives the names of the photos that lent them."""
    swap, second, obstacle = rng.random(3)
    swap_rng, second_rng, obstacle_rng = rng.spawn(3)
    lent: list[str] = []
    items = list(subject_item(host))
    if items and swap < options.swaps and props.backgrounds and host.scene.foot > host.size[0]:
        path = props.backgrounds[int(swap_rng.integers(len(props.backgrounds)))]
        host = swap_background(host, _read_background(path, host.size, props), swap_rng)
        items = list(subject_item(host))
        lent.append(path.stem)
    light = bright_end(host.scene.photo)
    subject, surface = host.scene.alpha, host.surface

    def lend(name: str, rng: np.random.Generator, fits: Fits, put: Callable[[Cutout], Placed | None]) -> None:
        cutout = find_cutout(rng, props.sources, props.long_side, fits)
        placed = place(lambda: put(cutout)) if cutout else None
        if placed:
            items.append(Item(name, placed.layer, placed.disparity))
            lent.append(placed.stem)

    if items and second < options.second and surface.kind != "far":
        lend("second", second_rng, _stands, lambda cut: place_second(second_rng, cut, surface, subject, light))
    if items and obstacle < options.obstacles:
        lend("obstacle", obstacle_rng, _reaches_in, lambda cut: place_obstacle(obstacle_rng, cut, subject, light))
    items.sort(key=lambda item: -item.disparity)
    stage = Stage(host, tuple(items))
    return replace(stage, light=_lamps(stage, lamp_rng, options)), lent


def photograph(stage: Stage, camera: Camera, focus: Focus, highlight_gain: float) -> tuple[Float32, Float32, Float32]:
    """See a scene through a pinhole and through a lens.

    Returns input and target, HxWx3 sRGB-encoded, and the HxW share of detail the target keeps, all in [0, 1].
    """
    host, blur_px = stage.host, camera.blur_per_disparity(focus.disparity) * min(stage.host.size)
    gain = 1.0 + (highlight_gain - 1.0) * host.lamp_certainty
    radius = blur_px * np.abs(host.surface.plane.disparity(*host.size) - focus.disparity)
    of_subject = blur_px * abs(1.0 - focus.disparity) if host.has_subject else 0.0
    layers = [*(item.layer for item in stage.items), host.background(of_subject, radius)]
    photo = _pinhole(stage, layers, gain)
    seen = expose(layers, blur_px, focus.disparity, gain, camera.aperture, stage.light)
    target = linear_to_srgb(seen.linear)
    # The input's own pixels, not their reconstruction, wherever the lens leaves them alone.
    kept = np.clip((seen.sharp(0.5, 1.0) - 0.96) / 0.035, 0.0, 1.0)[..., None]
    target = np.where(kept >= 1.0, photo, target + kept * (photo - target))
    return photo, np.asarray(target, np.float32), np.clip(seen.sharp(0.7, 1.8), 0.0, 1.0)


def swap_background(host: Host, background: Float32, rng: np.random.Generator) -> Host:
    """Put the photo's subject before another background, HxWx3 sRGB-encoded, half way to its light."""
    linear = srgb_to_linear(background)
    gain = np.clip(np.sqrt(bright_end(linear) / bright_end(host.scene.photo)), 0.5, 1.6)
    color = np.clip(host.color * gain, 0.0, 1.0).astype(np.float32)
    alpha = np.clip((host.scene.alpha - 0.12) / 0.88, 0.0, 1.0).astype(np.float32)
    photo = linear + alpha[..., None] * (color - linear)
    surface = draw_surface(rng, host.size, host.scene.foot, find_sky(background))
    scene = replace(host.scene, photo=photo, alpha=alpha, doubt=np.zeros_like(alpha))
    return replace(
        host, encoded=linear_to_srgb(photo), scene=scene, surface=surface, filled=linear, hole=np.ones_like(alpha),
        color=color, lamp_certainty=lamp_certainty(linear),
    )  # fmt: skip


def _pinhole(stage: Stage, layers: list[Layer], gain: float) -> Float32:
    host = stage.host
    if not stage.pasted:
        return host.encoded
    seen = expose(layers, 0.0, 1.0, gain, light=stage.light)
    shares = dict(zip([*(item.name for item in stage.items), BACKGROUND], seen.shares, strict=True))
    added = sum((share for name, share in shares.items() if name in ("second", "obstacle")), np.zeros(host.size))
    if stage.light is not None:
        added = np.maximum(added, shares[BACKGROUND] * stage.light.max(axis=2) * 4.0)
    mix = np.clip(added * 50.0, 0.0, 1.0)[..., None]
    return np.asarray(host.encoded + mix * (linear_to_srgb(seen.linear) - host.encoded), np.float32)


def _lamps(stage: Stage, rng: np.random.Generator, options: VariedOptions) -> Float32 | None:
    host = stage.host
    dark = float(np.median(host.scene.photo)) < DARK
    if rng.random() >= options.lamps * (2.0 if dark else 1.0):
        return None
    free = dict(stage.seen())[BACKGROUND].copy()
    plane = host.surface.plane.disparity(*host.size)
    # Lamps hang behind the subject, seldom lie at its feet; on white they would not be seen.
    free[plane > 0.5] = 0.0
    free[cv2.blur(host.scene.photo.max(axis=2), (9, 9)) > 0.6] = 0.0
    light, count = draw_lamps(rng, free)
    return light if count else None


def _stands(sides: frozenset[str]) -> bool:
    return sides <= {"bottom"}


def _reaches_in(sides: frozenset[str]) -> bool:
    return "top" not in sides and not {"left", "right"} <= sides


def _read_background(path: Path, size: tuple[int, int], props: Props) -> Float32:
    """The middle of a background as large as the photo."""
    picture = read_photo(path, props.long_side)
    height, width = size
    scale = max(height / picture.shape[0], width / picture.shape[1])
    tall, wide = max(round(picture.shape[0] * scale), height), max(round(picture.shape[1] * scale), width)
    resized = cv2.resize(picture, (wide, tall), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    top, left = (tall - height) // 2, (wide - width) // 2
    return np.clip(resized[top : top + height, left : left + width], 0.0, 1.0).astype(np.float32)


def _with_grain(target: Float32, host: Host, amount: Float32, rng: np.random.Generator) -> Float32:
    if host.grain is None:
        return target
    # Another part of the grain's texture for each pair.
    top, left = (int(start) for start in rng.integers(0, 512, 2))
    tile = slice(top, top + host.size[0]), slice(left, left + host.size[1])
    return np.asarray(host.grain.add(target, amount, tile), np.float32)


def _finite(metres: float) -> float | None:
    """JSON has no infinity."""
    return round(metres, 4) if math.isfinite(metres) else None


def _as_share(point: tuple[int, int], size: tuple[int, int]) -> list[float]:
    return [round((point[1] + 0.5) / size[1], 5), round((point[0] + 0.5) / size[0], 5)]


def _shape(camera: Camera) -> dict[str, float]:
    aperture = camera.aperture
    return {
        "blades": aperture.blades, "roundness": aperture.roundness, "rotation_deg": aperture.rotation_deg,
        "vignette": aperture.vignette,
    }  # fmt: skip
