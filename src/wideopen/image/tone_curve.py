"""The tone curve of a photo's own colour profile: how its values stand for light.

A lens mixes light, so each photo is decoded by the curve that its profile (or a PNG's gamma) states. Layout of
profiles: ICC.1:2022, 7.2 (header), 7.3 (tag table), 10.6 (curveType), 10.18 (parametricCurveType).
"""

import io
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from wideopen._types import Float
from wideopen.image.color import ENCODE_STEPS, linear_to_srgb, srgb_to_linear

_DECODE: dict[int, Float] = {}
# Spaced by square root, the curve's own shape nearly: no step is wider than 1.5 steps of 16 bits.
_ENCODE = linear_to_srgb((np.arange(ENCODE_STEPS + 1, dtype=np.float32) / np.float32(ENCODE_STEPS)) ** 2)
_STORED = {
    np.dtype(kind): np.rint(_ENCODE * np.float32(np.iinfo(kind).max)).astype(kind) for kind in (np.uint8, np.uint16)
}
STEPS = 65536
ALIKE = 5e-4
"""Curves that differ by no more light than this, of 1, are the same."""
_PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}


class ToneCurve(ABC):
    """Encoded values <-> linear light."""

    true_light = False
    """Light is not clipped at white, so that no lamp has to be guessed (`image/true_light.py`)."""

    @abstractmethod
    def decode(self, pixels: NDArray[Any]) -> Float:
        """HxWx3 uint8, uint16 or float32 in [0, 1] -> linear light, float32."""

    @abstractmethod
    def encode(self, light: Float) -> Float:
        """HxWx3 linear light -> encoded values in [0, 1], float32."""

    @abstractmethod
    def to_srgb(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """HxWx3 uint8, uint16 or float32 in [0, 1] -> the same light up to white, sRGB-encoded, of the same type."""


@dataclass(frozen=True, eq=False)
class TableCurve(ToneCurve):
    """A curve by table."""

    light: Float
    """STEPSxC float32 in [0, 1], rising: the light of encoded values 0 .. 1; C is 1, or 3 where R, G, B differ."""
    encoded: Float
    """(ENCODE_STEPS + 1)xC float32: the encoded values of light (i / ENCODE_STEPS) ** 2."""

    def decode(self, pixels: NDArray[Any]) -> Float:
        if pixels.dtype == np.uint8:
            return self._look_up(self.light[::257], pixels)
        if pixels.dtype == np.uint16:
            return self._look_up(self.light, pixels)
        return self._look_up(self.light, np.rint(pixels.clip(0, 1) * (STEPS - 1)).astype(np.intp))

    def encode(self, light: Float) -> Float:
        return self._look_up(self.encoded, np.rint(np.sqrt(light.clip(0, 1)) * ENCODE_STEPS).astype(np.intp))

    def to_srgb(self, pixels: NDArray[Any]) -> NDArray[Any]:
        encoded = linear_to_srgb(self.light)
        if pixels.dtype == np.float32:
            return self._look_up(encoded, np.rint(pixels.clip(0, 1) * (STEPS - 1)).astype(np.intp))
        top = int(np.iinfo(pixels.dtype).max)
        table = np.rint(encoded[:: (STEPS - 1) // top] * np.float32(top)).astype(pixels.dtype)
        return self._look_up(table, pixels)

    @staticmethod
    def _look_up(table: Float, places: NDArray[Any]) -> Float:
        if table.shape[1] == 1:
            return table[:, 0][places]  # type: ignore[no-any-return]
        return np.stack([table[:, channel][places[..., channel]] for channel in range(3)], axis=-1)


def make_curve(light: Float) -> ToneCurve | None:
    """A curve from the light of STEPS encoded values, STEPSxC; None if it is sRGB's own, or no rising curve at all."""
    if not np.isfinite(light).all() or light.min() < -ALIKE or (light[-1] < 0.5).any():
        return None
    light = np.maximum.accumulate((light / light[-1]).clip(0, 1), axis=0).astype(np.float32)
    x = np.linspace(0, 1, STEPS, dtype=np.float32)
    if np.abs(light - srgb_to_linear(x)[:, None]).max() < ALIKE:
        return None
    if light.shape[1] > 1 and np.abs(light - light[:, :1]).max() < 1e-5:
        light = light[:, :1]
    wanted = (np.arange(ENCODE_STEPS + 1) / ENCODE_STEPS) ** 2
    encoded = [np.interp(wanted, column, x) for column in light.T]
    return TableCurve(light, np.stack(encoded, axis=1).astype(np.float32))


def gamma_curve(gamma: float) -> ToneCurve | None:
    """light = value ** gamma; None if that is no sensible gamma."""
    if not 0.2 <= gamma <= 5:
        return None
    return make_curve((np.linspace(0, 1, STEPS) ** gamma)[:, None])


def profile_curve(icc: bytes) -> ToneCurve | None:
    """The curve of an RGB or grey profile.

    From its curves where it has them, else measured along its greys by LittleCMS.

    Returns None for sRGB's own curve, for no profile, and for one that is damaged or of another kind of device.
    """
    try:
        tags = _tags(icc)
        names = (b"kTRC",) if icc[16:20] == b"GRAY" else (b"rTRC", b"gTRC", b"bTRC")
        if icc[16:20] not in (b"GRAY", b"RGB "):
            return None
        if all(name in tags for name in names):
            return make_curve(np.stack([_curve(tags[name]) for name in names], axis=1))
        return make_curve(_measured(icc)) if b"A2B0" in tags else None
    except (struct.error, ValueError, IndexError, ImageCms.PyCMSError, OSError):
        return None


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    found = {}
    for index in range(min(count, 200)):
        name, start, length = struct.unpack_from(">4sII", icc, 132 + 12 * index)
        found[name] = icc[start : start + length]
    return found


def _curve(tag: bytes) -> Float:
    """Light of STEPS values; ValueError if the tag is no curve."""
    x = np.linspace(0, 1, STEPS)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return x
        if count == 1:
            (gamma,) = struct.unpack_from(">H", tag, 12)
            return np.asarray(x ** (gamma / 256))
        values = np.frombuffer(tag, ">u2", count, 12) / 65535
        return np.interp(x, np.linspace(0, 1, count), values)
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        if kind not in _PARAMETERS:
            raise ValueError("no such curve")
        values = np.frombuffer(tag, ">i4", _PARAMETERS[kind], 12) / 65536
        return _parametric(kind, values.tolist(), x)
    raise ValueError("not a curve")


def _parametric(kind: int, values: list[float], x: Float) -> Float:
    """Table 68 of ICC.1:2022."""
    letters: dict[int, Callable[[list[float]], Sequence[float]]] = {
        0: lambda v: (v[0], 1, 0, 0, -1, 0, 0),
        1: lambda v: (*v[:3], 0, _ratio(v), 0, 0),
        2: lambda v: (*v[:3], 0, _ratio(v), v[3], v[3]),
        3: lambda v: (*v, 0, 0),
        4: lambda v: v,
    }
    g, a, b, c, d, e, f = letters[kind](values)
    return np.asarray(np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f))


def _ratio(values: list[float]) -> float:
    if values[1] == 0:
        raise ValueError("a curve without a slope")
    return -values[2] / values[1]


def _measured(icc: bytes) -> Float:
    """Light along a profile's greys, relative to white: LittleCMS to sRGB in 8 bits, smoothed."""
    ramp = np.arange(256, dtype=np.uint8)
    grey = icc[16:20] == b"GRAY"
    image = Image.fromarray(ramp[None] if grey else np.repeat(ramp[None, :, None], 3, axis=2))
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    seen = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    if seen is None:
        raise ValueError("not converted")
    values = np.asarray(seen)[0, :, 1].astype(np.float64)
    smooth = np.convolve(np.pad(values, 4, mode="edge"), np.hanning(11)[1:-1] / np.hanning(11).sum(), mode="valid")
    smooth[[0, -1]] = values[[0, -1]]
    fine = np.interp(np.linspace(0, 255, STEPS), ramp, smooth / 255)
    return srgb_to_linear(fine.astype(np.float32))[:, None]


def limit(light: Float, curve: ToneCurve | None) -> Float:
    """What a lens has mixed, clipped between black and white as a sensor does; true light as it is."""
    return light if curve is not None and curve.true_light else light.clip(0.0, 1.0)


def to_light(pixels: NDArray[Any], curve: "ToneCurve | None" = None) -> Float:
    """Linear light in [0, 1] of uint8, uint16 (by table) or float32 in [0, 1].

    Of any shape if sRGB-encoded, HxWx3 if encoded by a curve of its own.
    """
    if curve is not None:
        return curve.decode(pixels)
    if pixels.dtype == np.float32:
        return srgb_to_linear(pixels)
    steps = int(np.iinfo(pixels.dtype).max)
    if steps not in _DECODE:
        _DECODE[steps] = srgb_to_linear(np.arange(steps + 1, dtype=np.float32) / np.float32(steps))
    if pixels.dtype == np.uint8 and pixels.size:  # In a quarter of the time.
        return np.asarray(cv2.LUT(pixels, _DECODE[steps])).reshape(pixels.shape)
    return np.asarray(_DECODE[steps][pixels])


def to_pixels(light: Float, dtype: Any, curve: "ToneCurve | None" = None) -> NDArray[Any]:
    """Linear light as encoded uint8, uint16 (by table, clipped and rounded) or float32; shapes as of `to_light`."""
    if curve is not None:
        encoded = curve.encode(light)
        return encoded if dtype == np.float32 else np.rint(encoded * np.float32(np.iinfo(dtype).max)).astype(dtype)
    if dtype == np.float32:
        return linear_to_srgb(light)
    steps = np.sqrt(light.clip(0, 1))
    steps *= np.float32(ENCODE_STEPS)
    return np.asarray(_STORED[np.dtype(dtype)].take(np.rint(steps, out=steps).astype(np.uint16)))
