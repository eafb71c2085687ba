import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reference.lens import trace
from wideopen.lens.apertures import Aperture
from wideopen.lens.defocus import convolve
from wideopen.lens.layered_lens import Layer, expose
from wideopen.scene.background_depth import Plane

Float = NDArray[np.float32]


def texture(seed: int, height: int = 60, width: int = 72) -> Float:
    """A picture with detail of a few px, as photos have; linear in [0, 1]."""
    noise = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.2)
    return np.clip((smooth - 0.5) * 3 + 0.5, 0, 1).astype(np.float32)


def blob(height: int = 60, width: int = 72) -> Float:
    mask = np.zeros((height, width), np.float32)
    cv2.ellipse(mask, (width // 2, height // 2), (width // 5, height // 3), 20, 0, 360, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.8), np.float32)


def psnr(a: NDArray[np.float32], b: NDArray[np.float64], margin: int = 8) -> float:
    inside = (slice(margin, -margin), slice(margin, -margin))
    return float(-10 * np.log10(np.mean((a[inside] - b[inside]) ** 2)))


SCENES = {
    "far wall": lambda: [Layer(texture(2), Plane(0.2))],
    "tilted wall": lambda: [Layer(texture(3), Plane(0.1, dx=0.012))],
    "subject before a wall": lambda: [Layer(texture(4), Plane(1.0), blob()), Layer(texture(5), Plane(0.0))],
    "subject on the ground": lambda: [Layer(texture(6), Plane(1.0), blob()), Layer(texture(7), Plane(0.0, dy=0.014))],
    "blurred foreground": lambda: [Layer(texture(8), Plane(2.0), blob()), Layer(texture(9), Plane(1.0))],
    "three layers": lambda: [
        Layer(texture(10), Plane(1.3), np.roll(blob(), 20, axis=1)),
        Layer(texture(11), Plane(1.0), np.roll(blob(), -12, axis=1)),
        Layer(texture(12), Plane(0.9, dy=-0.004)),
    ],
    "two blurred, focus between": lambda: [Layer(texture(8), Plane(1.6), blob()), Layer(texture(9), Plane(0.2))],
    "two blurred behind": lambda: [Layer(texture(18), Plane(0.5), blob()), Layer(texture(19), Plane(0.0))],
    "three blurred": lambda: [
        Layer(texture(8), Plane(2.2), np.roll(blob(), 10, axis=1)),
        Layer(texture(9), Plane(1.6), np.roll(blob(), -10, axis=1)),
        Layer(texture(14), Plane(0.2)),
    ],
    "leaning foreground": lambda: [
        Layer(texture(22), Plane(1.5, dx=0.008), blob()),
        Layer(texture(23), Plane(0.3, dy=-0.004)),
    ],
    "obstacle, subject, ground": lambda: [
        Layer(texture(15), Plane(2.0), np.roll(blob(), -22, axis=1)),
        Layer(texture(16), Plane(1.0), blob()),
        Layer(texture(17), Plane(0.0, dy=0.014)),
    ],
}
OVERLAPPING = {"two blurred, focus between": 38.5, "two blurred behind": 39.0, "three blurred": 34.0,
               "leaning foreground": 36.5, "obstacle, subject, ground": 40.0}  # fmt: skip
"""PSNR (dB) at least, of scenes in which a blurred layer lies over another."""
APERTURES = {"disc": Aperture(), "pentagon": Aperture(blades=5), "ring": Aperture(ring=0.4)}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("gain", [1.0, 4.0])
def test_agrees_with_ray_sampling(name: str, gain: float) -> None:
    layers = SCENES[name]()
    seen = expose(layers, 6.0, 1.0, gain, leaning=True).linear
    # Where blurred layers overlap, an edge hides less of what is behind it than the whole aperture says.
    assert psnr(seen, trace(layers, 6.0, 1.0, gain, rays=800)) > OVERLAPPING.get(name, 45)


@pytest.mark.parametrize("shape", APERTURES)
def test_agrees_with_ray_sampling_through_other_apertures(shape: str) -> None:
    layers = SCENES["subject on the ground"]()
    seen = expose(layers, 6.0, 1.0, 1.0, APERTURES[shape], leaning=True).linear
    assert psnr(seen, trace(layers, 6.0, 1.0, rays=2000, aperture=APERTURES[shape])) > 45


@pytest.mark.parametrize("rim", [1.0, -1.0])
def test_a_rim_is_turned_over_in_front_of_the_focus_also_where_layers_overlap(rim: float) -> None:
    square = np.zeros((60, 72), np.float32)
    square[26:34, 32:40] = 1.0
    front = Layer(np.ones((60, 72, 3), np.float32), Plane(1.6), square)
    wall = Layer(np.zeros((60, 72, 3), np.float32), Plane(0.2))
    found = expose([front, wall], 15.0, 1.0, 1.0, Aperture(rim=rim)).linear
    expected = convolve(square[..., None], 9.0, Aperture(rim=rim), behind=False)
    np.testing.assert_allclose(found, np.repeat(expected, 3, axis=2), atol=0.03 * float(expected.max()))


def test_no_halo_where_the_subject_is_in_focus() -> None:
    subject = np.zeros((60, 72), np.float32)
    subject[:, 30:] = 1.0
    dark = (texture(13) * 0.1).astype(np.float32)
    lamps = np.ones((60, 72, 3), np.float32)
    seen = expose([Layer(dark, Plane(1.0), subject), Layer(lamps, Plane(0.0))], 9.0, 1.0, 8.0).linear
    assert np.abs(seen - dark)[:, 30:].max() < 1e-5
    np.testing.assert_allclose(seen[:, :30], 1.0, atol=1e-5)


def test_a_clipped_lamp_becomes_a_bright_disc() -> None:
    night = np.full((80, 80, 3), 0.01, np.float32)
    night[38:42, 38:42] = 1.0
    layers = [Layer(night, Plane(0.0))]
    plain, restored = (expose(layers, 8.0, 1.0, gain).linear for gain in (1.0, 10.0))
    assert restored[40, 40].mean() > 5 * plain[40, 40].mean()
    assert restored[40, 40, 0] == pytest.approx(restored[40, 43, 0], rel=0.1)
    np.testing.assert_allclose(restored[5, 5], 0.01, atol=1e-5)


def test_planes_are_clamped() -> None:
    disparity = Plane(-0.5, dy=0.1, low=0.0, high=1.2).disparity(30, 4)
    assert disparity.min() == 0.0
    assert disparity.max() == np.float32(1.2)
    assert disparity[10, 2] == pytest.approx(0.5)


def test_scenes_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="HxWx3"):
        Layer(np.zeros((4, 4), np.float32), Plane(0))
    with pytest.raises(ValueError, match="alpha"):
        Layer(np.zeros((4, 4, 3), np.float32), Plane(0), np.zeros((4, 5), np.float32))


def lamp() -> Float:
    """Linear light of two by two white pixels in the dark."""
    light = np.full((80, 80, 3), 0.02, np.float32)
    light[39:41, 39:41] = 1
    return light


def test_lamps_raised_are_no_brighter_than_white_in_the_end() -> None:
    for blur, gain, white in ((0.0, 8.0, True), (2.5, 8.0, True), (2.5, 1.0, False)):
        seen = expose([Layer(lamp(), Plane(0.0))], blur, 1.0, gain).linear
        assert seen.max() <= 1 and (seen.max() == 1) == white
