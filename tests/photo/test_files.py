"""Files of other programs read, and read by them when written again."""

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin
from PIL.PngImagePlugin import PngInfo

from wideopen import OutputError, PhotoError
from wideopen.photo.avif import encode_deep
from wideopen.photo.files import decode, load, save, to_bytes
from wideopen.photo.jpeg_parts import jpeg_size, segments
from wideopen.photo.photo import Photo

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/><b>sunset</b></x:xmpmeta>'
SUFFIXES = (".jpg", ".png", ".tif", ".webp")
TURN = {
    1: lambda image: image,
    2: np.fliplr,
    3: lambda image: np.rot90(image, 2),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: np.rot90(np.swapaxes(image, 0, 1), 2),
    8: np.rot90,
}


def draw(height: int = 40, width: int = 56, channels: int = 3, dtype: type = np.uint8) -> NDArray:
    """Smooth colours with one marked corner, which any compression keeps."""
    y, x = np.mgrid[:height, :width] / (height + width)
    image = np.stack([0.2 + 0.7 * x, 0.9 - 0.8 * y, 0.3 + 0.5 * x * y, 0.4 + 0.6 * y], axis=2)[..., :channels]
    image[:16, :16, 0] = 0.9
    return np.rint(image.squeeze() * np.iinfo(dtype).max).astype(dtype)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def exif(orientation: int = 1) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112], tags[0x010F], tags[0x013B] = orientation, "Maker", "Ansel"
    tags.get_ifd(0x8769).update({0x829A: 0.004, 0x9003: "2020:05:06 07:08:09"})
    tags.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 15.0)})
    return tags


def tags_of(path: Path) -> dict[int, object]:
    with Image.open(path) as image:
        tags = image.getexif()
        names = {tag: tags.get(tag) for tag in (0x0112, 0x010F, 0x013B)}
        return {**names, **tags.get_ifd(0x8769), **tags.get_ifd(0x8825)}


def pillow_pixels(path: Path) -> NDArray:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image))


def write_by_pillow(path: Path, pixels: NDArray, orientation: int = 1) -> Path:
    image = Image.fromarray(pixels)
    options: dict[str, object] = {"exif": exif(orientation), "icc_profile": ICC}
    if path.suffix == ".png":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP.decode())
        options["pnginfo"] = info
    elif path.suffix == ".tif":
        tags = exif(orientation)
        tags[700] = XMP
        options["exif"] = tags
    else:
        options["xmp"] = XMP
    if path.suffix in (".jpg", ".webp"):
        options["quality"] = 91
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = write_by_pillow(tmp_path / f"photo{suffix}", draw(), orientation)
    photo = load(path)
    np.testing.assert_array_equal(photo.pixels, pillow_pixels(path))
    out = tmp_path / f"out{suffix}"
    save(photo, out)
    with Image.open(out) as image:
        assert image.getexif().get(0x0112, 1) == 1
        assert np.abs(np.asarray(image).astype(int) - photo.pixels).mean() <= (2 if suffix in (".jpg", ".webp") else 0)


@pytest.mark.parametrize("target", SUFFIXES)
@pytest.mark.parametrize("source", SUFFIXES)
def test_metadata_survives(tmp_path: Path, source: str, target: str) -> None:
    path = write_by_pillow(tmp_path / f"photo{source}", draw(), orientation=6)
    out = tmp_path / f"out{target}"
    save(load(path), out)
    before, after = tags_of(path), tags_of(out)
    assert after.pop(0x0112) in (1, None) and before.pop(0x0112) == 6
    assert after == before
    again = load(out)
    assert again.icc == ICC
    assert b"sunset" in again.xmp and b'Orientation="6"' not in again.xmp


def test_thumbnail_and_maker_notes(tmp_path: Path) -> None:
    """The blob stays as it was but for the orientation and the link to the thumbnail."""
    blob = exif(3).tobytes()
    start = 6
    (first,) = struct.unpack_from("<I" if blob[start : start + 2] == b"II" else ">I", blob, start + 4)
    order = "<" if blob[start : start + 2] == b"II" else ">"
    (count,) = struct.unpack_from(order + "H", blob, start + first)
    linked = bytearray(blob)
    struct.pack_into(order + "I", linked, start + first + 2 + 12 * count, 8)
    buffer = io.BytesIO()
    Image.fromarray(draw()).save(buffer, "JPEG", exif=bytes(linked))
    kept = decode(buffer.getvalue()).exif
    changed = [i for i, (a, b) in enumerate(zip(kept, linked[start:], strict=True)) if a != b]
    assert len(changed) == 2
    assert struct.unpack_from(order + "I", kept, first + 2 + 12 * count) == (0,)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("orientation", [1, 2, 3, 6, 7, 8])
