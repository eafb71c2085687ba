"""How well and how fast the application's preview draws, and how long a person waits for the server.

    python benchmarks/page.py [--screenshots docs]

In a real Chromium without a GPU, with the example photos. For each: PSNR (dB) of the preview against the lens's own
picture of the same pixels, and of the unblurred photo against it; milliseconds from a moved slider of the f-number to
the frame on the screen, the median and the longest of all stops. A last line of JSON. With --screenshots it takes the
pictures of docs/serve.md, and measures nothing; with --only-frames it leaves out what the server takes, with
--only-server all else: seconds from a chosen photo of 13 megapixels to its preview, to the lens's own picture on the
screen and to the whole file, and by HTTP alone, each beside `wideopen render` of that photo, in turn.
"""

import argparse
import base64
import contextlib
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wideopen import Renderer

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
sys.path.insert(0, str(ROOT / "tests"))
from browser import chromium_page  # noqa: E402
from served import Server, serving  # noqa: E402

CASES: list[tuple[str, str | None, dict[str, Any]]] = [
    ("dog.jpg", None, {"aperture": 1.8}),
    ("dog.jpg", None, {"aperture": 1.4, "focus": "0.9,0.1"}),
    ("scooter.jpg", None, {"aperture": 1.4, "lens": "85mm"}),
    ("scooter.jpg", None, {"aperture": 1.8, "blades": 6, "vignette": 0.8, "highlights": 12}),
    ("path.jpg", "path-depth.png", {"aperture": 1.8}),
    ("path.jpg", "path-depth.png", {"aperture": 1.8, "focus": "far"}),
    ("whale.jpg", "whale-depth.png", {"aperture": 1.4}),
    ("cairn.jpg", None, {"aperture": 1.4}),
    ("cairn.jpg", None, {"aperture": 2.8, "focus": "0.1,0.2"}),
    *(("scooter.jpg", None, {"aperture": stop}) for stop in (2.8, 5.6, 11, 16)),
    ("scooter.jpg", None, {"aperture": 1.8, "rim": 0.9}),
    ("path.jpg", "path-depth.png", {"aperture": 2, "tilt": 8}),
    ("dog.jpg", None, {"aperture": 2, "tilt": -8, "tilt_direction": 90}),
    ("dog.jpg", None, {"aperture": 1.8, "focus": "auto@f/5.6"}),
    ("dog.jpg", None, {"aperture": 1.4, "axial": 0.3}),
]
DRAW = """async ({photo, depth, settings}) => {
    const [{Looks}, {readScene}] = await Promise.all([import('./looks.js'), import('./scene.js')]);
    const schema = await (await fetch('schema')).json(), form = new FormData();
    form.append('photo', new Blob([Uint8Array.fromBase64(photo)]), 'photo.jpg');
    if (depth) form.append('depth', new Blob([Uint8Array.fromBase64(depth)]), 'depth.png');
    if (settings.focus) form.append('focus', settings.focus);
    const scene = await readScene(await (await fetch('scene', {method: 'POST', body: form})).arrayBuffer());
    const [canvas, source] = ['canvas', 'canvas'].map(tag => document.createElement(tag));
    const looks = new Looks(canvas, schema);
    looks.load(scene);
    source.width = scene.width; source.height = scene.height;
    source.getContext('2d').drawImage(scene.photo, 0, 0);
    const chosen = Object.fromEntries(schema.options.map(option => [option.name, option.default]));
    looks.draw({...chosen, ...settings}, settings.focus ?? 'auto', 0);
    return {after: canvas.toDataURL(), before: source.toDataURL()};
}"""
MOVE = """async () => {
    const bar = document.querySelector('#stop'), frame = () => new Promise(requestAnimationFrame), took = [];
    const gl = document.querySelector('#preview').getContext('webgl2'), pixel = new Uint8Array(4);
    for (let stop = 1; stop <= Number(bar.max); stop++) {
        await frame();
        const start = performance.now();
        bar.value = stop;
        bar.dispatchEvent(new Event('input', {bubbles: true}));
        await frame();  // In which the application draws,
        gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);  // which is done,
        await frame();  // and handed to the screen.
        took.push(performance.now() - start);
    }
    return took.slice(1);
}"""


@contextlib.contextmanager
def opened() -> Iterator[tuple[Any, Server]]:
    with (
        tempfile.TemporaryDirectory() as home,
        serving(home=Path(home) / "served") as server,
        chromium_page(1440, 900) as page,
    ):
        page.goto(server.address)
        page.wait_for_selector("html[data-ready]")
        yield page, server


