"""Photos beside what the shipped model makes of them, as one picture.

    python benchmarks/gallery.py -o docs/examples.jpg examples/*.jpg [--model FILE] [--height 420]

Each row is photo | rendered. The last line is JSON: the seconds that each photo took.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np

from wideopen import Renderer, RenderOptions
from wideopen.pairs import load_image
from wideopen.photo import Photo, save

GAP = 6


def row(photo: np.ndarray, bokeh: np.ndarray, height: int) -> np.ndarray:
    """Photo and result side by side at one height, a white gap between them."""
    width = round(photo.shape[1] * height / photo.shape[0])
    pair = [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in (photo, bokeh)]
    return np.hstack([pair[0], np.full((height, GAP, 3), 255, np.uint8), pair[1]])


def spaced(item: np.ndarray) -> np.ndarray:
    """A row with white to its right and below."""
    return cv2.copyMakeBorder(item, 0, GAP, 0, GAP, 0, value=(255,) * 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--height", type=int, default=420)
    parser.add_argument("--columns", type=int, default=2, help="photos a row")
    options = parser.parse_args()
    renderer = Renderer(RenderOptions(model=options.model))
    seconds, rows = {}, []
    for path in options.photos:
        photo = load_image(path)
        started = time.perf_counter()
        bokeh = renderer.render(photo)
        seconds[path.name] = round(time.perf_counter() - started, 2)
        rows.append(row(photo, bokeh, options.height))
    columns = options.columns
    lines = [np.hstack([spaced(item) for item in rows[i : i + columns]]) for i in range(0, len(rows), columns)]
    widest = max(line.shape[1] for line in lines)
    lines = [cv2.copyMakeBorder(line, 0, 0, 0, widest - line.shape[1], 0, value=(255,) * 3) for line in lines]
    save(Photo(np.ascontiguousarray(np.vstack(lines))), options.output, quality=86, overwrite=True)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
