"""A picture enlarged in strips, against OpenCV's own bicubic enlargement."""

import cv2
import numpy as np
import pytest

from wideopen.image.enlargement import Enlargement


@pytest.mark.parametrize("size", [(97, 150), (30, 41), (31, 700), (400, 64)])
def test_enlarging_is_opencvs(size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).random((30, 41, 4), np.float32)
    expected = cv2.resize(image, size[::-1], interpolation=cv2.INTER_CUBIC).transpose(0, 2, 1)
    enlarged = Enlargement(np.ascontiguousarray(image.transpose(0, 2, 1)), *size)
    whole = enlarged.rows(0, size[0])
    np.testing.assert_allclose(whole, expected, atol=1e-5)
    for top, count in ((5, 1), (17, 9), (size[0] - 4, 4)):
        np.testing.assert_array_equal(enlarged.rows(top, count), whole[top : top + count])
