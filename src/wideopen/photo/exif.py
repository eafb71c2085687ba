"""The few bits of EXIF that must change when a photo is written again; all others stay as they are, bit for bit.

A blob is patched in place and not taken apart and rebuilt: maker notes point at offsets inside it. What is new (a
longer name of the software, a thumbnail) goes behind its end, with a new first directory. Layout: CIPA DC-008 (Exif
3.0), 4.6.
"""

import struct
import warnings
from dataclasses import dataclass

from PIL import Image

from wideopen.quiet import quietly

ORIENTATION, SOFTWARE = 0x0112, 0x0131
PREFIX = b"Exif\0\0"
"""Opens a blob in JPEG files; other formats do without."""
_BYTE_ORDER = {b"II*\0": "<", b"MM\0*": ">"}
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_BELOW = (_EXIF_IFD, _GPS_IFD)
_MAKER_NOTE, INTEROP = 0x927C, 0xA005
_SIZES = (0x0100, 0x0101), (0xA002, 0xA003)
"""Width and height, in the first and in the EXIF directory."""
_THUMBNAIL, _THUMBNAIL_LENGTH, _COMPRESSION, _JPEG = 0x0201, 0x0202, 0x0103, 6
_DESCRIPTIVE = {
    *(0x010D, 0x010E, 0x010F, 0x0110, 0x011D),  # DocumentName, ImageDescription, Make, Model, PageName
    *(ORIENTATION, SOFTWARE, 0x0132, 0x013B, 0x013C),  # DateTime, Artist, HostComputer
    *(0x4746, 0x4749, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F),  # Rating, RatingPercent, Windows' XPTitle .. XPSubject
    *(0x8298, _EXIF_IFD, _GPS_IFD),  # Copyright, the EXIF and the GPS directory
    *(0x830E, 0x8482, 0x85D8, 0x87AF, 0x87B0, 0x87B1),  # GeoTIFF
}


@dataclass(frozen=True)
class _Directory:
    """Where the entries of a directory are: twelve bytes each, then the offset of the next directory."""

    order: str
    entries: dict[int, int]
    end: int

    def number(self, blob: bytes | bytearray, tag: int) -> int | None:
        """A tag's one number; None if it has none."""
        at = self.entries.get(tag)
        if at is None:
            return None
        _, kind, count = struct.unpack_from(self.order + "HHI", blob, at)
        form = {3: "H", 4: "I"}.get(kind)
        return None if form is None or count != 1 else int(struct.unpack_from(self.order + form, blob, at + 8)[0])

    def put(self, blob: bytearray, tag: int, value: int) -> None:
        """Change a number that is there, in its own type, if it fits."""
        at = self.entries[tag]
        form = "H" if struct.unpack_from(self.order + "H", blob, at + 2)[0] == 3 else "I"
        if form == "I" or value < 1 << 16:
            struct.pack_into(self.order + form, blob, at + 8, value)


def take_orientation(blob: bytes, held: int | None = None) -> tuple[int, bytes]:
    """Read the orientation of an EXIF blob and make it true for pixels that were turned upright.

    Args:
        blob: without `PREFIX`; may be empty or damaged.
        held: the orientation that the photo had, if the blob does not say it any more.

    Returns orientation 1..8 (1 if there is none) and the blob with orientation 1, with width and height swapped if the
    photo was turned, and without its thumbnail, which shows the photo as it was.
    """
    patched, turn = bytearray(blob), 1
    try:
        first = _first_directory(blob)
        if first is None:
            return 1, blob
        turn = first.number(blob, ORIENTATION) or 1
        if ORIENTATION in first.entries and first.number(blob, ORIENTATION) is not None:
            first.put(patched, ORIENTATION, 1)
        if (held or turn) in (5, 6, 7, 8):
            _swap_sides(patched, first)
        link = struct.unpack_from(first.order + "I", blob, first.end)[0]
        struct.pack_into(first.order + "I", patched, first.end, 0)
        if link:
            _clear_thumbnail(patched, _directory(blob, first.order, link))
    except struct.error:
        pass  # Damaged further on; what was found so far stands.
    return (turn if 1 <= turn <= 8 else 1), bytes(patched)


def has_thumbnail(blob: bytes) -> bool:
    """Whether a blob, as a file holds it, brings a thumbnail."""
    try:
        first = _first_directory(blob)
        link = 0 if first is None else struct.unpack_from(first.order + "I", blob, first.end)[0]
        return bool(first and link and _THUMBNAIL in _directory(blob, first.order, link).entries)
    except struct.error:
        return False


def is_adobe_rgb(tags: Image.Exif) -> bool:
    """Whether tags say so, as cameras do that embed no profile (DCF 2.0, 4.7: the option file's R03)."""
    try:
        return str(tags.get_ifd(INTEROP).get(1, "")).strip("\0 ") == "R03"
    except Exception:  # Whatever damage may raise.
        return False


def maker_note(blob: bytes) -> bytes:
    """The camera's own part of a blob; empty if there is none, or none that can be read."""
    with quietly():
        try:
            tags = Image.Exif()
            tags.load(PREFIX + blob)
            note = tags.get_ifd(_EXIF_IFD).get(_MAKER_NOTE, b"")
        except Exception:  # Whatever damage may raise.
            return b""
    return note if isinstance(note, bytes) else b""


