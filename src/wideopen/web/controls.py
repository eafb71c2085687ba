"""The page's controls, made from the options that library and command line have."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import gradio as gr

from wideopen.lens.thin_lens import PRESETS as LENSES
from wideopen.options import DEPTH, LENS, RenderOptions, parse_aperture

STOPS = ("off", "22", "16", "11", "8", "5.6", "4", "2.8", "2", "1.8", "1.4", "1.2", "1")
"""From nothing blurred to the most: full stops, and between them the f-numbers of the lenses and presets."""
OWN = ("aperture", "focus")
"""Options that have a control of their own kind on the page."""
LEFT_OUT = ("depth", "depth_model", "shape", "nearest", "depth_unit")
"""Paths of the server's, and what is for maps with a scale: for command line and API."""
SPANS = {
    "blades": (0, 11, 1), "roundness": (0, 1, 0.05), "rotate": (0, 180, 1), "squeeze": (1, 2, 0.05),
    "ring": (0, 0.8, 0.05), "vignette": (0, 1, 0.05), "highlights": (1, 20, 0.5), "grain": (0, 1, 0.05),
}  # fmt: skip
"""Least, greatest and step of the sliders; within what the options allow."""
UNSET = {"highlights": 4.0}
"""Where a slider stands for options that are not set unless it is moved."""


class Controls:
    """Components for the options of a group, and back from their values to options."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}

    def add(self, panel: str) -> None:
        """Make the components of a group, where Gradio's `with` now is."""
        hints = get_type_hints(RenderOptions)
        for item in fields(RenderOptions):
            if item.metadata["panel"] == panel and item.name not in (*OWN, *LEFT_OUT):
                self.parts[item.name] = _component(item, hints[item.name])

    @property
    def components(self) -> list[Any]:
        return list(self.parts.values())

    def options(self, values: Sequence[Any], **more: Any) -> RenderOptions:
        """Options from the components' values, in their order.

        Raises:
            ValueError: what the options' own rules refuse.
        """
        given = dict(zip(self.parts, values, strict=True))
        for name, value in UNSET.items():
            if given.get(name) == value:
                given[name] = None
        if given.get("blades") in (1, 2):
            given["blades"] = 3  # The slider has places that no aperture has.
        return RenderOptions(**{name: _typed(name, value) for name, value in given.items()}, **more)

    def preset(self, settings: Mapping[str, Any]) -> list[Any]:
        """The components' values, and before them the f-number's stop, that a preset stands for."""
        values = [settings.get(part, UNSET.get(part, getattr(RenderOptions, part))) for part in self.parts]
        return [stop_of(settings.get("aperture"), settings.get("lens", RenderOptions.lens)), *values]


def stop_of(aperture: float | None = None, lens: str = RenderOptions.lens) -> str:
    """The stop nearest to an f-number; that of the lens itself where none is set, as everywhere else."""
    wanted = LENSES.get(lens, LENSES[RenderOptions.lens]).f_number if aperture is None else aperture
    if wanted == math.inf:
        return STOPS[0]
    return min(STOPS[1:], key=lambda stop: abs(float(stop) - wanted))


def aperture_of(stop: Any) -> float:
    """The slider's stop as an f-number.

    Raises:
        ValueError: it is none.
    """
    return parse_aperture(str(stop))


def _component(item: "Field[Any]", hint: Any) -> Any:
    label, text = _words(item)
    value: Any = UNSET.get(item.name, item.default)
    common: dict[str, Any] = {
        "value": value, "label": label, "info": text, "elem_id": f"option-{item.name}", "elem_classes": "option"
    }  # fmt: skip
    if item.name == "lens":
        return gr.Dropdown([*LENSES, "photo"], **common)
    if get_origin(hint) is Literal:
        return gr.Radio(list(get_args(hint)), **common)
    if hint is bool:
        return gr.Checkbox(**common)
    if item.name in SPANS:
        least, greatest, step = SPANS[item.name]
        return gr.Slider(least, greatest, step=step, **common)
    return gr.Number(**common)


def _words(item: "Field[Any]") -> tuple[str, str]:
    text = item.metadata["help"]
    return item.name.replace("_", " ").capitalize(), text.replace("`", "")


def _typed(name: str, value: Any) -> Any:
    kind = type(getattr(RenderOptions, name))
    return kind(value) if kind in (int, float) and value is not None else value


def panels() -> Iterable[str]:
    """Groups of options that the page shows."""
    return LENS, DEPTH
