"""From an opened picture to arrays of colour and alpha: 8 bits through Pillow, 16 through OpenCV or libheif.

Pictures are carried over in strips: copies of a whole one, next to it, would take the memory three times.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms

from wideopen._types import Pixels
from wideopen.errors import PhotoError
from wideopen.image.imdecode import imdecode
from wideopen.photo import avif, exif, heif
from wideopen.photo.formats import jxl
from wideopen.photo.tiff import read_planes

Convert = Callable[[Image.Image], Image.Image | None]
STRIP_PX = 1 << 22
MAX_BYTES = 770_000_000
"""Of pixels as they are kept, alpha included; decoders and turning upright take as much again."""
LARGE = 1 << 27
"""Pixels of a JPEG or HEIC photo from which on memory is spared."""
_SEPARATE, _ASSOCIATED = 2, 1
_PLANAR_CONFIGURATION, _PHOTOMETRIC, _EXTRA_SAMPLES, _BITS, _SAMPLES_PER_PIXEL = 284, 262, 338, 258, 277


@dataclass(frozen=True, eq=False)
class Channels:
    """What a picture file holds."""

    colour: Pixels
    """HxWx3 RGB, uint8 or uint16."""
    alpha: Pixels | None = None
    """HxW of the same type, not premultiplied."""
    grey: bool = False
    """The file has one channel of colour."""
    profile_holds: bool = True
    """The file's profile still describes the pixels."""
    notices: tuple[str, ...] = ()


class Decoder:
    """How pixels of a format are read where Pillow alone loses some of them; this one reads what Pillow holds."""

    def bits(self, image: Image.Image, data: bytes) -> int:
        """A channel; with more than 8, Pillow keeps 8 if there are several. Its tiles say so until it loads."""
        return 16 if ";16" in _raw_mode(image) else 8

    def begin(self, image: Image.Image) -> None:
        """What comes before Pillow loads the picture."""

    def whole(self, data: bytes) -> Pixels | None:
        """HxWx3 uint8 of a large picture, where Pillow would take more memory."""
        return None

    def deep(self, image: Image.Image, data: bytes) -> Channels | None:
        """More than 8 bits a channel, as 16; None if only 8 can be had.

        What Pillow made of the picture is let go of first: it was a check that all is there.
        """
        image.im = None  # type: ignore[assignment]
        return _of_bgr(imdecode(data), image, self.is_grey(image, data))

    def is_grey(self, image: Image.Image, data: bytes) -> bool:
        return image.mode[0] in "LI"

    def lost(self, image: Image.Image, data: bytes) -> tuple[str, ...]:
        """Notices of what even this does not read."""
        return ()


class JpegDecoder(Decoder):
    def whole(self, data: bytes) -> Pixels | None:
        found = imdecode(data)
        if found is None:
            raise ValueError("OpenCV could not decode it")
        return _swapped(found)


class PngDecoder(Decoder):
    def is_grey(self, image: Image.Image, data: bytes) -> bool:
        return data[25] in (0, 4)


class TiffDecoder(Decoder):
    def bits(self, image: Image.Image, data: bytes) -> int:
        return 16 if 16 in _as_tuple(_tag(image, _BITS)) else super().bits(image, data)

    def begin(self, image: Image.Image) -> None:
        image.getexif().pop(exif.INTEROP, None)  # Pillow would look for it in the EXIF directory alone, and fail.

    def deep(self, image: Image.Image, data: bytes) -> Channels | None:
        image.im = None  # type: ignore[assignment]
        tags: Any = getattr(image, "tag_v2", {})
        apart = tags.get(_PLANAR_CONFIGURATION) == _SEPARATE
        stored = read_planes(tags, data, tags[_SAMPLES_PER_PIXEL]) if apart else imdecode(data)
        found = _of_bgr(stored, image, self.is_grey(image, data))
        if found.alpha is None or _as_tuple(_tag(image, _EXTRA_SAMPLES))[:1] != (_ASSOCIATED,):
            return found
        return replace(found, colour=_divided(found.colour, found.alpha))


