"""A contact sheet: some pairs of a folder in one picture."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from wideopen.atomic_write import write_output
from wideopen.errors import PairsError
from wideopen.synthesis.pair_files import read_lines

BELOW_PX = 8
LABEL_PX = 14


def contact_sheet(
    pairs: Path, sheet: Path, rows: int = 6, columns: int = 2, width: int = 320, overwrite: bool = False
) -> None:
    """Draw evenly spaced pairs of a folder, input left and target right, `columns` pairs a row, as a JPEG.

    Pairs whose manifest says how they were taken get a label below, and a small cross where the focus is.

    Raises PairsError if the folder holds no pairs.
    """
    lines = list(read_lines(pairs).values())
    if not lines:
        raise PairsError(f"{pairs}: no pairs to draw; make some first")
    chosen = [lines[i] for i in np.unique(np.linspace(0, len(lines) - 1, rows * columns).round().astype(int))]
    cell = (width, width * 3 // 4)
    step = cell[1] + BELOW_PX + (LABEL_PX if any("aperture" in line for line in chosen) else 0)
    board = Image.new("RGB", (columns * (2 * width + 12), -(-len(chosen) // columns) * step), "white")
    draw = ImageDraw.Draw(board)
    for index, line in enumerate(chosen):
        top, left = index // columns * step, index % columns * (2 * width + 12)
        for side, member in enumerate(("original", "bokeh")):
            with Image.open(pairs / line[member]) as image:
                small = ImageOps.contain(image.convert("RGB"), cell, Image.Resampling.LANCZOS)
            place = (left + side * (width + 2) + (width - small.width) // 2, top)
            board.paste(small, place)
            if member == "bokeh" and "focus" in line:
                _cross(draw, place[0] + line["focus"][0] * small.width, top + line["focus"][1] * small.height)
        if "aperture" in line:
            draw.text(
                (left + 2, top + cell[1] + 2), label(line), fill="black", font=ImageFont.load_default(LABEL_PX - 3)
            )
    buffer = io.BytesIO()
    board.save(buffer, "JPEG", quality=88, optimize=True)
    write_output(sheet, buffer.getvalue(), overwrite)


def label(line: dict[str, Any]) -> str:
    """How a pair was taken, in a few words, from its manifest line."""
    shape = line.get("shape", {})
    blades = f"{shape['blades']} blades" if shape.get("blades") else "disc"
    words = [f"f/{line['aperture']:.1f}", blades + (", cat's eyes" if shape.get("vignette") else "")]
    words += [f"{line['kind']} on {line['surface']}"] if "surface" in line else []
    return "  ".join([*words, f"focus: {line['in_focus']}"] if "in_focus" in line else words)


def _cross(draw: ImageDraw.ImageDraw, x: float, y: float, reach: int = 4) -> None:
    for color, thick in (("black", 3), ("white", 1)):
        draw.line((x - reach, y, x + reach, y), fill=color, width=thick)
        draw.line((x, y - reach, x, y + reach), fill=color, width=thick)
