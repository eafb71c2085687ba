"""HEIC and HEIF photos through pillow-heif (the extra `heif`), which is imported when the first such file comes by."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_HEAD = 1 << 16
_CHROMA = {3: 0, 2: 1, 1: 2}
TILED_FROM, TILE_PX = 100_000_000, 4096
"""Pixels from which on a photo is written in tiles, as phones do: one picture of HEVC has no room for so many."""
ADVICE = 'run: pip install "wideopen[heif]"'


def is_heif(data: bytes) -> bool:
    """Whether a file's first bytes are those of a HEIF container of HEVC pictures."""
    return data[4:8] == b"ftyp" and data[8:12] in _BRANDS


def plugin() -> Any:
    """The pillow_heif module, once Pillow knows how to use it. Raises ModuleNotFoundError without the extra."""
    import pillow_heif
    from PIL import Image

    if "HEIF" not in Image.OPEN:
        pillow_heif.register_heif_opener()
    return pillow_heif


def rgb_pixels(data: bytes) -> NDArray[np.uint8]:
    """HxWx3 of a picture of 8 bits, upright: Pillow would take four bytes a pixel and a copy more."""
    found: NDArray[np.uint8] = np.array(plugin().open_heif(data))
    return found


def deep_pixels(data: bytes) -> NDArray[Any]:
    """HxW or HxWxC uint16 of a picture of 10 or 12 bits, upright, stretched to 16: Pillow itself would keep 8."""
    image = plugin().open_heif(data, convert_hdr_to_8bit=False)
    found: NDArray[Any] = np.asarray(image)
    # The bits come in front, with zeros after them; repeating them makes white 65535.
    return np.asarray(found | (found >> int(image.info["bit_depth"])))


def auxiliary(data: bytes, kind: str) -> NDArray[Any] | None:
    """hxw or hxwxC uint8 of the first auxiliary picture of that type, upright; None if there is none."""
    image = plugin().open_heif(data, convert_hdr_to_8bit=False)
    found = (image.info.get("aux") or {}).get(kind)
    return np.array(image.get_aux_image(found[0])) if found else None


def subsampling(data: bytes) -> int | None:
    """0 is 4:4:4, 1 is 4:2:2, 2 is 4:2:0; None if it does not say. Decoder configuration: ISO/IEC 14496-15, 8.3.2.1."""
    at = data.find(b"hvcC", 0, _HEAD)
    return _CHROMA.get(data[at + 20] & 3) if 0 <= at < len(data) - 20 else None


def encode_heif(
    pixels: NDArray[Any],
    quality: int,
    metadata: dict[str, bytes],
    subsampling: int | None = None,
    hdr: tuple[int, int] | None = None,
) -> bytes:
    """HxW or HxWxC, of 8 or 16 bits (10 are kept), as a HEIC file's bytes.

    Args:
        metadata: exif, xmp, icc_profile.
        hdr: primaries and transfer, which are then stated instead of a profile.
    """
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[1 if pixels.ndim == 2 else pixels.shape[2]]
    if pixels.dtype == np.uint16:
        mode = {"L": "I;16"}.get(mode, f"{mode};16")
    buffer = io.BytesIO()
    stored = np.ascontiguousarray(pixels).reshape(-1).view(np.uint8).data
    image = plugin().from_bytes(mode, (pixels.shape[1], pixels.shape[0]), stored)
    chroma = {0: "444", 1: "422"}.get(2 if subsampling is None else subsampling, "420")
    stated: dict[str, Any] = {"tile_size": TILE_PX} if pixels.shape[0] * pixels.shape[1] > TILED_FROM else {}
    if hdr is not None:
        matrix = 9 if hdr[0] == 9 else 6
        stated |= {"color_primaries": hdr[0], "transfer_characteristics": hdr[1], "matrix_coefficients": matrix}
    image.save(buffer, quality=quality, chroma=chroma, **metadata, **stated)
    return buffer.getvalue()
