"""What is taken for a lamp, and what is not."""

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from wideopen.lens.highlights import find_surroundings, lamp_certainty, lamp_weight, line_length, raise_lamps
from wideopen.training import differentiable_lens

Float = NDArray[np.float32]


def dusk(height: int = 200, width: int = 300) -> Float:
    """A dim scene with some texture, linear light."""
    rng = np.random.default_rng(0)
    return (0.05 + 0.1 * rng.random((height, width, 3))).astype(np.float32)


def with_lamps(size: int, light: float | tuple[float, float, float] = 1.0) -> Float:
    scene = dusk()
    for row, column in ((40, 60), (100, 150), (20, 250), (150, 40)):
        scene[row : row + size, column : column + size] = light
    return scene


@pytest.mark.parametrize("size", [1, 2, 5, 7])
@pytest.mark.parametrize("gain", [1.5, 4.0, 20.0])
def test_a_small_white_spot_is_a_lamp(size: int, gain: float) -> None:
    scene = with_lamps(size)
    raised = raise_lamps(scene, gain)
    lamps = scene.min(axis=2) == 1
    np.testing.assert_allclose(raised[lamps], gain, rtol=1e-5)
    np.testing.assert_array_equal(raised[~lamps], scene[~lamps])


def paint() -> dict[str, Float]:
    """Bright things that are no lamps."""
    scenes = {
        "yellow": with_lamps(5, (1.0, 0.9, 0.1)),
        "red petals": with_lamps(5, (1.0, 0.3, 0.4)),
        "pale": with_lamps(5, 0.85),
        "large": with_lamps(40),
    }
    fence, across, diagonal, tiles = dusk(), dusk(), dusk(), dusk()
    fence[:, ::25] = fence[:, 1::25] = 1.0
    across[100:104] = 1.0
    cv2.line(diagonal, (0, 0), (199, 199), (1.0, 1.0, 1.0), 3)
    tiles[(np.indices((200, 300)) // 5).sum(axis=0) % 2 == 0] = 1.0
    sky = dusk()
    sky[:100] = 1.0
    return scenes | {"fence": fence, "rail": across, "diagonal": diagonal, "tiles": tiles, "sky": sky}


@pytest.mark.parametrize("name", paint())
def test_paint_is_not_raised(name: str) -> None:
    scene = paint()[name]
    raised = raise_lamps(scene, 4.0)
    unchanged = (raised == scene).all(axis=2)
    assert unchanged.mean() > 0.998, "but for ends of lines at the photo's border"


def test_lamps_keep_their_hue() -> None:
    scene = with_lamps(4, (1.0, 0.96, 0.93))
    raised = raise_lamps(scene, 4.0)[102, 152]
    assert raised[0] > 1.2
    np.testing.assert_allclose(raised / raised[0], [1.0, 0.96, 0.93], rtol=1e-5)


def test_one_gain_is_no_gain() -> None:
    scene = with_lamps(4)
    np.testing.assert_array_equal(raise_lamps(scene, 1.0), scene)


def spots(fraction: float) -> Float:
    """White spots that fill a fraction of a photo."""
    scene = dusk(400, 400)
    count = round(fraction * 400 * 400 / 16)
    places = [(row, column) for row in range(8, 388, 12) for column in range(8, 388, 12)]
    for row, column in places[:count]:
        scene[row : row + 4, column : column + 4] = 1.0
    return scene


@pytest.mark.parametrize(("fraction", "certainty"), [(0.0, 1.0), (0.005, 1.0), (0.055, 0.5), (0.1, 0.0)])
def test_lamps_that_fill_much_of_a_photo_are_none(fraction: float, certainty: float) -> None:
    assert lamp_certainty(spots(fraction)) == pytest.approx(certainty, abs=0.03)


@pytest.mark.parametrize("name", ["lamps", "many", *paint()])
def test_the_twin_in_torch_takes_the_same_for_lamps(name: str) -> None:
    scene = {"lamps": with_lamps(4), "many": spots(0.03)}.get(name)
    scene = paint()[name] if scene is None else scene
    planes = torch.from_numpy(scene.transpose(2, 0, 1).copy())[None]
    surroundings = find_surroundings(scene)
    np.testing.assert_allclose(differentiable_lens.find_surroundings(planes)[0, 0].numpy(), surroundings, atol=1e-5)
    np.testing.assert_allclose(
        differentiable_lens.lamp_weight(planes)[0, 0].numpy(), lamp_weight(scene, surroundings), atol=1e-4
    )
    ours = differentiable_lens.raise_lamps(planes, 4.0)[0].numpy().transpose(1, 2, 0)
    gain = 1 + 3 * lamp_certainty(scene)
    np.testing.assert_allclose(ours, raise_lamps(scene, gain), atol=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2), (40, 2000)])
def test_any_size(size: tuple[int, int]) -> None:
    scene = np.ones((*size, 3), np.float32)
    raised = raise_lamps(scene, 4.0)
    assert raised.shape == scene.shape and np.isfinite(raised).all()


@pytest.mark.parametrize(
    ("darkest", "around", "weight"),
    [
        (1.0, 0.1, 1.0), (1.0, 0.2, 1.0), (1.0, 0.35, 0.5), (1.0, 0.5, 0.0), (1.0, 0.9, 0.0),
        (0.9, 0.1, 0.0), (0.95, 0.1, 0.25), (0.98, 0.35, 0.32),
    ],
)  # fmt: skip
def test_a_lamp_is_clipped_in_every_channel_and_stands_before_the_dark(
    darkest: float, around: float, weight: float
) -> None:
    light = np.array([[[1.0, darkest, 1.0]]], np.float32)
    assert lamp_weight(light, np.full((1, 1), around, np.float32))[0, 0] == pytest.approx(weight, abs=1e-3)


@pytest.mark.parametrize(("short", "length"), [(10, 3), (100, 5), (200, 11), (400, 21), (1000, 51)])
def test_the_largest_lamp_is_a_twentieth_of_the_short_side(short: int, length: int) -> None:
    assert line_length(short, 2 * short) == line_length(3 * short, short) == length
