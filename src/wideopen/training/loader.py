"""Training samples from pairs: decoded, cropped and resized ahead of the trainer.

Nothing is cached and nothing is stateful. Sample number `draw` of a level is a pure function of (seed, level,
draw), and so is its place in the shuffled order; a run resumed at an epoch, with any number of workers, sees
the samples it would have seen.
"""

from collections.abc import Callable, Iterator, Sequence, Sized
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from wideopen.errors import PairsError
from wideopen.options import PyNETConfig
from wideopen.pairs.augment import (
    Crop,
    centre_crop,
    check_shape,
    draw_crop,
    exposure_table,
    one_cv2_thread,
    to_planes,
)
from wideopen.pairs.pair_scene import PairScene, read_scene
from wideopen.pairs.pairs import Pair, load_image, load_map
from wideopen.pairs.sample_options import PairsOptions

Sample = dict[str, torch.Tensor]
PLAIN = exposure_table(0)


def target_side(input_side: int, level: int) -> int:
    """Side in px of the target of a level (paper's numbering) for a square input: input * 2**(2-level)."""
    return int(input_side * 2 // 2 ** (level - 1))


class PairDataset(Dataset[Sample]):
    """Pairs as samples of one level.

    An element is asked for by (index, draw): which pair, and the number of the sample in the level. It is a
    dict of

    * `photo` float32 [3, s, s], sRGB-encoded in 0..1, s = `options.input`;
    * `target` float32 [3, t, t], the same view wide open, t = s * 2**(2-level);
    * `sharp` float32 [1, t, t] in 0..1, if the pairs have it;
    * `matte`, `relative`, `blur`, `focus` for a lens head (`scene_sample`).

    Validation samples (`train=False`) are the largest centred square, the same at every draw. A pair that
    cannot be read, is too small, or whose members differ in shape raises PairsError with the file's name.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        options: PairsOptions,
        level: int,
        seed: int,
        train: bool,
        network: PyNETConfig | None = None,
    ) -> None:
        with_sharp = sum(pair.sharp is not None for pair in pairs)
        if not pairs:
            raise PairsError("no pairs to train with")
        if 0 < with_sharp < len(pairs):
            odd = next(pair.name for pair in pairs if pair.sharp is None)
            raise PairsError(f"pair {odd!r} has no sharpness map but others do; give it to all pairs or to none")
        self.pairs = list(pairs)
        self.options = options
        self.level = level
        self.seed = seed % 2**63
        self.train = train
        self.network = network or PyNETConfig()

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        index, draw = key
        pair = self.pairs[index]
        photo, target = load_image(pair.original), load_image(pair.bokeh)
        check_shape(target, photo, str(pair.bokeh))
        crop = self._crop(pair, photo.shape[0], photo.shape[1], draw)
        side, goal = self.options.input, target_side(self.options.input, self.level)
        sample = {"photo": crop.develop(crop.apply(photo, side)), "target": crop.develop(crop.apply(target, goal))}
        if pair.sharp is not None:
            sample["sharp"] = to_planes(crop.apply(load_map(pair.sharp), goal), PLAIN)
        if self.network.head == "lens":
            sample |= scene_sample(pair, read_scene(pair), crop, goal)
        return {name: torch.from_numpy(planes) for name, planes in sample.items()}

    def _crop(self, pair: Pair, height: int, width: int, draw: int) -> Crop:
        if not self.train:
            return centre_crop(height, width, self.options)
        rng = np.random.default_rng((self.seed, self.level, draw))
        try:
            return draw_crop(rng, height, width, self.options)
        except PairsError as error:
            raise PairsError(f"{pair.original}: {error}") from error


class EpochSampler(Sampler[tuple[int, int]]):
    """Numbers the samples of a level and says which pair each is of, without state.

    Epoch e is draws e*epoch_samples .. (e+1)*epoch_samples - 1, of which rank r takes every `world`-th. Draw d
    is element d % n of the permutation of the n pairs drawn from (seed, level, d // n): every pair is seen
    once before any is seen again, across epochs too.
    """

    def __init__(self, n_pairs: int, epoch_samples: int, seed: int, level: int, rank: int = 0, world: int = 1) -> None:
        if n_pairs < 1 or epoch_samples < 1:
            raise ValueError("n_pairs and epoch_samples must be at least 1")
        if not 0 <= rank < world or epoch_samples % world:
            raise ValueError(f"epoch_samples ({epoch_samples}) must be a multiple of world ({world}), rank below it")
        self.n_pairs = n_pairs
        self.epoch_samples = epoch_samples
        self.seed = seed % 2**63
        self.level = level
        self.rank = rank
        self.world = world
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration goes through."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.epoch_samples // self.world

    def __iter__(self) -> Iterator[tuple[int, int]]:
        first = self.epoch * self.epoch_samples
        draws = range(first + self.rank, first + self.epoch_samples, self.world)
        round_now, order = -1, np.empty(0, np.int64)
        for draw in draws:
            if draw // self.n_pairs != round_now:
                round_now = draw // self.n_pairs
                # The extra 1 keeps this stream apart from the crops', drawn from (seed, level, draw).
                order = np.random.default_rng((self.seed, self.level, round_now, 1)).permutation(self.n_pairs)
            yield int(order[draw % self.n_pairs]), draw


class PairLoader(DataLoader[Any]):
    """A DataLoader whose PairsError is one line again after its way out of a worker."""

    note: Callable[[Sample], Sample] | None = None
    """Goes over every batch, in the trainer's own process."""

    def __iter__(self) -> Any:
        with one_cv2_thread():  # Workers are forked here.
            batches = super().__iter__()
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except PairsError as error:
                # A worker's exception comes wrapped in its traceback; the message is the last line of it.
                line = str(error).strip().splitlines()[-1]
                raise PairsError(line.removeprefix(f"{PairsError.__module__}.PairsError: ")) from None
            yield self.note(batch) if self.note is not None else batch


def make_loader(dataset: Dataset[Sample], batch: int, workers: int, sampler: Sized | None = None) -> PairLoader:
    """Batches of samples, made ahead of the trainer in `workers` processes (0: in the trainer's own).

    Without a sampler every pair comes once, in order (validation; the last batch may be smaller); a list of keys comes
    likewise. With an `EpochSampler` batches are whole: a remainder of an epoch's samples is dropped, so give it a
    multiple of `batch`. At most two batches a worker wait at a time; that, not the number of pairs, is what sets
    the memory.
    """
    order: Sized = sampler if sampler is not None else [(i, i) for i in range(len(dataset))]  # type: ignore[arg-type]
    return PairLoader(
        dataset,
        batch_size=batch,
        sampler=order,  # type: ignore[arg-type]
        num_workers=workers,
        prefetch_factor=2 if workers else None,
        persistent_workers=workers > 0,
        worker_init_fn=_quiet_worker if workers else None,
        drop_last=isinstance(sampler, EpochSampler),
    )


def _quiet_worker(_: int) -> None:
    """Leave the cores to the trainer: a worker is one thread."""
    if cv2.getNumThreads() != 1:  # Not forked, so it has not inherited it.
        cv2.setNumThreads(1)
    torch.set_num_threads(1)


def scene_sample(pair: Pair, scene: PairScene, crop: Crop, goal: int) -> dict[str, NDArray[np.float32]]:
    """What a lens head has to say of one sample, and what the lens needs to draw the target from it.

    Places are told with the photo's own subject in focus, whatever the target was focused on: they then depend on the
    photo alone, and every other focus is a shift of them, `focus`.

    Returns `matte`, `relative` and `standing` [1, goal, goal], the latter two means over what is not the subject;
    `blur` [1], blur radius for each unit of relative disparity as a share of the sample's side; `focus` [1], relative
    disparity of what the target is focused on.
    """
    assert pair.shot is not None
    height, width = crop.frame
    rest = 1.0 - scene.subject
    matte, share, relative, standing = (
        crop.apply(np.ascontiguousarray(plane), goal)  # type: ignore[arg-type]
        for plane in (scene.subject, rest, rest * scene.relative, rest * scene.standing)
    )
    zoom = min(height, width) / min(crop.width, crop.height)
    return {
        "matte": matte.clip(0.0, 1.0).astype(np.float32)[None],  # Means by area overshoot by rounding.
        "relative": (relative / np.maximum(share, 1e-3)).astype(np.float32)[None],
        "standing": (standing / np.maximum(share, 1e-3)).clip(0.0, 1.0).astype(np.float32)[None],
        "blur": np.array([scene.blur(pair.shot) * zoom], np.float32),
        "focus": np.array([scene.focus(pair.shot)], np.float32),
    }
