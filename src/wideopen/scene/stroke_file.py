"""Strokes as data: pictures in which green keeps and red gives away, and lines of JSON.

    {"kind": "keep", "points": [[0.52, 0.31], [0.55, 0.33]], "radius": 0.01}

`kind` is `keep`, `give` (to the background) or `depth` (as far away as what the line's last point is on); points are
shares of the photo's width and height, the radius a share of its longer side. `softness` in 0..1 may be added: the
share of the radius over which the brush fades out. `also` (the thing there is a further
subject) has one point or two opposite corners of a rectangle, and no radius.
"""

import json
import math
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
from PIL import Image

from wideopen.errors import PhotoError, StrokesError
from wideopen.photo import files as photos
from wideopen.photo.depth import same_shape
from wideopen.scene.stroke import Kind, Mask, Stroke

MOST_STROKES, MOST_POINTS = 1000, 10_000
"""In one file; more is no hand's work."""
MOST_AREAS = 30
"""Areas of one colour that are spread one by one."""
PURE = 0.3
"""How much of full brightness a pixel's green must be above its red, or the other way round."""
SPECK = 4
"""Pixels that an area of a picture must have to be a stroke."""
SUFFIXES = (".json", ".jsonl", ".txt")


def load_strokes(path: Path, shape: tuple[int, ...] | None = None) -> tuple[Stroke, ...]:
    """Read strokes from a file, a picture or lines of JSON.

    Args:
        path: what is named .json, .jsonl or .txt holds lines of JSON; all else is a picture.
        shape: of the photo, HxW or HxWx3; any if None.

    Raises StrokesError: one line for a person.
    """
    return decode_strokes(photos.read_bytes(path, StrokesError), str(path), shape)


def decode_strokes(data: bytes, name: str, shape: tuple[int, ...] | None = None) -> tuple[Stroke, ...]:
    """`load_strokes` for a file's bytes; `name` opens every error message and tells the kind of file."""
    if Path(name).suffix.lower() in SUFFIXES or data.lstrip()[:1] in (b"{", b""):
        return _of_lines(data, name)
    try:
        picture = photos.decode(data, name)
    except PhotoError as error:
        raise StrokesError(f"{error}; strokes are a picture, green and red, or lines of JSON") from error
    return of_picture(picture.pixels, picture.alpha, name, shape)


def as_strokes(given: Any, shape: tuple[int, ...]) -> tuple[Stroke, ...]:
    """Strokes as a program gives them: a path, a Pillow picture, an array, or a list of `Stroke` and mappings.

    Args:
        given: an array is HxWx3 or HxWx4, uint8.
        shape: of the photo.

    Raises StrokesError: one line for a person.
    """
    name = "strokes"
    if isinstance(given, (str, PathLike)):
        return load_strokes(Path(given), shape)
    if isinstance(given, Image.Image):
        given = np.asarray(given.convert("RGBA"))
    if isinstance(given, np.ndarray):
        if given.ndim != 3 or given.shape[2] not in (3, 4) or given.dtype != np.uint8 or 0 in given.shape:
            raise StrokesError(
                f"{name}: an array must be HxWx3 or HxWx4 of uint8, not {given.shape} of {given.dtype}; green keeps"
            )
        return of_picture(given[..., :3], given[..., 3] if given.shape[2] == 4 else None, name, shape)
    if not isinstance(given, Sequence):
        raise StrokesError(f"{name}: must be a path, a picture, an array or a list, not {type(given).__name__}")
    return tuple(
        item if isinstance(item, Stroke) else _of_mapping(item, f"{name} {n}") for n, item in enumerate(given, start=1)
    )


