"""Photos to bytes. Pillow writes JPEG, WebP, AVIF and 8-bit PNG; what it cannot is put together from OpenCV's files
(16-bit PNG and AVIF), libheif's (HEIF) or zlib's (TIFF).
"""

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wideopen.photo import avif, channels, exif, gain_jpeg, gdepth, iptc, xmp
from wideopen.photo.formats import motion
from wideopen.photo.formats.exr import encode_exr
from wideopen.photo.formats.jpeg_strips import encode_in_strips
from wideopen.photo.formats.jxl import encode_jxl, to_srgb
from wideopen.photo.formats.light import as_light, as_picture
from wideopen.photo.heif import encode_heif
from wideopen.photo.jpeg_parts import with_segments, xmp_segments
from wideopen.photo.tiff import ICC_TAG, XMP_TAG, encode_tiff

if TYPE_CHECKING:
    from wideopen.photo.photo import Photo

SOFTWARE = "wideopen"
"""What writes itself into the tags that name a software."""
DEFAULT_QUALITY = 95
THUMBNAIL_PX = 160
LONGEST_EXIF = 65533 - len(exif.PREFIX)
LONGEST_PACKET = 65000
"""Bytes that a segment of JPEG has room for."""
_XMP_KEY = "XML:com.adobe.xmp"


@dataclass(frozen=True)
class Codec:
    """A format that photos are written in, and what it can hold."""

    name: str
    """As Pillow has it."""
    suffixes: tuple[str, ...]
    write: "Callable[[Photo, int | None], bytes]"
    """(photo, quality) -> a file's bytes; the photo holds no light or HDR that the format has no place for."""
    bits: int
    """Of whole numbers, at most."""
    decoder: channels.Decoder = channels.Decoder()
    light: bool = False
    """Real numbers of linear light."""
    hdr: bool = False
    """Values of PQ or HLG, and what says so."""
    alpha: bool = True
    """Transparency; a photo that has it is laid on white where the format has none."""
    profile: bool = True
    """A colour profile; where there is no place for one, `write` turns the colours into sRGB."""
    metadata: bool = True
    """EXIF and XMP."""
    captions: bool = True
    """IPTC's."""
    more: bool = False
    """What only JPEG has a place for: depth and gain maps, a film, FLIR's thermal data."""
    needs: str = ""
    """The module of an extra that reads and writes it (`extras.EXTRAS`); none where Pillow or OpenCV do."""


def encode(photo: "Photo", format: str, quality: int | None = None) -> bytes:
    """A file's bytes, with profile and all metadata that the format has a place for.

    Args:
        photo: the photo.
        format: one of `FORMATS`.
        quality: 1..100 for JPEG, WebP, AVIF, HEIF and JPEG XL; if None, a JPEG's own tables, a WebP's own lack of loss,
            else 95.

    Raises OSError, ValueError, OverflowError: larger than the format allows, or metadata too long for it.
    """
    codec = FORMATS[format]
    if not (codec.light if photo.hdr is None else codec.hdr):
        photo = as_picture(photo)
    return codec.write(photo, quality)


def _signed(photo: "Photo", grey: bool, sound: bool = False) -> tuple["Photo", bytes, bytes]:
    """The photo, its EXIF and its XMP, signed.

    Args:
        grey: the format's own grey is used, which a grey profile describes; else such a profile is applied.
        sound: the format's writer takes EXIF apart: what is damaged is left out.
    """
    if photo.icc[16:20] == b"GRAY" and not grey:
        pixels = photo.pixels if photo.curve is None else photo.curve.to_srgb(photo.pixels)
        photo = replace(photo, pixels=pixels, icc=b"")
    if sound and photo.exif and not exif.is_sound(photo.exif):
        photo = replace(photo, exif=b"")
    return photo, exif.sign(photo.exif, SOFTWARE), xmp.sign(photo.xmp, SOFTWARE)


