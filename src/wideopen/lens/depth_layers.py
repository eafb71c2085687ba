"""A surface cut into layers of equal blur, each blurred by its one radius and laid under the nearer ones.

A continuous surface crosses many layers. So that no gap opens between them each layer goes on under the nearer ones:
with the surface's own colour as long as that is the same surface, with the second surface behind an edge. What goes on
like that counts once, however many layers it lies in.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float
from wideopen.image.tiles import Area, box, common, grown, seen_from
from wideopen.lens.apertures import SHARP_RADIUS_PX
from wideopen.lens.compositor import Layer, Layers, lay_over, source_of

SAME_STEPS = 1.5
"""Layers so close to one another in the bank are one surface."""
LEAN_STEPS = 3.0
"""A leaning surface goes on under as many layers as it crosses within so many pixels."""
EDGE_PX = 2.0
"""Blur radii that differ by more than this within an edge's width are two surfaces."""
BLOCK_PX = 16
"""Layers are looked for in blocks of this side."""
LEAST = 2e-3
"""Less blur than this is none, and less light than this is not followed."""
GAP_PX = 5.0
"""Layers of 2 px less blur than that close gaps only as far around what they hold as their discs reach."""
GAP_LIMIT = 16.0
"""A layer closes a gap in nearer ones as far as so many times what it holds itself."""


@dataclass(frozen=True)
class Edges:
    """Where the depth steps."""

    near: Float
    """HxW, the least signed radius within an edge's width."""
    far: Float
    """HxW, the greatest."""
    exact: bool = True
    """Whether the map has a value of its own for every pixel of the photo."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """HxW, where there is one."""
        return self.far - self.near > EDGE_PX


@dataclass(frozen=True)
class Surface:
    """What is seen first, HxW(x3): light, opacity, signed radius (px), the greatest one beside it, how steeply the
    radius changes (px for each px), and how far it is from a neighbour's on the same surface (px)."""

    light: Float
    alpha: Float
    radius: Float
    beside: Float
    slope: Float
    roughness: Float


def settle(radius: Float, width_px: int) -> Float:
    """A map of signed radii without the values in between that its edges have: each goes to the closer side."""
    edges = find_edges(radius, width_px)
    if edges is None:
        return radius
    closer = np.where(radius - edges.near < edges.far - radius, edges.near, edges.far)
    return np.where(edges.far - edges.near > EDGE_PX, closer, radius).astype(np.float32)


def find_edges(radius: Float, width_px: int, exact: bool = True) -> Edges | None:
    """Edges in a map of signed radii; None if there are none. `exact`: see `Edges`."""
    square = np.ones((2 * width_px + 1, 2 * width_px + 1), np.uint8)
    near, far = cv2.erode(radius, square), cv2.dilate(radius, square)
    return Edges(near, far, exact) if (far - near).max() > EDGE_PX else None


def matte(light: Float, clean: Float, radius: Float, edges: Edges) -> Surface:
    """Opacity of the nearer surface at edges, and the radius without values in between.

    Between the least and the greatest radius within an edge's width, the share of the nearer one is the opacity. The
    nearer surface keeps the photo's own colours: taking the far side's out of them draws a line wherever the map's edge
    is a few pixels off.

    `clean`: HxWx3, light for the far side of edges without the near side's colours, taken where either side will be
    blurred.
    """
    span = edges.far - edges.near
    at_edge = edges.mask
    share: Float = np.where(at_edge, (edges.far - radius) / np.maximum(span, 1e-6), 1.0).astype(np.float32)
    # Where the nearer side is blurred its edge is as soft as a photo's own is; what that gives to pixels beyond it has
    # the nearer side's colours, so that thin things keep all of their light. A map that was enlarged is wrong about
    # single pixels: there the mean of all around counts, in focus, too.
    soft = ((np.abs(edges.near) - SHARP_RADIUS_PX) / 2).clip(0.0, 1.0) if edges.exact else np.float32(1.0)
    soft = np.where(at_edge, soft, 0.0)
    soften = _soften if edges.exact else _mean
    mean = soften(share)
    of_near = soften(share[..., None] * light) / np.maximum(mean, 1e-3)[..., None]
    softened = share + soft * (mean - share)
    nearer = softened > 0.1
    beyond = np.where(nearer, soft * (1 - share), 0.0)[..., None]
    near_light = light + beyond * (of_near - light)
    share = softened
    alpha = np.where(at_edge & nearer, np.minimum((share - 0.1) / 0.8, 1.0), 1.0).astype(np.float32)
    settled = np.where(at_edge, np.where(nearer, edges.near, edges.far), radius).astype(np.float32)
    # The photo's pixels beside an edge hold colours of both sides: those of the farther one are kept where both are
    # sharp.
    blur = np.maximum(np.abs(settled), np.abs(edges.near))
    stray = np.where(at_edge & ~nearer, np.clip((blur - SHARP_RADIUS_PX) / 2, 0.0, 1.0), 0.0)[..., None]
    return Surface(
        (near_light + stray * (clean - near_light)).astype(np.float32), alpha, settled, edges.far, *_slope(radius)
    )


