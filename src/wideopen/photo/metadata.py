"""All that belongs to a photo but its pixels, as a picture file holds it."""

import io
import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from wideopen.errors import PhotoError
from wideopen.gain.gain_map import GainMap, GainRange
from wideopen.gain.gain_metadata import apple_headroom
from wideopen.photo import avif, exif, heif, xmp
from wideopen.photo.cicp import stated_colours
from wideopen.photo.formats import jxl, motion
from wideopen.photo.formats.heif_gain import heif_gain
from wideopen.photo.formats.phone_depth import phone_depth
from wideopen.photo.gain_jpeg import AUXILIARY, read_gain_map
from wideopen.photo.iptc import read_resources
from wideopen.photo.jpeg_parts import extended_packet, jpeg_parts
from wideopen.photo.photo import Belongings
from wideopen.photo.tiff import ICC_TAG, first_directory, has_more

ADOBE_GAMMA = 563 / 256
_COLOUR_CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI")
_UNTOLD = re.compile(r"Raw profile type |XML:com\.adobe\.xmp$")
_FLIR = b"FLIR\0"
_OTHER_DEPTH = {"Samsung": b"_DepthMap_", "Huawei": b"\0edof\0", "Xiaomi": b"PMPD\x02\0"}
"""Behind the main picture of a JPEG file."""
_MAP_SHARE = 4
"""A map of more pixels than so many times the photo's is refused: a few bytes can claim any size."""
_FILM = re.compile(rb"MotionPhoto_Data|....ftyp", re.DOTALL)


@dataclass(frozen=True, eq=False)
class Metadata(Belongings):
    """What belongs to a photo that may not be upright yet."""

    turn: int = 1
    """The orientation that pixels still have to be turned from, 1..8."""


def read_metadata(image: Image.Image, data: bytes, several: str) -> Metadata:
    """Of a picture that is loaded; `data`: the whole file; `several`: see `count_pictures`.

    Raises PhotoError: a TIFF's profile lies outside the file, so that colours would be others.
    """
    info = image.info
    directory = first_directory(data) if image.format == "TIFF" else {}
    if ICC_TAG in directory and "icc_profile" not in info:
        raise PhotoError("its colour profile is damaged or cut off; get a whole copy")
    blob = (info.get("exif") or b"").removeprefix(exif.PREFIX)
    if not blob and (image.format == "TIFF" or "Raw profile type exif" in info):
        blob = exif.descriptive_tags(image.getexif())
    # libheif, and Pillow with TIFF, turn pictures upright, and say no more that they were not.
    before = info.get("original_orientation") or directory.get(exif.ORIENTATION)
    turn, upright = exif.take_orientation(blob, before)
    held = before or turn
    if image.format == "TIFF" and exif.ORIENTATION not in image.getexif():
        turn = 1  # Pillow and OpenCV turn TIFFs upright as they load.
    if image.format == "JXL" and not getattr(image, "jpeg", False):
        turn = 1  # Its decoder has turned it; a JPEG packed into a JPEG XL is as it was.
    packet = jxl.packet(data) if image.format == "JXL" else b""
    packet = packet or info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    packet = packet.encode() if isinstance(packet, str) else bytes(packet)
    more = extended_packet([body for name, body in getattr(image, "applist", []) if name == "APP1"])
    more = xmp.make_true(more, held)
    film, film_us = motion.read_film(data) if image.format in ("JPEG", "MPO") else (b"", -1)
    if image.format == "HEIF":
        film, film_us = motion.read_heif_film(data, packet)
    dpi = info.get("dpi")
    # A PNG's numbers win over its profile, which is there for programs that do not know them.
    by_numbers = image.format == "PNG" or (image.format in ("HEIF", "AVIF") and not info.get("icc_profile"))
    stated, hdr = stated_colours(data, str(image.format)) if by_numbers else (b"", None)
    gain, damage = _gain_map(image, data, blob, hdr)
    notices = [*_notices(image, data, packet, several, gain is not None), damage]
    return Metadata(
        turn=turn,
        exif=upright,
        thumbnail=exif.has_thumbnail(blob),
        icc=info.get("icc_profile") or stated,
        hdr=hdr,
        xmp=xmp.make_true(packet, held),
        xmp_more=more if xmp.says_anything(more) else b"",
        resources=read_resources(image, data),
        comment=_comment(info.get("comment")),
        text=_text(image),
        chunks=_colour_chunks(data) if image.format == "PNG" else b"",
        gamma=_gamma(image),
        dpi=_resolution(dpi, held),
        **_coding(image, data, turn in (5, 6, 7, 8)),
        gain=gain,
        film=film,
        film_us=film_us,
        thermal=tuple(
            body for name, body in getattr(image, "applist", []) if name == "APP1" and body.startswith(_FLIR)
        ),
        notices=tuple(notice for notice in notices if notice),
    )


def count_pictures(image: Image.Image, data: bytes) -> str:
    """How many pictures a file holds, before it is loaded: empty for one, "several" where counting would take long."""
    if image.format == "TIFF":
        return "several" if has_more(data) else ""
    if image.format in ("GIF", "JPEG", "MPO"):
        return "several" if getattr(image, "is_animated", False) else ""
    frames = int(getattr(image, "n_frames", 1))
    return str(frames) if frames > 1 else ""


