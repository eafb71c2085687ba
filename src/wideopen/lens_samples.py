"""What a sample of a made pair holds beside photo and target: where things are.

Places are told with the photo's own subject in focus, whatever the target was focused on: they then depend on the photo
alone, and every other focus is a shift of them, `focus`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wideopen.augment import Crop
from wideopen.errors import PairsError
from wideopen.manifest import Shot
from wideopen.pairs import Pair, load_depth_map, load_map
from wideopen.shots import NEAREST
from wideopen.surfaces import REACH, scene_depth

Float = NDArray[Any]

STEPS = 65535 / NEAREST
"""Codes of a stored disparity map for one unit of the subject's disparity."""
STANDS = 0.25
"""Relative disparity beside the rest of its row from which on something stands before it."""


@dataclass(frozen=True)
class Scene:
    """What a made pair's maps say of its photo."""

    codes: NDArray[np.uint16]
    """HxW disparity; white is NEAREST times the subject's."""
    subject: Float
    """HxW opacity of the photo's own subject in [0, 1]."""

    @cached_property
    def depth(self) -> float:
        """`surfaces.scene_depth` of what is seen."""
        return scene_depth(self.codes[::4, ::4] / np.float32(STEPS))

    @cached_property
    def relative(self) -> Float:
        """HxW disparity less the subject's, in units of the depth: -1 is farthest, positive is nearer."""
        return ((self.codes.astype(np.float32) / np.float32(STEPS) - 1.0) / np.float32(self.depth)).clip(-REACH, REACH)

    @cached_property
    def standing(self) -> Float:
        """HxW in [0, 1]: how clearly a pixel is of something that stands before what else its row shows.

        Grounds and walls that face the camera have one disparity a row. What stands on them is small, and what people
        point at.
        """
        free = self.subject[:, ::4] < 0.5
        ordered = np.sort(np.where(free, self.relative[:, ::4], np.float32(np.inf)), axis=1)
        medians = np.take_along_axis(ordered, free.sum(axis=1, keepdims=True) // 2, axis=1)
        away = np.abs(self.relative - np.where(np.isfinite(medians), medians, self.relative))
        return (away / np.float32(STANDS)).clip(0.0, 1.0)

    def focus(self, shot: Shot) -> float:
        """Relative disparity of what a target is focused on."""
        if shot.in_focus == "subject":
            return 0.0
        return float(np.clip((shot.focus_disparity * NEAREST - 1.0) / self.depth, -REACH, REACH))

    def blur(self, shot: Shot) -> float:
        """Blur radius for each unit of relative disparity, as a share of the short side."""
        return shot.blur_per_disparity / NEAREST * self.depth


def read_scene(pair: Pair) -> Scene:
    """A pair's maps; PairsError if it lacks what only `wideopen synthesize` writes."""
    if pair.depth is None or pair.matte is None or pair.shot is None or pair.focus is None:
        raise PairsError(
            f"pair {pair.name!r} has no matte, depth, focus and blur; a lens head, which needs them, is "
            "trained on varied pairs (wideopen synthesize)"
        )
    codes = load_depth_map(pair.depth)
    subject = load_map(pair.matte).astype(np.float32) / np.float32(255)
    if codes.shape != subject.shape:
        raise PairsError(f"{pair.depth}: is of another size than {pair.matte}; make the pair anew")
    return Scene(codes, subject)


def places_sample(pair: Pair, scene: Scene, crop: Crop, goal: int) -> dict[str, Float]:
    """What a lens head has to say of one sample, and what the lens needs to draw the target from it.

    Returns:
        `matte`, `relative` and `standing` [1, goal, goal], the latter two means over what is not the subject; `blur`
        [1], blur radius for each unit of relative disparity as a share of the sample's side; `focus` [1], relative
        disparity of what the target is focused on.
    """
    assert pair.shot is not None
    height, width = crop.frame
    rest = 1.0 - scene.subject
    matte, share, relative, standing = (
        crop.apply(np.ascontiguousarray(plane), goal)  # type: ignore[arg-type]
        for plane in (scene.subject, rest, rest * scene.relative, rest * scene.standing)
    )
    zoom = min(height, width) / min(crop.width, crop.height)
    return {
        "matte": matte.clip(0.0, 1.0).astype(np.float32)[None],  # Means by area overshoot by rounding.
        "relative": (relative / np.maximum(share, 1e-3)).astype(np.float32)[None],
        "standing": (standing / np.maximum(share, 1e-3)).clip(0.0, 1.0).astype(np.float32)[None],
        "blur": np.array([scene.blur(pair.shot) * zoom], np.float32),
        "focus": np.array([scene.focus(pair.shot)], np.float32),
    }
