"""A model in the formats that other programs run, checked against the network it was made of, or refused.

    level1.pt --> torch.export (.pt2)
        |
        v
    ONNX fp32 --> ONNX fp16, int8 (.onnx)   --> OpenVINO fp32, fp16 (.xml + .bin)

The format is told by the output's suffix. The file keeps what it is in an entry called `wideopen`: sizes, value ranges,
licence, precision and the hash of its source.
"""

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from wideopen._types import Float32, Uint8
from wideopen.atomic_write import check_output, write_output
from wideopen.errors import ModelError, OutputError
from wideopen.export.parity import WEIGHTS_STEPS, Agreement, Run, Tell, compare, network_input, ranges
from wideopen.export.quantise import to_fp16, to_int8
from wideopen.network.stored_weights import narrow, widened
from wideopen.pairs.pairs import Pair, load_image
from wideopen.pairs.stacks import SUFFIXES
from wideopen.scene.model import Engine

PRECISIONS = {".onnx": ("fp32", "fp16", "int8"), ".xml": ("fp32", "fp16"), ".pt2": ("fp32",)}
MOST_LOSS = 0.5
"""dB; the PSNR on held-out pairs that 8 bits may cost."""
REFUSED = {
    ".tflite": (
        "LiteRT is not written here: its converter, litert-torch, does not install beside this PyTorch; in an "
        "environment of its own, pip install litert-torch and convert a .pt2, or run the .onnx with ONNX Runtime"
    ),
    ".mlpackage": (
        "Core ML is not written here: coremltools 9 does not read this PyTorch's graphs, and the runtime to check it "
        "with is macOS's; there, pip install onnxruntime and run the .onnx with its CoreMLExecutionProvider"
    ),
}


@dataclass(frozen=True)
class Exported:
    """What was written."""

    files: tuple[Path, ...]
    size: int
    """Bytes of all files."""
    agreement: Agreement
    outputs: tuple[str, ...] = ()
    """Names of what the model gives, in the order of `agreement`'s."""
    loss: float | None = None
    """dB of PSNR lost on held-out pairs; None where that was not measured."""


@dataclass(frozen=True, eq=False)
class Source:
    """A model to be converted: its ONNX graph in 32 bits, what it says of itself, and the network to compare with."""

    path: Path
    data: bytes
    values: dict[str, Any]
    reference: Run
    network: Any = None
    """The PyTorch network, if it came from weights."""


def export_model(
    source: Path,
    output: Path,
    *,
    precision: str = "fp32",
    weight_bits: int = 32,
    photos: Sequence[Uint8] = (),
    calibrate: Sequence[Uint8] = (),
    pairs: Sequence[Pair] = (),
    overwrite: bool = False,
    tell: Tell | None = None,
    **details: Any,
) -> Exported:
    """Convert a model and keep it only if it still is the same network.

    Args:
        source: weights (.pt) of a run, level1.pt for one, or an .onnx file of this package.
        output: .onnx, .xml (OpenVINO, with a .bin beside it) or .pt2 (torch.export).
        precision: fp32, fp16 or int8; int8 of ONNX only.
        weight_bits: 32, 16 or 12, as of `wideopen.export.onnx_export.export_onnx`; fewer than 32 of ONNX in fp32 only.
        photos: HxWx3 uint8 photos, at least one, that both are run on.
        calibrate: photos that int8 finds its ranges on.
        pairs: held-out pairs, on which int8 may lose 0.5 dB.
        tell: told of each step before it begins.
        details: `name`, `working_side` and `info`, as of `wideopen.export.onnx_export.export_onnx`.

    Raises ModelError if the format cannot be made, a file is not what it must be, or the result differs too much, and
    OutputError if it cannot be written; nothing is kept then. ModuleNotFoundError if the runtime is not installed.
    """
    suffix = output.suffix.lower()
    _check_request(output, precision, photos, bool(calibrate and pairs))
    for path in (output, *([output.with_suffix(".bin")] if suffix == ".xml" else [])):
        check_output(path, overwrite)
    own = 3 if precision == "int8" else 2
    before = 1 if source.suffix.lower() == ".onnx" else WEIGHTS_STEPS

    def step(number: int, what: str) -> None:
        if tell is not None:
            tell(number, before + own, what)

    model = open_source(source, details, lambda number, steps, what: step(number, what))
    step(before + 1, f"converting to {suffix} in {precision}")
    inputs = [_input(model, photo) for photo in photos]
    model.values["precision"] = precision
    if suffix == ".pt2":
        files, run = _torch_export(model, output)
    elif suffix == ".xml":
        files, run = _openvino(model, output, precision)
    else:
        files, run = _onnx(model, output, precision, weight_bits, calibrate)
    step(before + 2, f"comparing with the network, photos: {len(inputs)}")
    agreement = compare(model.reference, run, inputs)
    rounded = precision if weight_bits == 32 else "fp16"
    agreement.check(str(output), rounded, picture="matte" not in outputs_of(model.data))
    if precision == "int8":
        step(before + 3, f"rendering with both, held-out pairs: {len(pairs)}")
    loss = psnr_loss(model.data, files[output], pairs) if precision == "int8" else None
    if loss is not None and loss > MOST_LOSS:
        raise ModelError(f"{output}: not kept, it loses {loss:.2f} dB on {len(pairs)} pairs, {MOST_LOSS} are allowed")
    _write(files, overwrite)
    return Exported(tuple(files), sum(map(len, files.values())), agreement, tuple(outputs_of(model.data)), loss)


