"""Small pictures of every kind of scene and lens, as they were drawn when they were last looked at.

What other tests ask of the lens holds for many lenses; these notice any change. Where one was meant, look at the old
and the new pictures beside each other, and store the new:

    WIDEOPEN_UPDATE_GOLDEN=1 pytest tests/render/test_stored_pictures.py
"""

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wideopen.options import RenderOptions
from wideopen.render.renderer import Renderer

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
STORED = Path(__file__).parents[1] / "golden" / "pictures"
LONG_SIDE = 352
MEAN, MOST, SHARE = 0.05, 2, 0.999
"""A picture may differ by so much in the mean, and this share of its values by at most `MOST`, in units of 1/255:
processors round differently, and a pixel on the border between two layers may go to either."""

DRAWN = str(EXAMPLES / "training" / "mattes" / "Canon_EOS_REBEL_T3i.png")
OF_PATH = {"depth": str(EXAMPLES / "path-depth.png")}
OF_WHALE = {"depth": str(EXAMPLES / "whale-depth.png")}

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "network": ("scooter.jpg", {}),
    "network-tap-behind": ("statue.jpg", {"aperture": 2.0, "focus": "0.15,0.8"}),
    "network-cairn": ("cairn.jpg", {"aperture": 2.8, "lens": "phone"}),
    "matte-drawn": ("training/photos/Canon_EOS_REBEL_T3i.jpg", {"matte": DRAWN, "aperture": 1.4, "blades": 5}),
    "matte-faint": ("dog.jpg", {"matte": str(EXAMPLES / "whale-depth.png"), "aperture": 2.0, "invert_matte": True}),
    "map-far": ("path.jpg", {**OF_PATH, "aperture": 1.4, "focus": "far"}),
    "map-tap": ("path.jpg", {**OF_PATH, "aperture": 1.8, "focus": "0.5,0.6", "lens": "85mm", "blades": 6}),
    "map-near": ("whale.jpg", {**OF_WHALE, "aperture": 1.4, "focus": "near", "squeeze": 1.6, "vignette": 0.8}),
    "map-ring": ("whale.jpg", {**OF_WHALE, "focus": "far", "ring": 0.4, "highlights": 8.0}),
    "map-enlarged": ("whale.jpg", {**OF_WHALE, "aperture": 1.4, "focus": "0.4,0.5"}),
    "map-metres": ("path.jpg", {**OF_PATH, "depth_kind": "distance", "depth_unit": 0.1, "aperture": 1.4}),
    "map-and-network": ("whale.jpg", {**OF_WHALE, "matte": "auto", "aperture": 1.4, "blades": 7, "roundness": 0.5}),
}


def drawn(photo: str, options: dict[str, Any], enlarged: bool = False) -> NDArray[np.uint8]:
    """The middle of a picture; of a photo that is smaller than its map, or, if that is `enlarged`, twice as large."""
    with Image.open(EXAMPLES / photo) as whole:
        if not enlarged:
            whole.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.BOX)
        picture = np.asarray(Renderer(RenderOptions(threads=1, **options)).render(whole.convert("RGB")))
    rows, columns = (slice(max(0, (side - LONG_SIDE) // 2), (side + LONG_SIDE) // 2) for side in picture.shape[:2])
    return picture[rows, columns]


@pytest.mark.parametrize("name", list(CASES))
def test_as_stored(name: str) -> None:
    now, file = drawn(*CASES[name], enlarged=name.endswith("enlarged")), STORED / f"{name}.png"
    if os.environ.get("WIDEOPEN_UPDATE_GOLDEN"):
        Image.fromarray(now).save(file, optimize=True)
    with Image.open(file) as stored:
        difference = cv2.absdiff(np.asarray(stored), now)
    assert difference.mean() <= MEAN and (difference <= MOST).mean() >= SHARE, (difference.mean(), difference.max())


def test_each_is_another_picture() -> None:
    pictures = [cv2.imread(str(STORED / f"{name}.png")) for name in CASES]
    for index, picture in enumerate(pictures):
        for other in pictures[:index]:
            assert other.shape != picture.shape or cv2.absdiff(other, picture).mean() > 1