def _mean(values: Float) -> Float:
    """The mean of a pixel and its eight neighbours."""
    found: Float = cv2.blur(values, (3, 3), borderType=cv2.BORDER_REFLECT)
    return found


def _soften(values: Float) -> Float:
    """The mean of a pixel and its neighbours by weights 1, 2, 1 along each axis: what a pixel that an edge crosses
    anywhere shows of either side on average."""
    found: Float = cv2.GaussianBlur(values, (3, 3), 0.0, borderType=cv2.BORDER_REFLECT)
    return found


def gather(layers: Layers, light: Float, radius: Float, tile: Area, inner: Area) -> tuple[Float, Float]:
    """A tile of one surface without edges: every pixel the mean of the disc around it.

    Args:
        light, radius: of the tile and what lies around it.
        tile: where the tile lies in the photo; `inner`: where it lies in `light`.

    Returns light HxWx3, and how far (0 to 1) each pixel is blurred, HxW.
    """
    own = layers.place(radius[inner])
    planes = cv2.split(light)
    result: Float = np.zeros((*own.shape, 3), np.float32)
    corner = slice(-inner[0].start, 0), slice(-inner[1].start, 0)
    ranges = [_block_range(own)]
    for layer in _present(own):
        part = _content(ranges, layer, own.shape)
        if part is None:
            continue
        share = np.maximum(1 - np.abs(own[part] - layer), 0)
        target = seen_from(part, corner)
        source = source_of(target, abs(layers.radius(layer)) + 4, light.shape)
        seen = layers.blur([plane[source] for plane in planes], layer, source, target, _corner(tile, inner))
        result[part] += cv2.merge([share * plane for plane in seen])
    return result, np.clip(np.abs(radius[inner]) - SHARP_RADIUS_PX, 0.0, 1.0)


def composite(layers: Layers, surface: Surface, hidden: Float, tile: Area, inner: Area) -> tuple[Float, Float]:
    """A tile with edges; arguments and result as of `gather`.

    `hidden`: HxWx4, light and place among the layers of the second surface.
    """
    own = layers.place(surface.radius)
    # Where there is no second surface the first goes on: exactly, not as the small map has it.
    lone = hidden[..., 3] > own - SAME_STEPS
    under = np.where(lone, -1, hidden[..., 3])
    alpha = np.where(lone, 1, surface.alpha).astype(np.float32)
    # How far under nearer layers the first surface goes on.
    down = np.maximum(SAME_STEPS, LEAN_STEPS * surface.slope / layers.step(surface.radius))
    foot = np.where(lone, -1, own - down)
    # Beside a soft edge lies the same surface, only a little farther, through which nothing shines.
    soft = ~lone & (surface.beside - surface.radius > EDGE_PX)
    beside = layers.place(surface.beside[soft])
    stays = beside > under[soft] + SAME_STEPS
    alpha[soft] = np.where(stays, 1, alpha[soft])
    foot[soft] = np.where(stays, np.minimum(foot[soft], beside), foot[soft])
    lean = np.minimum(surface.roughness * np.maximum(np.abs(surface.radius), 1.0) / layers.step(surface.radius), 1.0)
    light, second = cv2.split(surface.light), cv2.split(hidden)[:3]
    blurred: Float = np.zeros(own[inner].shape, np.float32)
    through = np.ones_like(blurred)
    places = own, np.where(lone, own, under)
    ranges = [_block_range(place) for place in places]

    def held() -> Iterator[Layer]:
        for layer in reversed(_present(*places)):
            reach = abs(layers.radius(layer)) + 2
            holds = _content(ranges, layer, own.shape)
            target = None if holds is None else common(grown(holds, reach, own.shape), inner)
            if target is None or through[seen_from(target, inner)].max() < LEAST:
                continue
            source = source_of(target, reach, own.shape)
            mine, behind, fresh = _shares(alpha[source], own[source], under[source], foot[source], layer)
            planes = [plane[source] * mine for plane in light]
            if behind.any():
                planes = [plane + other[source] * behind for plane, other in zip(planes, second, strict=True)]
                mine += behind
            yield Layer(layer, source, target, [*planes, mine, fresh])

    def visible(layer: Layer, cover: Float, new: Float, through_nearer: Float) -> Float:
        radius, leaning = abs(layers.radius(layer.index)), None
        if (fresh_leaning := layer.planes[-1] * lean[layer.source]).any():
            around = radius + 2 if radius + 2 >= GAP_PX else max(radius, 1.0)
            leaning = _box_mean(fresh_leaning, around)[seen_from(layer.target, layer.source)]
        fills = _visible(cover, new, leaning, through_nearer)
        if (amount := min(max(radius - SHARP_RADIUS_PX, 0.0), 1.0)) > 0:
            blurred[seen_from(layer.target, inner)] += amount * fills
        return fills

    result = lay_over(layers, held(), through, visible, inner, _corner(tile, inner))
    filled = np.maximum(1 - through, 1e-3)
    blurred /= filled
    return cv2.merge([plane / filled for plane in result]), np.where(blurred > LEAST, blurred, 0.0)


