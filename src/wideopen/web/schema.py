"""What the application is told about options, lenses and presets: one declaration feeds it and the command line."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args, get_type_hints

from wideopen import __version__
from wideopen.lens.lens_settings import HIGHLIGHT_GAIN, LARGEST, NEAREST_M
from wideopen.lens.thin_lens import PRESETS as LENSES
from wideopen.options import DEPTH, LENS, SPANS, RenderOptions
from wideopen.presets import load_presets
from wideopen.web.form import option_fields
from wideopen.web.settings import SCREEN_PX, SHOWN_PX, ServeOptions

SLIDERS = {
    "blades": (0, 11, 1), "roundness": (0, 1, 0.05), "rotate": (0, 180, 1), "squeeze": (1, 2, 0.05),
    "ring": (0, 0.8, 0.05), "vignette": (0, 1, 0.05), "rim": (-1, 1, 0.1),
    "axial": (-0.3, 0.3, 0.01), "tilt": (-12, 12, 0.5), "tilt_direction": (-180, 180, 5), "highlights": (1, 20, 0.5),
    "grain": (0, 1, 0.05), "quality": (1, 100, 1),
}  # fmt: skip
"""Least, greatest and step of the sliders; within what the options allow."""
STOPS: tuple[float | str, ...] = (
    "off", 16, 14, 13, 11, 10, 9, 8, 7.1, 6.3, 5.6, 5, 4.5, 4, 3.5, 3.2, 2.8, 2.5, 2.2, 2, 1.8, 1.6, 1.4, 1.2, 1.1, 1
)  # fmt: skip
"""The places of the f-number's slider: thirds of a stop as cameras engrave them, and before them nothing blurred."""
EXAMPLES = {"path.jpg": "path-depth.png", "whale.jpg": "whale-depth.png", "dog.jpg": None, "scooter.jpg": None}


def examples() -> dict[str, Path]:
    """Photos to pick and their depth maps by name: those in the package, else those of the repository it runs from."""
    names = [name for pair in EXAMPLES.items() for name in pair if name is not None]
    for folder in (Path(__file__).parent / "examples", Path(__file__).parents[3] / "examples"):
        if all((folder / name).is_file() for name in names):
            return {name: folder / name for name in names}
    return {}


def schema(options: ServeOptions) -> dict[str, Any]:
    """All that the application knows of the server, as JSON values."""
    there = examples()
    return {
        "version": __version__,
        "options": [
            _option(item)
            for item in option_fields()
            if item.metadata["panel"] in (LENS, DEPTH) or item.name in ("quality", "strip", "hdr")
        ],
        "stops": STOPS,
        "lenses": {name: asdict(lens) for name, lens in LENSES.items()},
        "presets": {
            name: {
                "description": preset.description,
                "settings": {key: _plain(v) for key, v in preset.settings.items()},
            }
            for name, preset in load_presets().items()
            if {"model", "shape", "depth"}.isdisjoint(preset.settings)
        },
        "gain": HIGHLIGHT_GAIN,
        "largest": LARGEST,
        "nearest": NEAREST_M,
        "screen": SCREEN_PX,
        "shown": SHOWN_PX,
        "examples": [{"photo": photo, "depth": depth} for photo, depth in EXAMPLES.items() if photo in there],
    }


def _option(item: Any) -> dict[str, Any]:
    """What a control for an option is made from; `kind` is `number`, `whole`, `switch`, `choice` or `text`."""
    hint = get_type_hints(RenderOptions)[item.name]
    parts = [part for part in get_args(hint) or [hint] if part is not type(None)]
    choices = parts if all(isinstance(part, str) for part in parts) else []
    kind = "choice" if choices else {int: "whole", float: "number", bool: "switch"}.get(parts[0], "text")
    span, (least, most) = SLIDERS.get(item.name), SPANS.get(item.name, (None, None))
    return {
        "name": item.name, "panel": item.metadata["panel"], "help": item.metadata["help"].replace("`", ""),
        "kind": kind, "choices": choices or ([*LENSES, "photo"] if item.name == "lens" else []),
        "default": _plain(item.default), "span": span,
        "range": None if least is None else [least, None if most == math.inf else most],
    }  # fmt: skip


def _plain(value: Any) -> Any:
    return "off" if value == math.inf else value
