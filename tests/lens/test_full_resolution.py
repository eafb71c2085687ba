"""The network's result at the photo's own size: what stays, what is mixed, what must not shine through."""

from collections.abc import Callable
from threading import Condition
from time import sleep
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from limits import HANG
from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.image.resize import resize
from wideopen.lens import full_resolution
from wideopen.lens.full_resolution import _share, carry_to_full_size


def noise(height: int, width: int, dtype: type = np.uint8) -> NDArray:
    return np.random.default_rng(1).integers(0, np.iinfo(dtype).max + 1, (height, width, 3), dtype)


def shrunk(photo: NDArray, height: int, width: int) -> NDArray:
    return resize(photo, height, width).astype(np.float32) / np.iinfo(photo.dtype).max


class Scene:
    """A disc before a brighter background at 4x working size, and the photo that a lens would have taken."""

    def __init__(self, subject: float, ground: float, side: int = 480) -> None:
        y, x = np.mgrid[:side, :side]
        grain = np.random.default_rng(2).normal(0, 0.01, (side, side, 1)).astype(np.float32)
        self.distance = np.hypot(x - side / 2, y - side / 2) - side / 4
        self.matte = np.clip(0.5 - self.distance, 0, 1).astype(np.float32)
        stripes = 0.1 * np.sin(x / 3)[..., None].astype(np.float32)
        sharp_ground = np.clip(ground + stripes + grain, 0, 1) * np.ones(3, np.float32)
        own = np.clip(subject + grain, 0, 1) * np.array([1, 0.8, 0.6], np.float32)
        soft_ground = cv2.GaussianBlur(srgb_to_linear(sharp_ground), (0, 0), 16)
        share = self.matte[..., None]
        photo = linear_to_srgb(share * srgb_to_linear(own) + (1 - share) * srgb_to_linear(sharp_ground))
        self.photo = np.rint(photo * 255).astype(np.uint8)
        taken = share * srgb_to_linear(self.photo.astype(np.float32) / 255) + (1 - share) * soft_ground
        self.taken = linear_to_srgb(taken) * 255
        # A perfect network with a blend head, at working size: it knows the photo at half of that.
        size = side // 4
        half = resize(self.photo, size // 2, size // 2)
        self.seen = resize(half, size, size).astype(np.float32) / 255
        self.sharp = resize(self.matte, size, size)
        picture = linear_to_srgb(resize(soft_ground, size, size))
        self.bokeh = self.sharp[..., None] * self.seen + (1 - self.sharp[..., None]) * picture


@pytest.mark.parametrize(("subject", "ground"), [(0.15, 0.85), (0.9, 0.2), (0.5, 0.8)])
def test_seam_is_that_of_a_lens(subject: float, ground: float) -> None:
    """Against the scene composed at full size: no halo outside, nothing lost inside, a clean edge between."""
    scene = Scene(subject, ground)
    done = carry_to_full_size(scene.photo, scene.bokeh, scene.sharp, scene.seen)
    error = done.astype(np.float32) - scene.taken
    outside = (scene.distance > 1) & (scene.distance < 12)
    assert abs(error[outside].mean()) < 1.5 and np.abs(error[outside]).mean() < 2
    assert np.percentile(np.abs(error[outside]), 99) < 14
    np.testing.assert_array_equal(done[scene.distance < -10], scene.photo[scene.distance < -10])
    near = np.abs(scene.distance) < 8
    plain = resize(scene.bokeh, *scene.photo.shape[:2]) * 255
    assert np.abs(error[near]).mean() < np.abs(plain - scene.taken)[near].mean() / 2.5


def test_a_frayed_edge_comes_from_the_photo() -> None:
    """Against the known layers, within 8 px of an edge that is finer than a pixel of the network's, 8.5 px wide."""
    height, width = 765, 1020
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    frayed = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 3)
    distance = 250 - np.hypot(y - 380, x - 500) + 4 * frayed / frayed.std()
    alpha = np.clip(0.5 + distance / 1.5, 0, 1).astype(np.float32)[..., None]
    wave = 0.5 + 0.1 * np.sin(x / 90 + y / 70)[..., None]
    ground = srgb_to_linear((wave * np.array([0.6, 1.0, 1.5], np.float32)).clip(0, 1))
    subject = srgb_to_linear((0.25 + 0.03 * rng.normal(0, 1, (height, width, 1))) * np.array([1.2, 1, 0.8])).clip(0, 1)
    photo = np.rint(linear_to_srgb(alpha * subject + (1 - alpha) * ground) * 255).astype(np.uint8)
    # The ground is as smooth as its blur, so the lens would have taken the photo itself.
    seen = shrunk(resize(photo, 45, 60), 90, 120)
    sharp = resize(alpha[..., 0], 90, 120)
    bokeh = sharp[..., None] * seen + (1 - sharp[..., None]) * linear_to_srgb(resize(ground, 90, 120))
    edge = cv2.dilate(((alpha[..., 0] > 0) & (alpha[..., 0] < 1)).astype(np.uint8), np.ones((17, 17), np.uint8)) > 0
    carried = np.abs(carry_to_full_size(photo, bokeh, sharp, seen).astype(np.float32) - photo)[edge].mean()
    enlarged = np.abs(cv2.resize(bokeh, (width, height), interpolation=cv2.INTER_CUBIC) * 255 - photo)[edge].mean()
    assert carried < enlarged / 4


