"""Grain: measured where a photo is flat, and put back where a lens would have taken it.

A sensor adds its noise behind the lens, so a real photo has the same grain in blur as in focus. Blurring a photo takes
it away, which looks like plastic. Grain is described by how strong it is at each brightness, by how its colours go
together and by its spectrum; new grain of that description is drawn (a Gaussian texture: Galerne, Gousseau, Morel:
Random Phase Textures, TIP 2011).
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float, Pixels

BLOCK_PX = 32
FLATTEST = 0.02
"""Share of all blocks, the flattest of each brightness, that is taken to hold nothing but grain."""
BANDS = 8
"""Brightnesses told apart."""
MOST_UNEVEN = 1.6
"""A block whose roughest sixteenth is rougher than this many times the typical one holds more than grain."""
STRONGEST = 6 / 255
COARSEST_PX = 1.5
"""What a Gaussian of this sigma leaves is no grain: stone and leaves are rough at all scales, sensors at the finest."""
FIELD_PX = 512
MOST_BLOCKS = 2000
ROUGHEST = 0.015
"""Standard deviation (of white) above which even the flattest blocks must hold texture."""
LEAST_PIXELS = 1_500_000
"""A smaller photo was reduced, as a rule, which averages its grain away: what is as fine there is texture."""


@dataclass(frozen=True, eq=False)
class Grain:
    """Grain of one photo, in the photo's encoded values as shares of white."""

    strength: Float
    """(BANDS,) standard deviation at brightness (i + 0.5) / BANDS."""
    field: Float
    """FIELD_PX x FIELD_PX x 3: a periodic texture of the grain's spectrum, variance 1 on average over the colours."""

    @cached_property
    def _strengths(self) -> Float:
        """(256,) standard deviation at each brightness in 8 bits."""
        return np.interp(np.arange(256) / 255, (np.arange(BANDS) + 0.5) / BANDS, self.strength).astype(np.float32)

    def add(self, encoded: Pixels, amount: Float, tile: tuple[slice, slice]) -> Pixels:
        """Add grain to a tile of the photo.

        Args:
            encoded: HxWx3 uint8, uint16 or float32 in [0, 1].
            amount: HxW in 0..1: 0 where the photo's own grain is left, 1 where none of it is.
            tile: where the tile lies in the photo, so that tiles go on in one another.
        """
        deep = encoded.dtype.kind == "f"
        white = 1.0 if deep else float(np.iinfo(encoded.dtype).max)
        brightness = cv2.convertScaleAbs(cv2.cvtColor(encoded, cv2.COLOR_RGB2GRAY), alpha=255 / white)
        # Variances add up: where part of the grain is left, the rest is what is missing to the whole.
        strength = cv2.LUT(brightness, self._strengths * np.float32(white)) * np.sqrt(1 - (1 - amount) ** 2)
        added = cv2.merge([strength] * 3)
        field = self.field[np.arange(tile[0].start, tile[0].stop) % FIELD_PX]
        left, right = tile[1].start, tile[1].stop
        for start in range(left // FIELD_PX * FIELD_PX, right, FIELD_PX):
            columns = slice(max(start, left), min(start + FIELD_PX, right))
            there = added[:, columns.start - left : columns.stop - left]
            there *= field[:, columns.start - start : columns.stop - start]
        if deep:
            return np.asarray((encoded + added).clip(0, 1))
        depth = cv2.CV_8U if encoded.dtype == np.uint8 else cv2.CV_16U
        return np.asarray(cv2.add(encoded, added, dtype=depth))  # Rounded and clipped.


def measure_grain(pixels: NDArray[Any], seed: int = 0) -> Grain | None:
    """Measure a photo's grain, HxWx3 uint8, uint16 or float32 in [0, 1]; None if it is too small or has none."""
    blocks = _blocks(pixels)
    if len(blocks) < 16:
        return None
    brightness = blocks.mean(axis=(1, 2)) @ np.array([0.299, 0.587, 0.114])
    rest = _fine(blocks)
    spread = _deviation(rest, "nyxc,nyxc->nc").mean(axis=1)
    inside = (brightness > 0.04) & (brightness < 0.96) & (spread > 0) & _even(rest)
    if inside.sum() < 16:
        return None
    chosen, strength = _flattest(brightness, spread, inside)
    if strength.max() * 255 < 0.3:  # Less than rounding to 8 bits.
        return None
    return Grain(strength, _draw_field(rest[chosen], np.random.default_rng(seed)))


def sure_grain(pixels: NDArray[Any]) -> Grain | None:
    """`measure_grain`, and None where what it found is too rough for grain."""
    found = measure_grain(pixels)
    return found if found is not None and float(found.strength.mean()) <= ROUGHEST else None


def lost_grain(pixels: NDArray[Any], share: float) -> Grain | None:
    """The grain that a blurred photo lacks, HxWx3 as of `measure_grain`, at that share (0..1) of its strength; None if
    there is none, or none that is sure to be grain."""
    if share == 0 or pixels.shape[0] * pixels.shape[1] < LEAST_PIXELS:
        return None
    found = sure_grain(pixels)
    return None if found is None else replace(found, strength=found.strength * np.float32(share))


def _blocks(pixels: NDArray[Any]) -> Float:
    """Nx32x32x3 float32 in [0, 1], spread evenly over the photo."""
    rows, columns = (side // BLOCK_PX for side in pixels.shape[:2])
    step = max(1, int(np.ceil(np.sqrt(rows * columns / MOST_BLOCKS))))
    white = 1.0 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    found = [
        pixels[row * BLOCK_PX : (row + 1) * BLOCK_PX, column * BLOCK_PX : (column + 1) * BLOCK_PX]
        for row in range(0, rows, step)
        for column in range(0, columns, step)
    ]
    if not found:
        return np.zeros((0, BLOCK_PX, BLOCK_PX, 3), np.float32)
    return np.stack(found).astype(np.float32) / np.float32(white)


def _fine(blocks: Float) -> Float:
    """Each block without its shading and all that is coarser than grain."""
    smooth = [cv2.GaussianBlur(block, (0, 0), COARSEST_PX, borderType=cv2.BORDER_REFLECT) for block in blocks]
    rest: Float = blocks - np.stack(smooth)
    return rest


def _deviation(rest: Float, over: str) -> Float:
    """Root mean square of what has no brightness of its own, over axes that `einsum` leaves out."""
    squares: Float = np.einsum(over, rest, rest)
    return np.sqrt(squares * np.float32(squares.size / rest.size))


def _even(rest: Float) -> NDArray[np.bool_]:
    """Blocks as rough in one part as in any other: grain is, things are not."""
    # `np.median` would import all of `numpy.ma` for the first photo.
    parts = rest.reshape(len(rest), 4, BLOCK_PX // 4, 4, BLOCK_PX // 4, 3)
    parts = _deviation(parts, "nyixjc,nyixjc->nyxc").mean(axis=3).reshape(len(rest), 16)
    even: NDArray[np.bool_] = parts.max(axis=1) < MOST_UNEVEN * np.maximum(np.quantile(parts, 0.5, axis=1), 1e-6)
    return even


def _flattest(brightness: Float, spread: Float, inside: Float) -> tuple[NDArray[np.intp], Float]:
    """Blocks that hold nothing but grain, and its strength by brightness."""
    limit = np.quantile(spread[inside], FLATTEST)
    chosen: list[int] = []
    known: list[tuple[float, float]] = []
    band = np.minimum((brightness * BANDS).astype(int), BANDS - 1)
    for index in range(BANDS):
        members = np.flatnonzero(inside & (band == index))
        if len(members) < 8:
            continue
        order = members[np.argsort(spread[members])][: max(4, round(FLATTEST * len(members)))]
        # A band without any flat place says nothing of grain.
        order = order[spread[order] <= 2.5 * limit]
        if len(order) >= 2:
            chosen += order.tolist()
            known.append(((index + 0.5) / BANDS, float(np.quantile(spread[order], 0.5))))
    if not known:
        order = np.flatnonzero(inside)[np.argsort(spread[inside])][:4]
        chosen, known = order.tolist(), [(0.5, float(np.quantile(spread[order], 0.5)))]
    levels = (np.arange(BANDS) + 0.5) / BANDS
    places, spreads = np.array(known).T
    # Grain is everywhere: where it seems stronger by far than elsewhere it is sand, or leaves.
    spreads = np.minimum(spreads, min(MOST_UNEVEN * float(spreads.min()), STRONGEST))
    return np.array(chosen), np.interp(levels, places, spreads).astype(np.float32)


def _draw_field(rest: Float, rng: np.random.Generator) -> Float:
    """A periodic texture with the mean spectrum and the mean colour covariance of the blocks."""
    window = np.hanning(BLOCK_PX)[:, None] * np.hanning(BLOCK_PX)
    grey = (rest @ np.array([0.299, 0.587, 0.114], np.float32)) * window
    power = (np.abs(np.fft.fft2(grey)) ** 2).mean(axis=0)
    power[0, 0] = 0.0  # Grain does not change the brightness.
    place = np.fft.fftfreq(FIELD_PX) * BLOCK_PX
    rows, columns = np.meshgrid(place % BLOCK_PX, place % BLOCK_PX, indexing="ij")
    padded = np.pad(power, ((0, 1), (0, 1)), mode="wrap").astype(np.float32)
    fine = cv2.remap(padded, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR)
    amplitude = np.sqrt(np.maximum(fine, 0))
    noise = rng.standard_normal((3, FIELD_PX, FIELD_PX))
    drawn = np.fft.irfft2(np.fft.rfft2(noise) * amplitude[:, : FIELD_PX // 2 + 1], (FIELD_PX, FIELD_PX))
    drawn /= drawn.std(axis=(1, 2), keepdims=True)
    flat = rest.reshape(-1, 3).astype(np.float64)
    covariance = flat.T @ flat / len(flat)
    # The symmetric root, so that grey grain is grey to the last bit.
    variances, axes = np.linalg.eigh(covariance)
    root = (axes * np.sqrt(np.maximum(variances, 0))) @ axes.T
    colors = np.einsum("ij,jyx->yxi", root, drawn)
    colors /= np.sqrt(np.trace(covariance) / 3)
    return np.asarray(colors, np.float32)
