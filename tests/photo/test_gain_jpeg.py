"""Gain maps in JPEG files written here byte by byte: read, turned, written again, and found by other programs."""

import base64
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from PIL import Image

from browser import chromium_page
from depth_photos import encoded, orientation
from hdr_photos import URN, app2, apple_jpeg, grey_scene, iso, ultra_hdr
from wideopen.gain.gain_map import GainMap, gain_at
from wideopen.image.color import srgb_to_linear
from wideopen.photo.encode import encode
from wideopen.photo.files import decode
from wideopen.photo.jpeg_parts import jpeg_parts
from wideopen.photo.photo import Photo

BASE = encoded(grey_scene(), "JPEG", quality=95)
SAID = 'hdrgm:GainMapMin="-0.5" hdrgm:GainMapMax="2.5" hdrgm:Gamma="1.5" hdrgm:HDRCapacityMax="2.5"'
ISO = iso([0.0, 2.5, -0.5, 2.5, 1.5, 1 / 64, 1 / 64])


def codes(channels: int = 1, height: int = 24, width: int = 32) -> NDArray[np.uint8]:
    down, across = np.mgrid[0:height, 0:width]
    planes = np.stack([6 * across, 8 * down, 255 - 6 * across], axis=-1).astype(np.uint8)
    return planes[..., 0] if channels == 1 else planes


def seq(name: str, values: tuple[float, ...]) -> str:
    items = "".join(f"<rdf:li>{value}</rdf:li>" for value in values)
    return f"<hdrgm:{name}><rdf:Seq>{items}</rdf:Seq></hdrgm:{name}>"


FILES = {
    "Ultra HDR 1": (ultra_hdr(BASE, codes(), SAID), {"hdrgm"}, 1),
    "Ultra HDR 1 of three channels": (
        ultra_hdr(BASE, codes(3), "", more=seq("GainMapMax", (1.0, 2.0, 3.0)) + seq("GainMapMin", (0.0, -1.0, 0.5))),
        {"hdrgm"},
        3,
    ),
    "ISO 21496-1": (ultra_hdr(BASE, codes(), "", ISO, base_says=app2(URN + bytes(4))), {"iso"}, 1),
    "both": (ultra_hdr(BASE, codes(), SAID, ISO, base_says=app2(URN + bytes(4))), {"hdrgm", "iso"}, 1),
    "Apple, maker note": (apple_jpeg(grey_scene(), codes(), {33: 1.2, 48: 0.005}), {"apple"}, 1),
    "Apple, XMP": (apple_jpeg(grey_scene(), codes(), {}, headroom=4.0), {"apple"}, 1),
}


def gain_of(data: bytes) -> GainMap:
    found = decode(data).gain
    assert found is not None
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_map_is_read_and_written_in_the_kind_that_it_came_in(name: str) -> None:
    data, kinds, channels = FILES[name]
    taken = decode(data)
    assert taken.gain is not None and taken.notices == ()
    assert taken.gain.kinds == kinds
    assert taken.gain.pixels.shape == (24, 32, channels)
    assert np.abs(taken.gain.pixels.squeeze().astype(int) - codes(channels)).max() < 12  # It was a JPEG.
    written = encode(taken, "JPEG")
    again = decode(written)
    assert again.gain is not None
    assert again.gain.meaning == taken.gain.meaning and again.gain.kinds == taken.gain.kinds
    assert again.gain.segments == taken.gain.segments
    assert np.abs(again.gain.pixels.astype(int) - taken.gain.pixels).max() <= 2
    assert again.gain.tables == taken.gain.tables
    main, map = jpeg_parts(written)
    assert map.start == main.end and map.end == len(written)
    if "hdrgm" in kinds:
        packet = b"".join(main.app1)
        assert f'Item:Length="{map.end - map.start}"'.encode() in packet and b'hdrgm:Version="1.0"' in packet
        # Chromium takes the first description that declares the namespace.
        first = next(each for each in re.findall(rb"<rdf:Description[^>]*>", packet) if b"xmlns:hdrgm" in each)
        assert b"hdrgm:Version" in first
    assert ((URN + bytes(4)) in main.app2) == ("iso" in kinds)


