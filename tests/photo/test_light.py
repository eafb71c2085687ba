"""TIFF and EXR files of real numbers: linear light in and out, bit for bit."""

import io
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import tifffile

from wideopen import OutputError, PhotoError
from wideopen.photo.encode import losses
from wideopen.photo.files import decode, load, save, to_bytes
from wideopen.photo.formats.exr import _from_luminance
from wideopen.photo.formats.light import as_picture
from wideopen.photo.photo import Photo

RNG = np.random.default_rng(2)
LIGHT = (RNG.random((30, 44, 3)) ** 6 * 502 - 2).astype(np.float32)
KINDS = {
    "plain": {},
    "deflated": {"compression": "zlib"},
    "tiles": {"tile": (16, 16)},
    "planes": {"planarconfig": "separate"},
    "big-endian": {"byteorder": ">"},
}


def tiff(light: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    photometric = "rgb" if light.ndim == 3 else "minisblack"
    stored = np.moveaxis(light, 2, 0) if options.get("planarconfig") else light
    tifffile.imwrite(buffer, stored, photometric=photometric, metadata=None, **options)
    return buffer.getvalue()


def exr(channels: dict[str, np.ndarray], **header: object) -> bytes:
    buffer = io.BytesIO()
    OpenEXR.File({"compression": OpenEXR.PIZ_COMPRESSION, "type": OpenEXR.scanlineimage, **header}, channels).write(
        buffer
    )
    return buffer.getvalue()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_tiff(kind: str, dtype: type) -> None:
    light = LIGHT.astype(dtype)
    photo = decode(tiff(light, **KINDS[kind]))
    np.testing.assert_array_equal(photo.pixels, light.astype(np.float32))
    assert photo.half == (dtype is np.float16) and (photo.notices != ()) == (dtype is np.float64)
    written = tifffile.imread(io.BytesIO(to_bytes(photo, "TIFF")))
    assert written.dtype == (np.float16 if photo.half else np.float32)
    np.testing.assert_array_equal(written.astype(np.float32), light.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("grey", [False, True])
def test_exr(tmp_path: Path, dtype: type, grey: bool) -> None:
    light = LIGHT.astype(dtype)
    names = "Y" if grey else "RGB"
    window = ((5, 7), (48, 36))
    header = {"chromaticities": (0.7, 0.3, 0.2, 0.7, 0.1, 0.05, 0.31, 0.33), "dataWindow": window, "owner": "A"}
    file = exr({name: np.ascontiguousarray(light[..., index]) for index, name in enumerate(names)}, **header)
    photo = decode(file)
    assert photo.grey == grey and photo.notices == ()
    np.testing.assert_array_equal(photo.pixels[..., : len(names)], light[..., : len(names)].astype(np.float32))
    save(photo, tmp_path / "out.exr")
    written = OpenEXR.File(str(tmp_path / "out.exr"), separate_channels=True)
    for index, name in enumerate(names):
        stored = written.channels()[name].pixels
        assert stored.dtype == dtype
        np.testing.assert_array_equal(stored, light[..., index])
    said = written.header()
    assert said["owner"] == "A" and np.allclose(said["chromaticities"], header["chromaticities"])
    assert np.array_equal(said["dataWindow"], window)
    stripped = decode(to_bytes(photo.stripped(), "EXR")).header
    assert "owner" not in stripped and "chromaticities" in stripped


def test_grey_and_orientation() -> None:
    """A grey TIFF stays grey; one that lies on its side is turned, stored in planes or not."""
    photo = decode(tiff(LIGHT[..., 0]))
    assert photo.grey
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(to_bytes(photo, "TIFF"))), LIGHT[..., 0])
    turned = [(0x0112, 3, 1, 6, True)]
    for options in ({}, {"planarconfig": "separate"}):
        photo = decode(tiff(LIGHT, extratags=turned, **options))
        np.testing.assert_array_equal(photo.pixels, np.rot90(LIGHT, -1))


def test_metadata_is_kept() -> None:
    tags = [(0x010F, 2, 0, "Maker", True), (700, 1, 19, b"<x:xmpmeta>a</x:xmpm", True)]
    photo = decode(tiff(LIGHT, extratags=tags, resolution=(300, 300)))
    with tifffile.TiffFile(io.BytesIO(to_bytes(photo, "TIFF"))) as file:
        assert file.pages[0].tags["Make"].value == "Maker"
        assert file.pages[0].tags["XResolution"].value == (300, 1)
    assert "Make" not in tifffile.TiffFile(io.BytesIO(to_bytes(photo.stripped(), "TIFF"))).pages[0].tags


