"""wideopen: a sharp photo in, the same photo as a fast lens wide open would have taken it out."""

from wideopen.errors import (
    DepthError,
    ModelError,
    OutputError,
    PairsError,
    PhotoError,
    PresetError,
    RecipeError,
    TrainingError,
    WeightsError,
    WideopenError,
)
from wideopen.options import RenderOptions
from wideopen.render import Renderer, render, render_file

__version__ = "0.1.0"
__all__ = [
    "DepthError",
    "ModelError",
    "OutputError",
    "PairsError",
    "PhotoError",
    "PresetError",
    "RecipeError",
    "RenderOptions",
    "Renderer",
    "TrainingError",
    "WeightsError",
    "WideopenError",
    "__version__",
    "render",
    "render_file",
]
