"""Depth maps as data: read from the files that other programs write, and written so that they read back the same.

Inside the package depth is disparity (1/distance), in which the blur of a lens is linear. Most maps have no scale:
all that they say is what is nearer, and they are kept in [0, 1].
"""

import json
from pathlib import Path

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.atomic_write import check_output, write_output
from wideopen.errors import DepthError, OutputError
from wideopen.image.inpaint import fill
from wideopen.options import DepthKind
from wideopen.photo.depth_file import Raw, check_channel, encode_map, read_map
from wideopen.photo.depth_map import DepthMap
from wideopen.photo.files import read_bytes

OUTLIERS = 0.1
"""Per cent of a map's pixels at either end that do not decide how it is stretched."""
SHAPE_TOLERANCE = 0.03
"""By how much the aspect ratios of a map and its photo may differ."""


def load_depth(
    path: Path, kind: DepthKind = "disparity", invert: bool = False, unit_m: float | None = None
) -> DepthMap:
    """Read a grey PNG, TIFF, JPEG or WebP picture, a float TIFF, PFM, an EXR file (channel Z, Y or R), or .npy.

    Args:
        path: the file. One that `save_depth` wrote says itself what its values are (.npy and .pfm excepted).
        kind: `disparity`: larger is nearer. `distance`: larger is farther, infinity is allowed, and 0 stands for
            unknown, as depth cameras have it; what is unknown is filled in from around.
        invert: the map is the other way round (nearer and farther swapped). Not for maps with a unit.
        unit_m: metres for one unit of the file's distances (0.001 for millimetres), or one over that unit for its
            disparities; the map is metric then. If None the map has no scale: disparity is stretched so that all
            but its outliers (`OUTLIERS`) fill [0, 1], and distance becomes (nearest distance) / distance.

    Raises:
        DepthError: it cannot be read, or is no map: colours, NaN, negative or constant values, another number of
            dimensions, more than `files.MAX_PIXELS` px.
        ModuleNotFoundError: an EXR file, and the extra `exr` is not installed.
    """
    return decode_depth(read_bytes(path, DepthError), str(path), kind, invert, unit_m)


def decode_depth(
    data: bytes, name: str, kind: DepthKind = "disparity", invert: bool = False, unit_m: float | None = None
) -> DepthMap:
    """`load_depth` for a file's bytes; `name` opens every error message."""
    if unit_m is not None and not 0 < unit_m < float("inf"):
        raise DepthError(f"{name}: a unit of {unit_m} m makes no sense; give metres above 0")
    raw = read_map(data, name)
    if raw.note is not None:
        return _noted(raw, name, kind, invert)
    if invert and unit_m is not None:
        raise DepthError(f"{name}: a map with a unit cannot be inverted; leave one of the two away")
    if kind == "distance":
        return from_distance(raw.values, name, unit_m, invert)
    return from_disparity(raw.values, name, unit_m, invert)


def from_disparity(values: Float, name: str, unit_m: float | None = None, invert: bool = False) -> DepthMap:
    """A depth map of HxW disparities of any range; see `load_depth` for the rules and errors."""
    values = check_channel(values, name)
    if not np.isfinite(values).all():
        raise DepthError(f"{name}: has infinite disparity, which means a distance of 0; is it a map of distance?")
    low, high = _ends(values, name)
    if unit_m is not None:
        _no_negative(values, name)
        return DepthMap((values / unit_m).astype(np.float32), metric=True)
    stretched = ((values - low) / (high - low)).clip(0, 1).astype(np.float32)
    return DepthMap(1 - stretched if invert else stretched, metric=False)


def from_distance(values: Float, name: str, unit_m: float | None = None, invert: bool = False) -> DepthMap:
    """A depth map of HxW distances of any range; see `load_depth` for the rules and errors."""
    values = check_channel(values, name)
    _no_negative(values, name)
    known = values > 0
    finite = known & np.isfinite(values)
    if not finite.any():
        raise DepthError(f"{name}: every distance is 0 or infinite, which means unknown; give a map with distances")
    near, far = _ends(values[finite], name, may_be_constant=bool((known & ~finite).any()))
    if invert:
        values = np.where(finite, np.clip(near + far - values, near, far), values)
    unit = near if unit_m is None else 1 / unit_m
    with np.errstate(divide="ignore"):
        disparity = np.where(known, unit / values, 0).astype(np.float32)
    if unit_m is None:
        disparity = np.minimum(disparity, 1)
    if not known.all():
        filled = fill(cv2.merge([disparity] * 3), known.astype(np.float32))[..., 0]
        disparity = np.where(known, disparity, np.maximum(filled, 0))
    return DepthMap(np.ascontiguousarray(disparity), metric=unit_m is not None)


