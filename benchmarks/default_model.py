"""How good is the model that ships? All that is promised of it, measured on photos that it was not trained on.

    python benchmarks/default_model.py --pairs HELD_OUT --taps TWO_SUBJECTS --photos PHOTOS --mattes MATTES --only LIST

Each part runs if what it needs is given (docs/training.md says how the folders are made):

    pairs     --pairs   PSNR, SSIM, VGG against "output = input", by f-number and kind of scene; pairs whose target
                        shows no blur (above 45 dB to the photo) are counted apart
    detail    --photos  fine detail kept inside the subject (found by itself, and tapped), and left outside it at f/1.8
    aperture  --photos  blur outside the subject from f/1.2 to f/16 and off; radius against 1/N
    taps      --taps    of two subjects, the tapped one is the sharper; a tap on the background blurs the subject
    colour    --photos  low-passed CIEDE2000 between output and input
    real      --real    gain-matched PSNR and VGG on real pairs

A table a part; the last line is JSON.
"""

import argparse
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from chart import histograms
from wideopen.evaluation.contenders import Model
from wideopen.evaluation.evaluate import evaluate_all
from wideopen.evaluation.results import bootstrap_interval
from wideopen.evaluation.scores import Measure, make_measure
from wideopen.lens.lens_settings import LensSettings, settings_for_scene
from wideopen.options import RenderOptions
from wideopen.pairs.pair_scene import STEPS, read_scene
from wideopen.pairs.pairs import Pair, find_pairs, load_image, load_map
from wideopen.render.renderer import Renderer
from wideopen.render.scene_rendering import draw_scene
from wideopen.scene.scene import Scene, estimated_scene

Values = NDArray[np.float64]
Grey = NDArray[np.float32]
UNSEEN_DB = 45.0
"""A target nearer than this to its photo shows no blur to be made; such pairs are counted apart."""
F_NUMBERS = {"f/1.2-2": 2.0, "f/2-4": 4.0, "f/4-8": 8.0, "f/8 up": np.inf}
APERTURES = (1.2, 1.8, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0)
BLUR_ABOVE, BLUR_ROLL_OFF = 1 / 16, 0.03
"""Detail that tells blurs apart wide open, too. Above a quarter of the sampling rate nothing is left by f/1.8,
but for things half kept, whose contrast grows as the blur around them darkens."""
MARGIN = 0.02
"""Share of the short side by which mattes are eroded and dilated."""
MIRRORED_PX = 32
"""What is seen of a photo beyond its frame where its detail is told. A Fourier transform has the photo repeat itself,
and a step from its last row to its first is an edge that no lens blurs."""
ROLL_OFF = 0.04
"""Standard deviation (of the sampling rate) of the limit, a Gaussian rise, so that an edge is heard of some 10 px away:
from a sharp limit it rings all over the photo."""


@dataclass(frozen=True)
class Case:
    """A held-out photo, where the model holds things to be, and the matte that says what is the subject."""

    name: str
    places: Scene
    inside: NDArray[np.bool_]
    outside: NDArray[np.bool_]

    def drawn(self, f_number: float) -> NDArray[Any]:
        return draw_scene(self.places, glass(self.places.pixels, f_number))


def glass(pixels: NDArray[Any], f_number: float) -> LensSettings:
    """What `wideopen render --aperture` draws with."""
    return settings_for_scene(pixels, RenderOptions(aperture=f_number))


def cases(renderer: Renderer, photos: Path, mattes: Path, only: Path, limit: int) -> Iterator[Case]:
    """Photos of the list whose matte knows a subject."""
    done = 0
    for name in only.read_text().split():
        path = next(iter(sorted((photos / name).parent.glob((photos / name).name + ".*"))), None)
        if path is None or done >= limit:
            continue
        pixels = load_image(path)
        height, width = pixels.shape[:2]
        matte = cv2.resize(load_map(mattes / f"{name}.png"), (width, height), interpolation=cv2.INTER_LINEAR)
        square = np.ones((2 * round(MARGIN * min(height, width)) + 1,) * 2, np.uint8)
        inside = cv2.erode((matte > 230).astype(np.uint8), square) > 0
        outside = cv2.dilate((matte > 25).astype(np.uint8), square) == 0
        if inside.mean() > 0.005 and outside.mean() > 0.05:
            done += 1
            yield Case(name, renderer.estimate_scene(pixels), inside, outside)


