"""Files of depth maps to and from one channel of numbers, whatever they mean: that is `photo/depth.py`'s business."""

import io
import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from wideopen._types import Float
from wideopen.errors import DepthError, PhotoError
from wideopen.photo import files as photos
from wideopen.photo.formats import exr
from wideopen.quiet import quietly

_NPY = b"\x93NUMPY"
_PFM = (b"Pf\n", b"PF\n", b"Pf\r\n", b"PF\r\n", b"Pf ", b"PF ")
_PFM_HEADER = re.compile(rb"(P[Ff])\s+(\d{1,9})\s+(\d{1,9})\s+([-+]?[\d.]+(?:[eE][-+]?\d+)?)(?:\r\n|\s)")
_NOTE = "wideopen"
_DESCRIPTION = 270
"""TIFF's ImageDescription."""
_SAMPLE_FORMAT = 339
_GREY = 2 / 255
"""Channels that differ by no more, of 1, are one grey: JPEG rounds."""


@dataclass(frozen=True, eq=False)
class Raw:
    """What a file holds."""

    values: Float
    """HxW numbers, float32 or float64."""
    full_scale: float | None = None
    """The type's largest value, 255 or 65535 for pictures; None for files that hold real numbers."""
    note: dict[str, Any] | None = None
    """What `encode_map` was told to note."""


def read_map(data: bytes, name: str) -> Raw:
    """Read PNG, TIFF, JPEG, WebP, PFM, EXR or .npy bytes.

    Raises:
        DepthError: one line, opened by `name`.
        ModuleNotFoundError: EXR, and OpenEXR is not installed.
    """
    if not data:
        raise DepthError(f"{name}: is empty (0 bytes); get a whole copy")
    if data.startswith(_NPY):
        return _numpy(data, name)
    if exr.is_exr(data):
        return _exr(data, name)
    if data.startswith(_PFM):
        try:
            return Raw(check_channel(_decode_pfm(data), name))
        except ValueError as error:
            raise DepthError(f"{name}: damaged or cut short ({error}); get a whole copy") from error
    try:
        return _picture(data, name)
    except PhotoError as error:
        raise DepthError(str(error).replace(" photo, or", " picture, or")) from error


def check_channel(values: Float, name: str) -> Float:
    """HxW real numbers as float32 (float64 where that would round them); DepthError for anything else or NaN."""
    if values.dtype.kind not in "buif":
        raise DepthError(f"{name}: holds {values.dtype}, not real numbers; save it as float32")
    if values.ndim == 3:
        values = _one_channel(values, name)
    if values.ndim != 2:
        raise DepthError(f"{name}: has {values.ndim} dimensions {values.shape}; a map has two, height and width")
    if values.size == 0:
        raise DepthError(f"{name}: has no pixels {values.shape}")
    if values.size > photos.MAX_PIXELS:
        limit = photos.MAX_PIXELS // 10**6
        raise DepthError(f"{name}: {values.shape[1]}x{values.shape[0]} px is more than {limit} megapixels; too large")
    exact = values.dtype.itemsize <= 2 or values.dtype == np.float32
    values = values.astype(np.float32 if exact else np.float64, copy=False)
    if np.isnan(values).any():
        raise DepthError(f"{name}: has NaN in {np.isnan(values).mean():.2%} of its pixels; fill them first")
    return values


def encode_map(disparity: Float, white: float, suffix: str, note: str | None) -> bytes:
    """HxW float32 as a file's bytes: .png holds round(65535 * disparity / white), all others the numbers.

    `note`: put into files that have a place for it; none if None.
    """
    buffer = io.BytesIO()
    if suffix == ".npy":
        np.save(buffer, disparity)
    elif suffix == ".pfm":
        return _encode_pfm(disparity)
    elif suffix == ".exr":
        import OpenEXR  # type: ignore[import-not-found, unused-ignore]

        header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
        if note is not None:
            header[_NOTE] = note
        OpenEXR.File(header, {"Y": disparity}).write(buffer)
    elif suffix == ".png":
        info = PngImagePlugin.PngInfo()
        if note is not None:
            info.add_text(_NOTE, note)
        steps = np.rint(disparity * (65535 / white) if white else disparity).clip(0, 65535)
        Image.fromarray(steps.astype(np.uint16)).save(buffer, "PNG", pnginfo=info)
    else:
        tags = {} if note is None else {_DESCRIPTION: note}
        Image.fromarray(disparity).save(buffer, "TIFF", compression="tiff_adobe_deflate", tiffinfo=tags)
    return buffer.getvalue()


def _numpy(data: bytes, name: str) -> Raw:
    try:
        values = np.load(io.BytesIO(data), allow_pickle=False)
    except Exception as error:  # Its header is parsed as Python, so that damage can raise anything.
        if "allow_pickle" in str(error) or "Object arrays" in str(error):
            raise DepthError(f"{name}: holds Python objects, not real numbers; save it as float32") from None
        raise DepthError(f"{name}: damaged or cut short; get a whole copy") from error
    whole = float(np.iinfo(values.dtype).max) if values.dtype.kind in "ui" else None
    return Raw(check_channel(values, name), whole)