def test_sixteen_bits(tmp_path: Path, suffix: str, channels: int, orientation: int) -> None:
    pixels = draw(channels=channels, dtype=np.uint16)
    path = tmp_path / f"deep{suffix}"
    if suffix == ".tif":
        tag = [(0x0112, 3, 1, orientation, True)]
        photometric = "minisblack" if channels == 1 else "rgb"
        tifffile.imwrite(path, pixels, extratags=tag, photometric=photometric, extrasamples=[2] * (channels == 4))
    else:
        order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
        coded = pixels if channels == 1 else cv2.cvtColor(pixels, order[channels])
        data = cv2.imencode(".png", coded)[1].tobytes()
        chunk = png_chunk(b"eXIf", exif(orientation).tobytes()[6:])
        path.write_bytes(data[:33] + chunk + data[33:])
    photo = load(path)
    assert photo.pixels.dtype == np.uint16 and photo.grey == (channels == 1)
    upright = TURN[orientation](pixels)
    expected = np.stack([upright] * 3, axis=2) if channels == 1 else upright[..., :3]
    np.testing.assert_array_equal(photo.pixels, expected)
    assert (photo.alpha is None) == (channels < 4)

    for target in (".tif", ".png"):
        out = tmp_path / f"out{target}"
        save(Photo(**{**vars(photo), "icc": ICC, "xmp": XMP, "exif": exif().tobytes()[6:], "dpi": (300.0, 300.0)}), out)
        if target == ".tif":
            np.testing.assert_array_equal(tifffile.imread(out), upright)
        else:
            with Image.open(out) as image:
                image.load()  # Checks every chunk's sum.
        again = load(out)
        np.testing.assert_array_equal(again.pixels, expected)
        if photo.alpha is not None:
            np.testing.assert_array_equal(again.alpha, photo.alpha)
        assert (again.icc, again.xmp.count(b"sunset"), again.grey) == (ICC, 1, photo.grey)
        assert again.dpi == pytest.approx((300, 300), rel=1e-3)
        assert tags_of(out)[0x9003] == "2020:05:06 07:08:09"


def test_sixteen_bits_into_eight(tmp_path: Path) -> None:
    pixels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    photo = Photo(np.stack([pixels] * 3, axis=2), grey=True)
    save(photo, tmp_path / "out.jpg", quality=100)
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.mode == "L" and np.abs(np.asarray(image) - pixels / 257).max() < 4


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_grey_stays_grey(tmp_path: Path, suffix: str) -> None:
    pixels = draw(channels=1)
    path = tmp_path / f"grey{suffix}"
    Image.fromarray(pixels).save(path, **({"lossless": True} if suffix == ".webp" else {}))
    photo = load(path)
    with Image.open(path) as image:
        stored = np.asarray(image.convert("L"))
    np.testing.assert_array_equal(photo.pixels, np.stack([stored] * 3, axis=2))
    if suffix != ".webp":  # WebP has no grey.
        out = tmp_path / f"out{suffix}"
        save(photo, out)
        with Image.open(out) as image:
            assert image.mode == "L"
            assert np.abs(np.asarray(image).astype(int) - stored).max() <= (3 if suffix == ".jpg" else 0)


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "PA"])
def test_other_modes_of_png(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(draw(channels=4))
    path = tmp_path / "photo.png"
    if mode == "PA":  # A palette with a transparent colour.
        image.convert("RGB").quantize(16).save(path, transparency=3)
    else:
        image.convert("RGB" if mode in "1P" else "RGBA").convert(mode).save(path)
    with Image.open(path) as stored:
        expected = np.asarray(stored.convert("RGBA"))
    photo = load(path)
    np.testing.assert_array_equal(photo.pixels, expected[..., :3])
    assert (photo.alpha is not None) == (mode in ("LA", "RGBA", "PA"))
    for suffix in (".png", ".tif"):
        out = tmp_path / f"out{suffix}"
        save(photo, out)
        with Image.open(out) as image:
            np.testing.assert_array_equal(np.asarray(image.convert("RGBA")), expected)


def test_alpha_on_white_in_jpeg(tmp_path: Path) -> None:
    photo = Photo(np.zeros((16, 16, 3), np.uint8), alpha=np.full((16, 16), 51, np.uint8))
    save(photo, tmp_path / "out.jpg")
    assert np.abs(pillow_pixels(tmp_path / "out.jpg").astype(int) - 204).max() <= 1


def test_cmyk(tmp_path: Path) -> None:
    path = tmp_path / "cmyk.jpg"
    Image.fromarray(draw()).convert("CMYK").save(path, quality=95)
    photo = load(path)
    assert np.abs(photo.pixels.astype(int) - draw()).mean() < 4
    assert photo.icc == b"" and photo.tables is None


def test_lab_becomes_srgb(tmp_path: Path) -> None:
    path = tmp_path / "lab.tif"
    lab = ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(Image.fromarray(draw()), ImageCms.createProfile("sRGB"), lab, outputMode="LAB")
    assert image is not None
    image.save(path)
    assert np.abs(load(path).pixels.astype(int) - draw()).mean() < 4


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [60, 97])
def test_jpeg_quality_is_kept(tmp_path: Path, quality: int, subsampling: int) -> None:
    path, out, asked = (tmp_path / name for name in ("photo.jpg", "out.jpg", "asked.jpg"))
    Image.fromarray(draw()).save(path, quality=quality, subsampling=subsampling)
    save(load(path), out)
    save(load(path), asked, quality=75)
    with Image.open(path) as before, Image.open(out) as after, Image.open(asked) as changed:
        assert isinstance(before, JpegImagePlugin.JpegImageFile) and isinstance(after, JpegImagePlugin.JpegImageFile)
        assert after.quantization == before.quantization
        assert JpegImagePlugin.get_sampling(after) == subsampling == JpegImagePlugin.get_sampling(changed)
        assert changed.quantization != before.quantization


