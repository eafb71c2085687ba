"""One random square for every member of a pair, and the exposure and colours that both get.

A `Crop` says where the square lies in the photo's own pixels, how it is turned and how bright it becomes;
applying the same `Crop` to photo, target and maps gives the same geometry by construction. The square is cut
before it is resized, and resized once, straight to the size asked for. What differs between the members of a made
pair, as two cameras do, is `synthesis/camera_sampling.Response`. Training on a GPU draws here and develops by
`training/gpu_dataset.developed`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Uint8
from wideopen.errors import PairsError
from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.pairs.sample_options import PairsOptions

LUMINANCE = np.array((0.2126, 0.7152, 0.0722))
"""Of linear sRGB (IEC 61966-2-1)."""
SHAPE_TOLERANCE = 0.01
"""How far the shapes of a pair's members may differ, as a ratio, when their sizes do."""
ROTATIONS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}


@dataclass(frozen=True)
class Crop:
    """A part of a photo that becomes a square sample, and what is done to it."""

    x: int
    """Left edge in px of the photo."""
    y: int
    width: int
    """In px of the photo; differs from `height` where `resize_width` changes the photo's shape."""
    height: int
    frame: tuple[int, int]
    """Height and width of the photo; members of another size are cut at the same shares of theirs."""
    turns: int = 0
    """Quarter turns counter-clockwise, 0..3."""
    flip: bool = False
    """Mirrored left-right, before turning."""
    exposure: float = 0.0
    """Gain in stops, in linear light; see `exposure_table`."""
    mix: tuple[float, ...] | None = None
    """3x3, row by row, that linear RGB is multiplied by: a change of colours that a lens's blur does not notice."""

    def apply(self, image: Uint8, size: int) -> Uint8:
        """Cut, resize (by area when shrinking, linearly when enlarging), mirror and turn.

        Args:
            image: the photo or another member, HxW or HxWxC, uint8. Exposure is left alone: maps have none.
            size: side of the result in px.

        Returns size x size (xC), uint8.
        """
        part = self._cut(image)
        shrinking = part.shape[0] >= size and part.shape[1] >= size
        if part.shape[:2] != (size, size):
            method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
            part = cv2.resize(part, (size, size), interpolation=method)  # type: ignore[assignment]
        if self.flip:
            part = cv2.flip(part, 1)  # type: ignore[assignment]
        if self.turns:
            part = cv2.rotate(part, ROTATIONS[self.turns])  # type: ignore[assignment]
        return part

    def develop(self, image: Uint8) -> NDArray[np.float32]:
        """An HxWx3 photo as CxHxW planes in [0, 1], sRGB-encoded, with this sample's exposure and colours."""
        if self.mix is None:
            return to_planes(image, exposure_table(self.exposure))
        linear = cv2.LUT(image, srgb_to_linear(exposure_table(0)) * np.float32(2.0**self.exposure))
        mixed = cv2.transform(linear, np.array(self.mix, np.float32).reshape(3, 3))
        return np.ascontiguousarray(linear_to_srgb(np.clip(mixed, 0.0, 1.0)).transpose(2, 0, 1))

    def _cut(self, image: Uint8) -> Uint8:
        rows, columns = image.shape[:2]
        frame_rows, frame_columns = self.frame
        down, across = rows / frame_rows, columns / frame_columns
        left, top = self.x * across, self.y * down
        right, bottom = (self.x + self.width) * across, (self.y + self.height) * down
        edges = [round(edge) for edge in (left, top, right, bottom)]
        if all(abs(edge - exact) < 1e-6 for edge, exact in zip(edges, (left, top, right, bottom), strict=True)):
            return image[edges[1] : edges[3], edges[0] : edges[2]]
        # A member of another size whose share starts between pixels: bring it onto whole ones, at its scale.
        width, height = max(round(right - left), 1), max(round(bottom - top), 1)
        step_x, step_y = (right - left) / width, (bottom - top) / height
        matrix = np.array([[step_x, 0, left + step_x / 2 - 0.5], [0, step_y, top + step_y / 2 - 0.5]], dtype=np.float64)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(  # type: ignore[return-value]
            image, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE
        )


