"""Depth maps of every format against the numbers they were made of, and bad ones against one clear line each."""

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from wideopen import DepthError, OutputError
from wideopen.photo.depth import check_shape, decode_depth, load_depth, same_shape, save_depth
from wideopen.photo.depth_file import _decode_pfm, check_channel, read_map
from wideopen.photo.depth_map import DepthMap


def draw(height: int = 60, width: int = 80) -> NDArray[np.float32]:
    """Disparity in [0, 1]: a floor that comes nearer, with a disc in front of it; both ends are no outliers."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    floor = (0.7 * y / height).clip(0.02) - np.float32(0.02)
    disc = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (height / 4) ** 2
    return np.where(disc, 1, floor).astype(np.float32)


def write(path: Path, values: NDArray) -> Path:
    """A map in the format of the suffix: .png and .tif as the type of `values` says."""
    if path.suffix == ".npy":
        np.save(path, values)
    elif path.suffix == ".exr":
        OpenEXR.File({"type": OpenEXR.scanlineimage}, {"Z": values}).write(str(path))
    elif path.suffix == ".tif":
        tifffile.imwrite(path, values)
    else:
        Image.fromarray(values).save(path)
    return path


def eight(values: NDArray) -> NDArray[np.uint8]:
    return np.rint(values * 255).astype(np.uint8)


def sixteen(values: NDArray) -> NDArray[np.uint16]:
    return np.rint(values * 65535).astype(np.uint16)


FORMS = {
    "8.png": (eight, 1 / 255),
    "16.png": (sixteen, 1 / 65535),
    "8.tif": (eight, 1 / 255),
    "16.tif": (sixteen, 1 / 65535),
    "8.webp": (eight, 24 / 255),
    "8.jpg": (eight, 40 / 255),
    "float.tif": (lambda values: values * np.float32(3.5), 1e-6),
    "int.tif": (lambda values: np.rint(values * 2e9).astype(np.int32), 1e-6),
    "uint.tif": (lambda values: np.rint(values * 4e9).astype(np.uint32), 1e-6),
    "float.exr": (lambda values: values * np.float32(3.5), 1e-6),
    "half.exr": (lambda values: values.astype(np.float16), 1e-3),
    "uint.exr": (lambda values: np.rint(values * 2e9).astype(np.uint32), 1e-6),
    "float.npy": (lambda values: values * np.float32(3.5), 1e-6),
    "double.npy": (lambda values: 1e6 + 1e-3 * values.astype(np.float64), 1e-6),
    "big.npy": (lambda values: np.rint(values * 2e9).astype(">i4"), 1e-6),
    "8.npy": (eight, 1 / 255),
    "layers.npy": (lambda values: values[None], 1e-6),
}


@pytest.mark.parametrize("form", FORMS)
def test_one_map_in_every_format(tmp_path: Path, form: str) -> None:
    expected = draw()
    make, tolerance = FORMS[form]
    loaded = load_depth(write(tmp_path / form, make(expected)))
    assert not loaded.metric and loaded.disparity.dtype == np.float32
    assert np.abs(loaded.disparity - expected / expected.max()).max() <= tolerance
    if "jpg" not in form and "webp" not in form:
        assert (loaded.disparity.min(), loaded.disparity.max()) == (0, 1)


@pytest.mark.parametrize("said", [None, 1, 2])
def test_whole_numbers_of_32_bits_have_a_sign_where_the_file_says_so(said: int | None) -> None:
    """TIFF 6.0, SampleFormat: 1, or nothing, for numbers without a sign."""
    values, buffer = np.array([[5, 2**31 + 7], [2**32 - 9, 2**30]], np.uint32), io.BytesIO()
    tifffile.imwrite(buffer, values if said is None else values.view(np.int32))
    entry = struct.pack("<HHI", 339, 3, 1)
    data = buffer.getvalue().replace(entry + b"\2", entry + bytes([said or 2]))
    assert (entry + bytes([said or 0]) in data) == (said is not None)
    found = read_map(data, "map.tif").values
    np.testing.assert_array_equal(found, values.view(np.int32) if said == 2 else values)


def test_outliers_do_not_decide() -> None:
    values = draw(200, 200)
    values[0, :20], values[1, :20] = 1e4, -1e4
    expected = draw(200, 200)
    expected[0, :20], expected[1, :20] = 1, 0
    np.testing.assert_allclose(decode(values).disparity, expected, atol=1e-6)


def decode(values: NDArray, **options: object) -> DepthMap:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return decode_depth(buffer.getvalue(), "map.npy", **options)  # type: ignore[arg-type]


def test_inverted() -> None:
    np.testing.assert_allclose(decode(1 - draw(), invert=True).disparity, draw(), atol=1e-6)
    distance = np.array([[1, 2, 4], [4, 2, 0]], np.float32)
    inverted = decode(distance, kind="distance", invert=True).disparity
    np.testing.assert_allclose(inverted.ravel()[:5], [1 / 4, 1 / 3, 1, 1, 1 / 3])


def test_distance_without_a_unit_keeps_infinity() -> None:
    distance = np.array([[2, 4, np.inf], [8, 2, 2]], np.float32)
    loaded = decode(distance, kind="distance")
    np.testing.assert_allclose(loaded.disparity, [[1, 0.5, 0], [0.25, 1, 1]])
    assert not loaded.metric
    silhouette = decode(np.array([[2, np.inf]]), kind="distance")
    assert silhouette.disparity.tolist() == [[1, 0]]


def test_metric() -> None:
    millimetres = np.array([[500, 1000, 4000]], np.uint16)
    loaded = decode(millimetres, kind="distance", unit_m=0.001)
    assert loaded.metric
    np.testing.assert_allclose(loaded.disparity, [[2, 1, 0.25]], rtol=1e-6)
    per_millimetre = decode(1 / millimetres.astype(np.float64), unit_m=0.001)
    np.testing.assert_allclose(per_millimetre.disparity, loaded.disparity, rtol=1e-6)


def test_unknown_distance_is_filled_from_around() -> None:
    disparity = 0.5 + draw() / 2
    depth = (1000 / disparity).astype(np.uint16)
    hole = np.zeros(depth.shape, bool)
    hole[25:32, 38:44] = hole[:4, :10] = True
    loaded = decode(np.where(hole, 0, depth), kind="distance", unit_m=0.001).disparity
    np.testing.assert_allclose(loaded[~hole], 1000 / depth[~hole], rtol=1e-6)
    assert np.abs(loaded[25:32, 38:44] - 1).max() < 0.02, "inside the disc"
    assert np.abs(loaded[:4, :10] - 0.5).max() < 0.05, "far up the floor"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA"])
def test_grey_in_other_modes(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(eight(draw()))
    (grey if mode == "P" else grey.convert("RGB")).convert(mode).save(tmp_path / "map.png")
    assert np.abs(load_depth(tmp_path / "map.png").disparity - draw()).max() <= 1 / 255


def test_sixteen_bit_grey_in_rgb(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "map.png"), cv2.merge([sixteen(draw())] * 3))
    assert np.abs(load_depth(tmp_path / "map.png").disparity - draw()).max() <= 1 / 65535


def test_orientation_of_a_map(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    Image.fromarray(eight(draw())).save(tmp_path / "map.png", exif=tags)
    assert np.abs(load_depth(tmp_path / "map.png").disparity - np.rot90(draw(), -1)).max() <= 1 / 255


@pytest.mark.parametrize("channels", [["Z", "A"], ["Layer.Depth.Z", "Layer.Combined.R"], ["Y"], ["R", "G", "B"], ["V"]])
def test_exr_channels(tmp_path: Path, channels: list[str]) -> None:
    other = np.ones_like(draw())
    same = channels == ["R", "G", "B"]
    planes = {channel: draw() if same or i == 0 else other for i, channel in enumerate(channels)}
    OpenEXR.File({"type": OpenEXR.scanlineimage}, planes).write(str(tmp_path / "map.exr"))
    np.testing.assert_allclose(load_depth(tmp_path / "map.exr").disparity, draw() / draw().max(), atol=1e-6)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr", ".npy"])
@pytest.mark.parametrize("kind", ["stretched", "scale-free", "metric"])
def test_saved_maps_come_back(tmp_path: Path, suffix: str, kind: str) -> None:
    if kind == "stretched":
        depth = decode(draw())
    else:
        depth = decode(1 / (0.1 + draw()), kind="distance", unit_m=0.37 if kind == "metric" else None)
    path = tmp_path / f"map{suffix}"
    save_depth(depth, path)
    if suffix == ".npy" and kind == "scale-free":
        assert load_depth(path).disparity.min() == 0, "as documented: an .npy cannot say that 0 is not meant to be 0"
        return
    again = load_depth(path, unit_m=1 if suffix == ".npy" and kind == "metric" else None)
    assert again.metric == depth.metric
    step = float(depth.disparity.max()) / 65535 if suffix == ".png" else 0
    assert np.abs(again.disparity - depth.disparity).max() <= step
    if suffix != ".npy":
        with pytest.raises(DepthError, match="holds disparity"):
            load_depth(path, kind="distance")
        if not depth.metric:
            np.testing.assert_array_equal(load_depth(path, invert=True).disparity, 1 - again.disparity)


def test_saved_maps_are_read_by_others(tmp_path: Path) -> None:
    depth = decode(draw())
    for suffix in (".png", ".tif"):
        save_depth(depth, tmp_path / f"map{suffix}")
    save_depth(DepthMap(depth.disparity, metric=True), tmp_path / "metres.tif")
    with tifffile.TiffFile(tmp_path / "metres.tif") as file:  # TIFF 6.0: ImageDescription.
        assert file.pages[0].tags[270].value.startswith("{")  # type: ignore[union-attr]
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "map.tif"), depth.disparity)
    stored = cv2.imread(str(tmp_path / "map.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(stored, sixteen(depth.disparity))


def test_bad_outputs(tmp_path: Path) -> None:
    depth = decode(draw())
    with pytest.raises(OutputError, match=r"use \.png, \.tif"):
        save_depth(depth, tmp_path / "map.jpg")
    (tmp_path / "map.png").write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already"):
        save_depth(depth, tmp_path / "map.png")
    save_depth(depth, tmp_path / "map.png", overwrite=True)
    assert load_depth(tmp_path / "map.png").disparity.shape == (60, 80)


def noisy_exr() -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).random((40, 40), np.float32)
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {"Z": noise}).write(buffer)
    return buffer.getvalue()


def file(values: NDArray, suffix: str) -> bytes:
    buffer = io.BytesIO()
    if suffix == ".npy":
        np.save(buffer, values)
    elif suffix == ".tif":
        tifffile.imwrite(buffer, values)
    else:
        Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


NAN = np.where(np.eye(8, dtype=bool), np.nan, 1).astype(np.float32)
NOISE = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)


@pytest.mark.parametrize(
    ("data", "options", "says"),
    [
        (b"", {}, "empty"),
        (b"far, far away\n", {}, "not a "),
        (file(NOISE[..., 0], ".png")[:-300], {}, "cut short"),
        (file(draw(), ".npy")[:-300], {}, "cut short"),
        (file(draw(), ".npy")[:20], {}, "cut short"),
        (file(draw(), ".tif")[:-3000], {}, "damaged"),
        (file(draw().astype(np.float64), ".tif"), {}, "save it as 32-bit float"),
        (noisy_exr()[:-1000], {}, "cut short"),
        (noisy_exr()[:60], {}, "cut short"),
        (file(np.full((9, 9), 7, np.uint8), ".png"), {}, "same depth everywhere"),
        (file(np.full((9, 9), 7, np.uint8), ".png"), {"kind": "distance"}, "same depth everywhere"),
        (file(np.full((9, 9), 7.0), ".npy"), {"unit_m": 1.0}, "same depth everywhere"),
        (file(np.zeros((9, 9), np.uint16), ".png"), {"kind": "distance"}, "unknown"),
        (file(NAN, ".npy"), {}, "NaN in 12.50%"),
        (file(NAN, ".tif"), {}, "NaN in"),
        (file(-draw(), ".npy"), {"kind": "distance"}, "negative"),
        (file(-draw(), ".npy"), {"unit_m": 1.0}, "negative"),
        (file(np.array([[1, np.inf]]), ".npy"), {}, "infinite"),
        (file(NOISE, ".png"), {}, "colour"),
        (file(NOISE, ".npy"), {}, "colour"),
        (file(np.zeros((4, 5, 6)), ".npy"), {}, "3 dimensions"),
        (file(np.arange(9.0), ".npy"), {}, "1 dimensions"),
        (file(np.zeros((0, 5)), ".npy"), {}, "no pixels"),
        (file(draw() * 1j, ".npy"), {}, "complex"),
        (file(np.array([["near", "far"]]), ".npy"), {}, "not real numbers"),
        (file(np.array([[1, None]], object), ".npy"), {}, "Python objects"),
        (file(draw(), ".npy"), {"unit_m": 0.0}, "unit"),
        (file(draw(), ".npy"), {"unit_m": 1.0, "invert": True}, "inverted"),
    ],
)
def test_bad_maps(data: bytes, options: dict, says: str) -> None:
    with pytest.raises(DepthError, match=says) as caught:
        decode_depth(data, "some/map", **options)
    assert str(caught.value).startswith("some/map: ") and "\n" not in str(caught.value)


def test_cut_anywhere() -> None:
    """Never a crash, never half a map."""
    noise = np.random.default_rng(0).random((40, 40), np.float32)
    for whole in (noisy_exr(), file(noise, ".npy"), file(noise, ".tif"), file(NOISE[..., 0], ".png")):
        for part in range(1, 20):
            with pytest.raises(DepthError):
                decode_depth(whole[: len(whole) * part // 20], "map")


@pytest.mark.parametrize("form", ["8.png", "float.tif", "float.exr", "float.npy"])
def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    path = write(tmp_path / form, FORMS[form][0](draw()))
    monkeypatch.setattr("wideopen.photo.files.MAX_PIXELS", 60 * 80 - 1)
    with pytest.raises(DepthError, match="80x60 px is more than"):
        load_depth(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(DepthError, match="no such file"):
        load_depth(tmp_path / "none.png")
    with pytest.raises(DepthError, match="is a folder"):
        load_depth(tmp_path)


def test_shapes() -> None:
    depth = DepthMap(np.zeros((192, 256), np.float32), metric=False)
    check_shape(depth, 3024, 4032, "map")
    check_shape(depth, 192, 258, "map")
    check_shape(DepthMap(np.zeros((3, 5), np.float32), False), 300, 450, "map")  # Rounded.
    with pytest.raises(DepthError, match=r"map: is 256x192 px, another shape than the photo's 3024x4032; turn the map"):
        check_shape(depth, 4032, 3024, "map")
    with pytest.raises(DepthError, match="not cropped"):
        check_shape(depth, 3024, 5376, "map")


@pytest.mark.parametrize(("kind", "channels"), [(b"Pf", 1), (b"PF", 3)])
@pytest.mark.parametrize("order", ["<f4", ">f4"])
def test_a_pfm_is_whole_or_refused(kind: bytes, channels: int, order: str) -> None:
    values = np.arange(1, 6 * channels + 1, dtype=order).reshape(2, 3, channels)
    whole = kind + b"\n3 2\n" + (b"-1.0" if order == "<f4" else b"1.0") + b"\n" + values[::-1].tobytes()
    np.testing.assert_array_equal(_decode_pfm(whole), values.squeeze())
    with pytest.raises(ValueError, match=f"^{24 * channels - 1} of {24 * channels} bytes are there"):
        _decode_pfm(whole[:-1])


@pytest.mark.parametrize(("columns", "fits"), [(388, True), (387, False), (412, True), (413, False)])
def test_a_map_is_of_the_photo_s_shape_within_three_per_cent(columns: int, fits: bool) -> None:
    assert same_shape(300, columns, 3000, 4000) == fits
    assert same_shape(columns, 300, 4000, 3000) == fits


def test_small_maps_are_rounded_to_whole_pixels() -> None:
    assert same_shape(3, 5, 300, 400) and same_shape(3, 3, 300, 400) and not same_shape(3, 6, 300, 400)


@pytest.mark.parametrize(
    ("kind", "near", "far"), [(np.uint8, 2, 3), (np.uint16, 514, 515), (np.float32, 0.0078, 0.0079)]
)
def test_what_is_two_steps_off_grey_is_grey(kind: type, near: float, far: float) -> None:
    grey = np.zeros((4, 6, 3), kind)
    grey[:, 3:] = np.iinfo(kind).max if kind is not np.float32 else 1
    grey[1, 1, 1] = near
    np.testing.assert_array_equal(check_channel(grey, "map"), grey[..., 1].astype(np.float32))
    grey[1, 1, 1] = far
    with pytest.raises(DepthError, match="is a colour picture"):
        check_channel(grey, "map")


def test_one_channel_in_a_thousand_parts_is_an_outlier() -> None:
    """Of 10,000 pixels the tenth from either end is where the map begins and ends."""
    values = np.full((100, 100), 0.5, np.float32)
    values[0, :9], values[1, :9], values[2, 0], values[3, 0] = 0.0, 1.0, 0.25, 0.75
    found = decode(values).disparity
    assert found[2, 0] == found[0, 0] == 0 and found[3, 0] == found[1, 0] == 1 and found[50, 50] == pytest.approx(0.5)
