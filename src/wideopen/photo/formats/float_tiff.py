"""TIFF files of real numbers, 16, 32 or 64 bits each: linear light, 1 is white, below 0 and above 1 as it is.

Pillow opens none of several channels. OpenCV reads 32 and 64 bits; those of 16 it reads as whole numbers, once the tag
that says what they are is restated, and they are taken as what they are afterwards.
"""

import io
import struct
from dataclasses import replace

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin

from wideopen.errors import PhotoError
from wideopen.image.imdecode import imdecode
from wideopen.photo.formats.light import linear_photo
from wideopen.photo.metadata import Metadata, read_metadata
from wideopen.photo.photo import Photo
from wideopen.photo.tiff import has_more, read_planes
from wideopen.quiet import quietly

_BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR, _EXTRA, _FORMAT = 258, 259, 262, 277, 284, 338, 339
_REAL, _SEPARATE, _NOBODYS = 3, 2, 65000
_AS_EIGHT_BIT_GREY: dict[int, int | None] = {
    _BITS: 8,
    **dict.fromkeys((_COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR, _EXTRA, _FORMAT)),
}


def read_directory(data: bytes) -> TiffImagePlugin.ImageFileDirectory_v2 | None:
    """The first directory of a TIFF file of real numbers; None for all else, also BigTIFF."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return None
    try:
        found, file = TiffImagePlugin.ImageFileDirectory_v2(data[:8]), io.BytesIO(data)
        file.seek(found.next)
        with quietly():
            found.load(file)
        return found if set(found.get(_FORMAT, ())) == {_REAL} else None
    except Exception:  # Whatever damage may raise; Pillow says what is wrong.
        return None


def decode_float_tiff(data: bytes, tags: TiffImagePlugin.ImageFileDirectory_v2) -> tuple[Photo, Metadata]:
    """A photo whose pixels are light, not yet turned upright, and what belongs to it; `tags` of `read_directory`.

    Raises:
        PhotoError: of a kind that is not read, or with pixels that are no numbers.
        Exception: whatever damage raises.
    """
    bits, channels = int(tags[_BITS][0]), int(tags.get(_SAMPLES, 1))
    whole = _restated(data, {_FORMAT: 1}) if bits == 16 else data
    apart = tags.get(_PLANAR) == _SEPARATE and channels > 1
    stored = read_planes(tags, data, channels, bits) if apart else imdecode(whole)
    if stored is None or channels not in (1, 3, 4) or bits not in (16, 32, 64):
        raise PhotoError(f"a TIFF of {bits}-bit real numbers of a kind that is not read; save it as 32-bit RGB")
    stored = stored.view(np.float16) if bits == 16 else stored
    with Image.open(io.BytesIO(_restated(data, _AS_EIGHT_BIT_GREY)), formats=("TIFF",)) as image:
        found = read_metadata(image, data, "several" if has_more(data) else "")
    notices = ("its 64 bits are read as 32",) if bits == 64 else ()
    if stored.ndim == 3:
        if stored.shape[2] == 4 and (stored[..., 3] != 1).any():
            notices = (*notices, "its transparency is left out")
        stored = cv2.merge([np.ascontiguousarray(stored[..., index], np.float32) for index in (2, 1, 0)])
    # OpenCV has turned the pixels of a whole file.
    return linear_photo(stored, "TIFF", bits == 16, notices), found if apart else replace(found, turn=1)


def _restated(data: bytes, numbers: dict[int, int | None]) -> bytes:
    """The file with tags of its first directory as one short number each; without those of which there is none."""
    order = "<" if data[:2] == b"II" else ">"
    changed = bytearray(data)
    (first,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, first)
    for at in range(first + 2, first + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from(order + "H", data, at)
        if (number := numbers.get(tag)) is not None:
            struct.pack_into(order + "HIHxx", changed, at + 2, 3, 1, number)
        elif tag in numbers:
            struct.pack_into(order + "H", changed, at, _NOBODYS)
    return bytes(changed)
