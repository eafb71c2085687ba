"""Photos with transparency: cover and colour are blurred along."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import icc
from conftest import draw_scene
from wideopen import Renderer, RenderOptions
from wideopen.image.color import srgb_to_linear
from wideopen.image.tone_curve import ToneCurve, profile_curve, to_light, to_pixels
from wideopen.lens.lens_settings import LensSettings
from wideopen.photo.photo import Photo
from wideopen.render import alpha
from wideopen.render.alpha import continued, through_network
from wideopen.render.scene_rendering import Drawing, draw_on_canvas, draw_with_alpha
from wideopen.scene.scene import Scene, estimated_scene

LENS = RenderOptions(aperture=1.0, focus="near", grain=0.0, highlights=1.0)
GAMMA = icc.profile(icc.gamma(1.8))


@pytest.fixture(scope="module")
def renderer(model: Path) -> Renderer:
    return Renderer(RenderOptions(model=model, threads=1))


def window(height: int = 180, width: int = 240) -> NDArray[np.uint8]:
    """A cover with sharp and soft edges, and a part that is half clear."""
    cover = np.zeros((height, width), np.uint8)
    cv2.rectangle(cover, (30, 20), (200, 150), 255, -1)
    cv2.circle(cover, (70, 60), 22, 0, -1)
    cover[100:140, 120:190] = 128
    cover[:, 210:] = np.linspace(0, 255, height).astype(np.uint8)[:, None]
    return cover


def laid_on(pixels: NDArray, alpha: NDArray, ground: float, curve: ToneCurve | None) -> NDArray:
    """Light over a flat ground."""
    share = (alpha / np.iinfo(alpha.dtype).max)[..., None]
    return to_light(pixels, curve) * share + ground * (1 - share)


@pytest.mark.parametrize("profile", [b"", GAMMA])
@pytest.mark.parametrize("ground", [0.1, 0.8])
def test_through_the_lens_as_if_laid_on_a_ground_before(ground: float, profile: bytes) -> None:
    """Blurred with its cover and then laid on a flat ground, or laid on it and then blurred: the same picture."""
    depth = np.linspace(2, 0.2, 240, dtype=np.float32)[None].repeat(180, axis=0)
    curve = profile_curve(profile)
    scene, cover = draw_scene().astype(np.uint16) * 257, window().astype(np.uint16) * 257
    done, _ = Renderer(LENS).render_photo(Photo(scene, alpha=cover, icc=profile), depth)
    assert done.alpha is not None and np.abs(done.alpha.astype(int) - cover).mean() > 500, "it is blurred"
    found = laid_on(done.pixels, done.alpha, ground, curve)

    before = to_pixels(laid_on(scene, cover, ground, curve).astype(np.float32), np.uint16, curve)
    # The map's edges follow the photo, so that the reference is given the same map at full size.
    opaque, _ = Renderer(LENS).render_photo(Photo(before, icc=profile), depth)
    expected = to_light(opaque.pixels, curve)
    assert np.abs(found - expected).mean() < 2e-3
    assert np.percentile(np.abs(found - expected), 99) < 0.02


def test_nothing_blurred_nothing_changed(renderer: Renderer) -> None:
    """Where the lens or the network leaves the photo alone, hidden colours stay too."""
    scene, cover = draw_scene(), window()
    flat = np.ones((180, 240), np.float32)
    flat[0, 0] = 1.001
    done, _ = Renderer(RenderOptions(aperture=22, focus="near", nearest=5.0)).render_photo(
        Photo(scene, alpha=cover), flat
    )
    np.testing.assert_array_equal(done.pixels, scene)
    np.testing.assert_array_equal(done.alpha, cover)
    off, _ = Renderer(RenderOptions(aperture=float("inf"))).render_photo(Photo(scene, alpha=cover))
    np.testing.assert_array_equal(off.pixels, scene)
    np.testing.assert_array_equal(off.alpha, cover)


def test_a_picture_of_the_networks_own_leaves_the_cover(renderer: Renderer) -> None:
    scene, cover = draw_scene(), window()
    done, _ = renderer.render_photo(Photo(scene, alpha=cover))
    np.testing.assert_array_equal(done.alpha, cover)
    assert not np.array_equal(done.pixels, scene)


@pytest.mark.parametrize("ground", [0.1, 0.8])
def test_by_the_networks_scene_as_if_laid_on_a_ground_before(ground: float) -> None:
    """Two layers, the subject in focus: what was blurred with its cover and laid on a flat ground is what was laid on
    it and blurred. The lens is told where things are, so that the ground does not change that."""
    scene, cover = draw_scene(), window()
    matte = np.clip(45.5 - np.hypot(*(np.mgrid[:180, :240] - np.array([90, 120])[:, None, None])), 0, 1)
    relative = np.linspace(-1, -0.4, 180, dtype=np.float32)[:, None].repeat(240, axis=1)
    lens = LensSettings(0.04, highlight_gain=1.0)

    def places(pixels: NDArray) -> Scene:
        return estimated_scene(pixels, matte.astype(np.float32), relative)

    drawing, soft = draw_with_alpha(places(continued(scene, cover, None)), cover, lens)
    found = srgb_to_linear(drawing.picture) * soft[..., None] + ground * (1 - soft[..., None])
    laid = to_pixels(laid_on(scene, cover, ground, None).astype(np.float32), np.uint16)
    expected = srgb_to_linear(draw_on_canvas(places(laid), lens).picture)
    assert np.abs(soft - cover / 255).mean() > 0.02, "it is blurred"
    assert np.abs(found - expected).mean() < 2e-3
    assert np.percentile(np.abs(found - expected), 99) < 0.02


@pytest.mark.parametrize("top", [np.uint8(255), np.uint16(65535)])
def test_the_cover_at_full_size_is_the_one_that_was_drawn(top: np.unsignedinteger) -> None:
    """Of a flat photo, of which nothing is kept, drawn at half its size."""
    grey, soft = np.full((120, 160, 3), top // 2), np.tile(np.linspace(0, 1, 80, dtype=np.float32), (60, 1))
    seen = np.full((60, 80, 3), 0.5, np.float32)
    drawn = Drawing(seen, np.zeros((60, 80), np.float32), seen)
    _, cover = through_network(grey, np.full((120, 160), top), None, lambda whole, alpha: (drawn, soft))
    assert cover.dtype == top.dtype
    assert np.abs(cover / float(top) - cv2.resize(soft, (160, 120))).max() < 1 / 200


def test_no_dark_rim(renderer: Renderer) -> None:
    """Colours that nothing covers, black here, do not get into those that are seen."""
    scene = np.full((360, 480, 3), 180, np.uint8)
    cover = np.full((360, 480), 255, np.uint8)
    cover[:, :160] = 0
    hidden = scene.copy()
    hidden[cover == 0] = 0
    done, _ = renderer.render_photo(Photo(hidden, alpha=cover))
    assert done.alpha is not None
    seen = done.pixels[done.alpha > 8]
    assert np.abs(seen.astype(int) - 180).max() <= 3
    depth = np.linspace(1, 2, 480, dtype=np.float32)[None].repeat(360, axis=0)
    done, _ = Renderer(LENS).render_photo(Photo(hidden, alpha=cover), depth)
    assert done.alpha is not None and np.abs(done.pixels[done.alpha > 8].astype(int) - 180).max() <= 3


def test_colours_continued() -> None:
    scene, cover = draw_scene(), window()
    scene[cover == 0] = (255, 0, 255)
    found = continued(scene, cover, None)
    np.testing.assert_array_equal(found[cover >= 32], scene[cover >= 32])
    clear = found[cover == 0].astype(int)
    assert np.abs(clear - draw_scene()[cover >= 128].mean(axis=0)).mean() < 60, "like what is around"


def test_opaque_alpha_costs_nothing(renderer: Renderer) -> None:
    photo = Photo(draw_scene(), alpha=np.full((180, 240), 255, np.uint8))
    done, _ = renderer.render_photo(photo)
    np.testing.assert_array_equal(done.pixels, renderer.render(draw_scene()))
    np.testing.assert_array_equal(done.alpha, photo.alpha)


def test_pillow_images(renderer: Renderer) -> None:
    image = Image.fromarray(np.dstack([draw_scene(), window()]))
    done = np.asarray(renderer.render(image))
    expected, _ = renderer.render_photo(Photo(draw_scene(), alpha=window()))
    np.testing.assert_array_equal(done, np.dstack([expected.pixels, expected.alpha]))


def test_colours_are_continued_at_a_long_side_of_1024_px_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[tuple[int, ...]] = []
    whole = alpha.fill
    monkeypatch.setattr(alpha, "fill", lambda light, weight: sizes.append(weight.shape) or whole(light, weight))
    for size in ((60, 80), (900, 2048)):
        cover = np.full(size, 255, np.uint8)
        cover[:, : size[1] // 2] = 0
        photo = np.full((*size, 3), 200, np.uint8)
        photo[cover == 0] = 0
        assert continued(photo, cover, None).min() == 200, "black that nothing covers is not seen"
    assert sizes == [(60, 80), (450, 1024)]


def test_what_is_covered_stays_covered_through_a_lens() -> None:
    """To the last of 16 bits, where colours were blurred, too."""
    rng = np.random.default_rng(0)
    for top in (np.uint8(255), np.uint16(65535)):
        pixels = rng.integers(0, top, (40, 50, 3), top.dtype)
        cover = np.full((40, 50), top)
        cover[:5] = top // 3
        _, found = alpha.through_lens(
            pixels, cover, None, lambda picture, curve, is_cover: picture if is_cover else cv2.blur(picture, (5, 5))
        )
        np.testing.assert_array_equal(found, cover)


@pytest.mark.parametrize("cover", [0, 64, 128, 255])
def test_what_a_scene_leaves_sharp_keeps_its_cover(cover: int) -> None:
    scene, matte = draw_scene(), np.ones((180, 240), np.float32)
    places = estimated_scene(scene, matte, -matte)
    _, soft = draw_with_alpha(places, np.full((180, 240), cover, np.uint8), LensSettings(0.0))
    assert np.abs(soft - cover / 255).max() < 1e-3
