"""The report as one HTML page that needs no network: pictures, style and script are inside it."""

import base64
import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float64
from wideopen.evaluation.contenders import Contender
from wideopen.evaluation.evaluate import load_pair
from wideopen.evaluation.protocol import Protocol
from wideopen.evaluation.results import EvaluationReport, bootstrap_interval, differences
from wideopen.evaluation.scores import METRICS
from wideopen.pairs.pairs import Pair

TEMPLATE = Path(__file__).with_name("report_page.html")
SHOWN = 4
"""Pairs shown of the best, and of the worst."""
THUMBNAIL = 480
"""px; the long side of a picture in the page."""
COLUMNS = {
    "psnr": "PSNR dB",
    "psnr_gain_matched": "gain-matched PSNR dB",
    "ssim_gaussian11": "SSIM 11x11 Gaussian",
    "ssim_uniform7": "SSIM 7x7 uniform, 8 bit",
    "ssim_gaussian11_shrunk": "SSIM 11x11, shrunk",
    "ms_ssim": "MS-SSIM",
    "lpips": "LPIPS",
    "vgg": "VGG",
    "chroma_shift": "chroma shift",
    "chroma_shift_from_photo": "chroma shift from photo",
}
PLOT_WIDTH, PLOT_HEIGHT, FOOT = 460, 180, 34
"""px of a histogram, and of its axis with the legend."""
COLOURS = ("#2a6f97", "#d1495b", "#66a182", "#edae49", "#8d6a9f", "#555555")
BINS = 24
Reports = Sequence[EvaluationReport]


