"""The light of a photo with a gain map, for a lens to blur, and the two renditions of what comes back.

    photo, map -> light of the HDR rendition -> lens -> light L
    map        -> gains in stops             -> the same lens -> gains G
    result's SDR rendition = L less G stops; where that is brighter than white it is white, and the map has the rest

So a lamp of eight times white gives a disc as bright as its light makes it, in both renditions: the lamp's three stops
are spread over the disc like its light, and hardly lower it.
"""

from typing import Any

import cv2
import numpy as np

from wideopen._types import Float, Pixels
from wideopen.gain.gain_map import GainMap, gain_at
from wideopen.image.photo_light import Area, PhotoLight
from wideopen.image.resize import fit, resize
from wideopen.image.tone_curve import ToneCurve, to_light, to_pixels

FINE_SIDE = 2048
"""Long side at which light is worked out that is averaged to a smaller picture: lamps of few px keep theirs."""


class StopsLight(PhotoLight):
    """A map's gains as if they were light; `stops` is what the lens makes of them.

    Args:
        stops: hxwxC gains; of the size of the picture that the lens is given, where it is given one.
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
        seen: hxwxC of any size, the map's gains as the lens sees them.
        curve: of the photo's profile; sRGB's if None.
    """

    def __init__(self, pixels: Pixels, gain: GainMap, seen: Float, curve: ToneCurve | None) -> None:
        super().__init__(curve, pixels.dtype)
        self.photo, self.gain, self._own, self._seen = pixels, gain, gain.stops, seen
        self._exceeds = False
        self._excess: Any = np.zeros((*pixels.shape[:2], self._own.shape[2]), np.float16)

    def light(self, pixels: Pixels, part: Area) -> Float:
        return self._hdr(to_light(pixels, self.curve), gain_at(self._own, part, self.photo.shape))

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
        sdr = self.gain.meaning.to_sdr(light, gain_at(self._seen, part, self.photo.shape))
        if sdr.max() > 1:
            red, green, blue = cv2.split(sdr)
            single = cv2.max(cv2.max(red, green), blue)[..., None]
            top = np.maximum(sdr if self._own.shape[2] == 3 else single, 1)
            offset = np.array(self.gain.meaning.offset_sdr, np.float32)
            self._exceeds = True
            self._excess[part] = np.log2((top + offset) / (1 + offset))
            sdr /= top  # One channel of gain keeps the hue of what is brighter than white.
        return to_pixels(sdr, self.dtype, self.curve)

    def gain_map(self, result: Pixels) -> GainMap:
        """The map that fits the result: the photo's own, bit for bit, where the result is the photo."""
        size = self.gain.pixels.shape[:2]
        red, green, blue = cv2.split(cv2.absdiff(result, self.photo))
        differs = cv2.max(cv2.max(red, green), blue) > 0
        changed = resize(255 * differs.view(np.uint8), *size)
        stops = resize(self._seen, *size).reshape(*size, -1)
        if self._exceeds:
            stops = stops + resize(self._excess.astype(np.float32), *size).reshape(*size, -1)
        return self.gain.with_stops(stops, changed == 0)
