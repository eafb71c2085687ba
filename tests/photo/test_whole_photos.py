"""A large photo, stitched from a free one: what is sharp stays bit for bit; many photos cost one model."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from lens_models import build_lens_model
from wideopen import Renderer, RenderOptions
from wideopen.evaluation.metrics import psnr
from wideopen.image.resize import resize
from wideopen.lens.full_resolution import carry_to_full_size
from wideopen.photo.files import load
from wideopen.scene.runtimes import OnnxGraph, has_openvino

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
HEIGHT, WIDTH = 2400, 3600


@pytest.fixture(scope="module")
def stitched() -> NDArray[np.uint8]:
    """A photo and its mirror images, cut to 9 megapixels."""
    photo = load(EXAMPLES / "cairn.jpg").pixels
    below, right = max(0, HEIGHT - photo.shape[0]), max(0, WIDTH - photo.shape[1])
    return np.ascontiguousarray(cv2.copyMakeBorder(photo, 0, below, 0, right, cv2.BORDER_REFLECT)[:HEIGHT, :WIDTH])


def subject_matte() -> NDArray[np.float32]:
    """An opaque shape with a wavy outline, at full size."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    angle = np.arctan2(y - 1260, x - 1740)
    distance = np.hypot(y - 1260, x - 1740) - 660 * (1 + 0.15 * np.sin(5 * angle) + 0.05 * np.sin(23 * angle))
    return np.clip(0.5 - distance, 0, 1)


def test_inside_the_eroded_matte_the_photo_is_untouched(stitched: NDArray) -> None:
    """A network that knows the matte at its own size, 8.5 px of the photo to one of its own: nothing has moved where
    all that a pixel is made of is sharp (3 of them, 26 px), and next to nothing from one of them on."""
    matte = subject_matte()
    seen = resize(resize(stitched, 141, 211), 282, 422).astype(np.float32) / 255
    sharp = resize(matte, 282, 422)
    bokeh = sharp[..., None] * seen + (1 - sharp[..., None]) * cv2.GaussianBlur(seen, (0, 0), 6)
    done = carry_to_full_size(stitched, bokeh, sharp, seen)
    inside = cv2.erode(matte, np.ones((53, 53), np.uint8)) == 1
    assert inside.mean() > 0.1
    np.testing.assert_array_equal(done[inside], stitched[inside])
    nearly = cv2.erode(matte, np.ones((17, 17), np.uint8)) == 1
    a, b = (image[nearly][None].astype(np.float32) / 255 for image in (done, stitched))
    assert psnr(a, b) >= 48
    outside = cv2.dilate(matte, np.ones((33, 33), np.uint8)) == 0
    assert (done[outside] != stitched[outside]).any(axis=1).mean() > 0.5


def test_aperture_off_changes_nothing(stitched: NDArray) -> None:
    np.testing.assert_array_equal(Renderer(RenderOptions(aperture=math.inf)).render(stitched), stitched)


@pytest.mark.skipif(not has_openvino(), reason="needs OpenVINO")
def test_photos_of_one_shape_are_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wideopen.scene.runtimes import OpenVino

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiled: list[tuple[int, ...]] = []
    plain = OpenVino._compile
    monkeypatch.setattr(OpenVino, "_compile", lambda self, shape: compiled.append(shape) or plain(self, shape))
    tiny = build_lens_model(tmp_path / "tiny.onnx")
    renderer = Renderer(RenderOptions(model=tiny, threads=1, working_side=256), many=True)
    photo = cv2.resize(load(EXAMPLES / "dog.jpg").pixels, (400, 300), interpolation=cv2.INTER_AREA)
    for size in ((400, 300), (200, 150), (800, 600), (400, 300)):  # one shape, several sizes
        renderer.render(cv2.resize(photo, size))
    assert len(compiled) == 1
    renderer.render(np.ascontiguousarray(photo.transpose(1, 0, 2)))
    assert len(compiled) == 2


def test_a_model_file_is_loaded_once(model: Path, scene: NDArray, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[bool] = []
    plain = OnnxGraph.__init__
    monkeypatch.setattr(OnnxGraph, "__init__", lambda self, *given: loads.append(True) or plain(self, *given))
    renderer = Renderer(RenderOptions(model=model, threads=1))
    assert not loads  # not before the first photo
    for _ in range(3):
        renderer.render(scene)
    assert len(loads) == 1
