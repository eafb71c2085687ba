"""Photos as files: read upright with all that belongs to them, written back whole or not at all.

Pixels stay in the photo's own colour space; its profile is carried along, not applied (but for CMYK and Lab,
which no RGB profile describes: those become sRGB).
"""

import importlib.util
import io
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import cv2
from PIL import Image, UnidentifiedImageError

from wideopen._types import Pixels
from wideopen.atomic_write import check_output, write_output
from wideopen.errors import OutputError, PhotoError, WideopenError
from wideopen.extras import extras_of
from wideopen.photo import avif, heif, raw
from wideopen.photo import exif as exif_blob
from wideopen.photo.channels import MAX_BYTES, Channels, Decoder, read_channels
from wideopen.photo.encode import FORMATS, SUFFIXES, encode
from wideopen.photo.formats import exr, jxl
from wideopen.photo.formats.float_tiff import decode_float_tiff, read_directory
from wideopen.photo.formats.jpeg_end import with_end
from wideopen.photo.metadata import Metadata, count_pictures, read_metadata
from wideopen.photo.photo import Photo
from wideopen.quiet import quietly

MAX_PIXELS = 250_000_000
"""Larger photos are refused: a file of a few kB can claim any size. Phones make 200 megapixels."""
PLAUSIBLE_PIXELS, PIXELS_PER_BYTE = 40_000_000, 100
"""Photos larger than that hold at least a byte for so many pixels; a blank picture made to fill memory does not."""
READ_ONLY = ("GIF", "BMP")
"""Beside RAW."""

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


def load(path: Path) -> Photo:
    """Read a file of `FORMATS`, a GIF, BMP or camera RAW; of several pictures the main one.

    Raises PhotoError: it is not there, not a photo, damaged, cut short, larger than `MAX_PIXELS`, or has whole numbers
    of 32 bits; or it needs an extra (`heif`, `raw`, `exr`, `jxl`) that is not installed.
    """
    return decode(read_bytes(path), str(path))


def decode(data: bytes, name: str = "photo") -> Photo:
    """`load` for a file's bytes; `name` opens every error message, and its suffix tells some RAW files from TIFF."""
    if raw.is_raw(data, Path(name).suffix):
        return _develop(data, name)
    tags = read_directory(data)
    if tags is not None or exr.is_exr(data):
        return _read_light(data, name, tags)
    with ExitStack() as opened:
        image = opened.enter_context(open_picture(data, name))
        try:
            with quietly():
                data, missing = with_end(data)
                if missing:
                    image = opened.enter_context(open_picture(data, name))
                format, several = "JPEG" if image.format == "MPO" else str(image.format), count_pictures(image, data)
                channels = read_channels(image, data, FORMATS[format].decoder if format in FORMATS else Decoder())
                found = read_metadata(image, data, several)
            image.close()  # What it holds is as large as the photo.
            return _upright(channels, replace(found, notices=(*missing, *found.notices)), format)
        except PhotoError as error:
            raise PhotoError(f"{name}: {error}") from None
        except Exception as error:
            raise PhotoError(f"{name}: damaged or cut short; get a whole copy") from error


def picture_size(data: bytes, name: str) -> tuple[int, int]:
    """Width and height that a file's header states, as stored; PhotoError as of `open_picture`."""
    tags = read_directory(data)
    if tags is None and not exr.is_exr(data):
        with open_picture(data, name) as image:
            return image.size
    try:
        with quietly():
            width, height = exr.size(data) if tags is None else (int(tags[256]), int(tags[257]))
    except ModuleNotFoundError:
        raise PhotoError(f"{name}: is an EXR file, which needs OpenEXR; {exr.ADVICE}") from None
    except Exception as error:  # Whatever damage raises.
        raise PhotoError(f"{name}: damaged or cut short; get a whole copy") from error
    _check_size(width, height, name, len(data))
    if width * height * 12 > MAX_BYTES:
        raise PhotoError(f"{name}: {width}x{height} px of light is too large; make it smaller")
    return width, height


