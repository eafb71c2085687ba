"""The network at 1024x1536 px of output: ours beside PyNET as published and beside a blur with a given matte.

    python benchmarks/rendering.py [--rounds 3] [--threads N] [--output FOLDER] [--profile]

In one run, taking turns: the shipped model through ONNX Runtime and, if installed, OpenVINO; full-width PyNET as
published (random weights) through ONNX Runtime in float32; OpenCV's pyramid blur mixed by a matte. Arithmetic is
counted from the graphs; the machine's rate is that of a 3x3 convolution of 64 channels through ONNX Runtime. Prints a
table, who is left out and why, and the figures as JSON on the last line; `speedup` is PyNET's time over ours.
`--output` writes them there as rendering.json, and a chart of the times as rendering.svg. `--profile` adds the time
that ONNX Runtime spends in each type of operator of the shipped model, by its own profiler.
"""

import argparse
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console
from rich.table import Table

from chart import bars
from wideopen.engine import SHIPPED
from wideopen.export import OPSET, Picture
from wideopen.options import PyNETConfig
from wideopen.pynet import PyNET
from wideopen.runtimes import OnnxRuntime, OpenVino, has_openvino

HEIGHT, WIDTH = 512, 768
"""Of the input; the output is twice as large."""
Run = Callable[[], object]
SKIPPED = {
    "Stacked DMSHN": "its layer shapes are not at hand (known: 10.8 M parameters), and a guess is no measurement",
    "Bokehlicious-small": "its layer shapes are not at hand, and a guess is no measurement",
}
"""Peers that are not measured, and why."""


def published(folder: Path) -> bytes:
    """Full-width PyNET as an ONNX graph of this size, weights drawn."""
    torch.manual_seed(0)
    network = Picture(PyNET(PyNETConfig(), 1)).eval()
    path = folder / "pynet.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (torch.zeros(1, 3, HEIGHT, WIDTH),), path, input_names=["photo"], output_names=["bokeh"],
            opset_version=OPSET, dynamo=True, verbose=False, external_data=False,
        )  # fmt: skip
    return path.read_bytes()


