"""Depth from the photo alone: an ONNX file on the core's own runtime, or any model that Transformers can run.

| `--depth-model` | what runs |
|---|---|
| not given | Depth Anything V2 Small, fetched once (`model_store`) |
| `onnx:FILE`, a folder with an .onnx file in it | that file (`DepthNetwork`) |
| `hf:ORG/NAME[@REVISION]` | the repository's `onnx/model.onnx`; if it has none, Transformers, where installed |
| a folder without, with a config.json | Transformers |
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from wideopen import hub
from wideopen._types import Float
from wideopen.errors import ModelError, one_line
from wideopen.hub import is_hub_name
from wideopen.image.resize import fit, resize
from wideopen.options import DepthKind
from wideopen.photo.depth import from_disparity, from_distance
from wideopen.photo.depth_map import DepthMap
from wideopen.scene.matte_models import DEVIATION, MEAN
from wideopen.scene.model_store import fetch, find_model
from wideopen.scene.runtimes import OnnxGraph

DEFAULT = "depth-anything-v2-small"
"""25 M parameters, Apache-2.0 (Yang et al., Depth Anything V2, NeurIPS 2024)."""
METRES = ("depth-pro", "depth_pro", "metric")
DISTANCES = (*METRES, "depth-anything-3", "depth-anything-v3", "da3")
"""In the name of a model (a file's own, a folder's own) that gives distance, in metres or without a scale, where
nothing else is said."""
ONNX_FILE = "onnx/model.onnx"
SAFE = ["*.json", "*.safetensors"]
"""What Transformers needs of a repository: no pickled weights, which can hold any code."""
LONG_SIDE = 1024
"""The photo is shown at this size: such models shrink it further, and `lift` brings the map back to the edges."""
SHORT_SIDE, MULTIPLE, LONGEST = 518, 14, 2072
"""px that an ONNX file is shown, as in training, unless it names sides of its own."""
NEAREST_M = 0.01
_METRIC_KINDS = {"zoedepth", "depth_pro", "glpn"}
"""Models that give metres although their configuration does not say so."""


class Estimates(Protocol):
    """What estimates depth maps."""

    def estimate(self, pixels: Float) -> DepthMap:
        """The map of HxWx3 float32, sRGB-encoded, upright, [0, 1]."""


def depth_estimator(
    name: str | None = None, kind: DepthKind = "disparity", unit_m: float | None = None, threads: int | None = None
) -> Estimates:
    """The model of that name, loaded; fetched once if need be.

    Args:
        name: see above.
        kind, unit_m: what an ONNX model gives, where its name does not tell.

    Raises:
        ModelError: it is not there and cannot be fetched, is damaged, or estimates no depth.
        ModuleNotFoundError: a model on the hub, and the extra `hub` is not installed.
    """
    if name is None:
        return DepthNetwork(fetch(find_model(DEFAULT)), threads=threads)
    called = name.lower() if is_hub_name(name) else Path(name).name.lower()
    if kind == "disparity" and any(part in called for part in DISTANCES):
        kind = "distance"
        unit_m = 1.0 if unit_m is None and any(part in called for part in METRES) else unit_m
    if name.startswith("onnx:"):
        return DepthNetwork(Path(name.removeprefix("onnx:")), kind, unit_m, threads)
    folder = _of_hub(name) if is_hub_name(name) else Path(name).expanduser()
    files = sorted([*folder.glob("*.onnx"), *folder.glob(ONNX_FILE)])
    if files:
        return DepthNetwork(files[0], kind, unit_m, threads)
    if not (folder / "config.json").is_file():
        raise ModelError(f"depth model {name}: no folder with a model.onnx or a config.json; {_WAYS_OUT}")
    return TransformersModel(folder, name)


def _of_hub(name: str) -> Path:
    """A repository's files in the hub's own cache: its ONNX file, else what Transformers needs."""
    wanted = [f"{ONNX_FILE}*"]  # Weights of more than 2 GB lie beside the graph.
    folder = hub.held(name, wanted) or hub.held(name, SAFE) or hub.fetch(name, wanted)
    return folder if (folder / ONNX_FILE).is_file() or hub.held(name, SAFE) else hub.fetch(name, SAFE)


class DepthNetwork:
    """An ONNX file: `pixel_values` 1x3xHxW, sides multiples of `MULTIPLE`, RGB with ImageNet's mean and deviation, to
    `predicted_depth` 1xHxW; larger is nearer, without a scale, unless it is said to give distance.

    `kind`, `unit_m`: what it gives: disparity, or distance, and metres for one unit of it if it has a scale.
    Raises ModelError: no such file, damaged, or it takes or gives something else.
    """

    def __init__(
        self, path: Path, kind: DepthKind = "disparity", unit_m: float | None = None, threads: int | None = None
    ) -> None:
        self.label, self._kind, self._unit = f"depth model {path}", kind, unit_m
        self._graph = OnnxGraph(path, threads, self.label)
        self._graph.check_takes_a_picture(self.label)
        outputs = [item.name for item in self._graph.outputs]
        self._output = next((name for name in outputs if "depth" in name.lower()), outputs[0])

    def estimate(self, pixels: Float) -> DepthMap:
        """The map of HxWx3 float32, sRGB-encoded, [0, 1]; of the size that the network works at.

        Raises:
            ModelError: it does not run, or gives no map.
            DepthError: it found the same depth everywhere.
        """
        shown = resize(pixels, *self._size(*pixels.shape[:2]))
        batch = np.ascontiguousarray(((shown - MEAN) / DEVIATION).transpose(2, 0, 1)[None], np.float32)
        found = self._graph.run_on_photo(self._output, batch)
        values: Float = np.asarray(found.squeeze(), np.float32)
        if values.ndim != 2 or not np.isfinite(values).all():
            raise ModelError(f"{self.label}: gives {found.shape} or no numbers, not a map; choose another")
        if values.shape != shown.shape[:2]:
            values = np.asarray(cv2.resize(values, shown.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
        if self._kind == "distance":
            return from_distance(np.maximum(values, NEAREST_M), self.label, self._unit)
        return from_disparity(values, self.label, self._unit)

    def _size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that the network is shown a photo at."""
        own = self._graph.inputs[0].side(2), self._graph.inputs[0].side(3)
        if own[0] is not None and own[1] is not None:
            return own[0], own[1]
        scale = SHORT_SIDE / min(height, width)
        sides = (min(max(MULTIPLE, round(side * scale / MULTIPLE) * MULTIPLE), LONGEST) for side in (height, width))
        return next(sides), next(sides)


