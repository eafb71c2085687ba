"""Weights of one level as a file that says what it holds.

A torch file with plain values only: format, config, level, state_dict, and whatever made it (recipe, metrics,
source). Loading is strict and never unpickles code.
"""

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from wideopen.atomic_write import write_output
from wideopen.errors import ModelError
from wideopen.network.pynet import PyNET
from wideopen.options import PyNETConfig

FORMAT = "wideopen-pynet-1"


def save_weights(path: Path, network: PyNET, **info: Any) -> None:
    """Write a network's weights and config; `info` holds plain values kept beside them. Replaces `path` whole."""
    values = {
        **info,
        "format": FORMAT,
        "config": asdict(network.config),
        "level": network.level,
        "all_heads": network.all_heads,
        "state_dict": network.state_dict(),
    }
    buffer = io.BytesIO()
    torch.save(values, buffer)
    write_output(path, buffer.getvalue(), overwrite=True)


def load_weights(path: Path) -> tuple[PyNET, dict[str, Any]]:
    """Read weights written by `save_weights`: the network on the CPU in eval mode, and what is kept beside them.

    Raises ModelError, naming the file, if it is missing, damaged or something else.
    """
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file; give the weights (.pt) of a training run") from error
    except Exception as error:
        raise ModelError(f"{path}: not a weights file, or a damaged one; give the weights (.pt) of a run") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ModelError(f"{path}: not wideopen weights (format {FORMAT}); give the weights (.pt) of a training run")
    with torch.device("meta"):  # No starting weights are drawn, which takes longer than to read those of a file.
        network = PyNET(PyNETConfig.from_file(values.pop("config")), values.pop("level"), values.pop("all_heads"))
    network.to_empty(device="cpu").load_state_dict(values.pop("state_dict"))
    return network.eval(), values


def start_from(network: PyNET, other: PyNET) -> None:
    """Give a network the weights it shares with another: those of the level below, or of a longer run.

    What the other one lacks (its own level's parts) stays as drawn. Raises ModelError if the two do not fit.
    """
    state = network.state_dict()
    weights = {name: value for name, value in other.state_dict().items() if name in state}
    lost = [name for name in other.state_dict() if name not in state and ".head." not in name]
    wrong = [name for name, value in weights.items() if value.shape != state[name].shape]
    if wrong or not weights or (lost and other.level >= network.level):
        found = (wrong + lost)[0]
        raise ModelError(f"level {other.level} does not fit a network of level {network.level}: {found}")
    network.load_state_dict({**state, **weights})