def _read_light(data: bytes, name: str, tags: Any) -> Photo:
    """An EXR, or a TIFF of real numbers with these tags."""
    picture_size(data, name)
    try:
        with quietly():
            if tags is None:
                return exr.decode_exr(data)
            photo, found = decode_float_tiff(data, tags)
    except PhotoError as error:
        raise PhotoError(f"{name}: {error}") from None
    except Exception as error:
        raise PhotoError(f"{name}: damaged or cut short; get a whole copy") from error
    upright = _upright(Channels(photo.pixels, None, photo.grey, notices=photo.notices), found, "TIFF")
    return replace(upright, half=photo.half)


def open_picture(data: bytes, name: str) -> Image.Image:
    """A file's bytes as a Pillow image of allowed size, its pixels not yet read.

    Raises PhotoError: empty, of no known format, damaged so far, or larger than `MAX_PIXELS`.
    """
    if not data:
        raise PhotoError(f"{name}: is empty (0 bytes); get a whole copy")
    if jxl.is_jxl(data):
        try:
            width, height, _ = jxl.read_header(data)
        except ValueError:
            raise PhotoError(f"{name}: damaged or cut short; get a whole copy") from None
        _check_size(width, height, name, len(data))
    try:
        with quietly():  # About odd metadata and large photos; what matters is raised.
            image = _opened(data, _formats(data))
    except ModuleNotFoundError:
        if jxl.is_jxl(data):
            raise PhotoError(f"{name}: is a JPEG XL photo, which needs pillow-jxl-plugin; {jxl.ADVICE}") from None
        raise PhotoError(f"{name}: is a HEIF photo, which needs pillow-heif; {heif.ADVICE}") from None
    except UnidentifiedImageError:
        if avif.is_avif(data) and not avif.is_readable():
            raise PhotoError(f"{name}: is an AVIF photo, which this Pillow cannot read; {avif.ADVICE}") from None
        raise PhotoError(
            f"{name}: not a JPEG, PNG, TIFF, WebP, AVIF, HEIF or JPEG XL photo, or damaged or cut short"
        ) from None
    except Exception as error:  # Decoders raise anything from SyntaxError to struct.error on damaged files.
        raise PhotoError(f"{name}: damaged; get a whole copy") from error
    try:
        _check_size(image.width, image.height, name, len(data))
    except PhotoError:
        image.close()
        raise
    return image


def _opened(data: bytes, formats: tuple[str, ...]) -> Image.Image:
    """`Image.open` without Pillow's limit, which is lower, and the process's."""
    try:
        return Image.open(io.BytesIO(data), formats=formats)
    except Image.DecompressionBombError:
        for format in formats:
            factory, accept = Image.OPEN[format]
            if accept is not None and accept(data[:16]) is True:
                return factory(io.BytesIO(data), "")
        raise


def _check_size(width: int, height: int, name: str, length: int) -> None:
    if width * height > MAX_PIXELS:
        raise PhotoError(f"{name}: {width}x{height} px is more than {MAX_PIXELS // 10**6} megapixels; too large")
    if width * height > max(PLAUSIBLE_PIXELS, length * PIXELS_PER_BYTE):
        raise PhotoError(
            f"{name}: claims {width}x{height} px in {length} bytes, which no photo is; made to fill memory"
        )


def _formats(data: bytes) -> tuple[str, ...]:
    """What a file may be; Pillow is taught HEIF and JPEG XL when there is one."""
    if jxl.is_jxl(data):
        jxl.plugin()
        return ("JXL",)
    if heif.is_heif(data):
        heif.plugin()
        return ("HEIF",)
    return (*(format for format in FORMATS if format not in ("HEIF", "EXR", "JXL")), *READ_ONLY)


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
    """Write a photo in the format that the file name's suffix says, with its profile and metadata.

    Args:
        photo: 16 bits are kept in PNG and TIFF, 10 of them in HEIF and AVIF, 8 in JPEG and WebP; alpha is laid on white
            in JPEG.
        path: its suffix is one of those in `FORMATS`.
        quality: see `encode`.
        overwrite: replace a file that is there.

    Raises OutputError: unknown suffix, file exists, folder missing or not writable, disk full, too large for the
    format. Nothing partial is left behind.
    """
    format = output_format(path)
    check_output(path, overwrite)
    write_output(path, to_bytes(photo, format, str(path), quality), overwrite)


