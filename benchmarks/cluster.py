"""What a Ray cluster costs and brings: photos per second, overhead, memory, and what a million photos would take.

    python benchmarks/cluster.py [--photos 16] [--rounds 3] [--svg FILE]     rates, and the simulation fed with them
    python benchmarks/cluster.py --memory 2000                               memory of a worker over many small photos

The example photos, at 1, 3, 6 and 13 megapixels in turn, are rendered by `wideopen render --in-flight 1 --threads 1`,
and with `--cluster --workers 1` and `--workers 2`, taking turns. A rate is counted from the first result to the last,
so that starting does not count; `start` is to the first result. `overhead` is a photo's time with one worker over
its time without a cluster. Ray's own rate is that of tasks that do nothing, of 16 items each. Results of all must be
the same files. Prints tables and the figures as JSON on the last line.
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
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from wideopen.cluster import TASK_ITEMS, ClusterOptions, connected, spread
from wideopen.gather import find_photos
from wideopen.photo import Photo, load, save

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

from cluster_model import LIMITS, Measured, simulate  # noqa: E402
from ray_cluster import Cluster  # noqa: E402

MEGAPIXELS = (1, 3, 6, 13)
WAYS = {
    "alone": ("--in-flight", "1", "--threads", "1"),
    "1 worker": ("--cluster", "--workers", "1"),
    "2 workers": ("--cluster", "--workers", "2"),
}
TRIVIAL_ITEMS = 16_000


def draw(folder: Path, count: int, megapixels: tuple[float, ...] = MEGAPIXELS) -> None:
    """The example photos at several sizes, under names that mix them."""
    examples = [load(path).pixels for path in sorted((ROOT / "examples").glob("*.jpg"))]
    for number in range(count):
        pixels = examples[number % len(examples)]
        factor = (megapixels[number % len(megapixels)] * 1e6 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
        size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
        way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        name = folder / f"photo-{number:05}.jpg"
        if number >= len(examples) * len(megapixels):  # Seen before: the same bytes under another name.
            name.hardlink_to(folder / f"photo-{number - len(examples) * len(megapixels):05}.jpg")
        else:
            save(Photo(cv2.resize(pixels, size, interpolation=way), format="JPEG"), name)


def run(photos: Path, out: Path, arguments: tuple[str, ...]) -> tuple[float, float]:
    """Seconds to the first result, and from it to the last for each further photo."""
    command = [sys.executable, "-m", "wideopen", "render", str(photos), "-o", str(out), "--json", "--engine",
               "onnxruntime", *arguments]  # fmt: skip
    started = time.perf_counter()
    times: list[float] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            found = json.loads(line)
            if found["event"] == "photo":
                assert found["status"] == "done", line
                times.append(time.perf_counter() - started)
    return times[0], (times[-1] - times[0]) / (len(times) - 1)


def rates(photos: int, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Starts and seconds a photo of each way, round by round."""
    found: dict[str, dict[str, list[float]]] = {way: {"start": [], "photo": []} for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "photos")
        folder.mkdir()
        draw(folder, photos)
        for number in range(rounds):
            for way, arguments in WAYS.items():
                out = Path(name, f"{way}-{number}")
                start, photo = run(folder, out, arguments)
                found[way]["start"].append(start)
                found[way]["photo"].append(photo)
                for path in folder.iterdir():
                    assert (out / path.name).read_bytes() == (Path(name, "alone-0") / path.name).read_bytes(), path
    return found


def sizes_alone() -> list[float]:
    """Seconds of a photo of each size, rendered by one thread."""
    from wideopen import Renderer, RenderOptions

    seconds = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw(folder, len(MEGAPIXELS))
        renderer = Renderer(RenderOptions(threads=1))
        cv2.setNumThreads(1)
        renderer.render_file(folder / "photo-00000.jpg", folder / "warm.jpg")
        for number in range(len(MEGAPIXELS)):
            started = time.perf_counter()
            renderer.render_file(folder / f"photo-{number:05}.jpg", folder / f"out-{number}.jpg")
            seconds.append(time.perf_counter() - started)
    return seconds


def nothing(items: list[Any]) -> list[Any]:
    return items


def make_nothing() -> Any:
    return nothing


