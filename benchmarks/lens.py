"""The lens on a photo with a depth map: seconds and memory over pixels and blur.

    python benchmarks/lens.py [--photo PHOTO] [--rounds 1]

Renders one photo at 3, 6, 12 and 24 megapixels with a largest blur radius of 64 px, and at 12 megapixels with 16, 32,
64 and 128 px: from pixels and a map of an eighth of their side (a ground, things standing on it at four depths) to
pixels, edges lifted and grain put back. Each measurement is a process of its own, so that its peak memory is its own.
Prints a table, and the figures as JSON on the last line: `pixel_power` and `radius_power` are the exponents that time
grows with (1 is linear), fitted in log-log.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from wideopen.image.grain import measure_grain
from wideopen.image.guided_upsampling import Lifted
from wideopen.lens.depth_lens import render_depth
from wideopen.lens.lens_settings import LensSettings
from wideopen.photo.files import load

ROOT = Path(__file__).parents[1]
FOCUS = 0.8
SIZES = {3: (1500, 2000), 6: (2120, 2828), 12: (3000, 4000), 24: (4240, 5656)}
CASES = [(3, 64), (6, 64), (12, 64), (24, 64), (12, 16), (12, 32), (12, 128)]


def draw_map(height: int, width: int) -> np.ndarray:
    """Disparity of a ground that recedes, with discs standing on it."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    found = np.clip((y / height - 0.35) * 1.2, 0, 1)
    for column, row, radius, disparity in (
        (0.5, 0.53, 0.24, 0.8),
        (0.24, 0.64, 0.13, 0.55),
        (0.8, 0.4, 0.1, 0.3),
        (0.86, 0.88, 0.16, 1.0),
    ):
        found = np.where(np.hypot(x - column * width, y - row * height) < radius * height, disparity, found)
    return found.astype(np.float32)


def measure(photo: Path, megapixels: int, radius: float) -> dict[str, float]:
    height, width = SIZES[megapixels]
    pixels = cv2.resize(load(photo).pixels, (width, height), interpolation=cv2.INTER_CUBIC)
    disparity = draw_map(height // 8, width // 8)
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, worked = time.perf_counter(), time.process_time()
    grain = measure_grain(pixels)
    lens = LensSettings(radius / FOCUS / min(height, width), FOCUS)
    render_depth(pixels, disparity, Lifted(disparity, pixels).at, lens, grain)
    return {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - worked,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "idle_mib": idle / 1024,
    }


def power(x: list[float], y: list[float]) -> float:
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, default=ROOT / "examples" / "cairn.jpg")
    parser.add_argument("--rounds", type=int, default=1, help="the fastest of so many counts")
    parser.add_argument("--case", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.photo, *options.case)))
        return
    found: dict[tuple[int, int], dict[str, float]] = {}
    for _ in range(options.rounds):
        for case in CASES:
            command = [sys.executable, __file__, "--photo", str(options.photo), "--case", *map(str, case)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            new = json.loads(done.stdout.splitlines()[-1])
            found[case] = min(found.get(case, new), new, key=lambda figures: figures["seconds"])
    table = Table(
        "megapixels", "largest radius px", "seconds", "CPU seconds", "peak MiB", title="lens on photo and depth"
    )
    for case, figures in found.items():
        table.add_row(*map(str, case), *(f"{figures[key]:.1f}" for key in ("seconds", "cpu_seconds", "peak_mib")))
    Console().print(table)
    pixels, radii = ([case for case in CASES if case[side] == value] for side, value in ((1, 64), (0, 12)))
    report = {
        "cases": [
            {"megapixels": case[0], "radius_px": case[1], **{key: round(value, 2) for key, value in figures.items()}}
            for case, figures in found.items()
        ],
        "pixel_power": round(power([c[0] for c in pixels], [found[c]["cpu_seconds"] for c in pixels]), 3),
        "radius_power": round(power([c[1] for c in radii], [found[c]["cpu_seconds"] for c in radii]), 3),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
