"""`wideopen doctor`."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer


def doctor(
    model: Annotated[
        Path | None, typer.Option(help="Model file to examine; the one in the package if not given.")
    ] = None,
    engine: Annotated[Literal["auto", "onnxruntime", "openvino"], typer.Option(help="What runs the network.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each finding.")] = False,
) -> None:
    """Say what this installation is and can do, and test in some seconds that it computes what it should.

    Exit code 0 if all is well, 1 if something is not (its lines begin with an exclamation mark).

    Example: `wideopen doctor`
    """
    from dataclasses import asdict

    from wideopen.cli.text import shown
    from wideopen.options import RenderOptions
    from wideopen.render.doctor import examine

    topic, wrong = "", 0
    for found in examine(RenderOptions(model=model, engine=engine)):
        wrong += not found.fine
        if as_json:
            typer.echo(json.dumps(asdict(found)))
            continue
        if found.topic != topic:
            topic = found.topic
            typer.echo(topic)
        typer.echo(f"{' ' if found.fine else '!'} {found.name:24}{shown(found.value)}")
    if not as_json:
        typer.echo("All is well." if not wrong else f"{wrong} of these need mending.")
    raise typer.Exit(1 if wrong else 0)
