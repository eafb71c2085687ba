"""`wideopen train`."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from wideopen.cli.shared_options import ExcludeList, Pattern, Split
from wideopen.cli.text import complain


def train(
    data: Annotated[Path, typer.Option(help="Folder or manifest of pairs.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the run.", show_default=False)],
    recipe: Annotated[Path, typer.Option(help="What to train (.toml).", show_default=False)],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where this run stopped, or start it if it is new.")
    ] = False,
    pattern: Pattern = None,
    split: Split = None,
    exclude_list: ExcludeList = None,
    start: Annotated[
        Path | None, typer.Option(help="Weights (.pt) of another run, or a model (.onnx), to start from.")
    ] = None,
    vgg_weights: Annotated[
        Path | None, typer.Option(help="VGG weights (.pth or .npz); if not given, torchvision's are fetched.")
    ] = None,
    devices: Annotated[
        int | None, typer.Option(min=1, help="Processes on each node; 1, or what torchrun or srun started.")
    ] = None,
    nodes: Annotated[int | None, typer.Option(min=1, help="Machines that train together; likewise.")] = None,
    strategy: Annotated[str, typer.Option(help="Name of a Lightning strategy; DDP if not given.")] = "auto",
) -> None:
    """Train a recipe's levels, 7 first, on pairs of photos.

    Example: `wideopen train --recipe recipes/tiny.toml --data PAIRS -o runs/tiny`
    """
    import warnings

    from rich.console import Console

    from wideopen.cli import Stopped
    from wideopen.errors import LoneError, PreemptedError, RecipeError, WideopenError
    from wideopen.training.progress import DataWait, LevelBar
    from wideopen.training.recipe import load_recipe

    plan = load_recipe(recipe)
    if plan.begins_above_the_smallest and start is None:
        raise RecipeError(
            f"{recipe}: begins at level {plan.levels[0].level}: give the weights to start from (--start), or levels "
            "from 7 down"
        )
    from wideopen.training.processes import launched, own_rank
    from wideopen.training.train import train as run_training

    _quieten()
    warnings.filterwarnings("ignore", module="lightning")
    console = Console(stderr=True)
    waits: list[DataWait] = []
    processes = launched(devices, nodes, strategy)
    rank = own_rank(processes)

    def watch(level: object) -> list[object]:
        bar = LevelBar(console, level.level, level.batch)  # type: ignore[attr-defined]
        waits.append(bar.wait)
        return [bar.wait, bar] if rank == 0 else [bar.wait]

    try:
        run_training(
            plan, data, output, resume=resume, pattern=pattern, split=split, exclude=exclude_list,
            vgg_weights=vgg_weights, start=start, callbacks=watch, processes=processes, tell=complain,  # type: ignore[arg-type]
        )  # fmt: skip
    except WideopenError as error:
        # What all processes know, process 0 says.
        if rank == 0 or isinstance(error, LoneError):
            complain(error)
        raise Stopped(143 if isinstance(error, PreemptedError) else 2) from error
    if rank:
        return
    waited, worked = sum(w.waited_s for w in waits), sum(w.worked_s for w in waits)
    share = waited / max(waited + worked, 1e-9)
    console.print(
        f"done: {output}/level{plan.levels[-1].level}.pt; {100 * share:.1f} % of the time spent waiting for data"
    )


def _quieten() -> None:
    """Lightning tells what hardware it found and advises on workers; our bar says what matters.

    All but one thing: that it is about to kill this process, as another of the run has died.
    """
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    observer = logging.getLogger("lightning.fabric.strategies.launchers.subprocess_script")
    observer.setLevel(logging.INFO)
    observer.propagate = False
    observer.addHandler(_LastWords())


class _LastWords(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        complain("lost another process of this run; the last good checkpoint is kept, go on with --resume")
