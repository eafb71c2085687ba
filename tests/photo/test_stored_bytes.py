"""What is read out of small files, whole and cut at every byte, and what is written into them: as digests.

Other tests read what was written by other programs; these notice any change to a byte, and to where damage is seen.
Where a change was meant, look at what exiftool and other programs say of new files, and store the digests anew:

    WIDEOPEN_UPDATE_GOLDEN=1 pytest tests/photo/test_stored_bytes.py
"""

import hashlib
import io
import json
import os
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wideopen.photo import cicp, exif, gain_jpeg, iptc, jpeg_parts, raw, tiff, xmp
from wideopen.photo.formats import jxl, motion, phone_depth
from wideopen.photo.formats.heif_gain import boxes

STORED = Path(__file__).parents[1] / "golden" / "bytes.json"
CAMERA, CONTAINER = motion._CAMERA, motion._CONTAINER
THUMBNAIL = b"\xff\xd8\xff\xdb thumbnail \xff\xd9"


def directory(order: str, start: int, entries: list[tuple[int, int, bytes | int]], following: int = 0) -> bytes:
    """A TIFF directory that stands at `start`: (tag, kind, number or bytes); longer bytes lie behind it."""
    behind = start + 2 + 12 * len(entries) + 4
    head, body = struct.pack(order + "H", len(entries)), b""
    for tag, kind, value in entries:
        if isinstance(value, int):
            held, count = struct.pack(order + ("HH" if kind == 3 else "I"), *((value, 0) if kind == 3 else (value,))), 1
        else:
            count = len(value) // {3: 2, 4: 4}.get(kind, 1)
            held = value.ljust(4, b"\0")
            if len(value) > 4:
                held, body = struct.pack(order + "I", behind + len(body)), body + value + bytes(len(value) % 2)
        head += struct.pack(order + "HHI", tag, kind, count) + held
    return head + struct.pack(order + "I", following and behind + len(body)) + body


def blob(order: str, turn: int = 6, thumbnail: bool = True, software: bytes = b"a camera's own 1.0\0") -> bytes:
    """EXIF with sides, a software, a directory below and a thumbnail."""
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    first = [(0x100, 4, 640), (0x101, 3, 480), (0x10F, 2, b"Maker\0"), (0x112, 3, turn), (0x131, 2, software)]
    sized = directory(order, 8, [*first, (0x8769, 4, 0)], following=int(thumbnail))
    below = 8 + len(sized)
    inner = directory(order, below, [(0x927C, 7, b"note of a maker"), (0xA002, 4, 641), (0xA003, 4, 481)])
    link = 2 + 12 * 6
    head = directory(order, 8, [*first, (0x8769, 4, below)], following=int(thumbnail))
    head = head[:link] + struct.pack(order + "I", (below + len(inner)) * thumbnail) + head[link + 4 :]
    if not thumbnail:
        return start + head + inner
    picture = below + len(inner) + 2 + 12 * 3 + 4
    last = [(0x103, 3, 6), (0x201, 4, picture), (0x202, 4, len(THUMBNAIL))]
    return start + head + inner + directory(order, below + len(inner), last) + THUMBNAIL


def jpeg() -> bytes:
    """Two pictures, the first with EXIF, an XMP packet in three pieces, and bytes of filling."""
    buffer = io.BytesIO()
    Image.fromarray(np.arange(16 * 24, dtype=np.uint16).astype(np.uint8).reshape(16, 24)).save(buffer, "JPEG")
    plain, extension = buffer.getvalue(), b"<more>" + bytes(range(48, 91)) + b"</more>"
    pieces = [(1, jpeg_parts._EXTENDED + b"G" * 32 + struct.pack(">II", 56, at) + extension[at : at + 20])
              for at in (40, 0, 20)]  # fmt: skip
    said = [(1, exif.PREFIX + blob(">")), (1, jpeg_parts._XMP + PACKET), *pieces, (2, b"other")]
    return jpeg_parts.with_segments(plain, said) + b"\0\0" + plain