def _with_metadata(photo: "Photo", grey: bool, sound: bool = False) -> tuple["Photo", dict[str, bytes]]:
    """The same, with metadata and profile as Pillow's writers take them."""
    photo, blob, packet = _signed(photo, grey, sound)
    found = {"exif": blob and exif.PREFIX + blob, "xmp": packet, "icc_profile": photo.icc}
    return photo, {key: value for key, value in found.items() if value}


def _tiff(photo: "Photo", quality: int | None) -> bytes:
    photo = _with_room(photo)
    photo, blob, packet = _signed(photo, photo.grey, sound=True)
    profiles = {
        ICC_TAG: photo.icc,
        XMP_TAG: packet,
        iptc.IPTC_TAG: iptc.captions(photo.resources),
        iptc.RESOURCES_TAG: iptc.without_captions(photo.resources),
    }
    return encode_tiff(np.atleast_3d(_stack(photo, alpha=True)), photo.grey, blob, photo.dpi, profiles)


def _exr(photo: "Photo", quality: int | None) -> bytes:
    return encode_exr(as_light(photo))


def _heif(photo: "Photo", quality: int | None) -> bytes:
    photo, metadata = _with_metadata(photo, photo.grey)
    film, packet = photo.film, metadata.get("xmp", b"")
    if film:
        metadata["xmp"] = motion.announced(packet, film, photo.film_us, motion.BOX_HEAD, "image/heic")
    coded = encode_heif(_stack(photo, alpha=True), quality or DEFAULT_QUALITY, metadata, photo.subsampling, photo.hdr)
    return coded + motion.heif_film(film) if film else coded


def _avif(photo: "Photo", quality: int | None) -> bytes:
    photo, metadata = _with_metadata(photo, grey=False, sound=True)
    quality = quality or DEFAULT_QUALITY
    if photo.pixels.dtype == np.uint16 or photo.hdr is not None:
        stack = _stack(photo, alpha=True)
        stack = stack if stack.dtype == np.uint16 else stack.astype(np.uint16) * np.uint16(257)
        return avif.encode_deep(stack, quality, metadata, photo.hdr)
    subsampling = ("4:4:4", "4:2:2", "4:2:0")[photo.subsampling or 0]
    options = {"quality": quality, "subsampling": subsampling, **metadata}
    return _by_pillow(_stack(photo, alpha=True, eight_bits=True), "AVIF", options)


def _webp(photo: "Photo", quality: int | None) -> bytes:
    photo, metadata = _with_metadata(photo, grey=False)
    as_it_was = photo.lossless and quality is None
    how = {"lossless": True, "exact": True} if as_it_was else {"quality": quality or DEFAULT_QUALITY}
    return _by_pillow(_stack(photo, alpha=True, eight_bits=True), "WEBP", {**how, **metadata})


def _jxl(photo: "Photo", quality: int | None) -> bytes:
    photo, metadata = _with_metadata(photo, grey=False)
    pixels = _stack(photo, alpha=True, eight_bits=True)
    if (icc := metadata.pop("icc_profile", None)) and not photo.grey:
        pixels[..., :3] = to_srgb(np.ascontiguousarray(pixels[..., :3]), icc)
    return encode_jxl(pixels, quality or DEFAULT_QUALITY, metadata)