def fine(pixels: NDArray[Any], above: float = 0.25, roll_off: float = ROLL_OFF) -> Grey:
    """Squared detail above a share of the sampling rate, a quarter of it if nothing is said, HxW."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32) / np.float32(255)
    wide = np.pad(grey, MIRRORED_PX, mode="symmetric")
    down, across = np.fft.fftfreq(wide.shape[0])[:, None], np.fft.rfftfreq(wide.shape[1])[None]
    spectrum = np.fft.rfft2(wide) * normal_share((np.hypot(down, across) - above) / roll_off)
    inner = slice(MIRRORED_PX, -MIRRORED_PX)
    return np.square(np.fft.irfft2(spectrum, s=wide.shape)[inner, inner]).astype(np.float32)


def normal_share(x: Values) -> Values:
    """Share of a normal distribution below x, to 1e-4."""
    steps = np.linspace(-5, 5, 1001)
    return np.interp(x, steps, [0.5 * (1 + math.erf(step / math.sqrt(2))) for step in steps])


def share_kept(out: Grey, before: Grey, where: NDArray[np.bool_]) -> float:
    return float(out[where].sum() / max(before[where].sum(), 1e-12))


def measure_pairs(renderer: Renderer, pairs: list[Pair], measure: Measure) -> dict[str, Any]:
    """The gain over "output = input" of every pair at its own aperture and focus, and of groups of them."""
    rows = evaluate_all(pairs, [Model("model", renderer)], measure=measure)[0].pairs
    groups: dict[str, list[int]] = {"all": []}
    for number, pair in enumerate(pairs):
        assert pair.aperture is not None and pair.shot is not None
        if rows[number].photo.psnr > UNSEEN_DB:
            groups.setdefault("no blur to see", []).append(number)
            continue
        wide = next(name for name, until in F_NUMBERS.items() if pair.aperture < until)
        for name in ("all", wide, f"focus: {pair.shot.in_focus}", f"scene: {pair.shot.surface}"):
            groups.setdefault(name, []).append(number)
    found: dict[str, Any] = {}
    for name, members in sorted(groups.items()):
        values = {
            metric: np.array([getattr(rows[i].ours, metric) - getattr(rows[i].photo, metric) for i in members])
            for metric in ("psnr", "ssim_gaussian11", *(("vgg",) if measure.vgg else ()))
        }
        found[name] = {"count": len(members), "psnr": float(np.mean([rows[i].ours.psnr for i in members]))} | {
            f"{metric}_gain": [float(gain.mean()), *bootstrap_interval(gain)] for metric, gain in values.items()
        }
    return found


def measure_photos(found: Iterator[Case]) -> dict[str, Any]:
    """Detail, aperture and colour, one photo at a time."""
    inside, tapped, outside, falls, colour, worst = [], [], [], [], [], {}
    for case in found:
        before, coarse_before = fine(case.places.pixels), fine(case.places.pixels, BLUR_ABOVE, BLUR_ROLL_OFF)
        left = []
        for number in APERTURES:
            made = case.drawn(number)
            left.append(share_kept(fine(made, BLUR_ABOVE, BLUR_ROLL_OFF), coarse_before, case.outside))
            if number == 1.8:
                after = fine(made)
                inside.append(share_kept(after, before, case.inside))
                at_point = draw(case.places, glass(case.places.pixels, number), middle(case.inside))
                tapped.append(share_kept(fine(at_point), before, case.inside))
                outside.append(share_kept(after, before, case.outside))
                colour.append(colour_shift(made, case.places.pixels))
                worst[case.name] = (inside[-1], outside[-1], colour[-1])
        falls.append(all(a <= b * 1.001 + 1e-4 for a, b in zip(left, left[1:], strict=False)))
    radii = [measured_radius(number) for number in APERTURES]
    return {
        "photos": len(inside),
        "kept_inside": spread(inside),
        "kept_inside_tapped": spread(tapped),
        "left_outside_f1.8": spread(outside),
        "share_kept_inside_at_least_0.90": float(np.mean(np.array(inside) >= 0.9)),
        "share_kept_inside_tapped_at_least_0.90": float(np.mean(np.array(tapped) >= 0.9)),
        "share_left_outside_at_most_0.20": float(np.mean(np.array(outside) <= 0.2)),
        "blur_grows_with_aperture": float(np.mean(falls)),
        "radius_against_1/N": float(np.corrcoef(radii, [1 / n for n in APERTURES])[0, 1]),
        "colour": spread(colour),
        "each": worst,
    }


def draw_detail(each: dict[str, tuple[float, float, float]]) -> str:
    """Both distributions of `measure_photos` as SVG."""
    inside, outside, _ = np.array(list(each.values())).T
    title = f"Fine detail of {len(each)} held-out photos at f/1.8, as a share of the photo's own"
    parts = {"inside the subject (0.90 asked)": (inside, 0.9), "outside it (0.20 asked)": (outside, 0.2)}
    return histograms(title, parts, most=1.2)


def spread(values: list[float]) -> dict[str, float]:
    data = np.array(values)
    return {"mean": float(data.mean())} | {f"p{p}": float(np.percentile(data, p)) for p in (0, 5, 25, 50, 75, 95, 100)}


def measured_radius(f_number: float, side: int = 401) -> float:
    """Radius in shares of the side, from the second moment of what becomes of a point of light at the far end."""
    photo = np.zeros((side, side, 3), np.float32)
    photo[side // 2, side // 2] = 0.5
    places = estimated_scene(photo, np.zeros((8, 8), np.float32), np.full((8, 8), -1, np.float32))
    seen = draw_scene(places, replace(glass(photo, f_number), highlight_gain=1.0))[..., 0].astype(np.float64)
    light = np.where(seen <= 0.04045, seen / 12.92, ((seen + 0.055) / 1.055) ** 2.4)
    rows, columns = np.mgrid[:side, :side] - side // 2
    return float(np.sqrt(2 * (light * (rows**2 + columns**2)).sum() / light.sum() / 2) / side)


def colour_shift(x: NDArray[Any], y: NDArray[Any]) -> float:
    """Mean CIEDE2000 of the two after a Gaussian of 16 px."""
    from skimage.color import deltaE_ciede2000

    labs = []
    for image in (x, y):
        smooth = cv2.GaussianBlur(image.astype(np.float32) / np.float32(255), (0, 0), 16)
        labs.append(cv2.cvtColor(smooth, cv2.COLOR_RGB2Lab)[::4, ::4])
    return float(deltaE_ciede2000(*labs).mean())


def measure_taps(renderer: Renderer, pairs: list[Pair]) -> dict[str, float]:
    """Scenes of two subjects: tap one, the other, and the background."""
    right, blurred = [], []
    for pair in pairs:
        scene = read_scene(pair)
        second = second_subject(scene.codes)
        first = cv2.erode((scene.subject > 0.9).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        if second is None or first.sum() < 200:
            continue
        pixels = load_image(pair.original)
        places, before = renderer.estimate_scene(pixels), fine(pixels)
        lens = glass(pixels, 1.4)
        for own, other in ((first, second), (second, first)):
            after = fine(draw(places, lens, middle(own)))
            right.append(share_kept(after, before, own) > share_kept(after, before, other))
        far = scene.relative < -0.7
        if far.sum() > 500:
            after = fine(draw(places, lens, middle(far)))
            blurred.append(share_kept(after, before, first) < 0.5)
    return {
        "scenes": len(right) / 2,
        "tapped_is_sharper": float(np.mean(right)),
        "background_tap_blurs_subject": float(np.mean(blurred)),
    }


def draw(places: Scene, lens: LensSettings, where: str) -> NDArray[Any]:
    looked, focus = places.focus_at(where)
    return draw_scene(looked, replace(lens, focus=focus))


def second_subject(codes: NDArray[np.uint16]) -> NDArray[np.bool_] | None:
    """The largest area of one disparity that is neither the subject's nor flat background."""
    flat = {round(STEPS), 0, round(0.85 * STEPS), round(2 * STEPS)}
    best: NDArray[np.bool_] | None = None
    values, counts = np.unique(codes, return_counts=True)
    for value in values[np.argsort(-counts)][:6]:
        if int(value) not in flat:
            area = cv2.erode((codes == value).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
            if area.sum() > 300 and (best is None or area.sum() > best.sum()):
                best = area
    return best


def middle(area: NDArray[np.bool_]) -> str:
    """Where a person would tap it: the pixel deepest inside, as shares of width and height."""
    depth = cv2.distanceTransform(area.astype(np.uint8), cv2.DIST_L2, 3)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return f"{(column + 0.5) / area.shape[1]},{(row + 0.5) / area.shape[0]}"


def measure_real(renderer: Renderer, folder: Path, measure: Measure) -> dict[str, Any]:
    """Real pairs, at the model's default look."""
    rows = evaluate_all(find_pairs(folder), [Model("model", Always(renderer))], measure=measure)[0].pairs
    names = ("psnr_gain_matched", *(("vgg",) if measure.vgg else ()))
    return {row.name: {name: [getattr(row.ours, name), getattr(row.photo, name)] for name in names} for row in rows}


class Always:
    """Renders as `wideopen render` does, whatever is known of a pair."""

    def __init__(self, renderer: Renderer) -> None:
        self.render: Callable[..., Any] = renderer.render


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "pairs", "taps", "photos", "mattes", "only", "real", "vgg"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--limit", type=int, default=10_000)
    parser.add_argument("--svg", type=Path, help="file to draw the distributions of detail in")
    options = parser.parse_args()
    renderer, measure = Renderer(RenderOptions(model=options.model)), make_measure(vgg_weights=options.vgg)
    found: dict[str, Any] = {"model": renderer.engine.metadata.name}
    if options.pairs:
        found["pairs"] = measure_pairs(renderer, find_pairs(options.pairs)[: options.limit], measure)
    if options.photos:
        found["photos"] = measure_photos(cases(renderer, options.photos, options.mattes, options.only, options.limit))
        if options.svg:
            options.svg.write_text(draw_detail(found["photos"]["each"]))
    if options.taps:
        found["taps"] = measure_taps(renderer, find_pairs(options.taps)[: options.limit])
    if options.real:
        found["real"] = measure_real(renderer, options.real, measure)
    show(found)
    print(json.dumps(found))


def show(found: dict[str, Any]) -> None:
    console = Console()
    if "pairs" in found:
        table = Table("pairs", "count", "PSNR", "gain (95 %)", "SSIM gain", "VGG change")
        for name, row in found["pairs"].items():
            gains = [
                "{:+.3f} ({:.3f} to {:.3f})".format(*row[k]) if k in row else "-"
                for k in ("psnr_gain", "ssim_gaussian11_gain", "vgg_gain")
            ]
            table.add_row(name, str(row["count"]), f"{row['psnr']:.2f}", *gains)
        console.print(table)
    for part in ("photos", "taps", "real"):
        if part in found:
            table = Table(part, "")
            for name, value in found[part].items():
                if name != "each":
                    table.add_row(name, json.dumps(value))
            console.print(table)


if __name__ == "__main__":
    main()
