"""Weights of the 2020 release (aiff22/PyNET-Bokeh, TensorFlow 1 graph) as ours.

What such a checkpoint holds: the release makes every variable without a name inside one scope, so the file knows
them as `generator/Variable`, `generator/Variable_1`, .. in the order in which its graph was built, and the graph is
the whole network at whatever level was trained. Optimiser slots (`generator/Variable_3/Adam`) and counters may lie
beside them. The order is that of the network itself: the encoders from level 3 to 6, then the levels from 7 to 1,
each with its blocks, its up-samplings and its head; a convolution is kernel, bias, then shift and scale of its norm.

Layouts: kernels (h, w, in, out) and transposed kernels (h, w, out, in) both become ours by the same turn of axes
(3, 2, 0, 1), without mirroring: TensorFlow's transposed convolution scatters its kernel just as PyTorch's does.

TensorFlow (extra `convert`) is imported here only, when a checkpoint is read.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from wideopen.errors import ModelError, OutputError, one_line
from wideopen.network.blocks import InstanceNorm
from wideopen.network.checkpoint import save_weights
from wideopen.network.pynet import ENCODED, LARGEST, LEVELS, SMALLEST, PyNET
from wideopen.options import PyNETConfig

VARIABLE = re.compile(r"generator/Variable(?:_(\d+))?")
CHECKPOINT_FILE = re.compile(r"(.+)\.(?:index|meta|data-\d{5}-of-\d{5})")
OUR_AXES, THEIR_AXES = (3, 2, 0, 1), (2, 3, 1, 0)
INITIAL_BIAS = np.float32(0.01)
"""Every bias of the release starts at exactly this value; Adam's first step moves those it trains."""

Shape = tuple[int, ...]


def convert(checkpoint: Path, output: Path, *, level: int | None = None, overwrite: bool = False) -> PyNET:
    """Read a checkpoint of the 2020 release and write it as our weights.

    Args:
        checkpoint: its name without `.index` / `.data-00000-of-00001`, one of those files, or their folder.
        output: the weights file to write (.pt).
        level: level whose head the network gives, 7 .. 1; the last one that was trained if not given.
        overwrite: replace `output` if it is there.

    Returns the network on the CPU in eval mode, with the heads of every level from 7 down to its own.

    Raises:
        OutputError: `output` exists, or cannot be written.
        ModelError: no such checkpoint, a damaged one, or one of another network; the message names the file.
        ModuleNotFoundError: TensorFlow is not installed.
    """
    if output.exists() and not overwrite:
        raise OutputError(f"{output}: already exists; choose another name or overwrite it (overwrite=True)")
    network = read_release(checkpoint, level)
    source = {"checkpoint": checkpoint.name, "network": "PyNET-Bokeh, 2020 release", "level": network.level}
    save_weights(output, network, source=source)
    return network


def read_release(checkpoint: Path, level: int | None = None) -> PyNET:
    """The network of a checkpoint of the 2020 release; arguments and errors as those of `convert`."""
    shapes, read = _open(checkpoint)
    names = release_order(_outline(PyNETConfig()))
    found = _graph_variables(checkpoint, shapes, len(names))
    config = _config(checkpoint, dict(zip(names, found, strict=True)))
    outline = _outline(config)
    _check_shapes(checkpoint, outline, dict(zip(names, found, strict=True)))

    values = {name: read(_variable(index)) for index, name in enumerate(names)}
    for index, (name, value) in enumerate(values.items()):
        if not np.isfinite(value).all():
            raise ModelError(f"{checkpoint}: {_variable(index)} ({name}) is not finite; give an earlier one")
    trained = _trained_level(checkpoint, values)
    if level is None:
        level = trained
    elif level < trained:
        raise ModelError(f"{checkpoint}: trained down to level {trained} only; ask for level {trained} or a higher one")
    network = _outline(config, level)
    network.load_state_dict({name: torch.from_numpy(values[name]) for name in network.state_dict()}, assign=True)
    return network.eval()


def release_order(network: PyNET) -> list[str]:
    """Parameter names of a whole published PyNET in the order in which the 2020 release makes its variables."""
    levels = {number: getattr(network, f"level{number}") for number in range(SMALLEST, LARGEST - 1, -1)}
    names: list[str] = []
    for number in ENCODED:
        names += _parameters(levels[number].encoder, f"level{number}.encoder")
    for number, level in levels.items():
        for part, module in level.named_children():
            if part != "encoder":
                names += _parameters(module, f"level{number}.{part}")
    return names


def _parameters(part: nn.Module, path: str) -> Iterator[str]:
    """Parameters below a module in the release's order: a norm's shift comes before its scale."""
    for name, module in part.named_modules(prefix=path):
        own = [end for end, _ in module.named_parameters(recurse=False)]
        for end in reversed(own) if isinstance(module, InstanceNorm) else own:
            yield f"{name}.{end}"


def _outline(config: PyNETConfig, level: int = LARGEST) -> PyNET:
    """The network without memory for its weights: no starting weights need be drawn."""
    with torch.device("meta"):
        return PyNET(config, level, all_heads=True)


