"""`wideopen presets`."""

from pathlib import Path
from typing import Annotated

import typer


def presets(
    preset_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML file of presets; your own if not given.")
    ] = None,
) -> None:
    """List the looks that `wideopen render --preset` knows, and what options each stands for.

    Own ones are tables of a TOML file whose keys are options: `[portrait]`, `lens = "85mm"`, `aperture = 1.4`. The last
    line says where that file is looked for. Those of the same name win over the ones that come with wideopen.

    Example: `wideopen presets`
    """
    from wideopen.cli.text import shown
    from wideopen.presets import load_presets, user_file

    found = load_presets(preset_file)
    for preset in found.values():
        options = " ".join(_as_option(name, value) for name, value in preset.settings.items())
        typer.echo(f"{shown(preset.name)}: {shown(preset.description)}" if preset.description else shown(preset.name))
        typer.echo(f"    {shown(options)}")
    path = preset_file or user_file()
    typer.echo(f"Your own: {shown(path)}{'' if path.is_file() else ' (not there)'}")


def _as_option(name: str, value: object) -> str:
    flag = "--" + name.replace("_", "-")
    if isinstance(value, bool):
        return flag if value else f"(not {flag})"
    return f"{flag} {value}"
