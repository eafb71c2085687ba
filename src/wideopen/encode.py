"""Photos to bytes. Pillow writes JPEG, WebP and 8-bit PNG; what it cannot (16-bit colour, or EXIF in a compressed
TIFF) is put together here from OpenCV's PNG and zlib.
"""

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, TiffImagePlugin

from wideopen.exif import PREFIX
from wideopen.heif import encode_heif

if TYPE_CHECKING:
    from wideopen.photo import Photo

FORMATS = {
    "JPEG": (".jpg", ".jpeg"),
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "HEIF": (".heic", ".heif", ".hif"),
}
"""Formats that are read and written, and the suffixes they go by."""
DEFAULT_QUALITY = 95
_XMP_KEY = "XML:com.adobe.xmp"


def encode(photo: "Photo", format: str, quality: int | None = None) -> bytes:
    """A file's bytes, with profile, EXIF and XMP.

    Raises:
        OSError, ValueError, OverflowError: larger than the format allows, or metadata too long for it.
    """
    if format == "TIFF":
        return _tiff(photo)
    if format == "PNG" and photo.pixels.dtype == np.uint16:
        return _deep_png(photo)
    if format == "HEIF":
        metadata = {"exif": photo.exif and PREFIX + photo.exif, "xmp": photo.xmp, "icc_profile": photo.icc}
        pixels, kept = _stack(photo, alpha=True), {key: value for key, value in metadata.items() if value}
        return encode_heif(pixels, quality or DEFAULT_QUALITY, kept)
    image = Image.fromarray(_stack(photo, alpha=format != "JPEG", eight_bits=True))
    options: dict[str, Any] = {"icc_profile": photo.icc or None, "exif": photo.exif and PREFIX + photo.exif}
    if photo.dpi is not None and format != "WEBP":
        options["dpi"] = photo.dpi
    if format == "PNG":
        if photo.xmp:
            options["pnginfo"] = PngImagePlugin.PngInfo()
            options["pnginfo"].add_itxt(_XMP_KEY, photo.xmp.decode("utf-8", "replace"))
    else:
        options["xmp"] = photo.xmp
        options.update(_quality(photo, format, quality))
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def _quality(photo: "Photo", format: str, quality: int | None) -> dict[str, Any]:
    if format == "WEBP":
        return {"quality": quality or DEFAULT_QUALITY}
    subsampling = photo.subsampling or 0
    if quality is None and photo.tables is not None:
        return {"qtables": [list(table) for table in photo.tables], "subsampling": subsampling}
    return {"quality": quality or DEFAULT_QUALITY, "subsampling": subsampling}


def _stack(photo: "Photo", alpha: bool, eight_bits: bool = False) -> NDArray[Any]:
    """HxW or HxWxC as a file holds it: one channel if grey, alpha last; laid on white where alpha has no place."""
    colour, cover = photo.pixels, photo.alpha
    if eight_bits and colour.dtype == np.uint16:
        colour = cv2.convertScaleAbs(colour, alpha=1 / 257)
        cover = None if cover is None else cv2.convertScaleAbs(cover, alpha=1 / 257)
    if cover is not None and not alpha:
        white = np.iinfo(colour.dtype).max
        share = cover[..., None].astype(np.float32) / white
        colour, cover = np.rint(colour * share + white * (1 - share)).astype(colour.dtype), None
    if photo.grey:
        single = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
        return single if cover is None else cv2.merge([single, cover])
    return colour if cover is None else cv2.merge([*cv2.split(colour), cover])


def _deep_png(photo: "Photo") -> bytes:
    """16-bit PNG: OpenCV's file with the metadata chunks put in after its header."""
    pixels = _stack(photo, alpha=True)
    if pixels.ndim == 3 and pixels.shape[2] == 2:  # OpenCV knows no grey with alpha.
        pixels = cv2.merge([pixels[..., 0]] * 3 + [pixels[..., 1]])
    elif pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA)
    done, coded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 4])
    if not done:
        raise ValueError("OpenCV could not encode it")
    chunks = b""
    if photo.icc:
        chunks += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(photo.icc))
    if photo.dpi is not None:
        chunks += _chunk(b"pHYs", struct.pack(">IIB", *(round(value / 0.0254) for value in photo.dpi), 1))
    if photo.exif:
        chunks += _chunk(b"eXIf", photo.exif)
    if photo.xmp:
        chunks += _chunk(b"iTXt", _XMP_KEY.encode() + bytes(5) + photo.xmp)
    file, header = coded.tobytes(), 8 + 25  # Signature and IHDR.
    return file[:header] + chunks + file[header:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _tiff(photo: "Photo") -> bytes:
    """One deflated strip with horizontal prediction, 8 or 16 bit; tags laid out by Pillow."""
    pixels = _stack(photo, alpha=True)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    height, width, channels = pixels.shape
    differences = np.concatenate([pixels[:, :1], np.diff(pixels, axis=1)], axis=1)
    strip = zlib.compress(differences.astype(differences.dtype.newbyteorder("<")).tobytes(), 4)
    tags = TiffImagePlugin.ImageFileDirectory_v2(ifh=b"II*\0\0\0\0\0")
    if photo.exif:
        exif = Image.Exif()
        exif.load(PREFIX + photo.exif)
        tags.update({tag: value for tag, value in exif.items() if tag not in (0x8769, 0x8825)})
        tags.update({tag: dict(exif.get_ifd(tag)) for tag in (0x8769, 0x8825) if exif.get_ifd(tag)})
    tags[256], tags[257], tags[258] = width, height, (pixels.dtype.itemsize * 8,) * channels
    tags[259], tags[262], tags[277], tags[278] = 8, (1 if photo.grey else 2), channels, height
    tags[279], tags[284], tags[317] = len(strip), 1, 2
    if photo.dpi is not None:
        tags[282], tags[283], tags[296] = *photo.dpi, 2
    if photo.alpha is not None:
        tags[338] = 2  # Not premultiplied.
    for tag, kind, value in ((34675, 7, photo.icc), (700, 1, photo.xmp)):
        if value:
            tags.tagtype[tag] = kind
            tags[tag] = value
    tags[273] = 0  # Offset of the strip, which Pillow moves behind the tags.
    file = io.BytesIO()
    tags.save(file)
    return file.getvalue() + strip
