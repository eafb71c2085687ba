"""The library takes photos as programs hold them and gives the same kind back, from as many threads as one likes."""

import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import wideopen
from conftest import draw_scene
from wideopen import OutputError, PhotoError, Renderer, RenderOptions
from wideopen.photo.files import decode, load, save
from wideopen.photo.photo import Photo
from wideopen.quiet import quietly
from wideopen.render.inputs import result_format
from wideopen.scene import model as engines
from wideopen.scene.depth_view import depth_picture


@pytest.fixture(scope="module")
def renderer(model: Path) -> Renderer:
    return Renderer(RenderOptions(model=model, threads=1))


@pytest.fixture
def photo(tmp_path: Path, scene: NDArray) -> Path:
    path = tmp_path / "photo.png"
    save(Photo(scene, icc=b"profile " * 20), path)
    return path


def test_a_path(renderer: Renderer, photo: Path, scene: NDArray) -> None:
    done = renderer.render(photo)
    assert done == photo.with_name("photo-bokeh.png")
    np.testing.assert_array_equal(load(done).pixels, renderer.render(scene))
    with pytest.raises(OutputError, match="exists already"):
        renderer.render(str(photo))
    done.unlink()
    text = renderer.render(str(photo))
    assert text == str(done) and load(done).icc == b"profile " * 20


def test_bytes_and_file_objects(renderer: Renderer, photo: Path, scene: NDArray) -> None:
    data, expected = photo.read_bytes(), renderer.render(scene)
    done = renderer.render(data)
    assert isinstance(done, bytes)
    found = decode(done)
    np.testing.assert_array_equal(found.pixels, expected)
    assert (found.format, found.icc) == ("PNG", b"profile " * 20)
    for given in (bytearray(data), memoryview(data)):
        assert renderer.render(given) == done
    with photo.open("rb") as file:
        stream = renderer.render(file)
    assert stream.tell() == 0 and stream.read() == done
    assert sorted(path.name for path in photo.parent.iterdir()) == ["photo.png"]


def test_a_jpeg_stays_as_large_as_its_kind(renderer: Renderer, scene: NDArray) -> None:
    buffer = io.BytesIO()
    Image.fromarray(scene).save(buffer, "JPEG", quality=80, subsampling=2)
    done = renderer.render(buffer.getvalue())
    with Image.open(io.BytesIO(done)) as result, Image.open(buffer) as before:
        assert result.format == "JPEG" and result.quantization == before.quantization  # type: ignore[attr-defined]


