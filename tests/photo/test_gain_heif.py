"""Gain maps in HEIC files as iPhones write them, made here, and those that no library gives."""

from types import SimpleNamespace

import numpy as np
import pytest

from depth_photos import heic
from hdr_photos import APPLE_AUXILIARY, exif_with, grey_scene, maker_note
from wideopen.photo.encode import encode, losses
from wideopen.photo.files import decode

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


def test_a_derived_hdr_picture_that_no_library_gives_is_said() -> None:
    """`tmap` is the item that HEIC and AVIF name a picture with a gain map by (ISO/IEC 23008-12, amendment 1)."""
    data = iphone({33: 1.2})
    plain = data.replace(APPLE_AUXILIARY.encode(), b"urn:example:nothing".ljust(len(APPLE_AUXILIARY), b"."))
    assert decode(plain).notices == ()
    named = plain.replace(b"urn:example:nothing....", b"urn:example:tmap.......")
    assert decode(named).notices == ("its HDR gain map is left out: the library that reads HEIF does not give it",)
