"""The network as it is run on photos. Knows no files but its weights."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from wideopen._types import Float32
from wideopen.errors import ModelError, one_line
from wideopen.hub import is_hub_name, model_file
from wideopen.image import resize
from wideopen.options import Precision, RuntimeName
from wideopen.scene.runtimes import OnnxGraph, OpenVino, Runtime, cache_folder

SHIPPED = Path(__file__).parents[1] / "models" / "default.onnx"
FORMAT = 1
"""Version of the model file's metadata that this code reads."""


@dataclass(frozen=True)
class ModelInfo:
    """What a model file says of itself, in its metadata entry `wideopen`."""

    name: str
    multiple: int
    """Sides of the network's input are multiples of this."""
    scale: int
    """Side of the network's picture / side of its input."""
    working_side: int
    """Long side in px of the picture that the model was trained for."""
    mirrored: bool = True
    """Whether a lens head's model is shown the photo's mirror image, too, and its answers are averaged: at twice its
    time it errs less, but where it reads a saliency network that would cost more than it brings."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """All other entries: config, recipe, commit, licence, data, metrics."""

    def __post_init__(self) -> None:
        if self.multiple < 1 or self.scale < 1 or self.working_side < self.multiple:
            raise ValueError("multiple, scale and working_side must be positive, working_side at least multiple")


@dataclass(frozen=True, eq=False)
class NetworkResult:
    """What the network makes of a photo, at working size (`scale` times its input's)."""

    bokeh: Float32
    """HxWx3, sRGB-encoded, [0, 1]."""
    sharp: Float32 | None
    """HxW in [0, 1], share of the photo that is kept; None if the model does not say."""
    seen: Float32
    """HxWx3, the input enlarged to this size: the detail that the network knew of."""


@dataclass(frozen=True, eq=False)
class NetworkScene:
    """What a model with a lens head makes of a photo, at its input's size; see `pynet.Places`."""

    matte: Float32
    """HxW in [0, 1]."""
    relative: Float32
    """HxW."""


class Engine:
    """A model file, loaded.

    Args:
        model: .onnx file, or `hf:ORG/NAME[@REVISION]` on the Hugging Face hub; the package's own if None.
        threads: CPU threads; as many as there are cores if None.
        runtime: `onnxruntime`, or `openvino`, which is worth its start only for many photos.
        precision: of OpenVINO's arithmetic.

    Raises:
        ModelError: no such file, damaged, or not one of this package's models; bf16 where the processor has none; a
            name that the hub does not have, or no network.
        ModuleNotFoundError: OpenVINO, or the hub's client, and it is not installed.
    """

    def __init__(
        self,
        model: Path | None = None,
        threads: int | None = None,
        runtime: RuntimeName = "onnxruntime",
        precision: Precision = "fp32",
    ) -> None:
        self.path = SHIPPED if model is None else model_file(model) if is_hub_name(model) else Path(model)
        weights = _read(self.path, shipped=model is None)
        loaded = OnnxGraph(weights, threads, str(self.path))
        self.metadata = self._check(loaded)
        self._runtime: Runtime = loaded
        if runtime == "openvino":
            try:
                self._runtime = OpenVino(weights, threads, precision, cache_folder())
            except ValueError as error:
                raise ModelError(f"{self.path}: {error}") from error

    @property
    def draws(self) -> bool:
        """Whether the model gives a picture; else it says where things are, for a lens to draw it."""
        return self._outputs[0] == "bokeh"

    def run(self, photo: Float32) -> NetworkResult | NetworkScene:
        """Show the network a photo of any size.

        `photo`: HxWx3, sRGB-encoded, [0, 1]; padded to the multiple by mirroring, the result cropped.

        Raises:
            ValueError: another shape or type.
            ModelError: the model does not run, or gives pictures of another size than it says.
        """
        if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.float32 or 0 in photo.shape:
            raise ValueError(f"photo must be HxWx3 float32, not {photo.shape} {photo.dtype}")
        height, width = (self.metadata.scale * side for side in photo.shape[:2])
        shown = resize.pad(photo, self.metadata.multiple)
        mirrored = self.metadata.mirrored and not self.draws
        views = np.stack([shown, shown[:, ::-1]] if mirrored else [shown])
        try:
            outputs = self._runtime.run(self._outputs, np.ascontiguousarray(views.transpose(0, 3, 1, 2)))
        except Exception as error:
            raise ModelError(f"{self.path}: cannot be run ({one_line(error)}); export it again") from error
        planes = [np.asarray(output) for output in outputs]
        size = tuple(self.metadata.scale * side for side in shown.shape[:2])
        for plane, channels in zip(planes, (3 if self.draws else 1, 1), strict=False):
            if plane.shape != (wanted := (len(views), channels, *size)):
                raise ModelError(f"{self.path}: gives {plane.shape}, not {wanted}; export it again")
        if not self.draws:
            matte, relative = (
                np.stack([plane[0, 0], *([plane[1, 0, :, ::-1]] if mirrored else [])]) for plane in planes
            )
            return NetworkScene(*(resize.crop(p, height, width) for p in (_agreed(matte), relative.mean(axis=0))))
        planes = [plane[0] for plane in planes]
        bokeh = resize.crop(planes[0].transpose(1, 2, 0), height, width).clip(0, 1)
        sharp = resize.crop(planes[1][0], height, width).clip(0, 1) if len(planes) > 1 else None
        seen = cv2.resize(shown, size[::-1], interpolation=cv2.INTER_LINEAR)
        return NetworkResult(bokeh, sharp, resize.crop(seen, height, width))

    def _check(self, loaded: OnnxGraph) -> ModelInfo:
        text = loaded.metadata.get("wideopen")
        foreign = f"{self.path}: not a wideopen model; make one with wideopen export"
        if text is None:
            raise ModelError(f"{foreign} (it has no metadata)")
        try:
            values = dict(json.loads(text))
            version = values.pop("format")
            if version != FORMAT:
                raise ModelError(f"{self.path}: has model format {version}, this is for {FORMAT}; update wideopen")
            names = ("name", "multiple", "scale", "working_side")
            known = {"name": str(values["name"]), **{key: int(values[key]) for key in names[1:]}}
            rest = {key: value for key, value in values.items() if key not in (*names, "mirrored")}
            info = ModelInfo(**known, mirrored=bool(values.get("mirrored", True)), details=rest)  # type: ignore[arg-type]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{foreign} (its metadata is wrong: {error})") from error
        inputs, given = ([port.name for port in ports] for ports in (loaded.inputs, loaded.outputs))
        if inputs == ["photo"] and {"matte", "relative"} <= set(given):
            self._outputs = ["matte", "relative"]
        elif inputs == ["photo"] and "bokeh" in given:
            self._outputs = ["bokeh", "sharp"] if "sharp" in given else ["bokeh"]
        else:
            raise ModelError(f"{foreign} (it maps {', '.join(inputs)} to {', '.join(given)}, not photo to bokeh)")
        return info


def _agreed(opacities: Float32) -> Float32:
    """Mean of NxHxW opacities as odds: who is sure counts more."""
    sure = opacities.clip(1e-4, 1 - 1e-4)
    odds = np.exp(np.log(sure / (1 - sure)).mean(axis=0))
    return np.asarray((odds / (1 + odds) - 1e-4) / (1 - 2e-4), np.float32).clip(0, 1)


def _read(path: Path, shipped: bool) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        if shipped:
            raise ModelError(f"{path}: the package came without its model; give one with --model") from error
        reason = "no such model file" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise ModelError(f"{path}: {reason}; give the path of an .onnx file") from error
