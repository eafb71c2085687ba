"""Training, level by level from 7 down: each starts from the one below, each with its own batch, steps and loss.

    recipe + pairs -> for level 7 .. 1: PyNET(level) <- weights of level + 1 -> Lightning -> RUN/level{k}.pt

A run is a folder. RUN/recipe.json says what is trained; RUN/level{k}/ holds the best and the last checkpoint of
a level at work; RUN/level{k}.pt is written when the level is done. Every random choice is a function of the
recipe's seed, the level and the number of the sample, and checkpoints fall on epoch ends, so a run killed at any
moment and resumed ends in the same weights as one left alone. So does one that several processes share: each takes its
part of every batch, and process 0 writes.
"""

import ctypes
import errno
import json
import math
import platform
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from lightning import Callback
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.strategies import Strategy
from torch.utils.data import DataLoader

from wideopen.atomic_write import clear_leftovers, replacing
from wideopen.errors import LoneError, OutputError, RecipeError, TrainingError, WeightsError, WideopenError
from wideopen.network.checkpoint import load_weights, save_weights, start_from
from wideopen.network.pynet import PyNET
from wideopen.network.vgg import VGGFeatures
from wideopen.pairs.pairs import Pair, find_pairs, split_pairs
from wideopen.training.checkpoints import BEST, LAST, Kept, WholeCheckpoints, find_checkpoint
from wideopen.training.fault_tolerance import CountedDataset, SpareDataset, Unreadable, validation_share
from wideopen.training.gpu_dataset import ResidentDataset, ResidentPairs, resident_loader
from wideopen.training.level_task import LevelTask
from wideopen.training.loader import EpochSampler, PairDataset, make_loader
from wideopen.training.losses import BokehLoss
from wideopen.training.preemption import Stopping, noting_sigterm
from wideopen.training.processes import Processes, check_batches, is_loss_of_another, launched, make_trainer, own_rank
from wideopen.training.recipe import LevelRecipe, Recipe

LevelCallbacks = Callable[[LevelRecipe], Sequence[Callback]]
KEPT = "the last good checkpoint is kept, go on with --resume"
# Where TensorFlow is installed, TensorBoard would import it to write its files: seconds and hundreds of megabytes of
# every process, and a full disk would be an error of TensorFlow's own instead of an OSError. Where there is a module of
# this name, TensorBoard takes its own writer: see `tf` in tensorboard/compat/__init__.py.
sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))


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


@dataclass(frozen=True)
class Run:
    """A run as its levels see it."""

    recipe: Recipe
    folder: Path
    pairs: tuple[list[Pair], list[Pair]]
    """For training and for validation."""
    processes: Processes
    rank: int
    """Number of this process; 0 writes."""
    stopping: Stopping
    tell: Callable[[str], None]
    launchers: list[Any]
    """What started the other processes, if this one did."""
    resident: tuple[ResidentPairs, ...] = ()
    """`pairs`, if the recipe keeps them on the accelerator."""


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
    processes: Processes | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> PyNET:
    """Train a recipe's levels on the pairs of `data` and return the network of the last one.

    Args:
        recipe: what to train; see `wideopen.training.recipe`.
        data: folder or manifest of pairs; see `wideopen.pairs.pairs.find_pairs` for `pattern`, `split`, `exclude`.
        run: folder of the run; must be new or empty unless `resume`. Several nodes have to share it.
        resume: go on where a run of the same recipe stopped.
        vgg_weights: file for the VGG term; if None, torchvision's published one.
        start: weights (.pt), or an exported model (.onnx), that every level starts from as far as they go; needed by a
            recipe that does not begin at level 7.
        callbacks: gives the Lightning callbacks of each level (progress bars, tests).
        processes: how many train together; every one of them calls this. None: `launched()`.
        tell: takes a line about what was got over (an unreadable pair, a damaged checkpoint).

    Raises PairsError, RecipeError, OutputError, WeightsError, ModelError, TrainingError; PreemptedError on SIGTERM.
    """
    keep_pages()
    processes = processes or launched()
    check_batches(recipe.levels, processes.world)
    rank = own_rank(processes)
    pairs = split_pairs(
        find_pairs(data, pattern=pattern, split=split, exclude=exclude), recipe.pairs.validation, recipe.seed
    )
    vgg = VGGFeatures(recipe.vgg_arch, vgg_weights) if any(item.vgg for item in recipe.levels) else None
    given = read_start(start) if start else None
    if given is None and recipe.begins_above_the_smallest:
        raise RecipeError(f"the recipe begins at level {recipe.levels[0].level}: give the weights to start from")
    if rank == 0:
        open_run(run, recipe, resume)
    with noting_sigterm() as stopping:
        stores = (ResidentPairs(part, recipe.pairs, recipe.network, tell) for part in pairs if recipe.pairs.resident)
        state = Run(recipe, run, pairs, processes, rank, stopping, tell, [], tuple(stores))
        network: PyNET | None = None
        try:
            for level in recipe.levels:
                network = train_level(state, level, [n for n in (given, network) if n], vgg, callbacks(level))
        except BaseException:
            # They wait for this process, which has said why it ends.
            for launcher in state.launchers:
                launcher.kill(signal.SIGKILL)
            raise
    assert network is not None
    return network


