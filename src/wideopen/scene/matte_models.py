"""Networks that say what the subject is, as people have them: ONNX files, and the sessions of rembg.

| kind | input | output |
|---|---|---|
| IS-Net | 1x3xSxS, (RGB - 128) / 256 | opacity |
| BiRefNet | 1x3xSxS, ImageNet's mean and deviation | logits: a sigmoid away from opacity |
| U2-Net | 1x3x320x320, RGB over its maximum, ImageNet's mean and deviation | opacity |

S is any fixed side; where a side is free, it is 1024. The first output of one channel counts: IS-Net and U2-Net give
coarser mattes after it. A side of 320 is U2-Net's; an input called `input_image` or `pixel_values`, as exports of
BiRefNet have it, is BiRefNet's; and so is what gives values outside of [0, 1], which the last layer of the others, a
sigmoid, cannot. The photo is stretched to the square, as it was in training, and so is the matte back.
"""

from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np

from wideopen._types import Float, Pixels
from wideopen.errors import ModelError, one_line
from wideopen.image.resize import resize

Kind = Literal["isnet", "birefnet", "u2net"]
FREE_SIDE, U2NET_SIDE = 1024, 320
ROUNDING = 1e-3
"""How far 16-bit weights may take a sigmoid out of [0, 1]."""
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
SENDS_AWAY = ("withoutbg", "atlascloud")
"""Sessions of rembg that are a service: they send the photo to another machine. Names may follow after a hyphen."""


class MatteModel:
    """An ONNX file that gives mattes.

    Raises ModelError: no such file, damaged, or none of the kinds above.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        from wideopen.scene.runtimes import OnnxGraph

        self.path, self._graph = path, OnnxGraph(path, threads)
        self.kind, self.side, self._output = self._told()

    def matte(self, pixels: Float) -> Float:
        """Opacity of the subject, SxS float32 in [0, 1], for the whole of a photo whatever its shape.

        `pixels`: HxWx3 float32, sRGB-encoded, [0, 1].
        """
        shown = resize(pixels, self.side, self.side)
        values = self._run(shown)
        if self.kind == "isnet" and (values.min() < -ROUNDING or values.max() > 1 + ROUNDING):
            self.kind = "birefnet"
            values = self._run(shown)
        if self.kind == "birefnet":
            values = 1 / (1 + np.exp(-values.clip(-30, 30)))
        return values.clip(0, 1).astype(np.float32)

    def _run(self, shown: Float) -> Float:
        if self.kind == "isnet":
            prepared = (shown * np.float32(255) - 128) / 256
        else:
            white = max(float(shown.max()), 1e-6) if self.kind == "u2net" else 1.0
            prepared = (shown / np.float32(white) - MEAN) / DEVIATION
        batch = np.ascontiguousarray(prepared.transpose(2, 0, 1)[None], np.float32)
        found = self._graph.run_on_photo(self._output, batch)
        if found.size != self.side**2 or not np.isfinite(found).all():
            raise ModelError(f"{self.path}: gives {found.shape} or no numbers, not a matte of its input's size")
        return found.reshape(self.side, self.side)

    def _told(self) -> tuple[Kind, int, str]:
        """Kind, side and output, by what the file says of its input and outputs."""
        inputs, outputs = self._graph.inputs, self._graph.outputs
        foreign = f"{self.path}: not a model that gives mattes (IS-Net, BiRefNet or U2-Net)"
        if "wideopen" in self._graph.metadata:
            raise ModelError(f"{foreign}; it is one of this package's, which --model takes")
        self._graph.check_takes_a_picture(foreign)
        sides = {side for axis in (2, 3) if (side := inputs[0].side(axis)) is not None}
        if len(sides) > 1:
            raise ModelError(f"{foreign}: it takes {inputs[0].shape}, which is no square")
        side = sides.pop() if sides else FREE_SIDE
        planes = [item for item in outputs if len(item.shape) == 4 and item.side(1) in (None, 1)]
        if not planes:
            given = ", ".join(f"{item.name} {item.shape}" for item in outputs)
            raise ModelError(f"{foreign}: it gives {given}, none of which is 1x1xHxW")
        return _kind(inputs[0].name, side), side, planes[0].name


def _kind(input: str, side: int) -> Kind:
    if side == U2NET_SIDE:
        return "u2net"
    return "birefnet" if input in ("input_image", "pixel_values") else "isnet"


class RembgSession:
    """A session of rembg (extra `rembg`), run on this machine.

    Raises:
        ModelError: rembg knows no such session, cannot have its weights, or it would send the photo away.
        ModuleNotFoundError: the extra is not installed.
    """

    def __init__(self, name: str) -> None:
        if name.lower().startswith(SENDS_AWAY):
            raise ModelError(f"rembg:{name}: sends the photo to another machine; choose a session that runs here")
        from rembg import new_session  # type: ignore[import-not-found, unused-ignore]

        self.name = name
        try:
            self._session = new_session(name)
        except Exception as error:  # Of rembg, of the download, of ONNX Runtime: there is no common kind.
            raise ModelError(f"rembg:{name}: cannot be had ({one_line(error)}); choose another session") from error
        self._alone = Lock()

    def matte(self, pixels: Float) -> Float:
        """Opacity of the subject, hxw float32 in [0, 1], for HxWx3 float32, sRGB-encoded, [0, 1]."""
        from PIL import Image

        shown = Image.fromarray(np.rint(pixels * np.float32(255)).astype(np.uint8))
        try:
            with self._alone:
                found = self._session.predict(shown)
        except Exception as error:
            raise ModelError(
                f"rembg:{self.name}: cannot be run on a photo ({one_line(error)}); choose another"
            ) from error
        planes = [np.asarray(picture.convert("L"), np.float32) / np.float32(255) for picture in found]
        if not planes:
            return np.zeros(pixels.shape[:2], np.float32)
        joined: Float = np.max(planes, axis=0)  # Some sessions give one for each person.
        return joined


def shown_to_models(pixels: Pixels, srgb: Any) -> Float:
    """A photo as such models are shown it: sRGB-encoded float32 in [0, 1], of a long side of at most 2048 px."""
    from wideopen.scene.network_scene import small

    return small(pixels, min(2 * FREE_SIDE, max(pixels.shape[:2])), srgb)
