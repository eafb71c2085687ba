"""A stroke spread to the edges of the thing that was painted, among what looks and lies alike.

A window about the stroke is shrunk to at most `SIDE` px. Each of its pixels is weighed by a logistic regression on how
alike it is to what was painted and how far away: as the crow flies, and along paths through like colours (geodesic
distances: Criminisi, Sharp, Blake: GeoS, ECCV 2008). Odds are smoothed along the photo's edges (guided filter); what is
likely and connected with the stroke changes. `benchmarks/strokes.py fit` found the weights.

Lengths are shares of the photo's longer side, colours CIE L*a*b* divided by 100.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float
from wideopen.image.guided_filter import guided_coefficients
from wideopen.image.guided_upsampling import lift
from wideopen.image.resize import fit, resize

Mask = NDArray[np.bool_]

SIDE = 320
"""Longer side in px that a stroke is spread at."""
NEAR = 1e4
"""Stands for a distance that no path has."""
ROUNDS = 4
"""Sweeps in all four directions that geodesic distances are found by."""
WEIGHTS = np.array([-0.801, -0.117, -0.331, -0.021, 1.665, -2.539, 2.61, 0.752, 1.359, 1.194, 1.12], np.float32)
BIAS = 0.428
"""Of the regression, in the order of `features`."""
SURE = 3.0
"""Odds (logarithms) that count as certain before they are smoothed."""


class Ground(NamedTuple):
    """What a stroke is painted on: planes of one size, HxW."""

    colours: Float
    """HxWx3 sRGB-encoded in [0, 1]."""
    opacity: Float
    """Share in [0, 1] that already is what the stroke says."""
    doubt: Float
    """The same as it was before anything was painted, with what doubt its source had."""
    painted: Mask
    """By the stroke."""
    against: Mask
    """By those before that say the opposite."""


def spread(ground: Ground, radius: float, pixel: float) -> Float:
    """HxW share in [0, 1] that is what the stroke says once it has spread; 1 where it was painted, never less than it
    was before.

    Args:
        ground: of a window about the stroke.
        radius: of the brush. pixel: of the window.
    """
    height, width = ground.painted.shape
    small = shrunk(ground)
    share = spread_coarsely(small, radius, pixel * height / len(small.painted))
    found = lift(np.maximum(small.opacity, share), ground.colours)
    where = resize(cv2.dilate((share > 0).astype(np.float32), np.ones((5, 5))), height, width)
    found = ground.opacity + where * np.maximum(found - ground.opacity, 0)
    return np.where(ground.painted, np.float32(1), np.where(ground.against, ground.opacity, found))


def spread_coarsely(small: Ground, radius: float, pixel: float) -> Float:
    """HxW share in [0, 1] to which a stroke changes each pixel of what `shrunk` gives; 0 where it does not reach.

    `radius`: of the brush; `pixel`: of `small`.
    """
    odds = (features(small, radius, pixel) @ WEIGHTS + np.float32(BIAS)).clip(-SURE, SURE)
    slopes = guided_coefficients(small.colours, np.ascontiguousarray(odds), 4, 1e-3)
    odds = (slopes[..., :3] * small.colours).sum(axis=2) + slopes[..., 3]
    changes = _connected((odds > 0) & ~small.against, small.painted)
    return np.where(changes, np.maximum((odds + 0.5).clip(0, 1), small.painted), 0).astype(np.float32)


def shrunk(ground: Ground) -> Ground:
    """The same, of at most `SIDE` px."""
    height, width = ground.painted.shape
    size = fit(height, width, min(SIDE, max(height, width)))
    colours, opacity, doubt = (resize(plane, *size) for plane in ground[:3])
    covered = [resize(plane.astype(np.float32), *size) for plane in ground[3:]]
    painted = covered[0] > min(0.25, 0.9 * float(covered[0].max()))  # Or it is thinner than a pixel here.
    return Ground(colours, opacity, doubt, painted, (covered[1] > 0.25) & ~painted)


def features(ground: Ground, radius: float, pixel: float) -> Float:
    """HxWx11, what the regression goes by; see `spread`."""
    _, opacity, doubt, painted, against = ground
    step, size = np.float32(pixel), np.float32(max(radius, 0.004))
    lab: Float = cv2.cvtColor(np.ascontiguousarray(ground.colours), cv2.COLOR_RGB2LAB) / np.float32(100)
    lab = cv2.bilateralFilter(lab, 5, 0.08, 2.0)
    across, down = (np.sqrt((np.diff(lab, axis=axis) ** 2).sum(axis=2)) for axis in (1, 0))
    other = _unlike(lab, painted, 4)
    costs = (
        0.3 * across + step * (0.3 + 5 * np.maximum(other[:, 1:], other[:, :-1])),
        0.3 * down + step * (0.3 + 5 * np.maximum(other[1:], other[:-1])),
    )
    path = np.minimum(_geodesic(painted, *costs), 3)
    away = _distance(painted) * step
    opposed = np.full_like(path, 2)
    if against.any():
        opposed = np.minimum(_geodesic(against, 0.3 * across + 0.3 * step, 0.3 * down + 0.3 * step), 2)
    done = opacity > 0.7
    to_done = _distance(done) * step if done.any() else np.ones_like(path)
    elsewhere = _unlike(lab, (opacity < 0.1) & (away > 4 * size + 0.02), 6)
    told = doubt.clip(0.003, 0.997)
    told = np.log(told / (1 - told)) / 5
    return np.stack(
        [
            np.sqrt(path),
            np.minimum(path / size, 20),
            np.log(away / size + 0.3),
            np.minimum(to_done / size, 20),
            np.sqrt(other),
            other - elsewhere,
            told,
            told - np.median(told[painted]),
            opacity,
            cv2.blur(opacity, (9, 9)),
            opposed,
        ],
        axis=-1,
    ).astype(np.float32)


def _unlike(lab: Float, mask: Mask, colours: int) -> Float:
    """How far each pixel's colour is from the nearest of a few that stand for a mask's; 0.5 if it is all but empty."""
    inside = lab[mask]
    if len(inside) < colours:
        nearest = inside
    else:
        cv2.setRNGSeed(0)  # The same strokes make the same picture.
        inside = np.ascontiguousarray(inside[:: max(1, len(inside) // 2000)])
        stop = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 8, 0.01)
        nearest = cv2.kmeans(inside, colours, None, stop, 1, cv2.KMEANS_PP_CENTERS)[2]  # type: ignore[call-overload]
    found = np.full(mask.shape, np.inf if len(nearest) else 0.25, np.float32)
    for colour in nearest:
        found = np.minimum(found, ((lab - colour) ** 2).sum(axis=2))
    return np.sqrt(found)


def _geodesic(mask: Mask, across: Float, down: Float) -> Float:
    """HxW, length of the shortest path from a mask by steps along rows (costs HxW-1) and columns (H-1xW)."""
    length = np.where(mask, np.float32(0), np.float32(NEAR))
    columns, rows = np.zeros_like(length), np.zeros_like(length)
    np.cumsum(across, axis=1, out=columns[:, 1:])
    np.cumsum(down, axis=0, out=rows[1:])
    for _ in range(ROUNDS):
        for axis, way in ((1, columns), (0, rows)):
            length = way + np.minimum.accumulate(length - way, axis=axis)
            length = np.flip(np.minimum.accumulate(np.flip(length + way, axis), axis=axis), axis) - way
    return length.clip(0, None)


def _distance(mask: Mask) -> Float:
    """HxW, distance from a mask in px."""
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def _connected(mask: Mask, painted: Mask) -> Mask:
    """What of a mask and the painted pixels is connected with the latter."""
    _, pieces = cv2.connectedComponents((mask | painted).astype(np.uint8), connectivity=4)
    reached = np.zeros(int(pieces.max()) + 1, bool)
    reached[pieces[painted]] = True
    reached[0] = False
    found: Mask = reached[pieces]
    return found
