"""What gain maps mean, against the published formulas written out pixel by pixel."""

import struct
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from hdr_photos import URN, iso, maker_note
from wideopen.gain.gain_map import GainMap, GainRange, gain_at
from wideopen.gain.gain_metadata import (
    apple_headroom,
    hdrgm_packet,
    hdrgm_range,
    iso_metadata,
    iso_range,
)

RANGES = [
    GainRange((0.0,), (3.0,), (1.0,), (1 / 64,), (1 / 64,), (0.0, 3.0)),
    GainRange((-0.5,), (2.5,), (1.7,), (0.0,), (0.0,), (0.2, 2.5)),
    GainRange((-0.5, 0.0, 0.1), (2.5, 1.0, 3.0), (1.0, 0.6, 2.2), (0.1, 0.2, 0.3), (0.3, 0.2, 0.1), (0.0, 3.0)),
]


def hdr_by_hand(sdr: float, code: float, low: float, high: float, gamma: float, of_sdr: float, of_hdr: float) -> float:
    """Ultra HDR 1.1, "Decode the gain map": recovery -> log_boost -> HDR."""
    log_recovery = code ** (1.0 / gamma)
    log_boost = low * (1.0 - log_recovery) + high * log_recovery
    return max((sdr + of_sdr) * 2.0**log_boost - of_hdr, 0.0)


@pytest.mark.parametrize(("meaning", "channels"), [(each, len(each.minimum)) for each in RANGES] + [(RANGES[2], 1)])
def test_a_map_gives_the_light_that_the_published_formula_gives(meaning: GainRange, channels: int) -> None:
    random = np.random.default_rng(3)
    codes, sdr = random.integers(0, 256, (6, 8, channels), np.uint8), random.random((6, 8, 3), np.float32)
    found = meaning.to_hdr(sdr, GainMap(codes, meaning).stops)
    for (row, column, channel), value in np.ndenumerate(found):
        at = channel % len(meaning.minimum)
        numbers = (each[at] for each in (meaning.minimum, meaning.maximum, meaning.gamma))
        offsets = meaning.offset_sdr[at], meaning.offset_hdr[at]
        wanted = hdr_by_hand(
            float(sdr[row, column, channel]), codes[row, column, at % channels] / 255, *numbers, *offsets
        )
        assert value == pytest.approx(wanted, rel=2e-5, abs=1e-6)


@pytest.mark.parametrize("meaning", [*RANGES, GainRange.of_apple(5.3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_codes_and_light_come_back(meaning: GainRange, dtype: type) -> None:
    random = np.random.default_rng(4)
    codes = random.integers(0, np.iinfo(dtype).max, (5, 7, len(meaning.minimum))).astype(dtype)
    map = GainMap(codes, meaning)
    assert np.abs(map.with_stops(map.stops).pixels.astype(int) - codes).max() <= (1 if dtype == np.uint16 else 0)
    sdr = random.random((5, 7, 3), np.float32) * 0.9 + 0.1
    hdr = meaning.to_hdr(sdr, map.stops)
    assert np.abs(meaning.to_sdr(hdr, map.stops) - sdr).max() < 1e-4 or (hdr == 0).any()


def test_apples_curve_is_that_of_rec_709() -> None:
    codes = np.array([0, 10, 20, 21, 128, 255], np.uint8).reshape(1, 6, 1)
    found = np.exp2(GainMap(codes, GainRange.of_apple(4.0)).stops).ravel()
    for code, value in zip(codes.ravel() / 255, found, strict=True):
        light = code / 4.5 if code < 0.081 else ((code + 0.099) / 1.099) ** (1 / 0.45)
        assert value == pytest.approx(1 + 3 * light, rel=1e-5)


@pytest.mark.parametrize(
    ("first", "second", "stops"),
    [(0.5, 0.005, 1.7), (0.5, 0.5, 1.5505), (1.2, 0.005, 2.65), (1.2, 0.5, 2.1515), (0.5, 30.0, 0.0)],
)
def test_headroom_of_a_maker_note(first: float, second: float, stops: float) -> None:
    assert apple_headroom(maker_note({33: first, 48: second})) == pytest.approx(2**stops, rel=1e-3)
    assert apple_headroom(maker_note({33: first})) == pytest.approx(2 ** (1.8 if first < 1 else 3.0), rel=1e-3)
    assert apple_headroom(maker_note({48: second})) is None
    assert apple_headroom(b"") is None
    assert apple_headroom(maker_note({33: first, 48: second})[:40]) is None


@pytest.mark.parametrize("meaning", RANGES)
@pytest.mark.parametrize("hdr_base", [False, True])
def test_metadata_come_back(meaning: GainRange, hdr_base: bool) -> None:
    meaning = replace(meaning, base_is_hdr=hdr_base)
    for found in (hdrgm_range([ElementTree.fromstring(hdrgm_packet(meaning))]), iso_range(iso_metadata(meaning))):
        assert found is not None
        assert found.base_is_hdr == hdr_base
        for name in ("minimum", "maximum", "gamma", "offset_sdr", "offset_hdr", "capacity"):
            assert getattr(found, name) == pytest.approx(getattr(meaning, name), abs=1e-6), name


@pytest.mark.parametrize("common", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_iso_metadata_written_by_hand(common: bool, channels: int) -> None:
    each = [[-0.25, 2.0, 1.5, 0.125, -0.0625], [0.0, 1.0, 1.0, 0.0, 0.0], [0.5, 3.0, 2.0, 0.25, 0.25]][:channels]
    body = iso([0.5, 3.0, *(value for values in each for value in values)], channels, common)[4:]
    found = iso_range(body.removeprefix(URN))
    assert found is not None
    assert found.capacity == (0.5, 3.0)
    assert found.minimum == tuple(values[0] for values in each)
    assert found.maximum == tuple(values[1] for values in each)
    assert found.gamma == tuple(values[2] for values in each)
    assert found.offset_sdr == tuple(values[3] for values in each)
    assert found.offset_hdr == tuple(values[4] for values in each)
    turned = iso_range(
        iso([3.0, 0.5, *(value for values in each for value in values)], channels, common)[4 + len(URN) :]
    )
    assert turned is not None and turned.base_is_hdr and turned.capacity == (0.5, 3.0)
    assert turned.offset_hdr == tuple(values[3] for values in each)


@pytest.mark.parametrize(
    "body", [bytes(5), struct.pack(">HHB", 1, 0, 0) + bytes(80), bytes(4) + b"\0" + bytes(56), bytes(4) + b"\x88" * 40]
)
def test_metadata_that_make_no_sense_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="gain map"):
        iso_range(body)


def test_a_part_of_a_map_is_the_same_whatever_the_part() -> None:
    stops = np.random.default_rng(5).random((12, 16, 3), np.float32)
    whole = gain_at(stops, (slice(0, 48), slice(0, 64)), (48, 64))
    part = gain_at(stops, (slice(10, 30), slice(7, 20)), (48, 64))
    assert np.array_equal(whole[10:30, 7:20], part)
    assert whole[2, 2] == pytest.approx(
        stops[0, 0] * 0.875**2 + stops[0, 1] * 0.875 * 0.125 + stops[1, 0] * 0.125 * 0.875 + stops[1, 1] * 0.125**2,
        abs=1e-3,
    )
