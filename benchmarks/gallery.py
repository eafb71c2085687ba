"""Photos beside what the shipped model makes of them, as one picture.

    python benchmarks/gallery.py -o docs/examples.jpg examples/*.jpg [--model FILE] [--height 420] [--look 1.4 1.4@far]

Each row is the photo and one picture for each look: an f-number and, after @, what is in focus. The last line is JSON:
the seconds that each photo took.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np

from wideopen import Renderer, RenderOptions
from wideopen.option_texts import parse_aperture
from wideopen.pairs.pairs import load_image
from wideopen.photo.files import save
from wideopen.photo.photo import Photo

GAP = 6


def row(photos: list[np.ndarray], height: int) -> np.ndarray:
    """Photo and results side by side at one height, white gaps between them."""
    width = round(photos[0].shape[1] * height / photos[0].shape[0])
    gap = np.full((height, GAP, 3), 255, np.uint8)
    parts = [cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in photos]
    return np.hstack([parts[0], *(item for part in parts[1:] for item in (gap, part))])


def look_of(text: str | None, model: Path | None) -> RenderOptions:
    """`1.4`, `2.8@far` or `1.4@0.3,0.5` as options; the model's own look if None."""
    if text is None:
        return RenderOptions(model=model)
    number, _, focus = text.partition("@")
    return RenderOptions(model=model, aperture=parse_aperture(number), focus=focus or "auto")


def spaced(item: np.ndarray) -> np.ndarray:
    """A row with white to its right and below."""
    return cv2.copyMakeBorder(item, 0, GAP, 0, GAP, 0, value=(255,) * 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--look", nargs="+", help="F-NUMBER or F-NUMBER@FOCUS, one picture each")
    parser.add_argument("--height", type=int, default=420)
    parser.add_argument("--columns", type=int, default=2, help="photos a row")
    options = parser.parse_args()
    renderers = [Renderer(look_of(text, options.model)) for text in options.look or [None]]
    seconds, rows = {}, []
    for path in options.photos:
        photo = load_image(path)
        started = time.perf_counter()
        made = [renderer.render(photo) for renderer in renderers]
        seconds[path.name] = round(time.perf_counter() - started, 2)
        rows.append(row([photo, *made], options.height))
    columns = options.columns
    lines = [np.hstack([spaced(item) for item in rows[i : i + columns]]) for i in range(0, len(rows), columns)]
    widest = max(line.shape[1] for line in lines)
    lines = [cv2.copyMakeBorder(line, 0, 0, 0, widest - line.shape[1], 0, value=(255,) * 3) for line in lines]
    save(Photo(np.ascontiguousarray(np.vstack(lines))), options.output, quality=86, overwrite=True)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