@pytest.mark.parametrize("seed", [0, 1])
def test_edges_are_as_good_as_the_network_run_natively(seed: int) -> None:
    """Within 8 px of a frayed edge before ground with texture: a network that is right, 8.5 px of the photo to one of
    its own, against the same one run at the photo's size, which never sees more than every second pixel."""
    height, width = 765, 1020
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    frayed = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 3)
    distance = 250 - np.hypot(y - 380, x - 500) + 4 * frayed / frayed.std()
    alpha = np.clip(0.5 + distance / 1.5, 0, 1).astype(np.float32)[..., None]
    rock = sum(cv2.GaussianBlur(rng.normal(0, s, (height, width)).astype(np.float32), (0, 0), s) for s in (1, 3, 9))
    ground = srgb_to_linear((0.45 + 0.12 * rock / rock.std())[..., None].clip(0, 1) * np.float32([1, 0.95, 0.85]))
    subject = srgb_to_linear((0.75 + 0.03 * rng.normal(0, 1, (height, width, 1))) * np.array([1, 0.9, 0.85])).clip(0, 1)
    photo = np.rint(linear_to_srgb(alpha * subject + (1 - alpha) * ground) * 255).astype(np.uint8)
    soft = cv2.GaussianBlur(ground, (0, 0), 18)
    true = linear_to_srgb(alpha * subject + (1 - alpha) * soft) * 255

    def right(rows: int, columns: int) -> tuple[NDArray, NDArray, NDArray]:
        seen = shrunk(resize(photo, rows // 2, columns // 2), rows, columns)
        sharp = resize(alpha[..., 0], rows, columns)
        return (
            sharp[..., None] * seen + (1 - sharp[..., None]) * linear_to_srgb(resize(soft, rows, columns)),
            sharp,
            seen,
        )

    inside = (alpha[..., 0] > 0.5).astype(np.uint8)
    near = cv2.distanceTransform(inside, cv2.DIST_L2, 5) + cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5) <= 8
    natively = np.abs(right(height, width)[0] * 255 - true)[near].mean()
    carried = np.abs(carry_to_full_size(photo, *right(90, 120)).astype(np.float32) - true)[near].mean()
    assert carried <= 1.1 * natively


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(97, 131), (40, 30), (15, 200)])
def test_all_sharp_is_the_photo_bit_for_bit(dtype: type, size: tuple[int, int]) -> None:
    photo = noise(*size, dtype)
    sharp = np.full((32, 44), 0.985, np.float32)
    done = carry_to_full_size(photo, np.zeros((32, 44, 3), np.float32), sharp)
    assert done.dtype == photo.dtype
    np.testing.assert_array_equal(done, photo)


def test_identical_pictures_are_found_to_be_sharp() -> None:
    photo = noise(96, 128)
    np.testing.assert_array_equal(carry_to_full_size(photo, shrunk(photo, 48, 64)), photo)


def test_what_the_network_could_not_see_does_not_count_as_blur() -> None:
    """A network without a sharp map knows the photo at half of working size; where it copies that, it kept all."""
    photo = noise(192, 256)
    seen = resize(resize(photo, 48, 64), 96, 128).astype(np.float32) / 255
    bokeh = seen.copy()
    bokeh[:, 64:] = cv2.GaussianBlur(seen, (0, 0), 6)[:, 64:]
    done = carry_to_full_size(photo, bokeh, seen=seen)
    np.testing.assert_array_equal(done[:, :96], photo[:, :96])
    assert done[:, 160:].std() < 0.3 * photo[:, 160:].std()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_all_soft_is_the_networks_picture_enlarged(dtype: type) -> None:
    bokeh = cv2.GaussianBlur(np.random.default_rng(0).random((40, 60, 3), np.float32), (0, 0), 3)
    done = carry_to_full_size(noise(123, 187, dtype), bokeh, np.zeros((40, 60), np.float32))
    top = np.iinfo(dtype).max
    expected = cv2.resize(bokeh, (187, 123), interpolation=cv2.INTER_CUBIC).clip(0, 1) * top
    assert np.abs(done - expected).max() < 0.51 + top * 2e-6


