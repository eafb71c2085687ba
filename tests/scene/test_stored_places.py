"""What is where in drawn scenes, step by step, as it was when pictures were last looked at.

Other tests ask what must hold for many scenes; these notice that a limit or a weight has changed. Where a change was
meant, look at the pictures of `test_stored_pictures`, and store these numbers anew:

    WIDEOPEN_UPDATE_GOLDEN=1 pytest tests/scene/test_stored_places.py
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stored_numbers import check_as_stored
from wideopen.photo.depth_map import DepthMap
from wideopen.scene.also import thing_in, thing_under
from wideopen.scene.background_depth import draw_surface, find_sky, scene_depth
from wideopen.scene.closer import Part, View, parts_around, refine_at_point
from wideopen.scene.correction import correct, window
from wideopen.scene.focus import find_focus
from wideopen.scene.fusion import scene_of_map, with_subject
from wideopen.scene.instances import split_instances
from wideopen.scene.scene import Matte, estimated_scene
from wideopen.scene.stroke import Stroke

Float = NDArray[np.float32]
HEIGHT, WIDTH = 120, 180
NEAR, SHARE = 2e-3, 0.995
"""So many of the numbers may differ by more than that."""


@cache
def things() -> tuple[Float, Float, Float, NDArray[np.uint8]]:
    """Opacity of two discs, one of them doubted, and of a speck; relative disparities; a map; a photo."""
    down, across = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    one, two, speck = (
        (radius + 0.5 - np.hypot(down - row, across - column)).clip(0, 1)
        for radius, row, column in ((26, 62, 60), (19, 55, 128), (2, 18, 160))
    )
    matte = cv2.GaussianBlur(np.maximum.reduce([one, 0.7 * two, 0.9 * speck]), (0, 0), 1.0)
    relative = -0.9 + 0.5 * down / HEIGHT
    relative = np.where(two > 0.5, -0.35, np.where(one > 0.5, 0.02, np.where(speck > 0.5, 0.4, relative)))
    noise = np.random.default_rng(3).random((HEIGHT, WIDTH, 3), np.float32)
    photo = 70 + 60 * noise + np.array([40, -20, -30]) * one[..., None] + np.array([-40, 20, 60]) * two[..., None]
    disparity = cv2.GaussianBlur((1 + relative).astype(np.float32), (0, 0), 2.0) * 3 + noise[..., 0] * 0.02
    return matte, relative.astype(np.float32), disparity.astype(np.float32), photo.clip(0, 255).astype(np.uint8)


def look(part: Part) -> View:
    """A network that sees everything as `things` has it, nearer or farther by what it is shown."""
    matte, relative, _, _ = things()
    rows, columns = part.of(HEIGHT, WIDTH)
    return View(part, matte[rows, columns] ** 0.8, relative[rows, columns] * np.float32(1 + part.left))


def surfaces() -> list[float]:
    found: list[float] = []
    for seed in range(60):
        foot, sky = (70.0, 100.0, 119.0, 150.0)[seed % 4], 25.0 * (seed % 3 == 0)
        surface = draw_surface(np.random.default_rng(seed), (HEIGHT, WIDTH), foot, sky)
        plane = surface.plane
        found += [len(surface.kind), surface.horizon / HEIGHT, surface.foot / HEIGHT, surface.row_of(0.5) / HEIGHT]
        found += plane.disparity(HEIGHT, WIDTH)[::40, ::60].ravel().tolist()
    return found


def skies() -> list[float]:
    down, across = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    noise = np.random.default_rng(5).random((HEIGHT, WIDTH, 3), np.float32) - 0.5
    found = []
    for row in (3, 9, 14, 40, 80):
        for light in (0.38, 0.44, 0.7):
            for rough in (0.0, 0.3, 0.8):
                for warm in (0.0, 0.035, 0.06):
                    sky = light + rough * noise + np.array([warm, 0, 0], np.float32)
                    photo = np.where((down < row + 6 * np.sin(across / 30))[..., None], sky, 0.2 + 0.4 * noise)
                    found.append(find_sky(photo.clip(0, 1).astype(np.float32)) / HEIGHT)
    return found


def focus() -> list[float]:
    _, _, disparity, _ = things()
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    subjects = [None]
    for radius in (3, 5, 20, 150):
        away = np.hypot(rows - 62, columns - 60)
        subjects += [(share * (away < radius)).astype(np.float32) for share in (0.66, 0.74, 1.0)]
    found = [find_focus(disparity, "auto", (HEIGHT, WIDTH), subject) for subject in subjects]
    for place in (
        "near",
        "far",
        "0.0,0.0",
        "1.0,1.0",
        "0.33,0.5",
        "0.345,0.33",
        "59,61",
        "179,0",
        "88,57",
        "0.02,0.99",
    ):
        found.append(find_focus(disparity, place, (HEIGHT, WIDTH)))
    return [*found, scene_depth(things()[1] + 1), scene_depth(np.full((9, 9), 0.9))]


def split() -> list[Float]:
    matte, relative, _, _ = things()
    found: list[Float] = []
    for least in (0.1, 0.25, 0.3, 0.38):
        found += split_instances(matte, relative, least)
    for radius in (3, 4, 5, 6, 7, 8):  # Seeds that are noise, and such as are none.
        two = np.hypot(*(np.mgrid[:HEIGHT, :WIDTH] - np.array([60, 150])[:, None, None])) < radius
        found += split_instances(np.maximum(matte * (np.arange(WIDTH) < 100), two * np.float32(0.5)), relative - two)
    return [part[::3, ::3] for part in found]


def closer() -> list[Float]:
    matte, relative, _, _ = things()
    found: list[Float] = []
    for point in ((0.33, 0.5), (0.71, 0.46), (0.89, 0.15), (0.05, 0.95), (0.5, 0.5)):
        views = [look(part) for part in parts_around(point)]
        sharp, away, level = refine_at_point(matte, relative, point, views)
        found += [sharp[::4, ::4], away[::4, ::4], np.float32([[level]])]
    return found


def fused() -> list[Float]:
    matte, relative, disparity, photo = things()
    found: list[Float] = []
    for metric in (False, True):
        whole = scene_of_map(photo, DepthMap(disparity, metric), "map")
        for opacity in (matte, matte * np.float32(0.8), 0 * matte):
            for parts in (False, True):
                scene = with_subject(whole, Matte(opacity, "file"), parts)
                found += [scene.disparity.values[::4, ::4], np.float32([[scene.subject]])]
                found += [] if scene.within is None else [scene.within[::4, ::4]]
    network = estimated_scene(photo, matte, relative)
    for opacity in (np.roll(matte, 40, 1), 0 * matte):
        found.append(with_subject(network, Matte(opacity, "file")).relative[::4, ::4])
    return found


def corrected() -> list[Float]:
    matte, relative, _, photo = things()
    strokes = [
        Stroke("keep", ((0.68, 0.4), (0.74, 0.5)), 0.02),
        Stroke("give", ((0.3, 0.6), (0.36, 0.66)), 0.015),
        Stroke("depth", ((0.25, 0.4), (0.1, 0.3)), 0.02),
        Stroke("depth", ((0.6, 0.5), (0.38, 0.45)), 0.01),
        Stroke("also", ((0.71, 0.46),), 0.01),
        Stroke("also", ((0.8, 0.05), (0.95, 0.25)), 0.01),
    ]
    found: list[Float] = []
    for seen in (None, look):
        scene = replace(estimated_scene(photo, matte, relative), view=seen)
        for stroke in strokes:
            scene = correct(scene, [stroke])
            assert scene.matte is not None
            found += [scene.matte.opacity[::4, ::4], scene.relative[::4, ::4]]
    found.append(np.float32([[part.start, part.stop] for one in strokes for part in window(one, (300, 400))]) / 400)
    return found


def further() -> list[Float]:
    colours = things()[3].astype(np.float32) / 255
    small, low = ((0.86, 0.08), (0.92, 0.22)), ((0.5, 0.9), (0.6, 1.0))
    found = []
    for corners in (((0.15, 0.25), (0.5, 0.8)), small, ((0.0, 0.0), (1.0, 1.0)), low):
        found += [thing_in(corners, colours, seen) for seen in (None, look)]
    for point in ((0.33, 0.5), (0.71, 0.46), (0.89, 0.15), (0.05, 0.95)):
        thing = thing_under(point, colours, look)
        found.append(np.zeros((4, 4), np.float32) if thing is None else thing)
    return [part[::4, ::4] for part in found]


STEPS: dict[str, Callable[[], list[float] | list[Float]]] = {
    step.__name__: step  # type: ignore[attr-defined]
    for step in (surfaces, skies, focus, split, closer, fused, corrected, further)
}


@pytest.mark.parametrize("name", list(STEPS))
def test_as_stored(name: str) -> None:
    now = np.concatenate([np.ravel(np.asarray(part, np.float32)) for part in STEPS[name]()])
    assert np.ptp(now) > 0.1
    check_as_stored("places", name, np.round(now, 4), near=NEAR, share=SHARE)
