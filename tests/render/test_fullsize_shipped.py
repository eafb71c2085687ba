"""Full size with the model in the package: strips do not show, photos of any shape pass from file to file."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen import Renderer, RenderOptions
from wideopen.image.grain import lost_grain
from wideopen.lens.full_resolution import carry_to_full_size
from wideopen.photo.files import load, save
from wideopen.photo.photo import Photo
from wideopen.render.aim import aim
from wideopen.render.scene_rendering import draw_on_canvas

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"


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
    seen = draw_on_canvas(*aim(renderer.estimate_scene(photo), renderer.options)[:2])
    whole = carry_to_full_size(photo, *seen, strip=801)
    same = (whole == photo).all(axis=2).mean()
    assert 0.02 < same < 0.95  # It has parts that are kept and parts that are not.
    np.testing.assert_array_equal(
        carry_to_full_size(photo, *seen, strip=21), whole
    )  # 38 strips of 21 rows and one of 3.
    np.testing.assert_array_equal(
        carry_to_full_size(photo, *seen, strip=20), whole
    )  # 40 of 20 and one of a single row.
    np.testing.assert_array_equal(renderer.render(photo), whole)


def test_grain_comes_back_where_the_photo_is_blurred(renderer: Renderer) -> None:
    large = cv2.resize(load(EXAMPLES / "dog.jpg").pixels, (1536, 1152), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(5).normal(0, 3, large.shape)
    photo = np.rint((large + noise).clip(0, 255)).astype(np.uint8)
    seen = draw_on_canvas(*aim(renderer.estimate_scene(photo), renderer.options)[:2])
    smooth, grainy = carry_to_full_size(photo, *seen), renderer.render(photo)
    np.testing.assert_array_equal(grainy, carry_to_full_size(photo, *seen, strip=20, grain=lost_grain(photo, 1.0)))
    np.testing.assert_array_equal(Renderer(replace(renderer.options, grain=0.0)).render(photo), smooth)
    share = cv2.resize(seen[1], photo.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    kept = cv2.erode((share == 1).astype(np.uint8), np.ones((9, 9))) > 0
    assert kept.mean() > 0.05
    np.testing.assert_array_equal(grainy[kept], photo[kept])
    far = cv2.distanceTransform((share < 0.02).astype(np.uint8), cv2.DIST_L2, 3) > 20
    assert far.mean() > 0.05
    added = (grainy.astype(np.float32) - smooth)[far]
    assert abs(added.mean()) < 0.05 and 3 < added.std() < 4  # The noise, and the photo's own grain.


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
