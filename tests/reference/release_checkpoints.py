"""Checkpoints as the 2020 release's training writes them, by TensorFlow itself, of drawn weights.

    python release_checkpoints.py GOLDEN_FOLDER OUTPUT_FOLDER

Its variables have no names of their own and lie in the scope "generator", so TensorFlow numbers them as they are
made; the saver takes those whose name starts with the scope. The golden tables give their order and shapes.
A process of its own: TensorFlow's threads would not outlive the forks of other tests' data loaders.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

Values = list[np.ndarray]


def drawn(index: int, name: str, kind: str, shape: Sequence[int]) -> np.ndarray:
    """The golden weights: variable `index` by the rule that the golden outputs were made with."""
    z = np.random.default_rng(1000 + index).standard_normal(shape)
    if kind == "kernel":
        z *= (0.2 if name.endswith("head") else 1.0) * np.sqrt(2 / np.prod(shape[:3]))
    elif kind == "transposed_kernel":
        z *= np.sqrt(2 / (shape[0] * shape[1] * shape[3] / 4))
    elif kind == "scale":
        z = 1 + 0.1 * z
    else:
        z *= 0.1
    return z.astype(np.float32)


def drawn_network(table: list[dict], shrink: int = 1) -> Values:
    """Every variable of the network, its widths (32 channels and more) divided by `shrink`."""
    shapes = [[n // shrink if n >= 32 else n for n in row["shape"]] for row in table]
    return [drawn(i, row["name"], row["kind"], shape) for i, (row, shape) in enumerate(zip(table, shapes, strict=True))]


def named(values: Values, scope: str = "generator") -> dict[str, np.ndarray]:
    """By the names that TensorFlow gives variables of a scope that have none of their own."""
    return {f"{scope}/Variable_{index}" if index else f"{scope}/Variable": value for index, value in enumerate(values)}


def save(prefix: Path, values: dict[str, np.ndarray]) -> None:
    """Write one checkpoint by the op that a saver runs, on its names: without a graph of variables."""
    import tensorflow as tf

    names, tensors = list(values), [tf.constant(value) for value in values.values()]
    tf.raw_ops.SaveV2(prefix=str(prefix), tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors)


def training_graph(values: Values) -> dict[str, np.ndarray]:
    """All that a training graph of these variables holds, by its own names."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        with v1.variable_scope("generator"):
            variables = [v1.Variable(value, use_resource=False) for value in values]
        loss = tf.add_n([tf.reduce_sum(tf.square(v)) for v in variables])
        v1.train.AdamOptimizer(5e-5).minimize(loss, global_step=v1.train.get_or_create_global_step())
        session.run(v1.global_variables_initializer())
        return session.run({variable.op.name: variable for variable in v1.global_variables()})


def main(golden: Path, output: Path) -> None:
    tables = {kind: json.loads((golden / f"variables_{kind}.json").read_text()) for kind in ("rgb", "rgbd")}
    names = [(row["name"], row["kind"]) for row in tables["rgb"]]
    small = drawn_network(tables["rgb"], shrink=8)
    fresh = [np.full_like(v, 0.01) if kind == "bias" else v for v, (_, kind) in zip(small, names, strict=True)]
    top = ("level1.head", "level2.head")
    partly = [f if n in top else s for f, s, (n, _) in zip(fresh, small, names, strict=True)]
    wide, broken = list(small), list(small)
    wide[100] = np.zeros((3, 3, 64, 48), np.float32)
    broken[200] = np.full_like(small[200], np.nan)
    made = {
        "pynet_level_1_iteration_100000": named(drawn_network(tables["rgb"])),
        "depth": named(drawn_network(tables["rgbd"], shrink=8)),
        "small": named(small),
        "untrained": named(fresh),
        "level3": named(partly),
        "short": named(small[:-3]),
        "long": named([*small, small[-1]]),
        "other_scope": named(small[:5], "discriminator"),
        "other_shape": named(wide),
        "other_first": named([np.zeros(3, np.float32), *small[1:]]),
        "nan": named(broken),
        "adam": {**named(small), **training_graph(small[:5])},
    }
    for name, values in made.items():
        save(output / f"{name}.ckpt", values)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
