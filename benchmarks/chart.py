"""Bar charts as SVG, for the benchmarks."""

from collections.abc import Mapping
from xml.sax.saxutils import escape

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