def _gain_map(image: Image.Image, data: bytes, blob: bytes, hdr: tuple[int, int] | None) -> tuple[GainMap | None, str]:
    """A photo's gain map, and what a person should know of it: a damaged one does not keep a photo from being read."""
    try:
        if image.format in ("JPEG", "MPO"):
            return read_gain_map(data, blob, _MAP_SHARE * image.width * image.height), ""
        if image.format not in ("HEIF", "AVIF"):
            return None, ""
        codes = heif.auxiliary(data, AUXILIARY) if image.format == "HEIF" else None
        headroom = apple_headroom(exif.maker_note(blob))
        if codes is not None and headroom is not None:
            return GainMap(codes.reshape(*codes.shape[:2], -1), GainRange.of_apple(headroom)), ""
        stated = heif_gain(data)
        if stated is None and codes is not None:
            raise ValueError("no headroom in its maker note")
        if stated is None:
            return None, ""
        if hdr is not None:
            return None, "is HDR by itself: its gain map, for usual screens, is left out"
        meaning, alone, turns = stated
        pixels = _map_pixels(alone, str(image.format), _MAP_SHARE * image.width * image.height)
        # libheif has turned the photo, and Pillow has not.
        turned = np.rot90(pixels, turns) if image.format == "HEIF" else pixels
        return GainMap(np.ascontiguousarray(turned), meaning), ""
    except Exception:  # Whatever decoders raise.
        return None, "its HDR gain map is damaged and left out"


def _map_pixels(data: bytes, format: str, most_pixels: int) -> NDArray[np.uint8]:
    """hxw x 1 or 3 of the main picture of a file that holds more."""
    with Image.open(io.BytesIO(data), formats=(format,)) as picture:
        if picture.width * picture.height > most_pixels:
            raise ValueError(f"a gain map of {picture.width}x{picture.height} px")
        pixels = np.array(picture if picture.mode in ("L", "RGB") else picture.convert("RGB"))
    found = pixels.reshape(*pixels.shape[:2], -1)
    return found[..., :1] if (found == found[..., :1]).all() else found


def _coding(image: Image.Image, data: bytes, turned: bool) -> dict[str, Any]:
    """How the file was compressed, where it can be so again: tables turn with the picture."""
    if image.format in ("JPEG", "MPO") and image.mode in ("L", "RGB"):
        stored = getattr(image, "quantization", {})
        sampling = JpegImagePlugin.get_sampling(image)
        tables = [np.reshape(stored[key], (8, 8)) for key in sorted(stored)]
        if turned and sampling == 1:
            sampling = 0  # 4:2:2 the other way round is not written.
        return {
            "tables": tuple(tuple((table.T if turned else table).ravel().tolist()) for table in tables) or None,
            "subsampling": sampling if sampling in (0, 1, 2) else None,
            "progressive": bool(image.info.get("progressive")),
        }
    if image.format in ("AVIF", "HEIF"):
        chroma = avif.subsampling(data) if image.format == "AVIF" else heif.subsampling(data)
        return {"subsampling": 0 if turned and chroma == 1 else chroma}
    return {"lossless": image.format == "WEBP" and _is_lossless(data)}


def _gamma(image: Image.Image) -> float | None:
    """Where there is no profile, what light is a power of."""
    if image.info.get("gamma") and "srgb" not in image.info:
        return float(1 / image.info["gamma"])
    return ADOBE_GAMMA if image.format in ("JPEG", "MPO") and exif.is_adobe_rgb(image.getexif()) else None


def _resolution(dpi: Any, turn: int) -> tuple[float, float] | None:
    try:
        across, down = float(dpi[0]), float(dpi[1])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return None
    if not (0 < across < 1e6 and 0 < down < 1e6):
        return None
    return (down, across) if turn in (5, 6, 7, 8) else (across, down)


def _comment(value: Any) -> bytes:
    return value.encode("utf-8", "replace") if isinstance(value, str) else bytes(value or b"")


def _text(image: Image.Image) -> tuple[tuple[str, str], ...]:
    """A PNG's texts, but for those that are kept in other ways."""
    found = getattr(image, "text", {}) if image.format == "PNG" else {}
    return tuple((key, str(value)) for key, value in found.items() if not _UNTOLD.match(key))


def _colour_chunks(data: bytes) -> bytes:
    """A PNG's chunks that say what its values mean, other than a profile."""
    found, at = b"", 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, end = data[at + 4 : at + 8], at + 12 + length
        if kind == b"IDAT" or end > len(data):
            break
        if kind in _COLOUR_CHUNKS and length < 100:
            found += data[at:end]
        at = end
    return found


def _is_lossless(data: bytes) -> bool:
    """Whether a WebP's first picture is coded without loss."""
    lossless, lossy = data.find(b"VP8L", 12), data.find(b"VP8 ", 12)
    return lossless >= 0 and (lossy < 0 or lossless < lossy)


def _notices(image: Image.Image, data: bytes, packet: bytes, several: str, with_gain: bool) -> list[str]:
    found = []
    if image.format in ("GIF", "BMP"):
        found.append(f"is a {image.format} file, which is read but not written")
    if image.format in ("JPEG", "MPO"):
        parts = jpeg_parts(data)
        rest = data[parts[-1].end :] if parts else b""
        if b"MotionPhoto" in packet or b"MicroVideo" in packet or _FILM.search(rest):
            found.append(motion.LEFT_OUT)
        behind = parts[0].end if parts else len(data)
        maker = next((who for who, mark in _OTHER_DEPTH.items() if data.find(mark, behind) >= 0), None)
        if maker and phone_depth(data) is None:
            found.append(f"carries a depth map in a way of {maker}'s that is not known, which is not read")
        if len(parts) > 1 + with_gain or (several and not with_gain):
            found.append("holds several pictures: the main one is used")
        return found
    if image.format == "HEIF" and motion.read_heif_film(data, b"")[0]:
        found.append(motion.LEFT_OUT)
    if several:
        which = "main" if image.format == "HEIF" else "first"
        found.append(f"holds {several} pictures: the {which} one is used")
    return found
