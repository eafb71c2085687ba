"""How pictures are brought to one size before they are compared: the published ways, and ours, by name.

    ours                 the photo is rendered as it is; a target of another size is resized to it
    lanczos-WIDTHxHEIGHT the photo is resized to that with a Lanczos filter, rendered, and resized back with one; so is
                         the photo that stands for "output = input"; upright photos take HEIGHTxWIDTH.
                         lanczos-1536x1024 is how networks of a fixed size are measured on EBB!'s Val294
    border-PIXELS        that many px at each edge are left out of the comparison

Joined with +, as in `lanczos-1536x1024+border-20`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Uint8
from wideopen.errors import PairsError


@dataclass(frozen=True)
class Protocol:
    """A parsed name; see the table above."""

    name: str = "ours"
    size: tuple[int, int] | None = None
    """Width and height in px, of a photo that lies, that networks are shown; None for its own."""
    border: int = 0
    """px at each edge that do not count."""

    def show(self, photo: Uint8, render: Callable[[Uint8], Uint8]) -> Uint8:
        """What `render` makes of an HxWx3 photo when it is shown it as this protocol says; of the photo's size."""
        if self.size is None:
            return render(photo)
        height, width = photo.shape[:2]
        wide, high = self.size if width >= height else self.size[::-1]
        return _lanczos(render(_lanczos(photo, wide, high)), width, height)

    def crop(self, image: NDArray[Any]) -> NDArray[Any]:
        """HxW or HxWxC less its border."""
        height, width = image.shape[:2]
        return image[self.border : height - self.border, self.border : width - self.border]


def parse_protocol(name: str) -> Protocol:
    """The protocol of that name; PairsError if there is none."""
    size, border = None, 0
    for part in name.split("+"):
        lanczos, edge = (
            re.fullmatch(r"lanczos-([1-9]\d{1,4})x([1-9]\d{1,4})", part),
            re.fullmatch(r"border-(\d{1,4})", part),
        )
        if lanczos is not None:
            size = int(lanczos[1]), int(lanczos[2])
        elif edge is not None:
            border = int(edge[1])
        elif part != "ours":
            raise PairsError(
                f"unknown protocol {name!r}; known are ours, lanczos-1536x1024 (any size), border-20 (any width), "
                "joined with +"
            )
    return Protocol(name, size, border)


def _lanczos(image: Uint8, width: int, height: int) -> Uint8:
    """Pillow's Lanczos filter, which widens as it shrinks; OpenCV's does not and lets fine detail alias."""
    from PIL import Image

    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS))


def to_size(image: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """HxW or HxWx3 in 0..1 at that size: by area where it shrinks, else cubic, clipped to 0..1."""
    if image.shape[:2] == (height, width):
        return image
    kind = cv2.INTER_AREA if image.shape[1] > width else cv2.INTER_CUBIC
    return np.clip(cv2.resize(image, (width, height), interpolation=kind), 0, 1)
