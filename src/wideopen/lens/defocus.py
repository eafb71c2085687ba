"""Blur by an aperture: of one radius, or of a radius that differs from pixel to pixel.

Kernels up to 11 px across are summed directly, larger ones go through Fourier space at a cost that does
not grow with them. Where speed matters more than half a pixel, large discs can be drawn at a fraction of the size.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.lens.apertures import SHARP_RADIUS_PX, Aperture, kernel

Span = tuple[int, int]

COARSE_FROM_PX = {12.0: 2, 48.0: 4}
"""Radius from which on a picture may be blurred at so small a part of its size."""
DIRECT_SIDE = 11
"""Side (px) of the largest kernel that is summed directly."""
FIELD_CELLS = 8
"""With optical vignetting, kernels are drawn on a grid of so many cells a side and mixed between its corners."""


def convolve(
    image: Float,
    radius_px: float,
    aperture: Aperture | None = None,
    behind: bool = True,
    place: tuple[float, float] = (0.0, 0.0),
    coarse: bool = False,
) -> Float:
    """Every point of the image drawn as the aperture's shape.

    Args:
        image: HxWxC float32, linear light (premultiplied where it has alpha); mirrored at its borders, so they neither
            darken nor lose light on average.
        radius_px: of the disc that the shape is drawn in; nothing happens at 0.5 and below.
        behind: the light comes from behind the plane in focus; in front of it shapes stand on their heads.
        place: see `apertures.kernel`.
        coarse: allow large discs to be drawn at a fraction of the size: points land up to half a coarse pixel aside.
    """
    if radius_px <= SHARP_RADIUS_PX:
        return image
    planes = convolve_planes(cv2.split(image), radius_px, aperture, behind, place, coarse)
    return cv2.merge(planes).reshape(image.shape)


def convolve_planes(
    planes: Sequence[Float],
    radius_px: float,
    aperture: Aperture | None = None,
    behind: bool = True,
    place: tuple[float, float] = (0.0, 0.0),
    coarse: bool = False,
) -> list[Float]:
    """The same for an image given as HxW planes, one for each channel, and returned as such."""
    if radius_px <= SHARP_RADIUS_PX:
        return list(planes)
    scale = max((part for start, part in COARSE_FROM_PX.items() if coarse and radius_px >= start), default=1)
    aperture = aperture or Aperture()
    shape = kernel(radius_px / scale, aperture if behind else aperture.in_front, place)
    # Correlation is what follows; a convolution draws the shape as it is.
    shape = np.ascontiguousarray(shape[::-1, ::-1]) if behind else shape
    if scale == 1:
        return _filter(planes, shape)
    height, width = planes[0].shape
    # One coarse pixel more on every side, so that enlarging needs nothing from beyond the border.
    after = scale + -height % scale, scale + -width % scale
    size = width + scale + after[1], height + scale + after[0]
    small = (size[0] // scale, size[1] // scale)
    padded = (cv2.copyMakeBorder(plane, scale, after[0], scale, after[1], cv2.BORDER_REFLECT) for plane in planes)
    blurred = _filter([cv2.resize(plane, small, interpolation=cv2.INTER_AREA) for plane in padded], shape)
    inside = slice(scale, scale + height), slice(scale, scale + width)
    return [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)[inside] for plane in blurred]


def blur(image: Float, radius_px: Float, aperture: Aperture | None = None) -> Float:
    """Blur by a disc (or another aperture) whose radius differs from pixel to pixel.

    Every output pixel is the mean of the disc around it (a gather). Discs are drawn at a bank of radii and mixed
    linearly between neighbours in the bank; each is computed only on the part of the picture that asks for it.

    Args:
        image: HxWxC float32, linear light (premultiplied where it has alpha).
        radius_px: HxW radii in px; negative in front of the plane in focus.

    Returns HxWxC float32, equal to `image` bit for bit wherever the radius is 0.5 px or less.
    """
    least, greatest = float(radius_px.min(initial=0.0)), float(radius_px.max(initial=0.0))
    if max(-least, greatest) <= SHARP_RADIUS_PX:
        return image
    radii = signed_bank(least, greatest)
    position = bank_position(radius_px, radii)
    across, along = ((position.min(axis=axis), position.max(axis=axis)) for axis in (1, 0))
    result = np.zeros((*position.shape, image.shape[2]), np.float32)
    for index, radius in enumerate(radii):
        down, right = _extent(across, index), _extent(along, index)
        if down is None or right is None:
            continue
        part = (slice(*down), slice(*right))
        weight = np.maximum(1.0 - np.abs(position[part] - index), 0.0)
        result[part] += weight[..., None] * blur_part(image, float(radius), down, right, aperture)
    return result


def blur_part(
    image: Float,
    radius_px: float,
    rows: Span,
    columns: Span,
    aperture: Aperture | None = None,
    whole: tuple[tuple[int, int], tuple[int, int]] | None = None,
    coarse: bool = False,
) -> Float:
    """Rows x columns of the image blurred, reading as far around them as the disc reaches; radius signed as in `blur`.

    Optical vignetting changes the shape over the picture: kernels stand on the corners of a grid and are mixed
    in between, which leaves no seam.

    Args:
        whole: height and width of the picture that the image is a part of, and the row and column of it at which the
            image begins; the image is all of it if None.
        coarse: see `convolve`.
    """
    aperture = aperture or Aperture()
    if aperture.vignette == 0 or abs(radius_px) <= SHARP_RADIUS_PX:
        return _blur_around(image, radius_px, rows, columns, aperture, (0.0, 0.0), coarse)
    (height, width), (top, left) = whole or (image.shape[:2], (0, 0))
    result = np.zeros((rows[1] - rows[0], columns[1] - columns[0], image.shape[2]), np.float32)
    for row in range(FIELD_CELLS + 1):
        weight_down, down = _hat(row, height, (rows[0] + top, rows[1] + top))
        for column in range(FIELD_CELLS + 1):
            weight_across, across = _hat(column, width, (columns[0] + left, columns[1] + left))
            if down is None or across is None:
                continue
            part_rows, part_columns = (down[0] - top, down[1] - top), (across[0] - left, across[1] - left)
            place = _place(row, column, height, width)
            seen = _blur_around(image, radius_px, part_rows, part_columns, aperture, place, coarse)
            within = (
                slice(part_rows[0] - rows[0], part_rows[1] - rows[0]),
                slice(part_columns[0] - columns[0], part_columns[1] - columns[0]),
            )
            result[within] += (weight_down[:, None] * weight_across)[..., None] * seen
    return result


def signed_bank(least: float, greatest: float, growth: float = 1.08) -> Float:
    """Signed radii (px) from `least` to `greatest` between which discs are mixed.

    Rising, half a px apart while small and `growth` times the last one later. All within 0.5 px of the focus is one
    entry, 0, the identity.
    """
    front = [-radius for radius in _bank(-least, growth)]
    return np.array([*reversed(front), 0.0, *_bank(greatest, growth)], np.float32)


def bank_position(radius_px: Float, radii: Float) -> Float:
    """Where signed radii lie in `signed_bank`'s list, as a fraction of its steps: HxW float32."""
    zero = int(np.searchsorted(radii, 0.0))
    # Not below 0.5 px: that far all is identity.
    nodes = np.array([*radii[:zero], -SHARP_RADIUS_PX, SHARP_RADIUS_PX, *radii[zero + 1 :]], np.float32)
    steps = np.array([*range(zero), zero, zero, *range(zero + 1, len(radii))], np.float32)
    return np.interp(radius_px, nodes, steps).astype(np.float32)


