"""Photos per minute: one call for all against a shell loop that calls once for each.

    python benchmarks/batch.py [--photos 8] [--rounds 2] [--large]

The example photos (1 megapixel; with --large the one of 13 megapixels) are copied under other names and rendered,
taking turns: `wideopen render FOLDER -o OUT`, and `for each photo: wideopen render PHOTO -o FILE`. Results of both are
compared: they must be the same files, unless the batch is run by another engine (OpenVINO, from 12 photos on). Prints
a table and the figures as JSON on the last line; `speedup` is the batch's rate over the loop's.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

EXAMPLES = Path(__file__).parents[1] / "examples"
SMALL, LARGE = ("scooter.jpg", "dog.jpg", "statue.jpg", "whale.jpg"), ("cairn.jpg",)


def wideopen(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "wideopen", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)  # fmt: skip


def batch(photos: list[Path], out: Path) -> None:
    wideopen("render", photos[0].parent, "-o", out)


def loop(photos: list[Path], out: Path) -> None:
    out.mkdir()
    for photo in photos:
        wideopen("render", photo, "-o", out / photo.name)


def same(one: Path, two: Path) -> bool:
    """Whether two folders hold the same files."""
    names = sorted(os.listdir(one))
    return names == sorted(os.listdir(two)) and all((one / n).read_bytes() == (two / n).read_bytes() for n in names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    sources = LARGE if options.large else SMALL
    seconds: dict[str, list[float]] = {"loop": [], "batch": []}
    equal = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "photos").mkdir()
        photos = [folder / "photos" / f"{number:03}.jpg" for number in range(options.photos)]
        for number, photo in enumerate(photos):
            shutil.copy(EXAMPLES / sources[number % len(sources)], photo)
        wideopen("render", photos[0], "-o", folder / "warm.jpg")
        for _ in range(options.rounds):
            for name, run in (("loop", loop), ("batch", batch)):
                shutil.rmtree(folder / name, ignore_errors=True)
                started = time.perf_counter()
                run(photos, folder / name)
                seconds[name].append(time.perf_counter() - started)
            equal = equal and same(folder / "loop", folder / "batch")
    rate = {name: 60 * options.photos / statistics.median(times) for name, times in seconds.items()}
    title = f"{options.photos} photos of {13 if options.large else 1} megapixels, {os.cpu_count()} cores"
    table = Table("what", "s", "photos per minute", title=title)
    for name, times in seconds.items():
        table.add_row(name, f"{statistics.median(times):.1f}", f"{rate[name]:.0f}")
    Console().print(table)
    figures = {name: round(value, 1) for name, value in rate.items()}
    print(json.dumps({"photos": options.photos, "per_minute": figures, "same_files": equal,
                      "speedup": round(rate["batch"] / rate["loop"], 2)}))  # fmt: skip


if __name__ == "__main__":
    main()
