"""Samples for a lens head, and one on its way from pairs to a rendered photo."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pair_sets import make_set
from varied_photos import draw
from wideopen.augment import Crop
from wideopen.checkpoint import load_weights
from wideopen.conditions import APERTURE_UNIT, condition_planes, focus_plane
from wideopen.engine import Engine, NetworkPlaces
from wideopen.errors import PairsError
from wideopen.export import export_onnx
from wideopen.in_focus import REACH, STEPS, SUBJECT, Scene
from wideopen.lens_samples import read_scene, showing, within
from wideopen.loader import PairDataset
from wideopen.manifest import Shot
from wideopen.options import PyNETConfig, RenderOptions
from wideopen.pairs import find_pairs
from wideopen.recipe import LevelRecipe, PairsOptions, Recipe
from wideopen.render import Renderer
from wideopen.shots import VariedOptions
from wideopen.synthesize import SynthesizeOptions, synthesize
from wideopen.train import train

NETWORK = PyNETConfig(
    in_channels=5, conditions=("focus", "aperture"), width=0.0625, blocks="cascade", head="lens", init="he"
)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lens")
    for seed in range(4):
        draw(folder, f"{'abcd'[seed]}", seed, foot=0.8 + 0.04 * seed)
    options = SynthesizeOptions(varied=VariedOptions(f_numbers=(1.2, 2.0), second=0.5, obstacles=0.5, elsewhere=0.5))
    synthesize(folder / "photos", folder / "mattes", folder / "pairs", options, per_photo=3, workers=1)
    return folder / "pairs"


def flat_scene(surface: str = "ground") -> Scene:
    """A ground from infinity (row 0) to 1.2 (row 119), a round subject at 1, a post at 1.5 in front."""
    rows, columns = np.mgrid[:120, :160]
    codes = np.rint(rows / 100 * STEPS).astype(np.uint16)
    subject = np.clip(25.5 - np.hypot(rows - 60, columns - 60), 0, 1).astype(np.float32)
    codes[subject > 0.5] = SUBJECT
    codes[40:, 120:136] = round(1.5 * STEPS)
    return Scene(codes, subject, surface)


def test_a_tap_on_the_subject_asks_for_the_subject() -> None:
    scene = flat_scene()
    found, tapped = scene.on_subject(), scene.on_point((60.5 / 160, 60.5 / 120))
    assert found.point is None and tapped.point is not None
    assert np.array_equal(found.matte, scene.subject) and np.array_equal(tapped.matte, scene.subject)
    assert np.abs(tapped.relative[scene.subject > 0.6]).max() == 0
    assert tapped.relative[5, 5] == pytest.approx(-0.95, abs=1e-3)
    assert tapped.relative[100, 125] == pytest.approx(0.5, abs=1e-3)


def test_a_tap_on_another_thing_asks_for_that_thing() -> None:
    tapped = flat_scene().on_point((128 / 160, 90 / 120))
    assert tapped.matte[45:115, 121:135].min() == 1 and tapped.matte.sum() == 80 * 16
    assert tapped.relative[60, 60] == pytest.approx(-0.5, abs=1e-3)


def test_a_tap_on_the_ground_asks_for_no_thing() -> None:
    tapped = flat_scene().on_point((20 / 160, 80.5 / 120))
    assert tapped.matte.max() == 0
    assert np.abs(tapped.relative[80, :30]).max() == 0 and tapped.relative[60, 60] == pytest.approx(0.2, abs=1e-3)


def test_relative_disparity_is_held_in_reach() -> None:
    scene = flat_scene()
    scene.codes[:, 150:] = 65535
    assert scene.on_point((0.01, 0.01)).relative.max() == REACH


def test_drawn_taps_fall_on_things_in_the_window() -> None:
    scene, rng = flat_scene(), np.random.default_rng(0)
    for _ in range(50):
        x, y = scene.draw_point(rng, (100, 30, 50, 80), on_thing=True)
        assert 120 <= x * 160 < 136 and 40 <= y * 120 < 110
        x, y = scene.draw_point(rng, (0, 0, 20, 20), on_thing=True)
        assert x * 160 < 20 and y * 120 < 20  # No thing there.


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_the_spot_lies_where_the_sample_shows_the_point(turns: int, flip: bool) -> None:
    point = (101.5 / 160, 33.5 / 120)
    marked = np.zeros((120, 160), np.uint8)
    marked[33, 101] = 255
    crop = showing(Crop(10, 50, 64, 64, (120, 160), turns, flip), point)
    assert (crop.x, crop.y) == (38, 33)
    shown = crop.apply(marked, 64)
    spot = focus_plane(64, 64, within(crop, point))
    assert np.unravel_index(spot.argmax(), spot.shape) == np.unravel_index(shown.argmax(), shown.shape)
    assert spot.max() == pytest.approx(1, abs=0.03)


def test_planes_stand_in_their_order() -> None:
    planes = condition_planes(("focus", "aperture"), 8, 12, blur=0.05)
    assert planes.shape == (2, 8, 12) and not planes[0].any() and (planes[1] == np.float32(0.05 / APERTURE_UNIT)).all()
    assert condition_planes((), 8, 12).shape == (0, 8, 12)


@pytest.mark.parametrize("pictures", [False, True])
def test_samples(pairs: Path, pictures: bool) -> None:
    found = find_pairs(pairs)
    dataset = PairDataset(found, PairsOptions(input=64), 3, 5, train=True, network=NETWORK, pictures=pictures)
    spots, taps = 0, 0
    for draw_number in range(24):
        index = draw_number % len(found)
        sample = dataset[index, draw_number]
        assert sample["photo"].shape == (5, 64, 64) and sample["matte"].shape == sample["relative"].shape == (1, 32, 32)
        assert sample["matte"].min() >= 0 and sample["matte"].max() <= 1 and sample["relative"].abs().max() <= REACH
        shot = found[index].shot
        assert shot is not None
        assert float(sample["blur"]) == pytest.approx(shot.blur_per_disparity / 4, rel=1e-5)
        spot = sample["photo"][3]
        if spot.max() > 0:
            spots += 1
            row, column = divmod(int(spot.argmax()), 64)
            # What is tapped is in focus: in the matte, or at no relative disparity.
            place = slice(max(row // 2 - 1, 0), row // 2 + 2), slice(max(column // 2 - 1, 0), column // 2 + 2)
            taps += bool(sample["matte"][0][place].max() > 0.5 or sample["relative"][0][place].abs().min() < 0.1)
    assert spots >= 4 and taps >= 0.95 * spots


def test_pairs_that_know_no_places_are_refused(tmp_path: Path) -> None:
    plain = find_pairs(make_set(tmp_path / "plain", ["a", "b"], 80, 96))
    with pytest.raises(PairsError, match="wideopen synthesize"):
        PairDataset(plain, PairsOptions(input=32), 7, 0, train=True, network=NETWORK)[0, 0]
    with pytest.raises(PairsError, match="wideopen synthesize"):
        read_scene(plain[0])


def test_a_manifest_tells_the_shot(pairs: Path) -> None:
    lines = {line["name"]: line for line in map(json.loads, (pairs / "manifest.jsonl").read_text().splitlines())}
    for pair in find_pairs(pairs):
        line = lines[pair.name]
        assert pair.shot == Shot(line["blur_per_disparity"], line["focus_disparity"], line["in_focus"], line["surface"])


@pytest.fixture(scope="module")
def model(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lens head trained on a dozen pairs, down to level 5, as an .onnx file."""
    folder = tmp_path_factory.mktemp("run")
    levels = (
        LevelRecipe(7, 4, 12, 2e-3, l1=0, matte=1, relative=1),
        LevelRecipe(6, 4, 12, 2e-3, l1=0, matte=1, relative=1),
        LevelRecipe(5, 4, 6, 2e-3, l1=1, matte=1, relative=1),
    )
    options = PairsOptions(input=64, workers=0, validation=0.1)
    recipe = Recipe("lens", levels, NETWORK, options, epoch_steps=6)
    train(recipe, pairs, folder / "run")
    first, last = (load_weights(folder / "run" / f"level{level}.pt")[1]["metrics"] for level in (7, 5))
    assert "val/places" in first and "val/psnr" in last
    export_onnx(folder / "run" / "level5.pt", folder / "lens.onnx")
    return folder / "lens.onnx"


