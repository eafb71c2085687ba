"""What each step between the network's answer and the lens brings: all of them, and all but one.

    python benchmarks/heuristics.py [--real REAL_PAIRS] [--taps TWO_SUBJECTS] [--pairs MADE_PAIRS] [--limit N]

    real    gain over the photo left alone in gain-matched PSNR, dB, mean of real pairs
    taps    of two subjects, how often the tapped one is the sharper, and a tap on the background blurs the subject, %
    pairs   gain over the photo left alone in PSNR, dB, mean of made pairs that were focused on their subject

Folders are those of `benchmarks/default_model.py` (docs/training.md says how they are made). A step is left out by
putting one that does nothing in its place, in this process; how often that was called says whether it was left out.
Figures as they are found, on standard error; then a table; the last line is JSON.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.table import Table

from default_model import measure_real, measure_taps
from wideopen.evaluation.contenders import Model
from wideopen.evaluation.evaluate import evaluate_all
from wideopen.evaluation.scores import Measure
from wideopen.options import RenderOptions
from wideopen.pairs.pairs import Pair, find_pairs
from wideopen.render.renderer import Renderer
from wideopen.scene import closer, scene
from wideopen.scene.focus import focus_of_scene

Step = tuple[list[tuple[Any, str]], Any]


def unsplit(matte: Any, relative: Any, least: float = 0.0) -> Any:
    return matte, relative


def not_closer(matte: Any, relative: Any, point: tuple[float, float], views: Any) -> Any:
    """The focus where the whole of the photo has it."""
    return matte, relative, focus_of_scene(matte, relative, f"{point[0]},{point[1]}", matte.shape)


def kept(light: Any, matte: Any, exact: bool = False) -> Any:
    return light


def sure(pixels: Any, matte: Any, relative: Any, *more: Any) -> Any:
    """A network's scene whose opacity is taken at its word: 1 is sure."""
    with patch.object(scene, "SURE", 1.0):
        return scene.estimated_scene(pixels, matte, relative, *more)


STEPS: dict[str, Step] = {
    "the certainty threshold (`SURE`)": ([("wideopen.scene.network_scene", "estimated_scene")], sure),
    "foreground removal": ([("wideopen.render.scene_rendering", "remove_foreground")], kept),
    "the closer look": ([("wideopen.scene.scene", "refine_at_point")], not_closer),
    "splitting of instances": ([(scene.__name__, "split_instances"), (closer.__name__, "split_instances")], unsplit),
    "grain": ([("wideopen.render.pipeline", "lost_grain")], lambda pixels, share: None),
}
"""By name: where a step is, and what takes its place."""


@contextmanager
def without(step: Step | None) -> Iterator[Callable[[], int]]:
    """The program without a step; gives how often it would have been called."""
    calls = 0

    def counted(*values: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        return step[1](*values, **named) if step else None

    places = [patch(f"{module}.{name}", counted) for module, name in (step[0] if step else [])]
    for place in places:
        place.start()
    try:
        yield lambda: calls
    finally:
        for place in places:
            place.stop()


def gain(renderer: Renderer, pairs: list[Pair]) -> float:
    """Mean gain in PSNR, dB, over the photo left alone."""
    return evaluate_all(pairs, [Model("model", renderer)], measure=Measure())[0].psnr_gain


def measure(renderer: Renderer, options: argparse.Namespace) -> dict[str, float]:
    found = {}
    if options.real:
        rows = measure_real(renderer, options.real, Measure()).values()
        found["real"] = float(np.mean([ours - photo for ours, photo in (row["psnr_gain_matched"] for row in rows)]))
    if options.taps:
        said = measure_taps(renderer, find_pairs(options.taps)[: options.limit])
        found |= {"taps": 100 * said["tapped_is_sharper"], "background": 100 * said["background_tap_blurs_subject"]}
        found["scenes"] = said["scenes"]
    if options.pairs:
        made = [pair for pair in find_pairs(options.pairs) if pair.shot and pair.shot.in_focus == "subject"]
        found["pairs"] = gain(renderer, made[: options.limit])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "real", "taps", "pairs"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--limit", type=int, default=10_000)
    options = parser.parse_args()
    renderer = Renderer(RenderOptions(model=options.model))
    found: dict[str, Any] = {"model": renderer.engine.metadata.name}
    for name, step in [("all of them", None), *STEPS.items()]:
        with without(step) as calls:
            found[name] = measure(renderer, options) | ({} if step is None else {"calls": calls()})
            print(name, found[name], file=sys.stderr, flush=True)
    columns = [name for name in found["all of them"] if name != "scenes"]
    table = Table("less", *columns, "calls")
    for name, row in list(found.items())[1:]:
        table.add_row(name, *(f"{row[column]:.2f}" for column in columns), str(row.get("calls", "")))
    Console().print(table)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