class AvifDecoder(Decoder):
    def bits(self, image: Image.Image, data: bytes) -> int:
        return avif.bit_depth(data)

    def deep(self, image: Image.Image, data: bytes) -> Channels | None:
        stored = avif.deep_pixels(data)
        if stored is None:
            return None
        image.im = None  # type: ignore[assignment]
        return _of_bgr(stored, image, self.is_grey(image, data))


class HeifDecoder(Decoder):
    def bits(self, image: Image.Image, data: bytes) -> int:
        return int(image.info.get("bit_depth", 8))

    def whole(self, data: bytes) -> Pixels | None:
        return heif.rgb_pixels(data)

    def deep(self, image: Image.Image, data: bytes) -> Channels | None:
        image.im = None  # type: ignore[assignment]
        found = heif.deep_pixels(data)
        colour = cv2.merge([found] * 3) if found.ndim == 2 else np.ascontiguousarray(found[..., :3])
        alpha = found[..., 3].copy() if found.ndim == 3 and found.shape[2] == 4 else None
        return Channels(colour, alpha, self.is_grey(image, data) or found.ndim == 2)


class JxlDecoder(Decoder):
    def lost(self, image: Image.Image, data: bytes) -> tuple[str, ...]:
        whole = image.mode in ("I;16", "F") or jxl.read_header(data)[2] <= 8
        return () if whole else ("is read as 8 bits a channel, of more",)


def read_channels(image: Image.Image, data: bytes, decoder: Decoder) -> Channels:
    """Decode a picture; `data`: the whole file, which Pillow opened as `image`.

    Raises:
        PhotoError: 32 bits per channel, or 16 that cannot be read.
        Exception: whatever decoders raise on damaged files.
    """
    bits = decoder.bits(image, data)
    deep = bits > 8
    colours = 4 if "A" in image.mode or "a" in image.mode or "transparency" in image.info else 3
    if image.width * image.height * colours * (1 + deep) > MAX_BYTES:
        raise PhotoError(f"{image.width}x{image.height} px in {16 if deep else 8} bits is too large; make it smaller")
    mode, raw_mode = image.mode, _raw_mode(image)
    if image.width * image.height > LARGE and mode == "RGB" and not deep:
        whole = decoder.whole(data)
        if whole is not None:
            return Channels(whole)
    decoder.begin(image)
    image.load()
    if mode == "F" or (mode == "I" and not deep):
        raise PhotoError("has whole numbers of 32 bits; save it with 8 or 16 bits, or real numbers")
    notices = decoder.lost(image, data)
    if deep and mode in ("L", "LA", "RGB", "RGBA", "RGBa", "RGBX"):
        found = decoder.deep(image, data)
        if found is not None:
            return found
        notices = (f"its {bits} bits are read as 8",)
    if mode.startswith("I"):
        return _deep_grey(image)
    if mode in ("CMYK", "LAB"):
        return _converted(image, "16" in raw_mode)
    grey = mode in ("1", "L", "LA", "La")
    if mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        alpha = np.empty((image.height, image.width), np.uint8)
        return Channels(_copy(image, lambda part: part.convert("RGBA"), alpha), alpha, grey, notices=notices)
    return Channels(_copy(image, lambda part: part.convert("RGB")), None, grey, notices=notices)


