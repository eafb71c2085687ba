"""The few bits of EXIF that must change when a photo is written again; all others stay as they are, bit for bit.

A blob is patched in place and not taken apart and rebuilt: maker notes point at offsets inside it.
"""

import re
import struct

from PIL import Image

ORIENTATION = 0x0112
PREFIX = b"Exif\0\0"
"""Opens a blob in JPEG files; other formats do without."""
_BYTE_ORDER = {b"II*\0": "<", b"MM\0*": ">"}
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>))[2-8]")
_DESCRIPTIVE = {
    *(0x010D, 0x010E, 0x010F, 0x0110),  # DocumentName, ImageDescription, Make, Model
    *(ORIENTATION, 0x0131, 0x0132, 0x013B, 0x013C),  # Software, DateTime, Artist, HostComputer
    *(0x8298, 0x8769, 0x8825),  # Copyright, the EXIF and the GPS directory
}


def make_upright(blob: bytes) -> tuple[int, bytes]:
    """Read the orientation of an EXIF blob and make it true for pixels that were turned upright.

    Args:
        blob: without `PREFIX`; may be empty or damaged.

    Returns:
        Orientation 1..8 (1 if there is none) and the blob with orientation 1 and without the link to its
        thumbnail, which shows the photo as it was.
    """
    order = _BYTE_ORDER.get(blob[:4])
    if order is None:
        return 1, blob
    patched, turn = bytearray(blob), 1
    try:
        (first,) = struct.unpack_from(order + "I", blob, 4)
        (count,) = struct.unpack_from(order + "H", blob, first)
        for entry in range(first + 2, first + 2 + 12 * count, 12):
            tag, kind, number = struct.unpack_from(order + "HHI", blob, entry)
            if tag == ORIENTATION and kind in (3, 4) and number == 1:
                form = order + ("H" if kind == 3 else "I")
                (turn,) = struct.unpack_from(form, blob, entry + 8)
                struct.pack_into(form, patched, entry + 8, 1)
        struct.pack_into(order + "I", patched, first + 2 + 12 * count, 0)
    except struct.error:
        pass  # Damaged further on; what was found so far stands.
    return (turn if 1 <= turn <= 8 else 1), bytes(patched)


def make_xmp_upright(xmp: bytes) -> bytes:
    """The same packet with any `tiff:Orientation` set to 1."""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def descriptive_tags(image: Image.Image) -> bytes:
    """EXIF blob of a file that has tags but no blob (TIFF): what describes the photo, not how it is stored."""
    exif = image.getexif()
    for tag in [tag for tag in exif if tag not in _DESCRIPTIVE]:
        del exif[tag]
    return exif.tobytes() if exif else b""