def test_what_a_map_means_is_read_as_stated() -> None:
    meaning = gain_of(FILES["Ultra HDR 1"][0]).meaning
    assert (meaning.minimum, meaning.maximum, meaning.gamma) == ((-0.5,), (2.5,), (1.5,))
    assert (meaning.offset_sdr, meaning.offset_hdr, meaning.capacity) == ((1 / 64,), (1 / 64,), (0.0, 2.5))
    assert gain_of(FILES["both"][0]).meaning == meaning
    three = gain_of(FILES["Ultra HDR 1 of three channels"][0]).meaning
    assert (three.minimum, three.maximum) == ((0.0, -1.0, 0.5), (1.0, 2.0, 3.0))
    assert gain_of(FILES["Apple, maker note"][0]).meaning.headroom == pytest.approx(2**2.65, rel=1e-3)
    assert gain_of(FILES["Apple, XMP"][0]).meaning.headroom == 4.0


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_map_is_turned_with_its_photo(turn: int) -> None:
    base = encoded(grey_scene(), "JPEG", quality=95, exif=orientation(turn))
    upright = gain_of(FILES["Ultra HDR 1"][0])
    taken = decode(ultra_hdr(base, codes(), SAID))
    assert taken.gain is not None
    height, width = taken.gain.pixels.shape[:2]
    assert taken.pixels.shape[:2] == (4 * height, 4 * width)
    as_numpy = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud, 6: lambda a: np.rot90(a, -1),
                5: lambda a: a.swapaxes(0, 1), 7: lambda a: np.rot90(a.swapaxes(0, 1), 2), 8: np.rot90}  # fmt: skip
    assert np.array_equal(taken.gain.pixels, as_numpy[turn](upright.pixels))
    assert np.array_equal(gain_of(encode(taken, "JPEG")).pixels.shape, taken.gain.pixels.shape)


def test_a_map_of_apples_is_stated_openly_where_its_maker_note_is_gone() -> None:
    taken = decode(FILES["Apple, maker note"][0])
    assert taken.gain is not None
    again = gain_of(encode(replace(taken, exif=b""), "JPEG"))
    assert again.kinds == {"hdrgm", "iso"} and again.meaning.headroom is None
    # Apple's codes are by a curve, ours are stops: both have 256 steps.
    assert np.abs(again.stops - taken.gain.stops).max() < 0.06
    assert again.meaning.maximum[0] == pytest.approx(2.65, abs=1e-3)


@pytest.mark.parametrize(
    "said", ['hdrgm:GainMapMax="9e9"', 'hdrgm:GainMapMax="x"', f'{SAID} hdrgm:GainMapMin="3"'.replace("-0.5", "0", 1)]
)
def test_a_map_that_makes_no_sense_is_left_out_and_said(said: str) -> None:
    said = said if said.count("GainMapMin") < 2 else 'hdrgm:GainMapMax="1" hdrgm:GainMapMin="3"'
    taken = decode(ultra_hdr(BASE, codes(), said))
    assert taken.gain is None
    assert any("gain map is damaged and left out" in notice for notice in taken.notices)


def test_formats_without_a_place_for_a_map_say_so() -> None:
    from wideopen.photo.encode import losses

    taken = decode(FILES["both"][0])
    assert losses(taken, "JPEG") == ()
    assert any("gain map" in loss for loss in losses(taken, "PNG"))
    assert taken.with_pixels(taken.pixels.copy()).gain is None


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("name", FILES)
def test_exiftool_finds_the_map(name: str, tmp_path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(decode(FILES[name][0]), "JPEG"))
    told = subprocess.run(
        ["exiftool", "-j", "-a", "-G1", "-warning", "-error", "-MPF:all", "-XMP:all", path], capture_output=True
    )
    tags = json.loads(told.stdout)[0]
    assert not [key for key in tags if "Warning" in key or "Error" in key]
    assert tags["MPF0:NumberOfImages"] == 2
    main, map = jpeg_parts(path.read_bytes())
    assert (tags["MPImage2:MPImageStart"], tags["MPImage2:MPImageLength"]) == (map.start, map.end - map.start)


def light(photo: Photo) -> NDArray[np.float32]:
    """Of the HDR rendition, as a viewer works it out."""
    assert photo.gain is not None
    height, width = photo.pixels.shape[:2]
    stops = gain_at(photo.gain.stops, (slice(0, height), slice(0, width)), (height, width))
    return photo.gain.meaning.to_hdr(srgb_to_linear(photo.pixels.astype(np.float32) / 255), stops)


LIBULTRAHDR = pytest.mark.skipif(
    not pyvips.type_find("VipsOperation", "uhdrload_buffer"), reason="libvips has no libultrahdr"
)


