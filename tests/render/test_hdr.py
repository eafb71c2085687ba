"""A made HDR scene of known layers as an Ultra HDR JPEG, against its true light under a disc of known size."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from depth_photos import encoded
from hdr_photos import ultra_hdr
from lens_models import build_lens_model
from wideopen import OutputError, Renderer
from wideopen.gain.gain_map import gain_at
from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.photo.depth_map import DepthMap
from wideopen.photo.embedded_depth import embedded_depth
from wideopen.photo.encode import encode
from wideopen.photo.files import decode
from wideopen.render.rendered import Rendered

pytestmark = pytest.mark.slow

HEIGHT, WIDTH, WHITE = 400, 520, 8.0
LAMPS = [(70, 80, 5), (60, 430, 4), (330, 70, 6), (320, 450, 5)]
SAID = 'hdrgm:GainMapMin="0" hdrgm:GainMapMax="3" hdrgm:OffsetSDR="0" hdrgm:OffsetHDR="0" hdrgm:HDRCapacityMax="3"'
FLOOR = 1 / 64


class Made(NamedTuple):
    background: NDArray
    subject: NDArray
    """Where it is."""
    data: bytes


@cache
def made(shrunk: int = 1) -> Made:
    """Lamps of eight times white before a dim wall, and a striped subject with a lamp of its own."""
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    wall = 0.06 + 0.05 * np.sin(across / 40) * np.sin(down / 31)
    background = np.stack([wall, wall * 0.9, wall * 1.2], axis=-1)
    for row, column, radius in LAMPS:
        there = np.clip(radius + 0.5 - np.hypot(down - row, across - column), 0, 1)[..., None]
        background = background * (1 - there) + there * WHITE * np.array([1, 0.9, 0.7])
    subject = (np.abs(across - 260) < 60) & (np.abs(down - 210) < 130)
    light = np.where(subject[..., None], (0.3 + 0.05 * np.sin(down / 5))[..., None] * [1, 0.8, 0.6], background)
    light[200:212, 255:263] = 6.0
    stops = np.log2(np.maximum(light.max(axis=2), 1)).astype(np.float32)
    sdr = linear_to_srgb((light / np.exp2(stops)[..., None]).astype(np.float32))
    stops = cv2.resize(stops, (WIDTH // shrunk, HEIGHT // shrunk), interpolation=cv2.INTER_AREA)
    base = encoded(np.rint(sdr * 255).astype(np.uint8), "JPEG", quality=97, subsampling=0)
    return Made(background, subject, ultra_hdr(base, np.rint(stops / 3 * 255).clip(0, 255).astype(np.uint8), SAID))


def disc(radius: float, samples: int = 8) -> NDArray:
    """A disc sampled 8 x 8 times in a pixel, of sum 1."""
    half = int(np.ceil(radius)) + 1
    at = (np.arange((2 * half + 1) * samples) + 0.5) / samples - half - 0.5
    inside = np.hypot(at[:, None], at[None]) <= radius
    kernel = inside.reshape(2 * half + 1, samples, 2 * half + 1, samples).mean(axis=(1, 3))
    return kernel / kernel.sum()


def rendered(scene: Made, with_matte: bool) -> tuple[Rendered, float]:
    """The result, and the radius (px) of the background's discs."""
    matte = scene.subject.astype(np.float32) if with_matte else None
    depth = np.where(scene.subject, 1.0, 0.3).astype(np.float32)
    done = Renderer(aperture=1.4, focus="0.5,0.55", grain=0.0).render_bytes(scene.data, depth=depth, matte=matte)
    assert done.seen is not None
    least = done.seen.depth.disparity.min().reshape(1)
    return done, float(done.seen.lens.radius(least, min(done.taken.pixels.shape[:2]))[0])


def renditions(photo) -> tuple[NDArray, NDArray]:
    """Light of the SDR and the HDR rendition, as a viewer of HDR photos works it out."""
    sdr = srgb_to_linear(photo.pixels.astype(np.float32) / 255)
    whole = slice(0, HEIGHT), slice(0, WIDTH)
    return sdr, photo.gain.meaning.to_hdr(sdr, gain_at(photo.gain.stops, whole, (HEIGHT, WIDTH)))


def decibels(error: NDArray, stops: float) -> float:
    return float(10 * np.log10(stops**2 / np.mean(error**2)))


@pytest.mark.parametrize("with_matte", [False, True])
def test_lamps_give_discs_of_their_true_light_and_both_renditions_are_blurred_alike(with_matte: bool) -> None:
    scene = made()
    done, radius = rendered(scene, with_matte)
    truth = cv2.filter2D(scene.background, -1, disc(radius), borderType=cv2.BORDER_REFLECT)
    sdr, hdr = renditions(done.result)
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    for row, column, own in LAMPS:
        inner = np.hypot(down - row, across - column) < radius - own - 2
        assert hdr[inner].mean(axis=0) == pytest.approx(truth[inner].mean(axis=0), rel=0.05)
        # In SDR the lamp's stops, spread over the disc like its light, are taken off: a little.
        assert 0.7 < sdr[inner].mean() / truth[inner].mean() < 1
    margin = int(radius) + 30
    away = np.zeros((HEIGHT, WIDTH), bool)
    away[30:-30, 30:-30] = True
    away &= cv2.dilate(scene.subject.astype(np.uint8), np.ones((2 * margin + 1,) * 2)) == 0
    stops = cv2.filter2D(np.log2(np.maximum(scene.background.max(axis=2), 1)), -1, disc(radius), borderType=2)
    toned = truth / np.exp2(stops)[..., None]
    for found, wanted, white in ((hdr, truth, WHITE), (sdr, toned, 1.0)):
        error = (np.log2(found + FLOOR) - np.log2(wanted + FLOOR))[away]
        assert decibels(error, np.log2(white + FLOOR) - np.log2(FLOOR)) > 40


