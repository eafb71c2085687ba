"""TIFF files put together from zlib and tags that Pillow lays out: Pillow itself writes no 16-bit colour, and no EXIF
into a compressed file.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from wideopen.image.imdecode import imdecode
from wideopen.photo.exif import PREFIX

_BELOW = (0x8769, 0x8825)
"""The EXIF and the GPS directory."""
ICC_TAG, XMP_TAG = 34675, 700
_UNSIGNED_BYTES, _UNDEFINED = 1, 7


def encode_tiff(
    pixels: NDArray[Any], grey: bool, exif: bytes, dpi: tuple[float, float] | None, profiles: Mapping[int, bytes]
) -> bytes:
    """HxWxC of 8 or 16 bits as one deflated strip with horizontal prediction; of float16 or float32 without.

    Args:
        grey: the first channel is grey; else the first three are RGB. One more is alpha, not premultiplied.
        exif: blob without its prefix, written as tags of the file.
        profiles: by their tags, ICC's, XMP's, and others that are plain bytes.

    Raises ValueError, OSError: tags that cannot be written.
    """
    height, width, channels = pixels.shape
    real = pixels.dtype.kind == "f"
    strip = zlib.compress(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes() if real else _differences(pixels), 4)
    tags = TiffImagePlugin.ImageFileDirectory_v2(ifh=b"II*\0\0\0\0\0")
    if exif:
        found = Image.Exif()
        found.load(PREFIX + exif)
        tags.update({tag: value for tag, value in found.items() if tag not in _BELOW})
        tags.update({tag: dict(found.get_ifd(tag)) for tag in _BELOW if found.get_ifd(tag)})
    tags[256], tags[257], tags[258] = width, height, (pixels.dtype.itemsize * 8,) * channels
    tags[259], tags[262], tags[277], tags[278] = 8, (1 if grey else 2), channels, height
    tags[279], tags[284], tags[317] = len(strip), 1, (1 if real else 2)
    if real:
        tags[339] = (3,) * channels
    if dpi is not None:
        tags[282], tags[283], tags[296] = *dpi, 2
    if channels in (2, 4):
        tags[338] = 2  # Not premultiplied.
    for tag, value in profiles.items():
        if value:
            tags.tagtype[tag] = _UNDEFINED if tag == ICC_TAG else _UNSIGNED_BYTES
            tags[tag] = value
    tags[273] = 0  # Offset of the strip, which Pillow moves behind the tags.
    file = io.BytesIO()
    tags.save(file)
    return file.getvalue() + strip


def first_directory(data: bytes) -> dict[int, int]:
    """Tags of a TIFF's first directory, each with its number, or with where its values are; not of BigTIFF."""
    found = {}
    for tag, kind, _, at, order in _entries(data):
        found[tag] = int.from_bytes(data[at : at + {1: 1, 3: 2}.get(kind, 4)], order)
    return found


def tag_bytes(data: bytes, tag: int) -> bytes:
    """All bytes of a tag in a TIFF's first directory, as they stand there; none if it has none. Not of BigTIFF."""
    for found, kind, number, at, order in _entries(data):
        if found == tag:
            length = number * {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1}.get(kind, 0)
            start = at if length <= 4 else int.from_bytes(data[at : at + 4], order)
            return data[start : start + length] if start + length <= len(data) else b""
    return b""


def _entries(data: bytes) -> Iterator[tuple[int, int, int, int, Literal["little", "big"]]]:
    """Tag, type, count and place of the values of what the first directory holds, and the file's order of bytes."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    first = int.from_bytes(data[4:8], order)
    count = int.from_bytes(data[first : first + 2], order)
    for at in range(first + 2, min(first + 2 + 12 * count, len(data) - 11), 12):
        tag, kind, number = struct.unpack_from(("<" if order == "little" else ">") + "HHI", data, at)
        yield tag, kind, number, at + 8, order


def has_more(data: bytes) -> bool:
    """Whether another directory follows the file's first one."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    number, count, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
    try:
        (first,) = struct.unpack_from(order + number, data, 8 if big else 4)
        (entries,) = struct.unpack_from(order + count, data, first)
        (following,) = struct.unpack_from(order + number, data, first + struct.calcsize(count) + entry * entries)
    except struct.error:
        return False
    return bool(0 < following < len(data))


def read_planes(
    tags: TiffImagePlugin.ImageFileDirectory_v2, data: bytes, channels: int, bits: int = 16
) -> NDArray[Any] | None:
    """What a file that stores its channels apart holds, HxWx3 or 4 in BGR(A), each read as a grey file of its own, as
    OpenCV would mix them up; None if it cannot be read. Arguments and errors as of `one_plane`."""
    planes = [imdecode(one_plane(tags, data, index, channels, bits)) for index in range(channels)]
    if channels not in (3, 4) or any(plane is None or plane.ndim != 2 for plane in planes):
        return None
    return np.dstack([*planes[2::-1], *planes[3:]])  # type: ignore[list-item]


def one_plane(
    tags: TiffImagePlugin.ImageFileDirectory_v2, data: bytes, index: int, channels: int, bits: int = 16
) -> bytes:
    """One channel of a file that stores them apart, as a grey TIFF.

    Args:
        tags: the file's.
        data: the whole file.
        bits: of a value; those of 32 and 64 are real numbers.

    Raises KeyError, ValueError: tags that are missing or make no sense.
    """
    kept = (256, 257, 259, 266, 278, 317, 322, 323)  # Sides, compression, order of bits, rows of a strip, tiles.
    plane = TiffImagePlugin.ImageFileDirectory_v2(ifh=(b"II*\0" if tags.prefix == b"II" else b"MM\0*") + bytes(4))
    plane.update({tag: tags[tag] for tag in kept if tag in tags})
    plane[258], plane[262], plane[277], plane[284], plane[339] = bits, 1, 1, 1, (1 if bits == 16 else 3)
    places, lengths = (324, 325) if 324 in tags else (273, 279)
    count = len(tags[places]) // channels
    pieces = list(zip(tags[places], tags[lengths], strict=True))[index * count : (index + 1) * count]
    body = b"".join(data[start : start + length] for start, length in pieces)
    plane[lengths] = tuple(length for _, length in pieces)
    plane[places] = tuple(sum(length for _, length in pieces[:before]) for before in range(len(pieces)))
    file = io.BytesIO()
    plane.save(file)  # Moves the offsets behind the tags.
    return file.getvalue() + body


def _differences(pixels: NDArray[Any]) -> bytes:
    """TIFF 6.0, section 14: each value less the one to its left."""
    found = pixels.astype(pixels.dtype.newbyteorder("<"))
    found[:, 1:] -= pixels[:, :-1]
    return found.tobytes()
