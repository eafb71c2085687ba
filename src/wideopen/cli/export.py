"""`wideopen export`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wideopen.cli.text import complain

if TYPE_CHECKING:
    from wideopen.export.parity import Tell


def export(
    source: Annotated[
        Path, typer.Argument(help="Weights (.pt) of a run, as level1.pt, or of `wideopen convert`; or an .onnx.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="File to write: .onnx, .xml (OpenVINO) or .pt2 (torch.export).", show_default=False
        ),
    ],
    precision: Annotated[
        Literal["fp32", "fp16", "int8"], typer.Option(help="Of weights and arithmetic; int8 for .onnx only.")
    ] = "fp32",
    name: Annotated[str | None, typer.Option(help="Name kept in the file; if not given, the recipe's.")] = None,
    working_side: Annotated[
        int | None,
        typer.Option(help="Long side in px of the network's picture; if not given, what it was trained for."),
    ] = None,
    photos: Annotated[list[Path] | None, typer.Option("--photo", help="Photo to compare on; may be repeated.")] = None,
    calibrate: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Photos that int8 finds its ranges on (32 are used).")
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Held-out pairs on which int8 may lose 0.5 dB (50 are used).")
    ] = None,
    info: Annotated[
        Path | None, typer.Option(help="JSON file of further facts to keep: licence, data, metrics.")
    ] = None,
    weight_bits: Annotated[
        Literal["32", "16", "12"],
        typer.Option(
            help="Keep the weights of an fp32 .onnx in 16 bits, or the largest of them in 12, at the same speed."
        ),
    ] = "32",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Write a trained network as one file, checked against the network it came from.

    Takes minutes for a large one; what is being done is said on standard error.

    Example: `wideopen export runs/first/level1.pt -o first.onnx --photo examples/dog.jpg`
    """
    import json
    import logging
    import warnings

    from wideopen.errors import ModelError
    from wideopen.pairs.pairs import find_pairs, load_image

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    details = {"name": name, "working_side": working_side}
    try:
        facts = json.loads(info.read_text(encoding="utf-8")) if info else {}
    except (OSError, ValueError) as error:
        raise ModelError(f"{info}: not a JSON file that can be read ({error})") from error
    if not isinstance(facts, dict):
        raise ModelError(f'{info}: holds no names and values; write it as {{"licence": "..."}}')
    if weight_bits != "32" and (output.suffix.lower() != ".onnx" or precision != "fp32"):
        raise ModelError(f"{output}: --weight-bits {weight_bits} is for an .onnx in fp32; leave it away")
    shown = [load_image(path) for path in photos or []]
    if source.suffix.lower() != ".onnx" and output.suffix.lower() == ".onnx" and precision == "fp32":
        from wideopen.export.onnx_export import export_onnx

        with _steps() as tell:
            difference = export_onnx(
                source, output, name=name, working_side=working_side, photos=shown, info=facts,
                weight_bits=int(weight_bits), overwrite=overwrite, tell=tell,
            )  # fmt: skip
        size = output.stat().st_size / 1e6
        typer.echo(f"{output}: {size:.1f} MB, at most {difference:.5f} from the trained network")
        return
    from wideopen.export.formats import export_model, photos_below

    with _steps() as tell:
        done = export_model(
            source, output, precision=precision, weight_bits=int(weight_bits), photos=shown, overwrite=overwrite,
            info=facts, tell=tell, **details,
            calibrate=photos_below(calibrate, 32) if calibrate else (), pairs=find_pairs(pairs)[:50] if pairs else (),
        )  # fmt: skip
    found = done.agreement
    planes = ((found.bokeh, found.bokeh_mean), (found.sharp, found.sharp_mean))
    apart = (f"{name} {most:.5f} (mean {mean:.6f})" for name, (most, mean) in zip(done.outputs, planes, strict=False))
    typer.echo(
        f"{output}: {done.size / 1e6:.1f} MB, {found.seconds:.2f} s a photo; from the network at most "
        f"{', '.join(apart)}" + ("" if done.loss is None else f"; {done.loss:.2f} dB lower on held-out pairs")
    )


@contextmanager
def _steps() -> "Iterator[Tell]":
    """What is being done, on standard error: with the time it takes on a terminal, else a line for each step."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress(
        SpinnerColumn(), BarColumn(20), TextColumn("{task.fields[step]}", markup=False), TimeElapsedColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("", total=None, step="")

        def tell(number: int, steps: int, what: str) -> None:
            step = f"step {number} of {steps}: {what}"
            bar.update(task, total=steps, completed=number - 1, step=step)
            if not console.is_terminal:
                complain(step)

        yield tell
