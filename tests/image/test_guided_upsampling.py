"""A small map lifted to the photo's edges against the full-size map it was made from."""

import resource
import sys
import time

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen.image import guided_upsampling
from wideopen.image.guided_upsampling import Lifted


def draw(height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A photo of a textured disc before a textured floor, and its disparity."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    disc = (x - 0.4 * width) ** 2 + (y - 0.5 * height) ** 2 < (0.3 * height) ** 2
    texture = cv2.GaussianBlur(rng.standard_normal((height, width, 3)).astype(np.float32), (0, 0), 2)
    texture *= 0.05 / texture.std()
    colour = np.where(disc[..., None], [0.7, 0.5, 0.4] + texture[::-1], [0.2, 0.4, 0.6] + texture)
    return np.rint(colour.clip(0, 1) * 255).astype(np.uint8), np.where(disc, 0.9, 0.2 + 0.2 * y / height)


def shrink(disparity: NDArray, factor: int) -> NDArray[np.float32]:
    height, width = disparity.shape
    size = (round(width / factor), round(height / factor))
    return cv2.resize(disparity.astype(np.float32), size, interpolation=cv2.INTER_AREA)


def in_tiles(lifted: Lifted, photo: NDArray, height: int, width: int) -> NDArray[np.float32]:
    whole = np.full(photo.shape[:2], np.nan, np.float32)
    for top in range(0, photo.shape[0], height):
        for left in range(0, photo.shape[1], width):
            rows = slice(top, min(top + height, photo.shape[0]))
            columns = slice(left, min(left + width, photo.shape[1]))
            whole[rows, columns] = lifted.at(rows, columns, photo[rows, columns])
    return whole


@pytest.mark.slow
@pytest.mark.parametrize("models", [1 << 20, 1 << 14])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_tiles_make_no_difference(dtype: type, models: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither where the photo is as large as the models nor where it is larger."""
    monkeypatch.setattr(guided_upsampling, "WORKING_PIXELS", models)
    photo, disparity = draw(163, 229)
    photo = {np.uint8: photo, np.uint16: photo.astype(np.uint16) * 257}.get(dtype, photo.astype(np.float32) / 255)
    lifted = Lifted(shrink(disparity, 7), photo)
    whole = lifted.at(slice(0, 163), slice(0, 229), photo)
    assert whole.dtype == np.float32 and whole.shape == (163, 229)
    for height, width in ((163, 64), (50, 229), (17, 23), (1, 229), (163, 1)):
        np.testing.assert_array_equal(in_tiles(lifted, photo, height, width), whole)


def test_types_of_photos_agree() -> None:
    photo, disparity = draw(160, 200)
    small = shrink(disparity, 8)
    forms = [photo, photo.astype(np.uint16) * 257, photo.astype(np.float32) / 255]
    eight, sixteen, real = (Lifted(small, each).at(slice(0, 160), slice(0, 200), each) for each in forms)
    np.testing.assert_allclose(sixteen, eight, atol=2e-3)  # OpenCV rounds 8-bit averages to whole steps.
    np.testing.assert_allclose(real, sixteen, atol=1e-3)


@pytest.mark.parametrize("size", [(600, 800), (1500, 2000)])
def test_edges_lie_where_the_photo_has_them(size: tuple[int, int]) -> None:
    photo, disparity = draw(*size)
    small = shrink(disparity, 8)
    lifted = Lifted(small, photo).at(slice(0, size[0]), slice(0, size[1]), photo)
    plain = cv2.resize(small, size[::-1], interpolation=cv2.INTER_LINEAR)
    subject = (disparity > 0.6).astype(np.uint8)
    to_edge = np.maximum(*(cv2.distanceTransform(side, cv2.DIST_L2, 5) for side in (subject, 1 - subject)))
    wrong_side = (lifted > 0.6) != (disparity > 0.6)
    assert not wrong_side[to_edge > 2].any()
    far_off = np.abs(lifted - disparity) > 0.1
    assert far_off.mean() < 0.1 * (np.abs(plain - disparity) > 0.1).mean()
    assert np.abs(lifted - disparity).mean() < 0.5 * np.abs(plain - disparity).mean()


def test_no_depth_is_invented() -> None:
    photo, disparity = draw(400, 500)
    small = shrink(disparity, 8)
    lifted = Lifted(small, photo).at(slice(0, 400), slice(0, 500), photo)
    assert lifted.min() >= small.min() - 1e-6 and lifted.max() <= small.max() + 1e-6
    flat = np.full((50, 63), 0.25, np.float32)
    np.testing.assert_allclose(Lifted(flat, photo).at(slice(0, 400), slice(0, 500), photo), 0.25, atol=1e-6)


def test_texture_does_not_print_through_a_slope() -> None:
    photo, _ = draw(600, 800)
    slope = np.repeat(np.linspace(0, 1, 600, dtype=np.float32)[:, None], 800, axis=1)
    lifted = Lifted(shrink(slope, 8), photo).at(slice(0, 600), slice(0, 800), photo)
    assert np.abs(lifted - slope).mean() < 0.005


@pytest.mark.parametrize("shape", [(200, 300), (199, 301), (400, 600)])
def test_large_maps_are_used_as_they_are(shape: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    _, disparity = draw(*shape)
    lifted = Lifted(disparity.astype(np.float32), photo).at(slice(20, 180), slice(30, 290), photo[20:180, 30:290])
    expected = cv2.resize(disparity.astype(np.float32), (300, 200), interpolation=cv2.INTER_AREA)[20:180, 30:290]
    assert np.median(np.abs(lifted - expected)) < 1e-3, "no colour of the photo in it"
    if shape == (200, 300):
        np.testing.assert_array_equal(lifted, disparity[20:180, 30:290].astype(np.float32))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (7, 1), (2, 3)])
def test_tiny_maps(shape: tuple[int, int]) -> None:
    photo, _ = draw(64, 80)
    disparity = np.linspace(0, 1, shape[0] * shape[1], dtype=np.float32).reshape(shape)
    lifted = Lifted(disparity, photo).at(slice(0, 64), slice(0, 80), photo)
    assert np.isfinite(lifted).all() and lifted.min() >= 0 and lifted.max() <= 1


@pytest.mark.slow
def test_twelve_megapixels_are_quick_and_small() -> None:
    photo = cv2.resize(draw(750, 1000)[0], (4000, 3000), interpolation=cv2.INTER_NEAREST)
    small = shrink(draw(750, 1000)[1], 2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    lifted = Lifted(small, photo)
    for top in range(0, 3000, 256):
        for left in range(0, 4000, 512):
            rows, columns = slice(top, min(top + 256, 3000)), slice(left, min(left + 512, 4000))
            lifted.at(rows, columns, photo[rows, columns])
    # Processor time of all threads: it does not depend on what else the machine does as wall time would.
    assert time.process_time() - start < 4
    unit = 1 if sys.platform == "darwin" else 1024
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < 400e6
