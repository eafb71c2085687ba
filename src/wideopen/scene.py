"""From one photo and its subject's matte to a scene of two layers, and from the scene to a training pair.

The subject keeps its place in focus. Behind it lies the photo with the subject taken out and filled in, on a plane
that recedes: as far as the subject at the subject's foot, at infinity from the horizon row up. Where the matte
is in doubt, nothing is filled in: both layers keep the photo's own pixels there, so nobody is half erased.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen.highlights import lamp_certainty
from wideopen.lens import Layer, Plane, render_layers
from wideopen.light import linear_to_srgb, srgb_to_linear

Float = NDArray[np.float32]

SUBJECT_DISPARITY = 1.0
"""Disparity is counted here in units of the subject's, so that K is the blur radius at infinity."""


@dataclass(frozen=True)
class Scene:
    """What a photo was taken apart into. All maps are HxW float32 in [0, 1], colours linear light."""

    photo: Float
    alpha: Float
    """Opacity of the subject."""
    doubt: Float
    """1 in regions (not thin edges) where the matte does not know."""
    foot: float
    """Row where the subject stands on the ground, in px; below the picture if it is cut off by its lower edge."""
    ground: Plane


@dataclass(frozen=True)
class Pair:
    """A training pair: sRGB-encoded HxWx3 and HxW maps, float32 in [0, 1]."""

    photo: Float
    target: Float
    matte: Float
    sharp: Float
    """Share of the photo's own detail that the target keeps."""


def take_apart(photo: Float, matte: Float, horizon: float = 0.4) -> Scene:
    """Find the subject, where the matte is in doubt, and the ground.

    Args:
        photo: HxWx3 sRGB-encoded in [0, 1].
        matte: HxW opacity of the subject in [0, 1].
        horizon: row of the horizon as a share of the height; higher up where the subject's foot is above mid-frame.
    """
    alpha = _settle(refine_matte(photo, matte))
    doubt = find_doubt(alpha)
    height = photo.shape[0]
    foot = find_foot(alpha)
    top = min(horizon * height, foot - 0.35 * height)
    slope = SUBJECT_DISPARITY / (foot - top)
    ground = Plane(-slope * top, dy=slope, low=0.0, high=2.0 * SUBJECT_DISPARITY)
    return Scene(srgb_to_linear(photo), alpha, doubt, foot, ground)


def make_pair(photo: Float, scene: Scene, blur_px: float, highlight_gain: float = 4.0) -> Pair:
    """See the scene through a wide lens.

    Args:
        photo: HxWx3 sRGB-encoded, the one the scene was made of.
        blur_px: radius in px of the blur disc at infinity.
        highlight_gain: see `lens.render_layers`; lowered where much of the photo is white, as skies are no lamps.
    """
    height, width = scene.alpha.shape
    radius = blur_px * np.abs(scene.ground.disparity(height, width) - SUBJECT_DISPARITY)
    background = fill_background(scene, radius)
    subject = Layer(foreground_color(scene, background), Plane(SUBJECT_DISPARITY), scene.alpha)
    gain = 1.0 + (highlight_gain - 1.0) * lamp_certainty(scene.photo)
    seen = render_layers((subject, Layer(background, scene.ground)), blur_px, SUBJECT_DISPARITY, gain)
    # The photo's own pixels, not their reconstruction, wherever the lens leaves them alone.
    kept = np.maximum(_fall(radius, 0.5, 1.0), _fall(1.0 - scene.alpha, 0.0, 0.02))[..., None]
    target = linear_to_srgb(np.clip(seen, 0.0, 1.0))
    sharp = 1.0 - (1.0 - scene.alpha) * (1.0 - _fall(radius, 0.7, 1.8))
    target = target + kept * (photo - target)
    return Pair(photo, target, scene.alpha, sharp.astype(np.float32))


def refine_matte(photo: Float, matte: Float) -> Float:
    """Fit a matte of lower resolution to the photo's edges with a guided filter (He et al., ECCV 2010).

    A cut-out without soft edges (hand-drawn masks) is first softened by as much as a lens and a sensor would.
    """
    short = min(photo.shape[:2])
    between = ((matte > 0.02) & (matte < 0.98)).sum()
    edge = (cv2.morphologyEx((matte > 0.5).astype(np.uint8), cv2.MORPH_GRADIENT, _ellipse(3)) > 0).sum()
    if between < 0.75 * edge:
        matte = np.asarray(cv2.GaussianBlur(matte, (0, 0), 1.2), np.float32)
    size = 2 * max(round(0.006 * short), 1) + 1
    guide = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.float32)

    def mean(x: Float) -> Float:
        return np.asarray(cv2.blur(x, (size, size), borderType=cv2.BORDER_REFLECT), np.float32)

    guide_mean, matte_mean = mean(guide), mean(matte)
    slope = (mean(guide * matte) - guide_mean * matte_mean) / (mean(guide * guide) - guide_mean**2 + 1e-3)
    offset = matte_mean - slope * guide_mean
    fitted = np.clip(mean(slope) * guide + mean(offset), 0.0, 1.0)
    return np.asarray(0.5 * (fitted + matte), np.float32)