def to_bytes(photo: Photo, format: str, name: str = "photo", quality: int | None = None) -> bytes:
    """`save` into a file's bytes; OutputError, opened by `name`, if the photo is too large for the format."""
    if photo.gain is not None and photo.gain.required and not FORMATS[format].more:
        raise OutputError(f"{name}: {format} has no place for the photo's HDR gain map; write .jpg, or use --hdr auto")
    try:
        return encode(photo, format, quality)
    except (OSError, ValueError, OverflowError) as error:
        raise OutputError(f"{name}: too large for {format}, or its metadata is; write .png or .tif") from error


def output_format(path: PurePath) -> str:
    """Format that a file name's suffix stands for; OutputError if none."""
    format = SUFFIXES.get(path.suffix.lower())
    if format is None:
        raise OutputError(f"{path}: cannot tell the format from this name; end it in one of {', '.join(SUFFIXES)}")
    _check_writer(path, format)
    return format


def photo_suffixes() -> frozenset[str]:
    """What files are called that hold photos which can be read, in small letters; RAW's where rawpy is installed."""
    found = SUFFIXES.keys() | {".gif", ".bmp"}
    found = found if importlib.util.find_spec("OpenEXR") else found - {".exr"}
    return frozenset(found | raw.SUFFIXES if raw.is_readable() else found)


def kept_suffix(path: PurePath) -> str:
    """The suffix of a photo's name if it can be written so; .tif for camera RAW, .png for other pictures."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return path.suffix
    return ".tif" if suffix in raw.SUFFIXES else ".png"


def _check_writer(path: PurePath, format: str) -> None:
    if format == "AVIF" and not avif.is_readable():
        raise OutputError(f"{path}: this Pillow cannot write AVIF; {avif.ADVICE}, or write .jpg")
    needs = FORMATS[format].needs
    if needs and importlib.util.find_spec(needs) is None:
        advice = f'run: pip install "wideopen[{extras_of(needs)[0]}]"'
        raise OutputError(f"{path}: {format} needs {needs}; {advice}, or write .jpg or .tif")


def _upright(channels: Channels, found: Metadata, format: str) -> Photo:
    turn = UPRIGHT[found.turn]
    belongings = {key: value for key, value in vars(found).items() if key not in ("turn", "notices")}
    if not channels.profile_holds:
        belongings.update(icc=b"", chunks=b"", gamma=None)
    if found.gain is not None:
        belongings["gain"] = found.gain.turned(turn)
    return Photo(
        pixels=turn(channels.colour),
        alpha=None if channels.alpha is None else turn(channels.alpha),
        grey=channels.grey,
        format=format,
        notices=(*channels.notices, *found.notices),
        **belongings,
    )


def _develop(data: bytes, name: str) -> Photo:
    """A camera's RAW, upright as LibRaw develops it."""
    try:
        with raw.open_raw(data) as opened:
            _check_size(opened.sizes.iwidth, opened.sizes.iheight, name, len(data))
            pixels, tags = raw.develop(opened), raw.tags_of(data, opened)
    except ModuleNotFoundError:
        raise PhotoError(f"{name}: is a camera RAW, which needs rawpy; {raw.ADVICE}") from None
    except PhotoError:
        raise
    except Exception as error:  # LibRaw's own kinds.
        raise PhotoError(f"{name}: a RAW that is damaged, or of a camera not known here") from error
    try:
        blob = exif_blob.take_orientation(exif_blob.descriptive_tags(tags, maker_note=False))[1]
    except Exception:  # Damaged tags are no obstacle.
        blob = b""
    return Photo(
        pixels, format="RAW", exif=blob, notices=("is a camera RAW: developed with the camera's white balance",)
    )
