"""Pairs kept on the accelerator give the samples that pairs read from disk give."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from varied_photos import draw
from wideopen.errors import PairsError
from wideopen.options import PyNETConfig
from wideopen.pairs.augment import Crop, draw_crop, to_planes
from wideopen.pairs.pairs import Pair, find_pairs
from wideopen.pairs.sample_options import PairsOptions
from wideopen.synthesis.options import SynthesizeOptions, VariedOptions
from wideopen.synthesis.synthesize import synthesize
from wideopen.training.gpu_dataset import Facts, ResidentDataset, ResidentPairs, developed, placing, resident_loader
from wideopen.training.loader import PLAIN, EpochSampler, PairDataset
from wideopen.training.recipe import LevelRecipe, Recipe
from wideopen.training.train import train

pytestmark = pytest.mark.slow

OPTIONS = PairsOptions(
    input=64, crop_scale=(0.6, 1.0), flips=True, turns=True, exposure=0.3, colour=0.5, resident=160, workers=2
)
LENS = PyNETConfig(width=0.0625, blocks="cascade", head="lens", init="he")
RESIDUAL = PyNETConfig(head="residual")


def silent(line: str) -> None:
    raise AssertionError(line)


def smoothed(planes: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(planes, 4) if planes.ndim == 3 and planes.shape[-1] >= 32 else planes


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    folder = tmp_path_factory.mktemp("resident")
    for seed in range(3):
        draw(folder, "abc"[seed], seed, foot=0.8 + 0.04 * seed)
    options = SynthesizeOptions(long_side=160, varied=VariedOptions(f_numbers=(1.2, 2.0), second=0.5, elsewhere=0.5))
    synthesize(folder / "photos", folder / "mattes", folder / "pairs", options, per_photo=3, workers=1)
    return find_pairs(folder / "pairs")


@pytest.mark.parametrize(("network", "level"), [(LENS, 5), (LENS, 2), (RESIDUAL, 3), (RESIDUAL, 1)])
@pytest.mark.parametrize("training", [True, False])
def test_samples_are_those_of_the_loader(pairs: list[Pair], network: PyNETConfig, level: int, training: bool) -> None:
    store = ResidentPairs(pairs, OPTIONS, network, silent)
    dataset = PairDataset(pairs, OPTIONS, level, 3, training, network=network)
    keys = [(index, 20 + index if training else index) for index in range(len(pairs))]
    batch = store.batch(keys, level, 3, training)
    for row, key in enumerate(keys):
        wanted = dataset[key]
        for name in batch:
            assert batch[name][row].shape == wanted[name].shape
            # Noise of single px is resampled otherwise, what is larger is not.
            difference = (smoothed(batch[name][row]) - smoothed(wanted[name])).abs()
            assert difference.mean() < {"relative": 0.03, "standing": 0.05}.get(name, 0.01), name
            assert difference.median() < 0.01, name
    assert set(wanted) - set(batch) <= {"sharp"}


def test_every_turn_and_mirror_lands_where_the_crop_puts_it() -> None:
    rows, columns = 48, 64
    image = cv2.resize(np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8), (columns, rows))
    square = torch.from_numpy(np.pad(to_planes(image, PLAIN), ((0, 0), (0, 16), (0, 0)), mode="edge"))[None]
    for turns in range(4):
        for flip in (False, True):
            crop = Crop(10, 6, 32, 32, (rows, columns), turns, flip)
            matrix = torch.from_numpy(placing(crop, Facts((rows, columns), (rows, columns)), 64))[None]
            grid = torch.nn.functional.affine_grid(matrix, [1, 3, 32, 32], align_corners=False)
            found = torch.nn.functional.grid_sample(square, grid, align_corners=False, padding_mode="border")
            assert np.abs(found[0].numpy() - to_planes(crop.apply(image, 32), PLAIN)).max() < 1e-4


def test_colours_change_as_on_the_processor() -> None:
    image = np.random.default_rng(1).integers(0, 255, (32, 32, 3), np.uint8)
    options = replace(OPTIONS, crop_scale=(1.0, 1.0))
    crops = [draw_crop(np.random.default_rng(seed), 32, 32, options) for seed in range(4)]
    found = developed(torch.from_numpy(to_planes(image, PLAIN)).expand(4, -1, -1, -1), crops).numpy()
    for crop, planes in zip(crops, found, strict=True):
        assert np.abs(planes - crop.develop(image)).max() < 2e-3
        assert np.abs(planes - to_planes(image, PLAIN)).mean() > 0.01


def test_colour_commutes_with_blur_in_linear_light(pairs: list[Pair]) -> None:
    """A lens's picture of changed colours is its picture with changed colours: what makes the change a fair one."""
    crop = Crop(0, 0, 8, 8, (8, 8), mix=draw_crop(np.random.default_rng(3), 8, 8, OPTIONS).mix)
    flat = np.full((8, 8, 3), (90, 120, 60), np.uint8)
    grey = np.full((8, 8, 3), 110, np.uint8)
    assert np.ptp(crop.develop(flat), axis=(1, 2)).max() < 1e-6
    light = ((crop.develop(grey) + 0.055) / 1.055) ** 2.4
    before = ((110 / 255 + 0.055) / 1.055) ** 2.4
    assert abs(float((light[:, 0, 0] * (0.2126, 0.7152, 0.0722)).sum()) - before) < 1e-3


