"""Training by two processes on one machine: the same as by one, however they are started and whichever dies."""

import os
import signal
import time
from pathlib import Path

import pytest
import torch

from command import call
from limits import HANG
from pair_sets import make_set
from training_runs import (
    assert_same_weights,
    children,
    command,
    complaints,
    curve,
    kill,
    start,
    train_by_torchrun,
    train_here,
    train_shared,
    train_through,
    wait_for,
    write_recipe,
)
from varied_photos import draw
from wideopen.errors import RecipeError
from wideopen.network.heads import Output, SceneMaps
from wideopen.network.pynet import PyNET
from wideopen.options import PyNETConfig
from wideopen.synthesis.options import SynthesizeOptions, VariedOptions
from wideopen.synthesis.synthesize import synthesize
from wideopen.training.fault_tolerance import validation_share
from wideopen.training.losses import places_terms, places_weights
from wideopen.training.processes import Processes, check_batches, launched
from wideopen.training.recipe import LevelRecipe

pytestmark = pytest.mark.slow

ALL = (7, 6, 5, 4, 3)
"""All that a lens head has; of 2 and 1, `test_every_weight_takes_part_in_every_level` tells."""
STEPS = {level: 2 for level in ALL} | {6: 8}
"""Of each level; at level 6 there is time for a kill."""
EPOCH = 2


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_set(tmp_path_factory.mktemp("pairs"), [f"p{number:02d}" for number in range(24)], 72, 96)


