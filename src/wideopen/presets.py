"""Looks by name: tables of a TOML file, whose keys are the fields of `RenderOptions`.

[portrait]
description = "what it is for"
lens = "85mm"
aperture = 1.4
"""

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wideopen.errors import PresetError
from wideopen.options import RenderOptions, with_settings

SHIPPED = Path(__file__).parent / "presets.toml"
_PATHS = ("model", "shape")


@dataclass(frozen=True)
class Preset:
    """A look."""

    name: str
    description: str
    settings: Mapping[str, Any]
    """Values of `RenderOptions` by its fields' names, checked: `render(photo, **settings)`."""
    source: Path
    """The file it is from."""


def load_presets(path: Path | None = None) -> dict[str, Preset]:
    """Presets by name: the package's, and those of a file, which win.

    Args:
        path: a TOML file; the user's own (`user_file`), if there is one, if None.

    Raises:
        PresetError: a file that cannot be read, is no TOML, or has an unknown key or a value that makes no sense.
    """
    found = _read(SHIPPED)
    if path is not None or user_file().is_file():
        found.update(_read(path or user_file()))
    return found


def find_preset(name: str, path: Path | None = None) -> Preset:
    """One of `load_presets`; PresetError if there is none of that name."""
    presets = load_presets(path)
    if name not in presets:
        raise PresetError(f"there is no preset {name!r}; there are {', '.join(presets)}")
    return presets[name]


def user_file() -> Path:
    """Where a user's own presets are looked for: presets.toml in the folder for settings of this system."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    elif sys.platform == "win32":
        base = Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming")
    else:
        base = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return base / "wideopen" / "presets.toml"


def _read(path: Path) -> dict[str, Preset]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PresetError(f"{path}: no such file of presets") from None
    except OSError as error:
        raise PresetError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # Not UTF-8, or not TOML.
        raise PresetError(f"{path}: not a TOML file ({error})") from error
    return {name: _preset(path, name, table) for name, table in tables.items()}


def _preset(path: Path, name: str, table: Any) -> Preset:
    if not isinstance(table, dict):
        raise PresetError(f"{path}: {name} is no table; write [preset] above its keys")
    values = {key.replace("-", "_"): value for key, value in table.items()}
    description = values.pop("description", "")
    for key in _PATHS:
        if isinstance(values.get(key), str):  # As seen from the file.
            values[key] = path.parent / values[key]
    if values.get("depth") not in (None, "auto", "none"):
        values["depth"] = str(path.parent / str(values["depth"]))
    try:
        options = with_settings(RenderOptions(), values)
    except (TypeError, ValueError) as error:
        raise PresetError(f"{path}: [{name}] {error}") from error
    return Preset(name, str(description), {key: getattr(options, key) for key in values}, path)
