"""`wideopen train`."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    data: Annotated[Path, typer.Option(help="Folder or manifest of pairs.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the run.", show_default=False)],
    recipe: Annotated[Path, typer.Option(help="What to train (.toml).", show_default=False)],
    resume: Annotated[bool, typer.Option("--resume", help="Go on where this run stopped.")] = False,
    pattern: Annotated[str | None, typer.Option(help="Regular expression that names a pair.")] = None,
    split: Annotated[str | None, typer.Option(help="train, test, val294 or train4400.")] = None,
    exclude_list: Annotated[
        Path | None, typer.Option(help="Names of pairs to leave out, as `wideopen inspect` writes them.")
    ] = None,
    start: Annotated[Path | None, typer.Option(help="Weights (.pt) to start from, those of another run, say.")] = None,
    vgg_weights: Annotated[
        Path | None, typer.Option(help="VGG weights (.pth or .npz); if not given, torchvision's are fetched.")
    ] = None,
) -> None:
    """Train a recipe's levels, 7 first, on pairs of photos.

    Example: `wideopen train --recipe recipes/tiny.toml --data PAIRS -o runs/tiny`
    """
    import logging
    import warnings

    from rich.console import Console

    from wideopen.progress import DataWait, LevelBar
    from wideopen.recipe import load_recipe

    plan = load_recipe(recipe)
    from wideopen.train import train as run_training

    # Lightning tells what hardware it found and advises on workers; our bar says what matters.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", module="lightning")
    console = Console(stderr=True)
    waits: list[DataWait] = []

    def watch(level: object) -> list[object]:
        bar = LevelBar(console, level.level, level.batch)  # type: ignore[attr-defined]
        waits.append(bar.wait)
        return [bar.wait, bar]

    run_training(
        plan, data, output, resume=resume, pattern=pattern, split=split, exclude=exclude_list,
        vgg_weights=vgg_weights, start=start, callbacks=watch,  # type: ignore[arg-type]
    )  # fmt: skip
    waited, worked = sum(w.waited_s for w in waits), sum(w.worked_s for w in waits)
    share = waited / max(waited + worked, 1e-9)
    console.print(
        f"done: {output}/level{plan.levels[-1].level}.pt; {100 * share:.1f} % of the time spent waiting for data"
    )
