"""The network at 1024x1536 px of output: ours beside PyNET as published, a peer, and a blur with a given matte.

    python benchmarks/rendering.py [--rounds 3] [--threads N] [--output FOLDER] [--profile] [--peers]

In one run, taking turns: the first model through ONNX Runtime and, if installed, OpenVINO; full-width PyNET as
published (drawn weights) through ONNX Runtime in float32; OpenCV's pyramid blur mixed by a matte; with `--peers`
Stacked DMSHN's layers (peers.py), which take long and run once. Arithmetic is that of the convolutions in the graph
as trained (ours is shipped rewritten, which adds weights of zero: not counted); the machine's rate is that of a 3x3
convolution of 64 channels through ONNX Runtime. Peak memory is that of a process that loads the graph and runs it once.
Prints a table, who is left out and why, and the figures as JSON on the last line; `speedup` is PyNET's time over ours.
`--output` writes them there as rendering.json, and a chart of the times as rendering.svg. `--profile` adds the
time that ONNX Runtime spends in the operators of the shipped model, by its own profiler, and its 12 longest nodes.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
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
from peers import stacked_dmshn
from wideopen.export.onnx_export import OPSET, Picture
from wideopen.network.pynet import PyNET
from wideopen.options import PyNETConfig, RuntimeName
from wideopen.scene.runtimes import OnnxGraph, OpenVino, has_openvino

FIRST = Path(__file__).parents[1] / "examples" / "models" / "first.onnx"
"""The model that draws its own picture, as all others here do."""
HEIGHT, WIDTH = 512, 768
"""Of the input; the output is twice as large."""
PEAK, PUBLISHED = "one convolution", "PyNET as published"
SKIPPED = {"Bokehlicious-small": "the shapes of its attention layers are not at hand, and a guess is no measurement"}
"""Peers that are not measured, and why."""


@dataclass(frozen=True)
class Contender:
    """What takes its turn: a graph in a runtime, or a function."""

    run: Callable[[], object]
    gmac: float = 0.0
    graph: bytes | None = None
    engine: RuntimeName = "onnxruntime"
    outputs: tuple[str, ...] = ("bokeh",)
    once: bool = False
    """Too slow for several rounds."""


def traced(network: torch.nn.Module, height: int, width: int) -> bytes:
    """A network of drawn weights as an ONNX graph of one size."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(
            network, (torch.zeros(1, 3, height, width),), path, input_names=["photo"], output_names=["bokeh"],
            opset_version=OPSET, dynamo=True, verbose=False, external_data=False,
        )  # fmt: skip
        return path.read_bytes()


def published() -> torch.nn.Module:
    """Full-width PyNET, weights drawn."""
    torch.manual_seed(0)
    return Picture(PyNET(PyNETConfig(), 1)).eval()


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
    """Multiply-adds (10^9) of a graph's convolutions for one input shape, by weights that are not 0."""
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
    kernels = {item.name: np.count_nonzero(numpy_helper.to_array(item)) for item in model.graph.initializer}
    total = 0.0
    for node in model.graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            kernel = kernels[node.input[1]]
            # Each output of a convolution, and each input of a transposed one, meets the whole kernel once.
            area = sizes[node.output[0] if node.op_type == "Conv" else node.input[0]]
            total += float(kernel) * area[2] * area[3]
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


def peak_mib(contender: Contender, photo: np.ndarray, threads: int | None) -> float:
    """Greatest resident memory of a process that loads the graph and runs it once."""
    assert contender.graph is not None
    with tempfile.TemporaryDirectory() as folder:
        graph, given = Path(folder) / "graph.onnx", Path(folder) / "photo.npy"
        graph.write_bytes(contender.graph)
        np.save(given, photo)
        names = ",".join(contender.outputs)
        command = [sys.executable, "-c", MEMORY, str(graph), str(given), contender.engine, str(threads or 0), names]
        return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


# A child's ru_maxrss begins with its parent's; VmHWM (Linux) does not.
MEMORY = """
import sys
from pathlib import Path
import numpy as np
from wideopen.scene.runtimes import OnnxGraph, OpenVino
graph, photo, engine, threads, names = sys.argv[1:]
kind = OpenVino if engine == "openvino" else OnnxGraph
kind(Path(graph).read_bytes(), int(threads) or None).run(names.split(","), np.load(photo))
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024)
"""


Profile = list[tuple[str, str, float]]
"""Operator, node, ms in one run."""


def profile(weights: bytes, photo: np.ndarray, threads: int | None, rounds: int) -> Profile:
    """Nodes of ONNX Runtime's optimised graph as its own profiler sees them, the longest first."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
        for _ in range(rounds + 1):
            session.run(["bokeh", "sharp"], {"photo": photo})
        events = json.loads(Path(session.end_profiling()).read_text())
    times: dict[tuple[str, str], list[float]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            name = event["args"]["op_name"], event["name"].removesuffix("_kernel_time")
            times.setdefault(name, []).append(event["dur"] / 1e3)
    found = [(*name, statistics.median(runs[1:])) for name, runs in times.items()]  # The first one warms up.
    return sorted(found, key=lambda item: -item[2])


def write(folder: Path, report: dict[str, object], found: dict[str, float]) -> None:
    """The figures, and a chart of them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rendering.json").write_text(json.dumps(report, indent=1) + "\n")
    shown = {name: found[name] for name in sorted(found, key=lambda name: found[name]) if name != PEAK}
    title = f"Network at {2 * HEIGHT}x{2 * WIDTH} px of output, seconds (less is better)"
    notes = {name: f"{value:.2f} s" for name, value in shown.items()}
    (folder / "rendering.svg").write_text(bars(title, shown, notes))


