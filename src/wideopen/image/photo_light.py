"""What light a photo's pixels stand for, place by place, and what pixels light becomes: the lens's both ends."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float, Pixels
from wideopen.image.resize import resize
from wideopen.image.tiles import Area
from wideopen.image.tone_curve import ToneCurve, limit, to_light, to_pixels


class PhotoLight:
    """Of a photo whose pixels say all that there is: light by its curve.

    Args:
        curve: of the photo's profile; sRGB's if None.
        dtype: of its pixels.
    """

    def __init__(self, curve: ToneCurve | None, dtype: Any) -> None:
        self.curve, self.dtype = curve, dtype

    def light(self, pixels: Pixels, part: Area) -> Float:
        """HxWx3 linear light of a part of the photo.

        Args:
            pixels: the photo's there.
            part: where it lies in the photo.
        """
        return to_light(pixels, self.curve)

    def light_at(self, pixels: Pixels, part: Area, there: NDArray[np.intp]) -> Float:
        """`light` of N pixels of a part, by their places in its rows one after another, Nx3."""
        return self.light(pixels, part).reshape(-1, 3)[there]

    def small(self, pixels: Pixels, height: int, width: int) -> Float:
        """Linear light of the whole photo, made smaller, height x width x 3."""
        return to_light(resize(pixels, height, width), self.curve)

    def compare(self, photo: Pixels, result: Pixels, top: int) -> None:
        """Rows of the result, final, beside the photo's own, from row `top` on: for what has to follow the result."""

    def pixels(self, light: Float, part: Area) -> Pixels:
        """A part of the result, of the photo's type, from its light, HxWx3."""
        return to_pixels(limit(light, self.curve), self.dtype, self.curve)