def test_an_unreadable_pair_is_replaced_and_told_of(pairs: list[Pair], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(pairs[1].original.read_bytes()[:-700])
    told: list[str] = []
    store = ResidentPairs([pairs[0], replace(pairs[1], original=broken), pairs[2]], OPTIONS, LENS, told.append)
    assert len(told) == 1 and "broken.jpg" in told[0]
    assert torch.equal(store.planes[1], store.planes[2]) and not torch.equal(store.planes[0], store.planes[2])
    with pytest.raises(PairsError, match="2 of 3 pairs"):
        ResidentPairs([replace(pair, original=broken) for pair in pairs[:2]] + [pairs[2]], OPTIONS, LENS, silent)


def test_an_epoch_is_whole_batches_in_the_samplers_order(pairs: list[Pair]) -> None:
    store = ResidentPairs(pairs, OPTIONS, LENS, silent)
    sampler = EpochSampler(len(pairs), 8, 5, 5)
    sampler.set_epoch(2)
    batches = list(resident_loader(ResidentDataset(store, 5, 5, True), 4, sampler))
    assert [batch["photo"].shape[0] for batch in batches] == [4, 4]
    again = store.batch(list(sampler)[4:], 5, 5, True)
    assert torch.equal(batches[1]["photo"], again["photo"])
    shares = [(0, True), (1, True), (0, False)]
    (held, last) = resident_loader(ResidentDataset(store, 5, 5, False), 2, shares)
    assert held["counted"].tolist() == [1, 1] and last["counted"].tolist() == [0]


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_run_learns_from_resident_pairs(pairs: list[Pair], tmp_path: Path, precision: str) -> None:
    level = LevelRecipe(level=7, batch=4, steps=30, lr=3e-3, l1=0.0, matte=1.0, relative=1.0)
    recipe = Recipe(
        "r", (level,), LENS, replace(OPTIONS, validation=0.3), epoch_steps=15, precision=precision, weight_decay=0.01
    )
    data = pairs[0].original.parents[1]
    train(recipe, data, tmp_path / "run")
    text = "".join(path.read_text() for path in sorted((tmp_path / "run" / "csv").rglob("metrics.csv")))
    names, *lines = text.splitlines()
    column = names.split(",").index("train/matte")
    losses = [float(line.split(",")[column]) for line in lines if line.split(",")[column]]
    assert np.mean(losses[-5:]) < 0.95 * np.mean(losses[:5]), losses
