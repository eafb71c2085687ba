"""Photos as files: read upright with all that belongs to them, written back whole or not at all.

Pixels stay in the photo's own colour space; its profile is carried along, not applied (but for CMYK and Lab,
which no RGB profile describes: those become sRGB).
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, JpegImagePlugin, UnidentifiedImageError

from wideopen import exif as exif_blob
from wideopen import heif
from wideopen.encode import FORMATS, encode
from wideopen.errors import OutputError, PhotoError, WideopenError
from wideopen.output import check_output, write_output
from wideopen.quiet import quietly

Pixels = NDArray[Any]
"""uint8 or uint16."""
MAX_PIXELS = 178_956_970
"""Larger photos are refused: a file of a few kB can claim any size (Pillow's own limit, 1 GiB at 6 bytes/px)."""

UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda image: image,
    2: lambda image: cv2.flip(image, 1),
    3: lambda image: cv2.rotate(image, cv2.ROTATE_180),
    4: lambda image: cv2.flip(image, 0),
    5: lambda image: cv2.transpose(image),
    6: lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
    7: lambda image: cv2.rotate(cv2.transpose(image), cv2.ROTATE_180),
    8: lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
"""What turns a photo upright, by EXIF orientation."""


@dataclass(frozen=True, eq=False)
class Photo:
    """One photo and what belongs to it."""

    pixels: Pixels
    """HxWx3 RGB, uint8 or uint16, upright, encoded as the profile says (sRGB if there is none)."""
    alpha: Pixels | None = None
    """HxW, of the pixels' type; not premultiplied."""
    grey: bool = False
    """The file had one channel; it is written so again."""
    format: str = "PNG"
    """JPEG, PNG, TIFF, WEBP or HEIF."""
    exif: bytes = b""
    """TIFF-structured blob with orientation 1."""
    icc: bytes = b""
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    tables: tuple[tuple[int, ...], ...] | None = None
    """A JPEG's quantisation tables: its quality, exactly."""
    subsampling: int | None = None
    """A JPEG's chroma subsampling: 0 is 4:4:4, 1 is 4:2:2, 2 is 4:2:0."""

    def with_pixels(self, pixels: Pixels) -> "Photo":
        """The same photo with other pixels of the same size and type."""
        if pixels.shape != self.pixels.shape or pixels.dtype != self.pixels.dtype:
            raise ValueError(
                f"pixels must stay {self.pixels.shape} {self.pixels.dtype}, not {pixels.shape} {pixels.dtype}"
            )
        return replace(self, pixels=pixels)


def load(path: Path) -> Photo:
    """Read a JPEG, PNG, TIFF, WebP or HEIF file (the first picture of several, HEIF's main one).

    Raises:
        PhotoError: it is not there, not a photo, damaged, cut short, larger than `MAX_PIXELS`, or has 32 bits
            per channel; or it is a HEIF photo, and the extra `heif` is not installed.
    """
    return decode(read_bytes(path), str(path))


def decode(data: bytes, name: str = "photo") -> Photo:
    """`load` for a file's bytes; `name` opens every error message."""
    with open_picture(data, name) as image:
        try:
            with quietly():
                # Of 16 bits per channel Pillow keeps 8 if there are several; the tiles say so until it loads.
                deep = any(";16" in str(tile[3]) for tile in getattr(image, "tile", []))
                deep = deep or (image.format == "HEIF" and image.info.get("bit_depth", 8) > 8)
                image.load()
                return _upright(image, *_channels(image, deep, data))
        except PhotoError as error:
            raise PhotoError(f"{name}: {error}") from None
        except Exception as error:
            raise PhotoError(f"{name}: damaged or cut short ({_line(error)}); get a whole copy") from error


def open_picture(data: bytes, name: str) -> Image.Image:
    """A file's bytes as a Pillow image of allowed size, its pixels not yet read.

    Raises:
        PhotoError: empty, of no known format, damaged so far, or larger than `MAX_PIXELS`.
    """
    if not data:
        raise PhotoError(f"{name}: is empty (0 bytes); get a whole copy")
    try:
        with quietly():  # About odd metadata and large photos; what matters is raised.
            image = Image.open(io.BytesIO(data), formats=_formats(data))
    except ModuleNotFoundError:
        raise PhotoError(f"{name}: is a HEIF photo, which needs pillow-heif; {heif.ADVICE}") from None
    except UnidentifiedImageError:
        raise PhotoError(f"{name}: not a JPEG, PNG, TIFF, WebP or HEIF photo, or damaged") from None
    except Image.DecompressionBombError:
        raise PhotoError(f"{name}: claims more than {MAX_PIXELS // 10**6} megapixels; too large") from None
    except Exception as error:  # Decoders raise anything from SyntaxError to struct.error on damaged files.
        raise PhotoError(f"{name}: damaged ({_line(error)}); get a whole copy") from error
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise PhotoError(
            f"{name}: {image.width}x{image.height} px is more than {MAX_PIXELS // 10**6} megapixels; too large"
        )
    return image


def _formats(data: bytes) -> tuple[str, ...]:
    """What a file may be; Pillow is taught HEIF when there is one."""
    if heif.is_heif(data):
        heif.plugin()
        return ("HEIF",)
    return tuple(format for format in FORMATS if format != "HEIF")


def read_bytes(path: Path, kind: type[WideopenError] = PhotoError) -> bytes:
    """A file's bytes; an error of that kind, one line, if it cannot be read."""
    try:
        return path.read_bytes()
    except IsADirectoryError:
        raise kind(f"{path}: is a folder; give the files in it") from None
    except FileNotFoundError:
        raise kind(f"{path}: no such file") from None
    except OSError as error:
        raise kind(f"{path}: cannot be read ({error.strerror})") from error


def save(photo: Photo, path: Path, quality: int | None = None, overwrite: bool = False) -> None:
    """Write a photo in the format that the file name's suffix says, with its profile, EXIF and XMP.

    Args:
        photo: 16 bits are kept in PNG and TIFF, 10 of them in HEIF, 8 in JPEG and WebP; alpha is laid on white in JPEG.
        path: .jpg, .jpeg, .png, .tif, .tiff, .webp, .heic, .heif or .hif.
        quality: 1..100 for JPEG, WebP and HEIF; if None, a JPEG's own, else 95.
        overwrite: replace a file that is there.

    Raises:
        OutputError: unknown suffix, file exists, folder missing or not writable, disk full, too large for the
            format. Nothing partial is left behind.
    """
    format = output_format(path)
    check_output(path, overwrite)
    write_output(path, to_bytes(photo, format, str(path), quality), overwrite)


def to_bytes(photo: Photo, format: str, name: str = "photo", quality: int | None = None) -> bytes:
    """`save` into a file's bytes; OutputError, opened by `name`, if the photo is too large for the format."""
    try:
        return encode(photo, format, quality)
    except (OSError, ValueError, OverflowError) as error:
        raise OutputError(f"{name}: cannot be written as {format} ({_line(error)}); try .png or .tif") from error


def output_format(path: Path) -> str:
    """Format that a file name's suffix stands for; OutputError if none."""
    for format, suffixes in FORMATS.items():
        if path.suffix.lower() in suffixes:
            if format == "HEIF":
                _check_heif_output(path)
            return format
    known = ", ".join(suffix for suffixes in FORMATS.values() for suffix in suffixes)
    raise OutputError(f"{path}: cannot tell the format from this name; end it in one of {known}")


def kept_suffix(path: Path) -> str:
    """The suffix of a photo's name if it can be written so, else .png."""
    return path.suffix if any(path.suffix.lower() in suffixes for suffixes in FORMATS.values()) else ".png"


def _check_heif_output(path: Path) -> None:
    try:
        heif.plugin()
    except ModuleNotFoundError:
        raise OutputError(f"{path}: HEIF needs pillow-heif; {heif.ADVICE}, or write .jpg") from None


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _channels(image: Image.Image, deep: bool, data: bytes) -> tuple[Pixels, Pixels | None, bool, bool]:
    """Colour HxWx3, alpha, whether the file is grey, whether its profile still describes the pixels."""
    mode = image.mode
    if mode == "F" or (mode == "I" and not deep):
        raise PhotoError("has 32 bits per channel; save it with 8 or 16")
    if deep and (mode in ("LA", "RGB", "RGBA") or image.format == "HEIF"):
        return *_deep_channels(data, image), mode[0] in "LI", True
    if mode.startswith("I"):
        return cv2.merge([np.asarray(image).astype(np.uint16)] * 3), None, True, True
    if mode in ("CMYK", "LAB"):
        return np.asarray(_to_srgb(image)), None, False, False
    grey = mode in ("1", "L", "LA", "La")
    if mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3]), grey, True
    if grey:
        return cv2.merge([np.asarray(image.convert("L"))] * 3), None, True, True
    return np.asarray(image.convert("RGB")), None, False, True


