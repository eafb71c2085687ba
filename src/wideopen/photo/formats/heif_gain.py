"""Gain maps in HEIF and AVIF files, by the list of pictures (ISO/IEC 23008-12) in which one of these names the map:

    tmap    a picture derived from the main one and the map, whose data is ISO 21496-1's, annex C.2 (amendment 1)
    mime    the map's own XMP, as in Ultra HDR 1 (Samsung's phones)

No library that decodes such files gives either (libheif 1.23, Pillow 12 and 13). But given the same file with the map
as its main picture, it decodes the map.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from wideopen.gain.gain_map import GainRange
from wideopen.gain.gain_metadata import hdrgm_range, iso_range
from wideopen.photo.jpeg_parts import parse_xmp


class _Reference(NamedTuple):
    kind: bytes
    source: int
    targets: tuple[int, ...]
    place: int
    """Where the file names the kind."""


def heif_gain(data: bytes) -> tuple[GainRange, bytes, int] | None:
    """What the codes of a file's gain map mean, and the file with that map as its main picture.

    Third, the quarter turns, counterclockwise, that the file states of its photo and not of the map (Samsung's).
    Returns None if the file names no map in these ways.
    Raises ValueError: it names one, but is damaged, or the map makes no sense.
    """
    try:
        start, end = next((start, end) for kind, start, end in boxes(data, 0, len(data)) if kind == b"meta")
        inner = {kind: (start, end) for kind, start, end in boxes(data, start + 4, end)}
        if not inner.keys() >= {b"iinf", b"iref", b"iloc", b"pitm"}:
            return None
        place = inner[b"pitm"][0] + 4
        number = ">I" if data[place - 4] else ">H"
        (main,) = struct.unpack_from(number, data, place)
        references = list(_references(data, *inner[b"iref"]))
        items = list(_items(data, *inner[b"iinf"]))
        # `tmap` comes first: phones that state both do so for programs that know but one.
        for item, kind, _ in sorted(items, key=lambda each: each[1] != b"tmap"):
            wanted = {b"tmap": b"dimg", b"mime": b"cdsc"}.get(kind)
            targets = next((found.targets for found in references if found[:2] == (wanted, item)), ())
            if kind == b"tmap" and targets[:1] == (main,) and len(targets) == 2:
                meaning = _by_iso(_content(data, inner, item))
            elif kind == b"mime" and targets and main not in targets:
                packet = parse_xmp(_content(data, inner, item))
                meaning = None if packet is None else hdrgm_range([packet])
            else:
                continue
            if meaning is not None:
                changed = bytearray(data)
                struct.pack_into(number, changed, place, targets[-1])
                for _, _, flag in (each for each in items if each[0] == targets[-1]):
                    changed[flag] &= 0xFE  # No main picture may be hidden, nor an auxiliary one.
                for found in (each for each in references if each[:2] == (b"auxl", targets[-1])):
                    changed[found.place : found.place + 4] = b"none"
                turned, own = _turns(data, inner, main), _turns(data, inner, targets[-1])
                return meaning, bytes(changed), 0 if own is not None else turned or 0
        return None
    except StopIteration:
        return None
    except (struct.error, IndexError) as error:
        raise ValueError("a damaged list of pictures") from error


def _by_iso(said: bytes) -> GainRange | None:
    if said[:1] != b"\0":
        raise ValueError("a gain map of a version that is not known")
    return iso_range(said[1:])


def boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Boxes between two places: kind, where the body starts, where it ends; ValueError if they are damaged."""
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1:
            size, body = int.from_bytes(data[at + 8 : at + 16]), at + 16
        stop = end if size == 0 else at + size
        if not body <= stop <= end:
            raise ValueError("a box that is longer than what holds it")
        yield kind, body, stop
        at = stop


def _items(data: bytes, start: int, end: int) -> Iterator[tuple[int, bytes, int]]:
    """Number and type of each item listed in a body of `iinf`, and where its flag `hidden` is."""
    for _, body, _ in boxes(data, start + (8 if data[start] else 6), end):
        if data[body] in (2, 3):
            number, kind = struct.unpack_from(">H2x4s" if data[body] == 2 else ">I2x4s", data, body + 4)
            yield number, kind, body + 3


def _references(data: bytes, start: int, end: int) -> Iterator[_Reference]:
    """What refers to what, by a body of `iref`."""
    each = "I" if data[start] else "H"
    for kind, body, _ in boxes(data, start + 4, end):
        source, count = struct.unpack_from(f">{each}H", data, body)
        targets = struct.unpack_from(f">{count}{each}", data, body + struct.calcsize(f">{each}H"))
        yield _Reference(kind, source, targets, body - 4)


def _turns(data: bytes, inner: dict[bytes, tuple[int, int]], item: int) -> int | None:
    """Quarter turns (`irot`) of an item, counterclockwise; None if none are stated."""
    parts = {kind: (start, end) for kind, start, end in boxes(data, *inner[b"iprp"])} if b"iprp" in inner else {}
    if not parts.keys() >= {b"ipco", b"ipma"}:
        return None
    properties = list(boxes(data, *parts[b"ipco"]))
    at = parts[b"ipma"][0]
    numbers, places = "I" if data[at] else "H", "H" if data[at + 3] & 1 else "B"
    (count,) = struct.unpack_from(">I", data, at + 4)
    at += 8
    for _ in range(count):
        found, length = struct.unpack_from(f">{numbers}B", data, at)
        at += struct.calcsize(f">{numbers}B")
        each = struct.unpack_from(f">{length}{places}", data, at)
        at += length * struct.calcsize(places)
        for index in each if found == item else ():
            kind, start, _ = properties[(index & (0x7FFF if places == "H" else 0x7F)) - 1]
            if kind == b"irot":
                return int(data[start] & 3)
    return None


def _content(data: bytes, inner: dict[bytes, tuple[int, int]], item: int) -> bytes:
    """An item's bytes, by `iloc` (ISO/IEC 14496-12, 8.11.3)."""
    at = inner[b"iloc"][0]
    version, sizes = data[at], struct.unpack_from(">H", data, at + 4)[0]
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    long = version == 2
    (count,) = struct.unpack_from(">I" if long else ">H", data, at + 6)
    at += 10 if long else 8

    def number(size: int) -> int:
        nonlocal at
        at += size
        if at > len(data):
            raise ValueError("a list of pictures that is longer than its file")
        return int.from_bytes(data[at - size : at])

    for _ in range(count):
        found, method = number(4 if long else 2), number(2) & 15 if version else 0
        at += 2
        first = number(base) + (inner[b"idat"][0] if method == 1 else 0)
        extents = []
        for _ in range(number(2)):
            at += index if version else 0
            extents.append((first + number(offset), number(length)))
        if found == item and method < 2:
            return b"".join(data[start : start + size] for start, size in extents)
    raise ValueError("a gain map without its metadata")
