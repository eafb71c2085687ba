"""`wideopen models`."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def models(
    action: Annotated[str | None, typer.Argument(metavar="[get]", help="What to do; a list, if not given.")] = None,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The model to get.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Take the model from this file, on a machine that is offline.")
    ] = None,
) -> None:
    """Models for mattes and depth that may be better than the network in the package: what there is, and getting one.

    What is here is used by `wideopen render --best`, and Depth Anything V2 Small by `--depth auto`.

    Example: `wideopen models`

    Example: `wideopen models get birefnet-general-lite`
    """
    if action is None:
        _show()
    elif action != "get" or name is None:
        raise typer.BadParameter("give nothing for a list, or: get NAME")
    else:
        from wideopen.scene.model_store import fetch, find_model

        model = find_model(name)
        if file is None and not model.here and sys.stderr.isatty():
            sys.stderr.write(f"wideopen: fetching {model.name}, {model.size // 10**6} MB\n")
        sys.stdout.write(f"{fetch(model, file)}\n")


def _show() -> None:
    from wideopen.scene.model_store import KNOWN

    width = max(map(len, KNOWN))
    for model in KNOWN.values():
        where = str(model.path) if model.here else "not here"
        sys.stdout.write(
            f"{model.name:{width}}  {model.purpose}  {model.size // 10**6:4d} MB  {model.licence:10}  {where}\n"
        )