def of_picture(pixels: Any, alpha: Any, name: str, shape: tuple[int, ...] | None) -> tuple[Stroke, ...]:
    """Strokes out of a picture, one for each connected area; what is neither green nor red says nothing.

    Args:
        pixels: hxwx3 of any unsigned type. alpha: hxw of it, or None.
        shape: of the photo, whose shape the picture's must be, at any size.
    """
    rows, columns = pixels.shape[:2]
    height, width = (rows, columns) if shape is None else shape[:2]
    if not same_shape(rows, columns, height, width):
        raise StrokesError(
            f"{name}: is {columns}x{rows} px, another shape than the photo's {width}x{height}; paint on the whole photo"
        )
    seen = pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
    if alpha is not None:
        seen *= (alpha > np.iinfo(alpha.dtype).max // 2)[..., None]
    strokes = []
    for kind, more, less in (("keep", 1, 0), ("give", 0, 1)):
        mask = seen[..., more] - np.maximum(seen[..., less], seen[..., 2]) > PURE
        strokes += [Stroke(kind, area=area, radius=_brush(area)) for area in _areas(mask)]  # type: ignore[arg-type]
    if not strokes and bool(seen.any()):
        raise StrokesError(f"{name}: holds no green, which keeps, and no red, which gives to the background")
    return tuple(strokes)


def _areas(mask: Mask) -> list[Mask]:
    """Connected pieces of a mask, or, of a great many, the largest and all else as one."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    order = [n for n in 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA]) if stats[n, cv2.CC_STAT_AREA] >= SPECK]
    found = [labels == n for n in order[:MOST_AREAS]]
    return [*found, np.isin(labels, order[MOST_AREAS:])] if len(order) > MOST_AREAS else found


def _brush(area: Mask) -> float:
    """The radius of the brush that may have painted an area, in shares of the longer side."""
    inside = cv2.distanceTransform(np.pad(area.astype(np.uint8), 1), cv2.DIST_L2, 5)
    return float(inside.max() / max(area.shape))


def _of_lines(data: bytes, name: str) -> tuple[Stroke, ...]:
    try:
        lines = [(n, line) for n, line in enumerate(data.decode("utf-8").splitlines(), start=1) if line.strip()]
    except UnicodeDecodeError:
        raise StrokesError(f"{name}: is not text; lines of JSON are, one for each stroke") from None
    if len(lines) > MOST_STROKES:
        raise StrokesError(f"{name}: has {len(lines)} strokes, more than {MOST_STROKES}")
    strokes = []
    for number, line in lines:
        where = f"{name}: line {number}"
        try:
            said = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            raise StrokesError(
                f'{where}: is no JSON; write {{"kind": "keep", "points": [[x, y], ..], "radius": r}}'
            ) from None
        strokes.append(_of_mapping(said, where))
    return tuple(strokes)


def _of_mapping(said: Any, where: str) -> Stroke:
    """A stroke out of JSON's types; StrokesError opened by `where`."""
    also = isinstance(said, dict) and said.get("kind") == "also"
    wanted = {"kind", "points"} if also else {"kind", "points", "radius"}
    if not isinstance(said, dict) or set(said) - (set() if also else {"softness"}) != wanted:
        raise StrokesError(
            f"{where}: a stroke has kind, points and radius, and may have softness; one of kind also has points alone"
        )
    kind, points, radius, softness = said["kind"], said["points"], said.get("radius", 0.01), said.get("softness", 0.0)
    if kind not in get_args(Kind):
        raise StrokesError(f"{where}: kind must be keep, give, depth or also, not {kind!r:.40}")
    if not _is_number(radius) or not 0 < radius <= 0.5:
        raise StrokesError(f"{where}: radius must be above 0 and at most 0.5, a share of the longer side")
    if not _is_share(softness):
        raise StrokesError(f"{where}: softness must be a share of the radius, in 0..1")
    wrong = f"{where}: points must be 1 to {MOST_POINTS} pairs of shares of width and height, each in 0..1"
    if not isinstance(points, (list, tuple)) or not 1 <= len(points) <= MOST_POINTS:
        raise StrokesError(wrong)
    for point in points:
        if not isinstance(point, (list, tuple)) or len(point) != 2 or not all(map(_is_share, point)):
            raise StrokesError(wrong)
    if also and (len(points) > 2 or len(points) == 2 and any(a == b for a, b in zip(*points, strict=True))):
        raise StrokesError(f"{where}: also has one point, or two opposite corners of a rectangle")
    return Stroke(kind, tuple((float(x), float(y)) for x, y in points), float(radius), float(softness))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1
