"""Training: the tiny recipe through all seven levels, runs that are equal, and runs that fail."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning import Callback, LightningModule, Trainer

from command import call
from drawn_vgg import write_npz
from pair_sets import make_set
from training_runs import assert_same_weights, curve
from wideopen.errors import OutputError, PairsError, RecipeError, TrainingError
from wideopen.network.checkpoint import load_weights
from wideopen.network.pynet import PyNET
from wideopen.options import PyNETConfig
from wideopen.pairs.sample_options import PairsOptions
from wideopen.training.level_task import LevelTask
from wideopen.training.losses import BokehLoss
from wideopen.training.recipe import LevelRecipe, Recipe, load_recipe
from wideopen.training.train import epochs_of, keep_pages, train

pytestmark = pytest.mark.slow

TINY = Path(__file__).parents[2] / "recipes" / "tiny.toml"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_set(tmp_path_factory.mktemp("pairs"), [f"p{number:02d}" for number in range(24)], 144, 192)


def shortened() -> Recipe:
    """The tiny recipe with two steps a level, an epoch each."""
    recipe = load_recipe(TINY)
    return replace(recipe, epoch_steps=1, levels=tuple(replace(level, steps=2) for level in recipe.levels))


@pytest.fixture(scope="module")
def tiny(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny recipe's run, shortened."""
    run = tmp_path_factory.mktemp("runs") / "tiny"
    train(shortened(), pairs, run)
    return run


def test_tiny_goes_through_all_levels(tiny: Path) -> None:
    for level in range(7, 0, -1):
        network, kept = load_weights(tiny / f"level{level}.pt")
        assert network.level == level
        assert kept["metrics"]["val/psnr"] > 20
        for name in ("best.ckpt", "last.ckpt"):
            assert (tiny / f"level{level}" / name).is_file()
    assert json.loads((tiny / "recipe.json").read_text())["name"] == "tiny"
    assert list((tiny / "tensorboard").rglob("events.out.tfevents*"))


def test_two_runs_on_one_machine_are_equal_bit_for_bit(tiny: Path, pairs: Path, tmp_path: Path) -> None:
    torch.rand(7)  # Nothing drawn before a run may matter to it.
    recipe = shortened()
    upper = replace(recipe, pairs=replace(recipe.pairs, workers=0), levels=recipe.levels[:3])
    train(upper, pairs, tmp_path / "run")
    for level in (7, 6, 5):
        losses = curve(tmp_path / "run", level)
        assert len(losses) == 2 and losses == curve(tiny, level)
        assert_same_weights(tiny, tmp_path / "run", level)


def small(steps: int = 6, lr: float = 1e-3, **values: object) -> Recipe:
    network = PyNETConfig(width=0.0625, blocks="cascade", head="residual", init="he")
    options = PairsOptions(input=32, workers=0)
    return Recipe("small", (LevelRecipe(7, 2, steps, lr),), network, options, epoch_steps=2, **values)


