"""`wideopen convert`."""

from pathlib import Path
from typing import Annotated

import typer


def convert(
    checkpoint: Annotated[
        Path, typer.Argument(help="Checkpoint's name, with or without .index, or its folder.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Weights to write (.pt).", show_default=False)],
    level: Annotated[
        int | None, typer.Option(min=1, max=7, help="Level whose head is used; the last one trained if not given.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output if it is there.")] = False,
) -> None:
    """Turn a TensorFlow checkpoint of the 2020 PyNET release into wideopen's weights.

    The weights published with that release are for research only (CC BY-NC-SA 4.0), converted or not.

    Example: `wideopen convert models/original/pynet_bokeh_level_0 -o pynet.pt`
    """
    from wideopen.network.convert import convert as run

    network = run(checkpoint, output, level=level, overwrite=overwrite)
    config = network.config
    typer.echo(
        f"{output}: level {network.level}, {config.in_channels} input channels, width {config.width:g}, "
        f"{sum(p.numel() for p in network.parameters()):,} parameters"
    )
