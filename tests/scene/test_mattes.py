"""Mattes from anywhere: one photo through every source, with the same pixels kept to the last bit."""

import io
import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest import mock

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

import wideopen
from command import call
from depth_networks import build_depth_network
from depth_photos import apple_jpeg, encoded, heic, orientation
from lens_models import build_lens_model
from matte_networks import build_matte_network
from wideopen import MatteError, ModelError, Renderer
from wideopen.scene.depth_model import DepthNetwork
from wideopen.scene.matte_file import decode_matte, embedded_matte, load_matte, save_matte
from wideopen.scene.matte_models import MatteModel, RembgSession
from wideopen.scene.model import Engine

HEIGHT, WIDTH = 620, 1100
"""More than the lens's canvas has, so that a matte must decide at full size."""


def draw_photo() -> NDArray[np.uint8]:
    """Fine texture; the network takes its red left side for the subject."""
    rng = np.random.default_rng(0)
    photo = rng.integers(40, 200, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    photo[:, : WIDTH // 2, 0], photo[:, WIDTH // 2 :, 0] = 220, 20
    return photo


def draw_matte() -> NDArray[np.uint8]:
    """0 or 255: a disc on the right with a comb of teeth of 2 px, which no canvas of 1024 px tells apart."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    disc = np.hypot(rows - 310, columns - 760) < 140
    comb = (rows >= 60) & (rows < 180) & (columns > 680) & (columns < 840) & (columns % 4 < 2)
    return np.where(disc | comb, 255, 0).astype(np.uint8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_lens_model(tmp_path_factory.mktemp("model") / "lens.onnx")


@pytest.fixture(scope="module")
def expected(model: Path) -> NDArray[np.uint8]:
    return wideopen.render(draw_photo(), matte=draw_matte(), model=model, threads=1)


def test_the_matte_decides_at_full_size(expected: NDArray[np.uint8]) -> None:
    photo, inside = draw_photo(), draw_matte() > 0
    assert np.array_equal(expected[inside], photo[inside])
    changed = (expected != photo).any(axis=2)
    away = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 3) > 3
    away[430:] = False  # The ground at the subject's foot is as near as it, and in focus.
    assert changed[away].mean() > 0.99, "what the network took for the subject is blurred, too"
    gaps = ~inside & (np.mgrid[:HEIGHT, :WIDTH][0] < 160) & (cv2.blur(inside.astype(np.float32), (9, 9)) > 0.4)
    assert changed[gaps].mean() > 0.95, "between the teeth of the comb"


def write_pfm(path: Path, values: NDArray[np.float32]) -> None:
    cv2.imwrite(str(path), values)


def write_exr(path: Path, values: NDArray[np.float32]) -> None:
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {"Y": values}).write(str(path))


def write_alpha(path: Path, values: NDArray[np.uint8]) -> None:
    Image.fromarray(np.dstack([draw_photo(), values])).save(path)


SHARES = (draw_matte() / 255).astype(np.float32)
FILES = {
    "grey.png": lambda path: Image.fromarray(draw_matte()).save(path),
    "deep.png": lambda path: cv2.imwrite(str(path), draw_matte().astype(np.uint16) * 257),
    "alpha.png": lambda path: write_alpha(path, draw_matte()),
    "float.tif": lambda path: tifffile.imwrite(path, SHARES),
    "deep.tif": lambda path: tifffile.imwrite(path, draw_matte().astype(np.uint16) * 257),
    "plain.pfm": lambda path: write_pfm(path, SHARES),
    "plain.exr": lambda path: write_exr(path, SHARES),
    "numbers.npy": lambda path: np.save(path, SHARES),
    "bytes.npy": lambda path: np.save(path, draw_matte()),
    "bools.npy": lambda path: np.save(path, draw_matte() > 0),
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_other_programs(name: str, tmp_path: Path) -> None:
    FILES[name](tmp_path / name)
    assert np.array_equal(load_matte(tmp_path / name), SHARES)
    assert np.array_equal(load_matte(tmp_path / name, invert=True), 1 - SHARES)


@pytest.mark.slow
def test_a_file_is_what_the_array_is(model: Path, expected: NDArray, tmp_path: Path) -> None:
    photo, matte = tmp_path / "photo.png", tmp_path / "matte.png"
    Image.fromarray(draw_photo()).save(photo)
    Image.fromarray(255 - draw_matte()).save(matte)
    done = call("render", photo, "--matte", matte, "--invert-matte", "--model", model, "--threads", 1)
    assert (done.code, done.error) == (0, "")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "photo-bokeh.png")), expected)
    pillow = Image.fromarray(draw_matte())
    assert np.array_equal(wideopen.render(draw_photo(), matte=pillow, model=model, threads=1), expected)
    named = wideopen.render(Image.fromarray(draw_photo()), matte=matte, invert_matte=True, model=model, threads=1)
    assert np.array_equal(np.asarray(named), expected)


@pytest.mark.parametrize("size", [(62, 110), (310, 550), (1240, 2200), (200, 356)])
def test_a_matte_of_any_size(size: tuple[int, int], model: Path) -> None:
    matte = cv2.resize(draw_matte(), size[::-1], interpolation=cv2.INTER_AREA)
    photo = draw_photo()
    done = wideopen.render(photo, matte=matte, model=model, threads=1)
    deep = np.hypot(*(np.mgrid[:HEIGHT, :WIDTH] - np.array([310, 760])[:, None, None])) < 105
    assert np.array_equal(done[deep], photo[deep])
    far = np.s_[:410, :510]  # Below it, the ground is as near as the subject.
    assert (done[far] != photo[far]).any(axis=2).mean() > 0.99


def test_all_and_nothing(model: Path, tmp_path: Path) -> None:
    photo, said = tmp_path / "photo.png", []
    pixels = draw_photo()[:300, :400]
    Image.fromarray(pixels).save(photo)
    for name, value in (("nothing", 0.0), ("all", 1.0)):
        np.save(tmp_path / f"{name}.npy", np.full((30, 40), value, np.float32))
        done = call("render", photo, "-o", tmp_path / f"{name}.png", "--matte", tmp_path / f"{name}.npy",
                    "--model", model)  # fmt: skip
        assert done.code == 0 and done.error.count("\n") == 1
        said.append(done.error)
    nothing, all_ = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("nothing", "all"))
    assert "holds no subject: nothing is kept sharp" in said[0] and (nothing != pixels).any(axis=2).mean() > 0.9
    assert "covers the whole photo: nothing is blurred" in said[1] and np.array_equal(all_, pixels)


def colour() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 255, (30, 40, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (np.where(np.eye(30, 40) > 0, np.nan, 1).astype(np.float32), "has NaN in"),
        (np.full((30, 40), 200, np.float32), "has values from 200 to 200; a matte's lie in 0"),
        (np.full((30, 40), -0.5, np.float32), "has values from -0.5 to -0.5"),
        (np.zeros((40, 30), np.float32), "turn the matte by 90 degrees"),
        (np.zeros((30, 90), np.float32), "another shape than the photo's 40x30"),
        (np.zeros((2, 3, 4, 5), np.float32), "a matte has two, height and width"),
        (colour(), "is a colour picture, not a matte; give a grey one, or one with transparency"),
        (np.zeros((0, 4), np.float32), "has no pixels"),
        (np.zeros((3, 4), np.complex64), "not real numbers"),
    ],
)
def test_what_is_no_matte_is_one_line(values: NDArray, line: str, model: Path) -> None:
    with pytest.raises(MatteError, match=re.escape(line)) as found:
        Renderer(model=model).render(np.zeros((30, 40, 3), np.uint8), matte=values)
    assert "\n" not in str(found.value)


def test_files_that_are_none(model: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(colour()).save(photo)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "cut.pfm").write_bytes(b"Pf\n40 30\n-1.0\n" + bytes(100))
    (tmp_path / "cut.onnx").write_bytes(b"no model")
    for value, line in {
        tmp_path / "gone.png": "no such file", tmp_path / "text.png": "not a JPEG, PNG", tmp_path: "is a folder",
        tmp_path / "cut.pfm": "cut short", "rembg:": "names no session", "onnx:": "names no file",
        f"onnx:{tmp_path}/gone.onnx": "no such model file", f"onnx:{tmp_path}/cut.onnx": "not an ONNX model",
        f"onnx:{model}": "not a model that gives mattes", "rembg:withoutbg": "sends the photo to another machine",
        "rembg:atlascloud-birefnet": "sends the photo to another machine", "photo": "carries no matte",
    }.items():  # fmt: skip
        done = call("render", photo, "--matte", value, "--model", model)
        assert done.code in (1, 2) and line in " ".join(done.error.split()), done.error
        assert "Traceback" not in done.error
    assert sorted(path.name for path in tmp_path.glob("photo*")) == ["photo.png"]


def test_saved_mattes_are_read_back_by_other_programs(tmp_path: Path) -> None:
    values = np.random.default_rng(2).random((41, 57)).astype(np.float32)
    for suffix in (".tif", ".pfm", ".exr", ".npy", ".png"):
        save_matte(values, tmp_path / f"matte{suffix}")
    assert np.array_equal(tifffile.imread(tmp_path / "matte.tif"), values)
    assert np.array_equal(cv2.imread(str(tmp_path / "matte.pfm"), cv2.IMREAD_UNCHANGED), values)
    by_pillow = Image.open(tmp_path / "matte.pfm")
    assert np.array_equal(np.asarray(by_pillow), values), "PFM by a second reader"
    assert np.array_equal(OpenEXR.File(str(tmp_path / "matte.exr")).channels()["Y"].pixels, values)
    assert np.array_equal(np.load(tmp_path / "matte.npy"), values)
    deep = np.rint(values * 65535).astype(np.uint16)
    assert np.array_equal(cv2.imread(str(tmp_path / "matte.png"), cv2.IMREAD_UNCHANGED), deep)
    save_matte(values, tmp_path / "eight.png", bits=8)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "eight.png")), np.rint(values * 255).astype(np.uint8))
    for suffix in (".tif", ".pfm", ".exr", ".npy"):
        assert np.array_equal(load_matte(tmp_path / f"matte{suffix}"), values)


@pytest.mark.parametrize("kind", ["isnet", "birefnet", "birefnet-by-values", "u2net"])
def test_networks_of_other_people(kind: str, model: Path, tmp_path: Path) -> None:
    """Each stand-in gives a matte of the red of what it is shown, if that was prepared as its kind wants it."""
    network = build_matte_network(tmp_path / f"{kind}.onnx", kind)
    photo = draw_photo()
    renderer = Renderer(model=model, matte=f"onnx:{network}", threads=1)
    found = renderer.sources.matte(photo)
    assert found is not None and found.source == f"onnx:{network}" and found.exact
    assert found.opacity.shape == ((320, 320) if kind == "u2net" else (1024, 1024))
    truth = 1 / (1 + np.exp(-40 * (photo[..., 0] / 255.0 - 0.5)))
    error = np.abs(cv2.resize(found.opacity, (WIDTH, HEIGHT)) - truth)
    assert error[:, np.abs(np.arange(WIDTH) - WIDTH // 2) > 8].max() < 0.01
    done, left = renderer.render(photo), np.s_[20:-20, 20 : WIDTH // 2 - 20]
    assert np.array_equal(done[left], photo[left])


def test_a_session_of_rembg(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    """The part of rembg that is used: `new_session(name).predict(picture)` gives pictures of the matte."""
    asked, photo, people = [], draw_photo(), np.array([[[0, 51, 102]], [[255, 0, 102]]], np.uint8)

    def new_session(name: str) -> SimpleNamespace:
        if name != "isnet-general-use":
            raise ValueError(f"No session class found for model '{name}'")
        return SimpleNamespace(predict=lambda shown: asked.append(shown) or given)

    given = [Image.fromarray(draw_matte())]
    rembg = ModuleType("rembg")
    rembg.new_session = new_session  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rembg", rembg)
    done = Renderer(model=model, matte="rembg:isnet-general-use", threads=1).render(photo)
    inside = draw_matte() > 0
    assert np.array_equal(np.asarray(asked[0]), photo) and np.array_equal(done[inside], photo[inside])
    for pictures, joined in (people, [[1, 0.2, 0.4]]), ([], [[0, 0, 0]]):
        given[:] = map(Image.fromarray, pictures)
        found = RembgSession("isnet-general-use").matte(np.zeros((1, 3, 3), np.float32))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.array(joined), rtol=1e-6)
    with pytest.raises(ModelError, match="rembg:nothing: cannot be had .*; choose another session"):
        Renderer(model=model, matte="rembg:nothing").render(photo)


def test_rembg_is_named_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch, model: Path, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "rembg", None)
    Image.fromarray(colour()).save(tmp_path / "photo.png")
    done = call("render", tmp_path / "photo.png", "--matte", "rembg:u2net", "--model", model)
    assert done.code == 2 and 'pip install "wideopen[rembg]"' in done.error


PORTRAIT = (
    "<apdi:AuxiliaryImageType>depth</apdi:AuxiliaryImageType>"
    "<apdi:AuxiliaryImageSubType>portraiteffectsmatte</apdi:AuxiliaryImageSubType>"
)
URN = b"urn:com:apple:photo:2018:aux:portraiteffectsmatte"


@pytest.mark.slow
def test_the_matte_in_a_portrait_photo(model: Path, tmp_path: Path) -> None:
    photo, matte = draw_photo()[::2, ::2], draw_matte()[::4, ::4]
    found = embedded_matte(heic(photo, matte, kind=URN))
    assert found is not None and np.array_equal(found, matte / np.float32(255))
    assert embedded_matte(heic(photo, matte)) is None, "depth is no matte"
    jpeg = apple_jpeg(encoded(photo, "JPEG", quality=95), (encoded(matte, "JPEG", quality=100), PORTRAIT))
    found = embedded_matte(jpeg)
    assert found is not None and np.abs(found - matte / 255).max() < 0.05
    turned = encoded(photo, "JPEG", quality=95, exif=orientation(6))
    found = embedded_matte(apple_jpeg(turned, (encoded(matte, "JPEG", quality=100), PORTRAIT)))
    assert found is not None and np.abs(found - np.rot90(matte, -1) / 255).max() < 0.05
    assert embedded_matte(encoded(photo, "JPEG")) is None and embedded_matte(b"") is None
    (tmp_path / "portrait.jpg").write_bytes(jpeg)
    pixels = np.asarray(Image.open(io.BytesIO(jpeg)))
    for extra in ((), ("--matte", "photo")):
        done = call(
            "render", tmp_path / "portrait.jpg", *extra, "-o", tmp_path / "x.png", "--overwrite", "--model", model
        )
        assert done.code == 0, done.error
        deep = cv2.erode(draw_matte()[::2, ::2], np.ones((25, 25), np.uint8)) > 0
        assert np.array_equal(np.asarray(Image.open(tmp_path / "x.png"))[deep], pixels[deep])


def test_a_damaged_matte_in_a_photo_is_said_where_it_is_asked_for(model: Path, tmp_path: Path) -> None:
    jpeg = apple_jpeg(encoded(colour(), "JPEG"), (b"\xff\xd8\xff\xe0" + bytes(20) + b"\xff\xd9", PORTRAIT))
    (tmp_path / "portrait.jpg").write_bytes(jpeg)
    assert call("render", tmp_path / "portrait.jpg", "--model", model).code == 0
    done = call("render", tmp_path / "portrait.jpg", "--matte", "photo", "--overwrite", "--model", model)
    assert done.code == 1 and "(embedded matte)" in done.error


@pytest.mark.parametrize("data", [b"", b"P", b"Pf\n0 0\n-1\n", b"Pf\n3 3\n0\n" + bytes(36), b"Pf\nx"])
def test_damaged_float_maps(data: bytes) -> None:
    with pytest.raises(MatteError):
        decode_matte(data, "x.pfm")


def test_what_cannot_be_run_is_told_on_one_line(tmp_path: Path, model: Path) -> None:
    failing, shown = mock.Mock(side_effect=RuntimeError("no kernel\nat node 7")), np.zeros((40, 60, 3), np.float32)
    matte = MatteModel(build_matte_network(tmp_path / "net.onnx", "isnet"))
    depth, engine = DepthNetwork(build_depth_network(tmp_path / "depth.onnx")), Engine(model)
    matte._graph.run = depth._graph.run = engine._runtime.run = failing  # type: ignore[method-assign]
    for run in (matte.matte, depth.estimate, engine.run):
        with pytest.raises(ModelError, match=r"\(no kernel at node 7\);"):
            run(shown)


@pytest.mark.parametrize(
    ("said", "line"), [("x" * 200, "x" * 200), ("x" * 201, "x" * 197 + "..."), ("", "ValueError"), (" a\n b ", "a b")]
)
def test_a_session_s_own_words_are_one_line_of_200_letters(
    said: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rembg = SimpleNamespace(new_session=mock.Mock(side_effect=ValueError(said)))
    monkeypatch.setitem(sys.modules, "rembg", rembg)
    with pytest.raises(ModelError, match=rf"cannot be had \({re.escape(line)}\);"):
        RembgSession("u2netp")


IMAGENET = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
"""Mean and deviation of red, green and blue, as published and used wherever networks were trained on ImageNet."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["isnet", "birefnet", "u2net"])
def test_networks_are_shown_photos_as_they_were_in_training(kind: str, tmp_path: Path) -> None:
    model, asked = MatteModel(build_matte_network(tmp_path / "net.onnx", kind)), []
    answer = np.full((1, 1, model.side, model.side), 0.25, np.float32)
    model._graph.run_on_photo = lambda output, batch: asked.append(batch) or answer  # type: ignore[method-assign]
    colours = np.array([0.1, 0.4, 0.8], np.float32)
    found = model.matte(np.tile(colours, (30, 40, 1)))
    expected = {
        "isnet": (colours * 255 - 128) / 256,
        "birefnet": (colours - IMAGENET[0]) / IMAGENET[1],
        "u2net": (colours / 0.8 - IMAGENET[0]) / IMAGENET[1],
    }[kind]
    assert asked[0].shape == (1, 3, model.side, model.side) and asked[0].dtype == np.float32
    np.testing.assert_allclose(asked[0][0, :, 100, 200], expected, atol=1e-5)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-0.25)) if kind == "birefnet" else 0.25, rtol=1e-6)


