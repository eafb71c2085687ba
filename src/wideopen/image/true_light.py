"""Tone curves of photos whose light is true: not clipped at white, which is 1, so that no lamp has to be guessed.

PQ and HLG: Rec. ITU-R BT.2100-3, tables 4 and 5. White is reference white, 203 cd/m2 of PQ and 75 % of HLG's signal
(Rep. ITU-R BT.2408-7, table 1). HLG's light is that of the scene, as a lens sees it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float
from wideopen.image.color import linear_to_srgb
from wideopen.image.tone_curve import STEPS, ToneCurve

_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_WHITE_CD, _WHITE_SIGNAL, _PEAK_CD = 203.0, 0.75, 10_000.0


def pq_to_light(signal: Float) -> Float:
    """BT.2100's EOTF, signal in [0, 1] -> light, of which 1 is reference white; float64."""
    root = np.asarray(signal, np.float64) ** (1 / _M2)
    return (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1) * (_PEAK_CD / _WHITE_CD)


def hlg_to_light(signal: Float) -> Float:
    """The inverse of BT.2100's HLG OETF, signal in [0, 1] -> light of the scene, of which 1 is reference white."""

    def scene(x: Float) -> Float:
        return np.where(x <= 0.5, x * x / 3, (np.exp((x - _C) / _A) + _B) / 12)

    return np.asarray(scene(np.asarray(signal, np.float64)) / scene(np.array(_WHITE_SIGNAL)))


class _TrueLight(ToneCurve):
    """What all curves of true light have in common."""

    true_light = True

    def to_srgb(self, pixels: NDArray[Any]) -> NDArray[Any]:
        encoded = linear_to_srgb(self.decode(pixels).clip(0, 1))
        if pixels.dtype.kind == "f":
            return encoded
        return np.asarray(np.rint(encoded * np.float32(np.iinfo(pixels.dtype).max)), pixels.dtype)


class LinearLight(_TrueLight):
    """Pixels that are light already, of any size; whole numbers are fractions of white."""

    def decode(self, pixels: NDArray[Any]) -> Float:
        if pixels.dtype.kind == "f":
            return pixels
        return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)

    def encode(self, light: Float) -> Float:
        return light


class HdrCurve(_TrueLight):
    """PQ or HLG, by table; between its steps linear."""

    def __init__(self, light: Float) -> None:
        self._light = light
        self._decode = light.astype(np.float32)

    def decode(self, pixels: NDArray[Any]) -> Float:
        if pixels.dtype == np.uint8:
            return np.asarray(self._decode[::257][pixels])
        if pixels.dtype == np.uint16:
            return np.asarray(self._decode[pixels])
        return np.asarray(self._decode[np.rint(pixels.clip(0, 1) * (STEPS - 1)).astype(np.intp)])

    def encode(self, light: Float) -> Float:
        return np.interp(light, self._light, np.linspace(0, 1, STEPS)).astype(np.float32)


_SIGNAL = np.linspace(0, 1, STEPS)
LINEAR = LinearLight()
CURVES = {16: HdrCurve(pq_to_light(_SIGNAL)), 18: HdrCurve(hlg_to_light(_SIGNAL))}
"""By number of the transfer (Rec. ITU-T H.273, table 3): PQ and HLG."""
