"""What became of a photo, before any of it is written."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wideopen.depth import DepthMap
    from wideopen.depth_lens import Look
    from wideopen.lift import Lifted
    from wideopen.photo import Photo

IN_FOCUS_PX = 1.0
"""Blur radius up to which a picture of the depth map shows things as in focus."""


@dataclass(frozen=True, eq=False)
class Seen:
    """The depth that a photo was rendered with."""

    lifted: "Lifted"
    look: "Look"
    depth: "DepthMap"

    def write(self, pixels: Any, save: Path | None, show: Path | None, overwrite: bool) -> None:
        """Write the map, and a picture of it, at the photo's size; OutputError if that cannot be."""
        if save is None and show is None:
            return
        from wideopen.depth import DepthMap, save_depth
        from wideopen.depth_view import depth_picture
        from wideopen.photo import Photo
        from wideopen.photo import save as save_photo

        whole = slice(0, pixels.shape[0]), slice(0, pixels.shape[1])
        disparity = self.lifted.at(*whole, pixels)
        if save is not None:
            save_depth(DepthMap(disparity, self.depth.metric), save, overwrite)
        if show is not None:
            sharp = IN_FOCUS_PX / self.look.blur_px_per_disparity
            picture = depth_picture(disparity, self.look.focus_disparity, sharp)
            save_photo(Photo(picture), show, overwrite=overwrite)


@dataclass(frozen=True, eq=False)
class Rendered:
    """A photo file's content and what became of it, nothing of it written yet."""

    taken: "Photo"
    result: "Photo"
    seen: Seen | None
    """The depth it was rendered with; None if the network did it."""

    def notices(self, format: str) -> tuple[str, ...]:
        """What a person should know: how the file was read, and what the result's format has no place for."""
        from wideopen.encode import losses

        return *self.taken.notices, *losses(self.result, format)
