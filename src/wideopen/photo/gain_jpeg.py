"""Gain maps in JPEG files: a further picture behind the main one.

What the map means is in its own segments (`gain/gain_metadata.py`); that there is one, the main picture says: Ultra HDR
1 by XMP with a list of all pictures and their lengths (Google's container), ISO 21496-1 by an APP2 segment, and all by
the Multi-Picture Format's index (CIPA DC-007, 5.2).
"""

import io
import struct
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from PIL import Image, JpegImagePlugin

from wideopen.gain.gain_map import GainMap, GainRange, Kind
from wideopen.gain.gain_metadata import (
    HDRGM,
    ISO_PREFIX,
    ISO_VERSION,
    apple_headroom,
    hdrgm_packet,
    hdrgm_range,
    iso_metadata,
    iso_range,
)
from wideopen.photo import exif, xmp
from wideopen.photo.jpeg_parts import (
    JpegPart,
    end_of_first_segments,
    jpeg_parts,
    with_segments,
    xmp_segments,
)

AUXILIARY = "urn:com:apple:photo:2020:aux:hdrgainmap"
_APPLE, _APPLE_GAIN = "http://ns.apple.com/pixeldatainfo/1.0/", "http://ns.apple.com/HDRGainMap/1.0/"
_CONTAINER = "http://ns.google.com/photos/1.0/container/"
_MPF = b"MPF\0"
_QUALITY = 95
_MPF_BYTES = 4 + 8 + 2 + 3 * 12 + 4 + 2 * 16
"""Of the index of two pictures."""
ANNOUNCEMENT = 1000
"""Bytes that `announced` adds at most."""
_PRIMARY = 0x030000
"""Type of the main picture: baseline multi-picture primary; others have none."""


def read_gain_map(data: bytes, blob: bytes, most_pixels: int) -> GainMap | None:
    """The gain map of a JPEG file, as it lies in the file, not turned upright.

    Args:
        data: the file's bytes.
        blob: EXIF of the main picture, whose maker note may state Apple's headroom.
        most_pixels: a larger map is refused.

    Raises ValueError: there is one, and it is damaged or makes no sense.
    """
    for part in jpeg_parts(data)[1:]:
        if (stated := _stated(part, blob)) is None:
            continue
        meaning, kinds = stated
        with Image.open(io.BytesIO(data[part.start : part.end]), formats=("JPEG", "MPO")) as image:
            if image.width * image.height > most_pixels:
                raise ValueError(f"a gain map of {image.width}x{image.height} px")
            tables = tuple(tuple(table) for _, table in sorted(getattr(image, "quantization", {}).items()))
            sampling = JpegImagePlugin.get_sampling(image)
            pixels = np.array(image if image.mode in ("L", "RGB") else image.convert("RGB"))
        body = pixels[..., None] if pixels.ndim == 2 else pixels
        return GainMap(body, meaning, kinds, _stating(part), tables, sampling if sampling in (0, 1, 2) else None)
    return None


def _stated(part: JpegPart, blob: bytes) -> tuple[GainRange, frozenset[Kind]] | None:
    # Where both are there they say the same.
    ranges: dict[Kind, GainRange | None] = {"iso": None, "hdrgm": hdrgm_range(part.packets)}
    for body in part.app2:
        if body.startswith(ISO_PREFIX):
            ranges["iso"] = iso_range(body.removeprefix(ISO_PREFIX))
    kinds = frozenset(kind for kind, found in ranges.items() if found is not None)
    for found in ranges.values():
        if found is not None:
            return found, kinds
    said = part.says(_APPLE, _APPLE_GAIN)
    if said.get("AuxiliaryImageType") != AUXILIARY:
        return None
    stated = said.get("HDRGainMapHeadroom")
    headroom = float(stated) if stated else apple_headroom(exif.maker_note(blob))
    if headroom is None:
        raise ValueError("a gain map without headroom")
    return GainRange.of_apple(headroom), frozenset({"apple"})


