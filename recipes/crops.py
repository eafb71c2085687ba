"""Cut crops of photos, and have the network that made the photos' mattes say what the subject of each crop is.

A network learns from a thousand photos what the subject of *those* is. A crop has a subject of its own, often another
one, or less of it, so it teaches nearly as much as another photo.

NETWORK is IS-Net as an ONNX file that takes [1, 3, 1024, 1024], (RGB - 128) / 256, or the folder `package/dist` of the
npm package @imgly/background-removal-data 1.4.5, which holds it in pieces (`npm pack` fetches it; the package is
AGPL-3.0, the network, of github.com/xuebinqin/DIS, MIT by the package's own notice).

Crop k of SET/NAME is called SET/NAME~k and depends on its name alone. What is there is kept.

    python recipes/crops.py PHOTOS LIST NETWORK FOLDER --per-photo 2
"""

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from wideopen.atomic_write import write_output
from wideopen.pairs.pairs import load_image

Picture = NDArray[np.uint8]
SIDES = 0.4, 0.85
"""Of a crop, as shares of the photo's."""
SHAPES = 0.8, 1.25
"""Its height over its width, in units of the photo's."""
SHOWN, LONG_SIDE = 1024, 512
"""Side in px of what the network is shown, and the long side of the mattes that are kept."""


def read_network(path: Path) -> bytes:
    """An ONNX file, or the pieces of one joined."""
    if path.is_file():
        return path.read_bytes()
    pieces = json.loads((path / "resources.json").read_text(encoding="utf-8"))["/models/medium"]["chunks"]
    return b"".join((path / piece["hash"]).read_bytes() for piece in pieces)


def cut(photo: Picture, name: str, number: int) -> Picture:
    """One crop of a photo."""
    draw = random.Random(f"{name} {number}")
    height, width = photo.shape[:2]
    side, shape = draw.uniform(*SIDES), draw.uniform(*SHAPES)
    rows, columns = min(height, int(height * side * shape**0.5)), min(width, int(width * side / shape**0.5))
    top, left = draw.randint(0, height - rows), draw.randint(0, width - columns)
    return np.ascontiguousarray(photo[top : top + rows, left : left + columns])


def matting(network: bytes) -> Callable[[Picture], Picture]:
    """Photo HxWx3 -> its subject's opacity, hxw, white is the subject."""
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def find(photo: Picture) -> Picture:
        shown = cv2.resize(photo, (SHOWN, SHOWN), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        given = np.ascontiguousarray(((shown - 128) / 256).transpose(2, 0, 1)[None])
        matte = np.asarray(session.run(None, {name: given})[0], np.float32).squeeze()
        scale = min(1.0, LONG_SIDE / max(photo.shape[:2]))
        size = round(photo.shape[1] * scale), round(photo.shape[0] * scale)
        small = cv2.resize(matte, size, interpolation=cv2.INTER_AREA)
        return (small.clip(0, 1) * 255).round().astype(np.uint8)

    return find


def write(path: Path, picture: Picture, *settings: int) -> None:
    """A picture, RGB or grey, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = picture if picture.ndim == 2 else picture[..., ::-1]
    write_output(path, cv2.imencode(path.suffix, shown, settings)[1].tobytes(), overwrite=True)


def main() -> None:
    """Cut and label."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, help="folder of SET/NAME.jpg")
    parser.add_argument("list", type=Path, help="SET/NAME of each photo to cut, one a line")
    parser.add_argument("network", type=Path, help="the matting network")
    parser.add_argument("folder", type=Path, help="where photos/ and mattes/ are written")
    parser.add_argument("--per-photo", type=int, default=1, help="crops of each photo")
    arguments = parser.parse_args()
    find = matting(read_network(arguments.network))
    names = arguments.list.read_text(encoding="utf-8").split()
    for number in range(arguments.per_photo):
        for name in names:
            matte = arguments.folder / "mattes" / f"{name}~{number}.png"
            if matte.exists():
                continue
            crop = cut(load_image(arguments.photos / f"{name}.jpg"), name, number)
            write(arguments.folder / "photos" / f"{name}~{number}.jpg", crop, cv2.IMWRITE_JPEG_QUALITY, 95)
            write(matte, find(crop))


if __name__ == "__main__":
    main()
