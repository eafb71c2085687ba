"""From photo to bokeh photo, with the tiny model and with the one that is shipped."""

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import wideopen
from conftest import draw_scene
from lens_models import build_lens_model
from wideopen import ModelError, OutputError, PhotoError, Renderer, RenderOptions
from wideopen.photo.files import load, save
from wideopen.photo.photo import Photo
from wideopen.render.side_files import output_path


@pytest.fixture(scope="module")
def renderer(model: Path) -> Renderer:
    return Renderer(RenderOptions(model=model, threads=1))


def detail(image: NDArray) -> NDArray:
    """Strength of fine detail, HxW."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / np.iinfo(image.dtype).max
    return cv2.boxFilter((grey - cv2.GaussianBlur(grey, (0, 0), 2)) ** 2, -1, (9, 9)) ** 0.5


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_subject_stays_and_ground_softens(renderer: Renderer, dtype: type) -> None:
    photo = draw_scene(360, 480).astype(dtype) * (257 if dtype is np.uint16 else 1)
    done = renderer.render(photo)
    assert done.dtype == photo.dtype and done.shape == photo.shape
    inside, outside = np.s_[140:220, 200:280], np.s_[:, :60]
    np.testing.assert_array_equal(done[inside], photo[inside])
    assert detail(done)[outside].mean() < 0.25 * detail(photo)[outside].mean()


def test_a_model_without_sharp_map(plain_model: Path) -> None:
    photo = draw_scene(360, 480)
    done = Renderer(RenderOptions(model=plain_model, threads=1)).render(photo)
    assert detail(done)[140:220, 200:280].mean() > 2 * detail(done)[:, :60].mean()


@pytest.mark.slow
def test_threads_make_no_difference(tmp_path: Path) -> None:
    """Tests run in one thread each, so here are three: of OpenCV, over tiles, strips and layers."""
    renderer = Renderer(RenderOptions(model=build_lens_model(tmp_path / "lens.onnx"), threads=1, aperture=1.4))
    photo, before = draw_scene(600, 720), cv2.getNumThreads()
    depth = np.linspace(0.2, 1, 72, dtype=np.float32)[None] + np.zeros((60, 1), np.float32)
    pictures = []
    for threads in (1, 3):
        cv2.setNumThreads(threads)
        try:
            pictures.append([renderer.render(photo), renderer.render(photo, depth=depth)])
        finally:
            cv2.setNumThreads(before)
    for alone, together in zip(*pictures, strict=True):
        assert (alone != photo).any()
        np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_arrays(renderer: Renderer, scene: NDArray, dtype: type) -> None:
    done = renderer.render(scene.astype(dtype) / 255)
    assert done.dtype == dtype
    # 8 bits are rounded once before the network, and what the seam does with that is steep.
    assert np.abs(done * 255 - renderer.render(scene)).max() < 2


@pytest.mark.parametrize("size", [(1, 1), (31, 47), (40, 20_000), (20_000, 40)])
def test_any_size(renderer: Renderer, size: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    assert renderer.render(photo).shape == photo.shape


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_pillow_images(renderer: Renderer, scene: NDArray, mode: str) -> None:
    image = Image.fromarray(scene).convert(mode)
    if "A" in mode:
        image.putalpha(77)
    image.info["icc_profile"] = b"profile"
    done = renderer.render(image)
    assert isinstance(done, Image.Image)
    assert (done.mode, done.size, done.info["icc_profile"]) == (mode, image.size, b"profile")
    if "A" in mode:
        assert done.getchannel("A").getextrema() == (77, 77)
    if mode == "RGB":
        np.testing.assert_array_equal(np.asarray(done), renderer.render(scene))


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (7, TypeError),
        (io.StringIO("photo"), TypeError),
        (np.zeros((8, 8), np.uint8), ValueError),
        (np.zeros((8, 8, 4), np.uint8), ValueError),
        (np.zeros((0, 8, 3), np.uint8), ValueError),
        (np.zeros((8, 8, 3), np.int32), ValueError),
        (np.full((8, 8, 3), 255.0), ValueError),
        (np.full((8, 8, 3), np.nan), ValueError),
        (Image.new("F", (8, 8)), ValueError),
    ],
)
def test_other_things_are_refused(renderer: Renderer, wrong: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        renderer.render(wrong)


def test_working_side(renderer: Renderer, model: Path) -> None:
    """A larger working side makes the model's fixed blur smaller in the photo."""
    photo = draw_scene(360, 480)
    larger = Renderer(replace(renderer.options, working_side=480)).render(photo)
    assert detail(larger)[:, :60].mean() > 1.5 * detail(renderer.render(photo))[:, :60].mean()


