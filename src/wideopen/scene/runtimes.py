"""What runs the model's graph: ONNX Runtime, or OpenVINO where it is installed and the work is long.

ONNX Runtime starts at once. OpenVINO compiles the graph for every size of picture first (a second, kept on disk), and
is faster from then on. Both take the same file and give the same numbers.
"""

import hashlib
import io
from collections import OrderedDict
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
import onnxruntime

from wideopen._types import Float32
from wideopen.atomic_write import write_output
from wideopen.errors import ModelError, OutputError, one_line
from wideopen.options import Precision

# From 1.32 on it reports what it runs, on what machine, unless it is told not to.
onnxruntime.disable_telemetry_events()

PROVIDERS = (
    "CUDAExecutionProvider",
    "ROCMExecutionProvider",
    "DmlExecutionProvider",
    "CoreMLExecutionProvider",
    "CPUExecutionProvider",
)
"""ONNX Runtime's, the first that is there goes first."""
SHAPES_KEPT = 8
"""Compiled sizes held in memory; photos of one shape share one."""


class Runtime(Protocol):
    """A graph, loaded; run from any thread."""

    def run(self, outputs: list[str], photo: Float32) -> list[Float32]:
        """The named outputs for a 1x3xHxW photo; raises whatever the runtime raises."""


@dataclass(frozen=True)
class Port:
    """An input or output of a graph."""

    name: str
    shape: tuple[int | str | None, ...]
    """Sides that are free are names, or None."""

    def side(self, axis: int) -> int | None:
        """Length of an axis; None if it is free."""
        found = self.shape[axis]
        return found if isinstance(found, int) and found > 0 else None


class OnnxGraph:
    """An ONNX graph of one picture in, run on the CPU or what ONNX Runtime finds.

    Args:
        model: a file, beside which weights of its own may lie (`external data`), or one's bytes.
        label: what it is called in messages; the file's path if None.

    Raises ModelError: no such file, or it is no model.
    """

    def __init__(self, model: Path | bytes, threads: int | None, label: str | None = None) -> None:
        self.label = str(model) if label is None else label
        if isinstance(model, Path) and not model.is_file():
            raise ModelError(f"{self.label}: no such model file; give the path of an .onnx file")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 4  # Its errors come as exceptions, which become ours.
        there = [provider for provider in PROVIDERS if provider in onnxruntime.get_available_providers()]
        try:
            source = model if isinstance(model, bytes) else str(model)
            self._session = onnxruntime.InferenceSession(source, options, providers=there)
        except Exception as error:  # ONNX Runtime has no common base of its own below Exception.
            raise ModelError(f"{self.label}: not an ONNX model, or damaged; get a whole copy") from error
        self.inputs = [Port(item.name, tuple(item.shape)) for item in self._session.get_inputs()]
        self.outputs = [Port(item.name, tuple(item.shape)) for item in self._session.get_outputs()]
        self.metadata = dict(self._session.get_modelmeta().custom_metadata_map)

    def check_takes_a_picture(self, foreign: str) -> None:
        """Raise ModelError, opened by `foreign`, unless the graph's input is one picture of 1x3xHxW."""
        if len(self.inputs) != 1 or len(self.inputs[0].shape) != 4 or self.inputs[0].side(1) not in (None, 3):
            given = ", ".join(f"{item.name} {item.shape}" for item in self.inputs)
            raise ModelError(f"{foreign}: takes {given}, not one picture of 1x3xHxW; choose another")

    def run(self, outputs: list[str], photo: Float32) -> list[Float32]:
        """See `Runtime`; float32, whatever the graph's own numbers are."""
        half = "16" in self._session.get_inputs()[0].type
        given = {self.inputs[0].name: photo.astype(np.float16) if half else photo}
        return [np.asarray(found, np.float32) for found in self._session.run(outputs, given)]

    def run_on_photo(self, output: str, photo: Float32) -> Float32:
        """`run` for one output; ModelError, one line, if it does not run."""
        try:
            return self.run([output], photo)[0]
        except Exception as error:
            raise ModelError(f"{self.label}: cannot be run on a photo ({one_line(error)}); choose another") from error


class OpenVino:
    """A graph in OpenVINO, compiled for each size it meets.

    `cache`: folder for compiled graphs; none are kept on disk if None, or if it cannot be written.

    Raises:
        ModuleNotFoundError: the extra `openvino` is not installed.
        ValueError: bf16, and the processor does not compute in it.
    """

    def __init__(
        self, weights: bytes, threads: int | None, precision: Precision = "fp32", cache: Path | None = None
    ) -> None:
        import openvino

        self._core = openvino.Core()
        if precision == "bf16" and "BF16" not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise ValueError("this processor does not compute in bf16; take fp32")
        self._weights, self._cache = weights, cache
        self._config = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads or 0,
        }
        device = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        said = repr((openvino.__version__, device, sorted(self._config.items()))).encode()
        self._key = hashlib.sha256(weights + said).hexdigest()[:24]
        self._compiled: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        self._alone = Lock()

    def run(self, outputs: list[str], photo: Float32) -> list[Float32]:
        """See `Runtime`."""
        with self._alone:  # A compiled graph takes one photo at a time, with all threads.
            return self._run(outputs, photo)

    def _run(self, outputs: list[str], photo: Float32) -> list[Float32]:
        if photo.shape not in self._compiled:
            self._compiled[photo.shape] = self._compile(photo.shape)
            if len(self._compiled) > SHAPES_KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(photo.shape)
        found = self._compiled[photo.shape]([photo])
        return [np.array(found[name]) for name in outputs]

    def _compile(self, shape: tuple[int, ...]) -> Any:
        """The graph for one size: from the disk, or compiled and put there."""
        kept = None if self._cache is None else self._cache / f"{self._key}-{shape[2]}x{shape[3]}.blob"
        if kept is not None and kept.is_file():
            try:
                return self._core.import_model(kept.read_bytes(), "CPU", self._config)
            except (OSError, RuntimeError):
                kept.unlink(missing_ok=True)  # Cut short or of another kind: it is made anew.
        model = self._core.read_model(self._weights)
        model.reshape(list(shape))
        compiled = self._core.compile_model(model, "CPU", self._config)
        if kept is not None:
            _keep(compiled, kept)
        return compiled


def _keep(compiled: Any, path: Path) -> None:
    """Write a compiled graph whole or not at all, so that several processes can; not being able to is no harm."""
    buffer = io.BytesIO()
    compiled.export_model(buffer)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_output(path, buffer.getvalue(), overwrite=True)
    except (OSError, OutputError):
        pass


def has_openvino() -> bool:
    """Whether OpenVINO is installed."""
    return find_spec("openvino") is not None


def cache_folder() -> Path:
    """Where compiled graphs are kept: the user's cache folder. Needs the extra `openvino`."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("wideopen", appauthor=False))