def _raw_mode(image: Image.Image) -> str:
    return " ".join(str(tile[3]) for tile in getattr(image, "tile", []))


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    rows = max(1, STRIP_PX // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(top + rows, image.height)))


def _copy(image: Image.Image, convert: Convert, alpha: Pixels | None = None) -> Pixels:
    """HxWx3 uint8 of a loaded picture; a fourth channel goes into `alpha`."""
    found = np.empty((image.height, image.width, 3), np.uint8)
    for top, part in _strips(image):
        done = convert(part)
        if done is None:
            raise ValueError("colours could not be converted")
        values, rows = np.asarray(done), slice(top, top + done.height)
        found[rows] = values[..., :3]
        if alpha is not None:
            alpha[rows] = values[..., 3]
    return found


def _converted(image: Image.Image, deep: bool) -> Channels:
    """CMYK through its profile, if it has one, and Lab through the definition, to sRGB."""
    srgb, name = ImageCms.createProfile("sRGB"), "Lab" if image.mode == "LAB" else image.mode
    notices = [f"is {name}: converted to sRGB"]
    convert: Convert = lambda part: part.convert("RGB")  # noqa: E731
    try:
        source: Any = ImageCms.createProfile("LAB") if image.mode == "LAB" else image.info.get("icc_profile")
        if isinstance(source, bytes):
            source = ImageCms.ImageCmsProfile(io.BytesIO(source))
        if source is not None:
            intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
            flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
            transform = ImageCms.buildTransform(source, srgb, image.mode, "RGB", intent, flags)
            convert = transform.apply
            notices = [f"is {name}: converted through its profile to sRGB"]
    except (ImageCms.PyCMSError, OSError):
        source = None  # The profile is damaged or of another kind of device.
    if image.mode == "CMYK" and not source:
        notices = ["is CMYK without a usable profile: its colours are a guess, converted to sRGB"]
    if deep:
        notices.append("16 bits of CMYK are read as 8")
    return Channels(_copy(image, convert), None, False, False, tuple(notices))


def _deep_grey(image: Image.Image) -> Channels:
    """16-bit grey; one value may stand for transparent."""
    inverse, clear = _tag(image, _PHOTOMETRIC) == 0, image.info.get("transparency")
    colour = np.empty((image.height, image.width, 3), np.uint16)
    alpha = np.empty(colour.shape[:2], np.uint16) if isinstance(clear, int) else None
    for top, part in _strips(image):
        grey, rows = np.asarray(part).astype(np.uint16), slice(top, top + part.height)
        colour[rows] = (65535 - grey if inverse else grey)[..., None]
        if alpha is not None:
            alpha[rows] = np.where(grey == clear, 0, 65535)
    return Channels(colour, alpha, True)


def _of_bgr(stored: Pixels | None, image: Image.Image, grey: bool) -> Channels:
    """What OpenCV read of a picture of 16 bits: HxW, or HxWx3 or 4 in BGR(A)."""
    if stored is None or stored.dtype != np.uint16 or stored.shape[:2] != (image.height, image.width):
        raise PhotoError("16-bit pixels cannot be read; save it again as 16-bit PNG or TIFF")
    if stored.ndim == 2:
        return Channels(cv2.merge([stored] * 3), None, True)
    if stored.shape[2] == 3:
        return Channels(_swapped(stored), None, grey)
    return Channels(cv2.cvtColor(stored, cv2.COLOR_BGRA2RGB), np.ascontiguousarray(stored[..., 3]), grey)


def _swapped(bgr: Pixels) -> Pixels:
    """RGB in the memory of BGR."""
    rows = max(1, STRIP_PX // bgr.shape[1])
    for top in range(0, bgr.shape[0], rows):
        bgr[top : top + rows] = cv2.cvtColor(bgr[top : top + rows], cv2.COLOR_BGR2RGB)
    return bgr


def _divided(colour: Pixels, alpha: Pixels) -> Pixels:
    """Premultiplied 16-bit colour without its alpha."""
    rows = max(1, STRIP_PX // colour.shape[1])
    for top in range(0, colour.shape[0], rows):
        part, cover = colour[top : top + rows].astype(np.uint64), alpha[top : top + rows, :, None].astype(np.uint64)
        colour[top : top + rows] = np.minimum((part * 65535 + cover // 2) // np.maximum(cover, 1), 65535)
    return colour


def _tag(image: Image.Image, tag: int) -> Any:
    return getattr(image, "tag_v2", {}).get(tag)


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
