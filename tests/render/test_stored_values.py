"""A small drawn photo through every kind of lens, as the mean of every 8 x 8 px was when pictures were last looked at.

Finer than `test_stored_pictures`, and without a network, whose numbers differ from processor to processor. Where a
change was meant, look at those pictures, and store these numbers anew:

    WIDEOPEN_UPDATE_GOLDEN=1 pytest tests/render/test_stored_values.py
"""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import icc
from lens_models import build_lens_model
from stored_numbers import check_as_stored, stored
from wideopen import Renderer, RenderOptions
from wideopen.lens import depth_lens, full_resolution, highlights
from wideopen.photo.depth_map import DepthMap
from wideopen.photo.photo import Photo
from wideopen.render import scene_rendering

HEIGHT, WIDTH, BLOCK = 96, 144, 8
NEAR, SHARE = 3, 0.99
"""So many of the means may differ by more than that, in units of 1/65535."""
GIVEN = ("depth", "matte", "alpha", "exif", "icc", "bits", "scale")
TAP, RANGE = {"focus": "0.8,0.4"}, {"focus": "0.5,0.5:0.8,0.4"}
STROKES = [
    {"kind": "keep", "points": [[0.75, 0.45], [0.85, 0.4]], "radius": 0.03},
    {"kind": "give", "points": [[0.42, 0.6], [0.5, 0.75]], "radius": 0.02},
]
CASES: dict[str, dict[str, Any]] = {
    "network": {"aperture": 0.7},
    "network, large": {"aperture": 0.6, "scale": 3},
    "network, behind": {"aperture": 0.6, **TAP},
    "network, range": {"aperture": 0.5, **RANGE},
    "network, further": {"aperture": 0.6, "also": "0.8,0.4"},
    "network, strokes": {"aperture": 0.6, "strokes": STROKES},
    "network, tilted": {"aperture": 0.6, "tilt": 40.0, "tilt_direction": 30.0},
    "network, coloured": {"aperture": 0.6, "axial": 1.0, "rim": 0.8, "blades": 5},
    "network, clear": {"aperture": 0.6, "alpha": True},
    "matte": {"aperture": 0.6, "matte": "soft", "vignette": 0.7, "highlights": 6.0},
    "matte, near": {"aperture": 0.6, "matte": "soft", "depth": "half", "focus": "near"},
    "matte, map": {"aperture": 0.6, "matte": "hard", "depth": "half", **TAP},
    "matte, map, large": {"aperture": 0.5, "matte": "hard", "depth": "half", "scale": 2, "grain": 0.0},
    "matte, clear": {"aperture": 0.6, "matte": "soft", "depth": "whole", "alpha": True},
    "map": {"aperture": 0.6, "depth": "whole", **TAP},
    "map, near": {"aperture": 0.5, "depth": "half", "focus": "near", "squeeze": 1.7, "rotate": 20.0},
    "map, far": {"aperture": 0.5, "depth": "half", "focus": "far", "ring": 0.3, "highlights": 8.0},
    "map, range": {"aperture": 0.6, "depth": "whole", **RANGE, "tilt": -15.0, "tilt_direction": 60.0},
    "map, deep": {"aperture": 0.9, "depth": "whole", "focus": "0.8,0.4@f/8", "blades": 6, "roundness": 0.4},
    "map, coloured": {"aperture": 1.2, "depth": "half", **TAP, "axial": -0.8, "rim": -0.6, "vignette": 0.5},
    "map, subject": {"aperture": 0.6, "depth": "whole", "lens": "photo", "exif": True},
    "map, metres": {"aperture": 0.7, "depth": "metres", "lens": "85mm", "focus": "100,40"},
    "map, nearest": {"depth": "half", "lens": "85mm", "nearest": 0.8, "focus": "far", "shape": True},
    "map, clear": {"aperture": 0.6, "depth": "half", "focus": "near", "alpha": True, "bits": 8},
    "map, clear, coloured": {"aperture": 0.6, "depth": "whole", "focus": "near", "alpha": True, "axial": 0.9},
    "map, gamma": {"aperture": 0.6, "depth": "whole", "focus": "far", "icc": True, "scale": 2},
    "map, 8 bits": {"aperture": 0.6, "depth": "half", "focus": "near", "bits": 8},
}


