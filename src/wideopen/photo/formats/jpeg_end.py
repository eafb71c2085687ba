"""JPEG files that lack their end, as an interrupted copy leaves them.

libjpeg goes on past the end of the data as every viewer does: what is missing of the picture stays grey. How much that
is, two decodings tell: with zeros and with ones behind the data. They agree in all that the data itself says.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wideopen.errors import PhotoError
from wideopen.photo.jpeg_parts import segments
from wideopen.quiet import quietly

LEAST = 0.95
"""Of the picture; with less of it, a photo is refused."""
_END = b"\xff\xd9"
_OTHER_BITS = b"\xfe" * 64 + b"".join(b"\xff" + bytes([0xD0 + index % 8]) + b"\xfe" * 16 for index in range(16))
"""Codes of ones, where libjpeg itself goes on with zeros, also in the next intervals of a picture that has restarts."""
_SCAN, _PROGRESSIVE, _NOT_FRAMES = 0xDA, 0xC2, (0xC4, 0xC8, 0xCC)


def with_end(data: bytes) -> tuple[bytes, tuple[str, ...]]:
    """A JPEG file's bytes with an end if they lack it, and a notice of what is missing; others as they are.

    Raises PhotoError: less than `LEAST` of the picture is there.
    """
    found = list(segments(data, 0)) if data.startswith(b"\xff\xd8\xff") else []
    if not found or found[-1][0] == _END[1]:
        return data, ()
    try:
        return _mended(data, found)
    except IndexError:  # A header shorter than it says.
        raise PhotoError("damaged or cut short; get a whole copy") from None


def _mended(data: bytes, found: list[tuple[int, int, int]]) -> tuple[bytes, tuple[str, ...]]:
    cut = data.rstrip(b"\xff")  # Of a marker, the first byte alone.
    frames = [data[at:end] for marker, at, end in found if 0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES]
    progressive = any(marker == _PROGRESSIVE for marker, _, _ in found)
    scans = [data[at:end] for marker, at, end in found if marker == _SCAN]
    if not frames or not _holds_all(frames[0], scans):
        raise PhotoError("damaged or cut short; get a whole copy")
    height = int.from_bytes(frames[0][1:3], "big")
    missing = _missing_rows(_decoded(cut + _END), _decoded(cut + _OTHER_BITS + _END), _rows_at_once(frames[0], scans))
    if missing > (1 - LEAST) * height:
        raise PhotoError(f"cut short: {height - missing} of its {height} rows are there; get a whole copy")
    remark = "lack their finest details" if progressive else "are missing and stay grey"
    remark = f"the last {missing} of its {height} rows {remark}" if missing else "no row is missing"
    return cut + _END, (f"is cut short: {remark}",)


def _holds_all(frame: bytes, scans: list[bytes]) -> bool:
    """Whether the last scan begun brings what was still to come: every coefficient of every component, to its last bit.

    Frame and scan headers: ITU-T T.81, B.2.2 and B.2.3.
    """
    wanted = {(frame[6 + 3 * index], place) for index in range(frame[5]) for place in range(64)}
    for scan in scans:
        names, (first, last, bits) = scan[1 : 1 + 2 * scan[0] : 2], scan[1 + 2 * scan[0] :][:3]
        if bits & 15 == 0:
            wanted -= {(name, place) for name in names for place in range(first, last + 1)}
    return not wanted


def _rows_at_once(frame: bytes, scans: list[bytes]) -> int:
    """Rows that the last scan codes side by side: of one block, or of blocks of several components."""
    factors = [frame[7 + 3 * index] & 15 for index in range(frame[5])]
    return 8 * max(factors) if scans[-1][0] > 1 else 8


def _decoded(data: bytes) -> NDArray[np.uint8]:
    """HxW brightness, or what is stored if that is not brightness and two colours.

    Raises PhotoError: damaged in other ways.
    """
    try:
        with quietly(), Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            image.draft("L", None)
            return np.asarray(image)
    except Exception as error:  # Decoders raise anything on damaged files.
        raise PhotoError("damaged or cut short; get a whole copy") from error


def _missing_rows(one: NDArray[np.uint8], other: NDArray[np.uint8], rows: int) -> int:
    """Rows' worth of pixels from the first one on that differs, rounded up; `rows` are coded side by side."""
    height, width = one.shape[:2]
    for top in range(0, height, rows):
        differs = one[top : top + rows] != other[top : top + rows]
        if differs.any():
            here = differs.reshape(*differs.shape[:2], -1).any(axis=(0, 2))
            return int(height - top - int(min(rows, height - top) * np.argmax(here) / width))
    return 0
