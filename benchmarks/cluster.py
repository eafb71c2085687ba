"""What a Ray cluster costs and brings: photos per second, overhead, memory, and what a million photos would take.

    python benchmarks/cluster.py [--photos 32] [--rounds 3] [--svg FILE]     rates, and the simulation fed with them
    python benchmarks/cluster.py --memory 2000 [--model FILE]                memory of a worker over many small photos

The example photos, at 1, 3, 6 and 13 megapixels in turn, are rendered by `wideopen render --in-flight 1 --threads 1`,
by two such processes at once with half of the photos each, which shows what the cores are good for, and with `--cluster
--workers 1` and `--workers 2`, taking turns. OpenCV has one thread in all of them, as it has in workers; `--threads`
alone leaves it all cores. Seconds a photo are counted from the writing of the first result to that of the last, so that
starting does not count, over the photos less one for each that renders; `start` is to the first result. `overhead` is a
photo's time with one worker over its time without a cluster. Ray's own rate is that of tasks that do nothing, of 16
items each, less the time that actors take to start. Results of all must be the same files. A run in which other
programs took a tenth of a core or more does not count, and is made again once they are quiet; figures are medians of
runs. Prints tables and the figures as JSON on the last line.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from wideopen.batch.cluster import TASK_ITEMS, ClusterOptions, connected, spread
from wideopen.batch.discover import find_photos
from wideopen.photo.files import load, save
from wideopen.photo.photo import Photo

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

from cluster_model import LIMITS, Measured, simulate  # noqa: E402
from ray_cluster import Cluster, below, told  # noqa: E402

MEGAPIXELS = (1, 3, 6, 13)
ALONE = ("--in-flight", "1", "--threads", "1")
WAYS: dict[str, tuple[tuple[str, ...], int, int]] = {
    "1 worker": (("--cluster", "--workers", "1"), 1, 1),
    "2 workers": (("--cluster", "--workers", "2"), 1, 2),
    "alone": (ALONE, 1, 1),
    "two apart": (ALONE, 2, 2),
}
"""Options, processes with a share of the photos each, and how many photos are rendered at a time."""
ONE_THREAD = {"OPENCV_FOR_THREADS_NUM": "1", "OMP_NUM_THREADS": "1"}
TRIVIAL_ITEMS = 32_000
MOST_OTHERS, MOST_ROUNDS, QUIET_S = 0.1, 4, 5
"""Cores that other programs may take in a run that counts, runs at most for each that is asked for, and how long cores
have to be quiet before one begins."""


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


class Others:
    """Processor seconds that other programs take while this is open, looked at every second."""

    def __enter__(self) -> "Others":
        self.seconds, self._end = 0.0, Event()
        self._thread = Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        before = self._spent()
        while not self._end.wait(1):
            now = self._spent()
            self.seconds += sum(spent - before[pid] for pid, spent in now.items() if pid in before)
            before = now

    @staticmethod
    def _spent() -> dict[int, float]:
        ours = {os.getpid(), *below(os.getpid())}
        stats = {int(name): told(int(name), "stat") for name in os.listdir("/proc") if name.isdigit()}
        fields = {pid: stat.rpartition(")")[2].split() for pid, stat in stats.items() if stat and pid not in ours}
        return {pid: (int(of[11]) + int(of[12])) / os.sysconf("SC_CLK_TCK") for pid, of in fields.items()}


def wait_for_quiet() -> None:
    """Until other programs leave the cores alone for some seconds."""
    share = 1.0
    while share > MOST_OTHERS:
        with Others() as others:
            time.sleep(QUIET_S)
        share = others.seconds / QUIET_S


def run(files: list[Path], out: Path, arguments: tuple[str, ...], processes: int, at_a_time: int) -> dict[str, float]:
    """Seconds to the first result, seconds from it to the last for each further photo, cores that others took."""
    share = len(files) // processes
    command = [sys.executable, "-m", "wideopen", "render", "-o", str(out), "--quiet", "--engine", "onnxruntime"]
    environment = {**os.environ, **ONE_THREAD}
    started = time.time()
    with Others() as others:
        shares = [files[share * number : share * (number + 1)] for number in range(processes)]
        running = [subprocess.Popen([*command, *arguments, *map(str, photos)], env=environment) for photos in shares]
        assert not any(process.wait() for process in running)
    written = sorted(path.stat().st_mtime for path in out.iterdir())
    assert len(written) == share * processes
    return {
        "start": written[0] - started,
        "photo": (written[-1] - written[0]) / (len(written) - at_a_time),
        "others": others.seconds / (time.time() - started),
    }


def rates(photos: int, rounds: int) -> dict[str, list[dict[str, float]]]:
    """What `run` found of each way, as often as asked for, while others left the cores alone."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "photos")
        folder.mkdir()
        draw(folder, photos)
        files, wanted = sorted(folder.iterdir()), Path(name, f"{next(iter(WAYS))}-0")
        for number, (way, how) in itertools.product(range(MOST_ROUNDS * rounds), WAYS.items()):
            if len(found[way]) == rounds:
                continue
            out = Path(name, f"{way}-{number}")
            wait_for_quiet()
            seen = run(files, out, *how)
            for path in files:
                assert (out / path.name).read_bytes() == (wanted / path.name).read_bytes(), path
            print(way, json.dumps(seen), file=sys.stderr)
            if seen["others"] < MOST_OTHERS:
                found[way].append(seen)
    if any(len(of) < rounds for of in found.values()):
        sys.exit(f"too few runs in which other programs took less than {MOST_OTHERS} cores")
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
    few = [*range(2 * TASK_ITEMS)]
    with connected(ClusterOptions(workers=2)):
        starting, _ = first_and_last(few)
        first, last = first_and_last([*range(TRIVIAL_ITEMS)])
    tasks = TRIVIAL_ITEMS / TASK_ITEMS
    return (first - starting) / tasks, (last - first) / tasks


