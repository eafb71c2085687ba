"""The depth map that a phone puts into its portrait photos.

    HEIC    an auxiliary picture of the type depth (ISO/IEC 23008-12), read by pillow-heif
    JPEG    `GDepth`: a picture in the XMP (Google, https://developers.google.com/depthmap-metadata)
            Dynamic Depth 1.0: a picture appended to the file, listed in the XMP (Google, Android)
            a further picture of the file whose own XMP says `disparity` or `depth` (Apple)
            bytes at the file's end (Samsung, Huawei: `formats/phone_depth.py`)

Maps keep what the file knows: real zero (infinity) where a range is given, and metres where it also says that they
are metres. Otherwise they are stretched like any map without a scale.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import numpy as np

from wideopen._types import Float
from wideopen.errors import DepthError
from wideopen.photo import heif
from wideopen.photo.depth import from_disparity, from_distance
from wideopen.photo.depth_file import read_map
from wideopen.photo.depth_map import DepthMap
from wideopen.photo.files import UPRIGHT
from wideopen.photo.formats.phone_depth import phone_depth
from wideopen.photo.jpeg_parts import JpegPart, jpeg_parts, properties

_GDEPTH = "http://ns.google.com/photos/1.0/depthmap/"
_DYNAMIC = "http://ns.google.com/photos/dd/1.0/depthmap/"
_CONTAINERS = ("http://ns.google.com/photos/dd/1.0/container/", "http://ns.google.com/photos/1.0/container/")
_APPLE, _APPLE_DEPTH = "http://ns.apple.com/pixeldatainfo/1.0/", "http://ns.apple.com/depthData/1.0/"
_METRES = {"m": 1.0, "meters": 1.0, "mm": 0.001}


def embedded_depth(data: bytes, name: str = "photo") -> DepthMap | None:
    """Find the depth map in a photo file's bytes.

    Returns the map, upright as `files.decode` gives the photo; None if the file carries none.

    Raises:
        DepthError: there is one, but damaged or constant.
        ModuleNotFoundError: it is a HEIF file, and the extra `heif` is not installed.
    """
    label = f"{name} (embedded depth)"
    if heif.is_heif(data):
        return _of_heif(data, label)
    parts = jpeg_parts(data)
    if not parts:
        return None
    found = _of_gdepth(parts[0], label) or _of_dynamic_depth(data, parts[0], label) or _of_apple(data, parts, label)
    if found is None:
        return _of_phone(data, parts[0].orientation, label)
    return DepthMap(np.ascontiguousarray(UPRIGHT[parts[0].orientation](found.disparity)), found.metric)


@dataclass(frozen=True)
class _Range:
    """What the darkest and the brightest value of a map stand for."""

    dark: float | None
    bright: float | None
    inverse: bool
    """Values are spread evenly over 1/distance, and not over distance."""
    bright_is_near: bool
    unit_m: float | None = None
    """Metres of one unit of distance, if known."""


def _scaled(shares: Float, scale: _Range, name: str) -> DepthMap:
    """A map of shares in [0, 1] as the range says. With no usable range it is stretched."""
    dark, bright = scale.dark, scale.bright
    if dark is None or bright is None or not (0 <= min(dark, bright) < max(dark, bright) < float("inf")):
        return from_disparity(shares, name, invert=not scale.bright_is_near)
    values = dark + shares.astype(np.float64) * (bright - dark)
    if not scale.inverse:
        return from_distance(values, name, scale.unit_m)
    with np.errstate(divide="ignore"):
        return from_distance(1 / values, name, scale.unit_m)


def _of_heif(data: bytes, name: str) -> DepthMap | None:
    """Auxiliary pictures carry their own rotation, which libheif has applied."""
    try:
        image = heif.plugin().open_heif(data, convert_hdr_to_8bit=False)
        pictures = image.info.get("depth_images") or []
        if not pictures:
            return None
        pixels = np.asarray(pictures[0])
        said = pictures[0].info.get("metadata") or {}
    except ModuleNotFoundError:
        raise
    except Exception as error:  # libheif's own kinds, and IndexError where no picture is left.
        raise DepthError(f"{name}: damaged or cut short; give a map of your own") from error
    shares = pixels / np.float32(np.iinfo(pixels.dtype).max)
    kind = said.get("representation_type", 1)
    # Rec. ITU-T H.265 G.14.2.3 names no unit of length, nor one of disparity: ratios are all there is.
    if kind == 0:
        far, near = (_positive(said.get(key)) for key in ("z_far", "z_near"))
        scale = _Range(far and 1 / far, near and 1 / near, inverse=True, bright_is_near=True)
    elif kind == 2:
        scale = _Range(said.get("z_near"), said.get("z_far"), inverse=False, bright_is_near=False)
    else:
        scale = _Range(said.get("d_min"), said.get("d_max"), inverse=True, bright_is_near=True)
    return _scaled(shares, scale, name)


def _of_gdepth(photo: JpegPart, name: str) -> DepthMap | None:
    said = photo.says(_GDEPTH)
    if "Data" not in said:
        return None
    try:
        picture = base64.b64decode("".join(said["Data"].split()) + "==")
    except (binascii.Error, ValueError) as error:
        raise DepthError(f"{name}: damaged; give a map of your own") from error
    return _scaled(_shares(picture, name), _google_range(said), name)


def _of_dynamic_depth(data: bytes, photo: JpegPart, name: str) -> DepthMap | None:
    for packet in photo.packets:
        said = properties(packet, _DYNAMIC)
        items = [
            _item(element)
            for element in packet.iter()
            if element.tag in {f"{{{container}}}Item" for container in _CONTAINERS}
        ]
        uri = said.get("DepthURI")
        for index, item in enumerate(items):
            is_depth = item.get("DataURI") == uri if uri else item.get("Semantic", "").lower() == "depth"
            if index and is_depth:
                picture = _appended(data, photo.end, items, index)
                # An editor may have dropped what was appended and kept the XMP.
                return None if picture is None else _scaled(_shares(picture, name), _google_range(said), name)
    return None


def _item(element: Any) -> dict[str, str]:
    """An item's properties by their bare names."""
    found: dict[str, str] = {}
    for each in element.iter():
        pairs = [*each.attrib.items(), (each.tag, (each.text or "").strip())]
        found.update({key.rpartition("}")[2]: value for key, value in pairs if value})
    return found


