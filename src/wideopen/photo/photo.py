"""One photo as data: its pixels, and what belongs to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from wideopen._types import Pixels
from wideopen.image.tone_curve import ToneCurve, gamma_curve, profile_curve
from wideopen.image.true_light import CURVES, LINEAR

if TYPE_CHECKING:
    from wideopen.gain.gain_map import GainMap
    from wideopen.photo.depth_map import DepthMap

_NEEDED = ("chromaticities", "dataWindow", "displayWindow", "pixelAspectRatio", "screenWindowCenter")


@dataclass(frozen=True, eq=False, kw_only=True)
class Belongings:
    """All that belongs to a photo but its pixels, as a picture file holds it."""

    exif: bytes = b""
    """TIFF-structured blob with orientation 1 and no thumbnail."""
    thumbnail: bool = False
    """The file had one; a JPEG gets one of the new picture."""
    icc: bytes = b""
    hdr: tuple[int, int] | None = None
    """Primaries and transfer (16 is PQ, 18 is HLG) of an HDR photo, by the numbers of Rec. ITU-T H.273."""
    gamma: float | None = None
    """light = value ** gamma, of a PNG that says so, or a JPEG whose EXIF says that it is Adobe RGB."""
    chunks: bytes = b""
    """A PNG's chunks that say what its values mean, other than a profile."""
    xmp: bytes = b""
    xmp_more: bytes = b""
    """A JPEG's second packet, which extends the first."""
    resources: bytes = b""
    """Photoshop's image resources; IPTC captions are one."""
    comment: bytes = b""
    """A JPEG's or GIF's."""
    text: tuple[tuple[str, str], ...] = ()
    """A PNG's texts by key."""
    dpi: tuple[float, float] | None = None
    tables: tuple[tuple[int, ...], ...] | None = None
    """A JPEG's quantisation tables: its quality, exactly."""
    subsampling: int | None = None
    """Of the chroma: 0 is 4:4:4, 1 is 4:2:2, 2 is 4:2:0."""
    progressive: bool = False
    """A JPEG was."""
    lossless: bool = False
    """A WebP was."""
    film: bytes = b""
    """A motion photo's, an MP4 file; JPEG and HEIF have a place for it."""
    film_us: int = -1
    """When in the film the photo was taken, in microseconds; -1 if that is not known."""
    thermal: tuple[bytes, ...] = ()
    """A JPEG's segments of FLIR's thermal data, which only its own programs read."""
    gain: "GainMap | None" = None
    """The gain map of an HDR photo; JPEG alone has a place for it."""
    notices: tuple[str, ...] = ()
    """What a person should know about how the file was read, each to follow its name."""


@dataclass(frozen=True, eq=False)
class Photo(Belongings):
    """One photo and what belongs to it, upright."""

    pixels: Pixels
    """HxWx3 RGB: uint8 or uint16, encoded as the profile says (sRGB if there is none); or float32, linear light of any
    size, of which 1 is white."""
    alpha: Pixels | None = None
    """HxW, of the pixels' type; not premultiplied."""
    grey: bool = False
    """The file had one channel; it is written so again."""
    format: str = "PNG"
    """One of `FORMATS`, or GIF, BMP or RAW, which are only read."""
    half: bool = False
    """Light was stored in 16 bits."""
    header: Mapping[str, Any] = field(default_factory=dict)
    """What an EXR says of colours, windows and camera."""
    depth: "DepthMap | None" = None
    """The map that the photo carries, if it is to be kept; JPEG alone has a place for it."""

    @property
    def curve(self) -> ToneCurve | None:
        """How pixels stand for light, by the profile; None for sRGB's curve."""
        if self.pixels.dtype == np.float32:
            return LINEAR
        if self.hdr is not None:
            return CURVES[self.hdr[1]]
        if self.icc:
            return profile_curve(self.icc)
        return None if self.gamma is None else gamma_curve(self.gamma)

    def stripped(self) -> "Photo":
        """The same photo without EXIF, GPS, XMP, captions, comments, thumbnail, film, thermal data and depth; what
        colours mean stays."""
        bare = replace(self, exif=b"", xmp=b"", xmp_more=b"", resources=b"", comment=b"", text=())
        header = {key: value for key, value in self.header.items() if key in _NEEDED}
        gain = None if self.gain is None else replace(self.gain, kinds=frozenset(), segments=())
        return replace(bare, gain=gain, thumbnail=False, depth=None, header=header, film=b"", thermal=())

    def with_pixels(self, pixels: Pixels) -> "Photo":
        """The same photo with other pixels of the same size and type, without its gain map, which fits only its own."""
        if pixels.shape != self.pixels.shape or pixels.dtype != self.pixels.dtype:
            raise ValueError(
                f"pixels must stay {self.pixels.shape} {self.pixels.dtype}, not {pixels.shape} {pixels.dtype}"
            )
        return replace(self, pixels=pixels, gain=None)
