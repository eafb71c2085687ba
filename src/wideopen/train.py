"""Training, level by level from 7 down: each starts from the one below, each with its own batch, steps and loss.

    recipe + pairs -> for level 7 .. 1: PyNET(level) <- weights of level + 1 -> Lightning -> RUN/level{k}.pt

A run is a folder. RUN/recipe.json says what is trained; RUN/level{k}/ holds the best and the last checkpoint of
a level at work; RUN/level{k}.pt is written when the level is done. Every random choice is a function of the
recipe's seed, the level and the number of the sample, and checkpoints fall on epoch ends, so a run killed at any
moment and resumed ends in the same weights as one left alone.
"""

import ctypes
import json
import math
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from lightning import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from wideopen.checkpoint import load_weights, save_weights, start_from
from wideopen.errors import OutputError, RecipeError
from wideopen.level_task import LevelTask
from wideopen.loader import EpochSampler, PairDataset, make_loader
from wideopen.losses import BokehLoss
from wideopen.pairs import Pair, find_pairs, split_pairs
from wideopen.pynet import SMALLEST, PyNET
from wideopen.recipe import LevelRecipe, Recipe
from wideopen.vgg import VGGFeatures

LevelCallbacks = Callable[[LevelRecipe], Sequence[Callback]]


def keep_pages() -> bool:
    """Tell glibc to keep freed memory instead of giving it back to the system at every step.

    A training step frees and takes gigabytes; faulting the pages in again costs more than a third of it.
    Returns whether the C library took the advice (False on anything but glibc).
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4
    # mallopt takes an int; the largest one is "never" for the threshold.
    settings = ((m_mmap_max, 0), (m_trim_threshold, 2**31 - 1), (m_top_pad, 2**28))
    return all(mallopt(key, value) == 1 for key, value in settings)


def train(
    recipe: Recipe,
    data: Path,
    run: Path,
    *,
    resume: bool = False,
    pattern: str | None = None,
    split: str | None = None,
    exclude: Path | None = None,
    vgg_weights: Path | None = None,
    start: Path | None = None,
    callbacks: LevelCallbacks = lambda level: (),
) -> PyNET:
    """Train a recipe's levels on the pairs of `data` and return the network of the last one.

    Args:
        recipe: what to train; see `wideopen.recipe`.
        data: folder or manifest of pairs; see `wideopen.pairs.find_pairs` for `pattern`, `split`, `exclude`.
        run: folder of the run; must be new or empty unless `resume`.
        resume: go on where a run of the same recipe stopped.
        vgg_weights: file for the VGG term; if None, torchvision's published one.
        start: weights (.pt) that every level starts from as far as they go; needed by a recipe that does not begin at
            level 7.
        callbacks: gives the Lightning callbacks of each level (progress bars, tests).

    Raises PairsError, RecipeError, OutputError, WeightsError, TrainingError.
    """
    keep_pages()
    pairs = split_pairs(
        find_pairs(data, pattern=pattern, split=split, exclude=exclude), recipe.pairs.validation, recipe.seed
    )
    vgg = VGGFeatures(recipe.vgg_arch, vgg_weights) if any(item.vgg for item in recipe.levels) else None
    given = load_weights(start)[0] if start else None
    if given is None and recipe.levels[0].level != SMALLEST:
        raise RecipeError(f"the recipe begins at level {recipe.levels[0].level}: give the weights to start from")
    open_run(run, recipe, resume)
    network: PyNET | None = None
    for level in recipe.levels:
        network = train_level(recipe, level, pairs, run, [n for n in (given, network) if n], vgg, callbacks(level))
    assert network is not None
    return network


def open_run(run: Path, recipe: Recipe, resume: bool) -> None:
    """Make a run's folder, or check that it holds this recipe's run."""
    note, text = run / "recipe.json", json.dumps(recipe.as_dict(), indent=1)
    if note.exists():
        if not resume:
            raise OutputError(f"{run}: already holds a run; go on with --resume or choose another folder")
        if json.loads(note.read_text()) != json.loads(text):
            raise RecipeError(f"{run}: was started with another recipe ({note}); resume with that one")
        return
    try:
        run.mkdir(parents=True, exist_ok=True)
        note.write_text(text)
    except OSError as error:
        raise OutputError(f"{run}: cannot write there ({error.strerror}); choose another folder") from error


def epochs_of(level: LevelRecipe, epoch_steps: int) -> tuple[int, int]:
    """(number of epochs, steps in each): epochs of about `epoch_steps`, rounded up to whole ones."""
    epochs = math.ceil(level.steps / epoch_steps)
    return epochs, math.ceil(level.steps / epochs)


def train_level(
    recipe: Recipe,
    level: LevelRecipe,
    pairs: tuple[list[Pair], list[Pair]],
    run: Path,
    earlier: Sequence[PyNET],
    vgg: VGGFeatures | None,
    callbacks: Sequence[Callback] = (),
) -> PyNET:
    """Train one level (or load it, if the run has done it) and return its best network."""
    done = run / f"level{level.level}.pt"
    if done.exists():
        return load_weights(done)[0]
    epochs, steps = epochs_of(level, recipe.epoch_steps)
    task = LevelTask(start_network(recipe, level, earlier), make_loss(level, vgg), recipe, level, epochs * steps)
    folder = run / f"level{level.level}"
    monitor = "val/psnr" if level.pictures or recipe.network.head != "lens" else "val/places"
    keep = ModelCheckpoint(
        folder, "best", monitor=monitor, mode="max", save_last=True, enable_version_counter=False,
        save_on_train_epoch_end=True,
    )  # fmt: skip
    trainer = Trainer(
        accelerator="auto",
        devices=1,
        precision=choose_precision(recipe.precision),  # type: ignore[arg-type]
        max_epochs=epochs,
        gradient_clip_val=recipe.clip or None,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        log_every_n_steps=max(1, steps // 20),
        logger=[TensorBoardLogger(run, "tensorboard", folder.name), CSVLogger(run, "csv", folder.name)],
        callbacks=[keep, *callbacks],
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    last = folder / "last.ckpt"
    training, validation = make_loaders(recipe, level, pairs, steps)
    trainer.fit(task, training, validation, ckpt_path=last if last.exists() else None, weights_only=False)
    return finish_level(done, task.network, keep, recipe)


def choose_precision(precision: str) -> str:
    """Turn `auto` into bf16-mixed on a GPU or CPU with bf16 arithmetic; emulated, it is ten times slower."""
    if precision != "auto":
        return precision
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if native else "32-true"


def start_network(recipe: Recipe, level: LevelRecipe, earlier: Sequence[PyNET]) -> PyNET:
    """A level's network as its training starts: drawn weights, then those of earlier networks one after another (the
    last one is the level below's) or of ImageNet."""
    torch.manual_seed(recipe.seed * 10 + level.level)
    network = PyNET(recipe.network, level.level)
    for other in earlier:
        start_from(network, other)
    if network.backbone is not None:
        if not earlier:
            network.backbone.load_pretrained()
        network.backbone.freeze(recipe.encoder_frozen)
    return network


