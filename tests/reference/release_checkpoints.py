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


def save(prefix: Path, values: Values, scope: str = "generator") -> None:
    """Write one checkpoint by a saver, with all else that a training graph holds."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        starts = [v1.placeholder(tf.float32, value.shape) for value in values]
        with v1.variable_scope(scope):
            variables = [tf.Variable(start) for start in starts]
        loss = tf.add_n([tf.reduce_sum(tf.square(v)) for v in variables[:5]])
        v1.train.AdamOptimizer(5e-5).minimize(loss, global_step=v1.train.get_or_create_global_step())
        session.run(v1.global_variables_initializer(), dict(zip(starts, values, strict=True)))
        v1.train.Saver(var_list=v1.global_variables(), max_to_keep=100).save(
            session, str(prefix), write_meta_graph=False
        )


def save_tensors(prefix: Path, values: Values, scope: str = "generator") -> None:
    """The same file without a graph of variables (ten times quicker): the op that a saver runs, on its names."""
    import tensorflow as tf

    names = [f"{scope}/Variable_{index}" if index else f"{scope}/Variable" for index in range(len(values))]
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tensors = [tf.compat.v1.placeholder(value.dtype, value.shape) for value in values]
        done = tf.raw_ops.SaveV2(
            prefix=str(prefix), tensor_names=names, shape_and_slices=[""] * len(names), tensors=tensors
        )
        session.run(done, dict(zip(tensors, values, strict=True)))


def main(golden: Path, output: Path) -> None:
    import tensorflow as tf

    tf.compat.v1.disable_v2_behavior()
    tables = {kind: json.loads((golden / f"variables_{kind}.json").read_text()) for kind in ("rgb", "rgbd")}
    names = [(row["name"], row["kind"]) for row in tables["rgb"]]
    save_tensors(output / "pynet_level_1_iteration_100000.ckpt", drawn_network(tables["rgb"]))
    save_tensors(output / "depth.ckpt", drawn_network(tables["rgbd"]))

    small = drawn_network(tables["rgb"], shrink=8)
    save_tensors(output / "small.ckpt", small)
    save(output / "adam.ckpt", small)
    fresh = [np.full_like(v, 0.01) if kind == "bias" else v for v, (_, kind) in zip(small, names, strict=True)]
    save_tensors(output / "untrained.ckpt", fresh)
    top = ("level1.head", "level2.head")
    save_tensors(
        output / "level3.ckpt", [f if n in top else s for f, s, (n, _) in zip(fresh, small, names, strict=True)]
    )
    save_tensors(output / "short.ckpt", small[:-3])
    save_tensors(output / "long.ckpt", [*small, small[-1]])
    save_tensors(output / "other_scope.ckpt", small[:5], scope="discriminator")
    wide = list(small)
    wide[100] = np.zeros((3, 3, 64, 48), np.float32)
    save_tensors(output / "other_shape.ckpt", wide)
    save_tensors(output / "other_first.ckpt", [np.zeros(3, np.float32), *small[1:]])
    broken = list(small)
    broken[200] = np.full_like(small[200], np.nan)
    save_tensors(output / "nan.ckpt", broken)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