def _decode_pfm(data: bytes) -> Float:
    """HxW or HxWx3 float32 of a PFM file (Debevec's Portable FloatMap): a text header, then rows, the lowest one first.

    Raises ValueError: damaged, cut short, or of more than `files.MAX_PIXELS`.
    """
    found = _PFM_HEADER.match(data)
    if found is None or float(found[4]) == 0:
        raise ValueError("its header is no PFM's")
    width, height, channels = int(found[2]), int(found[3]), 3 if found[1] == b"PF" else 1
    if not 0 < width * height <= photos.MAX_PIXELS:
        raise ValueError(f"{width}x{height} px is not a size that can be read")
    kind = np.dtype("<f4" if float(found[4]) < 0 else ">f4")
    wanted = width * height * channels * kind.itemsize
    if len(data) - found.end() < wanted:
        raise ValueError(f"{len(data) - found.end()} of {wanted} bytes are there")
    values = np.frombuffer(data, kind, width * height * channels, found.end()).astype(np.float32)
    shape = (height, width) if channels == 1 else (height, width, 3)
    return np.ascontiguousarray(values.reshape(shape)[::-1])


def _encode_pfm(values: Float) -> bytes:
    """HxW float32 as the bytes of a little-endian PFM file, which a scale below 0 says."""
    height, width = values.shape
    return f"Pf\n{width} {height}\n-1.0\n".encode() + values[::-1].astype("<f4").tobytes()


def _exr(data: bytes, name: str) -> Raw:
    import OpenEXR

    try:
        width, height = exr.size(data)
        if width * height > photos.MAX_PIXELS:
            limit = photos.MAX_PIXELS // 10**6
            raise DepthError(f"{name}: {width}x{height} px is more than {limit} megapixels; too large")
        file = OpenEXR.File(io.BytesIO(data), separate_channels=True)
        found = {channel: part.pixels for channel, part in file.channels().items()}
        note = _parse_note(file.header().get(_NOTE))
    except DepthError:
        raise
    except Exception as error:  # The library raises RuntimeError, ValueError and types of its own.
        raise DepthError(f"{name}: damaged or cut short; get a whole copy") from error
    if not found:
        raise DepthError(f"{name}: has no channels; save the depth as channel Z or Y")
    by_kind = {channel.rpartition(".")[2]: channel for channel in reversed(list(found))}  # Programs prefix a layer.
    kind = next((kind for kind in ("Z", "Y", "R") if kind in by_kind), None)
    if kind == "R" and {"G", "B"} <= set(by_kind):
        return Raw(check_channel(np.dstack([found[by_kind[each]] for each in "RGB"]), name), note=note)
    channel = next(iter(found)) if kind is None else by_kind[kind]
    return Raw(check_channel(found[channel], name), note=note)


def _picture(data: bytes, name: str) -> Raw:
    try:
        image = photos.open_picture(data, name)
    except PhotoError as error:
        if data[:4] in (b"II*\0", b"MM\0*") and isinstance(error.__context__, UnidentifiedImageError):
            raise DepthError(f"{name}: this kind of TIFF cannot be read; save it as 32-bit float") from None
        raise
    with image:
        tags = _tags(image)
        note = _parse_note(image.info.get(_NOTE) if image.format == "PNG" else tags.get(_DESCRIPTION))
        # 32 bits per pixel, which a photo cannot have; 16-bit files that Pillow widens to mode I are not among them.
        wide = image.mode == "F" or (
            image.mode == "I" and not any(";16" in str(tile[3]) for tile in getattr(image, "tile", []))
        )
        if wide:
            try:
                with quietly():
                    image.load()
                values = np.asarray(image)
                unsigned = values.dtype == np.int32 and tags.get(_SAMPLE_FORMAT) in (None, 1)
                return Raw(check_channel(values.view(np.uint32) if unsigned else values, name), note=note)
            except DepthError:
                raise
            except Exception as error:  # Decoders raise anything on damaged files.
                raise DepthError(f"{name}: damaged or cut short; get a whole copy") from error
    decoded = photos.decode(data, name)
    pixels = decoded.pixels[..., 0] if decoded.grey else decoded.pixels
    return Raw(check_channel(pixels, name), float(np.iinfo(pixels.dtype).max), note)


def _tags(image: Image.Image) -> dict[int, Any]:
    """A TIFF's tags that matter here; what is odd about others shows when the pixels are read."""
    if image.format != "TIFF":
        return {}
    with quietly():
        found = image.getexif()
        return {tag: found.get(tag) for tag in (_DESCRIPTION, _SAMPLE_FORMAT)}


def _parse_note(text: Any) -> dict[str, Any] | None:
    """The note of `encode_map`; None for any other text."""
    if not isinstance(text, str) or not text.startswith('{"wideopen"'):
        return None
    try:
        note = json.loads(text)
    except ValueError:
        return None
    return note if isinstance(note, dict) and note.get("wideopen") == "disparity" else None


def _one_channel(values: Float, name: str) -> Float:
    """HxWx1, 1xHxW, or HxWx3 with three equal channels (alpha left aside) as HxW."""
    if 1 in (values.shape[0], values.shape[2]):
        return values[0] if values.shape[0] == 1 and values.shape[2] != 1 else values[..., 0]
    if values.shape[2] not in (3, 4):
        return values
    colour = values[..., :3]
    largest = float(np.iinfo(values.dtype).max) if values.dtype.kind in "ui" else float(np.abs(colour).max(initial=0))
    # Of 8 bits, and JPEG's rounding: what is meant to be grey may be two steps off.
    if (colour.max(axis=2).astype(float) - colour.min(axis=2)).max(initial=0) <= _GREY * largest:
        return values[..., 1]
    raise DepthError(f"{name}: is a colour picture, not a map of depth; give a grey PNG or TIFF, an EXR or .npy file")