def pixels(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))


def psnr(ours: np.ndarray, theirs: np.ndarray) -> float:
    return round(10 * float(np.log10(255**2 / np.mean((ours.astype(float) - theirs) ** 2))), 1)


def frames() -> dict[str, Any]:
    report: dict[str, Any] = {}
    with opened() as (page, _):
        for photo, depth, settings in CASES:
            data, given = (
                name and base64.b64encode((EXAMPLES / name).read_bytes()).decode() for name in (photo, depth)
            )
            found = page.evaluate(DRAW, {"photo": data, "depth": given, "settings": settings})
            before, after = pixels(found["before"]), pixels(found["after"])
            named = {} if depth is None else {"depth": str(EXAMPLES / depth)}
            lens = Renderer(threads=1, **settings, **named).render(before)
            report[f"{photo} {settings}"] = {"dB": psnr(after, lens), "unblurred dB": psnr(before, lens)}
            print(photo, settings, report[f"{photo} {settings}"], flush=True)
        for photo in ("scooter.jpg", "dog.jpg", "cairn.jpg"):
            page.reload()
            page.locator("#file").set_input_files(EXAMPLES / photo)
            page.wait_for_function("() => !document.querySelector('#exact').hidden")
            took = page.evaluate(MOVE)
            report[f"{photo} frames"] = {"median ms": round(statistics.median(took)), "longest ms": round(max(took))}
            print(photo, report[f"{photo} frames"], flush=True)
    return report


def beside_the_command(rounds: int = 3) -> dict[str, Any]:
    """Seconds of the server's pictures and of the command's, the median of so many, and their quotients."""
    photo, took = EXAMPLES / "cairn.jpg", dict[str, list[float]]()

    def timed(name: str, start: float) -> None:
        took.setdefault(name, []).append(time.perf_counter() - start)

    with tempfile.TemporaryDirectory() as home, opened() as (page, server):
        for number in range(rounds):
            start = time.perf_counter()
            output = Path(home) / f"{number}.jpg"
            subprocess.run([sys.executable, "-m", "wideopen", "render", photo, "-o", output, "-q"], check=True)
            timed("wideopen render", start)
            page.reload()
            page.wait_for_selector("html[data-ready]")
            start = time.perf_counter()
            page.locator("#file").set_input_files(photo)
            page.wait_for_selector("#sheet:not([hidden])")
            timed("preview", start)
            page.wait_for_function("() => !document.querySelector('#exact').hidden")
            timed("picture on the screen", start)
            start = time.perf_counter()
            with page.expect_download():
                page.locator("#download").click()
            timed("file, photo open", start)
            start = time.perf_counter()
            assert server.call("render", photo)[0] == 200
            timed("file by HTTP", start)
    seconds = {name: statistics.median(each) for name, each in took.items()}
    plain = seconds["wideopen render"]
    report = {name: {"s": round(each, 2), "of render": round(each / plain, 2)} for name, each in seconds.items()}
    for name, row in report.items():
        print(name, row, flush=True)
    return report


def screenshots(folder: Path) -> None:
    """docs/serve.md's pictures, of the free example photos."""
    with opened() as (page, _):

        def take(name: str) -> None:
            page.wait_for_timeout(4000)
            data = page.screenshot(type="png")
            with Image.open(io.BytesIO(data)) as picture:
                picture.thumbnail((960, 960))
                picture.convert("RGB").save(folder / name, quality=82, optimize=True)

        page.locator("#examples button").nth(2).click()
        page.wait_for_function("() => !document.querySelector('#exact').hidden")
        page.get_by_role("button", name="portrait").click()
        take("serve-page.jpg")
        page.emulate_media(color_scheme="dark")
        page.locator("#depth-view").click()
        take("serve-focus-dark.jpg")
        page.locator("#depth-view").click()
        page.set_viewport_size({"width": 390, "height": 844})
        take("serve-phone.jpg")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--screenshots", type=Path, metavar="FOLDER")
    parser.add_argument("--only-frames", action="store_true")
    parser.add_argument("--only-server", action="store_true")
    options = parser.parse_args()
    if options.screenshots is not None:
        screenshots(options.screenshots)
        return 0
    report = {} if options.only_server else frames()
    print(json.dumps(report if options.only_frames else {**report, "server": beside_the_command()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
