"""PQ and HLG pictures: to light and back as BT.2100 says, in every format that can say what its values are."""

import io
import math
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pillow_heif
import pytest
from PIL import Image

from wideopen import Renderer
from wideopen.image.true_light import CURVES
from wideopen.photo.cicp import make_profile
from wideopen.photo.encode import losses
from wideopen.photo.files import decode, to_bytes
from wideopen.photo.photo import Photo

PQ, HLG = (9, 16), (9, 18)
BOTH = pytest.mark.parametrize("numbers", [PQ, HLG], ids=["PQ", "HLG"])


def reference(code: float, transfer: int) -> float:
    """Light of a signal, one number at a time, as BT.2100 writes it: table 4's EOTF of PQ in units of 203 cd/m2, and
    table 5's OETF of HLG turned round by bisection, in units of what has 75 % signal."""
    if transfer == 16:
        m1, m2, c2, c3 = 2610 / 2**14, 2523 / 2**5, 2413 / 2**7, 2392 / 2**7
        c1 = c3 - c2 + 1
        power = code ** (1 / m2)
        return 10000 * (max(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1) / 203

    def signal(scene: float) -> float:
        a, b = 0.17883277, 1 - 4 * 0.17883277
        return math.sqrt(3 * scene) if scene <= 1 / 12 else a * math.log(12 * scene - b) + 0.5 - a * math.log(4 * a)

    def scene(wanted: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if signal(middle) < wanted else (low, middle)
        return low

    return scene(code) / scene(0.75)


@BOTH
def test_curve(numbers: tuple[int, int]) -> None:
    curve = CURVES[numbers[1]]
    codes = np.arange(0, 65536, 37, dtype=np.uint16)
    light = curve.decode(codes)
    expected = np.array([reference(code / 65535, numbers[1]) for code in codes.tolist()])
    np.testing.assert_allclose(light, expected, rtol=2e-5, atol=1e-9)
    # Back within one code value of 16 bits, also between the codes.
    np.testing.assert_allclose(curve.encode(expected) * 65535, codes, atol=0.02)
    between = np.array([reference(code / 65535 + 0.4 / 65535, numbers[1]) for code in codes[:-1].tolist()])
    np.testing.assert_allclose(curve.encode(between) * 65535, codes[:-1] + 0.4, atol=0.5)


def picture(side: int = 128) -> np.ndarray:
    """Smooth 16-bit codes; each of 10 bits stretched, so that formats of 10 bits can hold them."""
    y, x = np.mgrid[:side, :side] / side
    ten = np.rint(np.stack([0.2 + 0.5 * x, 0.7 - 0.4 * y, 0.3 + 0.3 * x * y], axis=2) * 1023).astype(np.uint16)
    return ten << 6 | ten >> 4


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(pixels: np.ndarray, numbers: tuple[int, int]) -> bytes:
    data = cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()
    return data[:33] + chunk(b"cICP", bytes([*numbers, 0, 1])) + data[33:]


def heic(pixels: np.ndarray, numbers: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    file = pillow_heif.from_bytes("RGB;16", (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    said = {"color_primaries": numbers[0], "transfer_characteristics": numbers[1], "matrix_coefficients": 9}
    file.save(buffer, quality=95, chroma="444", **said)
    return buffer.getvalue()


@BOTH
@pytest.mark.parametrize("format", ["PNG", "HEIF", "AVIF"])
def test_formats(numbers: tuple[int, int], format: str) -> None:
    """Read from PNG and HEIC, written in all three: the same codes, and the same numbers said by other readers."""
    for make in (png, heic):
        photo = decode(make(picture(), numbers))
        assert photo.hdr == numbers and photo.notices == ()
        assert not any("clipped" in line for line in losses(photo, format))
        assert np.abs(photo.pixels.astype(int) - picture()).mean() / 64 < 1.5
        file = to_bytes(photo, format)
        again = decode(file)
        assert again.hdr == numbers
        assert np.abs(again.pixels.astype(int) - photo.pixels).mean() / 64 < (0.01 if format == "PNG" else 2)
        if format == "PNG":
            assert file.count(b"cICP" + bytes([*numbers, 0, 1])) == 1
        elif format == "HEIF":
            said = pillow_heif.open_heif(file).info["nclx_profile"]
            assert (said["color_primaries"], said["transfer_characteristics"]) == numbers
            assert said["matrix_coefficients"] == (9 if numbers[0] == 9 else 6)
        else:
            assert file.count(b"colrnclx" + struct.pack(">HH", *numbers)) == 1


@BOTH
def test_rendered(numbers: tuple[int, int]) -> None:
    """A lamp of several times white gives the disc that its light makes; what is in focus keeps its codes."""
    curve = CURVES[numbers[1]]
    light = np.full((200, 300, 3), 0.1, np.float32)
    light[98:102, 198:202] = (3.2, 3.0, 2.8)
    codes = np.rint(curve.encode(light) * 65535).astype(np.uint16)
    depth = np.full((200, 300), 0.2, np.float32)
    depth[:, :60] = 1
    photo = decode(png(codes, numbers))
    sharp, _ = Renderer(aperture=math.inf).render_photo(photo, depth)
    np.testing.assert_array_equal(sharp.pixels, codes)
    done, _ = Renderer(aperture=2.0, focus=(0.05, 0.5)).render_photo(photo, depth)
    np.testing.assert_array_equal(done.pixels[:, :40], codes[:, :40])
    soft = curve.decode(done.pixels)
    assert soft[100, 200].max() < 1.5
    before, after = (float((part[50:150, 150:250] - 0.1).sum()) for part in (curve.decode(codes), soft))
    assert after == pytest.approx(before, rel=0.01)


@BOTH
def test_into_formats_that_hold_no_hdr(numbers: tuple[int, int]) -> None:
    """Clipped at white, in the same primaries, and said; EXR holds the light."""
    codes = np.rint(CURVES[numbers[1]].encode(np.array([[[0.18, 1, 2.5]]])) * 65535).astype(np.uint16)
    photo = Photo(codes, hdr=numbers)
    for format in ("TIFF", "JPEG", "WEBP"):
        assert any("clipped at white" in line for line in losses(photo, format))
    found = decode(to_bytes(photo, "TIFF"))
    assert found.icc == make_profile(9, 13)
    np.testing.assert_allclose(found.pixels[0, 0] / 65535, [0.4613, 1, 1], atol=2e-4)
    exr = to_bytes(photo, "EXR")
    np.testing.assert_allclose(decode(exr).pixels[0, 0], [0.18, 1, 2.5], rtol=2e-4)
    said = OpenEXR.File(io.BytesIO(exr), header_only=True).header()["chromaticities"]
    np.testing.assert_allclose(said[:6], (0.708, 0.292, 0.170, 0.797, 0.131, 0.046), atol=1e-6)


def test_numbers_win_over_a_profile(tmp_path: Path) -> None:
    """A PNG's profile is there for programs that do not know the numbers."""
    data = png(picture(16), PQ)
    profile = chunk(b"iCCP", b"x\0\0" + zlib.compress(make_profile(12, 13)))
    photo = decode(data[:33] + profile + data[33:])
    assert photo.hdr == PQ and photo.curve is CURVES[16]
    with Image.open(io.BytesIO(to_bytes(photo, "PNG"))) as image:
        image.load()
