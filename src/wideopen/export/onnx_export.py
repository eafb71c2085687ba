"""A trained network as one self-describing ONNX file, compared with the network it came from, or refused."""

import hashlib
import io
import json
import subprocess
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wideopen._version import __version__
from wideopen.atomic_write import check_output, write_output
from wideopen.errors import ModelError
from wideopen.export.graph_rewrites import fold
from wideopen.export.parity import WEIGHTS_STEPS, Run, Tell, network_input, ranges
from wideopen.network.checkpoint import load_weights
from wideopen.network.heads import SceneMaps
from wideopen.network.pynet import SIDE_MULTIPLE, PyNET
from wideopen.network.stored_weights import narrow

FORMAT = 1
TOLERANCE = 1e-3
"""Largest difference from the trained network, in any pixel of 0..1, that is still the same network."""
ROUNDED_TOLERANCE = 0.03
"""The same where weights are rounded to fewer bits: a pixel at an edge that is in doubt may go either way."""
OPSET = 20
OUTPUTS = {"blend": ["bokeh", "sharp"], "lens": ["matte", "relative"]}
"""Names of what a network gives, by its head; all others give a picture."""


class Picture(nn.Module):
    """PyNET as it is exported: a picture clipped to what one can hold, or a lens head's maps at the input's size."""

    def __init__(self, network: PyNET) -> None:
        super().__init__()
        self.network = network

    def forward(self, photo: Tensor) -> tuple[Tensor, ...]:
        output = self.network(photo)
        if isinstance(output, SceneMaps):
            if self.network.level == 2:
                return output.matte, output.relative
            size = photo.shape[2:]
            matte, relative = (F.interpolate(plane, size=size, mode="bilinear") for plane in output)
            return matte, relative
        bokeh = output.bokeh.clamp(0.0, 1.0)
        return (bokeh,) if output.sharp is None else (bokeh, output.sharp)


def export_onnx(
    weights: Path,
    output: Path,
    *,
    name: str | None = None,
    working_side: int | None = None,
    photos: Sequence[np.ndarray] = (),
    info: dict[str, Any] | None = None,
    weight_bits: int = 32,
    overwrite: bool = False,
    tell: Tell | None = None,
) -> float:
    """Export the weights of a level 1 network and return its largest difference from them, in 0..1.

    Args:
        weights: a .pt file of a training run or of `wideopen convert`.
        output: the .onnx file.
        name: the model's name; the recipe's if not given.
        working_side: long side in px of the network's picture; one and a third times the square it was
            trained on if not given, which is a 4:3 photo of the same short side.
        photos: HxWx3 uint8 RGB photos to compare with, beside noise, at the size that the network is shown.
        info: further plain values kept in the file (licence, data, metrics).
        weight_bits: that large weights are kept in, computed with in 32: 32, 16 (half the file), or 12 for the largest
            and 16 for the rest, which is a seventh smaller still.
        overwrite: replace an existing file.
        tell: told of each step before it begins; tracing takes by far the longest, minutes for a large network.

    Weights of a lens head may be of any level. Raises ModelError if others are not of level 1 or the export differs too
    much, OutputError if the file exists or cannot be written; nothing is kept then.
    """
    check_output(output, overwrite)
    tell = tell or (lambda number, steps, what: None)
    tell(1, WEIGHTS_STEPS, f"reading {weights.name}")
    network, kept = load_weights(weights)
    if network.level != 1 and network.config.head != "lens":
        raise ModelError(f"{weights}: holds level {network.level}; only level 1 draws a whole picture, give level1.pt")
    recipe = kept.get("recipe", {})
    scale = 1 if network.config.head == "lens" else 2
    side = working_side or _default_side(recipe, scale)
    values = {
        "format": FORMAT,
        "name": name or recipe.get("name", weights.stem),
        "multiple": SIDE_MULTIPLE,
        "scale": scale,
        "working_side": side,
        "mirrored": network.prior is None,
        "ranges": ranges(OUTPUTS.get(network.config.head, ["bokeh"])),
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "config": asdict(network.config),
        "recipe": recipe,
        "commit": _commit(),
        "wideopen": __version__,
        "metrics": kept.get("metrics", {}),
        "licence": "not stated",
        **(info or {}),
    }
    tell(
        2,
        WEIGHTS_STEPS,
        f"tracing {sum(p.numel() for p in network.parameters()) / 1e6:.1f} million weights into a graph",
    )
    traced = strip(trace(network))
    tell(3, WEIGHTS_STEPS, f"rewriting {len(traced.graph.node)} nodes for speed")
    model = fold(traced)
    model.metadata_props.append(onnx.StringStringEntryProto(key="wideopen", value=json.dumps(values)))
    if weight_bits < 32:
        narrow(model, weight_bits)
    data = model.SerializeToString()
    tell(4, WEIGHTS_STEPS, f"comparing with the network on noise and on photos ({len(photos)} given)")
    difference = compare(network, data, [network_input(photo, round(side / scale), SIDE_MULTIPLE) for photo in photos])
    allowed = TOLERANCE if weight_bits == 32 else ROUNDED_TOLERANCE
    if difference > allowed:
        raise ModelError(
            f"{output}: not kept, it differs from {weights} by {difference:.4f} where {allowed} is allowed"
        )
    write_output(output, data, overwrite)
    return difference


