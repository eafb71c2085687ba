"""A photo with a depth map seen through a wide lens, at full size, tile by tile.

once          1. signed blur radius of every pixel, small: K * (focus - disparity), negative in front of the focus
              2. a second surface behind the near side of every edge (`image/disocclusion.py`)
for a tile    3. the photo's light with clipped lamps raised; the radius at full size
              4. edges in depth: how far each pixel belongs to the near side, and the near side's own colour
              5. layers of equal blur, far to near, each blurred by its one radius and laid over those before
                 (4 and 5: `lens/depth_layers.py`)
              6. grain put back; what was not blurred stays the photo's own
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from wideopen._types import Float, Pixels
from wideopen.image.disocclusion import clean_rim, find_hidden
from wideopen.image.grain import Grain
from wideopen.image.photo_light import PhotoLight
from wideopen.image.resize import enlarge_part, resize
from wideopen.image.tiles import Area, grown, scaled, seen_from, tiles
from wideopen.image.tone_curve import ToneCurve
from wideopen.lens import depth_layers
from wideopen.lens.apertures import SHARP_RADIUS_PX
from wideopen.lens.compositor import COARSEST, Layers
from wideopen.lens.defocus import signed_bank
from wideopen.lens.highlights import CLIPPED, find_surroundings, raise_lamps
from wideopen.lens.lens_settings import LensSettings

DepthAt = Callable[[slice, slice, Pixels], Float]

TILE_PX = 512
LAYER_GROWTH = 1.1
"""Radius of one layer of equal blur as a multiple of the one before."""
SPREAD_LEVELS, SMOOTH = 24, 0.125
"""How finely the reach of blurs is told apart, and half the side of the window it is smoothed in, as a fraction of the
largest radius."""
SMALL_PX = 768
"""Long side at which the second surface is found."""


@dataclass(frozen=True)
class _Scene:
    """What all tiles share, of a lens without axial colour."""

    lens: LensSettings
    layers: Layers
    farthest: Float
    """hxw, small: the largest radius (px of the full size) whose disc reaches each place."""
    hidden: Float
    """hxwx4, small: the second surface's light and place among the layers."""
    clean: Float
    """hxwx3, small: the photo's light, without the near side's on the far side of edges."""
    surroundings: Float
    """hxw, small: how bright it is around lamps."""
    edge_px: int
    exact: bool
    """Whether the map is as large as the photo."""
    photo_light: PhotoLight


def render_depth(
    pixels: Pixels,
    disparity: Float,
    depth_at: DepthAt,
    lens: LensSettings,
    grain: Grain | None = None,
    curve: ToneCurve | None = None,
    photo_light: PhotoLight | None = None,
) -> Pixels:
    """See a photo through a lens.

    Args:
        pixels: HxWx3 encoded by `curve`: uint8, uint16, or float32 in [0, 1].
        disparity: hxw float32, the photo's map at any size of its shape; larger is nearer.
        depth_at: (rows, columns, pixels there) -> disparity of a tile at full size (`guided_upsampling.Lifted.at`).
        lens: focused at one of the map's disparities.
        grain: put back where the lens took it; none if None.
        curve: of the photo's profile; sRGB's if None.
        photo_light: what the pixels stand for; light by `curve` if None.

    Returns HxWx3 of the photo's type; identical to the photo where nothing is blurred.
    """
    result = pixels.copy()
    photo_light = photo_light or PhotoLight(curve, pixels.dtype)
    surveyed = [(_survey(pixels, disparity, one, photo_light), colors) for one, colors in lens.for_colors()]
    scenes = [(scene, colors) for scene, colors in surveyed if scene is not None]
    if not scenes:
        return result

    def work(tile: Area) -> None:
        _render_tile(scenes, tile, pixels, depth_at, grain, result)

    # OpenCV and NumPy let go of the interpreter while they work.
    with ThreadPoolExecutor(max_workers=cv2.getNumThreads()) as pool:
        for _ in pool.map(work, tiles(pixels.shape, TILE_PX)):
            pass
    return result


