"""What a sample of a made pair holds beside photo and target: conditions, and what a lens head has to say.

Where the target's picture counts, the focus is the one that it was taken with. Where it does not (low levels, which
learn what is where), half the samples ask for the subject and half tap anything else.
"""

from dataclasses import replace

import numpy as np

from wideopen.augment import Crop
from wideopen.conditions import Point, condition_planes
from wideopen.errors import PairsError
from wideopen.in_focus import InFocus, Scene
from wideopen.pairs import Pair, load_depth_map, load_map
from wideopen.shots import NEAREST

FOUND_SHARE = 0.5
"""Share of the samples focused on the subject that are not told so."""
TAPS_ON_THINGS = 0.5


def read_scene(pair: Pair) -> Scene:
    """A pair's maps; PairsError if it lacks what only `wideopen synthesize` writes."""
    if pair.depth is None or pair.matte is None or pair.shot is None or pair.focus is None:
        raise PairsError(
            f"pair {pair.name!r} has no matte, depth, focus and blur; a head or conditions that need them are "
            "trained on varied pairs (wideopen synthesize)"
        )
    codes = load_depth_map(pair.depth)
    subject = load_map(pair.matte).astype(np.float32) / np.float32(255)
    if codes.shape != subject.shape:
        raise PairsError(f"{pair.depth}: is of another size than {pair.matte}; make the pair anew")
    return Scene(codes, subject, pair.shot.surface)


def choose_focus(pair: Pair, scene: Scene, crop: Crop, rng: np.random.Generator, own: bool) -> tuple[InFocus, Crop]:
    """What is in focus, and the crop moved so that it shows a point that the target is focused on.

    Args:
        own: focus as the pair was taken; else anywhere.
    """
    assert pair.shot is not None and pair.focus is not None
    drawn = rng.random()
    if own:
        if pair.shot.in_focus == "subject" and drawn < FOUND_SHARE:
            return scene.on_subject(), crop
        return scene.on_point(pair.focus), showing(crop, pair.focus)
    if drawn < 0.5 and scene.subject.max() > 0.5:
        return scene.on_subject(), crop
    window = crop.x, crop.y, crop.width, crop.height
    return scene.on_point(scene.draw_point(rng, window, rng.random() < TAPS_ON_THINGS)), crop


def showing(crop: Crop, point: Point) -> Crop:
    """The crop, moved as little as it takes to hold a point."""
    height, width = crop.frame
    column, row = int(point[0] * width), int(point[1] * height)
    x = min(max(crop.x, column - crop.width + 1), column)
    y = min(max(crop.y, row - crop.height + 1), row)
    return replace(crop, x=x, y=y)


def within(crop: Crop, point: Point | None) -> Point | None:
    """A point of the photo as shares of the sample that a crop makes of it."""
    if point is None:
        return None
    height, width = crop.frame
    across, down = (point[0] * width - crop.x) / crop.width, (point[1] * height - crop.y) / crop.height
    across = 1.0 - across if crop.flip else across
    for _ in range(crop.turns):
        across, down = down, 1.0 - across
    return across, down


def lens_sample(
    pair: Pair, crop: Crop, focus: InFocus, conditions: tuple[str, ...], side: int, goal: int
) -> dict[str, np.ndarray]:
    """Planes of one sample.

    Returns:
        `conditions` [C, side, side]; `matte` and `relative` [1, goal, goal], the second the mean over what is not the
        thing in focus; `blur` [1], blur radius for each unit of `relative` as a share of the sample's side.
    """
    assert pair.shot is not None
    height, width = crop.frame
    blur = pair.shot.blur_per_disparity / NEAREST
    rest = 1.0 - focus.matte
    matte, share, relative = (
        crop.apply(np.ascontiguousarray(plane), goal)  # type: ignore[arg-type]
        for plane in (focus.matte, rest, rest * focus.relative)
    )
    planes = condition_planes(conditions, side, side, blur=blur, point=within(crop, focus.point))
    return {
        "conditions": planes,
        "matte": matte.clip(0.0, 1.0).astype(np.float32)[None],  # Means by area overshoot by rounding.
        "relative": (relative / np.maximum(share, 1e-3)).astype(np.float32)[None],
        "blur": np.array([blur * min(height, width) / min(crop.width, crop.height)], np.float32),
    }
