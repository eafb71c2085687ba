"""wideopen: a sharp photo in, the same photo as a fast lens wide open would have taken it out."""

from typing import TYPE_CHECKING

from wideopen._version import __version__
from wideopen.errors import (
    ClusterError,
    DepthError,
    ModelError,
    OutputError,
    PairsError,
    PhotoError,
    PresetError,
    RecipeError,
    StoreError,
    TrainingError,
    WeightsError,
    WideopenError,
)
from wideopen.options import RenderOptions
from wideopen.render.renderer import Renderer
from wideopen.render.shortcuts import render, render_file

if TYPE_CHECKING:
    from wideopen.photo.depth_map import DepthMap

__all__ = [
    "ClusterError",
    "DepthError",
    "DepthMap",
    "ModelError",
    "OutputError",
    "PairsError",
    "PhotoError",
    "PresetError",
    "RecipeError",
    "RenderOptions",
    "Renderer",
    "StoreError",
    "TrainingError",
    "WeightsError",
    "WideopenError",
    "__version__",
    "render",
    "render_file",
]


def __getattr__(name: str) -> object:
    """`DepthMap` when it is first asked for: it brings NumPy, and `import wideopen` is to cost next to nothing."""
    if name == "DepthMap":
        from wideopen.photo.depth_map import DepthMap

        return DepthMap
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