def test_what_is_not_a_sigmoid_s_is_a_logit(tmp_path: Path) -> None:
    """A little beyond 0 and 1 is rounding of 16 bits, which is cut off."""
    network = build_matte_network(tmp_path / "net.onnx", "isnet")
    for beyond, logits in ((0.0009, False), (0.0011, True)):
        for values in ([0.0, 1 + beyond], [-beyond, 1.0]):
            model = MatteModel(network)
            answer = np.resize(np.array(values, np.float32), (1, 1, 1024, 1024))
            model._graph.run_on_photo = mock.Mock(return_value=answer)  # type: ignore[method-assign]
            found = model.matte(np.zeros((4, 4, 3), np.float32))[0, :2]
            expected = 1 / (1 + np.exp(-np.array(values))) if logits else [0, 1]
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_transparency_of_a_picture_is_the_matte_if_it_says_something(model: Path) -> None:
    photo, matte = draw_photo(), Image.fromarray(np.full((HEIGHT, WIDTH), 90, np.uint8))
    sources = Renderer(model=model).sources
    for mode in ("RGBA", "LA"):
        clear = Image.fromarray(photo).convert(mode)
        clear.putalpha(Image.fromarray(draw_matte()))
        found = sources.matte(photo, clear)
        assert found is not None and np.array_equal(found.opacity, SHARES)
        opaque = matte.convert(mode)
        if mode == "LA":
            found = sources.matte(photo, opaque.convert("L"))
            assert found is not None and found.opacity == pytest.approx(90 / 255)
    almost = matte.convert("RGBA")
    almost.putpixel((5, 7), (90, 90, 90, 254))
    found = sources.matte(photo, almost)
    assert found is not None and found.opacity.min() == pytest.approx(254 / 255)
