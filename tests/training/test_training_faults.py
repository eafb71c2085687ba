"""What goes wrong while training: full disks, damaged checkpoints and pairs, broken gradients, signals, kills."""

import errno
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
from lightning import Callback, LightningModule, Trainer

from command import call
from pair_sets import make_set
from training_runs import assert_same_weights, command, complaints, start, train_here, wait_for, write_recipe
from wideopen import atomic_write
from wideopen.errors import ModelError, OutputError, PairsError, TrainingError
from wideopen.options import PyNETConfig
from wideopen.pairs.pairs import find_pairs, split_pairs
from wideopen.pairs.sample_options import PairsOptions
from wideopen.training.checkpoints import find_checkpoint
from wideopen.training.fault_tolerance import SpareDataset, Unreadable
from wideopen.training.loader import EpochSampler, PairDataset, make_loader
from wideopen.training.recipe import LevelRecipe, Recipe
from wideopen.training.train import train

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_set(tmp_path_factory.mktemp("pairs"), [f"p{number:02d}" for number in range(12)], 72, 96)


def small(steps: int = 8) -> Recipe:
    network = PyNETConfig(width=0.0625, blocks="cascade", head="residual", init="he")
    options = PairsOptions(input=64, workers=0, validation=0.2)
    return Recipe("small", (LevelRecipe(7, 2, steps, 1e-3),), network, options, epoch_steps=2, precision="64-true")


@pytest.fixture(scope="module")
def alone(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("alone") / "run"
    train(small(), pairs, run)
    return run


class AtStep(Callback):
    """Does something before a given step."""

    def __init__(self, step: int, what: object) -> None:
        self.step, self.what = step, what

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch, batch_idx: int) -> None:
        if trainer.global_step == self.step:
            self.what()


class BrokenGradient(Callback):
    """One gradient is no number at a given step, while the loss is one."""

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step == 5:
            list(pl_module.network.parameters())[3].grad[0] = float("inf")


class StopError(Exception):
    """The machine stops."""


def stop() -> None:
    raise StopError


def finite(path: Path) -> bool:
    weights = torch.load(path, weights_only=False)["state_dict"]
    return all(bool(torch.isfinite(value).all()) for value in weights.values())