def _stating(part: JpegPart) -> tuple[tuple[int, bytes], ...]:
    """The segments of a map's picture but its EXIF, which would turn it, and its place among the pictures."""
    described = [(1, body) for body in part.app1 if not body.startswith(exif.PREFIX)]
    return (*described, *((2, body) for body in part.app2 if not body.startswith(_MPF)))


def encode_gain_map(gain: GainMap, blob: bytes) -> tuple[bytes, frozenset[Kind]]:
    """A map as a JPEG file that states what it means, and how it states it.

    `blob`: EXIF of the main picture. Where Apple's kind would need its maker note and it is gone, as where the map
    comes from another format, the map is stated as ISO 21496-1 and Ultra HDR 1 do.
    """
    segments, kinds = gain.segments, gain.kinds
    own = any(b"HDRGainMapHeadroom" in body for _, body in segments) or apple_headroom(exif.maker_note(blob))
    if not kinds or ("apple" in kinds and not own):
        plain = replace(gain.meaning, headroom=None)
        # Apple's curve is no power: the codes become those of the same gains.
        gain = replace(gain, meaning=plain).with_stops(gain.stops) if gain.meaning.headroom else gain
        packet = xmp_segments(hdrgm_packet(plain), b"", "")
        segments, kinds = (*packet, (2, ISO_PREFIX + iso_metadata(plain))), frozenset({"hdrgm", "iso"})
    pixels = gain.pixels if gain.pixels.dtype == np.uint8 else cv2.convertScaleAbs(gain.pixels, alpha=1 / 257)
    options: dict[str, Any] = {"quality": _QUALITY}
    if gain.tables is not None:
        options = {"qtables": [list(table) for table in gain.tables]}
    buffer = io.BytesIO()
    image = Image.fromarray(pixels.reshape(pixels.shape[:2]) if gain.pixels.shape[2] == 1 else pixels)
    image.save(buffer, "JPEG", subsampling=gain.subsampling or 0, **options)
    return with_segments(buffer.getvalue(), segments), kinds


def announced(packet: bytes, coded: bytes, kinds: frozenset[Kind]) -> bytes:
    """The main picture's XMP with what Ultra HDR 1 has it say of a map's file, if that is one of its kinds."""
    if "hdrgm" not in kinds:
        return packet
    return xmp.with_description(
        packet,
        f'xmlns:hdrgm="{HDRGM}" xmlns:Container="{_CONTAINER}" xmlns:Item="{_CONTAINER}item/" hdrgm:Version="1.0"',
        "<Container:Directory><rdf:Seq>"
        '<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary" Item:Mime="image/jpeg"/></rdf:li>'
        '<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="GainMap" Item:Mime="image/jpeg"'
        f' Item:Length="{len(coded)}"/></rdf:li></rdf:Seq></Container:Directory>',
    )


def with_gain_map(main: bytes, coded: bytes, kinds: frozenset[Kind]) -> bytes:
    """The main picture's JPEG file with a map's behind it, and an index of both."""
    if "iso" in kinds:
        main = with_segments(main, [(2, ISO_PREFIX + ISO_VERSION)])
    size = len(main) + 4 + _MPF_BYTES
    # Offsets count from the byte order mark of the index, which with_segments puts at a known place.
    index = end_of_first_segments(main) + 4 + len(_MPF)
    entries = struct.pack(">IIIHH", _PRIMARY, size, 0, 0, 0) + struct.pack(">IIIHH", 0, len(coded), size - index, 0, 0)
    tags = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100") + struct.pack(">HHII", 0xB001, 4, 1, 2)
    tags += struct.pack(">HHII", 0xB002, 7, len(entries), 8 + 2 + 3 * 12 + 4)
    body = _MPF + b"MM\0*" + struct.pack(">IH", 8, 3) + tags + bytes(4) + entries
    return with_segments(main, [(2, body)]) + coded