def report_page(reports: Reports, pairs: Sequence[Pair], contenders: Sequence[Contender], protocol: Protocol) -> str:
    """The page, as text. The worst and best pairs are made once more, to be shown; errors as in `evaluate`."""
    first = reports[0]
    gains = first.values("ours", "psnr") - first.values("photo", "psnr")
    order = np.argsort(gains, kind="stable")
    count = min(SHOWN, (len(order) + 1) // 2)
    by_name = {pair.name: pair for pair in pairs}
    sliders = []
    for title, chosen in (("Worst", order[:count]), ("Best", order[::-1][: min(count, len(order) - count)])):
        found = [_slider(by_name[first.pairs[i].name], contenders, protocol, gains[i]) for i in chosen]
        if found:
            sliders.append(f"<h2>{title}, by PSNR over the photo left as it is</h2>{_grid(found)}")
    parts = {
        "title": html.escape(f"{first.model} on {len(first.pairs)} pairs"),
        "settings": _settings(first),
        "summary": _summary(reports),
        "differences": _differences(reports),
        "histograms": _histograms(reports),
        "sliders": "".join(sliders),
        "rows": _rows(reports),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace(f"<!--{name}-->", part)
    return text


def _grid(items: Sequence[str]) -> str:
    return f"<div class=grid>{''.join(items)}</div>"


def _settings(report: EvaluationReport) -> str:
    settings = report.settings
    sentences = [
        f"Protocol: {settings.get('protocol', 'ours')}.",
        f"Matte margin: {settings.get('margin', 0)} px.",
        f"{settings.get('lpips', 'LPIPS: not measured')}.",
        f"VGG distance: {settings['vgg']}." if settings.get("vgg") else "VGG distance: not measured.",
        "Intervals hold the mean with 95 % (bootstrap over pairs).",
    ]
    return html.escape(" ".join(sentences))


def _measured(reports: Reports, names: Sequence[str] = METRICS) -> list[str]:
    return [name for name in names if not np.isnan(reports[0].values("ours", name)).all()]


def _summary(reports: Reports) -> str:
    """The means, of every contender and of the photo left alone; a second table for inside and outside."""
    inside = [name for name in METRICS if name.endswith(("_inside", "_outside"))]
    low, high = reports[0].psnr_gain_interval
    seconds = reports[0].seconds
    took = "" if seconds is None else f", <span class=seconds>{seconds:.2f} s</span> a photo"
    gain = f"{reports[0].psnr_gain:+.2f} dB over output = input (95 % {low:+.2f} to {high:+.2f})"
    text = f"<p class=gain>{gain}{took}</p>"
    for names in (list(COLUMNS), inside):
        known = _measured(reports, names)
        if known:
            rows = [(report.model, [report.values("ours", name) for name in known]) for report in reports]
            rows.append(("output = input", [reports[0].values("photo", name) for name in known]))
            body = [[html.escape(who), *map(_mean, known, found)] for who, found in rows]
            text += _table(["", *(COLUMNS.get(name, name.replace("_", " ")) for name in known)], body)
    return text


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Cells of the body are HTML, those of the head text."""
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in body)
    titles = "".join(f"<th>{html.escape(title)}</th>" for title in head)
    return f"<table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>"


def _mean(name: str, values: Float64) -> str:
    known = values[~np.isnan(values)]
    if not known.size:
        return "-"
    low, high = bootstrap_interval(known)
    digits = 2 if name.startswith(("psnr", "chroma")) else 4
    return f"{known.mean():.{digits}f}<small>{low:.{digits}f} to {high:.{digits}f}</small>"


def _differences(reports: Reports) -> str:
    if len(reports) < 2:
        return ""
    body = [
        [
            html.escape(d.model), d.metric, f"{d.mean:+.4f}", f"{d.low:+.4f} to {d.high:+.4f}",
            f"{100 * d.better:.0f} %", str(d.count),
        ]
        for d in differences(reports)
    ]  # fmt: skip
    head = ["", "metric", "mean difference", "95 %", "better on", "pairs"]
    return f"<h2>Paired differences from {html.escape(reports[0].model)}</h2>{_table(head, body)}"


def _histograms(reports: Reports) -> str:
    found = []
    for name, title in (("psnr", "PSNR over the photo's own, dB"), ("ssim_gaussian11", "SSIM over the photo's own")):
        series = {report.model: report.values("ours", name) - report.values("photo", name) for report in reports}
        found.append(histogram(title, series))
    return _grid(found)


def _rows(reports: Reports) -> str:
    """The table of pairs, as JSON that the page's script draws and sorts."""
    names = _measured(reports)
    head = ["pair", "size"]
    head += [f"{report.model}: {name}" if len(reports) > 1 else name for report in reports for name in names]
    head += [f"output = input: {name}" for name in names]
    body: list[list[Any]] = []
    for rows in zip(*(report.pairs for report in reports), strict=True):
        scores = [*(row.ours for row in rows), rows[0].photo]
        values = [getattr(score, name) for score in scores for name in names]
        rounded = [None if value is None else round(value, 4) for value in values]
        body.append([rows[0].name, f"{rows[0].width}x{rows[0].height}", *rounded])
    # "<" would let a file's name end the script.
    return json.dumps({"head": head, "rows": body}, allow_nan=False).replace("<", "\\u003c")


def _slider(pair: Pair, contenders: Sequence[Contender], protocol: Protocol, gain: float) -> str:
    """A pair whose pictures can be wiped over one another."""
    loaded = load_pair(pair, protocol)
    pictures = {"before": loaded.photo}
    pictures |= {c.name: c.make(pair, loaded.photo, protocol) for c in contenders}
    pictures["target"] = np.rint(loaded.target * 255).astype(np.uint8)
    images = "".join(
        f'<img alt="{html.escape(name)}" src="data:image/jpeg;base64,{_thumbnail(picture, loaded.photo)}">'
        for name, picture in pictures.items()
    )
    caption = f"<figcaption>{html.escape(pair.name)}: {gain:+.2f} dB</figcaption>"
    return f"<figure><div class=wipe>{images}</div>{caption}</figure>"


def _thumbnail(picture: NDArray[np.uint8], like: NDArray[np.uint8]) -> str:
    scale = min(1.0, THUMBNAIL / max(like.shape[:2]))
    size = max(1, round(like.shape[1] * scale)), max(1, round(like.shape[0] * scale))
    small = cv2.cvtColor(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    return base64.b64encode(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()).decode("ascii")


def histogram(title: str, series: Mapping[str, Float64]) -> str:
    """An SVG of how often each value comes, one colour a series, the same bins, with a line at 0; nan is left out."""
    known = {name: values[~np.isnan(values)] for name, values in series.items()}
    everything = np.concatenate([*known.values(), np.zeros(1)])
    low, high = float(everything.min()), float(everything.max())
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    counts = {name: np.histogram(values, edges)[0] for name, values in known.items()}
    most = max(1, *(int(count.max()) for count in counts.values()))
    step, floor = PLOT_WIDTH / BINS, PLOT_HEIGHT - FOOT
    bars, legend = [], []
    for number, (name, count) in enumerate(counts.items()):
        colour, wide = COLOURS[number % len(COLOURS)], step / len(counts)
        legend.append(_text(number * PLOT_WIDTH / len(counts), PLOT_HEIGHT - 4, name[-28:], f'fill="{colour}"'))
        for place, value in enumerate(count):
            tall = (floor - 20) * int(value) / most
            says = html.escape(f"{name}: {value} from {edges[place]:.3g} to {edges[place + 1]:.3g}")
            bars.append(
                f'<rect x="{place * step + number * wide:.1f}" y="{floor - tall:.1f}" width="{max(wide - 1, 0.5):.1f}" '
                f'height="{tall:.1f}" fill="{colour}"><title>{says}</title></rect>'
            )
    start = _text(0, floor + 14, f"{edges[0]:.3g}")
    end = _text(PLOT_WIDTH, floor + 14, f"{edges[-1]:.3g}", 'text-anchor="end"')
    zero = PLOT_WIDTH * (0 - edges[0]) / (edges[-1] - edges[0])
    return (
        f'<svg viewBox="0 0 {PLOT_WIDTH} {PLOT_HEIGHT}" width="{PLOT_WIDTH}" height="{PLOT_HEIGHT}" role="img">'
        f'{_text(0, 12, title)}{"".join(bars)}<line x1="{zero:.1f}" x2="{zero:.1f}" y1="16" y2="{floor}" stroke="#000" '
        f'stroke-dasharray="3 3"/>{start}{end}{"".join(legend)}</svg>'
    )


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{html.escape(text)}</text>'
