"""The lens's own steps on small drawn inputs, as they were when pictures were last looked at.

As `scene/test_stored_places.py` for the scene; to store these numbers anew:

    WIDEOPEN_UPDATE_GOLDEN=1 pytest tests/lens/test_stored_lens.py
"""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stored_numbers import check_as_stored
from wideopen.image.grain import measure_grain
from wideopen.image.tiles import whole
from wideopen.lens.apertures import Aperture, kernel, second_moments
from wideopen.lens.defocus import bank_position, blur, blur_part, convolve, signed_bank
from wideopen.lens.depth_layers import _slope, find_edges, matte, settle
from wideopen.lens.foreground_removal import remove_foreground
from wideopen.lens.full_resolution import Subject, carry_to_full_size
from wideopen.lens.highlights import find_surroundings, lamp_certainty, raise_lamps
from wideopen.lens.layered_lens import Layer, expose
from wideopen.lens.lens_settings import LensSettings, settings_for_map, settings_for_scene
from wideopen.lens.matte_lens import draw
from wideopen.lens.thin_lens import Taken
from wideopen.options import RenderOptions
from wideopen.photo.depth_map import DepthMap
from wideopen.scene.background_depth import Plane
from wideopen.scene.depth_view import depth_picture
from wideopen.scene.stroke import Stroke

Float = NDArray[np.float32]
HEIGHT, WIDTH = 60, 90
NEAR, SHARE = 2, 0.998
"""So many of the numbers may differ by more than that, in thousandths."""
APERTURES = (
    Aperture(), Aperture(blades=5, rotation_deg=10), Aperture(blades=8, roundness=0.5), Aperture(ring=0.4, rim=0.6),
    Aperture(squeeze=1.8, rim=-0.5), Aperture(squeeze=0.6, blades=6), Aperture(vignette=0.7),
    Aperture(picture=np.outer(np.arange(1, 8), np.arange(9, 0, -1))),
)  # fmt: skip


@cache
def light() -> Float:
    """Linear: dim noise, smooth shapes, lamps of several sizes, in a dark part and in a bright one."""
    noise = cv2.GaussianBlur(np.random.default_rng(2).random((HEIGHT, WIDTH, 3), np.float32), (0, 0), 0.8)
    found = 0.05 + 0.4 * noise
    found[:, 60:] += 0.35 * np.linspace(0, 1, 30, dtype=np.float32)[:, None]
    for row, column, size in ((8, 10, 2), (12, 40, 3), (30, 20, 6), (20, 75, 2), (45, 50, 1)):
        found[row : row + size, column : column + size] = 1 - 0.01 * size
    return found.clip(0, 1).astype(np.float32)


@cache
def radius() -> Float:
    """Signed, px: a slope, a step up, a step down, a thin thing."""
    found = np.tile(np.linspace(-3, 9, WIDTH, dtype=np.float32), (HEIGHT, 1))
    found[10:40, 25:45], found[5:55, 70:73] = -4, 0.2
    return found


def shapes() -> list[Float]:
    places = ((0.0, 0.0), (0.6, -0.3))
    found = [kernel(size, one, place) * size for one in APERTURES for size in (0.6, 1.3, 4.0, 9.7) for place in places]
    return [*found, *(np.float32(second_moments(one)) for one in APERTURES)]


def blurs() -> list[Float]:
    image, found = light(), []
    for one in APERTURES[:6]:
        found += [convolve(image, size, one, bool(behind), coarse=bool(coarse))[::3, ::3]
                  for size, behind, coarse in ((0.4, 1, 0), (3.2, 0, 0), (13.0, 1, 1), (50.0, 0, 1))]  # fmt: skip
        found.append(blur(image, radius(), one)[::3, ::3])
    for one in APERTURES[-2:]:
        found.append(blur(image, radius(), one)[7:44:3, 11:83:3])
        found.append(blur_part(image, -7.5, (5, 31), (40, 90), one, whole=((150, 200), (60, 30))))
    for span in ((0.0, 7.3), (-6.1, 0.0), (-12.0, 31.0)):
        for growth in (1.08, 1.3):
            bank = signed_bank(*span, growth)
            found += [bank, bank_position(np.linspace(*span, 50, dtype=np.float32), bank)]
    return found