def test_sixteen_bits_stay(renderer: Renderer, scene: NDArray) -> None:
    deep = scene.astype(np.uint16) * 257
    data = cv2.imencode(".tiff", deep[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(decode(renderer.render(data)).pixels, renderer.render(deep))


def test_what_is_no_photo(renderer: Renderer, tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="none.jpg: no such file"):
        renderer.render(tmp_path / "none.jpg")
    with pytest.raises(PhotoError, match="photo: not a JPEG"):
        renderer.render(b"text")
    (tmp_path / "text.jpg").write_bytes(b"text")
    with (tmp_path / "text.jpg").open("rb") as file, pytest.raises(PhotoError, match="text.jpg: not a JPEG"):
        renderer.render(file)
    with (tmp_path / "text.jpg").open() as file, pytest.raises(TypeError, match="mode 'rb'"):
        renderer.render(file)


def test_options_by_name(renderer: Renderer, scene: NDArray, model: Path, photo: Path) -> None:
    """A depth map given beside the photo, the lens set by keywords, as the options object sets it."""
    depth = np.tile(np.linspace(0, 1, 60, dtype=np.float32), (45, 1))
    options = RenderOptions(model=model, aperture=1.2, focus="0.25,0.5", blades=6)
    expected = wideopen.render(scene, options, depth)
    found = wideopen.render(scene, depth=depth, model=str(model), aperture="f/1.2", focus=(0.25, 0.5), blades=6)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(wideopen.render(scene, options, depth, aperture="off"), scene)
    np.testing.assert_array_equal(decode(Renderer(options).render(photo.read_bytes(), depth)).pixels, expected)
    out = wideopen.render_file(photo, photo.with_name("out.png"), depth=depth, model=model, aperture=1.2,
                               focus="0.25,0.5", blades=6)  # fmt: skip
    np.testing.assert_array_equal(load(out).pixels, expected)
    np.save(photo.with_name("map.npy"), depth)
    for named in (photo.with_name("map.npy"), str(photo.with_name("map.npy"))):
        np.testing.assert_array_equal(wideopen.render(scene, options, named), expected)
        np.testing.assert_array_equal(Renderer(options).render(scene, named), expected)
        data = Renderer(options).render_bytes(photo.read_bytes(), depth=named).result.pixels
        np.testing.assert_array_equal(data, expected)
    again, map, matte = (str(photo.with_name(name)) for name in ("again.png", "saved.npy", "matte.png"))
    named = str(photo.with_name("map.npy"))
    Renderer(options).render_file(str(photo), again, save_depth=map, depth=named)
    np.testing.assert_array_equal(load(Path(again)).pixels, expected)
    assert np.load(map).shape == expected.shape[:2]
    for bits in {}, {"matte_bits": 16}, {"matte_bits": 8}:
        Renderer(options).render_file(photo, again, True, save_matte=matte, matte=named, **bits)
        assert cv2.imread(matte, cv2.IMREAD_UNCHANGED).dtype == f"uint{bits.get('matte_bits', 16)}"
    with pytest.raises(ValueError, match="8 or 16 bits, not 12"):
        Renderer(options).render_file(photo, photo.with_name("none.png"), save_matte=matte, matte_bits=12)
    kept = Renderer(options).render(scene, matte=depth)
    np.testing.assert_array_equal(Renderer(options).render(scene, matte=str(photo.with_name("map.npy"))), kept)
    with pytest.raises(TypeError, match="there is no option 'apperture'"):
        wideopen.render(scene, apperture=1.4)
    for wrong in ({"aperture": "wide"}, {"focus": "left"}, {"focus": (1, 2, 3)}, {"grain": 2}):
        with pytest.raises(ValueError):
            wideopen.render(scene, **wrong)


def test_many_threads_share_one_renderer(model: Path, scene: NDArray, monkeypatch: pytest.MonkeyPatch) -> None:
    """All start at once, before the model is loaded: it is loaded once, and every photo gets its own result."""
    sizes = [(90 + 7 * i, 120 + 5 * i) for i in range(8)]
    photos = [cv2.resize(scene, size[::-1]) for size in sizes]
    files = [cv2.imencode(".png", photo[..., ::-1])[1].tobytes() for photo in photos]
    alone = Renderer(RenderOptions(model=model, threads=1))
    expected = [alone.render(photo) for photo in photos]
    loaded: list[object] = []
    load_model = engines.Engine.__init__

    def counted(self: engines.Engine, *arguments: object) -> None:
        loaded.append(self)
        load_model(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(engines.Engine, "__init__", counted)
    shared, barrier = Renderer(RenderOptions(model=model, threads=1)), Barrier(8)

    def work(number: int) -> tuple[NDArray, NDArray]:
        barrier.wait()
        return shared.render(photos[number]), decode(shared.render(files[number])).pixels

    before = list(warnings.filters)
    for _ in range(3):
        with ThreadPoolExecutor(8) as pool:
            for (array, file), right in zip(pool.map(work, range(8)), expected, strict=True):
                np.testing.assert_array_equal(array, right)
                np.testing.assert_array_equal(file, right)
    assert len(loaded) == 1
    assert warnings.filters == before, "threads do not mix up the process's filters"


def test_many_threads_through_openvino(model: Path) -> None:
    photos = [draw_scene(100 + 20 * (i % 3), 140) for i in range(12)]
    options = RenderOptions(model=model, engine="openvino")
    alone, shared = Renderer(options), Renderer(options)
    expected = [alone.render(photo) for photo in photos]
    with ThreadPoolExecutor(6) as pool:
        for found, right in zip(pool.map(shared.render, photos), expected, strict=True):
            np.testing.assert_array_equal(found, right)


def test_warnings_are_back_after_threads_were_quiet() -> None:
    barrier, before = Barrier(4), list(warnings.filters)

    def work(_: int) -> None:
        barrier.wait()
        with quietly():
            warnings.warn("of a library", stacklevel=1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert warnings.filters == before


def test_types_are_promised() -> None:
    assert (Path(wideopen.__file__).parent / "py.typed").is_file()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF", "EXR", "JXL", "GIF", "BMP", "RAW"])
def test_bytes_come_back_in_their_own_format_or_one_that_loses_nothing(format: str) -> None:
    for kind, other in ((np.uint8, "PNG"), (np.uint16, "TIFF")):
        expected = other if format in ("GIF", "BMP", "RAW") else format
        assert result_format(Photo(np.zeros((1, 1, 3), kind), format=format)) == expected


def test_the_model_is_loaded_when_it_is_needed(model: Path) -> None:
    renderer = Renderer(model=model)
    assert not renderer.loaded
    renderer.render(draw_scene())
    assert renderer.loaded


def test_the_depth_in_use_is_handed_back_with_transparency_and_a_matte(model: Path) -> None:
    scene, cover = draw_scene(), np.full((180, 240), 255, np.uint8)
    cover[:, 200:] = 90
    depth = np.tile(np.linspace(0, 1, 240, dtype=np.float32), (180, 1))
    matte = np.zeros((180, 240), np.float32)
    matte[60:120, 90:150] = 1
    done, seen = Renderer(model=model, aperture=1.4).render_photo(Photo(scene, alpha=cover), depth, matte)
    opaque, other = Renderer(model=model, aperture=1.4).render_photo(Photo(scene), depth, matte)
    assert seen is not None and other is not None and seen.lens.focus == pytest.approx(other.lens.focus, abs=0.02)
    assert done.alpha is not None and np.abs(done.alpha[:, 210:].astype(int) - 90).max() < 6
    inside = np.s_[70:110, 100:140]
    np.testing.assert_array_equal(done.pixels[inside], scene[inside])
    assert (done.pixels != scene).any(axis=2).mean() > 0.3


def test_what_is_shown_in_focus_is_blurred_by_a_pixel_at_most(tmp_path: Path) -> None:
    photo, shown, saved = (tmp_path / name for name in ("photo.png", "shown.png", "saved.npy"))
    save(Photo(np.full((180, 240, 3), 128, np.uint8)), photo)
    depth = np.tile(np.linspace(0, 1, 240, dtype=np.float32), (180, 1))
    renderer = Renderer(aperture=1.4, focus="0.5,0.5")
    renderer.render_file(photo, tmp_path / "out.png", depth=depth, show_depth=shown, save_depth=saved)
    _, seen = renderer.render_photo(load(photo), depth)
    assert seen is not None
    values = np.load(saved) if seen.depth.metric else seen.at(slice(0, 180), slice(0, 240), load(photo).pixels)
    radius = np.abs(seen.lens.radius(values, 180))
    expected = depth_picture(values, radius <= 1)
    assert 5 < (radius[0] <= 1).sum() < 120 and (radius[0] <= 1.5).sum() > (radius[0] <= 1).sum() + 4
    assert (load(shown).pixels != expected).any(axis=2).mean() < 0.005
