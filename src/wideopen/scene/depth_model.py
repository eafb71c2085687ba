"""Depth from the photo alone, by any model for which Transformers has a depth-estimation pipeline (extra `depth`)."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wideopen.errors import WeightsError
from wideopen.image.resize import fit, resize
from wideopen.photo.depth import from_disparity, from_distance
from wideopen.photo.depth_map import DepthMap

DEFAULT_MODEL = "depth-anything/Depth-Anything-V2-Small-hf"
"""25 M parameters, Apache-2.0 (Yang et al., Depth Anything V2, NeurIPS 2024)."""
LONG_SIDE = 1024
"""The photo is shown at this size: such models shrink it further, and `lift` brings the map back to the edges."""
_METRIC_KINDS = {"zoedepth", "depth_pro", "glpn"}
"""Models that give metres although their configuration does not say so."""
_NEAREST_M = 0.01


def estimate_depth(pixels: NDArray[Any], model: str | None = None) -> DepthMap:
    """Estimate a depth map.

    Args:
        pixels: HxWx3 sRGB-encoded, upright: uint8, uint16, or float in [0, 1].
        model: folder or hub name of a model; `DEFAULT_MODEL` if None. From the hub it is downloaded once.

    Returns:
        A map whose longer side is at most `LONG_SIDE`; metric if the model is.

    Raises:
        WeightsError: the model is not there and cannot be downloaded, is damaged, or estimates no depth.
        DepthError: it found the same depth everywhere.
        ModuleNotFoundError: the extra `depth` is not installed.
    """
    from PIL import Image

    name = model or DEFAULT_MODEL
    label = f"depth model {name}"
    height, width = pixels.shape[:2]
    small = resize(pixels, *fit(height, width, min(LONG_SIDE, max(height, width))))
    if small.dtype != np.uint8:
        white = 1.0 if small.dtype.kind == "f" else np.iinfo(small.dtype).max
        small = np.rint(small.astype(np.float32) * np.float32(255 / white)).clip(0, 255).astype(np.uint8)
    with _quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The pipeline also draws a picture, and divides by 0 for flat ones.
        pipeline = _pipeline(name, label)
        try:
            found = pipeline(Image.fromarray(small))["predicted_depth"]
        except (RuntimeError, ValueError, TypeError, KeyError) as error:
            raise WeightsError(f"{label}: does not run on a photo ({_line(error)}); choose another") from error
    values = found.squeeze().numpy().astype(np.float32)
    config = pipeline.model.config
    if getattr(config, "depth_estimation_type", "") == "metric" or config.model_type in _METRIC_KINDS:
        return from_distance(np.maximum(values, _NEAREST_M), label, unit_m=1.0)
    return from_disparity(values, label)


def _pipeline(name: str, label: str) -> Any:
    """The loaded model with what prepares its pictures."""
    from transformers import pipeline

    try:
        return pipeline("depth-estimation", model=_folder(name), device="cpu")
    except ModuleNotFoundError:
        raise
    except Exception as error:  # Of the hub, of safetensors, of Transformers: there is no common kind.
        raise WeightsError(f"{label}: cannot be loaded ({_line(error)}); {_WAYS_OUT}") from error


def _folder(name: str) -> str:
    """Where a model's files are: in a folder given, on this machine from before, or downloaded now."""
    from huggingface_hub import snapshot_download

    if name.startswith((".", "/", "~")) or Path(name).exists():
        folder = Path(name).expanduser()
        if not (folder / "config.json").is_file():
            raise FileNotFoundError("no folder with a config.json")
        return str(folder)
    try:
        cached = snapshot_download(name, allow_patterns=_FILES, local_files_only=True)
        if any(Path(cached).glob("*.safetensors")):
            return cached
    except FileNotFoundError:
        pass
    return snapshot_download(name, allow_patterns=_FILES)


_FILES = ["*.json", "*.safetensors"]
"""No pickled weights, which can hold any code."""
_WAYS_OUT = (
    "give the folder of a depth model on this machine (go online once to have the default one), or a depth map "
    "instead of `auto`"
)


@contextmanager
def _quiet() -> Iterator[None]:
    """Transformers and the hub without bars and advice on standard error."""
    import torch  # noqa: F401  # Named first: without it Transformers would talk.
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from huggingface_hub.utils import logging as hub_logging
    from transformers.utils import logging

    levels = logging.get_verbosity(), hub_logging.get_verbosity()
    bars, hub_bars = logging.is_progress_bar_enabled(), not are_progress_bars_disabled()
    logging.set_verbosity_error()
    hub_logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(levels[0])
        hub_logging.set_verbosity(levels[1])
        if bars:
            logging.enable_progress_bar()
        if hub_bars:
            enable_progress_bars()


def _line(error: BaseException) -> str:
    """The first sentence or so of an error that may run over several lines."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."