class Poison(Callback):
    """Makes one weight no number after a given step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs, batch, batch_idx) -> None:
        if trainer.global_step == self.step:
            with torch.no_grad():
                next(pl_module.parameters()).fill_(float("nan"))


@pytest.mark.parametrize("step", [2, 3, 4])
def test_nan_stops_training_and_the_last_checkpoint_is_good(pairs: Path, tmp_path: Path, step: int) -> None:
    run = tmp_path / "run"
    # Where the poison falls on the end of an epoch, validation must see it before a checkpoint is written.
    with pytest.raises(TrainingError, match="level 7: .*last good checkpoint is kept"):
        train(small(), pairs, run, callbacks=lambda level: [Poison(step)])
    last = run / "level7" / "last.ckpt"
    assert last.exists() == (step > 2)
    if last.exists():
        weights = torch.load(last, weights_only=False)["state_dict"]
        assert all(torch.isfinite(value).all() for value in weights.values())


def test_a_run_goes_on_from_another_runs_weights(pairs: Path, tmp_path: Path) -> None:
    first = train(small(), pairs, tmp_path / "first")
    higher = replace(small(), levels=(LevelRecipe(6, 2, 1, 1e-9),))
    with pytest.raises(RecipeError, match="begins at level 6: give the weights"):
        train(higher, pairs, tmp_path / "second")
    assert not (tmp_path / "second").exists()
    second = train(higher, pairs, tmp_path / "second", start=tmp_path / "first/level7.pt").state_dict()
    for name, value in first.state_dict().items():
        assert ".head." in name or torch.allclose(value, second[name], atol=1e-6), name


def test_a_run_is_never_mixed_with_another(pairs: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(small(steps=2), pairs, run)
    before = (run / "level7.pt").read_bytes()
    with pytest.raises(OutputError, match="already holds a run"):
        train(small(steps=2), pairs, run)
    with pytest.raises(RecipeError, match="another recipe"):
        train(small(steps=4), pairs, run, resume=True)
    train(small(steps=2), pairs, run, resume=True)
    assert (run / "level7.pt").read_bytes() == before


def test_epochs_cover_the_steps() -> None:
    assert epochs_of(LevelRecipe(7, 1, 5000), 500) == (10, 500)
    assert epochs_of(LevelRecipe(7, 1, 20), 500) == (1, 20)
    for steps in range(1, 60):
        epochs, each = epochs_of(LevelRecipe(7, 1, steps), 7)
        assert steps <= epochs * each < steps + epochs and each <= 7


def test_learning_rates_follow_the_recipe() -> None:
    network = PyNETConfig(width=0.0625, encoder="lite0", head="residual", init="he")
    recipe = Recipe("x", (LevelRecipe(7, 2, 100, 1e-3),), network, schedule="cosine", encoder_lr=0.1)
    task = LevelTask(PyNET(network, 7), BokehLoss(), recipe, recipe.levels[0], 100)
    setup = task.configure_optimizers()
    adam, schedule = setup["optimizer"], setup["lr_scheduler"]["scheduler"]
    assert [group["lr"] for group in adam.param_groups] == pytest.approx([1e-3, 1e-4])
    counted = sum(p.numel() for group in adam.param_groups for p in group["params"])
    assert counted == sum(p.numel() for p in task.network.parameters())
    for _ in range(100):
        adam.step()
        schedule.step()
    assert [group["lr"] for group in adam.param_groups] == pytest.approx([5e-5, 5e-6])


def test_the_c_library_keeps_its_pages() -> None:
    import platform

    assert keep_pages() == (platform.libc_ver()[0] == "glibc")


def test_the_vgg_term_trains_and_its_weights_stay_out_of_checkpoints(pairs: Path, tmp_path: Path) -> None:
    drawn = write_npz(tmp_path / "vgg16.npz")
    recipe = small(steps=2, vgg_arch="vgg16")
    levels = (LevelRecipe(7, 2, 2, 1e-3), *(LevelRecipe(k, 2, 2, 1e-3, vgg=0.01 * (k == 3)) for k in (6, 5, 4, 3)))
    recipe = Recipe(**{**vars(recipe), "levels": levels})
    train(recipe, pairs, tmp_path / "run", vgg_weights=drawn)
    last = tmp_path / "run" / "level3" / "last.ckpt"
    assert not [name for name in torch.load(last, weights_only=False)["state_dict"] if name.startswith("loss.")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name = "x"\ncolour = 1\n[[level]]\nlevel = 7\nbatch = 1\nsteps = 1\n', "unknown key 'colour'"),
        ('name = "x"\n[[level]]\nlevel = 6\nbatch = 1\nsteps = 1\n', "give the weights to start from"),
    ],
)
def test_a_bad_recipe_is_one_line_and_no_run(pairs: Path, tmp_path: Path, text: str, words: str) -> None:
    recipe, run = tmp_path / "bad.toml", tmp_path / "run"
    recipe.write_text(text)
    answer = call("train", "--recipe", recipe, "--data", pairs, "-o", run)
    assert answer.code == 2
    assert answer.error.count("\n") == 1 and words in answer.error and "bad.toml" in answer.error
    assert not run.exists()


def test_unpaired_folders_are_one_line_and_no_run(pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "set" / "original").mkdir(parents=True)
    (tmp_path / "set" / "bokeh").mkdir()
    shutil.copy(next((pairs / "original").iterdir()), tmp_path / "set" / "original")
    with pytest.raises(PairsError, match=r"no file in .*bokeh"):
        train(small(), tmp_path / "set", tmp_path / "run")
    assert not (tmp_path / "run").exists()
