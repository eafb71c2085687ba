"""What AVIF files say of themselves, and their pictures of 10 and 12 bits through OpenCV: Pillow keeps 8.

Boxes: AV1 Image File Format 1.1 (AOMedia), 2.1; the configuration: AV1 in ISOBMFF 1.2, 2.3.3.
"""

import struct
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import features

from wideopen.image.imdecode import imdecode

ADVICE = "install a newer Pillow: pip install -U pillow"
_BRANDS = (b"avif", b"avis")
_HEAD = 1 << 16
_SUBSAMPLING = {(0, 0): 0, (1, 0): 1, (1, 1): 2}


def is_avif(data: bytes) -> bool:
    """Whether a file's first bytes are those of an AVIF picture or sequence."""
    return data[4:8] == b"ftyp" and data[8:12] in _BRANDS


def is_readable() -> bool:
    """Whether this Pillow reads and writes AVIF."""
    return bool(features.check("avif"))


def bit_depth(data: bytes) -> int:
    """8, 10 or 12, of the first picture described; 8 if the file does not say."""
    flags = _configuration(data)
    return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10


def subsampling(data: bytes) -> int:
    """0 is 4:4:4, 1 is 4:2:2, 2 is 4:2:0."""
    flags = _configuration(data)
    return _SUBSAMPLING.get((flags >> 3 & 1, flags >> 2 & 1), 2)


def deep_pixels(data: bytes) -> NDArray[Any] | None:
    """HxW or HxWxC uint16, BGR(A) as OpenCV has it, stretched to 16 bits; None if this OpenCV cannot."""
    found = imdecode(data)
    if found is None or found.dtype != np.uint16:
        return None
    bits = bit_depth(data)
    found <<= 16 - bits
    found |= found >> bits  # So that white becomes 65535.
    return found


def encode_deep(
    pixels: NDArray[Any], quality: int, metadata: dict[str, bytes], hdr: tuple[int, int] | None = None
) -> bytes:
    """HxW or HxWxC uint16 RGB(A) as an AVIF file of 10 bits.

    Args:
        metadata: exif, xmp, icc_profile.
        hdr: primaries and transfer, which are then stated.
    """
    if pixels.ndim == 3 and pixels.shape[2] == 2:  # OpenCV knows no grey with alpha.
        pixels = cv2.merge([pixels[..., 0]] * 3 + [pixels[..., 1]])
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA)
    ten = np.rint(pixels * np.float32(1023 / 65535)).astype(np.uint16)
    kinds = {"exif": cv2.IMAGE_METADATA_EXIF, "xmp": cv2.IMAGE_METADATA_XMP, "icc_profile": cv2.IMAGE_METADATA_ICCP}
    options = [cv2.IMWRITE_AVIF_DEPTH, 10, cv2.IMWRITE_AVIF_QUALITY, quality]
    chunks = [np.frombuffer(value, np.uint8) for value in metadata.values()]
    done, coded = cv2.imencodeWithMetadata(".avif", ten, [kinds[key] for key in metadata], chunks, options)
    if not done:
        raise ValueError("OpenCV could not encode it")
    file = coded.tobytes()
    at = file.find(b"colrnclx", 0, _HEAD)
    if hdr is None:
        return file
    if at < 0:
        raise ValueError("OpenCV stated no colours")
    # The container's word counts before the picture's own (ISO/IEC 23000-22, 7.3.6.4).
    return file[: at + 8] + struct.pack(">HH", *hdr) + file[at + 12 :]


def _configuration(data: bytes) -> int:
    """The third byte of the AV1 configuration: depth and subsampling."""
    at = data.find(b"av1C", 0, _HEAD)
    return data[at + 6] if 0 <= at < len(data) - 6 else 0x0C