def open_run(run: Path, recipe: Recipe, resume: bool) -> None:
    """Make a run's folder, or check that it holds this recipe's run."""
    note, text = run / "recipe.json", json.dumps(asdict(recipe), indent=1)
    if note.exists():
        if not resume:
            raise OutputError(f"{run}: already holds a run; go on with --resume or choose another folder")
        if json.loads(note.read_text()) != json.loads(text):
            raise RecipeError(f"{run}: was started with another recipe ({note}); resume with that one")
        clear_leftovers(run)
        return
    try:
        run.mkdir(parents=True, exist_ok=True)
        with replacing(note) as file:
            file.write(text.encode())
    except OSError as error:
        raise OutputError(f"{run}: cannot write there ({error.strerror}); choose another folder") from error


def epochs_of(level: LevelRecipe, epoch_steps: int) -> tuple[int, int]:
    """(number of epochs, steps in each): epochs of about `epoch_steps`, rounded up to whole ones."""
    epochs = math.ceil(level.steps / epoch_steps)
    return epochs, math.ceil(level.steps / epochs)


def train_level(
    run: Run, level: LevelRecipe, earlier: Sequence[PyNET], vgg: VGGFeatures | None, callbacks: Sequence[Callback] = ()
) -> PyNET:
    """Train one level (or load it, if the run has done it) and return its best network."""
    recipe = run.recipe
    done, folder = run.folder / f"level{level.level}.pt", run.folder / f"level{level.level}"
    if done.exists():
        return load_weights(done)[0]
    if run.rank == 0:
        clear_leftovers(folder)
    start = find_checkpoint(folder, run.tell if run.rank == 0 else lambda line: None)
    epochs, steps = epochs_of(level, recipe.epoch_steps)
    loss = make_loss(level, vgg)
    network = start_network(recipe, level, earlier)
    if recipe.precision == "64-true":
        network.double()  # Lightning would only after it has loaded a checkpoint, and so round what is in it.
    task = LevelTask(network, loss, recipe, level, epochs * steps, run.stopping)
    keep = Kept(folder, BEST, "val/psnr" if level.pictures or recipe.network.head != "lens" else "val/places")
    whole = WholeCheckpoints(last_is_good=start is not None and start.name == LAST)
    trainer = make_trainer(
        run.processes,
        default_root_dir=folder,
        precision=choose_precision(recipe.precision),
        max_epochs=epochs,
        gradient_clip_val=recipe.clip or None,
        num_sanity_val_steps=0,
        log_every_n_steps=max(1, steps // 20),
        logger=[
            TensorBoardLogger(run.folder, "tensorboard", folder.name),
            CSVLogger(run.folder, "csv", unused(run.folder / "csv", folder.name)),
        ],
        callbacks=[*callbacks, keep, Kept(folder, LAST, None)],
        # Sharded strategies write in ways of their own.
        plugins=[whole] if run.processes.strategy.partition("_")[0] in ("auto", "ddp") else [],
    )
    if trainer.strategy.launcher is not None:
        run.launchers.append(trainer.strategy.launcher)
    training, validation = make_loaders(run, level, steps)
    with plainly(run, level), writers_told_once():
        trainer.fit(task, training, validation, ckpt_path=start, weights_only=False)
        return share_level(run, done, task.network, keep, trainer.strategy)


def unused(folder: Path, name: str) -> str:
    """A name that nothing in a folder has: a resumed level goes on in a table of its own."""
    return next(found for n in count(1) if not (folder / (found := name if n == 1 else f"{name}-{n}")).exists())


@contextmanager
def plainly(run: Run, level: LevelRecipe) -> Iterator[None]:
    """What goes wrong while several processes train, or a disk fills up, as one line."""
    several = run.processes.world > 1
    who = f"process {run.rank} of {run.processes.world}"
    try:
        yield
    except SystemExit as error:
        raise KeyboardInterrupt from error  # Lightning exits on Ctrl-C.
    except TrainingError:
        raise  # The same in every process.
    except WideopenError as error:
        if several and run.rank:
            raise LoneError(f"{who}: {error}") from error
        raise
    except (OSError, RuntimeError) as error:
        line = explain(error, run, level)
        if several and is_loss_of_another(error):
            raise LoneError(f"{who}: lost another one, which was killed or has said why it ended; {KEPT}") from error
        if line is None:
            raise
        raise (LoneError(f"{who}: {line}") if several and run.rank else TrainingError(line)) from error


@contextmanager
def writers_told_once() -> Iterator[None]:
    """No traceback of a thread that cannot write for TensorBoard: what is logged next raises the same error here."""
    before = threading.excepthook

    def told(said: threading.ExceptHookArgs) -> None:
        if not (isinstance(said.exc_value, OSError) and type(said.thread).__module__.startswith("tensorboard.")):
            before(said)

    threading.excepthook = told
    try:
        yield
    finally:
        threading.excepthook = before


def explain(error: Exception, run: Run, level: LevelRecipe) -> str | None:
    """A line for what is no fault of the program; None if it may be one."""
    if isinstance(error, torch.OutOfMemoryError):
        return f"level {level.level}: out of memory; take more processes or a smaller batch ({KEPT})"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO):
        return f"{run.folder}: cannot be written ({error.strerror}); {KEPT}"
    if "DataLoader worker" in str(error):
        return f"level {level.level}: a process that reads pairs was killed, perhaps for want of memory; {KEPT}"
    return None


