"""Training: the tiny recipe through all seven levels, its stored losses, and runs that die."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning import Callback, LightningModule, Trainer

from drawn_vgg import write_npz
from pair_sets import make_set
from wideopen.checkpoint import load_weights
from wideopen.errors import OutputError, PairsError, RecipeError, TrainingError
from wideopen.level_task import LevelTask
from wideopen.losses import BokehLoss
from wideopen.options import PyNETConfig
from wideopen.progress import DataWait
from wideopen.pynet import PyNET
from wideopen.recipe import LevelRecipe, PairsOptions, Recipe, load_recipe
from wideopen.train import epochs_of, keep_pages, train

TINY = Path(__file__).parents[1] / "recipes" / "tiny.toml"
LOSSES = Path(__file__).parent / "golden" / "tiny_losses.json"


NEAR = {"7": 2e-3, "6": 2e-3, "5": 0.04, "4": 0.12, "3": 0.01, "2": 0.01, "1": 2e-3}
"""How near single steps come: where pictures are a few px wide another processor's rounding grows with every step, from
1e-16 to 2.5 % at level 5, 8 % at level 4 and 0.6 % at 3 and 2 (Intel's AMX cores against AMD's)."""


class LossCurve(Callback):
    """Every step's loss."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs, batch, batch_idx) -> None:
        self.losses.append(float(outputs["loss"]))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_set(tmp_path_factory.mktemp("pairs"), [f"p{number:02d}" for number in range(24)], 144, 192)


@pytest.fixture(scope="module")
def tiny(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, LossCurve], float]:
    """The tiny recipe's run, left alone: folder, loss of every step by level, seconds."""
    run = tmp_path_factory.mktemp("runs") / "tiny"
    curves: dict[int, LossCurve] = {}

    def watch(level: LevelRecipe) -> list[Callback]:
        curves[level.level] = LossCurve()
        return [curves[level.level], DataWait()]

    started = time.monotonic()
    train(load_recipe(TINY), pairs, run, callbacks=watch)
    return run, curves, time.monotonic() - started


def test_tiny_goes_through_all_levels(tiny: tuple[Path, dict[int, LossCurve], float]) -> None:
    run, _, _ = tiny
    for level in range(7, 0, -1):
        network, kept = load_weights(run / f"level{level}.pt")
        assert network.level == level
        assert kept["metrics"]["val/psnr"] > 20
        for name in ("best.ckpt", "last.ckpt"):
            assert (run / f"level{level}" / name).is_file()
    assert json.loads((run / "recipe.json").read_text())["name"] == "tiny"
    assert list((run / "tensorboard").rglob("events.out.tfevents*"))


def test_loss_curve_is_the_stored_one(tiny: tuple[Path, dict[int, LossCurve], float]) -> None:
    _, curves, _ = tiny
    ours = {str(level): curve.losses for level, curve in curves.items()}
    if os.environ.get("WIDEOPEN_UPDATE_GOLDEN"):
        LOSSES.write_text(json.dumps({level: [round(x, 7) for x in losses] for level, losses in ours.items()}))
    stored = json.loads(LOSSES.read_text())
    assert ours.keys() == stored.keys()
    for level, losses in stored.items():
        assert len(losses) == 20
        assert ours[level][0] == pytest.approx(losses[0], rel=1e-4), f"level {level}"
        assert ours[level] == pytest.approx(losses, rel=NEAR[level]), f"level {level}"
        assert sum(ours[level]) == pytest.approx(sum(losses), rel=0.01), f"level {level}"


def wait_for(path: Path, process: subprocess.Popen[bytes], seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, f"training ended before {path.name} was there"
        assert time.monotonic() < end, f"{path.name} did not come"
        time.sleep(0.02)


def test_killed_and_resumed_ends_in_the_same_weights(
    tiny: tuple[Path, dict[int, LossCurve], float], pairs: Path, tmp_path: Path
) -> None:
    text = TINY.read_text()
    recipe = tmp_path / "top.toml"
    recipe.write_text(text[: text.index("[[level]]\nlevel = 5")])
    run = tmp_path / "run"
    command = [sys.executable, "-m", "wideopen", "train", "--recipe", str(recipe), "--data", str(pairs)]
    command += ["-o", str(run)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(run / "level6" / "last.ckpt", process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (run / "level6.pt").exists()

    # Without --resume the run is left as it is.
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "--resume" in refused.stderr
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    for level in (7, 6):
        alone = load_weights(tiny[0] / f"level{level}.pt")[0].state_dict()
        resumed = load_weights(run / f"level{level}.pt")[0].state_dict()
        for name, value in alone.items():
            torch.testing.assert_close(resumed[name], value, rtol=1e-5, atol=1e-6)


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
    command = [sys.executable, "-m", "wideopen", "train", "--recipe", str(recipe), "--data", str(pairs)]
    answer = subprocess.run([*command, "-o", str(run)], capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1 and words in answer.stderr and "bad.toml" in answer.stderr
    assert not run.exists()


def test_unpaired_folders_are_one_line_and_no_run(pairs: Path, tmp_path: Path) -> None:
    (tmp_path / "set" / "original").mkdir(parents=True)
    (tmp_path / "set" / "bokeh").mkdir()
    shutil.copy(next((pairs / "original").iterdir()), tmp_path / "set" / "original")
    with pytest.raises(PairsError, match=r"no file in .*bokeh"):
        train(small(), tmp_path / "set", tmp_path / "run")
    assert not (tmp_path / "run").exists()
