"""Histograms as SVG inside a page."""

import html
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, FOOT = 460, 180, 34
"""px of a plot, and of its axis with the legend."""
COLOURS = ("#2a6f97", "#d1495b", "#66a182", "#edae49", "#8d6a9f", "#555555")
BINS = 24


def histogram(title: str, series: Mapping[str, NDArray[np.float64]]) -> str:
    """Bars of how often each value comes, one colour a series over the same bins, with a line at 0; nan is left out."""
    known = {name: values[~np.isnan(values)] for name, values in series.items()}
    everything = np.concatenate([*known.values(), np.zeros(1)])
    low, high = float(everything.min()), float(everything.max())
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    counts = {name: np.histogram(values, edges)[0] for name, values in known.items()}
    most = max(1, *(int(count.max()) for count in counts.values()))
    step, floor = WIDTH / BINS, HEIGHT - FOOT
    bars, legend = [], []
    for number, (name, count) in enumerate(counts.items()):
        colour, wide = COLOURS[number % len(COLOURS)], step / len(counts)
        legend.append(_text(number * WIDTH / len(counts), HEIGHT - 4, name[-28:], f'fill="{colour}"'))
        for place, value in enumerate(count):
            tall = (floor - 20) * int(value) / most
            says = html.escape(f"{name}: {value} from {edges[place]:.3g} to {edges[place + 1]:.3g}")
            bars.append(
                f'<rect x="{place * step + number * wide:.1f}" y="{floor - tall:.1f}" width="{max(wide - 1, 0.5):.1f}" '
                f'height="{tall:.1f}" fill="{colour}"><title>{says}</title></rect>'
            )
    start = _text(0, floor + 14, f"{edges[0]:.3g}")
    end = _text(WIDTH, floor + 14, f"{edges[-1]:.3g}", 'text-anchor="end"')
    zero = WIDTH * (0 - edges[0]) / (edges[-1] - edges[0])
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img">{_text(0, 12, title)}'
        f'{"".join(bars)}<line x1="{zero:.1f}" x2="{zero:.1f}" y1="16" y2="{floor}" stroke="#000" '
        f'stroke-dasharray="3 3"/>{start}'
        f"{end}{''.join(legend)}</svg>"
    )


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{html.escape(text)}</text>'
