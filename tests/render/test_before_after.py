"""A photo and its result in one picture."""

import numpy as np
import pytest

from wideopen.photo.photo import Photo
from wideopen.render.before_after import before_after

DARK, LIGHT = 40, 200


def pair(height: int, width: int, dtype: type = np.uint8, alpha: bool = False) -> tuple[Photo, Photo]:
    cover = np.full((height, width), np.iinfo(dtype).max // 2, dtype) if alpha else None
    taken = Photo(np.full((height, width, 3), DARK, dtype), cover, icc=b"profile", exif=b"its own")
    return taken, taken.with_pixels(np.full((height, width, 3), LIGHT, dtype))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_side_by_side(dtype: type) -> None:
    found = before_after(*pair(30, 50, dtype), "side")
    assert found.pixels.shape == (30, 102, 3) and found.pixels.dtype == dtype
    assert (found.pixels[:, :50] == DARK).all() and (found.pixels[:, 52:] == LIGHT).all()
    assert (found.pixels[:, 50:52] == np.iinfo(dtype).max).all()
    assert (found.icc, found.exif) == (b"profile", b"")


@pytest.mark.parametrize("alpha", [False, True])
def test_split(alpha: bool) -> None:
    found = before_after(*pair(30, 50, alpha=alpha), "split")
    assert found.pixels.shape == (30, 50, 3)
    assert (found.pixels[:, :24] == DARK).all() and (found.pixels[:, 26:] == LIGHT).all()
    assert (found.pixels[:, 24:26] == 255).all()
    assert (found.alpha is None) != alpha


@pytest.mark.parametrize("size", [(1700, 300), (300, 1700), (850, 1600)])
def test_the_line_is_a_four_hundredth_of_the_long_side(size: tuple[int, int]) -> None:
    found = before_after(*pair(*size), "split").pixels
    white = np.flatnonzero((found == 255).all(axis=(0, 2)))
    assert white.tolist() == list(range((size[1] - 4) // 2, (size[1] - 4) // 2 + 4))


@pytest.mark.parametrize(("size", "style"), [((3000, 4000), "side"), ((4000, 3000), "side"), ((5000, 100), "split")])
def test_large_ones_are_made_smaller_and_keep_their_shape(size: tuple[int, int], style: str) -> None:
    found = before_after(*pair(*size), style).pixels  # type: ignore[arg-type]
    height, width = found.shape[:2]
    line, parts = (found == 255).all(axis=(0, 2)).sum(), 2 if style == "side" else 1
    assert max(height, width - line * (parts - 1)) == 4096
    assert height / (width / parts) == pytest.approx(size[0] / size[1], rel=0.02)


@pytest.mark.parametrize("style", ["side", "split"])
def test_one_pixel(style: str) -> None:
    assert before_after(*pair(1, 1), style).pixels.shape[0] == 1  # type: ignore[arg-type]
