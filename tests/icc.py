"""Small ICC profiles of any tone curve (ICC.1:2001-04: display, RGB or grey, matrix and curves)."""

import struct

_PRIMARIES = {b"rXYZ": (0.4361, 0.2225, 0.0139), b"gXYZ": (0.3851, 0.7169, 0.0971), b"bXYZ": (0.1431, 0.0606, 0.7141)}
_WHITE = (0.9642, 1.0, 0.8249)


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


def gamma(value: float) -> bytes:
    return b"curv" + struct.pack(">IIH", 0, 1, round(value * 256))


def table(values: list[int]) -> bytes:
    """16-bit light at evenly spaced values."""
    return b"curv" + struct.pack(f">II{len(values)}H", 0, len(values), *values)


def parametric(kind: int, *values: float) -> bytes:
    return b"para" + struct.pack(f">IHH{len(values)}i", 0, kind, 0, *(round(value * 65536) for value in values))


def profile(*curves: bytes, space: bytes = b"RGB ") -> bytes:
    """One curve for all channels, or three."""
    text = b"desc" + struct.pack(">II", 0, 5) + b"test\0" + bytes(78)
    tags = {b"desc": text, b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz(_WHITE)}
    if space == b"RGB ":
        tags |= {name: _xyz(values) for name, values in _PRIMARIES.items()}
        tags |= dict(zip((b"rTRC", b"gTRC", b"bTRC"), curves * 3 if len(curves) == 1 else curves, strict=True))
    else:
        tags[b"kTRC"] = curves[0]
    start, entries, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        entries += struct.pack(">4sII", name, start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x02400000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += struct.pack(">3i", *(round(value * 65536) for value in _WHITE)) + bytes(48)
    return head + struct.pack(">I", len(tags)) + entries + body
