"""A lens by ray sampling: slow and obvious, what the fast one is measured against.

For every pixel, rays through evenly spread points of a disc aperture meet the layers' planes front to back; colour
is gathered until nothing shines through any more. A pixel is a square of one colour. Planes are not clamped here.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen.lens.apertures import Aperture
from wideopen.lens.highlights import raise_lamps
from wideopen.lens.layered_lens import Layer

Array = NDArray[np.float64]


def aperture_points(count: int) -> Array:
    """`count` points spread evenly over the unit disc (a sunflower), (count, 2)."""
    index = np.arange(count) + 0.5
    radius, angle = np.sqrt(index / count), index * np.pi * (3.0 - np.sqrt(5.0))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def trace(
    layers: Sequence[Layer],
    blur_px_per_disparity: float,
    focus_disparity: float | tuple[float, float],
    gain: float = 1.0,
    rays: int = 1500,
    aperture: Aperture | None = None,
) -> Array:
    """HxWx3 linear light: the mean over the rays of what each sees. No optical vignetting.

    Focus may be a range, from its farthest disparity to its nearest: planes within it are met where they are, and those
    beyond by the end that they lie beyond. A plane that leans must not cross an end.
    """
    far, near = focus_disparity if isinstance(focus_disparity, tuple) else (focus_disparity, focus_disparity)
    height, width = layers[0].color.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    prepared = []
    for layer in layers:
        alpha = np.ones((height, width)) if layer.alpha is None else layer.alpha.astype(np.float64)
        color = raise_lamps(layer.color, gain)
        there = layer.plane.d0 + layer.plane.dx * x + layer.plane.dy * y
        rgba = np.dstack([color * alpha[..., None], alpha]).astype(np.float32)
        prepared.append((layer.plane, blur_px_per_disparity * (there - there.clip(far, near)), rgba))
    points = aperture_points(rays).astype(np.float32)
    # A point behind the plane in focus draws the opening as it is: u to the right and v, on the picture, down.
    let_through = (aperture or Aperture()).transmission(points[:, 0], -points[:, 1])
    total = np.zeros((height, width, 3))
    for (u, v), weight in zip(points[let_through > 0], let_through[let_through > 0], strict=True):
        seen, through = np.zeros((height, width, 3), np.float32), np.ones((height, width, 1), np.float32)
        for plane, at_center, rgba in prepared:
            # The ray through (u, v) meets the plane at p + (u, v) * s with s = K * (disparity there - focus):
            # linear in s, as the plane's disparity is linear in the place.
            lean = 1 / (1 - np.float32(blur_px_per_disparity) * (u * plane.dx + v * plane.dy))
            place = x + u * lean * at_center, y + v * lean * at_center
            met = cv2.remap(rgba, *place, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REFLECT)
            seen += through * met[..., :3]
            through = through * (1.0 - met[..., 3:])
        total += weight * seen
    return np.minimum(total / let_through.sum(dtype=np.float64), 1.0)