def is_sound(blob: bytes) -> bool:
    """Whether Pillow reads a blob, and would write it again, without a complaint."""
    with quietly():
        warnings.simplefilter("error")
        try:
            tags = Image.Exif()
            tags.load(PREFIX + blob)
            for tag in _BELOW:
                tags.get_ifd(tag)
            tags.tobytes()
        except Exception:  # Whatever damage may raise.
            return False
    return True


def sign(blob: bytes, software: str, thumbnail: bytes = b"") -> bytes:
    """Name the software that wrote a photo, and add a thumbnail; a blob that is empty or damaged stays as it is.

    Args:
        blob: as `take_orientation` returns it.
        thumbnail: a small JPEG file.
    """
    text = software.encode("ascii", "replace") + b"\0"
    try:
        first = _first_directory(blob)
        if first is None or first.end > len(blob):
            return blob
        at = first.entries.get(SOFTWARE)
        if at is not None and not thumbnail:
            kind, room, start = struct.unpack_from(first.order + "HII", blob, at + 2)
            if kind == 2 and room >= len(text) > 4 and start + room <= len(blob):
                patched = bytearray(blob)
                struct.pack_into(first.order + "I", patched, at + 4, len(text))
                patched[start : start + room] = text.ljust(room, b"\0")
                return bytes(patched)
        return _with_new_directory(blob, first, text, thumbnail)
    except struct.error:
        return blob


def without_maker_note(blob: bytes) -> bytes:
    """A shorter blob, laid out anew; empty if it is damaged."""
    if not is_sound(blob):
        return b""
    tags = Image.Exif()
    tags.load(PREFIX + blob)
    return descriptive_tags(tags, maker_note=False)


def descriptive_tags(tags: Image.Exif, maker_note: bool = True) -> bytes:
    """EXIF blob of a file that has tags but no blob (TIFF): what describes the photo, not how it is stored.

    `maker_note`: keep the camera's own, though it moves.
    """
    kept = Image.Exif()  # A new one: BigTIFF's is laid out in another way.
    kept.endian = "<"
    for tag in _DESCRIPTIVE.difference(_BELOW).intersection(tags):
        kept[tag] = tags[tag]
    for tag in _BELOW:
        if tags.get_ifd(tag):
            below = {key: value for key, value in tags.get_ifd(tag).items() if maker_note or key != _MAKER_NOTE}
            kept.get_ifd(tag).update(below)
    return kept.tobytes().removeprefix(PREFIX) if kept or any(kept.get_ifd(tag) for tag in _BELOW) else b""


def _first_directory(blob: bytes) -> _Directory | None:
    order = _BYTE_ORDER.get(blob[:4])
    return None if order is None else _directory(blob, order, struct.unpack_from(order + "I", blob, 4)[0])


def _directory(blob: bytes | bytearray, order: str, start: int) -> _Directory:
    """struct.error if it begins outside the blob; entries that lie outside are left out."""
    (count,) = struct.unpack_from(order + "H", blob, start)
    places = [start + 2 + 12 * index for index in range(count) if start + 14 + 12 * index <= len(blob)]
    entries = {struct.unpack_from(order + "H", blob, at)[0]: at for at in places}
    return _Directory(order, entries, start + 2 + 12 * count)


def _swap_sides(patched: bytearray, first: _Directory) -> None:
    below = first.number(patched, _EXIF_IFD)
    inner = None if below is None else _directory(patched, first.order, below)
    for directory, (across, down) in zip((first, inner), _SIZES, strict=True):
        if directory is None:
            continue
        width, height = directory.number(patched, across), directory.number(patched, down)
        if width is not None and height is not None:
            directory.put(patched, across, height)
            directory.put(patched, down, width)


def _clear_thumbnail(patched: bytearray, directory: _Directory) -> None:
    """Its bytes as well: a link less would leave them there to be found. Cut off where they end the blob."""
    start, length = (directory.number(patched, tag) for tag in (_THUMBNAIL, _THUMBNAIL_LENGTH))
    if start is None or length is None or patched[start : start + 2] != b"\xff\xd8":
        return
    end = min(start + length, len(patched))
    patched[start:end] = bytes(end - start)
    if end == len(patched):
        del patched[start:]


def _with_new_directory(blob: bytes, first: _Directory, text: bytes, thumbnail: bytes) -> bytes:
    """The first directory again behind the end, with the software's name; offsets into what is before it still hold."""
    order = first.order
    body = bytearray(blob + bytes(len(blob) % 2))
    start = len(body)
    body += text + bytes(len(text) % 2)
    entries = {tag: blob[at : at + 12] for tag, at in first.entries.items()}
    name = text.ljust(4, b"\0") if len(text) <= 4 else struct.pack(order + "I", start)
    entries[SOFTWARE] = struct.pack(order + "HHI", SOFTWARE, 2, len(text)) + name
    struct.pack_into(order + "I", body, 4, len(body))
    body += struct.pack(order + "H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries))
    body += struct.pack(order + "I", len(body) + 4 if thumbnail else 0)
    if thumbnail:
        picture = len(body) + 2 + 3 * 12 + 4
        body += struct.pack(order + "HHHIHH", 3, _COMPRESSION, 3, 1, _JPEG, 0)
        body += struct.pack(order + "HHII", _THUMBNAIL, 4, 1, picture)
        body += struct.pack(order + "HHII", _THUMBNAIL_LENGTH, 4, 1, len(thumbnail))
        body += bytes(4) + thumbnail
    return bytes(body)
