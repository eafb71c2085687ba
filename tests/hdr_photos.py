"""HDR photos as phones and editors write them, put together here from the published descriptions alone."""

import struct

import numpy as np
from numpy.typing import NDArray

from depth_photos import RDF, after_start, box, encoded, read_associations, read_boxes, write_associations, xmp

URN = b"urn:iso:std:iso:ts:21496:-1\0"
HDRGM = 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"'
APPLE_AUXILIARY = "urn:com:apple:photo:2020:aux:hdrgainmap"


def app2(body: bytes) -> bytes:
    return b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body


def iso(numbers: list[float], channels: int = 1, common: bool = False, flags: int = 0x40) -> bytes:
    """ISO 21496-1, annex C: base and other headroom, then minimum, maximum, gamma, base's and other's offset for each
    channel."""
    flags |= (0x80 if channels == 3 else 0) | (0x08 if common else 0)
    found = bytes(4) + bytes([flags]) + (struct.pack(">I", 4096) if common else b"")
    for number in numbers:
        found += struct.pack(">i", round(number * 4096)) + (b"" if common else struct.pack(">I", 4096))
    return app2(URN + found)


def multi_picture(main: bytes, *others: bytes) -> bytes:
    """CIPA DC-007, little endian, with the index behind the first marker; pictures are joined with nothing between."""
    count = 1 + len(others)
    room = 2 + 2 + 4 + 8 + 2 + 36 + 4 + 16 * count
    entries, at = struct.pack("<IIIHH", 0x030000, len(main) + room, 0, 0, 0), len(main) + room
    for other in others:
        entries += struct.pack("<IIIHH", 0, len(other), at - 10, 0, 0)
        at += len(other)
    tags = struct.pack("<HHI4s", 0xB000, 7, 4, b"0100") + struct.pack("<HHII", 0xB001, 4, 1, count)
    tags += struct.pack("<HHII", 0xB002, 7, 16 * count, 50)
    index = b"MPF\0II*\0" + struct.pack("<IH", 8, 3) + tags + bytes(4) + entries
    return after_start(main, app2(index)) + b"".join(others)


def ultra_hdr(base: bytes, codes: NDArray, said: str, *stating: bytes, more: str = "", base_says: bytes = b"") -> bytes:
    """Ultra HDR 1.1: `said` are the attributes of the map's XMP and `more` its elements; `stating`: further segments of
    the map's picture, `base_says`: of the main one."""
    told = xmp(f'<rdf:Description rdf:about="" {HDRGM} {said}>{more}</rdf:Description>') if said or more else b""
    picture = after_start(encoded(codes, "JPEG", quality=98, subsampling=0), told, *stating)
    container = "http://ns.google.com/photos/1.0/container/"
    items = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" {item}/></rdf:li>'
        for item in ('Item:Semantic="Primary"', f'Item:Semantic="GainMap" Item:Length="{len(picture)}"')
    )
    listed = xmp(
        f'<rdf:Description rdf:about="" {HDRGM} xmlns:Container="{container}" xmlns:Item="{container}item/">'
        f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory></rdf:Description>"
    )
    return multi_picture(after_start(base, *([listed] if told else []), base_says), picture)


def maker_note(values: dict[int, float]) -> bytes:
    """Apple's: its name, a version, an order mark, and one directory of signed rationals."""
    head = b"Apple iOS\0\0\x01MM"
    start = len(head) + 2 + 12 * len(values) + 4
    entries = b"".join(struct.pack(">HHII", tag, 10, 1, start + 8 * index) for index, tag in enumerate(sorted(values)))
    numbers = b"".join(struct.pack(">ii", round(values[tag] * 10000), 10000) for tag in sorted(values))
    return head + struct.pack(">H", len(values)) + entries + bytes(4) + numbers


def exif_with(note: bytes, orientation: int = 1) -> bytes:
    """EXIF with a maker note and an orientation, big endian."""
    below = 8 + 2 + 2 * 12 + 4
    held = below + 2 + 12 + 4
    first = struct.pack(">HHHIHH", 2, 0x0112, 3, 1, orientation, 0) + struct.pack(">HHII", 0x8769, 4, 1, below)
    inner = struct.pack(">HHHII", 1, 0x927C, 7, len(note), held)
    return b"Exif\0\0MM\0*" + struct.pack(">I", 8) + first + bytes(4) + inner + bytes(4) + note


def apple_jpeg(pixels: NDArray, codes: NDArray, note: dict[int, float], headroom: float | None = None) -> bytes:
    """An iPhone's JPEG: the map is a further picture, whose XMP says what it is."""
    space = 'xmlns:HDRGainMap="http://ns.apple.com/HDRGainMap/1.0/" HDRGainMap:HDRGainMapVersion="131072"'
    told = "" if headroom is None else f' HDRGainMap:HDRGainMapHeadroom="{headroom}"'
    says = xmp(
        f'<rdf:Description rdf:about="" xmlns:apdi="http://ns.apple.com/pixeldatainfo/1.0/" {space}{told}>'
        f"<apdi:AuxiliaryImageType>{APPLE_AUXILIARY}</apdi:AuxiliaryImageType></rdf:Description>"
    )
    base = encoded(pixels, "JPEG", quality=95, exif=exif_with(maker_note(note)))
    return multi_picture(base, after_start(encoded(codes, "JPEG", quality=95), says))