class TransformersModel:
    """A model that Transformers has a depth-estimation pipeline for; it needs PyTorch.

    Args:
        folder: with its config.json and its weights (.safetensors: pickled ones can hold any code).
        name: what it is called in messages.

    Raises ModelError if it is damaged or estimates no depth, or Transformers or PyTorch is not installed.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.label = f"depth model {name}"
        if find_spec("transformers") is None or find_spec("torch") is None:
            raise ModelError(
                f"{self.label}: has no ONNX file, and runs by Transformers and PyTorch alone; run: pip install "
                "transformers torch, or choose another"
            )
        with _quiet():
            from transformers import pipeline

            try:
                self._pipeline: Any = pipeline("depth-estimation", model=str(folder), device="cpu")
            except Exception as error:  # Of safetensors, of Transformers: there is no common kind.
                raise ModelError(f"{self.label}: cannot be loaded ({one_line(error)}); {_WAYS_OUT}") from error

    def estimate(self, pixels: Float) -> DepthMap:
        """See `Estimates`. The map's longer side is at most `LONG_SIDE`; it is metric if the model is.

        Raises:
            ModelError: the model does not run.
            DepthError: it found the same depth everywhere.
        """
        from PIL import Image

        height, width = pixels.shape[:2]
        small = resize(pixels, *fit(height, width, min(LONG_SIDE, max(height, width))))
        shown = Image.fromarray(np.rint(small * np.float32(255)).clip(0, 255).astype(np.uint8))
        with _quiet():
            try:
                found = self._pipeline(shown)["predicted_depth"]
            except (RuntimeError, ValueError, TypeError, KeyError) as error:
                raise ModelError(
                    f"{self.label}: does not run on a photo ({one_line(error)}); choose another"
                ) from error
        values = found.squeeze().numpy().astype(np.float32)
        config = self._pipeline.model.config
        if getattr(config, "depth_estimation_type", "") == "metric" or config.model_type in _METRIC_KINDS:
            return from_distance(np.maximum(values, NEAREST_M), self.label, unit_m=1.0)
        return from_disparity(values, self.label)


_WAYS_OUT = "give a model on this machine (onnx:FILE or a folder), one on the hub (hf:ORG/NAME), or a depth map"


@contextmanager
def _quiet() -> Iterator[None]:
    """Transformers without bars and advice on standard error."""
    import torch  # noqa: F401  # Named first: without it Transformers would talk.
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # The pipeline also draws a picture, and divides by 0 for flat ones.
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
