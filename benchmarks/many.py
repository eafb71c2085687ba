"""Many photos through one `Renderer`, JPEG in to JPEG out: what a further one costs, and whether memory stays flat.

    python benchmarks/many.py [--photos 100] [--megapixels 0.5] [--threads N] [--engines onnxruntime openvino]

The example photos, enlarged or shrunk to one number of megapixels and taken in turn, lie in two shapes. Each engine
runs in a process of its own with an empty cache folder. `first` holds the model's load and the first compilation;
`parts` is decode + network + full size + encode of the same photos, timed step by step afterwards in the same process,
so that `median` over it says what a further photo costs beyond its own work. Memory is the process's resident set
(Linux); `growth` is fitted over the second half. Prints a table and the figures as JSON on the last line.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from wideopen import Renderer, RenderOptions
from wideopen.image.grain import lost_grain
from wideopen.lens.full_resolution import carry_to_full_size
from wideopen.photo.files import load, save
from wideopen.photo.photo import Photo
from wideopen.render.aim import aim
from wideopen.render.scene_rendering import draw_on_canvas
from wideopen.scene.runtimes import OnnxGraph, has_openvino

ROOT = Path(__file__).parents[1]
COLUMNS = ("first", "median", "parts", "loads", "compilations", "mib_10", "mib_half", "mib_end", "growth_kib")


def resident_mib() -> float:
    """Memory of this process that is in use now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def count_starts() -> dict[str, int]:
    """Count every graph that is loaded or compiled from here on."""
    counts = {"loads": 0, "compilations": 0}

    def counted(owner: type, method: str, what: str) -> None:
        plain = getattr(owner, method)

        def call(*given: object, **named: object) -> object:
            counts[what] += 1
            return plain(*given, **named)

        setattr(owner, method, call)

    counted(OnnxGraph, "__init__", "loads")
    if has_openvino():
        from wideopen.scene.runtimes import OpenVino

        counted(OpenVino, "_compile", "compilations")
    return counts


def parts(renderer: Renderer, photo: Path, output: Path) -> float:
    """Seconds of the steps that no photo can do without."""
    started = time.perf_counter()
    taken = load(photo)
    seen = draw_on_canvas(*aim(renderer.estimate_scene(taken.pixels), renderer.options)[:2])
    pixels = carry_to_full_size(taken.pixels, *seen, grain=lost_grain(taken.pixels, renderer.options.grain))
    save(taken.with_pixels(pixels), output, overwrite=True)
    return time.perf_counter() - started


def one(folder: Path, photos: int, engine: str, threads: int | None) -> dict[str, float]:
    counts = count_starts()
    files = sorted(folder.glob("photo-*.jpg"))
    renderer = Renderer(RenderOptions(engine=engine, threads=threads), many=True)  # type: ignore[arg-type]
    seconds, memory = [], []
    for number in range(photos):
        started = time.perf_counter()
        renderer.render_file(files[number % len(files)], folder / "out.jpg", overwrite=True)
        seconds.append(time.perf_counter() - started)
        memory.append(resident_mib())
    half = photos // 2
    growth = np.polyfit(np.arange(half, photos), memory[half:], 1)[0] if photos - half > 1 else 0.0
    bare = [parts(renderer, files[number % len(files)], folder / "out.jpg") for number in range(min(photos, 12))]
    return {
        "first": seconds[0],
        "median": statistics.median(seconds[len(files) :] or seconds),
        "parts": statistics.median(bare),
        **counts,
        "mib_10": memory[min(9, photos - 1)],
        "mib_half": memory[half],
        "mib_end": memory[-1],
        "growth_kib": float(growth) * 1024,
    }


def prepare(folder: Path, megapixels: float) -> None:
    for number, path in enumerate(sorted((ROOT / "examples").glob("*.jpg"))):
        pixels = load(path).pixels
        factor = (megapixels * 1e6 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
        size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
        way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        save(Photo(cv2.resize(pixels, size, interpolation=way), format="JPEG"), folder / f"photo-{number}.jpg")


def measure(folder: Path, cache: str, engine: str, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", str(folder), "--engines", engine, "--photos", str(options.photos)]
    command += ["--threads", str(options.threads)] if options.threads else []
    environment = os.environ | {"XDG_CACHE_HOME": cache}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--megapixels", type=float, default=0.5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--engines", nargs="+", default=["onnxruntime", *(["openvino"] if has_openvino() else [])])
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one, options.photos, options.engines[0], options.threads)))
        return
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), options.megapixels)
        for engine in options.engines:
            with tempfile.TemporaryDirectory() as cache:
                found[engine] = measure(Path(folder), cache, engine, options)
    table = Table(
        "engine",
        *(name.replace("_", " ") for name in COLUMNS),
        title=f"{options.photos} photos of {options.megapixels:g} megapixels",
    )
    for engine, figures in found.items():
        table.add_row(engine, *(f"{figures[name]:.{2 if name in COLUMNS[:3] else 0}f}" for name in COLUMNS))
    Console().print(table)
    rounded = {engine: {name: round(value, 3) for name, value in figures.items()} for engine, figures in found.items()}
    print(json.dumps({"photos": options.photos, "megapixels": options.megapixels, "engines": rounded}))


if __name__ == "__main__":
    main()