def test_one_model_for_many_photos(renderer: Renderer, scene: NDArray) -> None:
    engine = renderer.engine
    first = renderer.render(scene)
    np.testing.assert_array_equal(renderer.render(scene), first)
    assert renderer.engine is engine
    np.testing.assert_array_equal(wideopen.render(scene, renderer.options), first)


def test_file(renderer: Renderer, scene: NDArray, tmp_path: Path) -> None:
    photo = Photo(scene, alpha=np.full(scene.shape[:2], 200, np.uint8), icc=b"profile " * 20)
    save(photo, tmp_path / "in.png")
    out = wideopen.render_file(str(tmp_path / "in.png"), str(tmp_path / "out.png"), renderer.options)
    done = load(out)
    np.testing.assert_array_equal(done.pixels, renderer.render(scene))
    assert done.alpha is not None and done.alpha.min() == 200 and done.icc == photo.icc


def test_file_errors_leave_nothing(renderer: Renderer, scene: NDArray, tmp_path: Path) -> None:
    save(Photo(scene), tmp_path / "in.png")
    (tmp_path / "bad.jpg").write_bytes(b"text")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for photo, out, error in (
        ("bad.jpg", "out.jpg", PhotoError),
        ("none.jpg", "out.jpg", PhotoError),
        ("in.png", "in.png", OutputError),
        ("in.png", "out.xyz", OutputError),
        ("in.png", "none/out.png", OutputError),
    ):
        with pytest.raises(error):
            renderer.render_file(tmp_path / photo, tmp_path / out)
    with pytest.raises(ModelError, match="no such model file"):
        Renderer(RenderOptions(model=tmp_path / "none.onnx")).render_file(tmp_path / "in.png", tmp_path / "out.png")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_output_path(tmp_path: Path) -> None:
    photo = tmp_path / "a.b.jpg"
    assert output_path(photo) == tmp_path / "a.b-bokeh.jpg"
    assert output_path(photo, tmp_path / "c.png") == tmp_path / "c.png"
    folder = tmp_path / "out"
    folder.mkdir()
    assert output_path(photo, folder) == folder / "a.b.jpg"
    with pytest.raises(OutputError, match="leave -o away"):
        output_path(photo, tmp_path)


def test_options_are_checked() -> None:
    for wrong in ({"working_side": 10}, {"threads": 0}, {"quality": 101}):
        with pytest.raises(ValueError, match="must be"):
            RenderOptions(**wrong)


def test_shipped_model() -> None:
    """The model in the package: says where it comes from, softens a ground, leaves colours alone."""
    renderer = Renderer(RenderOptions(threads=1))
    info = renderer.engine.metadata
    assert info.multiple == 32 and info.scale == 1 and info.working_side >= 320 and not renderer.engine.draws
    assert {"licence", "data", "metrics", "commit", "config"} <= set(info.details)
    photo = cv2.resize(draw_scene(), (960, 720), interpolation=cv2.INTER_CUBIC)
    done = renderer.render(photo)
    assert done.shape == photo.shape and done.dtype == np.uint8
    low = [cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2LAB)[..., 1:], (0, 0), 16) for image in (photo, done)]
    assert np.abs(low[0].astype(int) - low[1]).mean() < 3


@pytest.mark.slow
def test_grain_comes_back_in_blur_by_a_depth_map() -> None:
    """As much as is asked for, in a photo that is large enough."""
    level = np.linspace(60, 180, 1500)[None, :, None] * np.ones((1020, 1, 3))
    photo = np.rint(level + np.random.default_rng(4).normal(0, 2, level.shape)).astype(np.uint8)
    depth = np.repeat([[1.0], [0.2]], [600, 420], axis=0) * np.ones((1, 1500))
    far, left = np.s_[700:, 100:-100], {}
    for grain in (0.0, 0.5, 1.0):
        done = Renderer(aperture=0.7, focus="near", grain=grain).render(photo, depth)
        np.testing.assert_array_equal(done[:400], photo[:400])
        left[grain] = (done[far] - level[far]).std()
    assert left[0.0] < 0.6  # Rounding alone is 0.3.
    assert left[1.0] == pytest.approx((photo[far] - level[far]).std(), rel=0.1)
    assert left[0.5] == pytest.approx(left[1.0] / 2, rel=0.15)
