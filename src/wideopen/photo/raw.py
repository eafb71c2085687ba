"""Camera RAW through rawpy (the extra `raw`), which is imported when the first such file comes by."""

import importlib.util
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wideopen.photo.tiff import first_directory

ADVICE = 'run: pip install "wideopen[raw]"'
SUFFIXES = frozenset(
    {
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".k25", ".kdc"),
        *(".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf"),
        *(".srw", ".x3f"),
    }
)
_SIGNATURES = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM")
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_DNG_VERSION, _NEW_SUBFILE, _PHOTOMETRIC, _SUB_IFDS = 50706, 254, 262, 330
_CFA, _LINEAR_RAW = 32803, 34892


def is_raw(data: bytes, suffix: str = "") -> bool:
    """Whether a file is a camera's RAW, by its first bytes, its first directory, or else its name's suffix."""
    if data.startswith(_SIGNATURES) or data[8:10] == b"CR" or data[4:12] == b"ftypcrx ":
        return True
    if data[:4] not in _TIFF:
        return False
    tags = first_directory(data)
    if _DNG_VERSION in tags or tags.get(_PHOTOMETRIC) in (_CFA, _LINEAR_RAW):
        return True
    # A small preview first, the sensor's own picture in a directory below it.
    return _SUB_IFDS in tags and (tags.get(_NEW_SUBFILE) == 1 or suffix.lower() in SUFFIXES)


def is_readable() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec("rawpy") is not None


def open_raw(data: bytes) -> Any:
    """The rawpy object, its sensor data not yet unpacked. Raises ModuleNotFoundError without the extra."""
    import rawpy  # type: ignore[import-not-found, unused-ignore]

    return rawpy.imread(io.BytesIO(data))


def develop(opened: Any) -> NDArray[np.uint16]:
    """HxWx3 uint16, upright, sRGB-encoded, with the camera's white balance; LibRaw's own brightness."""
    import rawpy

    developed: NDArray[np.uint16] = opened.postprocess(
        use_camera_wb=True,
        output_bps=16,
        output_color=rawpy.ColorSpace.sRGB,
        gamma=(2.4, 12.92),  # IEC 61966-2-1.
        auto_bright_thr=0.001,
    )
    return developed


def tags_of(data: bytes, opened: Any) -> Image.Exif:
    """The photo's tags: of the file itself if it is laid out like a TIFF, else of its preview."""
    tags = Image.Exif()
    if data[:2] in (b"II", b"MM"):
        tags.load((b"II*\0" if data[:2] == b"II" else b"MM\0*") + data[4:])
        return tags
    try:
        preview = opened.extract_thumb().data
        with Image.open(io.BytesIO(preview), formats=("JPEG",)) as image:
            return image.getexif()
    except Exception:  # LibRaw's own kinds, and whatever a damaged preview raises: it is of no need.
        return tags
