"""Full size with the model in the package: strips do not show, photos of any shape pass from file to file."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen import Renderer, RenderOptions
from wideopen.fullsize import carry
from wideopen.photo import Photo, load, save
from wideopen.through_network import see

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(RenderOptions(threads=1, working_side=320))


def part(height: int, width: int) -> NDArray[np.uint8]:
    """A real photo and its mirror images, cut to a size."""
    photo = load(EXAMPLES / "dog.jpg").pixels
    for axis in (0, 1):
        while photo.shape[axis] < (height, width)[axis]:
            photo = np.concatenate([photo, np.flip(photo, axis)], axis=axis)
    return np.ascontiguousarray(photo[:height, :width])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_one_strip_or_forty(renderer: Renderer, dtype: type) -> None:
    photo = cv2.resize(load(EXAMPLES / "whale.jpg").pixels, (1203, 801), interpolation=cv2.INTER_CUBIC).astype(dtype)
    photo *= np.iinfo(dtype).max // 255
    seen = see(renderer.engine, photo, renderer.options, b"", None)
    whole = carry(photo, *seen, strip=801)
    same = (whole == photo).all(axis=2).mean()
    assert 0.02 < same < 0.95  # It has parts that are kept and parts that are not.
    np.testing.assert_array_equal(carry(photo, *seen, strip=21), whole)  # 38 strips of 21 rows and one of 3.
    np.testing.assert_array_equal(carry(photo, *seen, strip=20), whole)  # 40 of 20 and one of a single row.
    np.testing.assert_array_equal(renderer.render(photo), whole)


@pytest.mark.parametrize("size", [(1, 1), (31, 47), (40, 20_000), (20_000, 40)])
def test_any_shape_from_file_to_file(renderer: Renderer, size: tuple[int, int], tmp_path: Path) -> None:
    photo = part(*size)
    save(Photo(photo), tmp_path / "in.png")
    done = load(renderer.render_file(tmp_path / "in.png", tmp_path / "out.png")).pixels
    assert done.shape == photo.shape and done.dtype == photo.dtype
    # What a blur leaves alone, in each 20th part of the picture's length.
    for ours, own in zip(np.array_split(done, 20), np.array_split(photo, 20), strict=True):
        if ours.size:
            assert np.abs(ours.mean(axis=(0, 1)) - own.mean(axis=(0, 1))).max() < 12
