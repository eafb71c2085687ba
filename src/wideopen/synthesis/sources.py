"""Folders of photos and of their subjects' mattes, read for making pairs."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from wideopen._types import Float32
from wideopen.errors import PairsError, PhotoError

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}
SMALLEST_PX = 64


@dataclass(frozen=True)
class Source:
    """A photo and where its subject's matte should be."""

    stem: str
    """Path below the folder, without suffix: A/B."""
    photo: Path
    matte: Path

    @property
    def name(self) -> str:
        """Name of its pairs."""
        return self.stem.replace("/", "-")


def find_photos(folder: Path) -> dict[str, Path]:
    """Photos below a folder by their path without suffix; PairsError if there are none, or no such folder."""
    found = {
        path.relative_to(folder).with_suffix("").as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in PHOTO_SUFFIXES
    }
    if not found:
        raise PairsError(f"{folder}: no photos in this folder; give one that holds JPEG, PNG, WebP or TIFF files")
    return found


def find_sources(photos: Path, mattes: Path, only: Path | None = None) -> list[Source]:
    """List photos, sorted by stem, with the place of their mattes.

    Args:
        photos: folder, searched recursively.
        mattes: folder; the matte of photos/A/B.jpg is mattes/A/B.png.
        only: text file of stems to use, one a line.

    Raises PairsError: no photos, `only` names one that is not there, or two would have the same name.
    """
    found = find_photos(photos)
    stems = sorted(found)
    if only is not None:
        try:
            stems = sorted({line.strip() for line in only.read_text(encoding="utf-8").splitlines()} - {""})
        except (OSError, UnicodeDecodeError) as error:
            raise PairsError(f"{only}: cannot read this list of photos; give a text file, one name a line") from error
        missing = [stem for stem in stems if stem not in found]
        if missing:
            raise PairsError(f"{only}: names {missing[0]!r}, which is not in {photos} (names have no suffix)")
    return [Source(stem, found[stem], mattes / f"{stem}.png") for stem in stems]


def read_photo(path: Path, long_side: int) -> Float32:
    """Read a photo, HxWx3 sRGB-encoded in [0, 1], upright, scaled down to `long_side` px if larger.

    PhotoError says in one line why it cannot be.
    """
    try:
        with Image.open(path) as image:
            pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise _unreadable(error) from error
    height, width = pixels.shape[:2]
    scale = long_side / max(height, width)
    if scale < 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    if min(pixels.shape[:2]) < SMALLEST_PX:
        shrunk = "; a larger --long-side leaves more of it" if scale < 1 else ""
        raise PhotoError(f"smaller than {SMALLEST_PX} px: {pixels.shape[1]}x{pixels.shape[0]}{shrunk}")
    return pixels.astype(np.float32) / 255.0


def read_matte(path: Path, size: tuple[int, int]) -> Float32:
    """Read a matte as HxW opacity in [0, 1], scaled to (height, width); PhotoError if it cannot be."""
    if not path.exists():
        raise PhotoError(f"no matte at {path}; --mattes names the folder of mattes")
    try:
        with Image.open(path) as image:
            matte = np.asarray(image.convert("L"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise _unreadable(error) from error
    return cv2.resize(matte, size[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32) / np.float32(255.0)


def _unreadable(error: BaseException) -> PhotoError:
    return PhotoError(f"cannot be read: {error}".splitlines()[0])
