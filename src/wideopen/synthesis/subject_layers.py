"""From one photo and its subject's matte to a scene of two layers, and from the scene to a training pair.

The subject keeps its place in focus. Behind it lies the photo with the subject taken out and filled in, on a plane
that recedes: as far as the subject at the subject's foot, at infinity from the horizon row up. Where the matte
is in doubt, nothing is filled in: both layers keep the photo's own pixels there, so nobody is half erased.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from wideopen._types import Float32
from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.image.inpaint import push_pull
from wideopen.lens.highlights import lamp_certainty
from wideopen.lens.layered_lens import Layer, expose
from wideopen.scene.background_depth import SUBJECT_DISPARITY, Plane
from wideopen.scene.matte_regions import ellipse, find_doubt, find_foot, find_hole, smooth_step


@dataclass(frozen=True)
class Scene:
    """What a photo was taken apart into. All maps are HxW float32 in [0, 1], colours linear light."""

    photo: Float32
    alpha: Float32
    """Opacity of the subject."""
    doubt: Float32
    """1 in regions (not thin edges) where the matte does not know."""
    foot: float
    """Row where the subject stands on the ground, in px; below the picture if it is cut off by its lower edge."""
    ground: Plane


@dataclass(frozen=True)
class Pair:
    """A training pair: sRGB-encoded HxWx3 and HxW maps, float32 in [0, 1]."""

    photo: Float32
    target: Float32
    matte: Float32
    sharp: Float32
    """Share of the photo's own detail that the target keeps."""


def take_apart(photo: Float32, matte: Float32, horizon: float = 0.4) -> Scene:
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


def make_pair(photo: Float32, scene: Scene, blur_px: float, highlight_gain: float = 4.0) -> Pair:
    """See the scene through a wide lens.

    Args:
        photo: HxWx3 sRGB-encoded, the one the scene was made of.
        blur_px: radius in px of the blur disc at infinity.
        highlight_gain: see `layered_lens.expose`; lowered where much of the photo is white, as skies are no lamps.
    """
    height, width = scene.alpha.shape
    radius = blur_px * np.abs(scene.ground.disparity(height, width) - SUBJECT_DISPARITY)
    background = fill_background(scene, radius)
    subject = Layer(foreground_color(scene, background), Plane(SUBJECT_DISPARITY), scene.alpha)
    gain = 1.0 + (highlight_gain - 1.0) * lamp_certainty(scene.photo)
    layers = subject, Layer(background, scene.ground)
    seen = expose(layers, blur_px, SUBJECT_DISPARITY, gain, leaning=True).linear
    # The photo's own pixels, not their reconstruction, wherever the lens leaves them alone.
    kept = np.maximum(_fall(radius, 0.5, 1.0), _fall(1.0 - scene.alpha, 0.0, 0.02))[..., None]
    target = linear_to_srgb(seen)
    sharp = 1.0 - (1.0 - scene.alpha) * (1.0 - _fall(radius, 0.7, 1.8))
    target = target + kept * (photo - target)
    return Pair(photo, target, scene.alpha, sharp.astype(np.float32))


def refine_matte(photo: Float32, matte: Float32) -> Float32:
    """Fit a matte of lower resolution to the photo's edges with a guided filter (He et al., ECCV 2010).

    A cut-out without soft edges (hand-drawn masks) is first softened by as much as a lens and a sensor would.
    """
    short = min(photo.shape[:2])
    between = ((matte > 0.02) & (matte < 0.98)).sum()
    edge = (cv2.morphologyEx((matte > 0.5).astype(np.uint8), cv2.MORPH_GRADIENT, ellipse(3)) > 0).sum()
    if between < 0.75 * edge:
        matte = np.asarray(cv2.GaussianBlur(matte, (0, 0), 1.2), np.float32)
    size = 2 * max(round(0.006 * short), 1) + 1
    guide = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.float32)

    def mean(x: Float32) -> Float32:
        return np.asarray(cv2.blur(x, (size, size), borderType=cv2.BORDER_REFLECT), np.float32)

    guide_mean, matte_mean = mean(guide), mean(matte)
    slope = (mean(guide * matte) - guide_mean * matte_mean) / (mean(guide * guide) - guide_mean**2 + 1e-3)
    offset = matte_mean - slope * guide_mean
    fitted = np.clip(mean(slope) * guide + mean(offset), 0.0, 1.0)
    return np.asarray(0.5 * (fitted + matte), np.float32)


def fill_background(scene: Scene, radius_px: Float32) -> Float32:
    """The photo with the subject filled in from around it, HxWx3 linear.

    Where the background is not blurred, or the matte in doubt, the photo's pixels stay: there nothing hidden can show.
    """
    hole = find_hole(scene.alpha, scene.doubt)
    filled = push_pull(scene.photo, np.square(1.0 - hole, dtype=np.float32))
    share = (hole * smooth_step(radius_px, 0.5, 2.0))[..., None]
    return np.asarray(scene.photo + share * (filled - scene.photo), np.float32)


def foreground_color(scene: Scene, background: Float32) -> Float32:
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
    own = np.maximum(smooth_step(scene.alpha, 0.9, 0.98), scene.doubt)[..., None]
    return np.asarray(color + own * (photo - color), np.float32)


def _settle(matte: Float32) -> Float32:
    """Take the noise of a matting network off both ends: 0.06 and less is nothing, 0.92 and more is solid."""
    return np.asarray(np.clip((matte - 0.06) / 0.86, 0.0, 1.0), np.float32)


def _weighted_mean(image: Float32, weight: Float32, size: int) -> Float32:
    total = cv2.blur(weight, (size, size))[..., None]
    return np.asarray(cv2.blur(image * weight[..., None], (size, size)) / (total + 1e-5), np.float32)


def _fall(x: Float32, low: float, high: float) -> Float32:
    return 1.0 - smooth_step(x, low, high)
