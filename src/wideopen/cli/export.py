"""`wideopen export`."""

from pathlib import Path
from typing import Annotated

import typer


def export(
    weights: Annotated[Path, typer.Argument(help="level1.pt of a run, or what `wideopen convert` wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The .onnx file to write.", show_default=False)],
    name: Annotated[str | None, typer.Option(help="Name kept in the file; if not given, the recipe's.")] = None,
    working_side: Annotated[
        int | None,
        typer.Option(help="Long side in px of the network's picture; if not given, what it was trained for."),
    ] = None,
    photos: Annotated[list[Path] | None, typer.Option("--photo", help="Photo to compare on; may be repeated.")] = None,
    info: Annotated[
        Path | None, typer.Option(help="JSON file of further facts to keep: licence, data, metrics.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Write a trained network as one ONNX file, checked against the network it came from.

    Example: wideopen export runs/first/level1.pt -o first.onnx --photo examples/dog.jpg
    """
    import json
    import logging
    import warnings

    from wideopen.errors import ModelError
    from wideopen.pairs import load_image

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    from wideopen.export import export_onnx

    try:
        facts = json.loads(info.read_text(encoding="utf-8")) if info else {}
    except (OSError, ValueError) as error:
        raise ModelError(f"{info}: not a JSON file that can be read ({error})") from error
    difference = export_onnx(
        weights, output, name=name, working_side=working_side, photos=[load_image(p) for p in photos or []],
        info=facts, overwrite=overwrite,
    )  # fmt: skip
    size = output.stat().st_size / 1e6
    typer.echo(f"{output}: {size:.1f} MB, at most {difference:.5f} from the trained network")