def grey_scene(height: int = 96, width: int = 128) -> NDArray[np.uint8]:
    """A smooth picture of three channels."""
    down, across = np.mgrid[0:height, 0:width]
    return np.stack([40 + across, 30 + down, 200 - across], axis=-1).astype(np.uint8)


def heif_with_map(main: bytes, map: bytes, iso_said: bytes = b"", xmp_said: str = "") -> bytes:
    """A HEIC or AVIF file of the main pictures of two, where the second is the first one's gain map (ISO/IEC 23008-12).

    iso_said: what a derived picture `tmap` says (ISO 21496-1, annex C.2); xmp_said: properties in an XMP of the map.
    """
    pictures = [_picture(main), _picture(map)]
    properties, associations, contents = b"", {}, [picture[2] for picture in pictures]
    infos = [struct.pack(">HH4s", number, 0, kind) + b"\0" for number, (kind, *_) in enumerate(pictures, 1)]
    references = bytes(4)
    for number, (_, own, _) in enumerate(pictures, 1):
        first = len(read_boxes(properties)) + 1
        properties += b"".join(box(*each) for each, _ in own)
        associations[number] = [first + index | essential for index, (_, essential) in enumerate(own)]
    if iso_said:
        infos.append(struct.pack(">HH4s", len(infos) + 1, 0, b"tmap") + b"\0")
        contents.append(b"\0" + iso_said)
        references += box(b"dimg", struct.pack(">HHHH", len(infos), 2, 1, 2))
    if xmp_said:  # Samsung's is an auxiliary picture, too.
        properties += box(b"auxC", bytes(4) + b"urn:com:samsung:photo:2024:aux:hdrgainmap\0")
        associations[2].append(len(read_boxes(properties)))
        references += box(b"auxl", struct.pack(">HHH", 2, 1, 1))
        infos.append(struct.pack(">HH4s", len(infos) + 1, 0, b"mime") + b"\0application/rdf+xml\0")
        contents.append(RDF.format(f'<rdf:Description rdf:about="" {HDRGM} {xmp_said}/>').encode())
        references += box(b"cdsc", struct.pack(">HHH", len(infos), 1, 2))
    listed = (
        bytes(4)
        + struct.pack(">H", len(infos))
        + b"".join(
            box(b"infe", bytes([2, 0, 0, index == 1]) + each)  # The map is hidden.
            for index, each in enumerate(infos)
        )
    )
    head = box(*read_boxes(main)[0])

    def meta(start: int) -> bytes:
        places, at = bytes(4) + b"\x44\x00" + struct.pack(">H", len(contents)), start
        for number, content in enumerate(contents, 1):
            places += struct.pack(">HHHII", number, 0, 1, at, len(content))
            at += len(content)
        handler = box(b"hdlr", bytes(8) + b"pict" + bytes(13))
        iprp = box(b"ipco", properties) + box(b"ipma", write_associations(associations))
        return handler + b"".join(
            box(kind, body)
            for kind, body in (
                (b"pitm", bytes(4) + struct.pack(">H", 1)),
                (b"iinf", listed),
                (b"iref", references),
                (b"iprp", iprp),
                (b"iloc", places),
            )
        )

    at = len(head) + 8 + 4 + len(meta(0)) + 8
    return head + box(b"meta", bytes(4) + meta(at)) + box(b"mdat", b"".join(contents))


def _picture(file: bytes) -> tuple[bytes, list[tuple[tuple[bytes, bytes], int]], bytes]:
    """A file's main picture: its type, its properties with their `essential` bits, its bytes."""
    inner = dict(read_boxes(dict(read_boxes(file))[b"meta"][4:]))
    (number,) = struct.unpack_from(">H", inner[b"pitm"], 4)
    kinds = dict(struct.unpack_from(">H2x4s", body, 4) for _, body in read_boxes(inner[b"iinf"][6:]))
    iprp = dict(read_boxes(inner[b"iprp"]))
    own = read_associations(iprp[b"ipma"])[0][number]
    every = read_boxes(iprp[b"ipco"])
    iloc, at = inner[b"iloc"], 8
    base_size, extra = iloc[5] >> 4, 2 if iloc[0] else 0
    while struct.unpack_from(">H", iloc, at)[0] != number:
        at += 2 + extra + 2 + base_size + 2 + 8 * struct.unpack_from(">H", iloc, at + 4 + extra + base_size)[0]
    at += 4 + extra
    base = int.from_bytes(iloc[at : at + base_size])
    start, length = struct.unpack_from(">II", iloc, at + base_size + 2)
    content = file[base + start : base + start + length]
    return kinds[number], [(every[(each & 127) - 1], each & 128) for each in own], content
