"""A folder of made pairs: its members, its manifest, what of it exists already."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wideopen.atomic_write import write_output
from wideopen.errors import OutputError, PairsError

MANIFEST = "manifest.jsonl"
OPTIONS = "options.json"

Line = dict[str, Any]


def prepare_folder(output: Path, options: Line, members: dict[str, str]) -> None:
    """Make the folder, one folder for each member in it, and note the options."""
    try:
        for member in members:
            (output / member).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{output}: cannot make this folder ({error.strerror})") from error
    write_output(output / OPTIONS, json.dumps(options, indent=1) + "\n", overwrite=True)


def resume_folder(output: Path, options: Line) -> dict[str, Line]:
    """Manifest lines of a folder by name, none if it is new; OutputError if it was made with other options."""
    if (output / OPTIONS).exists():
        try:
            found = json.loads((output / OPTIONS).read_text(encoding="utf-8"))
        except ValueError:
            found = None
        if found != json.loads(json.dumps(options)):
            raise OutputError(
                f"{output}: holds pairs made with other options; make them anew (overwrite=True) or name another (-o)"
            )
    return read_lines(output)


def read_lines(folder: Path) -> dict[str, Line]:
    """Lines of a folder's manifest by name; none if there is no manifest. PairsError if it is damaged."""
    path = folder / MANIFEST
    if not path.exists():
        return {}
    try:
        lines = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines() if text.strip()]
        return {line["name"]: line for line in lines}
    except (ValueError, KeyError, TypeError) as error:
        raise PairsError(
            f"{path}: not a manifest of pairs ({error}); make the pairs anew (overwrite=True) or name another folder"
        ) from error


def write_lines(output: Path, lines: dict[str, Line]) -> None:
    """Write the manifest, sorted by name."""
    text = "".join(json.dumps(lines[name]) + "\n" for name in sorted(lines))
    write_output(output / MANIFEST, text, overwrite=True)


def is_complete(output: Path, name: str, members: dict[str, str]) -> bool:
    """Whether every file of a pair is there."""
    return all((output / member / (name + suffix)).exists() for member, suffix in members.items())


def write_picture(path: Path, image: NDArray[np.float32], quality: int, depth: int = 8) -> None:
    """Write values in [0, 1] as a JPEG (4:4:4) or PNG, by the path's suffix, of 8 or (PNG, HxW) 16 bits."""
    largest = 2**depth - 1
    pixels = np.rint(np.clip(image, 0.0, 1.0) * largest).astype(np.uint8 if depth == 8 else np.uint16)
    buffer = io.BytesIO()
    if path.suffix == ".jpg":
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0)
    else:
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=4 if depth == 8 else 2)
    write_output(path, buffer.getvalue(), overwrite=True)
