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