def test_the_export_says_what_it_needs_and_gives(model: Path) -> None:
    engine = Engine(model)
    assert not engine.draws and engine.metadata.conditions == ("focus", "aperture") and engine.metadata.scale == 1
    photo = np.random.default_rng(0).random((70, 90, 3), np.float32)
    found, tapped = engine.run(photo), engine.run(photo, point=(0.8, 0.2))
    assert isinstance(found, NetworkPlaces) and isinstance(tapped, NetworkPlaces)
    assert found.matte.shape == found.relative.shape == (70, 90)
    assert np.abs(found.matte - tapped.matte).max() > 1e-4


def test_rendering_with_aperture_and_focus(model: Path) -> None:
    photo = np.random.default_rng(1).integers(0, 255, (150, 200, 3), np.uint8)
    fine = [float(np.abs(np.diff(_render(photo, model, aperture=n).astype(int), axis=1)).mean()) for n in (1.2, 4, 64)]
    assert fine[0] < fine[1] < fine[2]
    assert np.array_equal(_render(photo, model, aperture=float("inf")), photo)
    assert not np.array_equal(_render(photo, model, focus="0.1,0.1"), _render(photo, model))
    assert not np.array_equal(_render(photo, model, blades=5, aperture=1.2), _render(photo, model, aperture=1.2))
    with pytest.raises(ValueError, match="near needs a depth map"):
        _render(photo, model, focus="near")
    with pytest.raises(ValueError, match="outside the photo"):
        _render(photo, model, focus="300,20")


def _render(photo: np.ndarray, model: Path, **values: object) -> np.ndarray:
    made: np.ndarray = Renderer(RenderOptions(model=model, **values)).render(photo)  # type: ignore[arg-type]
    return made


def test_every_weight_of_a_lens_head_is_reached() -> None:
    from wideopen.pynet import Places, PyNET

    torch.manual_seed(0)
    network = PyNET(NETWORK, 3)
    for name, weight in network.named_parameters():
        if ".head." in name:
            torch.nn.init.normal_(weight, std=0.1)
    output = network(torch.rand(2, 5, 64, 64))
    assert isinstance(output, Places)
    (output.matte.mean() + output.relative.square().mean()).backward()
    still = [
        name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.abs().max() > 0
    ]
    # A convolution's bias before an instance norm changes nothing.
    assert not [name for name in still if not name.endswith("conv.bias")]
