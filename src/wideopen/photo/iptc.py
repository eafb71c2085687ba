"""IPTC captions, as files hold them: in Photoshop's image resources (JPEG), a tag (TIFF), or a text (PNG).

Layout: Adobe Photoshop File Formats Specification (image resource blocks); ImageMagick's raw profiles in PNG texts.
"""

import struct

from PIL import Image

from wideopen.photo.tiff import tag_bytes

APP13 = b"Photoshop 3.0\0"
IPTC_TAG, RESOURCES_TAG = 33723, 34377
"""TIFF tags of the captions alone, and of all resources."""
_IPTC, _THUMBNAILS = 0x0404, (0x0409, 0x040C)
_RAW = "Raw profile type "


def read_resources(image: Image.Image, data: bytes) -> bytes:
    """Photoshop's image resources, captions among them, of a picture that is loaded; without thumbnails.

    `data`: the whole file.
    """
    if image.format in ("JPEG", "MPO"):
        parts = [body for name, body in getattr(image, "applist", []) if name == "APP13" and body.startswith(APP13)]
        return _without_thumbnails(b"".join(body[len(APP13) :] for body in parts))
    if image.format == "TIFF":
        kept = _without_thumbnails(tag_bytes(data, RESOURCES_TAG))
        return _with_captions(kept, _as_written(tag_bytes(data, IPTC_TAG)))
    text = getattr(image, "text", {})
    return _with_captions(_profile(text.get(_RAW + "8bim", "")), _profile(text.get(_RAW + "iptc", "")))


def captions(resources: bytes) -> bytes:
    """The IPTC block among resources; empty if there is none."""
    return next((body for number, body, _ in _blocks(resources) if number == _IPTC), b"")


def without_captions(resources: bytes) -> bytes:
    """All other resources."""
    return b"".join(block for number, _, block in _blocks(resources) if number != _IPTC)


def raw_profile(captions: bytes) -> tuple[str, str]:
    """A PNG's text with captions in it: key and value."""
    digits = captions.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return _RAW + "iptc", f"\niptc\n{len(captions):8}\n{lines}\n"


def _with_captions(resources: bytes, found: bytes) -> bytes:
    if found.startswith(b"8BIM"):  # Some writers put all resources there.
        return _without_thumbnails(found)
    if not found or captions(resources):
        return resources
    body = found + bytes(len(found) % 2)
    return resources + b"8BIM" + struct.pack(">HHI", _IPTC, 0, len(found)) + body


def _without_thumbnails(resources: bytes) -> bytes:
    return b"".join(block for number, _, block in _blocks(resources) if number not in _THUMBNAILS)


def _blocks(resources: bytes) -> list[tuple[int, bytes, bytes]]:
    """(Number, body, whole block) of each; what is damaged, and all behind it, is left out."""
    found, at = [], 0
    while resources[at : at + 4] == b"8BIM" and at + 12 <= len(resources):
        (number,) = struct.unpack_from(">H", resources, at + 4)
        name = resources[at + 6] + 1
        start = at + 6 + name + name % 2
        if start + 4 > len(resources):
            break
        (length,) = struct.unpack_from(">I", resources, start)
        end = start + 4 + length
        if end > len(resources):
            break
        block = resources[at:end] + bytes(length % 2)
        found.append((number, resources[start + 4 : end], block))
        at = end + length % 2
    return found


def _as_written(found: bytes) -> bytes:
    """Captions of a TIFF; those of writers that say LONG where they mean bytes may have every four turned round."""
    if found[:1] != b"\x1c" and found[3:4] == b"\x1c" and len(found) % 4 == 0:
        return b"".join(found[at : at + 4][::-1] for at in range(0, len(found), 4))
    return found


def _profile(text: str) -> bytes:
    """The bytes in a raw profile's text: a name, a length, then hexadecimal digits."""
    try:
        return bytes.fromhex("".join(str(text).split()[2:]))
    except ValueError:
        return b""
