"""What the maps of a made pair say of its photo: where the subject is, and how far away all else is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float32
from wideopen.errors import PairsError
from wideopen.pairs.manifest import Shot
from wideopen.pairs.pairs import Pair, load_depth_map, load_map
from wideopen.scene.background_depth import REACH, scene_depth

NEAREST = 4.0
"""Disparity, in units of the subject's, that a disparity map stores as 1.0; nothing in a scene is nearer."""

STEPS = 65535 / NEAREST
"""Codes of a stored disparity map for one unit of the subject's disparity."""
STANDS = 0.25
"""Relative disparity beside the rest of its row from which on something stands before it."""


@dataclass(frozen=True)
class PairScene:
    """What a made pair's maps say of its photo."""

    codes: NDArray[np.uint16]
    """HxW disparity; white is NEAREST times the subject's."""
    subject: Float32
    """HxW opacity of the photo's own subject in [0, 1]."""

    @cached_property
    def depth(self) -> float:
        """`background_depth.scene_depth` of what is seen."""
        return scene_depth(self.codes[::4, ::4] / np.float32(STEPS))

    @cached_property
    def relative(self) -> Float32:
        """HxW disparity less the subject's, in units of the depth: -1 is farthest, positive is nearer."""
        return ((self.codes.astype(np.float32) / np.float32(STEPS) - 1.0) / np.float32(self.depth)).clip(-REACH, REACH)

    @cached_property
    def standing(self) -> Float32:
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


def read_scene(pair: Pair) -> PairScene:
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
    return PairScene(codes, subject)