def _bank(greatest: float, growth: float) -> list[float]:
    radii: list[float] = []
    radius = SHARP_RADIUS_PX
    while radius < greatest:
        radius = min(max(radius + 0.5, radius * growth), greatest)
        radii.append(radius)
    return radii


def _filter(planes: Sequence[Float], shape: Float) -> list[Float]:
    """Correlation with a kernel, mirrored at the borders; of a cat's eye only the part in use counts."""
    height, width = planes[0].shape
    n = shape.shape[0] // 2
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    side = 2 * (max(rows[-1] - rows[0], columns[-1] - columns[0]) // 2 + 1) + 1
    if 2 * side > shape.shape[0]:
        top, left, part = 0, 0, shape
    else:
        top, left = (min(int(lit[0]), len(shape) - side) for lit in (rows, columns))
        part = np.ascontiguousarray(shape[top : top + side, left : left + side])
    if part.shape[0] <= DIRECT_SIDE and part is shape:
        return [cv2.filter2D(plane, -1, part, borderType=cv2.BORDER_REFLECT) for plane in planes]
    around = (cv2.copyMakeBorder(plane, n, n, n, n, cv2.BORDER_REFLECT) for plane in planes)
    side = part.shape[0]
    wanted = slice(top, top + height + side - 1), slice(left, left + width + side - 1)
    return _correlate([plane[wanted] for plane in around], part)


def _correlate(planes: Sequence[Float], shape: Float) -> list[Float]:
    """Correlation of planes with a kernel where it lies within them, through Fourier space."""
    height, width = planes[0].shape
    side = shape.shape[0]
    # Of what wraps around only the first side - 1 rows and columns are spoilt.
    tall, wide = cv2.getOptimalDFTSize(height), cv2.getOptimalDFTSize(width)
    room: Float = np.zeros((tall, wide), np.float32)
    room[:side, :side] = shape[::-1, ::-1]
    response = cv2.dft(room, nonzeroRows=side)
    found = []
    for plane in planes:
        padded = cv2.copyMakeBorder(plane, 0, tall - height, 0, wide - width, cv2.BORDER_CONSTANT)
        spectrum = cv2.mulSpectrums(cv2.dft(padded, nonzeroRows=height), response, 0)
        seen = cv2.dft(spectrum, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)
        found.append(seen[side - 1 : height, side - 1 : width])
    return found


def _extent(position: tuple[Float, Float], index: int) -> Span | None:
    """First and last row (or column) + 1 that may hold a pixel within one step of the bank's entry `index`.

    `position` is the smallest and the largest place in the bank that each row asks for.
    """
    low, high = position
    places = np.flatnonzero((high > index - 1) & (low < index + 1))
    return (int(places[0]), int(places[-1]) + 1) if len(places) else None


def _blur_around(
    image: Float,
    radius_px: float,
    rows: Span,
    columns: Span,
    aperture: Aperture,
    place: tuple[float, float],
    coarse: bool = False,
) -> Float:
    step = max(COARSE_FROM_PX.values()) if coarse else 1
    reach = int(np.ceil(abs(radius_px))) + 2 * step
    # On whole coarse pixels of the image.
    top, left = (max(span[0] - reach, 0) // step * step for span in (rows, columns))
    area = image[top : rows[1] + reach, left : columns[1] + reach]
    area = convolve(area, abs(radius_px), aperture, radius_px > 0, place, coarse)
    return area[rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left]


def _hat(index: int, length: int, span: Span) -> tuple[Float, Span | None]:
    """Weights of grid line `index` along `span` of a side of `length` px, and the part of the span where it has any."""
    places = (np.arange(*span, dtype=np.float32) + 0.5) * (FIELD_CELLS / length)
    weights = np.maximum(1.0 - np.abs(places - index), 0.0).astype(np.float32)
    found = np.flatnonzero(weights)
    if not len(found):
        return weights, None
    return weights[found], (span[0] + int(found[0]), span[0] + int(found[-1]) + 1)


def _place(row: int, column: int, height: int, width: int) -> tuple[float, float]:
    """(right, down) of a corner of the grid from the middle, in half diagonals."""
    diagonal = float(np.hypot(height, width))
    return ((2 * column / FIELD_CELLS - 1) * width / diagonal, (2 * row / FIELD_CELLS - 1) * height / diagonal)