def _corner(tile: Area, inner: Area) -> tuple[int, int]:
    """Row and column of the photo at which a tile's surroundings begin."""
    return tile[0].start - inner[0].start, tile[1].start - inner[1].start


def _slope(radius: Float) -> tuple[Float, Float]:
    """How steeply a map changes from pixel to pixel, and how much a pixel differs from its neighbours at all, HxW.

    Along each axis the slope is the smaller of the steps to either side, and none where they have opposite signs: so
    flat things do not count as leaning at their edges, however thin they are. Steps too small for an edge are within a
    surface, whatever their signs.
    """
    steepest, roughest = np.zeros_like(radius), np.zeros_like(radius)
    for axis in (0, 1):
        step = np.diff(radius, axis=axis, append=np.take(radius, [-1], axis))
        before = np.roll(step, 1, axis)
        slope = np.where(step * before > 0, np.minimum(np.abs(step), np.abs(before)), 0.0)
        steepest = np.maximum(steepest, slope)
        for beside in (np.abs(step), np.abs(before)):
            roughest = np.maximum(roughest, np.where(beside <= EDGE_PX, beside, slope))
    return steepest, roughest


def _box_mean(values: Float, reach: float) -> Float:
    """The mean in the square around each pixel that reaches as far to every side."""
    side = 2 * int(np.ceil(reach)) + 1
    return cv2.blur(values, (side, side), borderType=cv2.BORDER_REFLECT)


def _visible(cover: Float, new: Float, leaning: Float | None, through: Float) -> Float:
    """The share of each pixel that a layer fills, HxW, 0 to `through`.

    `cover` is how much the layer covers, `new` how much of that does not lie in nearer layers as well, `leaning` how
    much of what is new around there belongs to surfaces that cross layers (None for nothing), `through` what nearer
    layers left free. Whatever else is in nearer layers may lie anywhere before the new part. But where they left a gap
    in a leaning surface that goes on under them, it is closed.
    """
    under = np.maximum(cover - new, 0)
    laid_over = new * np.minimum(through / np.maximum(1 - under, 1e-4), 1)
    if leaning is None:
        return np.asarray(np.minimum(np.maximum(laid_over, 0), through))
    # Where the layer holds nothing new it was perhaps not looked at: which layers are depends on the tile.
    gap = np.minimum(cover - (1 - through), GAP_LIMIT * leaning)
    return np.asarray(np.minimum(np.maximum(np.maximum(laid_over, gap), 0), through))


def _block_range(place: Float) -> tuple[Float, Float]:
    """Least and greatest place in every BLOCK_PX x BLOCK_PX block."""
    height, width = place.shape
    padded = np.pad(place, ((0, -height % BLOCK_PX), (0, -width % BLOCK_PX)), mode="edge")
    blocks = padded.reshape(padded.shape[0] // BLOCK_PX, BLOCK_PX, -1, BLOCK_PX)
    return blocks.min(axis=(1, 3)), blocks.max(axis=(1, 3))


def _content(ranges: list[tuple[Float, Float]], layer: int, shape: tuple[int, ...]) -> Area | None:
    """The part of the picture, by blocks, around all that lies in a layer."""
    holds = box(np.logical_or.reduce([(low < layer + 1) & (high > layer - 1) for low, high in ranges]))
    if holds is None:
        return None
    rows, columns = (
        slice(side.start * BLOCK_PX, min(side.stop * BLOCK_PX, length))
        for side, length in zip(holds, shape, strict=False)
    )
    return rows, columns


def _shares(alpha: Float, own: Float, under: Float, foot: Float, layer: int) -> tuple[Float, Float, Float]:
    """What a layer holds of the first surface and of the second, both with what lies in nearer layers but goes on
    under them; and what it holds of either for the first time. All HxW in 0..1."""
    floor = np.float32(layer - 1)
    mine = (own - floor).clip(0, 1)
    mine *= alpha
    mine[foot > layer] = 0
    free = 1 - mine
    behind = (under - floor).clip(0, 1)
    behind *= free
    fresh = alpha * (1 - np.abs(own - layer)).clip(0, 1) + free * (1 - np.abs(under - layer)).clip(0, 1)
    return mine, behind, fresh


def _present(*places: Float) -> list[int]:
    """Layers that hold anything, farthest first."""
    found = set()
    for place in places:
        lower = np.bincount(place.ravel().astype(np.intp))
        # A place between two layers is in both.
        above = np.bincount(np.ceil(place).ravel().astype(np.intp))
        found |= {*np.flatnonzero(lower).tolist(), *np.flatnonzero(above).tolist()}
    return sorted(found)
