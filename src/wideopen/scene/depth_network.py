"""Depth from the photo alone, by an ONNX file on the runtime that the core has.

input    pixel_values 1x3xHxW, sides multiples of 14, RGB with ImageNet's mean and deviation
output   predicted_depth 1xHxW; larger is nearer, without a scale, unless it is said to give distance

The photo's short side becomes 518 px, as in training, unless the file names sides of its own.
"""

from pathlib import Path

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.errors import ModelError
from wideopen.image.resize import resize
from wideopen.options import DepthKind
from wideopen.photo.depth import from_disparity, from_distance
from wideopen.photo.depth_map import DepthMap
from wideopen.scene.matte_models import DEVIATION, MEAN
from wideopen.scene.runtimes import OnnxGraph

SHORT_SIDE, MULTIPLE, LONGEST = 518, 14, 2072
NEAREST_M = 0.01


class DepthNetwork:
    """A model that estimates depth maps.

    Args:
        kind, unit_m: what it gives: disparity, or distance, and metres for one unit of it if it has a scale.

    Raises:
        ModelError: no such file, damaged, or it takes or gives something else.
    """

    def __init__(
        self, path: Path, kind: DepthKind = "disparity", unit_m: float | None = None, threads: int | None = None
    ) -> None:
        self.label, self._kind, self._unit = f"depth model {path}", kind, unit_m
        try:
            self._graph = OnnxGraph(path, threads)
        except FileNotFoundError:
            raise ModelError(f"{self.label}: no such file; give the path of an .onnx file") from None
        except Exception as error:  # ONNX Runtime has no common base of its own below Exception.
            raise ModelError(f"{self.label}: not an ONNX model, or damaged; get a whole copy") from error
        inputs, outputs = self._graph.inputs, self._graph.outputs
        if len(inputs) != 1 or inputs[0].rank != 4 or inputs[0].side(1) not in (None, 3):
            given = ", ".join(f"{item.name} {item.shape}" for item in inputs)
            raise ModelError(f"{self.label}: takes {given}, not one picture of 1x3xHxW; choose another")
        named = [item.name for item in outputs if "depth" in item.name.lower()]
        self._output = (named or [outputs[0].name])[0]

    def estimate(self, pixels: Float) -> DepthMap:
        """The map of HxWx3 float32, sRGB-encoded, [0, 1]; of the size that the network works at.

        Raises:
            ModelError: it does not run, or gives no map.
            DepthError: it found the same depth everywhere.
        """
        shown = resize(pixels, *self._size(*pixels.shape[:2]))
        batch = np.ascontiguousarray(((shown - MEAN) / DEVIATION).transpose(2, 0, 1)[None], np.float32)
        try:
            found = self._graph.run([self._output], batch)[0]
        except Exception as error:
            line = str(error).splitlines()[0]
            raise ModelError(f"{self.label}: does not run on a photo ({line}); choose another") from error
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
