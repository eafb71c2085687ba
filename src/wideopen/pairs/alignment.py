"""How two photos of one view differ: in sharpness, place, and exposure.

Made for pairs whose second photo is blurred outside its plane of focus, so nothing here may take blur for a
fault. Both photos are looked at as 768 px grey pictures, smoothed against noise and divided by their local mean,
which takes out exposure and vignetting.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float32
from wideopen.image.color import srgb_to_linear

LONG_SIDE = 768
CELL = 32
"""Side in px of the cells in which gradient energies are compared."""
PATCH = 32
REACH = 24
"""How far in px a patch is looked for either way; times the photo's side / 768 in its own px."""
TEXTURE = 1e-4
"""Mean squared gradient, relative to the local mean, above which a cell holds something to look at."""
NOTABLY = 0.6
"""log2 of energies by which one cell is notably sharper than another (1.5 times)."""
THUMB = 48


@dataclass(frozen=True)
class Difference:
    """What sets a target apart from its photo."""

    sharper: float
    """Share of the textured area in which the target is notably sharper than the photo, 0..1."""
    blurrier: float
    """The same the other way round; large in a good pair."""
    shift: float | None
    """Median distance, in px of the photo, by which details in focus have moved; None if it cannot be told."""
    exposure: float | None
    """Median of target / photo in linear light, in stops; None where all is black or clipped."""
    likeness: float
    """Correlation of the two seen at 48x48 px, -1..1; near 1 for one view, whatever the blur."""


def compare(photo: NDArray[np.uint8], target: NDArray[np.uint8]) -> Difference:
    """Measure how a target differs from its photo, both HxWx3 RGB uint8; sizes may differ, shapes should not."""
    exposure, likeness = compare_light(photo, target)
    first, second, scale = _detail(photo, target)
    energies = _energy(first), _energy(second)
    sharper, blurrier = _sharper_shares(*energies)
    shift = _shift(first, second, _in_focus(*energies))
    if shift is None:
        shift = _far_shift(first, second)
    return Difference(sharper, blurrier, None if shift is None else shift * scale, exposure, likeness)


def compare_light(photo: NDArray[np.uint8], target: NDArray[np.uint8]) -> tuple[float | None, float]:
    """`exposure` and `likeness` of a Difference, from pictures so small that neither blur nor shift matters."""
    first, second = (
        srgb_to_linear(cv2.resize(x, (THUMB, THUMB), interpolation=cv2.INTER_AREA) / np.float32(255)).mean(axis=-1)
        for x in (photo, target)
    )
    lit = (np.minimum(first, second) > 0.005) & (np.maximum(first, second) < 0.9)
    exposure = float(np.median(np.log2(second[lit] / first[lit]))) if lit.mean() > 0.05 else None
    spread = float(first.std() * second.std())
    covariance = float(((first - first.mean()) * (second - second.mean())).mean())
    return exposure, covariance / spread if spread > 1e-8 else 1.0


def _detail(photo: NDArray[np.uint8], target: NDArray[np.uint8]) -> tuple[Float32, Float32, float]:
    """Both as detail around a local mean of 1, and how many px of the photo one of their px is."""
    scale = max(max(photo.shape[:2]) / LONG_SIDE, 1.0)
    size = (max(round(photo.shape[1] / scale), 1), max(round(photo.shape[0] / scale), 1))
    out: list[Float32] = []
    for picture in (photo, target):
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        if (grey.shape[1], grey.shape[0]) != size:
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        smooth = cv2.GaussianBlur(grey.astype(np.float32), (7, 7), 1)
        out.append((smooth / (cv2.blur(smooth, (33, 33)) + 8)).astype(np.float32, copy=False))
    return out[0], out[1], scale