def open_source(path: Path, details: dict[str, Any] | None = None, tell: Tell | None = None) -> Source:
    """Weights, exported to ONNX on the way, or an .onnx file; ModelError if it is neither. See `export_model`."""
    if path.suffix.lower() != ".onnx":
        from wideopen.export.onnx_export import export_onnx, run_network

        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "fp32.onnx"
            export_onnx(path, file, tell=tell, **(details or {}))
            made = open_source(file)
        network, reference = run_network(path)
        return Source(path, made.data, {**made.values, "source_sha256": _hash(path.read_bytes())}, reference, network)
    if tell is not None:
        tell(1, 1, f"reading {path.name}")
    Engine(path)  # Says what is wrong with a file that is no model of ours.
    data = path.read_bytes()
    entries = {entry.key: entry.value for entry in onnx.load_from_string(data).metadata_props}
    given = details or {}
    named = {key: given[key] for key in ("name", "working_side") if given.get(key) is not None}
    values = {
        "licence": "not stated", **json.loads(entries["wideopen"]), "ranges": ranges(outputs_of(data)),
        "source_sha256": _hash(data), **named, **given.get("info", {}),
    }  # fmt: skip
    return Source(path, widened(data), values, run_onnx(data))


def outputs_of(data: bytes) -> list[str]:
    """Names of what an ONNX graph gives."""
    return [output.name for output in onnx.load_from_string(data).graph.output]


def run_onnx(data: bytes) -> Run:
    """An ONNX graph in ONNX Runtime, on the CPU."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return lambda photo: [np.asarray(plane) for plane in session.run(None, {"photo": photo})]


def photos_below(folder: Path, most: int) -> list[Uint8]:
    """Up to so many photos of a folder, in the order of their names; ModelError if there are none."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES) if folder.is_dir() else []
    if not paths:
        raise ModelError(f"{folder}: no photos here; give a folder of photos to calibrate on")
    return [load_image(path) for path in paths[:most]]


def psnr_loss(reference: bytes, candidate: bytes, pairs: Sequence[Pair]) -> float:
    """Mean PSNR of rendered pairs by the one model less that by the other, dB; both are ONNX."""
    from wideopen.evaluation.evaluate import evaluate

    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("reference.onnx", "candidate.onnx")]
        for path, data in zip(files, (reference, candidate), strict=True):
            path.write_bytes(data)
        first, second = (evaluate(pairs, path).values("ours", "psnr").mean() for path in files)
    return float(first - second)


def _check_request(output: Path, precision: str, photos: Sequence[Uint8], int8_has_all: bool) -> None:
    """ModelError unless the format is one that is written here and all it needs was given."""
    suffix = output.suffix.lower()
    if suffix in REFUSED:
        raise ModelError(f"{output}: {REFUSED[suffix]}")
    if suffix not in PRECISIONS:
        raise ModelError(f"{output}: no format of this name; end it in {', '.join(PRECISIONS)}")
    if precision not in PRECISIONS[suffix]:
        raise ModelError(f"{output}: {precision} is not made of {suffix}; take {' or '.join(PRECISIONS[suffix])}")
    if not photos:
        raise ModelError(f"{output}: nothing to compare it on; give a photo (--photo)")
    if precision == "int8" and not int8_has_all:
        raise ModelError(f"{output}: int8 needs photos (--calibrate DIR) and held-out pairs (--pairs DIR)")


def _write(files: dict[Path, bytes], overwrite: bool) -> None:
    """All of them, or, where none was there before, none."""
    new = [path for path in files if not path.exists()]
    try:
        for path, data in files.items():
            write_output(path, data, overwrite)
    except OutputError:
        for path in new:
            path.unlink(missing_ok=True)
        raise


def _input(model: Source, photo: Uint8) -> Float32:
    values = model.values
    return network_input(photo, round(values["working_side"] / values["scale"]), values["multiple"])


def _onnx(
    model: Source, output: Path, precision: str, weight_bits: int, calibrate: Sequence[Uint8]
) -> tuple[dict[Path, bytes], Run]:
    data = model.data
    if precision == "fp16":
        data = to_fp16(data)
    elif precision == "int8":
        data = to_int8(data, [_input(model, photo) for photo in calibrate])
    graph = onnx.load_from_string(data)
    if weight_bits < 32:
        narrow(graph, weight_bits)
    del graph.metadata_props[:]
    graph.metadata_props.append(onnx.StringStringEntryProto(key="wideopen", value=json.dumps(model.values)))
    data = graph.SerializeToString()
    return {output: data}, run_onnx(data)


def _openvino(model: Source, output: Path, precision: str) -> tuple[dict[Path, bytes], Run]:
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source.onnx", Path(folder) / output.name
        source.write_bytes(model.data)
        graph = openvino.convert_model(source)
        graph.set_rt_info(json.dumps(model.values), ["wideopen"])
        openvino.save_model(graph, target, compress_to_fp16=precision == "fp16")
        files = {output.with_suffix(".bin"): target.with_suffix(".bin").read_bytes(), output: target.read_bytes()}
        compiled = openvino.Core().compile_model(target, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    names = outputs_of(model.data)

    def run(photo: Float32) -> list[Float32]:
        found = compiled([photo])
        return [np.array(found[name]) for name in names]

    return files, run


def _torch_export(model: Source, output: Path) -> tuple[dict[Path, bytes], Run]:
    if model.network is None:
        raise ModelError(f"{model.path}: torch.export starts from trained weights; give level1.pt of a run")
    from wideopen.export.onnx_export import save_program

    data, run = save_program(model.network, json.dumps(model.values))
    return {output: data}, run


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
