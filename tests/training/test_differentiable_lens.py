"""The lens that a lens head is trained with: against its numpy twin, against the lens of layers, and its slopes."""

import numpy as np
import pytest
import torch

from lamp_scenes import paint, spots, with_lamps
from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.lens.apertures import Aperture
from wideopen.lens.highlights import find_surroundings, lamp_certainty, lamp_weight, raise_lamps
from wideopen.lens.layered_lens import Layer, expose
from wideopen.lens.lens_settings import LensSettings
from wideopen.lens.matte_lens import draw
from wideopen.network.heads import SceneMaps
from wideopen.network.pynet import PyNET
from wideopen.options import PyNETConfig
from wideopen.scene.background_depth import Plane
from wideopen.training import differentiable_lens as lens_of_torch
from wideopen.training.differentiable_lens import DrawnLens, bank, memberships

pytestmark = pytest.mark.slow

SIZE = 96


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A textured photo, a round matte with a soft edge, a ground that recedes behind it."""
    rng = np.random.default_rng(seed)
    photo = rng.random((SIZE // 4, SIZE // 4, 3), np.float32).repeat(4, 0).repeat(4, 1) * 0.7
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    matte = (20.5 - np.hypot(rows - 50, columns - 48)).clip(0, 1).astype(np.float32)
    relative = ((rows - 70) / 70).clip(-1, 0.2).astype(np.float32)
    return photo, matte, relative


def torch_draw(photo: np.ndarray, matte: np.ndarray, relative: np.ndarray, blur: float) -> np.ndarray:
    planes = torch.from_numpy(photo.transpose(2, 0, 1))[None]
    places = SceneMaps(torch.from_numpy(matte)[None, None], torch.from_numpy(relative)[None, None])
    return DrawnLens()(planes, places, torch.tensor([[blur]]))[0].permute(1, 2, 0).numpy()


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(max(np.mean((a - b) ** 2), 1e-12)))


@pytest.mark.parametrize("blur", [0.02, 0.06])
def test_twins_draw_the_same(blur: float) -> None:
    photo, matte, relative = scene()
    gain = 1 + 3 * lamp_certainty(srgb_to_linear(photo))
    ours, _ = draw(photo, matte, relative, LensSettings(blur, highlight_gain=gain))
    assert psnr(torch_draw(photo, matte, relative, blur), ours) > 32


@pytest.mark.parametrize("away", [-0.8, -0.3])
def test_a_wall_behind_a_subject_is_what_the_lens_of_layers_sees(away: float) -> None:
    photo, matte, _ = scene(1)
    light, blur = srgb_to_linear(photo), 0.06
    front = Layer(light, Plane(1.0), matte)
    # Behind the subject the same wall goes on, so that nothing hidden has to be guessed.
    wall = Layer(light, Plane(1.0 + away))
    seen = expose([front, wall], blur * SIZE, 1.0, 1.0, Aperture())
    ours, kept = draw(photo, matte, np.full_like(matte, away), LensSettings(blur, highlight_gain=1.0))
    far = matte < 0.01
    near_edge = np.hypot(*(np.mgrid[:SIZE, :SIZE] - np.array([50, 48])[:, None, None])) < 24
    truth = linear_to_srgb(seen.linear)
    assert psnr(ours[far & ~near_edge], truth[far & ~near_edge]) > 34
    # Beside the subject it guesses what is hidden from what is seen around.
    assert psnr(ours[near_edge], truth[near_edge]) > 33
    assert np.abs(ours - photo)[matte > 0.99].max() < 2e-3
    assert kept[matte > 0.99].min() > 0.999 and kept[far & ~near_edge].max() < 0.05


def test_off_is_the_photo() -> None:
    photo, matte, relative = scene(2)
    ours, kept = draw(photo, matte, relative, LensSettings(0.0))
    assert np.abs(ours - photo).max() < 2e-3 and kept.min() > 0.999


def test_a_picture_does_not_depend_on_those_it_is_drawn_with() -> None:
    """A share of the subject too small to be drawn, beside a picture that has one: processes share a batch."""
    planes = torch.from_numpy(np.stack([scene(seed)[0].transpose(2, 0, 1) for seed in (0, 1)]))
    matte = torch.stack([torch.full((1, SIZE, SIZE), 5e-4), torch.from_numpy(scene()[1])[None]])
    places, blur, focus = (
        SceneMaps(matte, torch.full_like(matte, -0.5)),
        torch.full((2, 1), 0.06),
        torch.full((2, 1), -0.5),
    )
    together, alone = (
        DrawnLens()(planes[:n], SceneMaps(*(p[:n] for p in places)), blur[:n], focus[:n]) for n in (2, 1)
    )
    torch.testing.assert_close(together[:1], alone, rtol=0, atol=1e-6)


def test_in_front_of_the_focus_things_spread_over_it() -> None:
    photo, _, _ = scene(3)
    relative = np.zeros((SIZE, SIZE), np.float32)
    relative[:, :30] = 1.5
    ours, kept = draw(photo, np.zeros_like(relative), relative, LensSettings(0.06))
    assert np.abs(ours - photo)[:, 60:].max() < 2e-3 and kept[:, 60:].min() > 0.999
    # The blurred edge reaches into the part in focus, and the focus does not reach into it sharply.
    assert 0.2 < kept[40, 30] < 0.9 and kept[:, :10].max() < 0.05


def test_memberships_are_shares_of_the_two_nearest_radii() -> None:
    radii = bank(12.0)
    radius = torch.linspace(-14, 14, 400).view(1, 1, 20, 20)
    shares = memberships(radius, radii)
    assert torch.allclose(shares.sum(1), torch.ones(1, 20, 20), atol=1e-5)
    assert ((shares > 1e-6).sum(1) <= 2).all()
    inner = radius.abs().squeeze() < 12
    mean = (shares * torch.tensor(radii).view(1, -1, 1, 1)).sum(1).squeeze()
    far = radius.abs().squeeze() > 1
    assert torch.allclose(mean[inner & far], radius.squeeze()[inner & far], atol=1e-4)


def test_slopes_lead_back_to_matte_and_disparity() -> None:
    photo, matte, relative = scene(4)
    truth = torch.from_numpy(torch_draw(photo, matte, relative, 0.06)).permute(2, 0, 1)[None]
    planes = torch.from_numpy(photo.transpose(2, 0, 1))[None]
    soft = torch.full((1, 1, SIZE, SIZE), 0.0, requires_grad=True)
    guess = torch.full((1, 1, SIZE, SIZE), -0.3, requires_grad=True)
    adam = torch.optim.Adam([soft, guess], 0.05)
    losses = []
    for _ in range(40):
        loss = (DrawnLens()(planes, SceneMaps(torch.sigmoid(soft), guess), torch.tensor([[0.06]])) - truth).abs().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    found = torch.sigmoid(soft.detach())[0, 0].numpy()
    assert found[matte > 0.99].mean() > found[matte < 0.01].mean() + 0.25


@pytest.mark.parametrize("level", [7, 5, 3, 1])
def test_a_lens_head_starts_as_good_as_the_level_below(level: int) -> None:
    config = PyNETConfig(width=0.0625, blocks="cascade", head="lens", init="he")
    network = PyNET(config, level).eval()
    head = network.get_submodule("level7.head")
    torch.nn.init.normal_(head.weight, std=0.5)
    photo = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found = network(photo)
        below = PyNET(config, 7).eval()
        below.load_state_dict(
            {name: value for name, value in network.state_dict().items() if name in below.state_dict()}
        )
        expected = below(photo)
    assert isinstance(found, SceneMaps) and isinstance(expected, SceneMaps)
    side = 64 * 2 // 2 ** (level - 1)
    assert found.matte.shape == found.relative.shape == (1, 1, side, side)
    enlarged = expected.relative
    for _ in range(7 - level):
        enlarged = torch.nn.functional.interpolate(enlarged, scale_factor=2.0, mode="bilinear")
    torch.testing.assert_close(found.relative, enlarged)


@pytest.mark.parametrize("name", ["lamps", "many", *paint()])
def test_the_same_is_taken_for_lamps(name: str) -> None:
    scene = {"lamps": with_lamps(4), "many": spots(0.03)}.get(name)
    scene = paint()[name] if scene is None else scene
    planes = torch.from_numpy(scene.transpose(2, 0, 1).copy())[None]
    surroundings = find_surroundings(scene)
    np.testing.assert_allclose(lens_of_torch.find_surroundings(planes)[0, 0].numpy(), surroundings, atol=1e-5)
    np.testing.assert_allclose(
        lens_of_torch.lamp_weight(planes)[0, 0].numpy(), lamp_weight(scene, surroundings), atol=1e-4
    )
    ours = lens_of_torch.raise_lamps(planes, 4.0)[0].numpy().transpose(1, 2, 0)
    gain = 1 + 3 * lamp_certainty(scene)
    np.testing.assert_allclose(ours, raise_lamps(scene, gain), atol=1e-3)
