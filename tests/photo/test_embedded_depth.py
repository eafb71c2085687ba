"""Photos with depth inside, written here byte by byte, against the map that went in."""

import io
import struct
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import tifffile
from numpy.typing import NDArray

from depth_photos import after_start, apple_jpeg, dynamic_depth_jpeg, encoded, gdepth_jpeg, heic, orientation, sei, xmp
from wideopen import DepthError
from wideopen.photo.depth import check_shape, load_depth
from wideopen.photo.embedded_depth import _appended, embedded_depth
from wideopen.photo.files import decode
from wideopen.photo.jpeg_parts import jpeg_parts

TURN = {
    1: lambda image: image,
    2: np.fliplr,
    3: lambda image: np.rot90(image, 2),
    4: np.flipud,
    5: lambda image: np.swapaxes(image, 0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: np.rot90(np.swapaxes(image, 0, 1), 2),
    8: np.rot90,
}
NEAR, FAR = 0.5, 4.0
SAID = f'GDepth:Near="{NEAR}" GDepth:Far="{FAR}"'
DYNAMIC = f'DepthMap:Near="{NEAR}" DepthMap:Far="{FAR}"'


def draw(height: int = 48, width: int = 64) -> NDArray[np.float32]:
    """Disparity in [0, 1], near at the lower left; both ends are no outliers."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return (1.2 * (y / height) * (1 - 0.5 * x / width) - 0.02).clip(0, 1)


def eight(values: NDArray) -> NDArray[np.uint8]:
    return np.rint(values * 255).astype(np.uint8)


def sixteen(values: NDArray) -> NDArray[np.uint16]:
    return np.rint(values * 65535).astype(np.uint16)


def colours() -> NDArray[np.uint8]:
    y, x = np.mgrid[:192, :256]
    return np.dstack([y, x, 255 - y]).astype(np.uint8)


def jpeg(turned: int = 1) -> bytes:
    return encoded(colours(), "JPEG", exif=orientation(turned))


def test_one_map_in_every_kind_of_file(tmp_path: Path) -> None:
    """8-bit PNG, 16-bit PNG, float TIFF, EXR, .npy and a HEIC photo give one map, to within quantisation."""
    values = draw()
    (tmp_path / "8.png").write_bytes(encoded(eight(values), "PNG"))
    (tmp_path / "16.png").write_bytes(encoded(sixteen(values), "PNG"))
    tifffile.imwrite(tmp_path / "float.tif", values)
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {"Z": values}).write(str(tmp_path / "float.exr"))
    np.save(tmp_path / "float.npy", values)
    expected = load_depth(tmp_path / "float.npy").disparity
    np.testing.assert_array_equal(expected, values)
    for name, step in (("8.png", 255), ("16.png", 65535), ("float.tif", 1e9), ("float.exr", 1e9)):
        assert np.abs(load_depth(tmp_path / name).disparity - expected).max() <= 1 / step, name
    for pixels, step in ((eight(values), 255), (sixteen(values), 1023)):
        found = embedded_depth(heic(colours(), pixels))
        assert found is not None and not found.metric
        assert np.abs(found.disparity - expected).max() <= 1 / step


def test_heic_says_its_range() -> None:
    near_share = (1 / NEAR - 1 / FAR) * draw() + 1 / FAR
    found = embedded_depth(heic(colours(), eight(draw()), sei(0, z_near=NEAR, z_far=FAR)))
    assert found is not None and not found.metric
    assert np.abs(found.disparity - near_share / near_share.max()).max() < 1 / 255, "infinity stays 0"
    found = embedded_depth(heic(colours(), eight(draw()), sei(1, d_min=0.36, d_max=1.8)))
    assert found is not None and found.disparity.min() == pytest.approx(0.2, abs=1 / 255)
    found = embedded_depth(heic(colours(), eight(draw()), sei(1, d_min=-0.5, d_max=1.8)))
    assert found is not None and found.disparity.min() == 0, "stretched: disparity below 0 has no scale"
    found = embedded_depth(heic(colours(), eight(draw()), sei(2, z_near=NEAR, z_far=FAR)))
    expected = NEAR / (NEAR + (FAR - NEAR) * draw())
    assert found is not None and np.abs(found.disparity - expected).max() < 0.02


@pytest.mark.parametrize("turned", range(1, 9))
def test_heic_is_turned_once(turned: int) -> None:
    """Rotation is a property of either picture in the file, which pillow-heif applies to both."""
    data = heic(colours(), eight(draw()), exif=orientation(turned))
    photo, found = decode(data), embedded_depth(data)
    assert found is not None
    assert np.abs(photo.pixels.astype(int) - TURN[turned](colours())).max() <= 2
    assert np.abs(found.disparity - TURN[turned](draw())).max() < 1 / 255
    check_shape(found, *photo.pixels.shape[:2], "map")


def inverse_range() -> NDArray[np.uint16]:
    """`draw` as RangeInverse: 0 is NEAR, and far is bright."""
    return sixteen(1 - draw())


def metric() -> NDArray:
    return 1 / FAR + (1 / NEAR - 1 / FAR) * draw()


@pytest.mark.parametrize("split", [True, False])
@pytest.mark.parametrize("units", ["m", "mm", ""])
def test_gdepth(units: str, split: bool) -> None:
    said = f'GDepth:Format="RangeInverse" {SAID} GDepth:Units="{units}"' if units else SAID
    data = gdepth_jpeg(jpeg(), encoded(inverse_range(), "PNG"), said, split)
    found = embedded_depth(data)
    assert found is not None and found.metric == bool(units)
    expected = metric() * (1000 if units == "mm" else 1) if units else metric() * NEAR
    np.testing.assert_allclose(found.disparity, expected, rtol=1e-4)


def test_gdepth_linear() -> None:
    shares = sixteen((1 / metric() - NEAR) / (FAR - NEAR))
    said = f'GDepth:Format="RangeLinear" {SAID} GDepth:Units="m"'
    found = embedded_depth(gdepth_jpeg(jpeg(), encoded(shares, "PNG"), said))
    assert found is not None and found.metric
    np.testing.assert_allclose(found.disparity, metric(), rtol=1e-3)


def test_gdepth_without_a_range() -> None:
    found = embedded_depth(gdepth_jpeg(jpeg(), encoded(eight(1 - draw()), "PNG"), 'GDepth:Near="0" GDepth:Far="0"'))
    assert found is not None and not found.metric
    assert np.abs(found.disparity - draw()).max() < 0.01


@pytest.mark.parametrize("padding", [0, 7])
@pytest.mark.parametrize("trailer", [b"", b"a film that moves"])
@pytest.mark.parametrize("progressive", [False, True])
def test_dynamic_depth(padding: int, trailer: bytes, progressive: bool) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (192, 256, 3), np.uint8)  # Makes 0xFF in the photo's data.
    photo = encoded(noise, "JPEG", progressive=progressive, quality=95, restart_marker_rows=1)
    said = f'DepthMap:Format="RangeInverse" {DYNAMIC} DepthMap:Units="Meters"'
    data = dynamic_depth_jpeg(photo, encoded(inverse_range(), "PNG"), said, padding, trailer)
    found = embedded_depth(data)
    assert found is not None and found.metric
    np.testing.assert_allclose(found.disparity, metric(), rtol=1e-4)


def test_dynamic_depth_from_the_end() -> None:
    """An editor wrote the photo anew, so that what the padding says is no longer true."""
    picture = encoded(inverse_range(), "PNG")
    data = dynamic_depth_jpeg(jpeg(), picture, f'{DYNAMIC} DepthMap:Units="Meters"')
    end = jpeg_parts(data)[0].end
    found = embedded_depth(data[:end] + b"surplus" + data[end:])
    assert found is not None and found.metric
    assert embedded_depth(data[:end]) is None, "an editor dropped what was appended"


APPLE = (
    "<apdi:AuxiliaryImageType>disparity</apdi:AuxiliaryImageType><apdi:FloatMinValue>0.25</apdi:FloatMinValue>"
    "<apdi:FloatMaxValue>2.0</apdi:FloatMaxValue><depthData:Accuracy>{}</depthData:Accuracy>"
)
MATTE = (
    "<apdi:AuxiliaryImageType>depth</apdi:AuxiliaryImageType>"
    "<apdi:AuxiliaryImageSubType>portraiteffectsmatte</apdi:AuxiliaryImageSubType>"
)
GAIN = "<apdi:AuxiliaryImageType>urn:com:apple:photo:2020:aux:hdrgainmap</apdi:AuxiliaryImageType>"


@pytest.mark.parametrize("accuracy", ["absolute", "relative"])
def test_apple(accuracy: str) -> None:
    map = encoded(eight(draw()), "JPEG", quality=100)
    other = encoded(np.zeros((20, 30), np.uint8), "JPEG")
    found = embedded_depth(apple_jpeg(jpeg(), (other, GAIN), (other, MATTE), (map, APPLE.format(accuracy))))
    assert found is not None and found.metric == (accuracy == "absolute")
    expected = metric() / (1 if found.metric else metric().max())
    assert np.abs(found.disparity - expected).max() < 0.03
    assert embedded_depth(apple_jpeg(jpeg(), (other, GAIN), (other, MATTE))) is None


@pytest.mark.parametrize("turned", range(1, 9))
def test_jpeg_depth_is_turned_with_its_photo(turned: int) -> None:
    picture = encoded(inverse_range(), "PNG")
    files = [
        gdepth_jpeg(jpeg(turned), picture, f'{SAID} GDepth:Units="m"'),
        dynamic_depth_jpeg(jpeg(turned), picture, f'{DYNAMIC} DepthMap:Units="Meters"'),
    ]
    for data in files:
        found, photo = embedded_depth(data), decode(data)
        assert found is not None
        np.testing.assert_allclose(found.disparity, TURN[turned](metric()), rtol=1e-4)
        check_shape(found, *photo.pixels.shape[:2], "map")


def test_photos_without_depth() -> None:
    for format in ("JPEG", "PNG", "WEBP", "HEIF", "TIFF"):
        assert embedded_depth(encoded(colours(), format)) is None
    for data in (b"", b"no photo", jpeg()[:500], jpeg() + jpeg(), after_start(jpeg(), xmp("<broken"))):
        assert embedded_depth(data) is None


def test_bad_maps() -> None:
    bad = [
        gdepth_jpeg(jpeg(), encoded(np.full((9, 9), 5, np.uint8), "PNG"), ""),
        gdepth_jpeg(jpeg(), b"no picture", SAID),
        gdepth_jpeg(jpeg(), encoded(inverse_range(), "PNG")[:-200], SAID),
        heic(colours(), np.full((64, 64), 5, np.uint8)),
        heic(colours(), eight(draw()))[:-30],
    ]
    for data in bad:
        with pytest.raises(DepthError) as caught:
            embedded_depth(data, "portrait.jpg")
        assert str(caught.value).startswith("portrait.jpg (embedded depth): ") and "\n" not in str(caught.value)


def test_a_document_type_is_not_followed() -> None:
    packet = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
    head = b"http://ns.adobe.com/xap/1.0/\0"
    segment = b"\xff\xe1" + struct.pack(">H", len(head + packet) + 2) + head + packet
    assert jpeg_parts(after_start(jpeg(), segment))[0].packets == []


def test_parts_end_where_the_next_begin() -> None:
    first, second = jpeg(), encoded(colours()[::2], "JPEG", progressive=True)
    parts = jpeg_parts(first + second + b"trailer")
    assert [(part.start, part.end) for part in parts] == [(0, len(first)), (len(first), len(first + second))]
    assert decode(io.BytesIO(first + second).getvalue()).pixels.shape == (192, 256, 3)


def test_files_behind_a_photo_are_found_from_its_end_or_from_the_data_s() -> None:
    """Dynamic Depth 1.0, 3: lengths, and padding, of which none is said where there is none."""
    first, second = b"\xff\xd8\xffone", b"\x89PNGtwo!"
    items: list[dict[str, str]] = [{}, {"Length": str(len(first))}, {"Length": str(len(second))}]
    for data in (b"photo" + first + second + b"and more", b"photo, other" + first + second):
        found = [_appended(data, 5, items, index) for index in (1, 2)]
        assert found == [first, second]
    padded: list[dict[str, str]] = [{"Padding": "2"}, {"Length": str(len(first)), "Padding": "3"}, items[2]]
    data = b"photo" + bytes(2) + first + bytes(3) + second + b"and more"
    assert [_appended(data, 5, padded, index) for index in (1, 2)] == [first, second]
    assert _appended(data, 5, [{"Padding": "x"}, *padded[1:]], 1) is None
