"""Mattes as data: read from the files that other programs write, and written so that they read back the same.

A matte is the opacity of a photo's subject: 1 is the subject, 0 everything else. Apple's phones put one of the person
into their portrait photos:

    HEIC    an auxiliary picture (ISO/IEC 23008-12) of Apple's type `portraiteffectsmatte`, read by pillow-heif
    JPEG    a further picture of the file whose own XMP says so
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wideopen._types import Float
from wideopen.atomic_write import check_output, write_output
from wideopen.errors import DepthError, MatteError, PhotoError
from wideopen.photo import files as photos
from wideopen.photo import heif
from wideopen.photo.depth import map_suffix, wrong_shape
from wideopen.photo.depth_file import check_channel, encode_map, read_map
from wideopen.photo.jpeg_parts import jpeg_parts

_APPLE, _PORTRAIT = "http://ns.apple.com/pixeldatainfo/1.0/", "portraiteffectsmatte"
ROUNDING = 1e-3
"""How far outside of [0, 1] numbers may lie that a program has rounded or sharpened; they are clipped."""


def load_matte(path: Path, invert: bool = False) -> Float:
    """Read a matte from a file, of any size; HxW float32 in [0, 1].

    Args:
        path: a picture of 8 or 16 bits (its alpha if it has one, else its grey), a float TIFF, PFM, EXR or .npy file
            of numbers in [0, 1].
        invert: the file has 0 for the subject.

    Raises:
        MatteError: it cannot be read, or is no matte: colours, NaN, values outside of [0, 1].
        ModuleNotFoundError: an EXR file, and the extra `exr` is not installed.
    """
    return decode_matte(photos.read_bytes(path, MatteError), str(path), invert)


def decode_matte(data: bytes, name: str, invert: bool = False) -> Float:
    """`load_matte` for a file's bytes; `name` opens every error message."""
    alpha = _alpha(data, name)
    if alpha is not None:
        return as_matte(alpha, name, invert)
    try:
        raw = read_map(data, name)
    except DepthError as error:
        raise MatteError(_of_mattes(error)) from error
    values = raw.values if raw.full_scale is None else raw.values / np.float32(raw.full_scale)
    return as_matte(values, name, invert)


def as_matte(values: Any, name: str, invert: bool = False) -> Float:
    """Any array of opacities as HxW float32 in [0, 1]; integers and booleans are scaled by their type's range.

    Raises MatteError: one line, opened by `name`.
    """
    values = np.asarray(values)
    if values.dtype.kind in "ui":
        values = values / np.float32(np.iinfo(values.dtype).max)
    try:
        values = check_channel(values, name)
    except DepthError as error:
        raise MatteError(_of_mattes(error)) from error
    low, high = float(values.min()), float(values.max())
    if not (low >= -ROUNDING and high <= 1 + ROUNDING):
        raise MatteError(f"{name}: has values from {low:g} to {high:g}; a matte's lie in 0 (not the subject) to 1")
    opacity = np.ascontiguousarray(values.clip(0, 1), np.float32)
    return 1 - opacity if invert else opacity


def embedded_matte(data: bytes, name: str = "photo") -> Float | None:
    """Find the portrait matte in a photo file's bytes.

    Returns HxW float32 in [0, 1], upright as `files.decode` gives the photo; None if the file carries none.

    Raises:
        MatteError: there is one, but damaged.
        ModuleNotFoundError: it is a HEIF file, and the extra `heif` is not installed.
    """
    label = f"{name} (embedded matte)"
    if heif.is_heif(data):
        return _of_heif(data, label)
    parts = jpeg_parts(data)
    for part in parts[1:]:
        said = part.says(_APPLE)
        kinds = said.get("AuxiliaryImageType", "") + " " + said.get("AuxiliaryImageSubType", "")
        if _PORTRAIT in kinds.lower():
            opacity = decode_matte(data[part.start : part.end], label)
            return np.ascontiguousarray(photos.UPRIGHT[parts[0].orientation](opacity))
    return None


def check_matte_shape(opacity: Float, height: int, width: int, name: str) -> None:
    """Raise MatteError if a matte has another shape than its photo of height x width px; sizes may differ."""
    if wrong := wrong_shape(opacity, height, width, "matte"):
        raise MatteError(f"{name}: {wrong}")


def matte_suffix(path: Path) -> str:
    """In which of its formats `save_matte` writes a file of this name; OutputError if in none."""
    return map_suffix(path, "a matte")


def png_type(bits: int) -> type[np.unsignedinteger]:
    """The values of a PNG with so many bits; ValueError if mattes have no such number."""
    if bits not in (8, 16):
        raise ValueError(f"a matte in a PNG has 8 or 16 bits, not {bits}")
    return np.uint8 if bits == 8 else np.uint16


def save_matte(opacity: Float, path: Path, overwrite: bool = False, bits: int = 16) -> None:
    """Write HxW opacities in [0, 1] as .png (16 bits or 8), .tif, .pfm, .exr (channel Y) or .npy (float32).

    Raises:
        ValueError: another number of bits.
        OutputError: unknown suffix, file exists, folder missing or not writable, disk full.
        ModuleNotFoundError: .exr, and the extra `exr` is not installed.
    """
    suffix = matte_suffix(path)
    check_output(path, overwrite)
    write_output(path, encode_matte(opacity, suffix, bits), overwrite)


def encode_matte(opacity: Float, suffix: str, bits: int) -> bytes:
    """A matte as the bytes of a file; see `save_matte`."""
    if suffix != ".png":
        return encode_map(np.ascontiguousarray(opacity, np.float32), 1.0, suffix, None)
    buffer = io.BytesIO()
    kind = png_type(bits)
    Image.fromarray(np.rint(opacity * np.float32(np.iinfo(kind).max)).astype(kind)).save(buffer, "PNG")
    return buffer.getvalue()


def _alpha(data: bytes, name: str) -> Any:
    """A picture's alpha, if it has one that says something; else None."""
    try:
        with photos.open_picture(data, name) as image:
            if not image.has_transparency_data:
                return None
        alpha = photos.decode(data, name).alpha
    except PhotoError:
        return None  # What is no picture may be an array, and what is damaged is said where it is read.
    return None if alpha is None or alpha.min() == np.iinfo(alpha.dtype).max else alpha


def _of_mattes(error: DepthError) -> str:
    """What is wrong with a channel, said of a matte."""
    text = str(error).replace("a map has two", "a matte has two").replace("not a map of depth", "not a matte")
    return text.replace("give a grey PNG or TIFF, an EXR or .npy file", "give a grey one, or one with transparency")


def _of_heif(data: bytes, name: str) -> Float | None:
    """Auxiliary pictures carry their own rotation, which libheif has applied."""
    try:
        image = heif.plugin().open_heif(data, convert_hdr_to_8bit=False)
        found = next((ids for kind, ids in image.info.get("aux", {}).items() if _PORTRAIT in kind.lower()), None)
        if not found:
            return None
        pixels = np.asarray(image.get_aux_image(found[0]))
    except ModuleNotFoundError:
        raise
    except Exception as error:  # libheif's own kinds, and IndexError where no picture is left.
        raise MatteError(f"{name}: damaged or cut short; give a matte of your own") from error
    return (pixels / np.float32(np.iinfo(pixels.dtype).max)).astype(np.float32)