def find_foot(alpha: Float) -> float:
    """Row (px) where the subject meets the ground; 1.3 times the height if the lower edge cuts it off."""
    height, width = alpha.shape
    solid = (alpha > 0.5).sum(axis=1).astype(np.float64)
    total = solid.sum()
    if total == 0:
        return 1.3 * height
    lowest = solid[-max(round(0.012 * height), 1) :].mean()
    if lowest > 0.02 * width or lowest > 0.3 * solid.max():
        return 1.3 * height
    # Robust to specks and trailing ropes: the last row above which 98.5 % of the subject lies.
    return float(np.searchsorted(np.cumsum(solid), 0.985 * total) + 1)


def fill_background(scene: Scene, radius_px: Float) -> Float:
    """The photo with the subject filled in from around it, HxWx3 linear.

    Where the background is not blurred, or the matte in doubt, the photo's pixels stay: there nothing hidden can show.
    """
    hole = find_hole(scene.alpha, scene.doubt)
    filled = push_pull(scene.photo, np.square(1.0 - hole, dtype=np.float32))
    share = (hole * _rise(radius_px, 0.5, 2.0))[..., None]
    return np.asarray(scene.photo + share * (filled - scene.photo), np.float32)


def find_doubt(alpha: Float) -> Float:
    """HxW in [0, 1]: 1 in regions, not thin edges, where a matte does not know."""
    short = min(alpha.shape)
    unsure = ((alpha > 0.08) & (alpha < 0.92)).astype(np.float32)
    size = 2 * max(round(0.014 * short), 3) + 1
    regions = cv2.morphologyEx(unsure, cv2.MORPH_OPEN, _ellipse(size))
    regions = cv2.dilate(regions, _ellipse(size))
    soft = cv2.GaussianBlur(regions, (0, 0), 0.006 * short)
    return np.asarray(soft, np.float32)


def find_hole(alpha: Float, doubt: Float, reach: float = 0.008) -> Float:
    """HxW share in [0, 1] of what is filled in behind the subject: a little more than its matte, less the doubt.

    Args:
        alpha, doubt: HxW; see `Scene`.
        reach: how much more, as a share of the short side.
    """
    size = 2 * max(round(reach * min(alpha.shape)), 1) + 1
    # A matte is rarely exact: a rim of the subject left outside it would glow around the blurred background.
    solid = np.minimum(alpha, 1.0 - doubt)
    hole = _rise(np.asarray(cv2.dilate(solid, _ellipse(size)), np.float32), 0.03, 0.15) * (1.0 - doubt)
    return np.asarray(hole, np.float32)


def shows_hidden(radius_px: Float, subject_radius_px: float) -> Float:
    """HxW share in [0, 1] to which what lies behind a subject shows: none where neither it nor the background is
    blurred (0.5 px), all from 2 px on."""
    return np.asarray(np.clip((np.maximum(radius_px, subject_radius_px) - 0.5) / 1.5, 0.0, 1.0), np.float32)


def push_pull(image: Float, weight: Float) -> Float:
    """Fill where the weight is 0 from where it is 1, by a pyramid of normalised convolutions (Gortler et al., 1996).

    Args:
        image: HxWxC float32.
        weight: HxW in [0, 1].
    """
    if weight.min() >= 1.0 or min(weight.shape) < 2:
        return image
    known = np.concatenate([image * weight[..., None], weight[..., None]], axis=2)
    small = cv2.pyrDown(known)
    small_weight = small[..., -1]
    small_image = small[..., :-1] / np.maximum(small_weight, 1e-6)[..., None]
    # Saturate: a coarse pixel half covered by known ones already knows its colour.
    below = push_pull(small_image.astype(np.float32), np.minimum(small_weight * 2.0, 1.0))
    height, width = weight.shape
    coarse = cv2.pyrUp(below)[:height, :width].reshape(height, width, -1)
    return np.asarray(known[..., :-1] + (1.0 - weight[..., None]) * coarse, np.float32)


def foreground_color(scene: Scene, background: Float) -> Float:
    """The subject's own colour at soft edges (blur fusion, Forte, arXiv 2109.09250), HxWx3 linear in [0, 1].

    The photo's own where the subject is solid and where the matte is in doubt.
    """
    photo, alpha = scene.photo, scene.alpha[..., None]
    short = min(scene.alpha.shape)
    color = photo
    for share in (0.05, 0.008):
        size = 2 * max(round(share * short), 1) + 1
        front = _weighted_mean(color, scene.alpha, size)
        back = _weighted_mean(photo if share > 0.01 else background, 1.0 - scene.alpha, size)
        color = np.clip(front + alpha * (photo - alpha * front - (1.0 - alpha) * back), 0.0, 1.0)
    own = np.maximum(_rise(scene.alpha, 0.9, 0.98), scene.doubt)[..., None]
    return np.asarray(color + own * (photo - color), np.float32)


def _settle(matte: Float) -> Float:
    """Take the noise of a matting network off both ends: 0.06 and less is nothing, 0.92 and more is solid."""
    return np.clip((matte - 0.06) / 0.86, 0.0, 1.0).astype(np.float32)


def _weighted_mean(image: Float, weight: Float, size: int) -> Float:
    total = cv2.blur(weight, (size, size))[..., None]
    return np.asarray(cv2.blur(image * weight[..., None], (size, size)) / (total + 1e-5), np.float32)


def _ellipse(size: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)


def _rise(x: Float, low: float, high: float) -> Float:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


def _fall(x: Float, low: float, high: float) -> Float:
    return 1.0 - _rise(x, low, high)
