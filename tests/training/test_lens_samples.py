"""Samples for a lens head, and one on its way from pairs to a rendered photo."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lens_models import build_lens_model
from pair_sets import make_set
from varied_photos import draw
from wideopen.errors import PairsError
from wideopen.lens.apertures import Aperture
from wideopen.network.checkpoint import load_weights
from wideopen.network.heads import SceneMaps
from wideopen.network.pynet import PyNET
from wideopen.options import PyNETConfig, RenderOptions
from wideopen.pairs.manifest import Shot
from wideopen.pairs.pair_scene import NEAREST, STEPS, PairScene, read_scene
from wideopen.pairs.pairs import find_pairs
from wideopen.pairs.sample_options import PairsOptions
from wideopen.render.renderer import Renderer
from wideopen.scene.background_depth import REACH
from wideopen.scene.model import Engine, NetworkScene
from wideopen.synthesis.options import SynthesizeOptions, VariedOptions
from wideopen.synthesis.synthesize import synthesize
from wideopen.training.differentiable_lens import DrawnLens
from wideopen.training.level_task import mean_psnr
from wideopen.training.loader import PairDataset
from wideopen.training.recipe import LevelRecipe, Recipe
from wideopen.training.train import train

pytestmark = pytest.mark.slow

NETWORK = PyNETConfig(width=0.0625, blocks="cascade", head="lens", init="he")


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lens")
    for seed in range(4):
        draw(folder, f"{'abcd'[seed]}", seed, foot=0.8 + 0.04 * seed)
    options = SynthesizeOptions(varied=VariedOptions(f_numbers=(1.2, 2.0), second=0.5, obstacles=0.5, elsewhere=0.5))
    synthesize(folder / "photos", folder / "mattes", folder / "pairs", options, per_photo=3, workers=1)
    return folder / "pairs"


def flat_scene() -> PairScene:
    """A ground from infinity (row 0) to 1.2 (row 119), a round subject at 1, a post at 1.5 in front."""
    rows, columns = np.mgrid[:120, :160]
    codes = np.rint(rows / 100 * STEPS).astype(np.uint16)
    subject = np.clip(25.5 - np.hypot(rows - 60, columns - 60), 0, 1).astype(np.float32)
    codes[subject > 0.5] = round(STEPS)
    codes[40:, 120:136] = round(1.5 * STEPS)
    return PairScene(codes, subject)


def test_what_stands_is_told_from_the_ground() -> None:
    standing = flat_scene().standing
    assert standing[40:110, 122:134].min() == 1  # The post, also where it hides the row's middle.
    assert standing[:, 100:118].max() < 0.05 and standing[:30].max() < 0.05


def shot(in_focus: str, disparity: float) -> Shot:
    return Shot(0.16, disparity / NEAREST, in_focus)


def test_places_are_counted_from_the_subject_to_the_farthest() -> None:
    scene = flat_scene()
    # 2 % of the photo may be farther: here the first of the rows that are looked at.
    assert scene.depth == pytest.approx(1, abs=0.05)
    assert np.abs(scene.relative[scene.subject > 0.6]).max() < 1e-4
    assert scene.relative[100, 125] == pytest.approx(0.5 / scene.depth, abs=1e-3)
    wall = PairScene(np.where(scene.subject > 0.5, scene.codes, np.uint16(0.4 * STEPS)), scene.subject)
    assert wall.depth == pytest.approx(0.6, abs=1e-3) and wall.relative[5, 5] == pytest.approx(-1, abs=1e-3)
    # The same blur, whatever it is counted in.
    for one in (scene, wall):
        assert one.blur(shot("subject", 1)) * one.relative[5, 5] == pytest.approx(
            0.04 * (one.codes[5, 5] / STEPS - 1), abs=1e-4
        )


def test_focus_elsewhere_is_a_shift() -> None:
    scene = flat_scene()
    assert scene.focus(shot("subject", 1)) == 0
    assert scene.focus(shot("background", 0.5)) == pytest.approx(-0.5 / scene.depth)
    assert scene.focus(shot("obstacle", 1.5)) == pytest.approx(0.5 / scene.depth)


def test_relative_disparity_is_held_in_reach() -> None:
    scene = flat_scene()
    scene.codes[:, 150:] = 65535
    scene.codes[:10] = round(0.9 * STEPS)
    assert scene.relative.max() == REACH


def test_samples_say_where_things_are(pairs: Path) -> None:
    found = find_pairs(pairs)
    dataset = PairDataset(found, PairsOptions(input=64, crop_scale=(0.7, 1.0)), 3, 5, train=True, network=NETWORK)
    for index, pair in enumerate(found):
        sample = dataset[index, index]
        assert sample["photo"].shape == (3, 64, 64) and sample["matte"].shape == sample["relative"].shape == (1, 32, 32)
        assert sample["matte"].min() >= 0 and sample["matte"].max() <= 1 and sample["relative"].abs().max() <= REACH
        assert pair.shot is not None
        blur = pair.shot.blur_per_disparity / 4 * read_scene(pair).depth
        assert blur < float(sample["blur"]) < blur / 0.69
        assert (float(sample["focus"]) == 0) == (pair.shot.in_focus == "subject")


def test_the_lens_draws_the_target_from_its_sample(pairs: Path) -> None:
    dataset = PairDataset(find_pairs(pairs), PairsOptions(input=128), 2, 5, train=False, network=NETWORK)
    gains = []
    for index in range(len(dataset)):
        sample = {name: value[None] for name, value in dataset[index, index].items()}
        places = SceneMaps(sample["matte"], sample["relative"])
        drawn = DrawnLens()(sample["photo"], places, sample["blur"], sample["focus"])
        # What is hidden and comes to light cannot be drawn, so not all of it is right.
        gains.append(float(mean_psnr(drawn, sample["target"]) - mean_psnr(sample["photo"], sample["target"])))
    assert np.mean(gains) > 5 and np.min(gains) > -0.5


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
        shape = Aperture(**line["shape"])
        names = ("blur_per_disparity", "focus_disparity", "in_focus", "surface")
        assert pair.shot == Shot(*(line[name] for name in names), shape)


def test_levels_of_places_and_one_of_pictures_are_trained(pairs: Path, tmp_path: Path) -> None:
    levels = (
        LevelRecipe(7, 4, 2, 2e-3, l1=0, matte=1, relative=1),
        LevelRecipe(6, 4, 2, 2e-3, l1=0, matte=1, relative=1),
        LevelRecipe(5, 4, 2, 2e-3, l1=1, matte=1, relative=1),
    )
    options = PairsOptions(input=64, workers=0, validation=0.1)
    train(Recipe("lens", levels, NETWORK, options, epoch_steps=1), pairs, tmp_path / "run")
    first, last = (load_weights(tmp_path / "run" / f"level{level}.pt")[1]["metrics"] for level in (7, 5))
    assert "val/places" in first and "val/psnr" in last


def test_rendering_with_aperture_and_focus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On known places: a subject on the left half, without blue, a wall behind it on the right."""
    model = build_lens_model(tmp_path / "lens.onnx")
    photo = np.random.default_rng(1).integers(0, 255, (150, 200, 3), np.uint8)
    photo[:, :100, 2], photo[:, 100:, 2] = 0, 255

    def run(_: Engine, shown: np.ndarray, **__: object) -> NetworkScene:
        left = shown[..., 2] < 0.5  # Of the whole, and of the parts about a point of focus.
        return NetworkScene(left.astype(np.float32), np.where(left, 0, -1).astype(np.float32))

    monkeypatch.setattr(Engine, "run", run)
    fine = [_fine(_render(photo, model, aperture=n)[:, 120:]) for n in (1.2, 4, 16, 64)]
    assert fine == sorted(fine) and fine[0] < 0.5 * fine[-1]
    assert np.array_equal(_render(photo, model, aperture=1.2)[:, :90], photo[:, :90])
    for focus in ("far", "0.9,0.5", "180,75"):
        tapped = _render(photo, model, aperture=1.2, focus=focus)
        assert np.array_equal(tapped[:, 150:], photo[:, 150:]) and _fine(tapped[:, :80]) < 0.5 * _fine(photo[:, :80])
    plain = _render(photo, model)
    assert np.array_equal(_render(photo, model, focus="near"), plain)
    at_point = _render(photo, model, focus="0.2,0.5").astype(int)
    assert np.array_equal(at_point[:, :90], plain[:, :90]) and np.abs(at_point - plain).mean() < 0.5
    assert np.array_equal(_render(photo, model, aperture=float("inf")), photo)
    assert not np.array_equal(_render(photo, model, blades=5, aperture=1.2), _render(photo, model, aperture=1.2))
    with pytest.raises(ValueError, match="outside the photo"):
        _render(photo, model, focus="300,20")


def _render(photo: np.ndarray, model: Path, **values: object) -> np.ndarray:
    made: np.ndarray = Renderer(RenderOptions(model=model, **values)).render(photo)  # type: ignore[arg-type]
    return made


def _fine(photo: np.ndarray) -> float:
    return float(np.abs(np.diff(photo.astype(int), axis=1)).mean())


def test_every_weight_of_a_lens_head_is_reached() -> None:
    torch.manual_seed(0)
    network = PyNET(NETWORK, 3)
    for name, weight in network.named_parameters():
        if ".head." in name:
            torch.nn.init.normal_(weight, std=0.1)
    output = network(torch.rand(2, 3, 64, 64))
    assert isinstance(output, SceneMaps)
    (output.matte.mean() + output.relative.square().mean()).backward()
    still = [
        name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.abs().max() > 0
    ]
    # A convolution's bias before an instance norm changes nothing.
    assert not [name for name in still if not name.endswith("conv.bias")]
