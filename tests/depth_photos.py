"""Portrait photos as phones write them, made here: each holds a photo and the depth map that it is told to hold."""

import base64
import io
import struct

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image

RDF = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF></x:xmpmeta>'


def encoded(pixels: NDArray, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def orientation(value: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = value
    return tags


def segment(body: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def after_start(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def xmp(packet: str) -> bytes:
    return segment(b"http://ns.adobe.com/xap/1.0/\0" + RDF.format(packet).encode())


def extended(packet: str, guid: bytes, piece: int = 2000) -> list[bytes]:
    """Segments of an extended packet, last ones first, as the specification allows."""
    whole = RDF.format(packet).encode()
    head = b"http://ns.adobe.com/xmp/extension/\0" + guid
    return [
        segment(head + struct.pack(">II", len(whole), offset) + whole[offset : offset + piece])
        for offset in reversed(range(0, len(whole), piece))
    ]


def gdepth_jpeg(photo: bytes, picture: bytes, said: str, split: bool = True) -> bytes:
    """A JPEG with GDepth, its picture in an extended packet if `split`, as all but tiny ones are."""
    namespace, guid = "http://ns.google.com/photos/1.0/depthmap/", b"0123456789ABCDEF0123456789ABCDEF"
    held = f'GDepth:Data="{base64.b64encode(picture).decode().rstrip("=")}"'
    start = f'<rdf:Description xmlns:GDepth="{namespace}" GDepth:Mime="image/png" '
    if not split:
        return after_start(photo, xmp(f"{start}{said} {held}/>"))
    return after_start(photo, xmp(f"{start}{said}/>"), *extended(f"{start}{held}/>", guid))


def dynamic_depth_jpeg(photo: bytes, picture: bytes, said: str, padding: int = 0, trailer: bytes = b"") -> bytes:
    """A JPEG with Dynamic Depth 1.0: a confidence map and then the depth map follow the photo."""
    base, other = "http://ns.google.com/photos/dd/1.0/", encoded(np.zeros((4, 4), np.uint8), "PNG")
    names = " ".join(f'xmlns:{name}="{base}{name.lower()}/"' for name in ("Container", "Item", "Camera", "DepthMap"))
    items = [
        f'<Container:Item Item:Mime="image/jpeg" Item:Length="0" Item:Padding="{padding}" Item:DataURI="primary"/>',
        f'<Container:Item Item:Length="{len(other)}" Item:DataURI="android/confidencemap"/>',
        f"<Container:Item><Item:Length>{len(picture)}</Item:Length><Item:DataURI>android/depthmap</Item:DataURI>"
        "</Container:Item>",
    ]
    listed = "".join(f'<rdf:li rdf:parseType="Resource">{item}</rdf:li>' for item in items)
    packet = (
        f"<rdf:Description {names}><Container:Directory><rdf:Seq>{listed}</rdf:Seq></Container:Directory>"
        f'<Camera:DepthMap {said} DepthMap:DepthURI="android/depthmap"/></rdf:Description>'
    )
    return after_start(photo, xmp(packet)) + bytes(padding) + other + picture + trailer


def apple_jpeg(photo: bytes, *pictures: tuple[bytes, str]) -> bytes:
    """A JPEG with further ones behind it, each with an XMP of its own."""
    names = 'xmlns:apdi="http://ns.apple.com/pixeldatainfo/1.0/" xmlns:depthData="http://ns.apple.com/depthData/1.0/"'
    return photo + b"".join(
        after_start(picture, xmp(f"<rdf:Description {names}>{said}</rdf:Description>")) for picture, said in pictures
    )


DEPTH = b"urn:mpeg:hevc:2015:auxid:2"


def heic(
    photo: NDArray, depth: NDArray, said: bytes = b"", exif: Image.Exif | None = None, kind: bytes = DEPTH
) -> bytes:
    """A HEIC file with a lossless depth map, uint8 or uint16 (10 bits are kept), and what an SEI says of it.

    kind: the auxiliary picture's type, where it is not depth.

    pillow-heif writes no auxiliary pictures: the map is written as a second picture and then made auxiliary.
    """
    height, width = depth.shape
    mode = "L" if depth.dtype == np.uint8 else "I;16"
    file = pillow_heif.from_pillow(Image.fromarray(photo))
    file.add_frombytes(mode, (width, height), depth.tobytes())
    for picture in file:
        picture.info["exif"] = exif.tobytes() if exif is not None else None
    buffer = io.BytesIO()
    file.save(buffer, quality=-1, chroma=444)
    return make_auxiliary(buffer.getvalue(), said, kind)


def make_auxiliary(file: bytes, said: bytes, kind_of: bytes) -> bytes:
    """The last picture made an auxiliary one of the first: a property `auxC`, its association, a reference `auxl`."""
    boxes = read_boxes(file)
    at = next(i for i, (kind, _) in enumerate(boxes) if kind == b"meta")
    inner = read_boxes(boxes[at][1][4:])
    parts = dict(inner)
    iprp = read_boxes(parts[b"iprp"])
    ipco, ipma = iprp[0][1], iprp[1][1]
    auxiliary = bytes(4) + kind_of + b"\0" + said
    index = len(read_boxes(ipco)) + 1
    entries, last = read_associations(ipma)
    first = min(entries)
    entries[last].append(index)
    new_iprp = box(b"ipco", ipco + box(b"auxC", auxiliary)) + box(b"ipma", write_associations(entries))
    reference = parts.get(b"iref", bytes(4)) + box(b"auxl", struct.pack(">HHH", last, 1, first))
    replaced = [(kind, body) for kind, body in inner if kind not in (b"iprp", b"iref")]
    replaced += [(b"iprp", new_iprp), (b"iref", reference)]
    grown = sum(len(body) + 8 for _, body in replaced) - sum(len(body) + 8 for _, body in inner)
    replaced = [(kind, move(body, grown) if kind == b"iloc" else body) for kind, body in replaced]
    boxes[at] = (b"meta", boxes[at][1][:4] + b"".join(box(*each) for each in replaced))
    return b"".join(box(*each) for each in boxes)


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body


def read_boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + size]))
        at += size
    return found


def read_associations(ipma: bytes) -> tuple[dict[int, list[int]], int]:
    """Property numbers (with their `essential` bit) of each item, and the last item."""
    (count,) = struct.unpack_from(">I", ipma, 4)
    entries, at = {}, 8
    for _ in range(count):
        item, number = struct.unpack_from(">HB", ipma, at)
        entries[item] = list(ipma[at + 3 : at + 3 + number])
        at += 3 + number
    return entries, max(entries)


def write_associations(entries: dict[int, list[int]]) -> bytes:
    return (
        bytes(4)
        + struct.pack(">I", len(entries))
        + b"".join(struct.pack(">HB", item, len(numbers)) + bytes(numbers) for item, numbers in entries.items())
    )


def move(iloc: bytes, by: int) -> bytes:
    """Add to the base offset of every item that lies in the file: version 0 or 1, all sizes 4 bytes."""
    version, (count,), at, moved = iloc[0], struct.unpack_from(">H", iloc, 6), 8, bytearray(iloc)
    assert version in (0, 1) and iloc[4] == 0x44 and iloc[5] >> 4 == 4
    for _ in range(count):
        at += 2 + (2 if version else 0) + 2
        (base,) = struct.unpack_from(">I", iloc, at)
        struct.pack_into(">I", moved, at, base + by)
        (extents,) = struct.unpack_from(">H", iloc, at + 4)
        at += 6 + 8 * extents
    return bytes(moved)


def sei(kind: int, **values: float) -> bytes:
    """Depth representation information (Rec. ITU-T H.265 G.14.1.3) as `auxC` holds it."""
    names = ("z_near", "z_far", "d_min", "d_max")
    bits = "".join(str(int(name in values)) for name in names) + exp_golomb(kind)
    if "d_min" in values or "d_max" in values:
        bits += exp_golomb(0)
    for name in names:
        if name in values:
            bits += number(values[name])
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    payload = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    nal = b"\x4e\x01\xb1" + bytes([len(payload)]) + payload
    return struct.pack(">II", len(nal) + 4, len(nal)) + nal


def exp_golomb(value: int) -> str:
    binary = f"{value + 1:b}"
    return "0" * (len(binary) - 1) + binary


def number(value: float) -> str:
    """Sign, exponent, length of the mantissa less 1, mantissa: 16 bits of a normal number."""
    mantissa, exponent = np.frexp(abs(value))
    return f"{int(value < 0):b}{exponent - 1 + 31:07b}{15:05b}{round((mantissa * 2 - 1) * 65536):016b}"
