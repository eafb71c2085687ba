"""Files made to hurt. Run as a program: opens each in a process of its own, prints what became of it as JSON."""

import io
import json
import os
import resource
import struct
import sys
import time
import zlib
from collections.abc import Callable

from PIL import Image


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    side: int, depth: int = 8, kind: int = 2, channels: int = 3, extra: bytes = b"", length: int = 0, rows: int = 0
) -> bytes:
    """A black PNG of so many rows, all if 0; `length`: padded so far."""
    row = bytes(side * channels * depth // 8 + 1)
    coder = zlib.compressobj(1)
    body = b"".join(coder.compress(row) for _ in range(rows or side)) + coder.flush()
    header = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, depth, kind, 0, 0, 0))
    file = header + extra + chunk(b"IDAT", body)
    return file + chunk(b"prVt", bytes(max(0, length - len(file)))) + chunk(b"IEND", b"")


def tiff(
    *more: tuple[int, int, int, int], side: int = 100, bits: int = 8, coding: int = 1, body: int = 11_000
) -> bytes:
    """A grey TIFF of one strip; `more`: further tags (tag, type, count, value), which replace those there."""
    plain = {256: (4, 1, side), 257: (4, 1, side), 258: (3, 1, bits), 259: (3, 1, coding), 262: (3, 1, 1)}
    plain |= {273: (4, 1, 400), 277: (3, 1, 1), 278: (4, 1, side), 279: (4, 1, side * side)}
    plain |= {tag: rest for tag, *rest in more}
    entries = b"".join(struct.pack("<HHII", tag, *plain[tag]) for tag in sorted(plain))
    file = b"II*\0" + struct.pack("<IH", 8, len(plain)) + entries + bytes(4)
    return file.ljust(400, b"\0") + bytes(body)


def pages(count: int) -> bytes:
    """A TIFF of very many directories, all of the same picture."""
    first = tiff()
    entries = first[8 : first.index(bytes(4), 8 + 2 + 9 * 12 - 4)]
    size, out = len(entries) + 4, bytearray(first)
    struct.pack_into("<I", out, 8 + 2 + 9 * 12, len(first))
    for index in range(count):
        following = len(first) + size * (index + 1) if index < count - 1 else 0
        out += entries + struct.pack("<I", following)
    return bytes(out)


def jpeg(**options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (100, 50, 20)).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def with_packet(packet: bytes) -> bytes:
    """A TIFF with an XMP packet."""
    file = tiff((700, 1, len(packet), 11_400))
    return file + packet


def exif(entries: bytes, count: int) -> bytes:
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", count) + entries


def gif(side: int, frames: int = 1) -> bytes:
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return b"GIF89a" + struct.pack("<HHBBB", side, side, 0xF0, 0, 0) + bytes(6) + frame * frames + b";"


_DEPTH = b'<x xmlns:a="http://ns.google.com/photos/1.0/depthmap/">'
FILES: dict[str, Callable[[], bytes]] = {
    "png 60,000 x 60,000 of 200 KB": lambda: png(60_000, length=200_000, rows=1),
    "png 13,000 x 13,000": lambda: png(13_000, 1, 0, 1),
    "png 13,000 x 13,000 in 16 bits, padded": lambda: png(13_000, 16, length=2_000_000, rows=1),
    "png 6,000 x 6,000 in 16 bits with alpha": lambda: png(6_000, 16, 6, 4),
    "png 13,000 x 13,000 of two colours, padded": lambda: png(13_000, 1, 0, 1, length=2_000_000),
    "png of texts that unpack": lambda: png(
        10, extra=b"".join(chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1_000_000))) for _ in range(100))
    ),
    "png of a profile that unpacks": lambda: png(10, extra=chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(50_000_000)))),
    "png of elements never closed": lambda: png(
        10, extra=chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + _DEPTH + b"<a:q >" * 500_000)
    ),
    "tiff of a 500 MB strip": lambda: tiff((279, 4, 1, 500_000_000)),
    "tiff of a 500 MB profile": lambda: tiff((34675, 7, 500_000_000, 300)),
    "tiff of a 500 MB packet": lambda: tiff((700, 1, 500_000_000, 300)),
    "tiff of 500 MB of captions": lambda: tiff((33723, 4, 125_000_000, 300)),
    "tiff of 4 GB of offsets": lambda: tiff((273, 4, 0x3FFFFFFF, 300), (279, 4, 0x3FFFFFFF, 300)),
    "tiff 13,000 x 13,000 in 16 bits": lambda: tiff(side=13_000, bits=16, coding=5),
    "tiff that is its own next page": lambda: tiff().replace(bytes(4), struct.pack("<I", 8), 1),
    "tiff of 20,000 pages": lambda: pages(20_000),
    "tiff of attributes never closed": lambda: with_packet(_DEPTH + b'<a:q a:b="' * 500_000),
    "tiff of white space": lambda: with_packet(_DEPTH + b"tiff:Orientation" + b" " * 5_000_000 + b"tiff:Software"),
    "jpeg whose exif is its own directory": lambda: jpeg(
        exif=exif(struct.pack("<HHIIHHII", 0x8769, 4, 1, 8, 0x8825, 4, 1, 8) + struct.pack("<I", 8), 2)
    ),
    "jpeg of 65,535 absurd tags": lambda: jpeg(
        exif=exif(b"".join(struct.pack("<HHII", tag, 5, 0xFFFFFFFF, 8) for tag in range(5000)), 65_535)
    ),
    "jpeg of a million pictures": lambda: jpeg() + b"\xff\xd8\xff\xd9" * 1_000_000,
    "jpeg of fill bytes": lambda: jpeg() + b"\xff" * 10_000_000,
    "gif 65,535 x 65,535": lambda: gif(65_535),
    "gif of 400,000 frames": lambda: gif(10, 400_000),
    "webp 16,384 x 16,384": lambda: b"RIFF\x64\0\0\0WEBPVP8L\x32\0\0\0\x2f" + struct.pack("<I", 0xFFFFFFF) + bytes(50),
    "bmp 13,000 x 13,000": lambda: (
        (b"BM" + struct.pack("<IHHIIiiHHIIiiII", 2000, 0, 0, 1078, 40, 13_000, 13_000, 1, 8, 1, 0, 0, 0, 256, 0))
        + bytes(1026)
    ),
}


def report(*found: object) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()


def main() -> None:
    from wideopen.errors import WideopenError
    from wideopen.photo.embedded_depth import embedded_depth
    from wideopen.photo.files import decode

    decode(jpeg())  # Whatever is imported late.
    for name, make in FILES.items():
        data = make()
        process = os.fork()
        if process == 0:
            began, said = time.process_time(), "opened"
            try:
                decode(data, name)
                embedded_depth(data, name)
            except WideopenError as error:
                said = str(error)
            except BaseException as error:
                said = f"raised {type(error).__name__}: {error}"
            used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            report(name, said, time.process_time() - began, used)
            os._exit(0)
        status = os.waitpid(process, 0)[1]
        if status:
            report(name, f"raised: killed, status {status}", 0, 0)


if __name__ == "__main__":
    sys.exit(main())
