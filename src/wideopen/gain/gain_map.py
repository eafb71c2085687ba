"""The gain map of an HDR photo: how much brighter its HDR rendition is than its SDR rendition, pixel by pixel.

With light relative to SDR white, G the gain in stops and k the offsets (ISO 21496-1, 5 and 6; Google's Ultra HDR 1.1,
"Gain map generation"; Adobe's Gain Map 1.0, all the same up to names):

    G   = log2((hdr + k_hdr) / (sdr + k_sdr))
    hdr = (sdr + k_sdr) * 2 ** G - k_hdr
    G   = minimum + (maximum - minimum) * code ** (1 / gamma)       code in [0, 1] as the map's picture has it

Apple's (https://developer.apple.com/documentation/appkit/applying-apple-hdr-effect-to-your-photos) has no range, but a
headroom h, and codes by the curve of Rec. ITU-R BT.709: hdr = sdr * (1 + (h - 1) * light(code)).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float
from wideopen.image.resize import enlarge_part

Kind = Literal["hdrgm", "iso", "apple"]
"""How a file states it: in XMP as Ultra HDR 1 does, as ISO 21496-1 does in binary, or in Apple's own way."""
MOST_STOPS = 16.0


@dataclass(frozen=True)
class GainRange:
    """What the codes of a map mean. Tuples hold one number, or three for R, G and B."""

    minimum: tuple[float, ...] = (0.0,)
    """Stops of code 0."""
    maximum: tuple[float, ...] = (1.0,)
    """Stops of code 1."""
    gamma: tuple[float, ...] = (1.0,)
    offset_sdr: tuple[float, ...] = (1 / 64,)
    offset_hdr: tuple[float, ...] = (1 / 64,)
    capacity: tuple[float, float] = (0.0, 1.0)
    """Stops of a screen's white above SDR white from which on the map counts, and at which it counts fully."""
    base_is_hdr: bool = False
    """The file's main picture is the HDR rendition."""
    headroom: float | None = None
    """Of Apple's kind, as a factor; the other fields then say the same but for the curve."""

    def __post_init__(self) -> None:
        numbers = [*self.minimum, *self.maximum, *self.gamma, *self.offset_sdr, *self.offset_hdr, *self.capacity]
        if not np.isfinite(numbers).all() or max(map(abs, (*self.minimum, *self.maximum))) > MOST_STOPS:
            raise ValueError("a gain map of no sensible range")
        if min(self.gamma) <= 0 or any(low > high for low, high in zip(self.minimum, self.maximum, strict=False)):
            raise ValueError("a gain map of no sensible range")

    @staticmethod
    def of_apple(headroom: float) -> "GainRange":
        """Of Apple's maps; ValueError if the headroom is none."""
        if not 1 < headroom < 2**MOST_STOPS:
            raise ValueError("a gain map without headroom")
        stops = float(np.log2(headroom))
        return GainRange((0.0,), (stops,), (1.0,), (0.0,), (0.0,), (0.0, stops), headroom=headroom)

    def stops(self, codes: Float) -> Float:
        """hxwxC codes in [0, 1] -> G, hxwxC float32."""
        if self.headroom is not None:
            light = np.where(codes < 0.081, codes / 4.5, ((codes.clip(0) + 0.099) / 1.099) ** (1 / 0.45))
            return np.log2(1 + (self.headroom - 1) * light).astype(np.float32)
        low, high = _row(self.minimum), _row(self.maximum)
        linear = codes if set(self.gamma) == {1.0} else codes.clip(0) ** (1 / _row(self.gamma))
        return np.asarray(low + (high - low) * linear, np.float32)

    def codes(self, stops: Float) -> Float:
        """The inverse of `stops`, clipped to [0, 1]."""
        if self.headroom is not None:
            light = (np.exp2(stops) - 1) / (self.headroom - 1)
            return np.where(light < 0.018, 4.5 * light, 1.099 * light.clip(0.018) ** 0.45 - 0.099).clip(0, 1)
        low, high = _row(self.minimum), _row(self.maximum)
        linear = ((stops - low) / np.maximum(high - low, 1e-6)).clip(0, 1)
        return np.asarray(linear if set(self.gamma) == {1.0} else linear ** _row(self.gamma), np.float32)

    def to_hdr(self, sdr: Float, stops: Float) -> Float:
        """SDR light HxWx3 and G HxWx1 or HxWx3 -> HDR light, relative to SDR white too."""
        return _scaled(sdr, self.offset_sdr, stops, self.offset_hdr)

    def to_sdr(self, hdr: Float, stops: Float) -> Float:
        """The inverse of `to_hdr`; may be above 1."""
        return _scaled(hdr, self.offset_hdr, -stops, self.offset_sdr)


