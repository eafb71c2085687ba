"""Sizes: fitted, padded, cropped back."""

import numpy as np
import pytest

from wideopen.image.resize import crop, fit, pad, resize


@pytest.mark.parametrize(
    ("size", "expected"),
    [((3000, 4000), (384, 512)), ((4000, 3000), (512, 384)), ((40, 20000), (1, 512)), ((1, 1), (512, 512))],
)
def test_fit(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert fit(*size, 512) == expected


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (31, 47), (32, 64), (33, 31)])
def test_pad_mirrors_and_crop_undoes_it(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random((*size, 3), np.float32)
    padded = pad(image, 32)
    height, width = padded.shape[:2]
    assert height % 32 == 0 and width % 32 == 0 and height - size[0] < 32 and width - size[1] < 32
    reference = np.pad(image, ((0, height - size[0]), (0, width - size[1]), (0, 0)), mode="symmetric")
    np.testing.assert_array_equal(padded, reference)
    np.testing.assert_array_equal(crop(padded, *size), image)


def test_resize_shrinks_by_area() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    blocks = image.reshape(15, 4, 20, 4, 3).mean(axis=(1, 3))
    assert np.abs(resize(image, 15, 20).astype(float) - blocks).max() <= 0.5


def test_resize_shrinks_one_side_and_enlarges_the_other() -> None:
    image = np.linspace(0, 1, 40, dtype=np.float32)[None, :, None].repeat(3, axis=0)
    done = resize(image, 9, 20)
    assert done.shape[:2] == (9, 20)
    np.testing.assert_allclose(done[4].ravel(), image[0].reshape(20, 2).mean(axis=1), atol=1e-6)
