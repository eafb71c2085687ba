"""What JPEG files carry beside their picture: XMP packets, and further pictures appended to the first.

Sources: ITU-T T.81 annex B (markers), Adobe's XMP Specification part 3 (packets longer than one segment).
"""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from wideopen.photo import exif

_XMP, _EXTENDED = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""The first marker after a scan's data, in which 0xFF is followed by 0 or by a restart marker's number."""
_FRAMES = (0xC0, 0xC1, 0xC2)
_LONGEST = 65533
_PIECE = 65000
_MOST_PARTS = 64
_START = b"\xff\xd8\xff"


@dataclass(frozen=True)
class JpegPart:
    """One of the pictures in a file."""

    start: int
    end: int
    """Its bytes are data[start:end]."""
    app1: tuple[bytes, ...]
    app2: tuple[bytes, ...] = ()

    @property
    def orientation(self) -> int:
        """EXIF orientation 1..8."""
        blobs = (segment.removeprefix(exif.PREFIX) for segment in self.app1 if segment.startswith(exif.PREFIX))
        return exif.take_orientation(next(blobs, b""))[0]

    @property
    def packets(self) -> list[ElementTree.Element]:
        """Its XMP: the packet, and the extension if there is one. What is no XML is left out."""
        plain = [segment[len(_XMP) :] for segment in self.app1 if segment.startswith(_XMP)]
        found = (parse_xmp(packet) for packet in [*plain, extended_packet(self.app1)])
        return [packet for packet in found if packet is not None]

    def says(self, *namespaces: str) -> dict[str, str]:
        """All simple properties of these namespaces in its XMP."""
        pairs = ((packet, namespace) for packet in self.packets for namespace in namespaces)
        return {key: value for pair in pairs for key, value in properties(*pair).items()}


def jpeg_parts(data: bytes) -> list[JpegPart]:
    """The pictures that follow one another in a JPEG file, the main one first; none if it is no JPEG."""
    parts: list[JpegPart] = []
    start = 0 if data.startswith(_START) else -1
    while start >= 0 and len(parts) < _MOST_PARTS:
        part = _part(data, start)
        parts.append(part)
        start = data.find(_START, part.end)
    return parts


def parse_xmp(packet: bytes) -> ElementTree.Element | None:
    """An XMP packet as a tree; None if it is empty, damaged, or brings a document type, which XMP never does."""
    packet = packet.strip(b"\0 \r\n\t")
    if not packet or b"<!DOCTYPE" in packet:
        return None
    try:
        return ElementTree.fromstring(packet)
    except (ElementTree.ParseError, ValueError):
        return None


def properties(tree: ElementTree.Element, namespace: str) -> dict[str, str]:
    """All simple properties of one namespace anywhere in a packet, written as attributes or as elements."""
    prefix, found = f"{{{namespace}}}", {}
    for element in tree.iter():
        pairs = [*element.attrib.items(), (element.tag, (element.text or "").strip())]
        found.update({key.removeprefix(prefix): value for key, value in pairs if value and key.startswith(prefix)})
    return found


def extended_packet(app1: Sequence[bytes]) -> bytes:
    """The extended packet, put together of segments: a GUID, the whole length, where this piece goes, the piece."""
    pieces: dict[int, bytes] = {}
    for segment in app1:
        body = segment[len(_EXTENDED) :]
        if segment.startswith(_EXTENDED) and len(body) > 40:
            (offset,) = struct.unpack_from(">I", body, 36)
            pieces[offset] = body[40:]
    return b"".join(pieces[offset] for offset in sorted(pieces))


def with_segments(data: bytes, segments: Sequence[tuple[int, bytes]]) -> bytes:
    """A JPEG file with application segments (number, body) put behind its first ones (JFIF, EXIF).

    Raises ValueError: a segment is longer than 65,533 bytes.
    """
    at = end_of_first_segments(data)
    added = b""
    for number, body in segments:
        if len(body) > _LONGEST:
            raise ValueError(f"metadata of {len(body)} bytes is longer than a segment")
        added += struct.pack(">BBH", 0xFF, 0xE0 + number, len(body) + 2) + body
    return data[:at] + added + data[at:]


def end_of_first_segments(data: bytes) -> int:
    """Where the JFIF, EXIF and XMP segments end that open a JPEG file."""
    at = 2
    while data[at : at + 2] in (b"\xff\xe0", b"\xff\xe1"):
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return at


def xmp_segments(packet: bytes, extension: bytes, guid: str) -> list[tuple[int, bytes]]:
    """A packet, and the one that extends it in as many pieces as it takes, as segments for `with_segments`."""
    found = [(1, _XMP + packet)] if packet else []
    for start in range(0, len(extension), _PIECE):
        header = guid.encode() + struct.pack(">II", len(extension), start)
        found.append((1, _EXTENDED + header + extension[start : start + _PIECE]))
    return found


def segments(data: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """The segments of the picture that starts there: marker, and where the body starts and ends.

    A scan's ends with its data. The last is the end of the picture (0xD9), unless that is cut short.
    """
    at = start + 2
    while at + 2 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # Filling before a marker.
            at += 1
            continue
        if marker == 0xD9:
            yield marker, at + 2, at + 2
            return
        if at + 4 > len(data):
            return
        body, end = at + 4, at + 2 + int(struct.unpack_from(">H", data, at + 2)[0])
        if marker == 0xDA:
            found = _AFTER_SCAN.search(data, end)
            end = len(data) if found is None else found.start()
        yield marker, body, end
        at = end


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height of a JPEG file's main picture as stored; ValueError if it does not say."""
    for marker, body, _ in segments(data, 0):
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, body + 1)
            return width, height
    raise ValueError("a JPEG file without a frame")


def _part(data: bytes, start: int) -> JpegPart:
    """The picture that starts there; one that is cut short ends with the data."""
    held: dict[int, list[bytes]] = {0xE1: [], 0xE2: []}
    marker, end = 0, len(data)
    for marker, body, end in segments(data, start):
        if marker in held:
            held[marker].append(data[body:end])
    return JpegPart(start, end if marker == 0xD9 else len(data), tuple(held[0xE1]), tuple(held[0xE2]))