@LIBULTRAHDR
@pytest.mark.parametrize("name", ["Ultra HDR 1", "ISO 21496-1", "both"])
def test_libultrahdr_finds_the_same_light(name: str) -> None:
    written = encode(decode(FILES[name][0]), "JPEG")
    image = pyvips.Image.uhdrload_buffer(written)
    assert np.abs(image.uhdr2scRGB().numpy() - light(decode(written))).max() < 0.02
    assert image.get("gainmap-max-content-boost") == pytest.approx([2**2.5] * 3, rel=1e-5)
    assert image.get("gainmap-gamma") == pytest.approx([1.5] * 3)


@LIBULTRAHDR
def test_a_file_that_libultrahdr_writes_is_read_as_it_reads_it() -> None:
    made = 4 * srgb_to_linear(grey_scene().astype(np.float32) / 255)
    data = pyvips.Image.new_from_array(made, interpretation="scrgb").uhdrsave_buffer(Q=95)
    taken = decode(data)
    assert taken.notices == () and light(taken).max() > 1.5
    for written in (data, encode(taken, "JPEG")):
        theirs = pyvips.Image.uhdrload_buffer(written).uhdr2scRGB().numpy()
        # The map, a quarter of the photo's size, is enlarged in two ways.
        np.testing.assert_allclose(theirs, light(decode(written)), rtol=0.03, atol=0.005)


DRAW = """async ([data, headroom]) => {
  const image = new Image();
  image.src = 'data:image/jpeg;base64,' + data;
  await image.decode();
  const {naturalWidth: width, naturalHeight: height} = image, kind = {colorSpace: 'srgb-linear', colorType: 'float16'};
  const context = new OffscreenCanvas(width, height).getContext('2d', kind);
  if (!('globalHDRHeadroom' in context)) return null;
  context.globalHDRHeadroom = headroom;
  context.drawImage(image, 0, 0);
  const {data: drawn} = context.getImageData(0, 0, width, height, {pixelFormat: 'rgba-float16'});
  return btoa(Array.from(new Uint8Array(Float32Array.from(drawn).buffer), byte => String.fromCharCode(byte)).join(''));
}"""


@pytest.mark.slow
def test_chromium_applies_the_map_for_a_screen_with_room_above_white() -> None:
    with chromium_page(flags=("--enable-experimental-web-platform-features",)) as page:
        for name in FILES.keys() - {"Apple, XMP"}:  # Chromium reads Apple's headroom in the maker note alone.
            written = encode(decode(FILES[name][0]), "JPEG")
            drawn = page.evaluate(DRAW, [base64.b64encode(written).decode(), 8])
            if drawn is None:
                pytest.skip("this Chromium's canvas knows no headroom")
            wanted = light(decode(written))
            found = np.frombuffer(base64.b64decode(drawn), np.float32).reshape(*wanted.shape[:2], 4)[..., :3]
            # Chroma is enlarged in another way than by libjpeg-turbo here.
            error = np.abs(found - wanted)
            assert error.mean() < 0.01 and np.quantile(error, 0.99) < 0.05 and found.max() > 1.2, name


def test_a_map_larger_than_its_photo_is_refused() -> None:
    taken = decode(ultra_hdr(encoded(grey_scene(8, 8), "JPEG"), codes(), SAID))
    assert taken.gain is None and "its HDR gain map is damaged and left out" in taken.notices


def test_a_stripped_photo_keeps_the_map_and_nothing_else_that_its_file_said() -> None:
    data = FILES["both"][0].replace(b'hdrgm:Gamma="1.5"', b'hdrgm:Secret="12"')
    taken = decode(data)
    assert taken.gain is not None
    written = encode(taken.stripped(), "JPEG")
    assert b"Secret" in encode(taken, "JPEG") and b"Secret" not in written
    again = gain_of(written)
    assert again.meaning.maximum == taken.gain.meaning.maximum and again.kinds == {"hdrgm", "iso"}


def test_pillow_finds_the_main_picture_and_the_map() -> None:
    """CIPA DC-007: the first is the baseline primary image; offsets count from the index's byte order mark."""
    written = encode(decode(FILES["both"][0]), "JPEG")
    main, map = jpeg_parts(written)
    with Image.open(io.BytesIO(written)) as image:
        first, second = image._getmp()[0xB002]  # type: ignore[attr-defined]
    assert first["Attribute"]["MPType"] == "Baseline MP Primary Image" and second["Attribute"]["MPType"] == "Undefined"
    assert (first["Size"], second["Size"]) == (main.end, map.end - map.start)
    assert (first["DataOffset"], written.index(b"MM\0*", main.start) + second["DataOffset"]) == (0, map.start)
