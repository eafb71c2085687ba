"""A scene of several layers, before a lens looks at it: what stands where, what a pinhole camera sees of it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float32
from wideopen.lens.layered_lens import Layer
from wideopen.scene.background_depth import SUBJECT_DISPARITY
from wideopen.synthesis.photo_layers import Host

Mask = NDArray[np.bool_]

BACKGROUND = "background"
SUBJECT = "subject"


@dataclass(frozen=True)
class Item:
    """Something that stands upright before the background."""

    name: str
    layer: Layer
    disparity: float

    @property
    def alpha(self) -> Float32:
        """HxW opacity."""
        assert self.layer.alpha is not None
        return self.layer.alpha


@dataclass(frozen=True)
class Stage:
    """A photo and what was put into it."""

    host: Host
    items: tuple[Item, ...]
    """Nearest first; the photo's own subject is one of them."""
    light: Float32 | None = None
    """HxWx3 linear light of lamps on the background, beyond 1.0."""

    @property
    def pasted(self) -> bool:
        """Whether the input differs from the photo."""
        return self.light is not None or any(item.name != SUBJECT for item in self.items)

    def seen(self) -> list[tuple[str, Float32]]:
        """(name, HxW share) of each item and of the background that a pinhole camera sees; shares sum to 1."""
        left = np.ones(self.host.size, np.float32)
        shares = []
        for item in self.items:
            shares.append((item.name, left * item.alpha))
            left = left * (1.0 - item.alpha)
        return [*shares, (BACKGROUND, left)]

    def disparity(self) -> Float32:
        """HxW disparity of what a pinhole camera sees."""
        result = self.host.surface.plane.disparity(*self.host.size)
        for item in reversed(self.items):
            result = np.where(item.alpha > 0.5, np.float32(item.disparity), result)
        return result

    def matte(self) -> Float32:
        """HxW share of the photo's own subject that is seen."""
        return dict(self.seen()).get(SUBJECT, np.zeros(self.host.size, np.float32))


@dataclass(frozen=True)
class Focus:
    """What is in focus."""

    name: str
    """Of the item, or `background`."""
    disparity: float
    point: tuple[int, int]
    """Row and column of a pixel inside it."""


def choose_focus(
    rng: np.random.Generator, stage: Stage, blur_px: float, elsewhere: float, tries: int = 48
) -> Focus | None:
    """Focus on the subject or, in a share `elsewhere`, on something else; on a point that no nearer blur reaches.

    `blur_px`: blur radius in px for each unit of disparity.
    Returns None if there is no such point.
    """
    shares = dict(stage.seen())
    others = [name for name in shares if name != SUBJECT]
    first = str(rng.choice(others))
    order = [first, SUBJECT] if SUBJECT not in shares or rng.random() < elsewhere else [SUBJECT, first]
    order += [name for name in others if name != first]
    disparity = stage.disparity()
    detail = _detail(stage.host.encoded)
    for name in order:
        if name not in shares:
            continue
        region = _clear(stage, name, shares[name], disparity, blur_px)
        depth = cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, 3)
        if depth.max() < 4.0:
            continue
        rows, columns = np.nonzero(depth >= min(0.4 * depth.max(), 0.04 * min(depth.shape)))
        picks = rng.integers(len(rows), size=tries)
        # Nobody focuses on a blank wall or on the sky.
        best = int(picks[np.argmax(detail[rows[picks], columns[picks]])])
        point = int(rows[best]), int(columns[best])
        return Focus(name, float(disparity[point]), point)
    return None


def subject_item(host: Host) -> tuple[Item, ...]:
    """The photo's own subject, if it has one."""
    return (Item(SUBJECT, host.subject(), SUBJECT_DISPARITY),) if host.has_subject else ()


def scene_kind(stage: Stage) -> str:
    """What a manifest calls the scene: what is in it, joined by +."""
    names = [item.name for item in stage.items if item.name != SUBJECT]
    first = SUBJECT if stage.host.has_subject else "landscape"
    return "+".join([first, *sorted(names), *(["lamps"] if stage.light is not None else [])])


def _clear(stage: Stage, name: str, share: Float32, disparity: Float32, blur_px: float) -> Mask:
    """Where only `name` is seen, and nothing nearer spreads to when the lens is focused there."""
    region = share > 0.95
    for item in stage.items:
        if item.name == name:
            break
        away = cv2.distanceTransform((item.alpha < 0.02).astype(np.uint8), cv2.DIST_L2, 3)
        region &= away > 1.15 * blur_px * np.abs(item.disparity - disparity) + 3.0
    return region


def _detail(encoded: Float32) -> Float32:
    grey = cv2.cvtColor(encoded, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.blur(np.abs(cv2.Laplacian(grey, cv2.CV_32F)), (15, 15)), np.float32)
