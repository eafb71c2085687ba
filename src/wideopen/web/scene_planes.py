"""A scene as bytes that a browser draws a preview from, in the format that docs/serve.md gives under `/scene`."""

import io
import json
import zlib
from typing import Any

import numpy as np
from PIL import Image

from wideopen._types import Float
from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.lens.foreground_removal import remove_foreground
from wideopen.lens.highlights import find_surroundings, lamp_certainty, lamp_weight
from wideopen.render.scene_rendering import on_canvas
from wideopen.scene.scene import Scene

MEDIA_TYPE = "application/vnd.wideopen.scene"
JPEG_QUALITY = 95


def planes_of_scene(scene: Scene) -> dict[str, Float]:
    """The planes of a scene with a matte: `photo` and `behind`, what is drawn around a blurred subject, HxWx3
    sRGB-encoded; `matte`, HxW in [0, 1]; `disparity`, HxW relative to the subject's."""
    assert scene.matte is not None
    canvas, matte, relative = on_canvas(scene)
    behind = linear_to_srgb(remove_foreground(srgb_to_linear(canvas), matte, scene.matte.exact).clip(0.0, 1.0))
    solid = (matte / np.float32(scene.matte.sure)).clip(0.0, 1.0)
    return {"photo": canvas, "behind": behind, "matte": solid, "disparity": relative}


def pack(planes: dict[str, Float], **header: Any) -> bytes:
    """Planes and what else there is to know as bytes; lamps are found in `photo`."""
    linear = srgb_to_linear(planes["photo"])
    planes = {**planes, "lamps": lamp_weight(linear, find_surroundings(linear))}
    bodies = [(name, *_encoded(name, plane)) for name, plane in planes.items()]
    listed, start = [], 0
    for name, kind, body in bodies:
        height, width = planes[name].shape[:2]
        listed.append({"name": name, "type": kind, "width": width, "height": height, "at": start, "bytes": len(body)})
        start += len(body)
    text = json.dumps({**header, "lamps": lamp_certainty(linear), "planes": listed}).encode()
    return b"".join([len(text).to_bytes(4, "little"), text, *(body for _, _, body in bodies)])


def _encoded(name: str, plane: Float) -> tuple[str, bytes]:
    if plane.ndim == 3:
        buffer = io.BytesIO()
        eight = np.rint(plane.clip(0.0, 1.0) * 255).astype(np.uint8)
        Image.fromarray(eight).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
        return "jpeg", buffer.getvalue()
    if name == "disparity":
        return "half", zlib.compress(np.ascontiguousarray(plane, "<f2").tobytes(), 1)
    return "grey", zlib.compress(np.rint(plane.clip(0.0, 1.0) * 255).astype(np.uint8).tobytes(), 1)
