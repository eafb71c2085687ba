"""Large JPEG files written strip by strip, for which Pillow would want four bytes for each pixel of the whole picture.

Each strip is coded by itself and becomes one restart interval: what libjpeg carries from block to block starts anew
there. The result is that of the whole picture coded at once with such intervals (ITU-T T.81, B.2.4.4 and E.1.4).
"""

import io
import struct
from typing import Any

from PIL import Image

from wideopen._types import Pixels
from wideopen.photo.jpeg_parts import segments

_LONGEST = 65535
_SCAN, _FRAME, _INTERVAL, _RESTART, _END = 0xDA, 0xC0, 0xDD, 0xD0, b"\xff\xd9"


def encode_in_strips(pixels: Pixels, options: dict[str, Any]) -> bytes:
    """HxWx3 or HxW uint8 as a baseline JPEG file; `options` are Pillow's, with `subsampling` 0, 1 or 2."""
    across, down = {0: (8, 8), 1: (16, 8), 2: (16, 16)}[options["subsampling"] if pixels.ndim == 3 else 0]
    blocks = -(-pixels.shape[1] // across)
    rows = max(1, _LONGEST // blocks)
    bare: dict[str, Any] = {key: options[key] for key in ("quality", "qtables", "subsampling") if key in options}
    header, body = b"", bytearray()
    for index, top in enumerate(range(0, pixels.shape[0], rows * down)):
        coded = _coded(pixels[top : top + rows * down], bare if index else {**options, "progressive": False})
        *before, (_, scan, end), _ = segments(coded, 0)
        length = int.from_bytes(coded[scan - 2 : scan], "big")
        if index == 0:
            (frame,) = (at for marker, at, _ in before if marker == _FRAME)
            whole = coded[: frame + 1] + struct.pack(">H", pixels.shape[0]) + coded[frame + 3 : scan - 4]
            interval = struct.pack(">BBHH", 0xFF, _INTERVAL, 4, rows * blocks)
            header = whole + interval + coded[scan - 4 : scan - 2 + length]
        else:
            body += bytes([0xFF, _RESTART + (index - 1) % 8])
        body += coded[scan - 2 + length : end]
    return header + bytes(body) + _END


def _coded(strip: Pixels, options: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(strip).save(buffer, "JPEG", **options)
    return buffer.getvalue()