def jpeg() -> bytes:
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG of a few hundred bytes that claims 60,000 x 60,000 px."""
    file = b"\x89PNG\r\n\x1a\n"
    for kind, body in (
        (b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(100_000))),
        (b"IEND", b""),
    ):
        file += png_chunk(kind, body)
    return file


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"This is not a photo.\n", "not a JPEG"),
        (jpeg()[:-3000], "cut short"),
        (jpeg()[:300], "damaged"),
        (bomb(), "megapixels"),
    ],
)
def test_bad_files(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(data)
    with pytest.raises(PhotoError, match=says) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_cut_anywhere(tmp_path: Path, suffix: str) -> None:
    """A file cut short is refused, wherever: never a crash, never a photo that is grey below.

    A JPEG's last twentieth is another matter: tests/photo/test_jpeg_end.py.
    """
    whole = write_by_pillow(tmp_path / f"photo{suffix}", draw(160, 160)).read_bytes()
    for part in range(1, 19):
        with pytest.raises(PhotoError):
            decode(whole[: len(whole) * part // 20])


def test_cut_sixteen_bits(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 65536, (50, 50, 3), np.uint16)
    for suffix in (".png", ".tif"):
        save(Photo(noise), tmp_path / f"deep{suffix}")
        whole = (tmp_path / f"deep{suffix}").read_bytes()
        for part in range(1, 10):
            with pytest.raises(PhotoError):
                decode(whole[: len(whole) * part // 10])


def test_just_above_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wideopen.photo.files.MAX_PIXELS", 200 * 200 - 1)
    with pytest.raises(PhotoError, match="200x200"):
        decode(jpeg())


def test_missing_folder_and_wide_integers(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="no such file"):
        load(tmp_path / "none.jpg")
    with pytest.raises(PhotoError, match="is a folder"):
        load(tmp_path)
    tifffile.imwrite(tmp_path / "wide.tif", draw(channels=1).astype(np.int32))
    with pytest.raises(PhotoError, match="32 bits"):
        load(tmp_path / "wide.tif")


def test_tag_in_the_wrong_directory(tmp_path: Path) -> None:
    """Thermal cameras put the interoperability directory's tag (40965) into a TIFF's first one."""
    pixels = draw(channels=1, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "thermal.tif", pixels, extratags=[(40965, 4, 1, 8, True)])
    photo = load(tmp_path / "thermal.tif")
    np.testing.assert_array_equal(photo.pixels[..., 0], pixels)
    save(photo, tmp_path / "out.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), pixels)


def test_damaged_exif_is_no_obstacle() -> None:
    for blob in (b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0rubbish"):
        buffer = io.BytesIO()
        Image.fromarray(draw()).save(buffer, "JPEG", exif=blob)
        assert decode(buffer.getvalue()).pixels.shape == (40, 56, 3)


def test_bad_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = Photo(draw())
    with pytest.raises(OutputError, match="end it in one of .jpg"):
        save(photo, tmp_path / "out.bmp")
    with pytest.raises(OutputError, match="no folder"):
        save(photo, tmp_path / "none" / "out.jpg")
    with pytest.raises(OutputError, match="too large for WEBP"):
        save(Photo(np.zeros((2, 17_000, 3), np.uint8)), tmp_path / "wide.webp")
    with pytest.raises(OutputError, match="too large for JPEG"):
        save(Photo(draw(), exif=bytes(70_000)), tmp_path / "long.jpg")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        for call in ("link", "replace"):
            patch.setattr(os, call, full)
        with pytest.raises(OutputError, match="No space left"):
            save(photo, tmp_path / "out.jpg")
    assert list(tmp_path.iterdir()) == []


def test_existing_file(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    out.write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already"):
        save(Photo(draw()), out)
    assert out.read_bytes() == b"precious"
    save(Photo(draw()), out, overwrite=True)
    np.testing.assert_array_equal(load(out).pixels, draw())
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_with_pixels_keeps_size_and_type() -> None:
    with pytest.raises(ValueError, match="must stay"):
        Photo(draw()).with_pixels(draw(dtype=np.uint16))


def test_one_value_of_deep_grey_is_transparent() -> None:
    grey = draw(channels=1, dtype=np.uint16)
    grey[5, 7] = grey[30, 40] = 700
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG", transparency=700)
    photo = decode(buffer.getvalue())
    assert photo.grey and photo.alpha is not None and photo.alpha.dtype == np.uint16
    np.testing.assert_array_equal(photo.pixels, np.dstack([grey] * 3))
    np.testing.assert_array_equal(photo.alpha, np.where(grey == 700, 0, 65535))


@pytest.mark.parametrize("format", ["PNG", "TIFF", "AVIF"])
def test_deep_grey_with_alpha(format: str) -> None:
    grey, alpha = draw(channels=1, dtype=np.uint16), draw(channels=2, dtype=np.uint16)[..., 1]
    written = to_bytes(Photo(np.dstack([grey] * 3), alpha=alpha, grey=True), format, quality=100)
    photo = decode(written)
    assert photo.alpha is not None and photo.pixels.dtype == photo.alpha.dtype == np.uint16
    off = 400 if format == "AVIF" else 0
    assert np.abs(photo.pixels.astype(int) - grey[..., None]).max() <= off
    assert np.abs(photo.alpha.astype(int) - alpha).max() <= off


def test_avif_holds_ten_bits() -> None:
    """Each of its 1,024 values comes back as it was, but for what its colours are rounded to."""
    steps = np.rint(np.arange(1024) * (65535 / 1023)).astype(np.uint16).reshape(32, 32)
    found = decode(to_bytes(Photo(np.dstack([steps] * 3)), "AVIF", quality=100)).pixels
    off = found.astype(int) - steps[..., None]
    assert np.abs(off).max() < 200 and abs(off[steps > 60000].mean()) < 16


def test_avif_rounds_to_the_nearest_of_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    every, told = np.arange(65536, dtype=np.uint16).reshape(256, 256), []
    monkeypatch.setattr(
        cv2, "imencodeWithMetadata", lambda _, pixels, *rest: told.append(pixels) or (True, np.zeros(9))
    )
    encode_deep(every, 90, {})
    exact = (every.astype(np.int64) * 2 * 1023 + 65535) // (2 * 65535)
    assert np.abs(told[0] - exact).max() <= 0


def test_filling_before_a_marker_is_passed() -> None:
    """ISO/IEC 10918-1, B.1.1.2: any marker may be preceded by bytes 0xFF."""
    buffer = io.BytesIO()
    Image.fromarray(draw(40, 56)).save(buffer, "JPEG", exif=exif(6))
    whole = buffer.getvalue()
    filled = whole[:2] + b"\xff\xff" + whole[2:]
    assert jpeg_size(whole) == jpeg_size(filled) == (56, 40)
    assert list(segments(filled, 0)) == [(marker, start + 2, end + 2) for marker, start, end in segments(whole, 0)]
    assert decode(filled).pixels.shape == (56, 40, 3)
