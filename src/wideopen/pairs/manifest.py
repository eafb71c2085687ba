"""Manifests of pairs: one row a pair, as CSV or JSON lines; see `wideopen.pairs.pairs` for the columns."""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wideopen.errors import PairsError
from wideopen.lens.apertures import Aperture

MAPS = ("depth", "matte", "sharp")


@dataclass(frozen=True)
class Shot:
    """How a made pair's target was taken, in the units of its depth map (1.0 is white)."""

    blur_per_disparity: float
    """Blur radius, as a share of the short side, for each unit of disparity away from the focus."""
    focus_disparity: float
    in_focus: str
    """`subject`, `background`, or the name of what was put into the photo."""
    surface: str = ""
    """Kind of background; see `wideopen.scene.background_depth`."""
    shape: Aperture = Aperture()


def read_manifest(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give (where it stands, fields of a Pair) for each row of a `.csv` or `.jsonl` manifest.

    Paths are made relative to the manifest's folder and may not exist. PairsError names file, line and key.
    """
    for where, row in _rows(path):
        yield where, _fields(path.parent, row, where)


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PairsError(f"{path}: cannot read this manifest; give a CSV or JSON-lines text file") from error
    suffix = path.suffix.lower()
    if suffix == ".csv":
        yield from _csv_rows(path, text)
    elif suffix in (".jsonl", ".ndjson", ".json"):
        yield from _json_rows(path, text)
    else:
        raise PairsError(f"{path}: a manifest must end in .jsonl or .csv, or give the folder that holds the pairs")


def _csv_rows(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader(text.splitlines())
    for row in reader:
        where = f"{path}, line {reader.line_num}"
        if None in row or None in row.values():
            raise PairsError(f"{where}: {'more' if None in row else 'fewer'} values than the header has columns")
        yield where, {key.strip(): value.strip() for key, value in row.items() if value.strip()}


def _json_rows(path: Path, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line)
        except ValueError as error:
            raise PairsError(f"{where}: not valid JSON: {error}") from error
        if not isinstance(row, dict):
            raise PairsError(f"{where}: must be an object with keys name, original, bokeh")
        yield where, {key: value for key, value in row.items() if value is not None}


def _fields(folder: Path, row: dict[str, Any], where: str) -> dict[str, Any]:
    paths: dict[str, Path] = {}
    for key in ("original", "bokeh", *MAPS):
        value = row.get(key)
        if value is None and key in MAPS:
            continue
        if not isinstance(value, str) or not value:
            raise PairsError(f"{where}: {key!r} must be the path of a picture, relative to the manifest")
        paths[key] = folder / value
    name = row.get("name", paths["original"].stem)
    if not isinstance(name, (str, int)) or not str(name).strip():
        raise PairsError(f"{where}: 'name' must be a word")
    aperture = _numbers(row, "aperture", 1, where)
    focus = _numbers(row, "focus", 2, where)
    if focus is not None and not all(0 <= value <= 1 for value in focus):
        raise PairsError(f"{where}: 'focus' must be x and y as shares of width and height, 0 to 1")
    if aperture is not None and not aperture[0] > 0:
        raise PairsError(f"{where}: 'aperture' must be an f-number above 0")
    return {
        "name": str(name).strip(),
        **paths,
        "aperture": aperture[0] if aperture else None,
        "focus": (focus[0], focus[1]) if focus else None,
        "shot": _shot(row, where),
        "photo": _photo(str(name).strip(), row),
    }


def _photo(name: str, row: dict[str, Any]) -> str:
    """Of several pairs made of one photo, `wideopen synthesize` numbers all but the first."""
    number = f"-{row.get('index', '')}"
    return name.removesuffix(number) if name.endswith(number) else ""


def _shot(row: dict[str, Any], where: str) -> Shot | None:
    blur, disparity = (_numbers(row, key, 1, where) for key in ("blur_per_disparity", "focus_disparity"))
    if blur is None or disparity is None:
        return None
    shape = row.get("shape", {})
    try:
        aperture = Aperture(**shape) if isinstance(shape, dict) else Aperture()
    except (TypeError, ValueError) as error:
        raise PairsError(f"{where}: 'shape' is none of an aperture: {error}") from error
    return Shot(blur[0], disparity[0], str(row.get("in_focus", "")), str(row.get("surface", "")), aperture)


def _numbers(row: dict[str, Any], key: str, count: int, where: str) -> list[float] | None:
    """Numbers of a JSON value (number or list) or a CSV cell (`2.8`, `0.4 0.6`, `[0.4, 0.6]`)."""
    value = row.get(key)
    if value is None:
        return None
    items: Iterable[Any] = value if isinstance(value, list) else [value]
    if isinstance(value, str):
        items = re.findall(r"[^\s,;\[\]()]+", value)
    try:
        numbers = [float(item) for item in items]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != count:
        raise PairsError(f"{where}: {key!r} must be {'a number' if count == 1 else f'{count} numbers'}, not {value!r}")
    return numbers
