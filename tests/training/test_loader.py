import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from pair_sets import make_set, save, save_pair, scene, wide_open

torch = pytest.importorskip("torch")

from limits import HANG  # noqa: E402
from wideopen.errors import PairsError  # noqa: E402
from wideopen.pairs.pairs import Pair, find_pairs  # noqa: E402
from wideopen.pairs.sample_options import PairsOptions  # noqa: E402
from wideopen.training.loader import EpochSampler, PairDataset, make_loader, target_side  # noqa: E402

pytestmark = pytest.mark.slow

FULL = PairsOptions(input=32, crop_scale=(0.5, 1.0), turns=True, flips=True, exposure=0.5)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    return find_pairs(make_set(tmp_path_factory.mktemp("set"), [str(i) for i in range(5)]))


def coordinate_set(root: Path) -> list[Pair]:
    """A set whose photo, target, sharpness and depth all show the same coordinates."""
    y, x = np.mgrid[:192, :256]
    picture = np.dstack([x, y, (x + y) // 2]).astype(np.uint8)
    for name in ("1", "2"):
        save_pair(root, name, picture, picture, ".png")
        save(root / "sharp" / f"{name}.png", picture[..., 0])
        save(root / "depth" / f"{name}.png", cv2.resize(picture[..., 1], (128, 96), interpolation=cv2.INTER_AREA))
    return find_pairs(root)


# --- samples


@pytest.mark.parametrize(("level", "side"), [(1, 128), (2, 64), (3, 32), (4, 16), (5, 8), (6, 4), (7, 2)])
def test_samples_have_the_levels_shape(pairs: list[Pair], level: int, side: int) -> None:
    sample = PairDataset(pairs, PairsOptions(input=64), level, seed=0, train=True)[(0, 0)]
    assert set(sample) == {"photo", "target"}
    assert sample["photo"].shape == (3, 64, 64)
    assert sample["target"].shape == (3, side, side)
    assert target_side(64, level) == side == 64 * 2.0 ** (2 - level)
    for picture in sample.values():
        assert picture.dtype == torch.float32
        assert picture.is_contiguous()
        assert 0 <= picture.min() < picture.max() <= 1


@pytest.mark.parametrize("train", [True, False])
def test_all_members_share_their_geometry(tmp_path: Path, train: bool) -> None:
    dataset = PairDataset(coordinate_set(tmp_path), FULL, 2, 7, train)
    places = set()
    for draw in range(20 if train else 1):
        sample = dataset[(draw % 2, draw)]
        assert sample["sharp"].shape == (1, 32, 32)
        torch.testing.assert_close(sample["photo"], sample["target"], atol=0, rtol=0)
        places.add(round(float(sample["sharp"].mean()), 4))
        # Undo the exposure by where it left the blue channel, which is the mean of the other two.
        plain = PairDataset(
            dataset.pairs, PairsOptions(input=32, crop_scale=(0.5, 1.0), turns=True, flips=True), 2, 7, train
        )[(draw % 2, draw)]
        torch.testing.assert_close(plain["photo"][:1], plain["sharp"], atol=0.005, rtol=0)
    assert len(places) == (20 if train else 1)


def test_exposure_changes_photo_and_target_alike_but_no_map(tmp_path: Path) -> None:
    pairs = coordinate_set(tmp_path)
    plain = PairDataset(pairs, PairsOptions(input=32), 3, 0, True)
    exposed = PairDataset(pairs, PairsOptions(input=32, exposure=1.0), 3, 0, True)
    ratios = []
    for draw in range(8):
        before, after = plain[(0, draw)], exposed[(0, draw)]
        torch.testing.assert_close(before["sharp"], after["sharp"], atol=0, rtol=0)
        ratios.append(float(after["photo"].mean() / before["photo"].mean()))
        assert abs(float(after["target"].mean() / before["target"].mean()) - ratios[-1]) < 0.02
    assert min(ratios) < 0.95 < 1.05 < max(ratios)


def test_samples_are_a_function_of_seed_level_draw(pairs: list[Pair]) -> None:
    def sample(seed: int = 1, level: int = 4, draw: int = 3) -> "torch.Tensor":
        return PairDataset(pairs, FULL, level, seed, train=True)[(0, draw)]["photo"]

    assert torch.equal(sample(), sample())
    for other in (sample(seed=2), sample(level=5), sample(draw=4), sample(seed=-1)):
        assert not torch.equal(sample(), other)


def test_validation_is_the_centred_square_at_every_draw(pairs: list[Pair]) -> None:
    dataset = PairDataset(pairs, FULL, 3, 1, train=False)
    first, second = dataset[(1, 0)], dataset[(1, 99)]
    assert torch.equal(first["photo"], second["photo"])
    photo = cv2.cvtColor(cv2.imread(str(pairs[1].original)), cv2.COLOR_BGR2RGB)[:, 16:112]
    expected = cv2.resize(photo, (32, 32), interpolation=cv2.INTER_AREA).transpose(2, 0, 1) / np.float32(255)
    np.testing.assert_array_equal(first["photo"].numpy(), expected)


# --- the order


@pytest.mark.parametrize(("n", "samples"), [(5, 3), (5, 5), (5, 12), (1, 4), (7, 2)])
def test_sampler_goes_through_every_draw_and_every_pair(n: int, samples: int) -> None:
    sampler = EpochSampler(n, samples, seed=3, level=5)
    seen = []
    for epoch in range(6):
        sampler.set_epoch(epoch)
        assert len(sampler) == samples
        seen += list(sampler)
    assert [draw for _, draw in seen] == list(range(6 * samples))
    for start in range(0, len(seen) - n + 1, n):
        assert sorted(index for index, _ in seen[start : start + n]) == list(range(n))


def test_sampler_needs_no_state() -> None:
    fresh = EpochSampler(50, 64, 3, 5)
    used = EpochSampler(50, 64, 3, 5)
    for epoch in range(3):
        used.set_epoch(epoch)
        list(used)
    fresh.set_epoch(2)
    assert list(fresh) == list(used)
    others = [EpochSampler(50, 64, 4, 5), EpochSampler(50, 64, 3, 4)]
    for other in others:
        other.set_epoch(2)
        assert list(other) != list(fresh)
    orders = [[index for index, _ in fresh]]
    fresh.set_epoch(3)
    assert [index for index, _ in fresh] != orders[0]


@pytest.mark.parametrize("world", [1, 2, 4])
def test_ranks_together_give_the_draws_of_one(world: int) -> None:
    single = EpochSampler(11, 24, 0, 2)
    ranks = [EpochSampler(11, 24, 0, 2, rank, world) for rank in range(world)]
    for epoch in range(4):
        for sampler in (single, *ranks):
            sampler.set_epoch(epoch)
        parts = [list(sampler) for sampler in ranks]
        assert {len(part) for part in parts} == {24 // world}
        assert sorted(sum(parts, []), key=lambda item: item[1]) == list(single)


@pytest.mark.parametrize("wrong", [(0, 4, 0, 1), (4, 0, 0, 1), (4, 5, 0, 2), (4, 4, 2, 2), (4, 4, -1, 2)])
def test_sampler_refuses_what_makes_no_sense(wrong: tuple[int, int, int, int]) -> None:
    n, samples, rank, world = wrong
    with pytest.raises(ValueError, match="epoch_samples"):
        EpochSampler(n, samples, 0, 1, rank, world)


# --- the loader


class WithProcess(PairDataset):
    """Adds the process and the thread counts that a sample was made with."""

    def __getitem__(self, key: tuple[int, int]) -> dict[str, "torch.Tensor"]:
        facts = [os.getpid(), cv2.getNumThreads(), torch.get_num_threads(), key[1]]
        return {**super().__getitem__(key), "facts": torch.tensor(facts)}


def epochs(pairs: list[Pair], workers: int, count: int = 2) -> list[dict[str, "torch.Tensor"]]:
    sampler = EpochSampler(len(pairs), 6, 0, 4)
    # OpenCV's threads are alive when the workers start, as they may be in any program: that must not stop them.
    cv2.setNumThreads(2)
    cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.float32), (0, 0), 3)
    loader = make_loader(WithProcess(pairs, FULL, 4, 0, True), 3, workers, sampler)
    loader.timeout = HANG if workers else 0
    out = []
    for epoch in range(count):
        sampler.set_epoch(epoch)
        assert len(loader) == 2
        out += list(loader)
    return out


def test_batches_do_not_depend_on_the_number_of_workers(pairs: list[Pair]) -> None:
    alone, helped = epochs(pairs, 0), epochs(pairs, 2)
    assert len(alone) == len(helped) == 4
    for one, two in zip(alone, helped, strict=True):
        assert torch.equal(one["photo"], two["photo"])
        assert torch.equal(one["target"], two["target"])
        assert torch.equal(one["facts"][:, 3], two["facts"][:, 3])
    assert one["photo"].shape == (3, 3, 32, 32)
    processes = {int(pid) for batch in helped for pid in batch["facts"][:, 0]}
    assert os.getpid() not in processes
    assert len(processes) == 2, "workers were started anew for the second epoch"
    assert {tuple(facts) for batch in helped for facts in batch["facts"][:, 1:3].tolist()} == {(1, 1)}


def test_validation_loader_gives_every_pair_once_in_order(pairs: list[Pair]) -> None:
    loader = make_loader(WithProcess(pairs, FULL, 4, 0, False), 2, 0)
    draws = [batch["facts"][:, 3].tolist() for batch in loader]
    assert draws == [[0, 1], [2, 3], [4]]
    assert len(loader) == 3


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_pair_is_one_line_with_its_name(tmp_path: Path, workers: int) -> None:
    make_set(tmp_path, ["1", "2", "3"])
    bad = tmp_path / "bokeh" / "2.jpg"
    bad.write_bytes(bad.read_bytes()[:900])
    loader = make_loader(PairDataset(find_pairs(tmp_path), FULL, 4, 0, False), 1, workers)
    batches = iter(loader)
    next(batches)
    with pytest.raises(PairsError) as caught:
        list(batches)
    assert str(caught.value) == f"{bad}: the picture is cut short; copy it again or exclude the pair"


def test_other_errors_of_a_sample_are_named(tmp_path: Path) -> None:
    photo = scene(0, 96, 128)
    save_pair(tmp_path, "1", photo, photo[:, :96])
    save_pair(tmp_path, "2", photo, photo)
    pairs = find_pairs(tmp_path)
    with pytest.raises(PairsError, match="bokeh/1.jpg: 96x96 px, but its photo is 128x96"):
        PairDataset(pairs, FULL, 4, 0, True)[(0, 0)]
    with pytest.raises(PairsError, match="original/2.jpg: .*128x96 px, too small for a crop of 100"):
        PairDataset(pairs, PairsOptions(crop=100), 4, 0, True)[(1, 0)]


def test_a_target_of_another_size_but_the_same_shape_is_taken(tmp_path: Path) -> None:
    photo = scene(0, 96, 128)
    save_pair(tmp_path, "1", photo, cv2.resize(photo, (256, 192)), ".png")
    sample = PairDataset(find_pairs(tmp_path), FULL, 2, 0, True)[(0, 0)]
    assert float((sample["photo"] - sample["target"]).abs().mean()) < 0.02


def test_sets_that_lack_maps_are_refused(tmp_path: Path) -> None:
    pairs = coordinate_set(tmp_path)
    bare = [pairs[0], Pair("bare", pairs[1].original, pairs[1].bokeh)]
    with pytest.raises(PairsError, match="'bare' has no sharpness map"):
        PairDataset(bare, FULL, 4, 0, True)
    with pytest.raises(PairsError, match="no pairs"):
        PairDataset([], FULL, 4, 0, True)


def test_bokeh_pairs_come_out_as_made(tmp_path: Path) -> None:
    """The photo stays itself and the target its blurred self: nothing is swapped on the way."""
    photo = scene(0, 96, 128)
    save_pair(tmp_path, "1", photo, wide_open(photo), ".png")
    sample = PairDataset(find_pairs(tmp_path), PairsOptions(input=64), 2, 0, False)[(0, 0)]
    detail = [float((x[:, 1:, :8] - x[:, :-1, :8]).abs().mean()) for x in (sample["photo"], sample["target"])]
    assert detail[1] < 0.5 * detail[0]