def _deep_channels(data: bytes, image: Image.Image) -> tuple[Pixels, Pixels | None]:
    """16-bit colour and alpha through OpenCV, which leaves the orientation alone here."""
    if image.format == "HEIF":
        pixels = heif.deep_pixels(data)
        if pixels.ndim == 2:
            return cv2.merge([pixels] * 3), None
        return np.ascontiguousarray(pixels[..., :3]), pixels[..., 3].copy() if pixels.shape[2] == 4 else None
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16 or found.shape[:2] != (image.height, image.width):
        raise PhotoError("16-bit pixels cannot be read; save it again as 16-bit PNG or TIFF")
    if found.ndim == 2:
        return cv2.merge([found] * 3), None
    alpha = np.ascontiguousarray(found[..., 3]) if found.shape[2] == 4 else None
    return cv2.cvtColor(found, cv2.COLOR_BGRA2RGB if alpha is not None else cv2.COLOR_BGR2RGB), alpha


def _to_srgb(image: Image.Image) -> Image.Image:
    """CMYK through its profile, if it has one, and Lab through the definition, to sRGB."""
    srgb = ImageCms.createProfile("sRGB")
    profile = image.info.get("icc_profile")
    if image.mode == "LAB":
        source: Any = ImageCms.createProfile("LAB")
    elif profile:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    else:
        return image.convert("RGB")
    try:
        converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    except ImageCms.PyCMSError:
        return image.convert("RGB")  # The profile is damaged or of another kind of device.
    return converted if converted is not None else image.convert("RGB")


