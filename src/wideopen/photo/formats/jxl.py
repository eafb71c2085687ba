"""JPEG XL through pillow-jxl-plugin (the extra `jxl`), which reads 8 bits, and writes them without a profile.

It decodes a whole file as it opens it, so that sizes are read here first. Layout: ISO/IEC 18181-1, D.2 (SizeHeader) and
D.3 (ImageMetadata); 18181-2 (boxes).
"""

import io
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms

from wideopen._types import Pixels

_CODESTREAM, _CONTAINER = b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
ADVICE = 'run: pip install "wideopen[jxl]"'
EFFORT = 4
"""Of 1 to 9. At 7, the default, 12 megapixels take 9 s of one core."""


def is_jxl(data: bytes) -> bool:
    """Whether a file's first bytes are those of JPEG XL."""
    return data.startswith((_CODESTREAM, _CONTAINER))


def plugin() -> Any:
    """The module, with which Pillow knows the format. Raises ModuleNotFoundError without the extra."""
    import pillow_jxl  # type: ignore[import-not-found, import-untyped, unused-ignore]

    return pillow_jxl


def read_header(data: bytes) -> tuple[int, int, int]:
    """Width, height and bits of a channel; 8 where a rare header hides them, 32 for real numbers of any kind.

    Raises ValueError: cut short, or no JPEG XL.
    """
    stream = data if data.startswith(_CODESTREAM) else b"".join(_stream(data))
    if len(stream) < 16 or not stream.startswith(_CODESTREAM):
        raise ValueError("no picture")
    bits = int.from_bytes(stream[2:64], "little")

    def take(count: int) -> int:
        nonlocal bits
        found, bits = bits & ((1 << count) - 1), bits >> count
        return found

    def side(small: bool) -> int:
        return (take(5) + 1) * 8 if small else take((9, 13, 18, 30)[take(2)]) + 1

    small = bool(take(1))
    height = side(small)
    ratio = take(3)
    width = side(small) if ratio == 0 else height * _RATIOS[ratio][0] // _RATIOS[ratio][1]
    if take(1):  # All as usual.
        return width, height, 8
    if take(1) and (take(3) >= 0 and take(3)):  # An orientation, and then a size, a preview or an animation.
        return width, height, 8
    if take(1):
        return width, height, 32
    return width, height, (8, 10, 12)[choice] if (choice := take(2)) < 3 else take(6) + 1


def packet(data: bytes) -> bytes:
    """The XMP packet of a file; empty if it has none that is plain."""
    return next((body for kind, body in _boxes(data) if kind == b"xml "), b"")


def encode_jxl(pixels: Pixels, quality: int | None, metadata: dict[str, bytes]) -> bytes:
    """HxW or HxWxC uint8 as a file's bytes, sRGB; without loss if `quality` is None. `metadata`: exif, xmp."""
    plugin()
    buffer = io.BytesIO()
    how: dict[str, Any] = {"lossless": True} if quality is None else {"quality": quality}
    threads = cv2.getNumThreads()
    Image.fromarray(pixels).save(
        buffer, "JXL", num_threads=threads, use_container=True, effort=EFFORT, **how, **metadata
    )
    return buffer.getvalue()


def to_srgb(pixels: Pixels, icc: bytes) -> Pixels:
    """HxWx3 uint8 from a profile's space to sRGB; as they are if the profile is of another kind, or damaged."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        found = ImageCms.profileToProfile(Image.fromarray(pixels), source, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError):
        return pixels
    return pixels if found is None else np.array(found)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0 if data.startswith(_CONTAINER) else len(data)
    while at + 8 <= len(data):
        size, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = len(data) if size == 0 else at + max(size, head)
        yield kind, data[at + head : end]
        at = end


def _stream(data: bytes) -> Iterator[bytes]:
    for kind, body in _boxes(data):
        if kind in (b"jxlc", b"jxlp"):
            yield body[4:] if kind == b"jxlp" else body
