"""What a network has to say of a made pair, given what is to be in focus: the opacity of the thing in focus, and for
everything else its disparity relative to the focus.

A pair is taken with one focus, but its maps know the answer to every other: a tap anywhere is a sample of its own.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen.conditions import Point
from wideopen.shots import NEAREST

Float = NDArray[Any]
Codes = NDArray[np.uint16]

STEPS = 65535 / NEAREST
"""Codes of a stored disparity map for one unit of the subject's disparity."""
SUBJECT = round(STEPS)
FLAT = tuple(round(disparity * STEPS) for disparity in (0.0, 0.85, 2.0))
"""Codes at which backgrounds are cut off (`surfaces.py`): flat, but no things."""
FAR = 0.17
"""Disparity below which a background of the kind `far` lies."""
REACH = 3.0
"""Relative disparity is held within this."""


@dataclass(frozen=True)
class InFocus:
    """One focus on one scene, HxW maps."""

    point: Point | None
    """Where it was tapped; None: the subject, to be found."""
    matte: Float
    """Opacity in [0, 1] of the thing in focus; 0 all over if what is in focus is no thing but ground or a wall."""
    relative: Float
    """Disparity less that of the focus, in units of the subject's; positive is nearer."""


@dataclass(frozen=True)
class Scene:
    """What a made pair's maps say."""

    codes: Codes
    """HxW disparity, 16 bit; NEAREST is white."""
    subject: Float
    """HxW opacity of the photo's own subject in [0, 1]."""
    surface: str = ""

    def on_subject(self, point: Point | None = None) -> InFocus:
        """Focus on the photo's own subject."""
        return InFocus(point, self.subject, self._relative(SUBJECT))

    def on_point(self, point: Point) -> InFocus:
        """Focus on what lies at a point."""
        height, width = self.codes.shape
        row, column = min(int(point[1] * height), height - 1), min(int(point[0] * width), width - 1)
        code = int(self.codes[row, column])
        if self.subject[row, column] > 0.5 and code == SUBJECT:
            return self.on_subject(point)
        return InFocus(point, self._thing(row, column), self._relative(code))

    def draw_point(self, rng: np.random.Generator, window: tuple[int, int, int, int], on_thing: bool) -> Point:
        """A point to tap inside a window (x, y, width, height in px), if asked for on a thing where there is one."""
        x, y, wide, high = window
        inside = slice(y, y + high), slice(x, x + wide)
        if on_thing:
            things = cv2.erode(self._things()[inside], np.ones((7, 7), np.uint8))
            rows, columns = np.nonzero(things)
            if len(rows):
                pick = int(rng.integers(len(rows)))
                return self._share(y + int(rows[pick]), x + int(columns[pick]))
        down, across = rng.random(2)
        return self._share(y + int(down * high), x + int(across * wide))

    def _share(self, row: int, column: int) -> Point:
        height, width = self.codes.shape
        return (column + 0.5) / width, (row + 0.5) / height

    def _relative(self, code: int) -> Float:
        relative = (self.codes.astype(np.float32) - np.float32(code)) / np.float32(STEPS)
        return relative.clip(-REACH, REACH)

    def _thing(self, row: int, column: int) -> Float:
        code = int(self.codes[row, column])
        found = np.zeros(self.codes.shape, np.float32)
        if code in FLAT or (self.surface == "far" and code < FAR * STEPS):
            return found
        same = cv2.morphologyEx((self.codes == code).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        if same[row, column]:
            found[same > 0] = 1.0
        return found

    def _things(self) -> NDArray[np.uint8]:
        """1 where something upright of one disparity is seen: as many neighbours above and below are equal."""
        codes = self.codes
        level = np.ones(codes.shape, bool)
        level[3:-3] = (codes[3:-3] == codes[:-6]) & (codes[3:-3] == codes[6:])
        level[:, 3:-3] &= (codes[:, 3:-3] == codes[:, :-6]) & (codes[:, 3:-3] == codes[:, 6:])
        level &= ~np.isin(codes, FLAT)
        if self.surface == "far":
            level &= codes >= FAR * STEPS
        return level.astype(np.uint8)