PACKET = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    b' xmlns:GCamera="' + CAMERA.encode() + b'" xmlns:a="http://ns.adobe.com/hdr-gain-map/1.0/"'
    b' tiff:Orientation="6" tiff:ImageWidth="9" tiff:ImageLength="5" xmp:CreatorTool="old" GCamera:MicroVideo="1"'
    b' GCamera:MotionPhotoPresentationTimestampUs="1200" a:Version="1.0"><xmp:Thumbnails>x</xmp:Thumbnails>'
    b"<tiff:Software>old</tiff:Software></rdf:Description></rdf:RDF></x:xmpmeta>"
)
FILM = struct.pack(">I", 16) + b"ftypmp42" + bytes(4) + struct.pack(">I4sQ", 1, b"mdat", 20) + b"film" + bytes(
    [0, 0, 0, 8]) + b"free" + b"and more"  # fmt: skip
RESOURCES = b"".join(
    b"8BIM" + struct.pack(">H", number) + name + struct.pack(">I", len(body)) + body + bytes(len(body) % 2)
    for number, name, body in (
        (0x03ED, b"\0\0", b"resolution"), (0x0404, b"\3abc", b"\x1c\2\5\0\4name"), (0x040C, b"\4abcd\0", b"thumb"),
        (0x0409, b"\0\0", b"old"), (0x0425, b"\1a", b"digest"),
    )
)  # fmt: skip
HEADERS = [
    b"\xff\x0a" + (value | 0x8000_0000_0000 * (value % 3)).to_bytes(14, "little")
    for value in np.random.default_rng(1).integers(0, 2**62, 300).tolist()
]
FULL = b"".join((
    jxl._CONTAINER, struct.pack(">I4s", 13, b"xml "), b"<x/>!", struct.pack(">I4sQ", 1, b"free", 19), b"own",
    struct.pack(">I4sI", 20, b"jxlp", 0), HEADERS[0][:8], struct.pack(">I4sI", 0, b"jxlp", 1), HEADERS[0][8:],
))  # fmt: skip


def cut(data: bytes, *read: Callable[[bytes], Any]) -> Iterator[Any]:
    """What is read of the first bytes, as many as there may be, or which kind of error is raised."""
    for end in range(len(data) + 1):
        for one in read:
            try:
                yield one(data[:end])
            except Exception as error:
                yield type(error).__name__


def listed(*arguments: int) -> Callable[[bytes], Any]:
    return lambda data: list(boxes(data, *arguments, len(data)))


