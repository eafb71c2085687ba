"""JPEG XL through its plug-in: pixels, what belongs to them, sizes told beforehand, damage."""

import io
from pathlib import Path

import numpy as np
import pillow_jxl  # noqa: F401
import pytest
from PIL import Image

from wideopen import OutputError, PhotoError
from wideopen.photo.cicp import make_profile
from wideopen.photo.encode import losses
from wideopen.photo.files import decode, save, to_bytes
from wideopen.photo.formats import jxl
from wideopen.photo.photo import Photo

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><b>sunset</b></x:xmpmeta>'


def draw(height: int = 40, width: int = 56, channels: int = 3) -> np.ndarray:
    y, x = np.mgrid[:height, :width] / (height + width)
    image = np.stack([0.2 + 0.7 * x, 0.9 - 0.8 * y, 0.3 + 0.5 * x * y, 0.4 + 0.6 * y], axis=2)[..., :channels]
    return np.rint(image.squeeze() * 255).astype(np.uint8)


def encode(pixels: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JXL", **{"lossless": True, **options})
    return buffer.getvalue()


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("container", [False, True])
def test_pixels(channels: int, container: bool) -> None:
    pixels = draw(channels=channels)
    photo = decode(encode(pixels, use_container=container))
    expected = np.stack([pixels] * 3, axis=2) if channels == 1 else pixels[..., :3]
    np.testing.assert_array_equal(photo.pixels, expected)
    assert photo.grey == (channels == 1) and (photo.alpha is not None) == (channels == 4)
    written = to_bytes(photo, "JXL")
    with Image.open(io.BytesIO(written)) as image:
        assert image.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
        assert np.abs(np.asarray(image).astype(int) - pixels).mean() < 2


def test_grey_of_sixteen_bits() -> None:
    pixels = draw(channels=1).astype(np.uint16) * 257
    np.testing.assert_array_equal(decode(encode(pixels)).pixels[..., 0], pixels)


@pytest.mark.parametrize("size", [(8, 8), (40, 56), (64, 96), (256, 256), (1, 700), (3000, 2), (90, 120), (72, 128)])
def test_header(size: tuple[int, int]) -> None:
    """Sizes in each of the ways that they are written."""
    data = encode(np.zeros((*size, 3), np.uint8))
    assert jxl.read_header(data) == (size[1], size[0], 8)
    assert jxl.read_header(encode(np.zeros(size, np.uint16)))[:2] == (size[1], size[0])


def test_metadata() -> None:
    tags = Image.Exif()
    tags[0x010F], tags[0x0112] = "Maker", 6
    photo = decode(encode(draw(), exif=tags.tobytes(), xmp=XMP))
    np.testing.assert_array_equal(photo.pixels, draw())  # Its own header says how it lies, not EXIF (18181-2, 9.5).
    assert b"sunset" in photo.xmp
    again = decode(to_bytes(photo, "JXL"))
    assert b"sunset" in again.xmp and b"Maker" in again.exif
    kept = Image.Exif()
    kept.load(again.exif)
    assert kept[0x0112] == 1
    assert not decode(to_bytes(photo.stripped(), "JXL")).xmp


def test_profile_is_applied() -> None:
    """The plug-in writes none, so that colours are brought to sRGB, which is said."""
    photo = Photo(np.full((16, 16, 3), (200, 120, 90), np.uint8), icc=make_profile(12, 13))
    assert any("sRGB" in line for line in losses(photo, "JXL"))
    found = decode(to_bytes(photo, "JXL")).pixels.reshape(-1, 3).mean(axis=0)
    np.testing.assert_allclose(found, [215, 117, 82], atol=4)  # Display P3 to sRGB, by the matrices of both.


def test_bad_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encode(draw(), use_container=True)
    for part in range(1, 20):
        with pytest.raises(PhotoError) as caught:
            decode(whole[: len(whole) * part // 20], "a.jxl")
        assert str(caught.value).startswith("a.jxl: ") and "\n" not in str(caught.value)
    with monkeypatch.context() as patch:
        patch.setattr("wideopen.photo.files.MAX_PIXELS", 40 * 56 - 1)
        with pytest.raises(PhotoError, match="56x40"):
            decode(whole)
    with monkeypatch.context() as patch:
        patch.setitem(__import__("sys").modules, "pillow_jxl", None)
        with pytest.raises(PhotoError, match="needs pillow-jxl-plugin"):
            decode(whole)
        with pytest.raises(OutputError, match=r"wideopen\[jxl\]"):
            save(Photo(draw()), tmp_path / "out.jxl")


class Bits:
    """A codestream's header, written bit by bit from the lowest on (ISO/IEC 18181-1, B.2)."""

    def __init__(self) -> None:
        self.value, self.count = 0, 0

    def put(self, *fields: tuple[int, int]) -> "Bits":
        """(value, how many bits) each."""
        for value, count in fields:
            self.value |= value << self.count
            self.count += count
        return self

    def data(self) -> bytes:
        return b"\xff\x0a" + self.value.to_bytes(30, "little")


SIZE_40_56 = (1, 1), (4, 5), (0, 3), (6, 5)
"""Small, (4 + 1) * 8 high, a ratio of its own, (6 + 1) * 8 wide."""


@pytest.mark.parametrize(
    ("fields", "bits"),
    [
        (((1, 1),), 8),
        (((0, 1), (0, 1), (0, 1), (0, 2)), 8),
        (((0, 1), (0, 1), (0, 1), (1, 2)), 10),
        (((0, 1), (0, 1), (0, 1), (2, 2)), 12),
        (((0, 1), (0, 1), (0, 1), (3, 2), (15, 6)), 16),
        (((0, 1), (0, 1), (1, 1)), 32),
        (((0, 1), (1, 1), (5, 3), (0, 3), (0, 1), (1, 2)), 10),
        (((0, 1), (1, 1), (0, 3), (4, 3)), 8),
    ],
    ids=["default", "8", "10", "12", "16", "float", "turned", "animated"],
)
def test_bits_of_a_header(fields: tuple[tuple[int, int], ...], bits: int) -> None:
    assert jxl.read_header(Bits().put(*SIZE_40_56, *fields).data()) == (56, 40, bits)


def test_boxes_of_every_length_are_passed() -> None:
    """Of 32 bits, of 64 bits, and up to the end (ISO/IEC 14496-12, 4.2)."""
    start, stream = b"\0\0\0\x0cJXL \r\n\x87\n", encode(draw(), use_container=False)
    long = (1).to_bytes(4, "big") + b"xml " + (16 + len(XMP)).to_bytes(8, "big") + XMP
    data = start + (11).to_bytes(4, "big") + b"free123" + long + bytes(4) + b"jxlc" + stream
    assert jxl.packet(data) == XMP and jxl.read_header(data) == (56, 40, 8)
    with pytest.raises(ValueError, match="no picture"):
        jxl.read_header(start + stream)
