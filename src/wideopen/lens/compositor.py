"""Layers of one blur radius each, blurred and laid over one another: the one compositor of the lens.

    near to far   1. a layer's light, premultiplied, and how much it covers, blurred by the aperture's shape
                  2. the fraction of each pixel that it fills, of what nearer layers left free
                  3. its light counts for that fraction

What a layer holds, and what of it is seen through nearer ones, is for the kind of scene to say: `matte_lens` knows a
subject before everything else, `depth_layers` surfaces that cross many layers. `training.differentiable_lens` is the
twin of `matte_lens` in PyTorch.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.image.tiles import Area, grown, seen_from
from wideopen.lens.apertures import SHARP_RADIUS_PX, Aperture
from wideopen.lens.defocus import COARSE_FROM_PX, bank_position, blur_part, convolve_planes

COARSEST = max(COARSE_FROM_PX.values())
"""Tiles, and what lies around them, begin at multiples of this, so that discs drawn coarsely fit together."""


@dataclass(frozen=True)
class Layers:
    """The layers that a photo is cut into, 0 the farthest."""

    bank: Float
    """Signed radii in px (`defocus.signed_bank`), nearest first."""
    shape: tuple[int, int]
    """Of the photo."""
    aperture: Aperture

    def place(self, radius: Float) -> Float:
        """Where signed radii lie among the layers, in fractions of a step."""
        found: Float = len(self.bank) - 1 - bank_position(radius, self.bank)
        return found

    def step(self, radius: Float) -> Float:
        """How far (px) neighbouring layers lie from one another at signed radii."""
        found: Float = np.interp(radius, self.bank, np.gradient(self.bank)).astype(np.float32)
        return found

    def radius(self, layer: int) -> float:
        """Signed radius (px) of a layer."""
        return float(self.bank[len(self.bank) - 1 - layer])

    def blur(
        self, planes: list[Float], layer: int, source: Area, target: Area, corner: tuple[int, int] = (0, 0)
    ) -> list[Float]:
        """Planes drawn with the radius of a layer.

        Args:
            planes: of HxW, they cover `source`.
            source, target: parts of a picture that begins at `corner` (row, column) of the photo.

        Returns as many planes that cover `target`.
        """
        radius, part = self.radius(layer), seen_from(target, source)
        if self.aperture.vignette == 0 or abs(radius) <= SHARP_RADIUS_PX:
            seen = convolve_planes(planes, abs(radius), self.aperture, radius > 0, coarse=True)
            return [plane[part] for plane in seen]
        rows, columns = ((side.start, side.stop) for side in part)
        whole = self.shape, (corner[0] + source[0].start, corner[1] + source[1].start)
        image = cv2.merge(planes)
        return list(cv2.split(blur_part(image, radius, rows, columns, self.aperture, whole=whole, coarse=True)))


@dataclass(frozen=True, eq=False)
class Layer:
    """What one layer holds."""

    index: int
    source: Area
    """Part of the picture that it is drawn from."""
    target: Area
    """Part of the picture that it can be seen in."""
    planes: list[Float]
    """Of `source`, HxW each: the layer's light, three times, times how much it covers; how much it covers; and what
    tells what of it nearer layers leave to be seen."""


def lay_over(
    layers: Layers,
    held: Iterable[Layer],
    through: Float,
    visible: Callable[[Layer, Float, Float, Float], Float],
    inner: Area,
    corner: tuple[int, int] = (0, 0),
    run: Callable[..., Iterable[tuple[Layer, list[Float]]]] = map,
) -> list[Float]:
    """Lay layers over one another.

    Args:
        held: nearest first.
        through: HxW of `inner`, ones; the fraction that all layers leave free when this is done.
        visible: (layer, how much it covers, its last plane, what nearer layers left free; the last three blurred, HxW
            of the layer's target) -> HxW, the fraction of each pixel that the layer fills.
        inner: part of the picture that is wanted.
        corner: of `Layers.blur`.
        run: maps the blur over the layers; `map` of a pool for several at a time.

    Returns three of HxW of `inner`: light, times how much of each pixel is filled.
    """
    result = [np.zeros_like(through) for _ in range(3)]

    def seen(layer: Layer) -> tuple[Layer, list[Float]]:
        return layer, layers.blur(layer.planes, layer.index, layer.source, layer.target, corner)

    for layer, (*colors, cover, other) in run(seen, held):
        part = seen_from(layer.target, inner)
        fills = visible(layer, cover, other, through[part])
        fraction = fills / np.maximum(cover, 1e-4)
        for plane, color in zip(result, colors, strict=True):
            plane[part] += fraction * color
        through[part] -= fills
    return result


def source_of(target: Area, reach: float, shape: tuple[int, ...]) -> Area:
    """What a target is blurred from, begun where coarse pixels do, the same ones in every tile."""
    rows, columns = (slice(side.start - side.start % COARSEST, side.stop) for side in grown(target, reach, shape))
    return rows, columns
