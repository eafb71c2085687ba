"""Dim scenes with lamps, and with what is bright but no lamp, in linear light."""

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


def dusk(height: int = 200, width: int = 300) -> Float:
    """A dim scene with some texture, linear light."""
    rng = np.random.default_rng(0)
    return (0.05 + 0.1 * rng.random((height, width, 3))).astype(np.float32)


def with_lamps(size: int, light: float | tuple[float, float, float] = 1.0) -> Float:
    scene = dusk()
    for row, column in ((40, 60), (100, 150), (20, 250), (150, 40)):
        scene[row : row + size, column : column + size] = light
    return scene


def paint() -> dict[str, Float]:
    """Bright things that are no lamps."""
    scenes = {
        "yellow": with_lamps(5, (1.0, 0.9, 0.1)),
        "red petals": with_lamps(5, (1.0, 0.3, 0.4)),
        "pale": with_lamps(5, 0.85),
        "large": with_lamps(40),
    }
    fence, across, diagonal, tiles = dusk(), dusk(), dusk(), dusk()
    fence[:, ::25] = fence[:, 1::25] = 1.0
    across[100:104] = 1.0
    cv2.line(diagonal, (0, 0), (199, 199), (1.0, 1.0, 1.0), 3)
    tiles[(np.indices((200, 300)) // 5).sum(axis=0) % 2 == 0] = 1.0
    sky = dusk()
    sky[:100] = 1.0
    return scenes | {"fence": fence, "rail": across, "diagonal": diagonal, "tiles": tiles, "sky": sky}


def spots(fraction: float) -> Float:
    """White spots that fill a fraction of a photo."""
    scene = dusk(400, 400)
    count = round(fraction * 400 * 400 / 16)
    places = [(row, column) for row in range(8, 388, 12) for column in range(8, 388, 12)]
    for row, column in places[:count]:
        scene[row : row + 4, column : column + 4] = 1.0
    return scene