def _upright(image: Image.Image, pixels: Pixels, alpha: Pixels | None, grey: bool, profile_holds: bool) -> Photo:
    info, blob = image.info, (image.info.get("exif") or b"").removeprefix(exif_blob.PREFIX)
    if not blob and (image.format == "TIFF" or "Raw profile type exif" in info):
        blob = exif_blob.descriptive_tags(image).removeprefix(exif_blob.PREFIX)
    turn, blob = exif_blob.make_upright(blob)
    if image.format == "TIFF" and exif_blob.ORIENTATION not in image.getexif():
        turn = 1  # Pillow and OpenCV turn TIFFs upright as they load.
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    xmp = xmp.encode() if isinstance(xmp, str) else bytes(xmp)
    format = "JPEG" if image.format == "MPO" else str(image.format)
    tables, subsampling = None, None
    if format == "JPEG" and image.mode in ("L", "RGB"):
        stored = getattr(image, "quantization", {})
        tables = tuple(tuple(stored[key]) for key in sorted(stored)) or None
        subsampling = JpegImagePlugin.get_sampling(image)
    dpi = info.get("dpi")
    turned = pixels if turn == 1 else UPRIGHT[turn](pixels)
    return Photo(
        pixels=turned,
        alpha=None if alpha is None else UPRIGHT[turn](alpha),
        grey=grey,
        format=format,
        exif=blob,
        icc=(info.get("icc_profile") or b"") if profile_holds else b"",
        xmp=exif_blob.make_xmp_upright(xmp),
        dpi=(float(dpi[0]), float(dpi[1])) if dpi else None,
        tables=tables,
        subsampling=subsampling if subsampling in (0, 1, 2) else None,
    )