@pytest.fixture(scope="module")
def alone(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One process, all levels: recipe, run."""
    folder = tmp_path_factory.mktemp("alone")
    recipe = write_recipe(folder / "small.toml", ALL, STEPS, epoch=EPOCH)
    train_here(recipe, pairs, folder / "run")
    return recipe, folder / "run"


@pytest.fixture(scope="module")
def shared(alone: tuple[Path, Path], pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same by two processes."""
    run = tmp_path_factory.mktemp("shared") / "run"
    assert train_through(command(alone[0], pairs, run, "--devices", "2")) == []
    return run


def test_two_processes_train_as_one(alone: tuple[Path, Path], shared: Path) -> None:
    _, run = alone
    for level in ALL:
        one, two = curve(run, level), curve(shared, level)
        assert len(one) == STEPS[level]
        assert two == pytest.approx(one, rel=1e-4), f"level {level}"
        for name in ("val/psnr", "val/psnr_of_photo"):
            found = curve(shared, level, name)
            assert len(found) == STEPS[level] // EPOCH and found == pytest.approx(curve(run, level, name), abs=1e-3)


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs that know mattes, sharpness and places."""
    folder = tmp_path_factory.mktemp("varied")
    for seed in range(4):
        draw(folder, "abcd"[seed], seed, foot=0.8 + 0.04 * seed)
    options = SynthesizeOptions(varied=VariedOptions(second=0.5, obstacles=0.5))
    synthesize(folder / "photos", folder / "mattes", folder / "pairs", options, per_photo=3, workers=1)
    return folder / "pairs"


@pytest.mark.parametrize(
    ("head", "encoder", "terms", "measured"),
    [
        ("blend", "pynet", {"sharp": 0.5}, ("val/psnr", "val/sharp_mae")),
        ("lens", "lite0", {"matte": 1.0, "relative": 0.5}, ("val/psnr", "val/matte", "val/relative", "val/places")),
    ],
)
def test_two_processes_train_other_heads_as_one(
    varied: Path, tmp_path: Path, head: str, encoder: str, terms: dict[str, float], measured: tuple[str, ...]
) -> None:
    """As srun starts them."""
    more = "\n".join(f"{name} = {weight}" for name, weight in terms.items())
    network = f'encoder = "{encoder}"'
    recipe = write_recipe(tmp_path / "r.toml", steps=2, epoch=1, head=head, more=more, network=network)
    assert train_here(recipe, varied, tmp_path / "1") == []
    assert train_shared(command(recipe, varied, tmp_path / "2")) == [[], []]
    for name in ("train/total", "train/l1", "train/psnr", *(f"train/{term}" for term in terms), *measured):
        one, two = (curve(tmp_path / devices, 7, name) for devices in ("1", "2"))
        assert len(one) == 2
        assert two == pytest.approx(one, rel=1e-9), name
    assert_same_weights(tmp_path / "1", tmp_path / "2", 7, 1e-9, figures=1e-6)


def test_one_killed_then_all_and_resumed(alone: tuple[Path, Path], shared: Path, pairs: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "top.toml", (7, 6), STEPS, epoch=EPOCH)
    both = command(recipe, pairs, tmp_path / "run", "--devices", "2", "--resume")

    process = start(both, fork_others=True)
    wait_for(tmp_path / "run" / "level7" / "last.ckpt", process)
    kill(children(process)[:1])
    lines = complaints(process)
    assert process.returncode != 0
    assert len(lines) == 1 and "lost another" in lines[0] and "--resume" in lines[0]

    process = start(both, fork_others=True)
    wait_for(tmp_path / "run" / "level6" / "last.ckpt", process)
    kill([*children(process), process.pid])
    complaints(process)
    assert not (tmp_path / "run" / "level6.pt").exists()

    assert train_shared(command(recipe, pairs, tmp_path / "run", "--resume")) == [[], []]
    for level in (7, 6):
        assert_same_weights(shared, tmp_path / "run", level)
    assert_same_weights(alone[1], tmp_path / "run", 7, 1e-6)


def test_the_first_process_killed_ends_the_other(pairs: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "long.toml", steps=4000)
    process = start(command(recipe, pairs, tmp_path / "run", "--devices", "2"), fork_others=True)
    wait_for(tmp_path / "run" / "level7" / "last.ckpt", process)
    (child,) = children(process)
    process.kill()
    lines = complaints(process)  # Until the other has closed the same standard error, shortly before its end.
    deadline = time.monotonic() + HANG
    while _state(child) != "Z" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _state(child) == "Z"
    assert len(lines) == 1 and lines[0].startswith("wideopen: process 1 of 2: lost another")


def _state(pid: int) -> str:
    """The state of a process as /proc gives it; Z, too, for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def test_sigterm_stops_all_between_two_steps(pairs: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "long.toml", steps=4000)
    process = start(command(recipe, pairs, tmp_path / "run", "--devices", "2"), fork_others=True)
    wait_for(tmp_path / "run" / "level7" / "last.ckpt", process)
    os.kill(children(process)[0], signal.SIGTERM)
    lines = complaints(process)
    assert process.returncode == 143
    assert len(lines) == 1 and "asked to stop (SIGTERM)" in lines[0]


def test_started_by_torchrun(alone: tuple[Path, Path], pairs: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "top.toml", (7,), STEPS, epoch=EPOCH)
    train_by_torchrun(command(recipe, pairs, tmp_path / "run"))
    assert_same_weights(alone[1], tmp_path / "run", 7, 1e-6)


def test_a_batch_that_cannot_be_shared_is_one_line_and_no_run(pairs: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "top.toml", (7, 6))
    done = call(*command(recipe, pairs, tmp_path / "run", "--devices", "3")[3:])
    lines = done.error.splitlines()
    assert done.code == 2
    assert len(lines) == 1 and "level 7: a batch of 4 cannot be shared evenly by 3 processes" in lines[0]
    assert "take 1, 2 or 4 processes" in lines[0]
    assert not (tmp_path / "run").exists()


def test_batches_are_those_of_all_processes() -> None:
    levels = [LevelRecipe(7, 50, 1), LevelRecipe(6, 9, 1)]
    check_batches(levels, 1)
    with pytest.raises(RecipeError, match="level 6: a batch of 9 .* by 2 processes; take 1, 3 or 9 processes"):
        check_batches(levels, 2)


def test_what_started_them_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launched() == Processes(1, 1)
    assert launched(2, 3).world == 6
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    environment = {"LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8"}
    assert launched(environment=environment) == Processes(4, 2) == launched(4, 2, environment=environment)
    with pytest.raises(RecipeError, match="torchrun started 4 processes on each of 2 nodes, but --devices 8"):
        launched(8, environment=environment)


def test_the_shares_of_a_batch_average_to_its_loss() -> None:
    """The lens head's loss divides by what is not the subject, which differs from share to share."""
    torch.manual_seed(0)
    matte, relative, standing, *found = (torch.rand(4, 1, 8, 8, dtype=torch.float64) for _ in range(5))
    matte[:2] = 1.0 - 0.05 * matte[:2]
    whole = places_terms(SceneMaps(*found), matte, relative, standing)
    weights = places_weights(matte, standing)
    shares = []
    for part in (slice(0, 2), slice(2, 4)):
        # What both processes together divide by: first the matte's weights, then those of the disparity.
        rooms = iter((weights.matte.sum() / 2, weights.relative.sum() / 2))
        places = SceneMaps(*(x[part] for x in found))
        shares.append(places_terms(places, matte[part], relative[part], standing[part], lambda _, r=rooms: next(r)))
    for name, value in whole.items():
        torch.testing.assert_close(torch.stack([share[name] for share in shares]).mean(), value)


@pytest.mark.parametrize("head", ["absolute", "residual", "blend", "lens"])
@pytest.mark.parametrize("encoder", ["pynet", "lite0"])
def test_every_weight_takes_part_in_every_level(head: str, encoder: str) -> None:
    """DDP waits for ever for the gradient of a weight that has none."""
    for level in (7, 4, 3, 2, 1):
        network = PyNET(PyNETConfig(width=0.0625, blocks="cascade", head=head, encoder=encoder, init="he"), level)
        output = network(torch.rand(1, 3, 64, 64))
        (output.bokeh.sum() if isinstance(output, Output) else output.relative.sum()).backward()
        assert [name for name, weight in network.named_parameters() if weight.grad is None] == [], level


@pytest.mark.parametrize(("pairs_", "world"), [(5, 1), (5, 2), (3, 8), (1, 4), (8, 4)])
def test_every_pair_validates_once(pairs_: int, world: int) -> None:
    shares = [validation_share(pairs_, rank, world) for rank in range(world)]
    assert len({len(share) for share in shares}) == 1
    assert sorted(index for share in shares for index, counts in share if counts) == list(range(pairs_))