def _survey(pixels: Pixels, disparity: Float, lens: LensSettings, photo_light: PhotoLight) -> _Scene | None:
    """Steps 1 and 2; None if nothing is blurred."""
    height, width = pixels.shape[:2]
    radius = lens.radius_in(np.ascontiguousarray(disparity, np.float32), (height, width))
    least, greatest = float(radius.min()), float(radius.max())
    if max(-least, greatest) <= SHARP_RADIUS_PX:
        return None
    scale = min(1.0, SMALL_PX / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    step = 2 * int(np.ceil(max(radius.shape[0] / size[0], 1.0))) + 1
    largest = cv2.dilate(np.abs(radius), np.ones((step, step), np.uint8))
    layers = Layers(signed_bank(least, greatest, LAYER_GROWTH), (height, width), lens.aperture)
    linear = photo_light.small(pixels, *size)
    surroundings = find_surroundings(linear)
    light = raise_lamps(linear, lens.highlight_gain, surroundings)
    # What a lens and a depth map leave undecided at an edge, to either side.
    edge = max(1, round(max(height, width) * 0.0007), round(0.75 * max(height, width) / max(radius.shape)))
    exact = min(radius.shape[0] - height, radius.shape[1] - width) >= -1
    rim = edge * scale + 1
    place = layers.place(depth_layers.settle(resize(radius, *size), int(np.ceil(rim))))
    color, behind = find_hidden(light, place, depth_layers.SAME_STEPS, max(-least, greatest) * scale + 2)
    clean = clean_rim(light, place, depth_layers.SAME_STEPS, rim)
    spread = _spread(cv2.resize(largest, size[::-1], interpolation=cv2.INTER_NEAREST), scale)
    return _Scene(lens, layers, spread, np.dstack([color, behind]), clean, surroundings, edge, exact, photo_light)


def _spread(largest: Float, scale: float) -> Float:
    """The largest radius of all whose disc reaches a place (px of the full size), hxw small, smooth."""
    found = largest
    levels = np.linspace(0, float(largest.max()), SPREAD_LEVELS + 1)
    # The mean at the end would lower what is within half its window of a disc's rim.
    half = int(np.ceil(SMOOTH * levels[-1] * scale))
    for least, most in zip(levels[:-1], levels[1:], strict=True):
        # No disc of this level reaches farther than its largest.
        reach = 2 * (int(np.ceil(most * scale)) + half) + 1
        strong = np.where((largest > least) & (largest <= most), largest, 0.0).astype(np.float32)
        if strong.any():
            found = np.maximum(found, cv2.dilate(strong, np.ones((reach, reach), np.uint8)))
    side = 2 * half + 1
    return np.maximum(cv2.blur(found, (side, side), borderType=cv2.BORDER_REFLECT), largest)


def _render_tile(
    scenes: list[tuple[_Scene, slice]],
    tile: Area,
    pixels: Pixels,
    depth_at: DepthAt,
    grain: Grain | None,
    result: Pixels,
) -> None:
    """Steps 3 to 6 for one tile, written into the result; every scene draws its channels."""
    drawn = [(_draw_tile(scene, tile, pixels, depth_at), colors) for scene, colors in scenes]
    found = [(*one, colors) for one, colors in drawn if one is not None]
    if not found:
        return
    photo_light = scenes[0][0].photo_light
    seen, blurred, _ = found[0]
    if len(scenes) > 1:
        seen, blurred = np.array(photo_light.light(pixels[tile], tile)), np.zeros_like(blurred)
        for of_colors, blurred_too, colors in found:
            seen[..., colors], blurred = of_colors[..., colors], np.maximum(blurred, blurred_too)
    encoded = photo_light.pixels(seen, tile)
    if grain is not None:
        encoded = grain.add(encoded, blurred, tile)
    np.copyto(result[tile], encoded, where=(blurred > 0)[..., None])


def _draw_tile(scene: _Scene, tile: Area, pixels: Pixels, depth_at: DepthAt) -> tuple[Float, Float] | None:
    """Steps 3 to 5: light HxWx3, and how far (0 to 1) each pixel is blurred, HxW; None if nothing is."""
    reach = _reach(scene, tile, pixels.shape)
    if reach == 0:
        return None
    around = grown(tile, reach, pixels.shape)
    photo = pixels[around]
    radius = scene.lens.radius_in(depth_at(*around, photo), pixels.shape, around)
    if np.abs(radius).max() <= SHARP_RADIUS_PX:
        return None
    light = _raised(scene, scene.photo_light.light(photo, around), around)
    inner = seen_from(tile, around)
    edges = depth_layers.find_edges(radius, scene.edge_px, scene.exact)
    near_edge = np.zeros(photo[inner].shape[:2]) if edges is None else _near_edge(scene, edges, tile, inner)
    seen: Float = np.zeros((*near_edge.shape, 3), np.float32)
    blurred: Float = np.zeros(near_edge.shape, np.float32)
    if near_edge.min() < 1:
        seen, blurred = depth_layers.gather(scene.layers, light, radius, tile, inner)
    if edges is not None and near_edge.max() > 0:
        hidden, clean = (enlarge_part(small, around, pixels.shape) for small in (scene.hidden, scene.clean))
        surface = depth_layers.matte(light, clean, radius, edges)
        there = depth_layers.composite(scene.layers, surface, hidden, tile, inner)
        seen = seen + near_edge[..., None] * (there[0] - seen)
        blurred = blurred + near_edge * (there[1] - blurred)
    return seen, blurred


def _raised(scene: _Scene, linear: Float, part: Area) -> Float:
    """A part of the photo in linear light with its lamps raised."""
    if scene.lens.highlight_gain <= 1 or float(linear.max(initial=0.0)) <= CLIPPED[0]:
        return linear
    return raise_lamps(linear, scene.lens.highlight_gain, enlarge_part(scene.surroundings, part, scene.layers.shape))


def _near_edge(scene: _Scene, edges: depth_layers.Edges, tile: Area, inner: Area) -> Float:
    """HxW of the tile, 1 where an edge can be seen in the blur, 0 where it cannot.

    Layers laid over one another are right at edges, the mean of each pixel's own disc on a surface that leans steeply.
    """
    distance = cv2.distanceTransform((~edges.mask).astype(np.uint8), cv2.DIST_L2, 5)[inner]
    largest = enlarge_part(scene.farthest, tile, scene.layers.shape)
    near: Float = ((1.25 - distance / np.maximum(largest + 2 * scene.edge_px, 1)) * 4).clip(0, 1).astype(np.float32)
    return near


def _reach(scene: _Scene, tile: Area, shape: tuple[int, ...]) -> int:
    """How far (px) around a tile light may come from; 0 if nothing there is blurred."""
    found = float(scene.farthest[scaled(tile, shape, scene.farthest.shape)].max())
    if found <= SHARP_RADIUS_PX:
        return 0
    reach = int(np.ceil(found)) + 4 * scene.edge_px + 2
    return reach + -reach % COARSEST
