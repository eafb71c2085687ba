"""Whole photos, JPEG in to JPEG out, each as a process of its own: where the time goes, and how much memory it takes.

    python benchmarks/photos.py [--photo PHOTO] [--megapixels 1 12 24 48] [--threads N]

The photo is enlarged to each size first. Seconds are split into start (interpreter, imports, model), decode, network
(and scaling down), full size, and encode; `whole` is the process from outside, `cpu` what all its
threads took together (which other programs change less). Prints a table and the figures as JSON
on the last line; `slope_s_per_mp` is fitted over the sizes, `start_s` is what it leaves at 0 megapixels. `help_s` and
`import_s` are `wideopen --help` and `import wideopen`, each in a process of its own, the fastest of five.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
PARTS = ("start", "decode", "network", "full size", "encode")


def one(photo: Path, output: Path, threads: int | None, born: float) -> dict[str, float]:
    """Render one photo as `Renderer.render_file` does, a clock between its steps."""
    from wideopen.image.grain import lost_grain
    from wideopen.lens.full_resolution import carry_to_full_size
    from wideopen.options import RenderOptions
    from wideopen.photo.files import load, save
    from wideopen.render.aim import aim
    from wideopen.render.renderer import Renderer
    from wideopen.render.scene_rendering import draw_on_canvas

    renderer = Renderer(RenderOptions(threads=threads))
    renderer.engine  # noqa: B018 - loads the model
    clock = [born, time.time()]
    taken = load(photo)
    clock.append(time.time())
    seen = draw_on_canvas(*aim(renderer.estimate_scene(taken.pixels), renderer.options)[:2])
    clock.append(time.time())
    pixels = carry_to_full_size(taken.pixels, *seen, grain=lost_grain(taken.pixels, renderer.options.grain))
    clock.append(time.time())
    save(taken.with_pixels(pixels), output, overwrite=True)
    clock.append(time.time())
    found = {name: float(step) for name, step in zip(PARTS, np.diff(clock), strict=True)}
    used = resource.getrusage(resource.RUSAGE_SELF)
    # ru_maxrss begins with that of the parent; VmHWM (Linux) does not.
    peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    return found | {"cpu": used.ru_utime + used.ru_stime, "peak_mib": peak}


def enlarge(photo: Path, megapixels: float, output: Path) -> None:
    import cv2

    from wideopen.photo.files import load, save
    from wideopen.photo.photo import Photo

    pixels = load(photo).pixels
    factor = (megapixels * 1e6 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    save(Photo(cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC), format="JPEG"), output, quality=92)


def measure(photo: Path, folder: Path, threads: int | None) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", str(photo), str(folder / "out.jpg")]
    command += ["--threads", str(threads)] if threads else []
    started = time.time()
    done = subprocess.run(
        command, env=os.environ | {"BORN": repr(started)}, stdout=subprocess.PIPE, text=True, check=True
    )
    return {"whole": time.time() - started, **json.loads(done.stdout.splitlines()[-1])}


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, default=ROOT / "examples" / "cairn.jpg")
    parser.add_argument("--megapixels", type=float, nargs="+", default=[1, 12, 24, 48])
    parser.add_argument("--rounds", type=int, default=2, help="the fastest of so many counts")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--one", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(*options.one, options.threads, float(os.environ["BORN"]))))
        return
    found: dict[float, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for megapixels in options.megapixels:
            photo = Path(folder) / f"{megapixels}.jpg"
            enlarge(options.photo, megapixels, photo)
            runs = [measure(photo, Path(folder), options.threads) for _ in range(options.rounds)]
            found[megapixels] = min(runs, key=lambda run: run["whole"])
    quick = {"help_s": ["-m", "wideopen", "--help"], "import_s": ["-c", "import wideopen"]}
    starts = {
        name: round(min(seconds([sys.executable, *command]) for _ in range(5)), 3) for name, command in quick.items()
    }
    columns = ("whole", *PARTS, "cpu", "peak_mib")
    table = Table("megapixels", *columns, title="JPEG to JPEG, seconds")
    for megapixels, figures in found.items():
        table.add_row(f"{megapixels:g}", *(f"{figures[name]:.{0 if name == 'peak_mib' else 2}f}" for name in columns))
    Console().print(table)
    slope, start = np.polyfit(list(found), [figures["whole"] for figures in found.values()], 1)
    cases = [{"megapixels": size, **{k: round(v, 3) for k, v in figures.items()}} for size, figures in found.items()]
    line = {"slope_s_per_mp": round(float(slope), 4), "start_s": round(float(start), 3), **starts}
    print(", ".join(f"{name} {value}" for name, value in line.items()))
    print(json.dumps({"cases": cases, **line}))


if __name__ == "__main__":
    main()
