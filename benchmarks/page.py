"""How well and how fast the application's preview draws, and how long a person waits for the server.

    python benchmarks/page.py [--screenshots docs]

In a real Chromium without a GPU, with the example photos. For each: PSNR (dB) of the preview against the lens's own
picture of the same pixels, and of the unblurred photo against it; milliseconds of a whole frame, and of a frame while
the slider moves. A last line of JSON. With --screenshots it takes the pictures of docs/serve.md, and measures nothing.
"""

import argparse
import base64
import contextlib
import io
import json
import statistics
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
from served import serving  # noqa: E402

CASES: list[tuple[str, str | None, dict[str, Any]]] = [
    ("dog.jpg", None, {"aperture": 1.8}),
    ("dog.jpg", None, {"aperture": 1.4, "focus": "0.9,0.1"}),
    ("scooter.jpg", None, {"aperture": 1.4, "lens": "85mm"}),
    ("scooter.jpg", None, {"aperture": 1.8, "blades": 6, "vignette": 0.8, "highlights": 12}),
    ("path.jpg", "path-depth.png", {"aperture": 1.8}),
    ("path.jpg", "path-depth.png", {"aperture": 1.8, "focus": "far"}),
    ("whale.jpg", "whale-depth.png", {"aperture": 1.4}),
]
DRAW = """async ({photo, depth, settings}) => {
    const [{Looks}, {readScene}] = await Promise.all([import('./looks.js'), import('./scene.js')]);
    const schema = await (await fetch('schema')).json(), form = new FormData();
    form.append('photo', await (await fetch('examples/' + photo)).blob(), photo);
    if (depth) form.append('depth', await (await fetch('examples/' + depth)).blob(), depth);
    if (settings.focus) form.append('focus', settings.focus);
    const scene = await readScene(await (await fetch('scene', {method: 'POST', body: form})).arrayBuffer());
    const canvas = document.createElement('canvas'), draft = document.createElement('canvas');
    const looks = new Looks(canvas, draft, schema);
    looks.load(scene);
    while (!looks.side) await new Promise(next => setTimeout(next, 50));
    await new Promise(next => setTimeout(next, 300));
    const chosen = {lens: '50mm', blades: 0, roundness: 0, rotate: 0, ring: 0, squeeze: 1, vignette: 0, ...settings};
    const time = (preview, scene) => [0, 1, 2, 3, 4].map(step => {
        const start = performance.now();
        const moved = {...chosen, aperture: settings.aperture * (1.04 - 0.01 * step)};
        looks.drawWith(preview, scene, moved, settings.focus ?? 'auto', 0);
        preview.finish();
        return performance.now() - start;
    }).slice(1);
    const moving = looks.rough ? time(looks.drafts, looks.rough) : null, whole = time(looks.preview, scene);
    const source = document.createElement('canvas');
    source.width = scene.width; source.height = scene.height;
    source.getContext('2d').drawImage(scene.photo, 0, 0);
    looks.drawWith(looks.preview, scene, chosen, settings.focus ?? 'auto', 0);
    return {whole, moving: moving ?? whole, side: looks.rough ? looks.rough.width : scene.width,
        after: canvas.toDataURL(), before: source.toDataURL()};
}"""


@contextlib.contextmanager
def opened() -> Iterator[Any]:
    with (
        tempfile.TemporaryDirectory() as home,
        serving(home=Path(home) / "served") as server,
        chromium_page(1440, 900) as page,
    ):
        page.goto(server.address)
        page.wait_for_selector("html[data-ready]")
        yield page


def pixels(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))


def psnr(ours: np.ndarray, theirs: np.ndarray) -> float:
    return round(10 * float(np.log10(255**2 / np.mean((ours.astype(float) - theirs) ** 2))), 1)


def measure() -> dict[str, Any]:
    report = {}
    with opened() as page:
        for photo, depth, settings in CASES:
            found = page.evaluate(DRAW, {"photo": photo, "depth": depth, "settings": settings})
            before, after = pixels(found["before"]), pixels(found["after"])
            named = {} if depth is None else {"depth": str(EXAMPLES / depth)}
            lens = Renderer(threads=1, **settings, **named).render(before)
            report[f"{photo} {settings}"] = {
                "dB": psnr(after, lens), "unblurred dB": psnr(before, lens),
                "whole frame ms": round(statistics.median(found["whole"])),
                "moving frame ms": round(statistics.median(found["moving"])), "moving px": found["side"],
            }  # fmt: skip
            print(photo, settings, report[f"{photo} {settings}"], flush=True)
        page.reload()
        page.wait_for_selector("html[data-ready]")
        start = time.perf_counter()
        page.locator("#file").set_input_files(EXAMPLES / "cairn.jpg")
        page.wait_for_selector("#sheet:not([hidden])")
        report["13 MP, first picture s"] = round(time.perf_counter() - start, 2)
        start = time.perf_counter()
        with page.expect_download():
            page.locator("#download").click()
        report["13 MP, whole file s"] = round(time.perf_counter() - start, 2)
    return report


def screenshots(folder: Path) -> None:
    """docs/serve.md's pictures, of the free example photos."""
    with opened() as page:

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
    options = parser.parse_args()
    if options.screenshots is not None:
        screenshots(options.screenshots)
        return 0
    print(json.dumps(measure()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