def contenders(photo: np.ndarray, threads: int | None, peers: bool) -> dict[str, Contender]:
    full = np.random.default_rng(1).random((2 * HEIGHT, 2 * WIDTH, 3), np.float32)
    feature = np.ones((1, 64, 256, 256), np.float32)
    ours, both = FIRST.read_bytes(), ("bokeh", "sharp")

    def graph(
        weights: bytes, given: np.ndarray, outputs: tuple[str, ...] = ("bokeh",), once: bool = False
    ) -> Contender:
        loaded = OnnxGraph(weights, threads)
        return Contender(
            lambda: loaded.run(list(outputs), given), gmac(weights, given.shape), weights, outputs=outputs, once=once
        )

    found = {
        PEAK: graph(one_convolution(), feature),
        "ours, ONNX Runtime": graph(ours, photo, both),
        PUBLISHED: graph(traced(published(), HEIGHT, WIDTH), photo),
        "pyramid blur, given matte": Contender(lambda: pyramid(full, full[..., 0])),
    }
    if has_openvino():
        compiled = OpenVino(ours, threads)
        found["ours, OpenVINO"] = Contender(
            lambda: compiled.run(list(both), photo), found["ours, ONNX Runtime"].gmac, ours, "openvino", both
        )
    if peers:
        size = 2 * HEIGHT, 2 * WIDTH
        found["Stacked DMSHN"] = graph(traced(stacked_dmshn(), *size), full.transpose(2, 0, 1)[None].copy(), once=True)
    return found


def measure(given: dict[str, Contender], rounds: int) -> dict[str, float]:
    """Median seconds of each, taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in given}
    for number in range(rounds + 1):
        for name, contender in given.items():
            if contender.once and number != 1:
                continue
            started = time.perf_counter()
            contender.run()
            if number:  # The first one warms up.
                seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(times) for name, times in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--output", type=Path, help="folder for rendering.json and rendering.svg")
    parser.add_argument("--profile", action="store_true", help="where ONNX Runtime's time goes in ours")
    parser.add_argument("--peers", action="store_true", help="Stacked DMSHN too: about a minute more, 4 GB")
    options = parser.parse_args()
    photo = np.random.default_rng(0).random((1, 3, HEIGHT, WIDTH), np.float32)
    given = contenders(photo, options.threads, options.peers)
    found = measure(given, options.rounds)
    rate = {name: 2 * contender.gmac / found[name] for name, contender in given.items()}
    rows = {}
    for name, contender in given.items():
        rows[name] = {
            "ms": round(1e3 * found[name], 1),
            "gmac": round(contender.gmac, 2),
            "gflops": round(rate[name], 1),
            "share": round(rate[name] / rate[PEAK], 3),
        }
        if contender.graph is not None and name != PEAK:
            shown = photo if name != "Stacked DMSHN" else np.zeros((1, 3, 2 * HEIGHT, 2 * WIDTH), np.float32)
            rows[name]["peak_mib"] = round(peak_mib(contender, shown, options.threads))
    table = Table("what", "ms", "GMAC", "GFLOP/s", "of the machine's", "MiB", title=f"{2 * HEIGHT}x{2 * WIDTH} px")
    for name in sorted(found, key=lambda name: found[name]):
        row = rows[name]
        figures = f"{row['ms']:.0f}", f"{row['gmac']:.1f}", f"{row['gflops']:.0f}", f"{row['share']:.0%}"
        table.add_row(name, *figures, f"{row['peak_mib']:.0f}" if "peak_mib" in row else "")
    Console().print(table)
    skipped = SKIPPED | ({} if options.peers else {"Stacked DMSHN": "not asked for; it takes long: --peers"})
    for name, reason in skipped.items():
        print(f"{name}: skipped: {reason}")
    speedup = {name: round(found[PUBLISHED] / found[name], 2) for name in found if name.startswith("ours")}
    report: dict[str, object] = {"runs": rows, "speedup": speedup, "onnxruntime": onnxruntime.__version__}
    report["skipped"] = skipped
    if options.profile:
        report["profile"] = show_profile(profile(FIRST.read_bytes(), photo, options.threads, options.rounds))
    if options.output is not None:
        write(options.output, report, found)
    print(json.dumps(report))


def show_profile(nodes: Profile) -> dict[str, dict[str, float]]:
    """Print the profile; return the time of each type of operator for the report."""
    total = sum(ms for _, _, ms in nodes)
    operators: dict[str, list[float]] = {}
    for operator, _, ms in nodes:
        operators.setdefault(operator, []).append(ms)
    table = Table("operator", "nodes", "ms", "share", title="Where ONNX Runtime's time goes, ours")
    for name, times in sorted(operators.items(), key=lambda item: -sum(item[1])):
        table.add_row(name, str(len(times)), f"{sum(times):.1f}", f"{sum(times) / total:.0%}")
    longest = Table("operator", "node", "ms", "share", title="The longest nodes")
    for operator, name, ms in nodes[:12]:
        longest.add_row(operator, name, f"{ms:.1f}", f"{ms / total:.0%}")
    Console().print(table, longest)
    return {name: {"ms": round(sum(times), 2), "nodes": len(times)} for name, times in operators.items()}


if __name__ == "__main__":
    main()