def test_a_gradient_that_is_no_number_never_reaches_the_weights(pairs: Path, alone: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(TrainingError, match="level 7: a gradient is no longer a number at step 5; .*is kept"):
        train(small(), pairs, run, callbacks=lambda level: [BrokenGradient()])
    assert finite(run / "level7" / "last.ckpt")
    train(small(), pairs, run, resume=True)
    assert_same_weights(alone, run, 7)


@pytest.mark.parametrize("what", ["checkpoint", "weights"])
def test_a_full_disk_leaves_the_last_good_checkpoint(
    pairs: Path, alone: Path, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    original, seen = atomic_write._open_part, []

    def full(folder: Path) -> tuple[int, Path]:
        handle, part = original(folder)
        seen.append(part)
        os.close(handle)
        # Every byte written to it fails as on a full disk.
        return os.open("/dev/full", os.O_WRONLY), part

    def fill() -> None:
        monkeypatch.setattr(atomic_write, "_open_part", full)

    with pytest.raises(OutputError, match=r"level7.*cannot be written \(No space left on device\)"):
        train(small(), pairs, run, callbacks=lambda level: [AtStep(5 if what == "checkpoint" else 99, fill)])
        assert what == "weights"
        (run / "level7.pt").unlink()
        fill()
        train(small(), pairs, run, resume=True)
    monkeypatch.undo()
    assert seen and not any(part.exists() for part in seen)
    assert finite(run / "level7" / "last.ckpt")
    train(small(), pairs, run, resume=True)
    assert_same_weights(alone, run, 7)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount")
def test_a_disk_that_is_really_full(pairs: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        process = start(command(write_recipe(tmp_path / "r.toml", steps=30), pairs, disk / "run"))
        wait_for(disk / "run" / "level7" / "last.ckpt", process)
        filler = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
        while process.poll() is None:  # A checkpoint replaced makes room again.
            try:
                os.write(filler, bytes(4096))
            except OSError as error:
                assert error.errno == errno.ENOSPC
                time.sleep(0.001)
        os.close(filler)
        lines = complaints(process)
        assert process.returncode == 2
        assert len(lines) == 1 and "(No space left on device)" in lines[0] and "--resume" in lines[0]
        assert find_checkpoint(disk / "run" / "level7", lambda line: None) is not None
        (disk / "filler").unlink()
        assert train_here(tmp_path / "r.toml", pairs, disk / "run", resume=True) == []
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_checkpoint_cut_in_half_falls_back_to_the_one_before(pairs: Path, alone: Path, tmp_path: Path) -> None:
    run, said = tmp_path / "run", []
    folder = run / "level7"
    with pytest.raises(StopError):
        train(small(), pairs, run, callbacks=lambda level: [AtStep(5, stop)])
    last = folder / "last.ckpt"
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    # Killed again right after the next checkpoint: the damaged one must not have taken the good one's place.
    with pytest.raises(StopError):
        train(small(), pairs, run, resume=True, tell=said.append, callbacks=lambda level: [AtStep(3, stop)])
    assert said == [f"{last}: damaged; going on from the checkpoint before it"]
    assert find_checkpoint(folder, said.append) == folder / "previous.ckpt"
    train(small(), pairs, run, resume=True, tell=said.append)
    assert_same_weights(alone, run, 7)


def test_without_a_good_checkpoint_a_line_says_what_to_delete(tmp_path: Path) -> None:
    assert find_checkpoint(tmp_path / "none", print) is None
    (tmp_path / "last.ckpt").write_bytes(b"x" * 100)
    with pytest.raises(ModelError, match=r"last\.ckpt: damaged, and no good one before it; delete"):
        find_checkpoint(tmp_path, print)
    torch.save({"state_dict": {}}, tmp_path / "previous.ckpt")
    with pytest.raises(ModelError, match=r"best\.ckpt: damaged or gone; delete"):
        find_checkpoint(tmp_path, print)


def test_a_moved_run_keeps_its_best(pairs: Path, alone: Path, tmp_path: Path) -> None:
    with pytest.raises(StopError):
        train(small(), pairs, tmp_path / "here", callbacks=lambda level: [AtStep(7, stop)])
    (tmp_path / "here").rename(tmp_path / "there")
    train(small(), pairs, tmp_path / "there", resume=True)
    assert_same_weights(alone, tmp_path / "there", 7)


# --- pairs


def spoil(pair: Path) -> Path:
    pair.write_bytes(pair.read_bytes()[:900])
    return pair


@pytest.mark.parametrize("workers", [0, 2])
def test_another_pair_takes_an_unreadable_ones_place(tmp_path: Path, workers: int) -> None:
    make_set(tmp_path, [str(number) for number in range(5)])
    bad = spoil(tmp_path / "bokeh" / "2.jpg")
    dataset = PairDataset(find_pairs(tmp_path), PairsOptions(input=32, crop_scale=(0.5, 1.0)), 4, 0, True)
    keys, said = list(EpochSampler(5, 10, 0, 4)), []
    loader = make_loader(SpareDataset(dataset), 2, workers, EpochSampler(5, 10, 0, 4))
    loader.note = Unreadable(dataset, said.append)
    photos = torch.cat([batch["photo"] for batch in loader])
    for photo, (index, draw) in zip(photos, keys, strict=True):
        assert torch.equal(photo, dataset[3 if index == 2 else index, draw]["photo"])
    (line,) = said
    assert line.startswith(f"{bad}: the picture is cut short; ") and "another pair takes its place" in line


def test_many_unreadable_pairs_stop_training(tmp_path: Path) -> None:
    make_set(tmp_path, [str(number) for number in range(8)])
    for name in ("1", "3"):
        spoil(tmp_path / "bokeh" / f"{name}.jpg")
    dataset = PairDataset(find_pairs(tmp_path), PairsOptions(input=32), 4, 0, True)
    loader = make_loader(SpareDataset(dataset), 2, 0, EpochSampler(8, 16, 0, 4))
    loader.note = Unreadable(dataset, lambda line: None)
    with pytest.raises(PairsError, match=r"cut short.*\(2 of 8 pairs cannot be read, too many"):
        list(loader)


def test_a_pair_that_goes_bad_in_the_middle_of_an_epoch(tmp_path: Path) -> None:
    folder = make_set(tmp_path / "pairs", [f"p{number:02d}" for number in range(12)], 72, 96)
    training, _ = split_pairs(find_pairs(folder), 0.2, 0)
    seventh, _ = list(EpochSampler(len(training), 16, 0, 7))[6]
    bad, said, run = training[seventh].bokeh, [], tmp_path / "run"
    train(small(), folder, run, tell=said.append, callbacks=lambda level: [AtStep(1, lambda: spoil(bad))])
    assert (run / "level7.pt").exists()
    assert len(said) == 1 and said[0].startswith(f"{bad}: the picture is cut short")


# --- signals and kills


def test_sigterm_keeps_the_last_checkpoint(pairs: Path, tmp_path: Path) -> None:
    recipe, run = write_recipe(tmp_path / "r.toml", steps=60), tmp_path / "run"
    before = signal.getsignal(signal.SIGTERM)
    process = start(command(recipe, pairs, run))
    wait_for(run / "level7" / "last.ckpt", process)
    process.terminate()
    lines = complaints(process)
    assert process.returncode == 143
    assert len(lines) == 1 and "asked to stop (SIGTERM) at step" in lines[0] and "--resume" in lines[0]
    train_here(recipe, pairs, run, resume=True)
    train_here(recipe, pairs, tmp_path / "alone")
    assert_same_weights(tmp_path / "alone", run, 7)
    assert signal.getsignal(signal.SIGTERM) == before


def test_killed_in_every_level_and_at_a_random_moment(pairs: Path, tmp_path: Path) -> None:
    """Three kills; `benchmarks/training_kills.py` does fifty."""
    recipe, run = write_recipe(tmp_path / "r.toml", (7, 6), steps=60), tmp_path / "run"
    train_here(recipe, pairs, tmp_path / "alone")
    for begun in (run / "recipe.json", run / "level7" / "last.ckpt", run / "level6" / "last.ckpt"):
        process = start(command(recipe, pairs, run, "--resume"))
        wait_for(begun, process)
        if begun.name == "recipe.json":
            time.sleep(random.Random(1).uniform(0.1, 0.6))  # A fast machine trains a level in half a second.
        process.kill()
        process.error()
        assert process.returncode == -signal.SIGKILL and not (run / f"{begun.parent.name}.pt").exists()
    # Without --resume the run is left as it is.
    refused = call(*command(recipe, pairs, run)[3:])
    (line,) = refused.error.splitlines()
    assert refused.code == 2 and "--resume" in line
    train_here(recipe, pairs, run, resume=True)
    for level in (7, 6):
        assert_same_weights(tmp_path / "alone", run, level)
    assert not list(run.rglob(".wideopen-*"))
