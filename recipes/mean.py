"""The mean of a network and of what became of it by training on: what either has forgotten, the other knows.

    python recipes/mean.py BEFORE.pt AFTER.pt -o MEAN.pt

Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022. Either may be an exported model of a lens head
(.onnx). Levels that AFTER was not built down to are as BEFORE's; what the file says of how it was made is AFTER's.
"""

import argparse
from pathlib import Path
from typing import Any

from wideopen.errors import ModelError
from wideopen.network.checkpoint import load_weights, save_weights
from wideopen.network.pynet import PyNET
from wideopen.network.restore import read_export


def read(path: Path) -> tuple[PyNET, dict[str, Any]]:
    """A network and what its file says of it."""
    return read_export(path) if path.suffix == ".onnx" else load_weights(path)


def mean(before: PyNET, after: PyNET) -> PyNET:
    """`before`, moved half the way; ModelError if the other one is not of its kind."""
    weights, others = before.state_dict(), after.state_dict()
    if any(name not in weights or weights[name].shape != value.shape for name, value in others.items()):
        raise ModelError("the second network has parts that the first lacks; their mean is of no use")
    halfway = {name: (weights[name] + value) / 2 for name, value in others.items() if value.is_floating_point()}
    before.load_state_dict(weights | halfway)
    return before


def main() -> None:
    """Write the mean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="weights (.pt) or an exported model (.onnx)")
    parser.add_argument("after", type=Path, help="likewise")
    parser.add_argument("-o", "--output", type=Path, required=True, help="weights (.pt) to write")
    arguments = parser.parse_args()
    (before, _), (after, notes) = read(arguments.before), read(arguments.after)
    names = [arguments.before.name, arguments.after.name]
    save_weights(arguments.output, mean(before, after), **notes | {"mean_of": names})


if __name__ == "__main__":
    main()