def edges() -> list[Float]:
    image, found = light(), [settle(radius(), 2)]
    for exact in (True, False):
        at = find_edges(cv2.GaussianBlur(radius(), (0, 0), 0.7), 2, exact)
        assert at is not None
        surface = matte(image, image[:, ::-1], cv2.GaussianBlur(radius(), (0, 0), 0.7), at)
        found += [surface.light, surface.alpha, surface.radius, surface.beside, surface.slope, surface.roughness]
    return [part[::2, ::2] for part in [*found, *_slope(radius() ** 2)]]


def lamps() -> list[Float]:
    image = light()
    found = [find_surroundings(image), find_surroundings(np.tile(image, (3, 9, 1))), raise_lamps(image, 6.0)]
    sure = [lamp_certainty(np.where(np.arange(WIDTH)[:, None] < count, 1.0, image).astype(np.float32))
            for count in (0, 1, 2, 3, 5, 9)]  # fmt: skip
    taken = [remove_foreground(image, opacity, exact) for exact in (False, True)
             for opacity in (disc(), 0.8 * disc(), disc() ** 4)]  # fmt: skip
    return [part[::2, ::2] for part in (*found, *taken, np.float32([sure, sure]))]


def disc() -> Float:
    """A subject's opacity."""
    found = 14.5 - np.hypot(*(np.mgrid[:HEIGHT, :WIDTH] - np.array([33, 48])[:, None, None]))
    return cv2.GaussianBlur(found.clip(0, 1).astype(np.float32), (0, 0), 0.8)


def layers() -> list[Float]:
    image, found = light(), []
    planes = (Plane(1.0, dx=0.004), Plane(0.5, dy=-0.002), Plane(0.1))
    for focus, one in ((1.0, None), (0.5, APERTURES[3]), (0.05, None)):
        scene = [Layer(image[:, ::-1], planes[0], disc()), Layer(image[::-1], planes[1], disc()[:, ::-1])]
        found.append(expose([*scene, Layer(image, planes[2])], 9.0, focus, 5.0, one, leaning=True).linear[::3, ::3])
    relative = np.linspace(-1, 0.5, HEIGHT, dtype=np.float32)[:, None].repeat(WIDTH, 1)
    lenses = (LensSettings(0.1), LensSettings(0.09, -0.5), LensSettings(0.12, -0.7, focus_to=0.2),
              LensSettings(0.1, axial=0.02, aperture=APERTURES[1]),
              LensSettings(0.08, 0.3, tilt=(0.05, -0.08), pivot=(0.3, 0.7)))  # fmt: skip
    for lens in lenses:
        for continued in (False, True):
            parts = np.tile(np.float32(0.3) * np.sin(np.arange(WIDTH, dtype=np.float32) / 9), (HEIGHT, 1))
            behind, within = (image[::-1], parts) if continued else (None, None)
            found += [part[::3, ::3] for part in draw(image, disc(), relative, lens, behind, within, continued)]
    return found


