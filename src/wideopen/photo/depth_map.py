"""A depth map as data: how near everything in a photo is."""

from dataclasses import dataclass

from wideopen._types import Float


@dataclass(frozen=True, eq=False)
class DepthMap:
    """How near everything in a photo is."""

    disparity: Float
    """HxW float32, larger is nearer, 0 is infinitely far; of any size, upright like the photo."""
    metric: bool
    """True: in 1/m. False: without a scale, in [0, 1], where 1 is the nearest thing in the picture."""