def rays_rates() -> tuple[float, float]:
    """Seconds for each task: handing them over, before the first can begin, and dispatching them."""
    with connected(ClusterOptions(workers=2)):
        started = time.perf_counter()
        times = [time.perf_counter() - started for _ in spread(make_nothing, range(TRIVIAL_ITEMS), ClusterOptions())]
    tasks = TRIVIAL_ITEMS / TASK_ITEMS
    return times[0] / tasks, (times[-1] - times[0]) / tasks


def listing() -> float:
    """Seconds to find a local photo."""
    with tempfile.TemporaryDirectory() as name:
        for number in range(20_000):
            Path(name, f"{number}.jpg").touch()
        started = time.perf_counter()
        find_photos([name])
        return (time.perf_counter() - started) / 20_000


def memory(photos: int) -> dict[str, float]:
    """MiB of a worker's resident set after a tenth, half and all of many small photos; growth in KiB a photo."""
    with tempfile.TemporaryDirectory() as name:
        folder, seen = Path(name, "photos"), list[tuple[int, float]]()
        folder.mkdir()
        draw(folder, photos, (0.02,))
        command = [sys.executable, "-m", "wideopen", "render", str(folder), "-o", str(Path(name, "out")), "--cluster",
                   "--workers", "1", "--engine", "onnxruntime"]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            for number, _ in enumerate(process.stdout):
                if number % 20 == 0 and (workers := Cluster("", process.pid).workers()):
                    pages = int(Path(f"/proc/{workers[0]}/statm").read_text().split()[1])
                    seen.append((number, pages * os.sysconf("SC_PAGE_SIZE") / 2**20))
        assert process.returncode == 0
    half = seen[len(seen) // 2 :]
    growth = float(np.polyfit([number for number, _ in half], [mib for _, mib in half], 1)[0]) * 1024
    return {"photos": photos, "mib_tenth": seen[len(seen) // 10][1], "mib_half": half[0][1], "mib_end": seen[-1][1],
            "growth_kib": growth}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, metavar="PHOTOS")
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    if options.memory:
        print(json.dumps({name: round(value, 1) for name, value in memory(options.memory).items()}))
        return
    found = rates(options.photos, options.rounds)
    middle = {way: {what: statistics.median(values) for what, values in of.items()} for way, of in found.items()}
    rounds = range(options.rounds)
    overhead = [found["1 worker"]["photo"][i] / found["alone"]["photo"][i] - 1 for i in rounds]
    speedup = [found["1 worker"]["photo"][i] / found["2 workers"]["photo"][i] for i in rounds]
    handing, dispatch = rays_rates()
    measured = Measured(
        start_s=middle["1 worker"]["start"],
        handing_s=handing,
        dispatch_s=dispatch,
        listing_s=listing(),
        photo_s=tuple(seconds * (1 + statistics.median(overhead)) for seconds in sizes_alone()),
        sizes_mp=MEGAPIXELS,
    )
    table = Table(
        "", "start s", "s a photo", title=f"{options.photos} photos of {MEGAPIXELS} megapixels, one thread each"
    )
    for way, of in middle.items():
        table.add_row(way, f"{of['start']:.1f}", f"{of['photo']:.2f}")
    Console().print(table)
    runs = [simulate(measured, workers) for workers in LIMITS]
    table = Table("workers", "hours", "photos/s", "of ideal", "held up by", title="1,000,000 photos (simulated)")
    for simulated in runs:
        table.add_row(str(simulated.workers), f"{simulated.hours:.2f}", f"{simulated.rate:.0f}",
                      f"{simulated.efficiency:.0%}", simulated.held_up_by)  # fmt: skip
    Console().print(table)
    if options.svg:
        from chart import bars

        values = {f"{simulated.workers} workers": 100 * simulated.efficiency for simulated in runs}
        notes = {f"{run.workers} workers": f"{run.efficiency:.0%}, {run.hours:.1f} h" for run in runs}
        options.svg.write_text(bars("A million photos: share of what the workers could do", values, notes, ""))
    print(json.dumps({
        "ways": found,
        "overhead": overhead, "speedup_2": speedup,
        "measured": vars(measured), "simulated": [vars(simulated) for simulated in runs],
    }))  # fmt: skip


if __name__ == "__main__":
    main()
