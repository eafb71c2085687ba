"""The film of a motion photo: an MP4 file behind the pictures of a JPEG file, or in a box `mpvd` of a HEIC file,
announced by the photo's XMP.

Source: Motion Photo format 1.0 (https://developer.android.com/media/platform/motion-photo-format). Older phones
(MicroVideo) and Samsung's put the film into the same place; it is written as format 1.0 has it.
"""

import re
import struct

from wideopen.photo import xmp
from wideopen.photo.formats.heif_gain import boxes
from wideopen.photo.jpeg_parts import jpeg_parts, parse_xmp, properties

LEFT_OUT = "is a motion photo: the film is left out"
ANNOUNCEMENT = 1000
"""Bytes that `announced` adds at most."""
_CAMERA = "http://ns.google.com/photos/1.0/camera/"
_CONTAINER = "http://ns.google.com/photos/1.0/container/"
_START = re.compile(rb"....ftyp", re.DOTALL)
_END_OF_LIST = b"</rdf:Seq></Container:Directory>"
_BOX, BOX_HEAD = b"mpvd", 8
_BOXES = b"ftyp moov mdat free skip wide uuid moof mfra sidx meta styp udta".split()


def read_film(data: bytes) -> tuple[bytes, int]:
    """The film behind a JPEG file's pictures, and when in it the photo was taken, in microseconds.

    Returns nothing if there is none; -1 if the time is not known.
    """
    parts = jpeg_parts(data)
    found = _START.search(data, parts[-1].end) if parts else None
    if found is None:
        return b"", -1
    at = start = found.start()
    while at + 8 <= len(data) and data[at + 4 : at + 8] in _BOXES:
        size = int.from_bytes(data[at : at + 4], "big")
        size = int.from_bytes(data[at + 8 : at + 16], "big") if size == 1 else size or len(data) - at
        if size < 8 or at + size > len(data):
            break
        at += size
    return data[start:at], _time(parts[0].says(_CAMERA))


def read_heif_film(data: bytes, packet: bytes) -> tuple[bytes, int]:
    """`read_film` of a HEIC file, whose XMP is given."""
    try:
        film = next((data[start:end] for kind, start, end in boxes(data, 0, len(data)) if kind == _BOX), b"")
    except ValueError:
        return b"", -1
    tree = parse_xmp(packet)
    return (film, -1 if tree is None else _time(properties(tree, _CAMERA))) if film else (b"", -1)


def heif_film(film: bytes) -> bytes:
    """What stands at the end of a HEIC file that has a film."""
    return struct.pack(">I", len(film) + 8) + _BOX + film


def _time(said: dict[str, str]) -> int:
    stamp = said.get("MotionPhotoPresentationTimestampUs", said.get("MicroVideoPresentationTimestampUs", "-1"))
    return int(stamp) if re.fullmatch(r"\d{1,12}", stamp) else -1


def announced(packet: bytes, film: bytes, time_us: int, between: int, mime: str = "image/jpeg") -> bytes:
    """The photo's XMP with what says that a film lies behind it.

    Args:
        packet: may hold the list of a gain map already (`gain_jpeg.announced`); the film is then listed behind it.
        between: bytes between the photo and the film that are in no list: pictures, or the head of a HEIC file's box.
    """
    camera = {"MotionPhoto": 1, "MotionPhotoVersion": 1, "MotionPhotoPresentationTimestampUs": time_us}
    said = " ".join(f'GCamera:{name}="{value}"' for name, value in camera.items())
    packet = xmp.with_description(packet, f'xmlns:GCamera="{_CAMERA}" {said}', "")
    item = (
        '<rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="MotionPhoto" Item:Mime="video/mp4"'
        f' Item:Length="{len(film)}" Item:Padding="0"/></rdf:li>'
    )
    if _END_OF_LIST in packet:
        return packet.replace(_END_OF_LIST, item.encode() + _END_OF_LIST, 1)
    return xmp.with_description(
        packet,
        f'xmlns:Container="{_CONTAINER}" xmlns:Item="{_CONTAINER}item/"',
        '<Container:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><Container:Item Item:Semantic="Primary"'
        f' Item:Mime="{mime}" Item:Length="0" Item:Padding="{between}"/></rdf:li>{item}'
        f"{_END_OF_LIST.decode()}",
    )