def draw_crop(rng: np.random.Generator, height: int, width: int, options: PairsOptions) -> Crop:
    """Draw where to cut a photo of height x width px, and how to turn and expose it.

    Every call takes the same number of draws from `rng`, so switching one option leaves the others' draws as they were;
    a new draw comes after all others, or a seed means other crops. With `resize_width` the square is one of the photo
    brought to that width (its height stays, as in the EBB! recipe), and is given in the photo's own px, so the photo is
    never resized as a whole.

    Raises PairsError: the photo is smaller than the crop.
    """
    share, across, down, stops = rng.random(4)
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    colours = rng.uniform(-1.0, 1.0, 4)
    low, high = options.crop_scale
    crop_height, crop_width = crop_size(height, width, options, low + (high - low) * share)
    return Crop(
        x=int(across * (width - crop_width + 1)),
        y=int(down * (height - crop_height + 1)),
        width=crop_width,
        height=crop_height,
        frame=(height, width),
        turns=turns if options.turns else 0,
        flip=flip and options.flips,
        exposure=(2 * stops - 1) * options.exposure,
        mix=colour_mix(colours * options.colour) if options.colour else None,
    )


def colour_mix(change: NDArray[np.float64]) -> tuple[float, ...]:
    """A matrix on linear RGB from four numbers: gains of red, green and blue in stops, in halves, and saturation.

    A change of 1 makes of grey something of the same luminance, and takes away or adds 0.7 of all saturation.
    """
    gains = 2.0 ** (0.5 * change[:3])
    gains /= gains @ LUMINANCE
    saturation = 1.0 + 0.7 * change[3]
    matrix = gains[:, None] * (saturation * np.eye(3) + (1.0 - saturation) * LUMINANCE[None])
    return tuple(matrix.ravel().tolist())


def centre_crop(height: int, width: int, options: PairsOptions) -> Crop:
    """The largest square in the middle (of the photo brought to `resize_width`), unturned, as it is."""
    stretch = (options.resize_width or width) / width
    side = min(height, options.resize_width or width)
    crop_width = min(max(round(side / stretch), 1), width)
    return Crop((width - crop_width) // 2, (height - side) // 2, crop_width, side, (height, width))


def crop_size(height: int, width: int, options: PairsOptions, scale: float = 1.0) -> tuple[int, int]:
    """Height and width, in px of a photo of height x width, of what becomes the square.

    `scale` is the share of the shorter side that is used if `options.crop` is 0. PairsError if the photo is too
    small.
    """
    resized = options.resize_width or width
    side = options.crop or max(round(scale * min(height, resized)), 1)
    if side > min(height, resized):
        raise PairsError(f"the photo is {width}x{height} px, too small for a crop of {side}; exclude it or crop less")
    return side, min(max(round(side * width / resized), 1), width)


def check_shape(picture: Uint8, photo: Uint8, where: str) -> None:
    """PairsError unless a picture has the shape of its photo, whatever its size."""
    height, width = photo.shape[:2]
    rows, columns = picture.shape[:2]
    if abs(height * columns / (width * rows) - 1) > SHAPE_TOLERANCE:
        raise PairsError(f"{where}: {columns}x{rows} px, but its photo is {width}x{height}; exclude the pair")


@contextmanager
def one_cv2_thread() -> Iterator[None]:
    """OpenCV without threads of its own, for pairs that go in parallel already and for the moment of a fork.

    A process forked while OpenCV's threads exist waits for them for ever: they are not there in the child.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def exposure_table(stops: float) -> NDArray[np.float32]:
    """What 8-bit values become after a gain of `stops` in linear light: 256 sRGB-encoded values, clipped to 1."""
    encoded = np.arange(256, dtype=np.float32) / np.float32(255)
    if stops == 0:
        return encoded
    lit = np.minimum(srgb_to_linear(encoded) * np.float32(2.0**stops), np.float32(1))
    return linear_to_srgb(lit)


def to_planes(image: Uint8, table: NDArray[np.float32]) -> NDArray[np.float32]:
    """HxW or HxWxC uint8 to CxHxW float32 through a 256-entry table."""
    planes: Any = cv2.split(image)
    out = np.empty((len(planes), *image.shape[:2]), np.float32)
    for plane, target in zip(planes, out, strict=True):
        cv2.LUT(plane, table, dst=target)
    return out
