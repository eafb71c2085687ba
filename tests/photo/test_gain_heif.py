"""Gain maps in HEIC and AVIF files, made here as iPhones, Samsung's phones and libavif write them."""

import struct
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest

import wideopen.photo.heif
from depth_photos import encoded, heic
from depth_photos import orientation as exif
from hdr_photos import APPLE_AUXILIARY, URN, exif_with, grey_scene, heif_with_map, iso, maker_note
from wideopen.photo.encode import encode, losses
from wideopen.photo.files import decode
from wideopen.photo.formats.heif_gain import boxes, heif_gain
from wideopen.photo.formats.motion import read_heif_film

wideopen.photo.heif.plugin()
CODES = np.add.outer(np.arange(48) * 2, np.arange(64)).astype(np.uint8)


def iphone(note: dict[int, float]) -> bytes:
    blob = SimpleNamespace(tobytes=lambda: exif_with(maker_note(note)))
    return heic(grey_scene(), CODES, exif=blob, kind=APPLE_AUXILIARY.encode())  # type: ignore[arg-type]


@pytest.mark.parametrize(("note", "stops"), [({33: 1.2, 48: 0.005}, 2.65), ({33: 0.8}, 1.8)])
def test_apples_map_is_read_and_written_openly_into_jpeg(note: dict[int, float], stops: float) -> None:
    taken = decode(iphone(note))
    assert taken.gain is not None and taken.notices == ()
    assert np.array_equal(taken.gain.pixels[..., 0], CODES)
    assert taken.gain.meaning.maximum[0] == pytest.approx(stops, abs=1e-3)
    again = decode(encode(taken, "JPEG"))
    assert again.gain is not None and again.gain.kinds == {"hdrgm", "iso"}
    assert np.abs(again.gain.stops - taken.gain.stops).max() < 0.05
    assert any("write .jpg to keep HDR" in loss for loss in losses(taken, "HEIF"))


def test_a_map_without_headroom_is_left_out_and_said() -> None:
    taken = decode(iphone({}))
    assert taken.gain is None and taken.notices == ("its HDR gain map is damaged and left out",)


ISO = iso([0.0, 2.5, -0.5, 2.5, 1.5, 1 / 64, 1 / 64])[4 + len(URN) :]
XMP = 'hdrgm:GainMapMin="-0.5" hdrgm:GainMapMax="2.5" hdrgm:Gamma="1.5" hdrgm:HDRCapacityMax="2.5"'


def pictures(format: str, turn: int = 1) -> tuple[bytes, bytes]:
    """A photo of its own file, and a map."""
    options = {"quality": 95, "exif": exif(turn).tobytes()}
    return encoded(grey_scene(), format, **options), encoded(CODES, format, **options)


@pytest.mark.parametrize("format", ["HEIF", "AVIF"])
@pytest.mark.parametrize("said", [{"iso_said": ISO}, {"xmp_said": XMP}, {"iso_said": ISO, "xmp_said": "x"}])
def test_a_map_that_the_list_of_pictures_names_is_read(format: str, said: dict[str, bytes]) -> None:
    taken = decode(heif_with_map(*pictures(format), **said))
    assert taken.gain is not None and taken.notices == ()
    assert taken.pixels.shape == grey_scene().shape
    assert np.abs(taken.pixels.astype(int) - grey_scene()).mean() < 2
    assert taken.gain.pixels.shape == (48, 64, 1)
    assert np.abs(taken.gain.pixels[..., 0].astype(int) - CODES).max() < 12
    assert (taken.gain.meaning.minimum, taken.gain.meaning.maximum) == ((-0.5,), (2.5,))
    assert taken.gain.meaning.gamma == (1.5,)
    again = decode(encode(taken, "JPEG"))
    assert again.gain is not None and again.gain.kinds == {"hdrgm", "iso"}
    assert again.gain.meaning.maximum == (2.5,)


def test_a_map_is_turned_with_its_avif_photo() -> None:
    taken = decode(heif_with_map(*pictures("AVIF", 6), iso_said=ISO))
    assert taken.gain is not None and taken.pixels.shape[:2] == (128, 96)
    assert np.abs(taken.gain.pixels[..., 0].astype(int) - np.rot90(CODES, -1)).max() < 12


@pytest.mark.parametrize("map_turn", [1, 6])
def test_a_map_is_turned_with_its_heic_photo_whether_or_not_the_file_says_so_of_it(map_turn: int) -> None:
    main, map = pictures("HEIF", 6)[0], pictures("HEIF", map_turn)[1]
    taken = decode(heif_with_map(main, map, xmp_said=XMP))
    assert taken.gain is not None and taken.pixels.shape[:2] == (128, 96)
    assert np.abs(taken.gain.pixels[..., 0].astype(int) - np.rot90(CODES, -1)).max() < 12


@pytest.mark.parametrize(
    "said", [{"iso_said": ISO[:-3]}, {"iso_said": b"\0\1" + ISO[2:]}, {"xmp_said": 'hdrgm:GainMapMax="9e9"'}]
)
def test_a_named_map_that_makes_no_sense_is_left_out_and_said(said: dict[str, bytes]) -> None:
    taken = decode(heif_with_map(*pictures("AVIF"), **said))
    assert taken.gain is None and taken.notices == ("its HDR gain map is damaged and left out",)


def test_lists_of_pictures_cut_or_false_raise_nothing_else() -> None:
    whole = heif_with_map(*pictures("AVIF"), iso_said=ISO, xmp_said=XMP)
    random = np.random.default_rng(5)
    for place in range(0, whole.index(b"mdat"), 3):
        other = bytearray(whole)
        other[place] = random.integers(256)
        for data in (whole[:place], bytes(other)):
            with suppress(ValueError):
                heif_gain(data)
            read_heif_film(data, b"")


def test_a_photo_that_is_hdr_by_itself_loses_the_map_for_usual_screens_and_says_so() -> None:
    main, map = pictures("AVIF")
    at = main.index(b"colrnclx") + 8
    taken = decode(heif_with_map(main[:at] + struct.pack(">HH", 9, 16) + main[at + 4 :], map, iso_said=ISO))
    assert taken.gain is None and taken.hdr == (9, 16)
    assert taken.notices == ("is HDR by itself: its gain map, for usual screens, is left out",)


def test_boxes_of_every_length_are_passed() -> None:
    """Of 32 bits, of 64 bits, and up to the end (ISO/IEC 14496-12, 4.2)."""
    data = b"12" + struct.pack(">I4sHI4sQ3sI4s", 10, b"abcd", 7, 1, b"efgh", 19, b"xyz", 0, b"ijkl") + b"rest"
    found = [(kind, data[start:stop]) for kind, start, stop in boxes(data, 2, len(data))]
    assert found == [(b"abcd", b"\0\7"), (b"efgh", b"xyz"), (b"ijkl", b"rest")]
    for size in (7, 12):
        with pytest.raises(ValueError, match="longer than what holds it"):
            list(boxes(struct.pack(">I4sH", size, b"abcd", 7), 0, 10))
