"""The light of a photo with a gain map, for a lens to blur, and the two renditions of what comes back.

    photo, map -> light of the HDR rendition -> lens -> light L
    map        -> gains in stops             -> the same lens -> gains G
    result's SDR rendition = L less G stops; where that is brighter than white it is white, and the map has the rest

So a lamp of eight times white gives a disc as bright as its light makes it, in both renditions: the lamp's three stops
are spread over the disc like its light, and hardly lower it.
"""

import math
from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float, Pixels
from wideopen.gain.gain_map import GainMap, gain_at
from wideopen.image.photo_light import PhotoLight
from wideopen.image.resize import fit, resize
from wideopen.image.tiles import Area
from wideopen.image.tone_curve import ToneCurve, to_light, to_pixels

STRIP_ROWS = 512
FINE_SIDE = 2048
"""Long side at which light is worked out that is averaged to a smaller picture: lamps of few px keep theirs."""


class StopsLight(PhotoLight):
    """A map's gains as if they were light; `stops` is what the lens makes of them.

    `stops`: hxwxC gains; of the size of the picture that the lens is given, where it is given one.
    """

    def __init__(self, stops: Float) -> None:
        super().__init__(None, np.uint8)
        self._channels, self._least = stops.shape[2], np.float32(stops.min())
        self._light = np.repeat(stops - self._least, 3 // self._channels, axis=2)
        self.stops = stops.copy()

    def light(self, pixels: Pixels, part: Area) -> Float:
        return self._light[part]

    def small(self, pixels: Pixels, height: int, width: int) -> Float:
        return resize(self._light, height, width)

    def pixels(self, light: Float, part: Area) -> Pixels:
        self.stops[part] = self.of_light(light)
        return np.zeros(light.shape, np.uint8)

    def of_light(self, light: Float) -> Float:
        """The gains, hxwxC, that such light (hxwx3) stands for."""
        return light[..., : self._channels] + self._least


class GainLight(PhotoLight):
    """A photo with a gain map.

    Args:
        pixels: HxWx3, the photo.
        gain: its map.
        own: `gain.stops`.
        seen: hxwxC of any size, the map's gains as the lens sees them.
        curve: of the photo's profile; sRGB's if None.
    """

    def __init__(self, pixels: Pixels, gain: GainMap, own: Float, seen: Float, curve: ToneCurve | None) -> None:
        super().__init__(curve, pixels.dtype)
        self.shape, self.gain, self._own, self._seen = pixels.shape, gain, own, seen
        self._changed = np.zeros(gain.pixels.shape[:2], bool)
        self._lock = Lock()
        self._excess: Any = None

    def light(self, pixels: Pixels, part: Area) -> Float:
        return self._hdr(to_light(pixels, self.curve), gain_at(self._own, part, self.shape))

    def light_at(self, pixels: Pixels, part: Area, there: NDArray[np.intp]) -> Float:
        stops = gain_at(self._own, part, self.shape)
        stops = stops.reshape(1, -1, stops.shape[2])[:, there]
        found: Float = self._hdr(to_light(pixels.reshape(1, -1, 3)[:, there], self.curve), stops)[0]
        return found

    def small(self, pixels: Pixels, height: int, width: int) -> Float:
        size = fit(height, width, max(height, width, min(FINE_SIDE, max(pixels.shape[:2]))))
        light = to_light(resize(pixels, *size), self.curve)
        stops = resize(self._own, *size).reshape(*size, -1)
        return resize(self._hdr(light, stops), height, width)

    def _hdr(self, light: Float, stops: Float) -> Float:
        return light if self.gain.meaning.base_is_hdr else self.gain.meaning.to_hdr(light, stops)

    def pixels(self, light: Float, part: Area) -> Pixels:
        if self.gain.meaning.base_is_hdr:
            return to_pixels(light.clip(0, 1), self.dtype, self.curve)
        sdr = self.gain.meaning.to_sdr(light, gain_at(self._seen, part, self.shape))
        if sdr.max() > 1:
            red, green, blue = cv2.split(sdr)
            highest = cv2.max(cv2.max(red, green), blue)
            there = np.flatnonzero(highest > 1)
            # One channel of gain keeps the hue of what is brighter than white.
            brighter, single = sdr.reshape(-1, 3)[there], self._own.shape[2] == 1
            top = highest.reshape(-1, 1)[there] if single else np.maximum(brighter, 1)
            offset = np.array(self.gain.meaning.offset_sdr, np.float32)
            excess = np.zeros((highest.size, self._own.shape[2]), np.float32)
            excess[there] = np.log2((top + offset) / (1 + offset))
            self._note(excess.reshape(*highest.shape, -1), part)
            sdr.reshape(-1, 3)[there] = brighter / top
        return to_pixels(sdr, self.dtype, self.curve)

    def _note(self, excess: Float, part: Area) -> None:
        """Keep by how many stops light exceeds white; of whole rows no more columns than the map has."""
        rows, columns, channels = excess.shape
        if columns == self.shape[1] and self.gain.pixels.shape[1] < columns:
            excess = resize(excess, rows, self.gain.pixels.shape[1]).reshape(rows, -1, channels)
            part = part[0], slice(None)
        with self._lock:
            if self._excess is None:
                columns = excess.shape[1] if part[1] == slice(None) else self.shape[1]
                self._excess = np.zeros((self.shape[0], columns, channels), np.float16)
        self._excess[part] = excess

    def compare(self, photo: Pixels, result: Pixels, top: int) -> None:
        count, (rows, columns) = len(photo), self.gain.pixels.shape[:2]
        red, green, blue = cv2.split(cv2.absdiff(result, photo))
        differs = cv2.max(cv2.max(red, green), blue) > 0
        if not differs.any():
            return
        found = resize(255 * differs.view(np.uint8), count, columns) > 0
        first = (np.arange(top, top + count) * rows) // self.shape[0]
        last = -(-(np.arange(top + 1, top + count + 1) * rows) // self.shape[0])
        with self._lock:  # Strips of the photo share rows of the map.
            for row, start, end in zip(found, first, last, strict=True):
                self._changed[start:end] |= row

    def gain_map(self) -> GainMap:
        """The map that fits the result, all of which was compared: the photo's own, bit for bit, where that is so."""
        height, (rows, columns) = self.shape[0], self.gain.pixels.shape[:2]
        stops = resize(self._seen, rows, columns).reshape(rows, columns, -1)
        # Whole rows of the map from whole rows of the photo, in strips where it has fewer.
        units = math.gcd(height, rows) if rows <= height else 1
        step = max(1, STRIP_ROWS * units // height)
        for first in range(0, 0 if self._excess is None else units, step):
            part, there = (
                slice(first * count // units, min(first + step, units) * count // units) for count in (height, rows)
            )
            excess = resize(self._excess[part].astype(np.float32), there.stop - there.start, columns)
            stops[there] += excess.reshape(*excess.shape[:2], -1)
        return self.gain.with_stops(stops, ~self._changed)