def test_half_sharp_is_mixed_in_linear_light() -> None:
    photo = np.full((64, 64, 3), 255, np.uint8)
    done = carry_to_full_size(
        photo, np.zeros((32, 32, 3), np.float32), np.full((32, 32), 0.5, np.float32), np.zeros((32, 32, 3), np.float32)
    )
    np.testing.assert_array_equal(done, 188)  # Half of white's light, not half of its number.


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_strips_do_not_show(dtype: type) -> None:
    photo = noise(211, 173, np.uint16)
    photo = photo // 257 if dtype is np.uint8 else photo / np.float32(65535) if dtype is np.float32 else photo
    photo = photo.astype(dtype)
    rng = np.random.default_rng(0)
    bokeh = rng.random((61, 50, 3), np.float32)
    sharp = cv2.GaussianBlur(rng.random((61, 50), np.float32), (0, 0), 4) * 60 - 29.5
    whole = carry_to_full_size(photo, bokeh, sharp.clip(0, 1), strip=10_000)
    assert 0.05 < (whole == photo).all(axis=2).mean() < 0.95
    for strip in (1, 7, 64, None):
        np.testing.assert_array_equal(carry_to_full_size(photo, bokeh, sharp.clip(0, 1), strip=strip), whole)


@pytest.mark.parametrize("size", [(1, 1), (31, 47), (40, 2000), (2000, 40), (1, 300)])
def test_photos_smaller_than_the_networks_picture(size: tuple[int, int]) -> None:
    photo = noise(*size)
    done = carry_to_full_size(photo, np.full((192, 256, 3), 0.5, np.float32), np.zeros((192, 256), np.float32))
    assert done.shape == photo.shape
    assert np.abs(done.astype(int) - 127).max() <= 1


def test_colours_of_sixteen_bits_are_mixed_finely() -> None:
    photo = np.full((32, 32, 3), 1000, np.uint16)
    bokeh = np.full((16, 16, 3), 0.5, np.float32)
    done = carry_to_full_size(
        photo, bokeh, np.full((16, 16), 0.25, np.float32), np.full((16, 16, 3), 1000 / 65535, np.float32)
    )
    behind = (0.5 - 0.25 * 1000 / 65535) / 0.75
    share = (0.25 - 0.02) / 0.96
    light = share * srgb_to_linear(np.float32(1000 / 65535)) + (1 - share) * srgb_to_linear(np.float32(behind))
    assert np.abs(done - linear_to_srgb(light) * 65535).max() < 2.5


@pytest.mark.parametrize("threads", [1, 3])
def test_one_thread_is_one(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    """Workers of a cluster have a core each; what they do beside it, another one waits for."""
    busy, most, change = 0, 0, Condition()

    def counted(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **settings: Any) -> Any:
            nonlocal busy, most
            with change:
                busy, most = busy + 1, max(most, busy + 1)
                change.notify_all()
                if name == "_strip":  # There are four, so that three threads meet here, however late they start.
                    change.wait_for(lambda: most >= threads, HANG)
            sleep(0.05)  # Time for one too many to show.
            try:
                return work(*arguments, **settings)
            finally:
                with change:
                    busy -= 1

        return run

    for name in ("guided_coefficients", "fill", "_strip"):
        monkeypatch.setattr(full_resolution, name, counted(name, getattr(full_resolution, name)))
    monkeypatch.setattr(cv2, "getNumThreads", lambda: threads)
    photo = noise(64, 80)
    small = shrunk(photo, 32, 40)
    carry_to_full_size(photo, small, np.full((32, 40), 0.5, np.float32), small, strip=20)
    assert most == threads


@pytest.mark.parametrize(("scale", "steeper"), [(1.0, 1), (2.0, 1), (6.0, 3), (8.0, 4), (20.0, 4)])
def test_an_edge_is_steeper_by_half_of_what_it_was_enlarged_by_and_four_times_at_most(
    scale: float, steeper: float
) -> None:
    """Where m goes from 0 to 1 within a working pixel; a hundredth of what is left is cut off at either end."""
    own, found = np.zeros((3, 3), np.uint8), np.zeros((6, 3), np.float32)
    found[1], found[5] = 1, (0.45, 0.5, 0.58)
    expected = 0.5 + (found[5] - 0.5) * steeper
    assert _share(found, own, scale)[:, 0] == pytest.approx((expected - 0.02) / 0.96, abs=1e-6)
    found[0], found[1] = 0.4, 0.65
    assert _share(found, own, scale)[:, 0] == pytest.approx((found[5] - 0.02) / 0.96, abs=1e-6), "no edge"
