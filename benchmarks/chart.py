"""Charts as SVG, for the benchmarks."""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

LINE, LEFT, BAR, RIGHT, HEAD = 28, 220, 420, 150, 44
"""Height of a line, widths of the names, of the longest bar, and of the figures, height above the bars, in px."""


def bars(title: str, values: Mapping[str, float], notes: Mapping[str, str], accent: str = "ours") -> str:
    """A horizontal bar for each value, on a linear scale from 0.

    Args:
        values: not negative; drawn in this order.
        notes: what stands at the end of each bar.
        accent: names that begin with it get the stronger colour.
    """
    longest = max(values.values(), default=0.0) or 1.0
    width, height = LEFT + BAR + RIGHT, HEAD + LINE * len(values) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="14">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="12" y="26" font-size="16" font-weight="bold" fill="#222">{escape(title)}</text>',
    ]
    for number, (name, value) in enumerate(values.items()):
        top = HEAD + LINE * number
        long = max(1.0, BAR * value / longest)
        colour = "#1f6feb" if name.startswith(accent) else "#9aa4b2"
        parts += [
            f'<text x="{LEFT - 10}" y="{top + 19}" text-anchor="end" fill="#222">{escape(name)}</text>',
            f'<rect x="{LEFT}" y="{top + 4}" width="{long:.1f}" height="{LINE - 8}" fill="{colour}"/>',
            f'<text x="{LEFT + long + 8:.1f}" y="{top + 19}" fill="#222">{escape(notes.get(name, ""))}</text>',
        ]
    return "\n".join([*parts, "</svg>\n"])


def _frame(width: int, height: int, title: str) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="12" y="24" font-size="15" font-weight="bold" fill="#222">{escape(title)}</text>',
    ]


def _text(x: float, y: float, words: str, anchor: str = "start", colour: str = "#222") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def _tick(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return _text(x, y, words, anchor, "#57606a")


def histograms(title: str, parts: Mapping[str, tuple[NDArray[np.float64], float]], most: float, bins: int = 48) -> str:
    """Distributions over 0..`most`, one below another; each has a name, its values and a mark to hold them against."""
    wide, tall, left = 720, 150, 40
    out = _frame(wide + 2 * left, 40 + len(parts) * (tall + 46), title)
    for number, (name, (values, mark)) in enumerate(parts.items()):
        top = 40 + number * (tall + 46)
        floor, at = top + tall + 16, left + wide * mark / most
        out.append(_text(left, top + 12, f"{name}; mean {values.mean():.3f}, median {np.median(values):.3f}"))
        counts, _ = np.histogram(values.clip(0, most - 1e-9), bins, (0, most))
        for place, count in enumerate(counts):
            x, high = left + wide * place / bins, (tall - 10) * count / max(counts.max(), 1)
            size = f'width="{wide / bins - 1:.1f}" height="{high:.1f}"'
            out.append(f'<rect x="{x:.1f}" y="{floor - high:.1f}" {size} fill="#1f6feb"/>')
        out.append(f'<path d="M{at:.1f} {top + 18} V{floor}" stroke="#d1242f" stroke-dasharray="4 3"/>')
        out.append(f'<path d="M{left} {floor} h{wide}" stroke="#57606a"/>')
        out += [_tick(left + wide * tick / most, floor + 15, f"{tick:.1f}") for tick in np.arange(0, most + 1e-9, 0.2)]
    return "\n".join([*out, "</svg>\n"])


@dataclass(frozen=True)
class Point:
    """One mark of a scatter plot."""

    x: float
    y: float
    name: str
    colour: str = "#1f6feb"
    error: float = 0.0
    """Half the length of a bar up and down."""


def scatter(title: str, points: list[Point], across: str, up: str) -> str:
    """Named points; axes from 0, or lower where a point is."""
    wide, tall, left, top = 640, 420, 60, 52
    right = 1.1 * max(point.x for point in points)
    low = min(0.0, *(point.y - point.error for point in points)) * 1.1
    high = 1.1 * max(point.y + point.error for point in points)

    def place(x: float, y: float) -> tuple[float, float]:
        return left + wide * x / right, top + tall * (1 - (y - low) / (high - low))

    floor = place(0, low)[1]
    out = _frame(wide + left + 160, tall + top + 50, title)
    out.append(f'<path d="M{left} {top} V{floor:.1f} h{wide}" fill="none" stroke="#57606a"/>')
    out += [_text(left + wide, floor + 36, across, "end"), _text(left + 6, top - 6, up)]
    out += [_tick(place(tick, low)[0], floor + 16, f"{tick:.2g}") for tick in np.linspace(0, right, 6)]
    out += [_tick(left - 6, place(0, tick)[1] + 4, f"{tick:g}", "end") for tick in np.arange(np.ceil(low), high)]
    taken: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda point: -point.y):
        x, y = place(point.x, point.y)
        label = y
        while any(abs(label - other) < 14 and abs(x - near) < 190 for near, other in taken):
            label += 3
        taken.append((x, label))
        reach = tall * point.error / (high - low)
        out.append(f'<path d="M{x:.1f} {y - reach:.1f} v{2 * reach:.1f}" stroke="{point.colour}"/>')
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{point.colour}"/>')
        out.append(_text(x + 8, label + 4, point.name))
    return "\n".join([*out, "</svg>\n"])