@dataclass(frozen=True, eq=False)
class GainMap:
    """A photo's gain map, upright like the photo, of any size of its shape."""

    pixels: NDArray[Any]
    """hxwx1 or hxwx3, uint8 or uint16."""
    meaning: GainRange
    kinds: frozenset[Kind] = frozenset()
    """How it was stated; "apple" stands alone."""
    segments: tuple[tuple[int, bytes], ...] = ()
    """Application segments (number, body) of its own JPEG that state it."""
    tables: tuple[tuple[int, ...], ...] | None = None
    """Quantisation tables of its own JPEG."""
    subsampling: int | None = None
    required: bool = False
    """A file without it is not to be written."""

    def turned(self, turn: Callable[[NDArray[Any]], NDArray[Any]]) -> "GainMap":
        """The map turned as its photo is. (OpenCV drops a channel that is alone.)"""
        found = turn(self.pixels)
        return replace(self, pixels=np.ascontiguousarray(found.reshape(*found.shape[:2], -1)))

    @property
    def stops(self) -> Float:
        """G at the map's own size, hxwxC float32; C is 3 also where one channel means three different gains."""
        steps, meaning = int(np.iinfo(self.pixels.dtype).max), self.meaning
        table = np.arange(steps + 1, dtype=np.float32) / np.float32(steps)
        own = self.pixels.shape[2]
        channels = max(own, *(len(values) for values in (meaning.minimum, meaning.maximum, meaning.gamma)))
        found = meaning.stops(np.repeat(table[:, None], channels, axis=1))
        return np.stack([found[:, index][self.pixels[..., index % own]] for index in range(channels)], axis=-1)

    def with_stops(self, stops: Float, kept: NDArray[np.bool_] | bool = False) -> "GainMap":
        """The map of other gains, hxwxC; where `kept` (hxw) is true it stays as it is, bit for bit."""
        most = np.iinfo(self.pixels.dtype).max
        codes = np.empty(stops.shape, self.pixels.dtype)
        for top in range(0, len(stops), 256):  # A large photo's map is large, too.
            part = slice(top, top + 256)
            codes[part] = np.rint(self.meaning.codes(stops[part]) * most)
        return replace(self, pixels=np.where(np.asarray(kept)[..., None], self.pixels, codes))


def _scaled(light: Float, before: tuple[float, ...], stops: Float, after: tuple[float, ...]) -> Float:
    """(light + before) * 2 ** stops - after, but not below 0; HxWx3."""
    # NumPy's exp of 32 bits takes a fifth of the time of its exp2; a last axis of one would be slow to spread.
    factor = np.exp(stops * np.float32(np.log(2)))
    found = light + _row(before)
    found *= factor if factor.shape[-1] == 3 else cv2.merge([factor] * 3)
    found -= _row(after)
    return np.asarray(np.maximum(found, 0, out=found))


def _row(values: tuple[float, ...]) -> Any:
    return np.float32(values[0]) if len(set(values)) == 1 else np.array(values, np.float32)


def gain_at(stops: Float, part: tuple[slice, slice], shape: tuple[int, ...]) -> Float:
    """A part of a map of gains (hxwxC) at the size `shape` of its photo, linear, the same whatever the part."""
    found = enlarge_part(stops, part, shape)
    return found.reshape(*found.shape[:2], -1)
