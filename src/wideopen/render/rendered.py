"""What became of a photo, before any of it is written."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wideopen.lens.depth_lens import DepthAt
    from wideopen.lens.lens_settings import LensSettings
    from wideopen.photo.depth_map import DepthMap
    from wideopen.photo.photo import Photo
    from wideopen.scene.scene import Matte, Scene

IN_FOCUS_PX = 1.0
"""Blur radius up to which a picture of the depth map shows things as in focus."""
ESTIMATED = "carries no depth map; what is saved or shown is the network's own estimate, without a scale"

NOT_HDR = "is an HDR photo: its gain map is left out, and the result is SDR"


@dataclass(frozen=True, eq=False)
class Seen:
    """The depth that a photo was rendered with."""

    at: "DepthAt"
    """(rows, columns, the photo's pixels there) -> disparity of a tile at the photo's size."""
    lens: "LensSettings"
    depth: "DepthMap"
    estimated: bool = False
    """Whether it is what the network made of the photo, for want of a map."""


def estimated(scene: "Scene", lens: "LensSettings") -> Seen:
    """What a network with a lens head says of a photo's depth, as a map without a scale.

    Args:
        scene: as of `Scene.focus_at`.
        lens: what draws it, focused.
    """
    nearest = max(1.0, float(scene.whole.max()))
    to = None if lens.focus_to is None else (1.0 + lens.focus_to) / nearest
    of_map = replace(
        lens, blur=lens.blur * nearest, focus=(1.0 + lens.focus) / nearest, focus_to=to,
        depth_of_field=lens.depth_of_field / nearest,
    )  # fmt: skip
    return Seen(scene.disparity_at, of_map, scene.depth_map, estimated=True)


@dataclass(frozen=True, eq=False)
class Rendered:
    """A photo file's content and what became of it, nothing of it written yet."""

    taken: "Photo"
    result: "Photo"
    seen: Seen | None
    """The depth it was rendered with; None if the network did it, and nobody asked what it made of the photo."""
    depth: "DepthMap | None" = None
    matte: "Matte | None" = None
    """What was given, named or carried; None where the network is to say."""
    remarks: tuple[str, ...] = ()
    """What a person should know of them."""

    def notices(self, format: str | None) -> tuple[str, ...]:
        """What a person should know: how the file was read, and what the result's format (None: there is no result,
        but what is where in the photo) has no place for."""
        from wideopen.photo.encode import losses
        from wideopen.photo.formats.motion import LEFT_OUT

        own = self.seen is not None and self.seen.estimated
        dimmed = self.taken.gain is not None and self.result.gain is None
        said = *((ESTIMATED,) if own else ()), *((NOT_HDR,) if dimmed else ())
        lost = () if format is None else losses(self.result, format)
        read = [notice for notice in self.taken.notices if not (self.result.film and notice == LEFT_OUT)]
        return *read, *self.remarks, *said, *lost