def found() -> Iterator[tuple[str, Any]]:
    for order in "<>":
        for turn in (1, 3, 6, 9):
            for thumbnail in (False, True):
                data, name = blob(order, turn, thumbnail), f"{order}{turn}{thumbnail:d}"
                yield f"exif {name}", list(cut(data, exif.take_orientation, exif.has_thumbnail))
                yield f"held {name}", [exif.take_orientation(data, held) for held in range(9)]
                signed = [exif.sign(data, tool, small) for tool in ("w 1", "wideopen 12.0", "w" * 40)
                          for small in (b"", THUMBNAIL)]  # fmt: skip
                yield f"signed {name}", signed
        data = blob(order)
        yield f"cut and signed {order}", list(cut(data, lambda part: exif.sign(part, "tool 1.0")))
        yield f"below {order}", list(cut(data, lambda part: exif.sign(part, "tool", THUMBNAIL)))[-90:]
        tags = (0x100, 0x101, 0x10F, 0x112, 0x131, 0x927C)
        reads = [lambda part, tag=tag: tiff.tag_bytes(part, tag) for tag in tags]
        yield f"tiff {order}", list(cut(data, tiff.first_directory, tiff.has_more, *reads))
        short = [exif.sign(blob(order, software=old), "tool 1") for old in (b"abc\0", b"0123456\0", b"012345\0", b"")]
        yield f"short {order}", short
    for turn in range(1, 9):
        yield f"packet {turn}", xmp.make_true(PACKET, turn)
    yield "packets", list(cut(PACKET, xmp.make_true, lambda part: xmp.sign(part, "new <1>"), xmp.says_anything))
    for packet in (b"", PACKET, b"<x/>"):
        added = xmp.with_properties(packet, "GCamera", CAMERA, {"One": "1", "Two": "2"})
        told = motion.announced(packet, FILM, 77, 5)
        yield f"added {len(packet)}", [added, xmp.with_description(added, 'a:b="1"', "<c/>"), told]
        yield f"twice {len(packet)}", [motion.announced(told, FILM, 78, 6, "image/heic"), xmp.unwrapped(packet)]
    whole = jpeg()
    frame = whole.index(b"\xff\xdb")  # What Pillow codes is its own.
    ours = whole[:frame]
    yield "segments", ours
    yield "parts", list(cut(ours, lambda part: list(jpeg_parts.segments(part, 0)), jpeg_parts.jpeg_parts))[-400:]
    yield "sizes", [(*jpeg_parts.jpeg_size(whole), len(jpeg_parts.jpeg_parts(whole)))]
    main = jpeg_parts.jpeg_parts(whole)[0]
    yield "extended", [jpeg_parts.extended_packet(main.app1), main.orientation, len(main.packets)]
    yield "film", list(cut(FILM, lambda part: motion.read_film(whole + part), listed(0), listed(16)))
    held = motion.heif_film(FILM)
    yield "heif film", [held, motion.read_heif_film(held, PACKET), motion.read_heif_film(held + b"\0", b"")]
    yield "captions", list(cut(RESOURCES, iptc.captions, iptc.without_captions, iptc._without_thumbnails))
    yield "raw profiles", [iptc.raw_profile(RESOURCES), iptc._with_captions(b"", b"\x1c\2"),
                           iptc._with_captions(RESOURCES, b"x"), iptc._as_written(b"1234\x1c\0\0\0"[::-1])]  # fmt: skip
    yield "jpeg xl", [last for header in HEADERS for *_, last in [cut(header, jxl.read_header)]]
    yield "jpeg xl boxes", list(cut(FULL, jxl.read_header, jxl.packet))
    numbers = [(primaries, transfer) for primaries in (9, 12) for transfer in cicp._CURVES]
    yield "profiles", [cicp.make_profile(*pair) for pair in numbers]
    yield "points", [cicp.chromaticities(number) for number in (1, 9, 12)]
    for format, mark in (("PNG", b"cICP"), ("AVIF", b"colrnclx")):
        stated = [bytes(8) + mark + struct.pack(">BB" if format == "PNG" else ">HH", *pair) + bytes(4)
                  for pair in [(1, 13), (9, 16), (9, 18), (12, 13), (9, 14), (12, 4), (3, 13)]]  # fmt: skip
        read = partial(cicp.stated_colours, format=format)
        yield f"stated {format}", [seen for data in stated for seen in cut(data, read)]
    for kinds in ({"iso"}, {"hdrgm"}, {"apple"}, {"hdrgm", "iso"}):
        listed_too = gain_jpeg.announced(PACKET, FILM, frozenset(kinds))
        said = listed_too, gain_jpeg.with_gain_map(ours, FILM, frozenset(kinds))
        yield f"gain {sorted(kinds)}", [*said, motion.announced(said[0], FILM, 5, 7)]
    raws = [(50706, 1, b"\1\4\0\0"), (262, 3, 32803), (262, 3, 34892), (330, 4, 99), (254, 4, 1)]
    for chosen in ([0], [1], [2], [3], [4], [3, 4], []):
        for order in "<>":
            data = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
            data += directory(order, 8, sorted((raws[index] for index in chosen), key=lambda entry: entry[0]))
            yield f"raw {chosen} {order}", [*cut(data, raw.is_raw), raw.is_raw(data, ".NEF"), raw.is_raw(data, ".tif")]


def digest(value: Any) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def test_as_stored() -> None:
    now = {name: digest(value) for name, value in found()}
    if os.environ.get("WIDEOPEN_UPDATE_GOLDEN"):
        STORED.write_text(json.dumps(now, indent=0) + "\n")
    assert len(set(now.values())) > 0.75 * len(now), "each says something of its own"
    stored = json.loads(STORED.read_text())
    assert [name for name in now if now[name] != stored.get(name)] == [] and now.keys() == stored.keys()


@pytest.mark.parametrize("order", ["<", ">"])
def test_what_is_read_here_is_what_pillow_reads(order: str) -> None:
    """So that the files above are sound ones."""
    tags = Image.Exif()
    tags.load(exif.PREFIX + exif.take_orientation(blob(order))[1])
    below = tags.get_ifd(0x8769)
    assert (tags[0x112], tags[0x100], tags[0x101], below[0xA002], below[0xA003]) == (1, 480, 640, 481, 641)
    assert exif.maker_note(blob(order)) == b"note of a maker" and exif.has_thumbnail(blob(order))
    assert phone_depth.phone_depth(jpeg()) is None
