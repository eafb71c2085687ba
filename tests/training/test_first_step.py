"""What the first step of every level computes, against stored figures: where they change, training has changed.

Later steps are no golden result. Where a feature is 2x2 px, instance norm and Adam's first steps multiply the rounding
of the last bit about twentyfold a step, so after a few steps each kind of processor has a curve of its own. That
training repeats itself on one machine is tested in `test_train.py`.
"""

import json
import os
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import Callback, Trainer
from torch import Tensor

from wideopen.network.pynet import PyNET
from wideopen.training.level_task import Batch, LevelTask
from wideopen.training.recipe import LevelRecipe, Recipe, load_recipe
from wideopen.training.train import make_loss

RECIPES = Path(__file__).parents[2] / "recipes"
STORED = Path(__file__).parents[1] / "golden" / "first_steps.json"
SIDE, PHOTOS = 64, 2

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:You defined a `validation_step` but have no")]


def recipe_of(name: str) -> Recipe:
    """A recipe of ours in 64 bits, its network made narrow; the smallest encoder stands for the larger ones."""
    recipe = load_recipe(RECIPES / f"{name}.toml")
    encoder = "pynet" if recipe.network.encoder == "pynet" else "lite0"
    return replace(recipe, precision="64-true", network=replace(recipe.network, width=0.0625, encoder=encoder))


CASES = [(name, level) for name in ("tiny", "default") for level in recipe_of(name).levels]


def draws(name: str) -> np.random.RandomState:
    """Random numbers that belong to a name. NumPy promises that this generator's stream never changes."""
    return np.random.RandomState(zlib.crc32(name.encode()))


def drawn_network(recipe: Recipe, level: int) -> PyNET:
    """A network whose every weight comes from NumPy: kernels of He's size, norms near 1, biases near 0."""
    network = PyNET(recipe.network, level).double()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            values = draws(name).standard_normal(tuple(weight.shape))
            if weight.ndim > 1:
                values *= np.sqrt(2 / weight[0].numel())
            else:
                values = 0.1 * values + (1.0 if name.endswith("weight") else 0.0)
            weight.copy_(torch.from_numpy(values))
    return network


def drawn_batch(level: int) -> Batch:
    """Photos, their targets, and all else that a sample of any recipe holds."""
    side = round(SIDE * 2.0 ** (2 - level))

    def uniform(name: str, *shape: int) -> Tensor:
        return torch.from_numpy(draws(name).random_sample((PHOTOS, *shape)))

    return {
        "photo": uniform("photo", 3, SIDE, SIDE),
        "target": uniform("target", 3, side, side),
        "matte": uniform("matte", 1, side, side),
        "relative": 2 * uniform("relative", 1, side, side) - 1,
        "standing": uniform("standing", 1, side, side),
        "blur": 0.02 + 0.05 * uniform("blur", 1),
        "focus": uniform("focus", 1) - 0.5,
    }


class FirstStep(Callback):
    """Loss, norm of the gradient before it is clipped, and how far all kernels together moved.

    Biases are left out of the last: the slope of one before an instance norm is nothing but rounding, of which Adam
    makes a whole step.
    """

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}
        self.before: list[Tensor] = []

    @staticmethod
    def kernels(task: LevelTask) -> list[Tensor]:
        return [weight.detach().clone() for weight in task.network.parameters() if weight.ndim > 1]

    def on_after_backward(self, trainer: Trainer, pl_module: LevelTask) -> None:  # type: ignore[override]
        slopes = [weight.grad for weight in pl_module.network.parameters() if weight.grad is not None]
        self.figures["gradient"] = float(torch.nn.utils.get_total_norm(slopes))
        self.before = self.kernels(pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LevelTask, outputs, batch, batch_idx) -> None:
        self.figures["loss"] = float(outputs["loss"])
        moved = [after - before for after, before in zip(self.kernels(pl_module), self.before, strict=True)]
        self.figures["moved"] = float(torch.nn.utils.get_total_norm(moved))


def first_step(recipe: Recipe, level: LevelRecipe, folder: Path) -> dict[str, float]:
    """One step of training as a run takes it."""
    task = LevelTask(drawn_network(recipe, level.level), make_loss(level, None), recipe, level, level.steps)
    found = FirstStep()
    trainer = Trainer(
        accelerator="cpu", max_steps=1, precision="64-true", gradient_clip_val=recipe.clip or None, callbacks=[found],
        logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        default_root_dir=folder,
    )  # fmt: skip
    trainer.fit(task, torch.utils.data.DataLoader([drawn_batch(level.level)], batch_size=None))
    return found.figures


@pytest.mark.parametrize(("name", "level"), CASES, ids=lambda part: getattr(part, "level", part))
def test_the_first_step_is_the_stored_one(name: str, level: LevelRecipe, tmp_path: Path) -> None:
    found = first_step(recipe_of(name), level, tmp_path)
    stored = json.loads(STORED.read_text()) if STORED.exists() else {}
    key = f"{name} {level.level}"
    if os.environ.get("WIDEOPEN_UPDATE_GOLDEN"):
        stored[key] = found
        STORED.write_text(json.dumps(dict(sorted(stored.items())), indent=1) + "\n")
    assert found == pytest.approx(stored[key], rel=1e-6)
