"""Depth maps that Samsung's and Huawei's phones append to a JPEG in ways of their own, 8 bits a pixel, dark is near.

Neither maker describes them. What is read is what several programs agree on that were made from many models' files:

    Samsung  blocks before a directory SEFH .. SEFT that ends the file (exiftool's Samsung.pm; Hasaranga's depth map
             extractor); the map lies as the photo is stored
    Huawei   a header of 64 bytes behind `edof` (J. P. Barraca's dual-camera-edof; S. Martin's depth-map-extractor;
             Hasaranga's), which says how the map is to be turned

Of Xiaomi's (`PMPD`) only parts are known, for three models.
"""

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wideopen.photo.jpeg_parts import jpeg_size

_DEPTH_BLOCK, _SIZE_BLOCK = 0x0AB1, 0x0AB3
_EDOF = b"edof\0\0\0\0"
_LEAST_SIDE = 16
_TURNS = {0x10: 1, 0x11: 8, 0x12: 3, 0x13: 6}


class PhoneDepth(NamedTuple):
    """One map as it lies in the file."""

    codes: NDArray[np.uint8]
    """hxw."""
    turn: int | None
    """EXIF orientation that it is to be turned from; None: the photo's."""


def phone_depth(data: bytes) -> PhoneDepth | None:
    """The map in a JPEG file's bytes; None if there is none, or it is not as described."""
    try:
        return _of_samsung(data) or _of_huawei(data)
    except (struct.error, ValueError, IndexError):
        return None


def _of_samsung(data: bytes) -> PhoneDepth | None:
    if not data.endswith(b"SEFT"):
        return None
    directory = len(data) - 8 - int(struct.unpack_from("<I", data, len(data) - 8)[0])
    if directory < 0 or data[directory : directory + 4] != b"SEFH":
        return None
    (count,) = struct.unpack_from("<I", data, directory + 8)
    blocks: dict[int, bytes] = {}
    for index in range(min(count, 1000)):
        kind, back, length = struct.unpack_from("<2xHII", data, directory + 12 + 12 * index)
        start = directory - back
        if kind in (_DEPTH_BLOCK, _SIZE_BLOCK) and 0 <= start <= directory - length:
            (name,) = struct.unpack_from("<I", data, start + 4)
            # Further maps of the same kind, of other cameras, come later.
            blocks.setdefault(kind, data[start + 8 + name : start + length])
    found, said = blocks.get(_DEPTH_BLOCK, b""), blocks.get(_SIZE_BLOCK, b"")
    numbers = np.frombuffer(said, "<u4", len(said) // 4).astype(np.int64)
    # Width and height follow one another at places that differ by model, in either order.
    sides = [pair for pair in zip(numbers, numbers[1:], strict=False) if min(pair) >= _LEAST_SIDE]
    fitting = [(int(one), int(other)) for one, other in sides if one * other == len(found)]
    if not found or not fitting:
        return None
    across, down = jpeg_size(data)
    width, height = min((fitting[0], fitting[0][::-1]), key=lambda size: abs(size[0] * down - size[1] * across))
    return PhoneDepth(np.frombuffer(found, np.uint8).reshape(height, width), None)


def _of_huawei(data: bytes) -> PhoneDepth | None:
    at = data.rfind(_EDOF)
    if at < 0:
        return None
    start = at + len(_EDOF)
    width, height = struct.unpack_from("<HH", data, start + 12)
    turn = _TURNS.get(data[start + 3])
    if turn is None or min(width, height) < _LEAST_SIDE or start + 64 + width * height > len(data):
        return None
    return PhoneDepth(np.frombuffer(data, np.uint8, width * height, start + 64).reshape(height, width), turn)