def one_convolution(channels: int = 64, side: int = 256) -> bytes:
    """A graph of one 3x3 convolution."""
    weight = numpy_helper.from_array(np.ones((channels, channels, 3, 3), np.float32), "weight")
    shape = [1, channels, side, side]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("photo", "bokeh")]
    node = helper.make_node("Conv", ["photo", "weight"], ["bokeh"], pads=[1, 1, 1, 1])
    graph = helper.make_graph([node], "one", values[:1], values[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    return model.SerializeToString()


def gmac(weights: bytes, shape: tuple[int, ...]) -> float:
    """Multiply-adds (10^9) of a graph's convolutions for one input shape."""
    model = onnx.load_from_string(weights)
    for size, value in zip(model.graph.input[0].type.tensor_type.shape.dim, shape, strict=True):
        size.dim_value = value
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    sizes = {
        item.name: [size.dim_value for size in item.type.tensor_type.shape.dim]
        for item in (*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output)
    }
    kernels = {item.name: list(item.dims) for item in model.graph.initializer}
    total = 0.0
    for node in model.graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            kernel = kernels[node.input[1]]
            # Each output of a convolution, and each input of a transposed one, meets the whole kernel once.
            area = sizes[node.output[0] if node.op_type == "Conv" else node.input[0]]
            total += float(np.prod(kernel)) * area[2] * area[3]
    return total / 1e9


def pyramid(photo: np.ndarray, matte: np.ndarray) -> np.ndarray:
    """A photo blurred by three pyramid steps where a matte is 0."""
    small = photo
    for _ in range(3):
        small = cv2.pyrDown(small)
    for _ in range(3):
        small = cv2.pyrUp(small)
    soft = small[: photo.shape[0], : photo.shape[1]]
    return soft + matte[..., None] * (photo - soft)


def profile(weights: bytes, photo: np.ndarray, threads: int | None, rounds: int) -> dict[str, tuple[float, int]]:
    """Operator type -> (ms in one run, how many there are), as ONNX Runtime's profiler sees its optimised graph."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        for _ in range(rounds + 1):
            session.run(["bokeh", "sharp"], {"photo": photo})
        events = json.loads(Path(session.end_profiling()).read_text())
    nodes = [event for event in events if event.get("cat") == "Node" and event["name"].endswith("_kernel_time")]
    times: dict[tuple[str, str], list[float]] = {}
    for event in nodes:
        times.setdefault((event["args"]["op_name"], event["name"]), []).append(event["dur"] / 1e3)
    found: dict[str, tuple[float, int]] = {}
    for (operator, _), runs in times.items():
        before, count = found.get(operator, (0.0, 0))
        found[operator] = before + statistics.median(runs[1:]), count + 1  # The first one warms up.
    return dict(sorted(found.items(), key=lambda item: -item[1][0]))


def write(folder: Path, report: dict[str, object], found: dict[str, float]) -> None:
    """The figures, and a chart of them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rendering.json").write_text(json.dumps(report, indent=1) + "\n")
    shown = {name: found[name] for name in sorted(found, key=lambda name: found[name]) if name != "convolution 64"}
    title = f"Network at {2 * HEIGHT}x{2 * WIDTH} px of output, seconds (less is better)"
    notes = {name: f"{value:.2f} s" for name, value in shown.items()}
    (folder / "rendering.svg").write_text(bars(title, shown, notes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--output", type=Path, help="folder for rendering.json and rendering.svg")
    parser.add_argument("--profile", action="store_true", help="time of each type of operator in ONNX Runtime")
    options = parser.parse_args()
    photo = np.random.default_rng(0).random((1, 3, HEIGHT, WIDTH), np.float32)
    full = np.random.default_rng(1).random((2 * HEIGHT, 2 * WIDTH, 3), np.float32)
    feature = np.ones((1, 64, 256, 256), np.float32)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs, peak = SHIPPED.read_bytes(), published(Path(folder)), one_convolution()
    work = {
        "convolution 64": gmac(peak, feature.shape),
        "ours": gmac(ours, photo.shape),
        "PyNET": gmac(theirs, photo.shape),
    }
    loaded = {name: OnnxRuntime(graph, options.threads) for name, graph in (("ours", ours), ("PyNET", theirs))}
    alone = OnnxRuntime(peak, options.threads)
    runs: dict[str, tuple[Run, float]] = {
        "convolution 64": (lambda: alone.run(["bokeh"], feature), work["convolution 64"]),
        "ours, ONNX Runtime": (lambda: loaded["ours"].run(["bokeh", "sharp"], photo), work["ours"]),
        "PyNET as published": (lambda: loaded["PyNET"].run(["bokeh"], photo), work["PyNET"]),
        "pyramid blur, given matte": (lambda: pyramid(full, full[..., 0]), 0.0),
    }
    if has_openvino():
        compiled = OpenVino(ours, options.threads)
        runs["ours, OpenVINO"] = (lambda: compiled.run(["bokeh", "sharp"], photo), work["ours"])
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(options.rounds + 1):
        for name, (run, _) in runs.items():
            started = time.perf_counter()
            run()
            if number:  # The first one warms up.
                seconds[name].append(time.perf_counter() - started)
    found = {name: statistics.median(times) for name, times in seconds.items()}
    rate = {name: 2 * runs[name][1] / found[name] for name in runs}
    table = Table("what", "ms", "GMAC", "GFLOP/s", "of the machine's", title=f"{2 * HEIGHT}x{2 * WIDTH} px of output")
    for name in sorted(found, key=lambda name: found[name]):
        share = rate[name] / rate["convolution 64"]
        table.add_row(name, f"{1e3 * found[name]:.0f}", f"{runs[name][1]:.1f}", f"{rate[name]:.0f}", f"{share:.0%}")
    Console().print(table)
    for name, reason in SKIPPED.items():
        print(f"{name}: skipped: {reason}")
    runs_report = {
        name: {"ms": round(1e3 * found[name], 1), "gmac": round(runs[name][1], 2), "gflops": round(rate[name], 1)}
        for name in found
    }
    speedup = {name: round(found["PyNET as published"] / found[name], 2) for name in found if name.startswith("ours")}
    report: dict[str, object] = {"runs": runs_report, "speedup": speedup, "onnxruntime": onnxruntime.__version__}
    report["skipped"] = SKIPPED
    if options.profile:
        report["profile"] = show_profile(profile(ours, photo, options.threads, options.rounds))
    if options.output is not None:
        write(options.output, report, found)
    print(json.dumps(report))


def show_profile(operators: dict[str, tuple[float, int]]) -> dict[str, dict[str, float]]:
    """Print the profile; return it for the report."""
    total = sum(ms for ms, _ in operators.values())
    table = Table("operator", "nodes", "ms", "share", title="Where ONNX Runtime's time goes, ours")
    for name, (ms, count) in operators.items():
        table.add_row(name, str(count), f"{ms:.1f}", f"{ms / total:.0%}")
    Console().print(table)
    return {name: {"ms": round(ms, 2), "nodes": count} for name, (ms, count) in operators.items()}


if __name__ == "__main__":
    main()
