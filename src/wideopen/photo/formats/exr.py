"""OpenEXR files as linear light, through the Academy's own library (the extra `exr`).

What the header says of colours, windows and the camera is kept; how pixels are stored is written anew.
"""

import io
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.errors import PhotoError
from wideopen.photo.formats.light import linear_photo
from wideopen.photo.photo import Photo

_SIGNATURE = b"\x76\x2f\x31\x01"
ADVICE = 'run: pip install "wideopen[exr]"'
_STORED = {"channels", "compression", "type", "lineOrder", "tiles", "chunkCount", "version", "name", "view"}


def is_exr(data: bytes) -> bool:
    """Whether a file's first bytes are those of an OpenEXR file."""
    return data.startswith(_SIGNATURE)


def size(data: bytes) -> tuple[int, int]:
    """Width and height of what is stored. Raises ModuleNotFoundError without the extra, and what damage raises."""
    import OpenEXR  # type: ignore[import-not-found, unused-ignore]

    (left, top), (right, bottom) = OpenEXR.File(io.BytesIO(data), header_only=True).header()["dataWindow"]
    return int(right) - int(left) + 1, int(bottom) - int(top) + 1


def decode_exr(data: bytes) -> Photo:
    """A photo whose pixels are light.

    Raises:
        PhotoError: no channels R, G, B or Y, or pixels that are no numbers.
        Exception: whatever damage raises.
    """
    import OpenEXR

    file = OpenEXR.File(io.BytesIO(data), separate_channels=True)
    channels = {name: channel.pixels for name, channel in file.channels().items()}
    if not channels:
        raise ValueError("no pixels could be read")
    if {"Y", "RY", "BY"} <= set(channels):
        channels |= _from_luminance(*(channels.pop(name).astype(np.float32) for name in ("Y", "RY", "BY")))
    names = "RGB" if {"R", "G", "B"} <= set(channels) else "Y"
    if names == "Y" and "Y" not in channels:
        raise PhotoError(f"an EXR of the channels {', '.join(sorted(channels))[:80]}; save it with R, G, B or Y alone")
    planes = [channels[name] for name in names]
    notices = []
    if "A" in channels and (channels["A"] != 1).any():
        notices.append("its transparency is left out: colours stay as on black")
    if more := sorted(set(channels) - {*names, "A"}):
        notices.append(f"further channels are left out: {', '.join(more)[:80]}")
    if len(file.parts) > 1:
        notices.append(f"holds {len(file.parts)} pictures: the first one is used")
    half = all(plane.dtype == np.float16 for plane in planes)
    photo = linear_photo(np.dstack(planes) if len(planes) > 1 else planes[0], "EXR", half, tuple(notices))
    return replace(photo, header={key: value for key, value in file.header().items() if key not in _STORED})


def _from_luminance(luminance: Float, red: Float, blue: Float) -> dict[str, Float]:
    """R, G and B of BT.709's luminance Y and of (R - Y) / Y and (B - Y) / Y at half the size; ImfRgbaYca.h."""
    size = luminance.shape[::-1]
    r, b = ((1 + cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)) * luminance for part in (red, blue))
    return {"R": r, "G": (luminance - 0.2126 * r - 0.0722 * b) / 0.7152, "B": b}


def encode_exr(photo: Photo) -> bytes:
    """Linear light as an OpenEXR file, ZIP-compressed, with the header that the photo came with.

    Raises ModuleNotFoundError without the extra.
    """
    import OpenEXR

    pixels = photo.pixels.astype(np.float16 if photo.half else np.float32)
    header: dict[str, Any] = {**photo.header, "compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    names = "Y" if photo.grey else "RGB"
    file = OpenEXR.File(header, {name: np.ascontiguousarray(pixels[..., index]) for index, name in enumerate(names)})
    buffer = io.BytesIO()
    file.write(buffer)
    return buffer.getvalue()
