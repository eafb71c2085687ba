"""All metrics of one picture against its target, and which of them are measured."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from wideopen._types import Float32
from wideopen.errors import WeightsError
from wideopen.evaluation.metrics import chroma_shift, matte_weights, psnr, psnr_gain_matched
from wideopen.evaluation.ssim import MS_SSIM_SIDE, ms_ssim, ssim_gaussian11, ssim_gaussian11_shrunk, ssim_uniform7

Metric = Callable[[Float32, Float32, Float32 | None], float]
LPIPS_NOT_ASKED = "LPIPS: not measured (ask with --lpips)"


@dataclass(frozen=True)
class Scores:
    """One picture against the target; see `wideopen.evaluation.metrics` and `wideopen.evaluation.perceptual`. PSNR in
    dB.

    _inside is weighted by the subject's matte, _outside by 1 - matte, both less the margin; None without a matte, with
    an empty one, with a picture too small for the metric, or where the metric was not measured.
    """

    psnr: float
    psnr_gain_matched: float
    ssim_gaussian11: float
    chroma_shift: float
    """Against the target."""
    chroma_shift_from_photo: float
    """Against the photo: how far the model moves colours."""
    psnr_inside: float | None = None
    psnr_outside: float | None = None
    psnr_gain_matched_inside: float | None = None
    psnr_gain_matched_outside: float | None = None
    ssim_gaussian11_inside: float | None = None
    ssim_gaussian11_outside: float | None = None
    ssim_uniform7: float | None = None
    ssim_uniform7_inside: float | None = None
    ssim_uniform7_outside: float | None = None
    ssim_gaussian11_shrunk: float | None = None
    ms_ssim: float | None = None
    ms_ssim_inside: float | None = None
    ms_ssim_outside: float | None = None
    lpips: float | None = None
    lpips_inside: float | None = None
    lpips_outside: float | None = None
    vgg: float | None = None
    vgg_inside: float | None = None
    vgg_outside: float | None = None


METRICS = tuple(field.name for field in fields(Scores))
LESS_IS_BETTER = frozenset(name for name in METRICS if name.startswith(("chroma", "lpips", "vgg")))
PARTS = ("_inside", "_outside")
SPLIT: dict[str, tuple[Metric, int]] = {
    "psnr": (psnr, 1),
    "psnr_gain_matched": (psnr_gain_matched, 1),
    "ssim_gaussian11": (ssim_gaussian11, 11),
    "ssim_uniform7": (ssim_uniform7, 7),
    "ms_ssim": (ms_ssim, MS_SSIM_SIDE),
}
"""Metrics that are also taken inside and outside the matte, and the shortest side in px that each needs."""


@dataclass(frozen=True, eq=False)
class Measure:
    """What is measured beside the metrics that need no weights.

    Args:
        margin: px by which both sides of a matte keep away from its seam.
        vgg: `wideopen.evaluation.perceptual.VGGDistance`, if it is wanted.
        lpips: `wideopen.evaluation.perceptual.LPIPS`, if it is wanted and can be had.
        lpips_note: what a report says of LPIPS.
        vgg_name: the file that VGG's weights are from.
    """

    margin: int = 0
    vgg: Metric | None = None
    lpips: Metric | None = None
    lpips_note: str = LPIPS_NOT_ASKED
    vgg_name: str | None = None
    settings: dict[str, Any] = field(init=False)
    """The above as plain values, for the report."""

    def __post_init__(self) -> None:
        values = {"margin": self.margin, "vgg": self.vgg_name, "lpips": self.lpips_note}
        object.__setattr__(self, "settings", values)

    def score(self, image: Float32, target: Float32, photo: Float32, matte: Float32 | None = None) -> Scores:
        """All of one picture: HxWx3 sRGB-encoded in 0..1, matte HxW in 0..1."""
        parts = {} if matte is None else dict(zip(PARTS, matte_weights(matte, self.margin), strict=True))
        metrics = {**SPLIT}
        metrics |= {name: (found, 32) for name, found in (("vgg", self.vgg), ("lpips", self.lpips)) if found}
        values: dict[str, float | None] = {
            "chroma_shift": chroma_shift(image, target),
            "chroma_shift_from_photo": chroma_shift(image, photo),
            "ssim_gaussian11_shrunk": ssim_gaussian11_shrunk(image, target),
        }
        for name, (metric, side) in metrics.items():
            if min(image.shape[:2]) >= side:
                values[name] = metric(image, target, None)
                values |= {name + part: _known(metric(image, target, weights)) for part, weights in parts.items()}
        return Scores(**values)  # type: ignore[arg-type]


def make_measure(margin: int = 0, vgg_weights: Path | None = None, lpips: bool = False) -> Measure:
    """What the command line asks for. LPIPS that cannot be had becomes a note; WeightsError for bad VGG weights."""
    vgg: Metric | None = None
    found: Metric | None = None
    note = LPIPS_NOT_ASKED
    if vgg_weights is not None:
        from wideopen.evaluation.perceptual import VGGDistance

        vgg = VGGDistance(vgg_weights)
    if lpips:
        from wideopen.evaluation.perceptual import LPIPS

        try:
            found, note = LPIPS(), "LPIPS: AlexNet, version 0.1, by the package lpips"
        except WeightsError as error:
            note = str(error)
    return Measure(margin, vgg, found, note, vgg_weights.name if vgg_weights else None)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