def check_shape(depth: DepthMap, height: int, width: int, name: str) -> None:
    """Raise DepthError if a map has another shape than its photo of height x width px; sizes may differ."""
    if wrong := wrong_shape(depth.disparity, height, width, "map"):
        raise DepthError(f"{name}: {wrong}")


def wrong_shape(plane: Float, height: int, width: int, what: str) -> str:
    """What is wrong with the shape of a map or matte of a photo of height x width px; nothing if it fits."""
    rows, columns = plane.shape
    if same_shape(rows, columns, height, width):
        return ""
    turned = same_shape(columns, rows, height, width)
    advice = f"turn the {what} by 90 degrees" if turned else f"give the {what} of this photo, not cropped"
    return f"is {columns}x{rows} px, another shape than the photo's {width}x{height}; {advice}"


def map_suffix(path: Path, what: str = "depth") -> str:
    """In which of its formats `save_depth` writes a file of this name; OutputError if in none."""
    suffix = path.suffix.lower()
    if suffix not in (".png", ".tif", ".tiff", ".pfm", ".exr", ".npy"):
        raise OutputError(f"{path}: {what} cannot be written as {suffix or 'this'}; use .png, .tif, .pfm, .exr or .npy")
    return suffix


def save_depth(depth: DepthMap, path: Path, overwrite: bool = False) -> None:
    """Write a map as disparity: .png (16 bit), .tif (float32), .exr (float32, channel Y), .pfm or .npy.

    A note in the file (PNG text, TIFF description, EXR attribute) says whether it is metric, and `load_depth` then
    gives the same map: exactly, but for the 65535 steps of a PNG. PFM and .npy files have no place for a note: metric
    maps come back with `unit_m=1`, others are stretched again if they did not fill [0, 1].

    Raises:
        OutputError: unknown suffix, file exists, folder missing or not writable, disk full.
        ModuleNotFoundError: .exr, and the extra `exr` is not installed.
    """
    check_output(path, overwrite)
    write_output(path, depth_bytes(depth, path), overwrite)


def depth_bytes(depth: DepthMap, path: Path) -> bytes:
    """What `save_depth` writes into a file of that name."""
    suffix = map_suffix(path)
    disparity = np.ascontiguousarray(depth.disparity, np.float32)
    white = float(disparity.max()) if depth.metric else 1.0
    note = json.dumps({"wideopen": "disparity", "metric": depth.metric, "white": white})
    return encode_map(disparity, white, suffix, note)


def _noted(raw: Raw, name: str, kind: DepthKind, invert: bool) -> DepthMap:
    """A map that `save_depth` wrote."""
    assert raw.note is not None
    if kind != "disparity":
        raise DepthError(f"{name}: says that it holds disparity, not {kind}; leave the kind away")
    metric = raw.note.get("metric") is True
    if invert and metric:
        raise DepthError(f"{name}: a map with a unit cannot be inverted; leave that away")
    values = check_channel(raw.values, name)
    if raw.full_scale is not None:
        values = values * (float(raw.note.get("white", 1.0)) / raw.full_scale)
    if not np.isfinite(values).all():
        raise DepthError(f"{name}: has infinite disparity; write it again")
    _no_negative(values, name)
    _ends(values, name)  # For its error: a constant map is of no use.
    values = values.astype(np.float32)
    return DepthMap(1 - values if invert else values, metric)


def _ends(values: Float, name: str, may_be_constant: bool = False) -> tuple[float, float]:
    """Least and greatest value but for outliers.

    Both are values that occur, not ones in between, so that a stretched map stays what it is when stretched again.
    """
    low = float(np.percentile(values, OUTLIERS, method="lower"))
    high = float(np.percentile(values, 100 - OUTLIERS, method="higher"))
    if low == high:
        low, high = float(values.min()), float(values.max())
    if low == high and not may_be_constant:
        raise DepthError(f"{name}: has the same depth everywhere ({low:g}), so there is nothing to focus on")
    return low, high


def _no_negative(values: Float, name: str) -> None:
    if (values < 0).any():
        raise DepthError(f"{name}: has negative values ({values.min():g}); depth must be 0 or more")


def same_shape(rows: int, columns: int, height: int, width: int) -> bool:
    """Whether a map of rows x columns px is of the shape of a photo of height x width px, but for rounding."""
    off_columns, off_rows = abs(columns - rows * width / height), abs(rows - columns * height / width)
    # A small map is rounded to whole pixels, which alone may change its shape by more.
    return off_columns <= max(1, SHAPE_TOLERANCE * columns) or off_rows <= max(1, SHAPE_TOLERANCE * rows)