def carried() -> list[Float]:
    """Three working pixels to one of 2.5, in every type, with what else a result can bring."""
    large = cv2.resize(light(), (WIDTH * 5 // 2, HEIGHT * 5 // 2), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    inside = cv2.resize(disc(), large.shape[1::-1])[..., None] > 0.5
    large = np.where(inside, 0.9 - 0.5 * large, large).astype(np.float32)
    soft, share, found = cv2.GaussianBlur(light(), (0, 0), 3.0), disc(), []
    subject = Subject(np.roll(share, 25, 1), lambda rows, columns, own: cv2.resize(
        np.roll(disc(), 25, 1), large.shape[1::-1], interpolation=cv2.INTER_LINEAR)[rows, columns])  # fmt: skip
    bokeh = soft + share[..., None] * (cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) - soft)
    for dtype, most in ((np.uint8, 255), (np.uint16, 65535), (np.float32, 1)):
        pixels = (large * most).round(0 if most > 1 else 9).astype(dtype)
        for extra in ({}, {"sharp": share}, {"sharp": share, "subject": subject}):
            found.append(carry_to_full_size(pixels, bokeh, strip=37, **extra)[::6, ::6] / np.float32(most))
    eight = (large * 255).round().astype(np.uint8)
    grained = carry_to_full_size(eight, bokeh, share, grain=measure_grain(eight))
    return [*found, grained[::6, ::6].astype(np.float32) / 2550]


def settings() -> list[float]:
    """Every number of the lens for many options, scaled to be about 1."""
    pixels, found = (light() * 255).astype(np.uint8), []
    map = np.linspace(0.05, 0.95, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    asked = ({}, {"aperture": 1.2}, {"lens": "85mm"}, {"lens": "ebb", "aperture": 8.0}, {"lens": "phone"},
             {"focus": "near"}, {"focus": "far", "highlights": 3.0}, {"focus": "0.2,0.7:0.5,0.2"}, {"focus": "far@f/4"},
             {"focus": "30,20", "tilt": 12.0, "tilt_direction": 40.0, "axial": 0.4}, {"nearest": 0.7, "aperture": 0.6},
             {"lens": "photo"}, {"focus": "0.3,0.3@f/11", "aperture": 1.0, "axial": -0.9})  # fmt: skip
    for options in (RenderOptions(**one) for one in asked):
        for taken in (Taken(35.0, 52.0, 2.0, 1.6), Taken(6.0, 26.0, None, 0.15)):
            each = [settings_for_map(pixels, DepthMap(map, metric), options, taken) for metric in (False, True)]
            if "near" not in options.focus and "far" not in options.focus:
                each.append(settings_for_scene(pixels, options, taken))
            for one in each:
                numbers = (one.blur * 10, one.focus, one.focus_to or 0, one.depth_of_field * 10, one.axial * 10)
                found += [*numbers, one.highlight_gain / 4, *one.pivot, *(value * 10 for value in one.tilt)]
                found += (one.radius_in(map, (HEIGHT, WIDTH))[::20, ::30] / 5).ravel().tolist()
    return found


def painted() -> list[Float]:
    size, part = (HEIGHT, WIDTH), (slice(11, 40), slice(20, 71))
    area = np.zeros((13, 17), bool)
    area[3:7, 5:11] = True
    strokes = (Stroke("keep", ((0.2, 0.3), (0.6, 0.7), (0.9, 0.1)), 0.05, 0.6), Stroke("give", ((0.5, 0.5),), 0.1),
               Stroke("keep", area=area), Stroke("give", ((0.1, 0.9), (0.3, 0.9)), 0.001, 1.0),
               Stroke("also", ((0.1, 0.9), (0.3, 0.7))))  # fmt: skip
    found: list[Float] = []
    for one in strokes:
        found += [one.painted(*whole(size), size).astype(np.float32), one.share(*whole(size), size)]
        found += [one.share(*part, size), np.float32([one.bounds()] * 2)]
    shown = (cv2.resize(plane, (700, 480)) for plane in (radius(), disc()))
    pictures = [depth_picture(map, opacity > 0.5) for map, opacity in (tuple(shown), (radius(), disc()))]
    return [*found, *(picture[::2, ::2] / np.float32(255) for picture in pictures)]


STEPS: tuple[Callable[[], list[float] | list[Float]], ...] = (
    shapes, blurs, edges, lamps, layers, carried, settings, painted,
)  # fmt: skip


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_as_stored(step: Callable[[], list[float] | list[Float]]) -> None:
    now = np.concatenate([np.ravel(np.asarray(part, np.float32)) for part in step()])
    assert np.ptp(now) > 0.1
    thousandths = np.rint(now * 1000).clip(-32000, 32000).astype(np.int16)
    check_as_stored("lens", step.__name__, thousandths, near=NEAR, share=SHARE)