def run_network(weights: Path) -> tuple[PyNET, Run]:
    """A trained network and how it is run on a [1, 3, H, W] photo."""
    network, _ = load_weights(weights)
    return network, _runner(Picture(network).eval())


def save_program(network: PyNET, values: str) -> tuple[bytes, Run]:
    """The network by torch.export, of free batch, height and width, with `values` in its extra file `wideopen`."""
    example, shapes = _example(network)
    program = torch.export.export(Picture(network).eval(), (example,), dynamic_shapes=shapes)
    buffer = io.BytesIO()
    torch.export.save(program, buffer, extra_files={"wideopen": values})
    data = buffer.getvalue()
    return data, _runner(torch.export.load(io.BytesIO(data)).module())


def _runner(module: nn.Module) -> Run:
    def run(photo: np.ndarray) -> list[np.ndarray]:
        with torch.no_grad():
            return [plane.numpy() for plane in module(torch.from_numpy(photo))]

    return run


def _example(network: PyNET) -> tuple[Tensor, Any]:
    """A photo to trace with, and what of its shape is free."""
    photo = torch.rand(2, network.config.in_channels, 3 * SIDE_MULTIPLE, 4 * SIDE_MULTIPLE)
    batch = torch.export.Dim("batch", min=1, max=64)
    rows, columns = (torch.export.Dim(key, min=1, max=512) for key in ("rows", "columns"))
    return photo, ({0: batch, 2: SIDE_MULTIPLE * rows, 3: SIDE_MULTIPLE * columns},)


@torch.library.custom_op("wideopen::relu6", mutates_args=())
def _relu6(x: Tensor) -> Tensor:
    return F.relu6(x)


_relu6.register_fake(torch.empty_like)


class _ReLU6(nn.Module):
    """ReLU6 as one step. PyTorch would trace it through a dozen others, each with sizes that are symbols."""

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = _relu6(x)
        return y


def _light(network: PyNET) -> PyNET:
    """The network, its pretrained encoder a copy that is traced in half the time, into the same graph.

    The exporter would fold batch norms, too, but only after it has traced each.
    """
    if network.backbone is None:
        return network
    light = deepcopy(network)
    assert light.backbone is not None
    light.backbone.fold_norms()
    for module in light.backbone.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU6):
                setattr(module, name, _ReLU6())
    return light


def trace(network: PyNET) -> onnx.ModelProto:
    """The network as an ONNX graph with free batch, height and width."""
    from onnxscript import opset20

    photo, shapes = _example(network)
    names = OUTPUTS.get(network.config.head, ["bokeh"])
    program = torch.onnx.export(
        Picture(_light(network)).eval(),
        (photo,),
        dynamo=True,
        input_names=["photo"],
        output_names=names,
        dynamic_shapes=shapes,
        opset_version=OPSET,
        verbose=False,
        optimize=True,
        custom_translation_table={torch.ops.wideopen.relu6.default: lambda x: opset20.Clip(x, 0.0, 6.0)},
    )
    assert program is not None
    return program.model_proto


def strip(model: onnx.ModelProto) -> onnx.ModelProto:
    """Take out names, source lines and shapes of the tracing, which nothing needs."""
    del model.graph.value_info[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    return model


def compare(network: PyNET, data: bytes, photos: Sequence[np.ndarray] = ()) -> float:
    """Run the file by its own runtime beside the network; largest difference over all outputs and pictures.

    Photos are [1, 3, H, W]; condition channels are 0. Noise is one more.
    """
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    channels = network.config.in_channels
    batches = [rng.random((1, channels, 64, 128), np.float32)]
    for photo in photos:
        batches.append(np.concatenate([photo] + [photo[:, :1] * 0] * (channels - 3), axis=1))
    run, worst = _runner(Picture(network)), 0.0
    for batch in batches:
        theirs = session.run(None, {"photo": batch})
        worst = max(worst, *(float(np.abs(a - b).max()) for a, b in zip(run(batch), theirs, strict=True)))
    return worst


def _default_side(recipe: dict[str, Any], scale: int) -> int:
    square = scale * int(recipe.get("pairs", {}).get("input", 512))
    step = scale * SIDE_MULTIPLE
    return round(square * 4 / 3 / step) * step


def _commit() -> str:
    """The commit this code is at, or nothing outside a checkout."""
    here = Path(__file__).parent
    answer = subprocess.run(
        ["git", "-C", str(here), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()
