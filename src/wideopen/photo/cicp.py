"""Colours that a picture states by numbers, made into a profile, which every format and program carries.

HEIF and AVIF say them in a box (nclx), PNG in a chunk (cICP). Numbers: Rec. ITU-T H.273, tables 2 and 3. Layout of
profiles: ICC.1:2022; adaptation to their white: Bradford, as its annex E has it.
"""

import struct

import numpy as np

from wideopen.image.true_light import CURVES

_HEAD = 1 << 16
_D65 = (0.3127, 0.3290)
_BT709_POINTS = (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)
_PRIMARIES = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), "Rec. 2020"),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), "Display P3"),
}
"""By number, other than sRGB's: chromaticities of R, G, B, and a name."""
_BT709 = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
_SRGB = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_CURVES = {1: _BT709, 6: _BT709, 14: _BT709, 15: _BT709, 2: _SRGB, 13: _SRGB, 4: (2.2,), 5: (2.8,), 8: (1.0,)}
"""Parametric curves by number: type 3 if five numbers, else 0."""
_WHITE = np.array([0.9642, 1.0, 0.8249])
"""D50."""
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def stated_colours(data: bytes, format: str) -> tuple[bytes, tuple[int, int] | None]:
    """A profile for the colours that a HEIF, AVIF or PNG file states by numbers, empty for sRGB's; of HDR pictures (PQ
    and HLG), which no profile describes, the numbers themselves: primaries and transfer.
    """
    numbers = _numbers(data, format)
    if numbers is None:
        return b"", None
    primaries, transfer = numbers
    if transfer in CURVES:
        return b"", numbers
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        return b"", None
    return make_profile(primaries, transfer), None


def picture_profile(primaries: int) -> bytes:
    """A profile of such primaries and sRGB's curve; empty for those of sRGB, and for others not known here."""
    return make_profile(primaries, 13) if primaries in _PRIMARIES else b""


def chromaticities(primaries: int) -> tuple[float, ...]:
    """x and y of red, green, blue and white, as an EXR states them; BT.709's for numbers not known here."""
    points = _PRIMARIES.get(primaries, (*_BT709_POINTS, ""))[:3]
    return tuple(value for point in (*points, _D65) for value in point)


def make_profile(primaries: int, transfer: int) -> bytes:
    """An ICC profile (4.3, display) of such primaries and such a curve; KeyError for numbers not known here."""
    *points, name = _PRIMARIES[primaries]
    curve = _CURVES[transfer]
    kind = 3 if len(curve) == 5 else 0
    trc = b"para" + struct.pack(f">IHH{len(curve)}i", 0, kind, 0, *_fixed(curve))
    matrix, adaptation = _adapted(points)
    tags = {b"desc": _text(name), b"cprt": _text("No copyright"), b"wtpt": _xyz(_WHITE)}
    tags[b"chad"] = b"sf32" + bytes(4) + struct.pack(">9i", *_fixed(adaptation.ravel()))
    tags |= {name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), matrix.T, strict=True)}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), trc)
    start, entries, body = 128 + 4 + 12 * len(tags), b"", b""
    for tag, value in tags.items():
        entries += struct.pack(">4sII", tag, start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    header = struct.pack(">I4xI4s4s4s", start + len(body), 0x04300000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + struct.pack(">3i", *_fixed(_WHITE))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + entries + body


def _numbers(data: bytes, format: str) -> tuple[int, int] | None:
    """Primaries and transfer, if the file says them."""
    if format == "PNG":
        at = data.find(b"cICP", 8, _HEAD)
        return (data[at + 4], data[at + 5]) if 0 <= at < len(data) - 8 else None
    at = data.find(b"colrnclx", 0, _HEAD)
    if at < 0 or at + 12 > len(data):
        return None
    primaries, transfer = struct.unpack_from(">HH", data, at + 8)
    return primaries, transfer


def _adapted(points: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """3x3: XYZ of R, G, B under D50, and what takes D65's XYZ there."""
    white = np.array([_D65[0], _D65[1], 1 - sum(_D65)]) / _D65[1]
    corners = np.array([[x, y, 1 - x - y] for x, y in points]).T
    plain = corners * np.linalg.solve(corners, white)
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag((_BRADFORD @ _WHITE) / (_BRADFORD @ white)) @ _BRADFORD
    return adaptation @ plain, adaptation


def _fixed(values: "tuple[float, ...] | np.ndarray") -> list[int]:
    return [round(float(value) * 65536) for value in values]


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *_fixed(values))


def _text(words: str) -> bytes:
    """multiLocalizedUnicodeType of one record."""
    coded = words.encode("utf-16-be")
    return b"mluc" + struct.pack(">3I4sII", 0, 1, 12, b"enUS", len(coded), 28) + coded
