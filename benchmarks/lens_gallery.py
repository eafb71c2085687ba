"""The pictures of docs/lens.md: one photo at three apertures, three points and two ranges of focus, another
through five shapes and with axial colour.

    python benchmarks/lens_gallery.py [-o docs]

Every picture is what the command line of the page makes, scaled down. The last line is JSON: seconds for each render.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from wideopen import Renderer, RenderOptions
from wideopen.image.color import linear_to_srgb
from wideopen.lens.apertures import Aperture
from wideopen.lens.defocus import convolve
from wideopen.photo.depth import load_depth
from wideopen.photo.files import load, save
from wideopen.photo.photo import Photo
from wideopen.scene.depth_view import depth_picture
from wideopen.scene.focus import find_focus

ROOT = Path(__file__).parents[1]
PATH, WHALE = ROOT / "examples" / "path.jpg", ROOT / "examples" / "whale.jpg"
APERTURES = {f"f/{number}": {"aperture": number, "focus": "0.45,0.5"} for number in (1.4, 2.8, 8.0)}
FOCUS = {place: {"aperture": 1.4, "focus": place} for place in ("0.45,0.5", "0.7,0.2", "0.2,0.12")}
RANGES = {place: {"aperture": 1.4, "focus": place} for place in ("0.45,0.5", "0.45,0.5@f/8", "0.45,0.5:0.7,0.2")}
TILTS: dict[str, dict[str, Any]] = {
    f"tilt {tilt}": {"aperture": 2.0, "focus": "0.5,0.5", "tilt": tilt} for tilt in (0.0, -8.0)
}
AXIAL: dict[str, dict[str, Any]] = {f"axial {axial}": {"axial": axial} for axial in (-0.3, 0.0, 0.3)}
SHAPES: dict[str, dict[str, Any]] = {
    "disc": {},
    "6 blades": {"blades": 6, "rotate": 15.0},
    "ring": {"ring": 0.55},
    "squeeze 2": {"squeeze": 2.0},
    "vignette 0.5": {"vignette": 0.5},
}
CROP = (slice(0, 400), slice(0, 300))
"""Where the whale's photo has lamps, rows and columns."""


def render(path: Path, values: dict[str, Any], seconds: dict[str, float], name: str) -> np.ndarray:
    depth = load_depth(path.with_name(f"{path.stem}-depth.png"))
    started = time.perf_counter()
    found = Renderer(RenderOptions(**values)).render(load(path).pixels, depth)
    seconds[f"{path.stem}, {name}"] = round(time.perf_counter() - started, 2)
    return found


def label(picture: np.ndarray, text: str) -> np.ndarray:
    """The picture with its name below."""
    board = cv2.copyMakeBorder(picture, 0, 34, 0, 8, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    cv2.putText(board, text, (4, board.shape[0] - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.65, (0, 0, 0), 1, cv2.LINE_AA)
    return board


def scale(picture: np.ndarray, width: int) -> np.ndarray:
    return cv2.resize(
        picture, (width, round(picture.shape[0] * width / picture.shape[1])), interpolation=cv2.INTER_AREA
    )


def board(pictures: dict[str, np.ndarray], output: Path) -> None:
    row = np.hstack([label(picture, name) for name, picture in pictures.items()])
    save(Photo(np.ascontiguousarray(row)), output, quality=85, overwrite=True)


def rims() -> np.ndarray:
    """Discs of a point with a soft rim to a bright one, behind the focus and in front of it, of five round blades."""
    point = np.zeros((96, 96, 1), np.float32)
    point[48, 48] = 1.0
    shapes = [Aperture(blades=5, roundness=0.4, rim=rim) for rim in (-1.0, -0.5, 0.0, 0.5, 1.0)]
    rows = [np.hstack([convolve(point, 40.0, shape, behind)[..., 0] for shape in shapes]) for behind in (True, False)]
    light = np.vstack(rows)
    return np.repeat((linear_to_srgb(light / light.max()) * 255).round().astype(np.uint8)[..., None], 3, axis=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "docs")
    folder, seconds = parser.parse_args().output, {}
    photo, disparity = load(PATH).pixels, load_depth(PATH.with_name("path-depth.png")).disparity
    shown = depth_picture(disparity, np.abs(disparity - find_focus(disparity, "0.45,0.5", photo.shape[:2])) <= 0.02)
    board({"photo": scale(photo, 512), "--show-depth": scale(shown, 512)}, folder / "lens-depth.jpg")
    rows = (APERTURES, "lens-aperture.jpg"), (FOCUS, "lens-focus.jpg"), (RANGES, "lens-range.jpg")
    for cases, name in rows:
        board({case: scale(render(PATH, values, seconds, case), 512) for case, values in cases.items()}, folder / name)
    for cases, name in ((SHAPES, "lens-shapes.jpg"), (AXIAL, "lens-axial.jpg")):
        lamps = {
            case: render(WHALE, {"aperture": 1.4, "focus": "0.35,0.5", **values}, seconds, case)[CROP]
            for case, values in cases.items()
        }
        board(lamps, folder / name)
    save(Photo(rims()), folder / "lens-rim.png", overwrite=True)
    tilts = {case: scale(render(PATH, values, seconds, case), 400) for case, values in TILTS.items()}
    board(tilts, folder / "lens-tilt.jpg")
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