def make_loss(level: LevelRecipe, vgg: VGGFeatures | None) -> BokehLoss | None:
    """The loss of one level's picture, with the weights its recipe gives; None if the picture does not count."""
    if not level.pictures and not level.sharp:
        return None
    return BokehLoss(
        l1=level.l1, ssim=level.ssim, vgg=level.vgg, sharp=level.sharp, features=vgg if level.vgg else None
    )


def make_loaders(
    recipe: Recipe, level: LevelRecipe, pairs: tuple[list[Pair], list[Pair]], steps: int
) -> tuple[torch.utils.data.DataLoader, torch.utils.data.DataLoader]:
    """Training and validation loaders of a level; an epoch is `steps` batches."""
    training, validation = (
        PairDataset(part, recipe.pairs, level.level, recipe.seed, is_train, network=recipe.network)
        for part, is_train in zip(pairs, (True, False), strict=True)
    )
    sampler = EpochSampler(len(pairs[0]), steps * level.batch, recipe.seed, level.level)
    workers = recipe.pairs.workers
    return (
        make_loader(training, level.batch, workers, sampler=sampler),
        make_loader(validation, min(level.batch, 8), min(workers, 1)),
    )


def finish_level(done: Path, network: PyNET, keep: ModelCheckpoint, recipe: Recipe) -> PyNET:
    """Write the best weights of a level; this file is what says that the level is done."""
    best = torch.load(keep.best_model_path, map_location="cpu", weights_only=False)
    weights = {
        name.removeprefix("network."): value
        for name, value in best["state_dict"].items()
        if name.startswith("network.")
    }
    network.load_state_dict(weights)
    network = network.to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    score = float(keep.best_model_score) if keep.best_model_score is not None else math.nan
    assert keep.monitor is not None
    save_weights(done, network, recipe=recipe.as_dict(), metrics={keep.monitor: score})
    return network
