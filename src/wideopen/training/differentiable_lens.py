"""A lens in PyTorch: draws the picture from what a lens head says, with slopes that lead back to it.

The steps of `wideopen.lens.matte_lens`, its twin in NumPy, far to near and without taking the subject's rim out; the
physics of `wideopen.lens.layered_lens` on layers, as coarse as training can afford.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wideopen.lens.highlights import CLIPPED, DARK, MANY, line_length
from wideopen.lens.lens_settings import LARGEST
from wideopen.network.blocks import at_least_32
from wideopen.network.heads import SceneMaps

SHARP_PX = 0.5
GROWTH = 1.7
LEAST_VISIBLE = 0.05
"""A layer hidden to more than this is not brought back to its full light."""
LEAST_USED = 1e-3
"""A layer of which no pixel of a picture is a greater part is left out."""
GAIN = 4.0
"""Of lamps; see `highlights.raise_lamps`."""


class DrawnLens(nn.Module):
    """The lens; it has no weights."""

    def forward(self, photo: Tensor, places: SceneMaps, blur: Tensor, focus: Tensor | None = None) -> Tensor:
        """Draw pictures.

        Args:
            photo: [N, 3, h, w] sRGB-encoded, [0, 1].
            places: of the same size.
            blur: [N, 1] blur radius for each unit of relative disparity, as a share of the short side.
            focus: [N, 1] relative disparity of what is in focus; the subject, 0, if None.

        Returns [N, 3, h, w] sRGB-encoded, [0, 1], in at least 32 bits.
        """
        with torch.autocast(photo.device.type, enabled=False):
            photo = at_least_32(photo)
            light = to_linear(photo)
            raised = raise_lamps(light, GAIN)
            short = min(photo.shape[2:])
            most, scale = short * LARGEST, short * blur.view(-1, 1, 1, 1)
            shift = torch.zeros_like(scale) if focus is None else focus.view(-1, 1, 1, 1)
            radius = (scale * (shift - at_least_32(places.relative))).clamp(-most, most)
            own = (scale * shift).clamp(-most, most)
            seen = composite(raised, at_least_32(places.matte), radius, own, bank(most))
            return to_srgb(seen.clamp(0.0, 1.0))


@lru_cache(maxsize=16)
def bank(largest: float) -> tuple[float, ...]:
    """Signed radii in px, nearest (most negative) to farthest; 0 is everything up to SHARP_PX."""
    radii: list[float] = []
    radius = SHARP_PX
    while radius < largest:
        radius = min(max(radius * GROWTH, radius + 0.5), largest)
        radii.append(radius)
    return (*(-r for r in reversed(radii)), 0.0, *radii)


def composite(light: Tensor, matte: Tensor, radius: Tensor, own: Tensor, radii: tuple[float, ...]) -> Tensor:
    """Steps 2 to 4 in linear light: [N, 3, h, w]; `own` [N, 1, 1, 1] is the radius of the subject."""
    weights = memberships(radius, radii) * (1.0 - matte) + memberships(own, radii) * matte
    hidden = torch.cumsum(weights, 1) - weights  # By all that is nearer.
    result = light
    for index in reversed(range(len(radii))):
        share = weights[:, index : index + 1]
        # A layer that nothing is in costs as much as a full one. Each picture for itself, so that it does not matter
        # which others it is with.
        used = share.detach().amax((1, 2, 3), keepdim=True) >= LEAST_USED
        if not used.any():
            continue
        visible = 1.0 - hidden[:, index : index + 1]
        seen = blurred(torch.cat([share * light, share, visible], 1), radii[index])
        room = seen[:, 4:5].clamp_min(LEAST_VISIBLE)
        color, opacity = seen[:, :3] / room, (seen[:, 3:4] / room).clamp(0.0, 1.0)
        result = torch.where(used, color + (1.0 - opacity) * result, result)
    return result


def memberships(radius: Tensor, radii: tuple[float, ...]) -> Tensor:
    """[N, K, h, w]: how far each pixel of radius [N, 1, h, w] belongs to each of K radii; two at most, sum 1."""
    zero = radii.index(0.0)
    nodes = [*radii[:zero], -SHARP_PX, SHARP_PX, *radii[zero + 1 :]]
    layers = []
    for index in range(len(radii)):
        low, high = (index, index + 1) if index == zero else (index + (index > zero),) * 2
        rises = (radius - nodes[low - 1]) / (nodes[low] - nodes[low - 1]) if low > 0 else torch.ones_like(radius)
        falls = (nodes[high + 1] - radius) / (nodes[high + 1] - nodes[high]) if high + 1 < len(nodes) else rises + 1.0
        layers.append(torch.minimum(rises, falls).clamp(0.0, 1.0))
    return torch.cat(layers, 1)


def blurred(image: Tensor, radius: float) -> Tensor:
    """[N, C, h, w] blurred by a disc, mirrored at the borders."""
    if abs(radius) <= SHARP_PX:
        return image
    disc = disc_kernel(abs(radius)).to(image.device)
    pad = disc.shape[0] // 2
    # Reflection reaches no farther than the picture; discs are held below its side.
    around = F.pad(image, (pad,) * 4, mode="reflect")
    size = around.shape[2:]
    spectrum = torch.fft.rfft2(around) * torch.fft.rfft2(disc, s=size)
    found: Tensor = torch.fft.irfft2(spectrum, s=size)
    return found[:, :, 2 * pad :, 2 * pad :]


@lru_cache(maxsize=64)
def disc_kernel(radius: float) -> Tensor:
    """(2n+1)x(2n+1) disc with an edge of one px, sums to 1."""
    n = int(radius + 1.0)
    line = torch.arange(-n, n + 1, dtype=torch.float32)
    distance = torch.hypot(line[:, None], line[None])
    disc = (radius + 0.5 - distance).clamp(0.0, 1.0)
    return disc / disc.sum()


def find_surroundings(light: Tensor) -> Tensor:
    """[N, 1, h, w]: `highlights.find_surroundings` of each photo."""
    darkest = light.amin(1, keepdim=True)
    length = line_length(*darkest.shape[2:])
    steps = length // 2, round(length / 8**0.5)
    lines = (((0, 1), steps[0]), ((1, 0), steps[0]), ((1, 1), steps[1]), ((1, -1), steps[1]))
    openings = [_line_maximum(-_line_maximum(-darkest, *line), *line) for line in lines]
    around = darkest
    for size, pad in (((2 * length + 1, 1), (length, 0)), ((1, 2 * length + 1), (0, length))):
        around = F.avg_pool2d(around, size, 1, pad, count_include_pad=False)
    return torch.stack([*openings, around]).amax(0)


def _line_maximum(plane: Tensor, direction: tuple[int, int], reach: int) -> Tensor:
    """The maximum along a line through each pixel, `reach` steps of `direction` to either side, within the picture."""
    height, width = plane.shape[2:]
    padded = F.pad(plane, (reach,) * 4, value=-torch.inf)
    found = plane
    for step in range(-reach, reach + 1):
        down, across = reach + step * direction[0], reach + step * direction[1]
        found = torch.maximum(found, padded[:, :, down : down + height, across : across + width])
    return found


def lamp_weight(light: Tensor) -> Tensor:
    """[N, 1, h, w]: `highlights.lamp_weight` of each photo."""
    clipped = ((light.amin(1, keepdim=True) - CLIPPED[0]) / (CLIPPED[1] - CLIPPED[0])).clamp(0.0, 1.0)
    alone = ((DARK[1] - find_surroundings(light)) / (DARK[1] - DARK[0])).clamp(0.0, 1.0)
    return clipped**2 * alone


def raise_lamps(light: Tensor, gain: float) -> Tensor:
    """`highlights.raise_lamps`, by a gain that is lowered in photos of which lamps would fill much."""
    weight = lamp_weight(light)
    filled = (weight > 0).float().mean((1, 2, 3), keepdim=True)
    certainty = ((MANY[1] - filled) / (MANY[1] - MANY[0])).clamp(0.0, 1.0)
    return light * (1.0 + (gain - 1.0) * certainty * weight)


def to_linear(encoded: Tensor) -> Tensor:
    """sRGB values to linear light."""
    return torch.where(encoded <= 0.04045, encoded / 12.92, ((encoded.clamp_min(0.04) + 0.055) / 1.055) ** 2.4)


def to_srgb(linear: Tensor) -> Tensor:
    """Linear light to sRGB values; slopes stay finite at 0."""
    curve = 1.055 * linear.clamp_min(0.003) ** (1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, linear * 12.92, curve)
