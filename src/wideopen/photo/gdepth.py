"""A depth map written into a JPEG as Google's GDepth (https://developers.google.com/depthmap-metadata).

The one form that `photo/embedded_depth.py` and other programs read wherever the map came from: an XMP property says
what its values mean, a second packet holds a 16-bit PNG.
"""

import base64
from typing import TYPE_CHECKING

import cv2
import numpy as np

from wideopen.photo import xmp

if TYPE_CHECKING:
    from wideopen.photo.depth_map import DepthMap

NAMESPACE = "http://ns.google.com/photos/1.0/depthmap/"
_NOTE = "http://ns.adobe.com/xmp/note/"
_FARTHEST = 1e-4
"""Infinity, which GDepth cannot say, as a share of the largest disparity."""


def depth_packets(depth: "DepthMap", packet: bytes, extension: bytes) -> tuple[bytes, bytes]:
    """An XMP packet and its extension (either may be empty) with the map added.

    Raises ValueError: the map is constant, or OpenCV cannot write it.
    """
    disparity = depth.disparity.astype(np.float64)
    near = float(disparity.max())
    far = max(float(disparity.min()), near * _FARTHEST)
    if not 0 < far < near < np.inf:
        raise ValueError("a depth map of one value")
    # RangeInverse: 0 stands for what is nearest, and values are spread evenly over 1 / distance.
    shares = (near - disparity.clip(far, near)) / (near - far)
    done, coded = cv2.imencode(".png", np.rint(shares * 65535).astype(np.uint16))
    if not done:
        raise ValueError("OpenCV could not encode the depth map")
    picture = base64.b64encode(coded.tobytes()).decode()
    said = {"Format": "RangeInverse", "Near": f"{1 / near:.9g}", "Far": f"{1 / far:.9g}", "Mime": "image/png"}
    if depth.metric:
        said["Units"] = "m"
    return xmp.with_properties(packet, "GDepth", NAMESPACE, said), xmp.with_properties(
        extension, "GDepth", NAMESPACE, {"Data": picture}
    )


def linked(packet: bytes, extension: bytes) -> bytes:
    """The packet, naming the one that extends it."""
    guid = xmp.extension_guid(extension)
    return xmp.with_properties(packet, "xmpNote", _NOTE, {"HasExtendedXMP": guid})