def _variable(index: int) -> str:
    return f"generator/Variable_{index}" if index else "generator/Variable"


def _turned(shape: Shape, axes: Shape) -> Shape:
    """A kernel's shape in the other layout; biases, shifts and scales have one axis and stay."""
    return tuple(shape[axis] for axis in axes) if len(shape) == 4 else shape


def _graph_variables(checkpoint: Path, shapes: dict[str, Shape], expected: int) -> list[Shape]:
    """Shapes of the release's own variables by index, whatever else the file holds."""
    matches = {name: VARIABLE.fullmatch(name) for name in shapes}
    found = {int(match[1] or 0): shapes[name] for name, match in matches.items() if match}
    if not found:
        held = f"{len(shapes)} others, such as {min(shapes)}" if shapes else "no variables at all"
        raise ModelError(f"{checkpoint}: not of the 2020 release: it has no {_variable(0)}, but {held}")
    missing = [index for index in range(expected) if index not in found]
    if missing or len(found) != expected:
        detail = f"{_variable(missing[0])} is missing" if missing else f"{_variable(max(found))} is too many"
        raise ModelError(
            f"{checkpoint}: has {len(found)} variables of the network, expected {expected} ({detail}); "
            "give a checkpoint of the release's whole graph"
        )
    return [found[index] for index in range(expected)]


def _config(checkpoint: Path, shapes: dict[str, Shape]) -> PyNETConfig:
    """Input channels and width, from the first encoder's kernel and the widest level's."""
    first = shapes[f"level{min(ENCODED)}.encoder.k3.a.conv.weight"]
    widest = shapes[f"level{SMALLEST}.block1.k3.a.conv.weight"]
    try:
        # Space-to-depth puts 2x2 pixels on the channels of the first convolution.
        return PyNETConfig(in_channels=first[2] // 4, width=widest[3] / LEVELS[SMALLEST].channels)
    except (IndexError, ValueError) as error:
        raise ModelError(
            f"{checkpoint}: not PyNET of the 2020 release: its first kernel is {list(first)}, its widest {list(widest)}"
        ) from error


def _check_shapes(checkpoint: Path, outline: PyNET, shapes: dict[str, Shape]) -> None:
    expected = outline.state_dict()
    for index, (name, shape) in enumerate(shapes.items()):
        wanted = _turned(tuple(expected[name].shape), THEIR_AXES)
        if shape != wanted:
            raise ModelError(
                f"{checkpoint}: {_variable(index)} has shape {list(shape)}, expected {list(wanted)} ({name}); "
                "this is another network than the 2020 release's"
            )


def _trained_level(checkpoint: Path, values: dict[str, NDArray[np.float32]]) -> int:
    """The level training has come to: the lowest number whose head has left its starting value."""
    for level in range(LARGEST, SMALLEST + 1):
        if np.any(values[f"level{level}.head.bias"] != INITIAL_BIAS):
            return level
    raise ModelError(f"{checkpoint}: no level of it has been trained; give a checkpoint from after a training step")


def _open(checkpoint: Path) -> tuple[dict[str, Shape], Callable[[str], NDArray[np.float32]]]:
    """Shapes of everything in a checkpoint, and a function that reads one variable in our layout."""
    prefix = _prefix(checkpoint)
    import tensorflow as tf

    # The reader raises RuntimeError, ValueError or its own OpError by kind of damage, none of them for a person.
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        shapes = {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    except Exception as error:
        raise ModelError(f"{checkpoint}: a damaged TensorFlow checkpoint ({one_line(error)})") from error

    def read(name: str) -> NDArray[np.float32]:
        try:
            value = np.asarray(reader.get_tensor(name), np.float32)
        except Exception as error:
            raise ModelError(f"{checkpoint}: a damaged TensorFlow checkpoint: {name}: {one_line(error)}") from error
        return np.ascontiguousarray(value.transpose(OUR_AXES) if value.ndim == 4 else value)

    return shapes, read


def _prefix(checkpoint: Path) -> Path:
    """The name TensorFlow knows a checkpoint by: its files less `.index` and `.data-..`."""
    if checkpoint.is_dir():
        held = sorted(checkpoint.glob("*.index"))
        if len(held) != 1:
            raise ModelError(f"{checkpoint}: has {len(held)} checkpoints (.index files); give the name of one")
        checkpoint = held[0]
    match = CHECKPOINT_FILE.fullmatch(checkpoint.name)
    prefix = checkpoint.with_name(match[1]) if match else checkpoint
    if not prefix.with_name(f"{prefix.name}.index").is_file():
        if prefix.is_file():
            raise ModelError(f"{checkpoint}: not a TensorFlow checkpoint: there is no {prefix.name}.index beside it")
        raise ModelError(f"{checkpoint}: no such checkpoint; give the name of its .index file")
    if not any(file.name.startswith(f"{prefix.name}.data-") for file in prefix.parent.iterdir()):
        raise ModelError(f"{checkpoint}: there is no {prefix.name}.data-00000-of-00001 beside its .index file")
    return prefix