def _appended(data: bytes, end: int, items: list[dict[str, str]], index: int) -> bytes | None:
    """One of the files that follow the photo, found from its end on, or else from the end of the data back."""
    try:
        lengths = [int(item.get("Length", 0)) + int(item.get("Padding", 0)) for item in items]
        length, first = int(items[index].get("Length", 0)), int(items[0].get("Padding", 0))
    except ValueError:
        return None
    forward, backward = end + first + sum(lengths[1:index]), len(data) - sum(lengths[index:])
    for start in (forward, backward):
        picture = data[max(start, 0) : max(start, 0) + length]
        if len(picture) == length and picture.startswith((b"\xff\xd8\xff", b"\x89PNG")):
            return picture
    return None


def _google_range(said: dict[str, str]) -> _Range:
    """Dark is near in both formats. Lengths without a stated unit are taken to have none: early cameras wrote such."""
    near, far = _number(said.get("Near")), _number(said.get("Far"))
    units = said.get("Units", "").lower()
    if units == "diopters":  # Whether near and far are then lengths is not said.
        near = far = None
    if said.get("Format", "RangeInverse") == "RangeLinear":
        return _Range(near, far, inverse=False, bright_is_near=False, unit_m=_METRES.get(units))
    near, far = _positive(near), _positive(far)
    return _Range(near and 1 / near, far and 1 / far, inverse=True, bright_is_near=False, unit_m=_METRES.get(units))


def _of_apple(data: bytes, parts: list[JpegPart], name: str) -> DepthMap | None:
    for part in parts[1:]:
        said = part.says(_APPLE)
        kind = said.get("AuxiliaryImageType")
        # Mattes of the subject are filed under `depth` too, with a subtype.
        if kind not in ("disparity", "depth") or "matte" in said.get("AuxiliaryImageSubType", ""):
            continue
        low, high = _number(said.get("FloatMinValue")), _number(said.get("FloatMaxValue"))
        # Two cameras alone know what is nearer, not how far it is.
        metric = part.says(_APPLE_DEPTH).get("Accuracy") == "absolute"
        nearer = kind == "disparity"
        scale = _Range(low, high, inverse=nearer, bright_is_near=nearer, unit_m=1.0 if metric else None)
        return _scaled(_shares(data[part.start : part.end], name), scale, name)
    return None


def _of_phone(data: bytes, orientation: int, name: str) -> DepthMap | None:
    found = phone_depth(data)
    if found is None:
        return None
    shares = found.codes.astype(np.float32) / np.float32(255)
    return from_disparity(np.ascontiguousarray(UPRIGHT[found.turn or orientation](shares)), name, invert=True)


def _shares(picture: bytes, name: str) -> Float:
    raw = read_map(picture, name)
    return raw.values if raw.full_scale is None else raw.values / np.float32(raw.full_scale)


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None