def losses(photo: "Photo", format: str) -> tuple[str, ...]:
    """What of a photo the format has no place for, each to follow the photo's name."""
    found, codec = [], FORMATS[format]
    if photo.gain is not None and not codec.more:
        found.append(f"its HDR gain map has no place in {format}, which gets the SDR picture; write .jpg to keep HDR")
    film = photo.film if format != "HEIF" else b""
    only_in_jpeg = {"depth map": photo.depth, "thermal data (FLIR)": photo.thermal, "film": film}
    for name, content in only_in_jpeg.items():
        if content and not codec.more:
            found.append(f"its {name} has no place in {format}; write .jpg to keep it")
    if photo.pixels.dtype == np.float32 and not codec.light:
        found.append(f"is linear light: clipped to black and white in {format}; write .tif or .exr to keep it")
    if photo.hdr is not None and not codec.hdr:
        found.append(f"is HDR: clipped at white in {format}; write .png, .avif, .heic or .exr to keep it")
    if (photo.exif or photo.xmp or photo.resources or photo.icc) and not codec.metadata:
        found.append(f"its EXIF, XMP, captions and profile have no place in {format}")
    if photo.icc and codec.metadata and not codec.profile:
        found.append(f"{format} is written without a profile: its colours are converted to sRGB")
    if photo.alpha is not None and not codec.alpha:
        found.append(f"{format} has no transparency: it is laid on white")
    if photo.pixels.dtype == np.uint16 and format != photo.format and codec.bits < 16:
        found.append(f"{format} keeps {codec.bits} bits; write .tif or .png to keep all")
    if iptc.captions(photo.resources) and codec.metadata and not codec.captions:
        found.append(f"its IPTC captions have no place in {format}")
    return tuple(found)


def _by_pillow(pixels: NDArray[Any], format: str, options: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def _jpeg(photo: "Photo", quality: int | None) -> bytes:
    photo, blob, packet = _signed(photo, photo.grey)
    pixels = _stack(photo, alpha=False, eight_bits=True)
    if len(blob) > LONGEST_EXIF:
        shorter = exif.without_maker_note(photo.exif)
        photo, blob = replace(photo, exif=shorter), exif.sign(shorter, SOFTWARE) or blob
    if photo.thumbnail:
        smaller = exif.sign(photo.exif, SOFTWARE, _thumbnail(pixels))
        blob = smaller if len(smaller) <= LONGEST_EXIF else blob
    options: dict[str, Any] = {"icc_profile": photo.icc or None, "exif": blob and exif.PREFIX + blob}
    if photo.dpi is not None:
        options["dpi"] = photo.dpi
    if photo.comment:
        options["comment"] = photo.comment
    options.update(_quality(photo, quality), progressive=photo.progressive)
    coded = (
        encode_in_strips(pixels, options) if pixels.size > 3 * channels.LARGE else _by_pillow(pixels, "JPEG", options)
    )
    extension = photo.xmp_more
    if photo.depth is not None:
        packet, extension = gdepth.depth_packets(photo.depth, packet, extension)
    gain = None if photo.gain is None else gain_jpeg.encode_gain_map(photo.gain, photo.exif)
    more = (0 if gain is None else gain_jpeg.ANNOUNCEMENT) + (motion.ANNOUNCEMENT if photo.film else 0)
    if len(packet) > LONGEST_PACKET - more and not extension:
        packet, extension = b"", xmp.unwrapped(packet)
    if extension:
        packet = gdepth.linked(packet, extension)
    if gain is not None:
        packet = gain_jpeg.announced(packet, *gain)
    if photo.film:
        packet = motion.announced(packet, photo.film, photo.film_us, 0 if gain is None else len(gain[0]))
    segments = xmp_segments(packet, extension, xmp.extension_guid(extension))
    segments += [(1, body) for body in photo.thermal]
    for start in range(0, len(photo.resources), LONGEST_PACKET):
        segments.append((13, iptc.APP13 + photo.resources[start : start + LONGEST_PACKET]))
    coded = with_segments(coded, segments)
    return (coded if gain is None else gain_jpeg.with_gain_map(coded, *gain)) + photo.film


def _quality(photo: "Photo", quality: int | None) -> dict[str, Any]:
    subsampling = photo.subsampling or 0
    if quality is None and photo.tables is not None:
        return {"qtables": [list(table) for table in photo.tables], "subsampling": subsampling}
    return {"quality": quality or DEFAULT_QUALITY, "subsampling": subsampling}


def _thumbnail(pixels: NDArray[Any]) -> bytes:
    scale = THUMBNAIL_PX / max(pixels.shape[:2])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return _by_pillow(small, "JPEG", {"quality": 80})


def _with_room(photo: "Photo") -> "Photo":
    """In colour, if it is grey of 16 bits with alpha: OpenCV writes none as PNG, and Pillow reads none from a TIFF."""
    return replace(photo, grey=photo.grey and (photo.alpha is None or photo.pixels.dtype != np.uint16))


def _stack(photo: "Photo", alpha: bool, eight_bits: bool = False) -> NDArray[Any]:
    """HxW or HxWxC as a file holds it: one channel if grey, alpha last; laid on white where alpha has no place."""
    if photo.pixels.dtype == np.float32:
        light = photo.pixels.astype(np.float16 if photo.half else np.float32)
        return light[..., 0] if photo.grey else light
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


def _png(photo: "Photo", quality: int | None) -> bytes:
    """A plain PNG with the metadata chunks put in after its header."""
    photo = _with_room(photo)
    photo, blob, packet = _signed(photo, photo.grey)
    pixels = _stack(photo, alpha=True)
    file = _deep_png(pixels) if pixels.dtype == np.uint16 else _by_pillow(pixels, "PNG", {})
    chunks = photo.chunks
    if photo.hdr is not None and b"cICP" not in chunks:
        chunks += _chunk(b"cICP", bytes([*photo.hdr, 0, 1]))
    if photo.icc:
        chunks += _chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(photo.icc))
    if photo.dpi is not None:
        chunks += _chunk(b"pHYs", struct.pack(">IIB", *(round(value / 0.0254) for value in photo.dpi), 1))
    if blob:
        chunks += _chunk(b"eXIf", blob)
    if packet:
        chunks += _chunk(b"iTXt", _XMP_KEY.encode() + bytes(5) + packet)
    texts = list(photo.text)
    captions = iptc.captions(photo.resources)
    if captions:
        texts.append(iptc.raw_profile(captions))
    if photo.comment and "Comment" not in dict(photo.text):
        texts.append(("Comment", photo.comment.decode("utf-8", "replace")))
    for key, value in texts:
        chunks += _text_chunk(key, SOFTWARE if key == "Software" else value)
    header = 8 + 25  # Signature and IHDR.
    return file[:header] + chunks + file[header:]


