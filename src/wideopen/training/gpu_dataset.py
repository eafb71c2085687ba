"""Pairs decoded once and kept on the accelerator, where samples are cut: a GPU is not kept waiting for JPEGs.

Samples are those of `wideopen.training.loader`: the same draws, the same squares, colours and maps, resampled
bilinearly and by whole factors in place of by area. Without an accelerator the pairs stay in memory.
"""

from collections.abc import Callable, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from wideopen.errors import PairsError
from wideopen.options import PyNETConfig
from wideopen.pairs.augment import Crop, centre_crop, check_shape, draw_crop, one_cv2_thread
from wideopen.pairs.pair_scene import PairScene, read_scene
from wideopen.pairs.pairs import Pair, load_image, load_map
from wideopen.pairs.sample_options import PairsOptions
from wideopen.training.differentiable_lens import to_linear, to_srgb
from wideopen.training.fault_tolerance import ALLOWED
from wideopen.training.loader import Sample, target_side

Key = tuple[int, int]


@dataclass(frozen=True)
class Facts:
    """What is known of a pair beside its planes."""

    frame: tuple[int, int]
    """Height and width in px of its photo's file."""
    kept: tuple[int, int]
    """Of its planes."""
    blur: float = 0.0
    """`Scene.blur`."""
    focus: float = 0.0
    """`Scene.focus`."""