@cache
def drawn() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Photo in [0, 1], disparity and matte: a ground that recedes, a wall with lamps, a red ball before them and a grey
    post beside it."""
    rng = np.random.default_rng(7)
    down, across = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    texture = cv2.GaussianBlur(rng.random((HEIGHT, WIDTH, 3), np.float32), (0, 0), 1.2)
    photo = 0.1 + 0.5 * (texture - 0.3) + 0.2 * (down / HEIGHT)[..., None] * np.array([0.2, 0.8, 0.5], np.float32)
    disparity = np.maximum(0.1, 0.9 * down / HEIGHT - 0.2)
    for row, column in ((12, 20), (15, 70), (30, 40), (22, 130)):
        photo[row : row + 2, column : column + 3] = 1
    post = (np.abs(across - 115) < 6) & (np.abs(down - 45) < 35)
    photo[post], disparity[post] = 0.45 + 0.3 * (texture[post] - 0.5), 0.4
    matte = (26.5 - np.hypot(down - 52, across - 66)).clip(0, 1)
    ball = np.stack([0.9 - 0.2 * texture[..., 0], 0.3 * texture[..., 1], 0.25 + 0 * down], axis=2)
    photo += matte[..., None] * (ball - photo)
    disparity += np.where(matte > 0.5, 0.75 - disparity, 0)
    return photo.clip(0, 1), disparity.astype(np.float32), matte.astype(np.float32)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_lens_model(tmp_path_factory.mktemp("model") / "lens.onnx")


@pytest.fixture(scope="module")
def shape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A heart-like opening, as a picture."""
    picture = Image.new("L", (33, 31))
    picture.paste(255, (4, 6, 20, 28))
    picture.paste(160, (16, 2, 30, 16))
    picture.save(path := tmp_path_factory.mktemp("shape") / "shape.png")
    return path


def blocks(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Means in units of 1/65535, of as many blocks whatever the size."""
    size = (WIDTH // BLOCK, HEIGHT // BLOCK)
    return cv2.resize(pixels.astype(np.float32), size, interpolation=cv2.INTER_AREA) * (
        65535 / np.iinfo(pixels.dtype).max
    )


def seen(case: dict[str, Any], model: Path, shape: Path) -> NDArray[np.float32]:
    """Blocks of the picture, beside them those of its alpha, if it has one."""
    photo, disparity, matte = drawn()
    given = {name: case.get(name) for name in GIVEN}
    options = {name: value for name, value in case.items() if name not in (*GIVEN, "strokes", "shape")}
    if "shape" in case:
        options["shape"] = shape
    most = np.iinfo(np.uint8 if given["bits"] == 8 else np.uint16)
    size = WIDTH * (given["scale"] or 1), HEIGHT * (given["scale"] or 1)
    pixels = np.rint(cv2.resize(photo, size, interpolation=cv2.INTER_LINEAR) * most.max).astype(most.dtype)
    taken = Photo(pixels, icc=icc.profile(icc.gamma(1.8)) if given["icc"] else b"")
    if given["alpha"]:
        cover = (np.abs(disparity - 0.4) > 0.02).astype(np.float32)
        cover[4:30, 80:105] = 0  # A hole with a small thing in it.
        cover[14:17, 90:93] = 1
        cover = cv2.GaussianBlur(cover, (0, 0), 0.5)
        taken = replace(taken, alpha=np.rint(cover * most.max).astype(most.dtype))
    if given["exif"]:
        exif = Image.Exif()
        exif.get_ifd(0x8769).update({0x920A: 50.0, 0xA405: 50, 0x829D: 2.0, 0x9206: 1.7})
        taken = replace(taken, exif=exif.tobytes())
    depth = {
        "whole": lambda: disparity,
        "half": lambda: cv2.resize(disparity, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA),
        "metres": lambda: DepthMap(disparity * np.float32(0.8), metric=True),
    }.get(given["depth"] or "", lambda: None)()
    held = {"soft": cv2.GaussianBlur(matte, (0, 0), 1.5), "hard": (matte > 0.5).astype(np.float32)}
    renderer = Renderer(RenderOptions(model=model, threads=1, **options))
    if "strokes" in case:
        renderer = renderer.with_strokes(case["strokes"])
    done, _ = renderer.render_photo(taken, depth, held.get(given["matte"] or ""))
    return np.dstack([blocks(done.pixels), *([] if done.alpha is None else [blocks(done.alpha)])])


@pytest.fixture(autouse=True)
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What large photos go through: tiles, strips, and smaller pictures to look at."""
    monkeypatch.setattr(depth_lens, "TILE_PX", 64)
    monkeypatch.setattr(depth_lens, "SMALL_PX", WIDTH * 3 // 4)
    monkeypatch.setattr(highlights, "WORKING_PX", WIDTH * 3 // 4)
    monkeypatch.setattr(full_resolution, "STRIP_PIXELS", 40 * WIDTH)
    monkeypatch.setattr(scene_rendering, "CANVAS_SIDE", WIDTH * 5 // 4)


@pytest.mark.parametrize("name", list(CASES))
def test_as_stored(name: str, model: Path, shape: Path) -> None:
    now = np.rint(seen(CASES[name], model, shape)).astype(np.uint16)
    check_as_stored("values", name, now, near=NEAR, share=SHARE)


def test_each_is_another_picture() -> None:
    kept = stored("values")
    assert kept.keys() == CASES.keys()
    pictures = [picture[..., :3].astype(float) for picture in kept.values()]
    for index, picture in enumerate(pictures):
        assert all(np.abs(picture - other).mean() > 20 for other in pictures[:index])
