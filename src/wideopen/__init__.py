"""wideopen: a sharp photo becomes the one that a fast lens, wide open, would have taken."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from wideopen._version import __version__
from wideopen.errors import (
    ClusterError,
    DepthError,
    MatteError,
    ModelError,
    OutputError,
    PairsError,
    PhotoError,
    PresetError,
    RecipeError,
    StoreError,
    StrokesError,
    TrainingError,
    WeightsError,
    WideopenError,
)
from wideopen.options import RenderOptions
from wideopen.render.renderer import Renderer, render, render_file

if TYPE_CHECKING:
    from wideopen.photo.depth_map import DepthMap
    from wideopen.presets import find_preset, load_presets
    from wideopen.scene.scene import Scene

__all__ = [
    "ClusterError", "DepthError", "DepthMap", "MatteError", "ModelError", "OutputError", "PairsError", "PhotoError",
    "PresetError", "RecipeError", "RenderOptions", "Renderer", "Scene", "StoreError", "StrokesError", "TrainingError",
    "WeightsError", "WideopenError", "__version__", "find_preset", "load_presets", "render", "render_file",
]  # fmt: skip
_WHEN_ASKED_FOR = {
    "DepthMap": "wideopen.photo.depth_map",
    "Scene": "wideopen.scene.scene",
    "find_preset": "wideopen.presets",
    "load_presets": "wideopen.presets",
}
"""Names that bring NumPy or a parser, and the modules they are in: `import wideopen` is to cost next to nothing."""


def __getattr__(name: str) -> object:
    if name not in _WHEN_ASKED_FOR:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_import_module(_WHEN_ASKED_FOR[name]), name)