def _energy(detail: Float32) -> Float32:
    """Mean squared gradient in each cell."""
    across = cv2.Sobel(detail, cv2.CV_32F, 1, 0, scale=0.125)
    down = cv2.Sobel(detail, cv2.CV_32F, 0, 1, scale=0.125)
    cells = max(detail.shape[1] // CELL, 1), max(detail.shape[0] // CELL, 1)
    return cv2.resize(across * across + down * down, cells, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _sharper_shares(photo: Float32, target: Float32) -> tuple[float, float]:
    textured = np.maximum(photo, target) > TEXTURE
    if not textured.any():
        return 0.0, 0.0
    ratio = np.log2((target[textured] + 1e-9) / (photo[textured] + 1e-9))
    return float((ratio > NOTABLY).mean()), float((ratio < -NOTABLY).mean())


def _in_focus(photo: Float32, target: Float32) -> NDArray[np.bool_]:
    """Cells in which the target kept the photo's detail; elsewhere blur, and discs of light, mislead a match."""
    ratio = np.log2((target + 1e-9) / (photo + 1e-9))
    return (np.minimum(photo, target) > TEXTURE) & (np.abs(ratio) < 1)


def _shift(photo: Float32, target: Float32, in_focus: NDArray[np.bool_]) -> float | None:
    """Median distance in px between patches of the target and their places in the photo.

    A match counts if looking for it the other way leads back to where it started. Too few that do tell nothing.
    """
    height, width = target.shape
    border = REACH + PATCH // 2
    mask = cv2.resize(in_focus.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    mask[:border], mask[-border:], mask[:, :border], mask[:, -border:] = 0, 0, 0, 0
    corners = cv2.goodFeaturesToTrack(target, 40, 0.02, 12, mask=mask, blockSize=7) if mask.any() else None
    if corners is None:
        return None
    distances = []
    for x, y in corners.reshape(-1, 2).round().astype(int):
        there = _find_patch(target, photo, x, y)
        if there is None:
            continue
        x_there, y_there = round(x + there[0]), round(y + there[1])
        back = _find_patch(photo, target, x_there, y_there)
        if back is not None and np.hypot(x_there + back[0] - x, y_there + back[1] - y) < 1.5:
            distances.append(float(np.hypot(*there)))
    if len(distances) < max(6, 0.3 * len(corners)):
        return None
    return float(np.median(distances))


def _far_shift(photo: Float32, target: Float32) -> float | None:
    """Distance in px by which the target's middle has moved beyond the reach of patches, seen coarsely; else None."""
    size = max(target.shape[1] // 4, 1), max(target.shape[0] // 4, 1)
    small, goal = (cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in (target, photo))
    left, top = size[0] // 4, size[1] // 4
    middle = small[top : size[1] - top, left : size[0] - left]
    if float(middle.std()) < 1e-3:
        return None
    _, best, _, (column, row) = cv2.minMaxLoc(cv2.matchTemplate(goal, middle, cv2.TM_CCOEFF_NORMED))
    distance = 4 * float(np.hypot(column - left, row - top))
    return distance if best > 0.6 and distance > REACH / 2 else None


def _find_patch(source: Float32, goal: Float32, x: int, y: int) -> tuple[float, float] | None:
    """How far (right, down) the patch of `source` around (x, y) has moved in `goal`; None if it is not found."""
    half, reach = PATCH // 2, PATCH // 2 + REACH
    if not (reach <= x < goal.shape[1] - reach and reach <= y < goal.shape[0] - reach):
        return None
    patch = source[y - half : y + half, x - half : x + half]
    scores = cv2.matchTemplate(goal[y - reach : y + reach, x - reach : x + reach], patch, cv2.TM_CCOEFF_NORMED)
    _, best, _, (column, row) = cv2.minMaxLoc(scores)
    if best < 0.7 or not (0 < column < scores.shape[1] - 1 and 0 < row < scores.shape[0] - 1):
        return None
    right = _peak(scores[row, column - 1 : column + 2])
    down = _peak(scores[row - 1 : row + 2, column])
    return column + right - REACH, row + down - REACH


def _peak(three: NDArray[Any]) -> float:
    """Top of the parabola through three scores, from the middle one, in -0.5..0.5."""
    before, top, after = (float(value) for value in three)
    bend = before - 2 * top + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