def share_level(run: Run, done: Path, network: PyNET, keep: Kept, strategy: Strategy) -> PyNET:
    """Have process 0 write the level's best weights, and give them to all."""
    failure: WideopenError | None = None
    if run.rank == 0:
        try:
            network = finish_level(done, network, keep, run.recipe)
        except WideopenError as error:
            failure = error
    # One that waits at the next level would learn of it by a lost connection.
    said, weights = strategy.broadcast((str(failure or ""), network.state_dict() if run.rank == 0 else {}))
    if said:
        raise failure or TrainingError(said)
    if run.rank:
        network.load_state_dict(weights)
    return plain(network)


def plain(network: PyNET) -> PyNET:
    """A network as it is loaded: on the processor, contiguous, in eval mode."""
    return network.cpu().to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload, no-any-return]


def choose_precision(precision: str) -> str:
    """Turn `auto` into bf16-mixed on a GPU or CPU with bf16 arithmetic; emulated, it is ten times slower."""
    if precision != "auto":
        return precision
    if torch.cuda.is_available():
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if native else "32-true"


def read_start(path: Path) -> PyNET:
    """The network of a weights file or of an exported model; ModelError if it cannot be read."""
    if path.suffix == ".onnx":
        from wideopen.network.restore import read_export

        return read_export(path)[0]
    return load_weights(path)[0]


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
    if network.prior is not None and not any(other.prior is not None for other in earlier):
        raise WeightsError(
            "the recipe's network reads U2-Netp, whose weights have to be there: make a network to start from with "
            "recipes/with_prior.py and give it with --start"
        )
    return network


def make_loss(level: LevelRecipe, vgg: VGGFeatures | None) -> BokehLoss | None:
    """The loss of one level's picture, with the weights its recipe gives; None if the picture does not count."""
    if not level.pictures and not level.sharp:
        return None
    return BokehLoss(
        l1=level.l1, ssim=level.ssim, vgg=level.vgg, sharp=level.sharp, features=vgg if level.vgg else None
    )


def make_loaders(run: Run, level: LevelRecipe, steps: int) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """This process's training and validation loaders of a level; an epoch is `steps` batches."""
    recipe, world = run.recipe, run.processes.world
    batch, n_training, n_validation = level.batch // world, *(len(part) for part in run.pairs)
    sampler = EpochSampler(n_training, steps * level.batch, recipe.seed, level.level, run.rank, world)
    shares = validation_share(n_validation, run.rank, world)
    if run.resident:
        trained, validated = (
            ResidentDataset(part, level.level, recipe.seed, is_train)
            for part, is_train in zip(run.resident, (True, False), strict=True)
        )
        return resident_loader(trained, batch, sampler), resident_loader(validated, batch, shares)
    training, validation = (
        PairDataset(part, recipe.pairs, level.level, recipe.seed, is_train, network=recipe.network)
        for part, is_train in zip(run.pairs, (True, False), strict=True)
    )
    workers = recipe.pairs.workers
    loader = make_loader(SpareDataset(training), batch, workers, sampler)
    loader.note = Unreadable(training, run.tell)
    return loader, make_loader(CountedDataset(validation), min(batch, 8), min(workers, 1), shares)


def finish_level(done: Path, network: PyNET, keep: Kept, recipe: Recipe) -> PyNET:
    """Write the best weights of a level; this file is what says that the level is done."""
    best = torch.load(keep.best_model_path, map_location="cpu", weights_only=False)
    weights = {
        name.removeprefix("network."): value
        for name, value in best["state_dict"].items()
        if name.startswith("network.")
    }
    network.load_state_dict(weights)
    network = plain(network)
    score = float(keep.best_model_score) if keep.best_model_score is not None else math.nan
    assert keep.monitor is not None
    save_weights(done, network, recipe=asdict(recipe), metrics={keep.monitor: score})
    return network