def test_without_the_map_lamps_are_a_guess() -> None:
    """What the map is worth: discs of the guess have less than half of the light."""
    scene = made()
    done, radius = rendered(scene, True)
    plain = replace(decode(scene.data), gain=None)
    depth, matte = np.where(scene.subject, 1.0, 0.3), scene.subject.astype(np.float32)
    guessed, _ = Renderer(aperture=1.4, focus="0.5,0.55", grain=0.0).render_photo(plain, depth, matte)
    assert done.result.gain is not None and guessed.gain is None
    row, column, _ = LAMPS[2]
    here = slice(row - 5, row + 6), slice(column - 5, column + 6)
    assert (
        srgb_to_linear(guessed.pixels[here].astype(np.float32) / 255).mean()
        < 0.5 * renditions(done.result)[1][here].mean()
    )


@pytest.mark.parametrize("with_matte", [False, True])
@pytest.mark.parametrize("shrunk", [1, 4])
def test_what_is_in_focus_keeps_picture_and_map_bit_for_bit(with_matte: bool, shrunk: int) -> None:
    scene = made(shrunk)
    taken = decode(scene.data)
    done, _ = rendered(scene, with_matte)
    assert taken.gain is not None and done.result.gain is not None
    inside = cv2.erode(scene.subject.astype(np.uint8), np.ones((5, 5))).astype(bool)
    assert np.array_equal(done.result.pixels[inside], taken.pixels[inside])
    held = cv2.resize(inside.astype(np.float32), (WIDTH // shrunk, HEIGHT // shrunk), interpolation=cv2.INTER_AREA) == 1
    assert held.any() and np.array_equal(done.result.gain.pixels[held], taken.gain.pixels[held])
    assert done.result.gain.meaning == taken.gain.meaning
    assert (done.result.gain.pixels != taken.gain.pixels).any()


def test_an_aperture_that_is_off_leaves_picture_and_map() -> None:
    scene = made(4)
    taken = decode(scene.data)
    done = Renderer(aperture="off").render_bytes(scene.data)
    assert done.result.gain is taken.gain or np.array_equal(done.result.gain.pixels, taken.gain.pixels)
    assert np.array_equal(done.result.pixels, taken.pixels)
    assert done.notices("JPEG") == ()


def test_a_base_that_is_hdr_is_blurred_as_it_is() -> None:
    scene = made()
    taken = decode(scene.data)
    assert taken.gain is not None
    taken = replace(taken, gain=replace(taken.gain, meaning=replace(taken.gain.meaning, base_is_hdr=True)))
    depth, matte = np.where(scene.subject, 1.0, 0.3), scene.subject.astype(np.float32)
    renderer = Renderer(aperture=1.4, focus="0.5,0.55", grain=0.0, highlights=1)
    with_map, _ = renderer.render_photo(taken, depth, matte)
    without, _ = renderer.render_photo(replace(taken, gain=None), depth, matte)
    assert np.abs(with_map.pixels.astype(int) - without.pixels).max() <= 3
    assert with_map.gain is not None and (with_map.gain.pixels != taken.gain.pixels).any()


def test_the_network_alone_keeps_the_map_too() -> None:
    scene = made(2)
    done = Renderer().render_bytes(scene.data)
    taken = decode(scene.data)
    assert done.result.gain is not None
    same = (done.result.pixels == taken.pixels).all(axis=2)
    assert done.result.gain.pixels.shape == taken.gain.pixels.shape and not same.all()
    spent = Renderer().render_bytes(scene.data, spend=True)
    assert spent.result.gain is not None and np.array_equal(spent.result.pixels, done.result.pixels)
    assert np.array_equal(spent.result.gain.pixels, done.result.gain.pixels)


def test_options_say_what_becomes_of_the_map(tmp_path: Path) -> None:
    scene, model = made(4), build_lens_model(tmp_path / "lens.onnx")
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(scene.data)
    told: list[str] = []
    dropped = Renderer(model=model, hdr="drop", notify=told.append)
    dropped.render_file(photo, tmp_path / "dropped.jpg")
    assert decode((tmp_path / "dropped.jpg").read_bytes()).gain is None and told == []
    Renderer(model=model, notify=told.append).render_file(photo, tmp_path / "auto.png")
    assert len(told) == 1 and "write .jpg to keep HDR" in told[0]
    keeping = Renderer(model=model, hdr="keep")
    with pytest.raises(OutputError, match="no place for the photo's HDR gain map; write .jpg"):
        keeping.render_file(photo, tmp_path / "keep.png")
    assert not (tmp_path / "keep.png").exists()
    keeping.render_file(photo, tmp_path / "keep.jpg")
    assert decode((tmp_path / "keep.jpg").read_bytes()).gain is not None
    with pytest.raises(ValueError, match="hdr must be one of auto, keep, drop"):
        Renderer(hdr="all")


def test_depth_goes_along_with_the_map() -> None:
    scene = made(4)
    taken = replace(decode(scene.data), depth=DepthMap(np.where(scene.subject, 1.0, 0.3).astype(np.float32), False))
    written = encode(taken, "JPEG")
    again = decode(written)
    assert again.gain is not None and taken.gain is not None and again.gain.meaning == taken.gain.meaning
    found = embedded_depth(written)
    assert found is not None and np.abs(found.disparity - taken.depth.disparity).max() < 0.01