def first_and_last(items: list[int]) -> tuple[float, float]:
    """Seconds to the first and to the last result of work that is none."""
    started = time.perf_counter()
    times = [time.perf_counter() - started for _ in spread(make_nothing, items, ClusterOptions())]
    return times[0], times[-1]


def listing() -> float:
    """Seconds to find a local photo."""
    with tempfile.TemporaryDirectory() as name:
        for number in range(20_000):
            Path(name, f"{number}.jpg").touch()
        started = time.perf_counter()
        find_photos([name])
        return (time.perf_counter() - started) / 20_000


def memory(photos: int, model: Path | None) -> dict[str, float]:
    """MiB of a worker's resident set after a tenth, half and all of many small photos; growth in KiB a photo."""
    with tempfile.TemporaryDirectory() as name:
        folder, seen = Path(name, "photos"), list[tuple[int, float]]()
        folder.mkdir()
        draw(folder, photos, (0.02,))
        command = [sys.executable, "-m", "wideopen", "render", str(folder), "-o", str(Path(name, "out")), "--cluster",
                   "--workers", "1", "--engine", "onnxruntime",
                   *(["--model", str(model)] if model else [])]  # fmt: skip
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
    parser.add_argument("--photos", type=int, default=32, help="an even number")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, metavar="PHOTOS")
    parser.add_argument("--model", type=Path, help="for --memory; the shipped one if not given")
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    if options.memory:
        print(json.dumps({name: round(value, 1) for name, value in memory(options.memory, options.model).items()}))
        return
    found = rates(options.photos, options.rounds)
    middle = {
        way: {name: statistics.median(seen[name] for seen in of) for name in ("start", "photo")}
        for way, of in found.items()
    }
    seconds = {way: of["photo"] for way, of in middle.items()}
    overhead = seconds["1 worker"] / seconds["alone"] - 1
    speedup = {
        "2 workers": seconds["1 worker"] / seconds["2 workers"],
        "two apart": seconds["alone"] / seconds["two apart"],
    }
    wait_for_quiet()
    handing, dispatch = rays_rates()
    measured = Measured(
        start_s=middle["1 worker"]["start"],
        handing_s=handing,
        dispatch_s=dispatch,
        listing_s=listing(),
        photo_s=tuple(alone * (1 + overhead) for alone in sizes_alone()),
        sizes_mp=MEGAPIXELS,
    )
    table = Table(
        "", "start s", "s a photo", title=f"{options.photos} photos of {MEGAPIXELS} megapixels, one thread each"
    )
    for way, of in middle.items():
        table.add_row(way, f"{of['start']:.1f}", f"{of['photo']:.3f}")
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
        "runs": found, "overhead": overhead, "speedup": speedup,
        "measured": vars(measured), "simulated": [vars(simulated) for simulated in runs],
    }))  # fmt: skip


if __name__ == "__main__":
    main()