class ResidentPairs:
    """All members of some pairs as two tensors, one entry a pair, padded to squares by their own borders.

    Args:
        pairs: a pair that cannot be read is replaced by the next one that can, and told of.
        options: `resident` is the most that a side may have (px).
        network: says what samples hold, as for `loader.PairDataset`.
        tell: takes a line for each pair that was replaced.

    Raises PairsError if more of the pairs than `fault_tolerance.ALLOWED` cannot be read.
    """

    def __init__(
        self, pairs: Sequence[Pair], options: PairsOptions, network: PyNETConfig, tell: Callable[[str], None]
    ) -> None:
        self.options = options
        self.pairs = list(pairs)
        self.places = network.head == "lens"
        # A lens head has the matte for its supervision, and no use for what stays sharp.
        sharp = not self.places and all(pair.sharp is not None for pair in pairs)
        self.members = ("sharp",) if sharp else ("matte", "standing") if self.places else ()
        side = options.resident
        self.planes = torch.empty(len(pairs), 6 + len(self.members), side, side, dtype=torch.uint8)
        self.relative = torch.empty(len(pairs) if self.places else 0, 1, side, side, dtype=torch.float16)
        with one_cv2_thread(), ThreadPoolExecutor(max(options.workers, 1)) as pool:
            facts = list(pool.map(self._read, range(len(pairs))))
        self.facts = self._replace_unread(facts, tell)

    def _read(self, index: int) -> Facts | str:
        pair = self.pairs[index]
        try:
            photo, target = load_image(pair.original), load_image(pair.bokeh)
            check_shape(target, photo, str(pair.bokeh))
            scene = read_scene(pair) if self.places else None
            maps = [self._map(pair, scene, name) for name in self.members]
        except PairsError as error:
            return str(error)
        kept = self._put(self.planes[index], [*photo.transpose(2, 0, 1), *target.transpose(2, 0, 1), *maps])
        frame = photo.shape[0], photo.shape[1]
        if scene is None or pair.shot is None:
            return Facts(frame, kept)
        if self.places:
            self._put(self.relative[index], [(1.0 - scene.subject) * scene.relative])
        return Facts(frame, kept, scene.blur(pair.shot), scene.focus(pair.shot))

    def _map(self, pair: Pair, scene: PairScene | None, name: str) -> NDArray[np.uint8]:
        if name == "sharp" and pair.sharp is not None:
            return load_map(pair.sharp)
        assert scene is not None
        values = scene.subject if name == "matte" else (1.0 - scene.subject) * scene.standing
        return np.asarray(np.rint(255.0 * values), np.uint8)

    def _put(self, place: Tensor, planes: Sequence[NDArray[np.generic]]) -> tuple[int, int]:
        """Bring planes of one photo to the size of the store; returns the height and width they have there."""
        side = self.options.resident
        height, width = planes[0].shape
        scale = min(side / max(height, width), 1.0)
        rows, columns = max(round(height * scale), 1), max(round(width * scale), 1)
        for number, plane in enumerate(planes):
            small = np.asarray(plane)
            if small.shape != (rows, columns):
                small = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_AREA)
            around = np.pad(small, ((0, side - rows), (0, side - columns)), mode="edge")
            place[number] = torch.from_numpy(around)
        return rows, columns

    def _replace_unread(self, found: list[Facts | str], tell: Callable[[str], None]) -> list[Facts]:
        bad = [index for index, facts in enumerate(found) if isinstance(facts, str)]
        if len(bad) > max(1, ALLOWED * len(found)) or len(bad) == len(found):
            raise PairsError(f"{found[bad[0]]} ({len(bad)} of {len(found)} pairs cannot be read, too many)")
        for index in bad:
            tell(f"{found[index]}; another pair takes its place")
            other = next(i % len(found) for i in range(index + 1, index + len(found)) if i % len(found) not in bad)
            found[index], self.pairs[index] = found[other], self.pairs[other]
            self.planes[index] = self.planes[other]
            if self.places:
                self.relative[index] = self.relative[other]
        return [facts for facts in found if isinstance(facts, Facts)]

    def to(self, device: torch.device) -> "ResidentPairs":
        """Move the planes to a device, for good."""
        self.planes, self.relative = self.planes.to(device), self.relative.to(device)
        return self

    def batch(self, keys: Sequence[Key], level: int, seed: int, train: bool) -> Sample:
        """The samples that `PairDataset` would make of (index, draw) keys, stacked, on the planes' device."""
        crops = [self._crop(key, level, seed, train) for key in keys]
        indices = torch.tensor([index for index, _ in keys], device=self.planes.device)
        facts = [self.facts[index] for index, _ in keys]
        side, goal = self.options.input, target_side(self.options.input, level)
        grids = partial(self._grid, crops, facts)
        planes = self.planes[indices].float() / 255
        fine = max(side, goal)
        seen = F.grid_sample(planes, grids(fine), mode="bilinear", padding_mode="border", align_corners=False)
        photo, target = developed(seen[:, :3], crops), developed(seen[:, 3:6], crops)
        sample = {"photo": F.avg_pool2d(photo, fine // side), "target": F.avg_pool2d(target, fine // goal)}
        maps = {
            name: F.avg_pool2d(seen[:, 6 + i : 7 + i], fine // goal).clamp(0.0, 1.0)
            for i, name in enumerate(self.members)
        }
        if self.places:
            share = (1.0 - maps["matte"]).clamp_min(1e-3)
            relative = self.relative[indices].float()
            relative = F.grid_sample(relative, grids(fine), padding_mode="border", align_corners=False)
            maps["relative"] = F.avg_pool2d(relative, fine // goal) / share
            maps["standing"] = (maps["standing"] / share).clamp(0.0, 1.0)
            zoom = [min(fact.frame) / min(crop.width, crop.height) for fact, crop in zip(facts, crops, strict=True)]
            maps["blur"] = self._column([fact.blur * z for fact, z in zip(facts, zoom, strict=True)])
            maps["focus"] = self._column([fact.focus for fact in facts])
        return sample | maps

    def _crop(self, key: Key, level: int, seed: int, train: bool) -> Crop:
        index, draw = key
        height, width = self.facts[index].frame
        if train:
            return draw_crop(np.random.default_rng((seed, level, draw)), height, width, self.options)
        return centre_crop(height, width, self.options)

    def _grid(self, crops: Sequence[Crop], facts: Sequence[Facts], side: int) -> Tensor:
        """[N, side, side, 2]: where in the stored squares each sample's pixels lie, in the units of `grid_sample`."""
        matrices = np.stack(
            [placing(crop, fact, self.options.resident) for crop, fact in zip(crops, facts, strict=True)]
        )
        matrix = torch.from_numpy(matrices).to(self.planes.device)
        return F.affine_grid(matrix, [len(crops), 1, side, side], align_corners=False)

    def _column(self, values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float32, device=self.planes.device).view(-1, 1)


def placing(crop: Crop, facts: Facts, side: int) -> NDArray[np.float32]:
    """2x3 matrix from a sample's coordinates to those of a stored square of `side` px, both -1 to 1 edge to edge."""
    (height, width), (rows, columns) = facts.frame, facts.kept
    # What `Crop.apply` does to the picture, undone in the opposite order: turns, mirror, cut.
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float64)
    mirror = np.diag([-1.0 if crop.flip else 1.0, 1.0, 1.0])
    shares = (
        np.array([[crop.width / width, 0, (2 * crop.x + crop.width) / width - 1]]),
        np.array([[0, crop.height / height, (2 * crop.y + crop.height) / height - 1]]),
    )
    cut = np.concatenate([*shares, [[0, 0, 1]]])
    # Shares of the photo -1..1 to those of the square that holds it.
    across, down = columns / side, rows / side
    held = np.array([[across, 0, across - 1], [0, down, down - 1], [0, 0, 1]])
    return np.asarray((held @ cut @ mirror @ np.linalg.matrix_power(turn, crop.turns))[:2], np.float32)


def developed(photo: Tensor, crops: Sequence[Crop]) -> Tensor:
    """`Crop.develop` of a batch [N, 3, h, w]."""
    mixes = [np.reshape(crop.mix or np.eye(3).ravel(), (3, 3)) * 2.0**crop.exposure for crop in crops]
    matrix = torch.from_numpy(np.stack(mixes).astype(np.float32)).to(photo.device)
    return to_srgb(torch.einsum("nij,njhw->nihw", matrix, to_linear(photo)).clamp(0.0, 1.0))


class ResidentDataset(Dataset[Sample]):
    """Pairs of a store as whole batches of one level, cut when they are asked for; for `resident_loader` alone."""

    def __init__(self, store: ResidentPairs, level: int, seed: int, train: bool) -> None:
        self.store, self.level, self.seed, self.train = store, level, seed % 2**63, train

    def __len__(self) -> int:
        return len(self.store.pairs)

    def __getitems__(self, keys: list[Key]) -> Sample:
        """A batch: of (index, draw) in training, of (index, whether it counts) in validation."""
        store = self.store.to(accelerator())
        if self.train:
            return store.batch(keys, self.level, self.seed, True)
        batch = store.batch([(index, index) for index, _ in keys], self.level, self.seed, False)
        return batch | {"counted": torch.tensor([float(counts) for _, counts in keys], device=store.planes.device)}


def resident_loader(dataset: ResidentDataset, batch: int, sampler: Sized) -> DataLoader[Sample]:
    """Batches in the order of a sampler of keys, or a list of them; training's are whole."""
    order: Any = sampler
    return DataLoader(dataset, batch, sampler=order, collate_fn=lambda made: made, drop_last=dataset.train)


def accelerator() -> torch.device:
    """Where this process computes: Lightning has chosen it by the time a batch is asked for."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")