def _deep_png(pixels: NDArray[Any]) -> bytes:
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA)
    done, coded = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 4])
    if not done:
        raise ValueError("OpenCV could not encode it")
    return coded.tobytes()


def _text_chunk(key: str, value: str) -> bytes:
    """Compressed; Latin-1 where it can be, as the oldest readers want it."""
    name = key.encode("latin-1", "replace")[:79] + b"\0"
    try:
        return _chunk(b"zTXt", name + b"\0" + zlib.compress(value.encode("latin-1")))
    except UnicodeEncodeError:
        return _chunk(b"iTXt", name + b"\1\0\0\0" + zlib.compress(value.encode("utf-8", "replace")))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


FORMATS = {
    codec.name: codec
    for codec in (
        Codec("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), _jpeg, 8, channels.JpegDecoder(), alpha=False, more=True),
        Codec("PNG", (".png",), _png, 16, channels.PngDecoder(), hdr=True),
        Codec("TIFF", (".tif", ".tiff"), _tiff, 16, channels.TiffDecoder(), light=True),
        Codec("WEBP", (".webp",), _webp, 8, captions=False),
        Codec("AVIF", (".avif",), _avif, 10, channels.AvifDecoder(), hdr=True, captions=False),
        Codec(
            "HEIF", (".heic", ".heif", ".hif"), _heif, 10, channels.HeifDecoder(), hdr=True, captions=False,
            needs="pillow_heif",
        ),
        Codec(
            "EXR", (".exr",), _exr, 16, light=True, hdr=True, alpha=False, profile=False, metadata=False,
            needs="OpenEXR",
        ),
        Codec("JXL", (".jxl",), _jxl, 8, channels.JxlDecoder(), profile=False, captions=False, needs="pillow_jxl"),
    )
}  # fmt: skip
"""Formats that are written, and read, by their names."""
SUFFIXES = {suffix: codec.name for codec in FORMATS.values() for suffix in codec.suffixes}
"""What files are called in them."""