def test_from_and_into_other_formats() -> None:
    """Light is clipped into pictures, which is said; pictures become light."""
    photo = Photo(np.array([[[-1, 0, 0.5], [1, 2, 500]]], np.float32), format="TIFF")
    assert any("clipped" in line for line in losses(photo, "PNG")) and not losses(photo, "EXR")
    found = decode(to_bytes(photo, "PNG")).pixels
    np.testing.assert_allclose(found, [[[0, 0, 65535 * 0.73536], [65535, 65535, 65535]]], atol=1)  # IEC 61966-2-1
    back = decode(to_bytes(Photo(found), "EXR"))
    np.testing.assert_allclose(back.pixels, photo.pixels.clip(0, 1), atol=2e-5)
    half = decode(to_bytes(Photo(np.full((2, 2, 3), 255, np.uint8), alpha=np.zeros((2, 2), np.uint8)), "EXR"))
    assert half.half and (half.pixels == 1).all()


def test_what_is_left_out_is_said() -> None:
    planes = {name: np.ascontiguousarray(LIGHT[..., 0]) for name in ("R", "G", "B", "Z")}
    photo = decode(exr({**planes, "A": np.zeros(LIGHT.shape[:2], np.float32)}))
    assert photo.notices == (
        "its transparency is left out: colours stay as on black",
        "further channels are left out: Z",
    )
    covered = decode(tiff(np.dstack([LIGHT, LIGHT[..., :1]]), extrasamples=[2]))
    assert covered.notices == ("its transparency is left out",)
    np.testing.assert_array_equal(covered.pixels, LIGHT)


def test_bad_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = LIGHT.copy()
    broken[3, 4] = np.nan
    with pytest.raises(PhotoError, match="infinite or none"):
        decode(tiff(broken))
    with pytest.raises(PhotoError, match="save it with R, G, B or Y"):
        decode(exr({"Z": np.ascontiguousarray(LIGHT[..., 0])}))
    whole = {"a.tif": tiff(LIGHT), "b.exr": exr({name: np.ascontiguousarray(LIGHT[..., 0]) for name in "RGB"})}
    for name, data in whole.items():
        for part in range(1, 20):
            with pytest.raises(PhotoError) as caught:
                decode(data[: len(data) * part // 20], name)
            assert str(caught.value).startswith(f"{name}: ") and "\n" not in str(caught.value)
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda *_: None)
        with pytest.raises(OutputError, match="wideopen\\[exr\\]"):
            save(Photo(LIGHT), tmp_path / "out.exr")
    with monkeypatch.context() as patch:
        patch.setitem(__import__("sys").modules, "OpenEXR", None)
        (tmp_path / "b.exr").write_bytes(whole["b.exr"])
        with pytest.raises(PhotoError, match="needs OpenEXR"):
            load(tmp_path / "b.exr")


def test_luminance_and_colour_differences() -> None:
    """What other programs write with colour at half the size; made here without a filter."""
    y, x = np.mgrid[:32, :44] / np.float32(44)
    r, g, b = 0.2 + x, 0.3 + 0 * x, 0.1 + y
    luminance = (0.2126 * r + 0.7152 * g + 0.0722 * b).astype(np.float32)
    ry, by = ((part / luminance - 1).reshape(16, 2, 22, 2).mean(axis=(1, 3)) for part in (r, b))
    found = _from_luminance(luminance, *(np.asarray(part, np.float32) for part in (ry, by)))
    for name, expected in (("R", r), ("G", g), ("B", b)):
        np.testing.assert_allclose(found[name][2:-2, 2:-2], expected[2:-2, 2:-2], atol=0.004)


def test_a_picture_of_light_has_a_cover_as_deep() -> None:
    """Grey light of 18 % is 0.461 by sRGB's curve (IEC 61966-2-1); what is beyond black and white is cut off."""
    light = np.array([[[-1, 0, 0.18], [1, 2, 0.18]]], np.float32)
    for alpha in (np.array([[0, 128]], np.uint8), np.array([[0, 128 * 257]], np.uint16)):
        done = as_picture(Photo(light, alpha=alpha))
        assert done.alpha is not None and done.alpha.dtype == done.pixels.dtype == np.uint16
        assert done.alpha.tolist() == [[0, 128 * 257]]
        assert np.abs(done.pixels / 65535 - [[[0, 0, 0.4614], [1, 1, 0.4614]]]).max() < 1e-4


def test_transparency_in_planes_is_left_out_and_said() -> None:
    clear = np.dstack([LIGHT, np.ones(LIGHT.shape[:2], np.float32)])
    for alpha, said in ((1.0, ()), (0.5, ("its transparency is left out",))):
        clear[3, 5, 3] = alpha
        for planar in ({}, {"planarconfig": "separate"}):
            photo = decode(tiff(clear, **planar))
            assert photo.notices == said and photo.alpha is None
            np.testing.assert_array_equal(photo.pixels, LIGHT)
