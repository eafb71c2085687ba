"""How long a person waits at `wideopen serve`: from the drop to the first picture, from a moved slider to the next.

    python benchmarks/page.py [--screenshots docs]

In a real Chromium, on this machine, with the 13-megapixel example photo, without a depth map and with one. Prints a
table and a last line of JSON. With --screenshots it takes the pictures of docs/serve.md, and nothing is measured.
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from browser import chromium_page  # noqa: E402
from served import Server, serving  # noqa: E402

STOPS = ("5", "6", "7", "8", "10", "12")
"""Places of the slider: f/5.6 to f/1."""


@contextlib.contextmanager
def opened() -> Iterator[tuple[Any, Server, Path]]:
    with (
        tempfile.TemporaryDirectory() as home,
        serving(home=Path(home) / "served") as server,
        chromium_page(1240, 1000) as page,
    ):
        page.goto(server.address)
        page.locator("#photo input[type=file]").wait_for(state="attached", timeout=60_000)
        page.wait_for_timeout(1000)
        yield page, server, Path(home)


def picture(page: Any) -> str | None:
    found = page.locator("#compare img")
    return found.nth(1).get_attribute("src") if found.count() > 1 else None


def seconds(page: Any, act: Any) -> float:
    """From an act to the next picture, loaded and shown."""
    before = picture(page)
    start = time.perf_counter()
    act()
    page.wait_for_function(
        """before => {
            const picture = document.querySelectorAll('#compare img')[1];
            return picture && picture.src !== before && picture.complete && picture.naturalWidth > 0;
        }""",
        arg=before, timeout=60_000, polling=20,
    )  # fmt: skip
    return round(time.perf_counter() - start, 2)


def ground(folder: Path) -> Path:
    """A map for the cairn: a plane that recedes, and the stones before it."""
    height, width = 300, 400
    disparity = np.tile(np.linspace(0.05, 0.8, height)[:, None], (1, width))
    cv2.ellipse(disparity, (width // 2, height // 2), (60, 120), 0, 0, 360, 0.9, -1)
    path = folder / "cairn-depth.png"
    Image.fromarray((disparity * 65535).astype(np.uint16)).save(path)
    return path


def measure() -> dict[str, Any]:
    with opened() as (page, _, home):
        photo = ROOT / "examples" / "cairn.jpg"
        with Image.open(photo) as image:
            size = image.width * image.height / 1e6, image.width / image.height
        depth = ground(home)
        if abs(size[1] - 4 / 3) > 0.02:
            with Image.open(depth) as small:
                small.resize((300, 400) if size[1] < 1 else (400, 300)).save(depth)
        first = seconds(page, lambda: page.locator("#photo input[type=file]").set_input_files(photo))
        again = []
        for _ in range(2):
            page.locator("#photo button[aria-label=Clear]").click()
            page.wait_for_timeout(500)
            again.append(seconds(page, lambda: page.locator("#photo input[type=file]").set_input_files(photo)))
        page.locator("#depth button").first.click()
        page.wait_for_timeout(500)
        mapped = seconds(page, lambda: page.locator("#map input[type=file]").set_input_files(depth))
        moves = {}
        for place in STOPS:
            if page.locator("#f-number").input_value() == place:
                continue
            moves[place] = seconds(page, lambda place=place: page.locator("#f-number").fill(place))
        start = time.perf_counter()
        with page.expect_download(timeout=60_000):
            page.locator("#make").click()
        return {
            "photo MP": round(size[0], 1), "first picture s": first, "opened again s": again,
            "first with a depth map s": mapped, "slider moves s": list(moves.values()),
            "slowest move s": max(moves.values()), "whole file s": round(time.perf_counter() - start, 2),
        }  # fmt: skip


def screenshots(folder: Path) -> None:
    """docs/serve.md's pictures, of the free example photos."""
    with opened() as (page, _, _):

        def wait(words: str) -> None:
            page.wait_for_function(
                "words => document.querySelector('#status').innerText.includes(words)", arg=words, timeout=60_000
            )
            page.wait_for_timeout(1500)

        page.set_viewport_size({"width": 1240, "height": 1010})
        page.locator("#examples button").first.click()
        wait("from the depth map")
        page.screenshot(path=folder / "serve-page.jpg", type="jpeg", quality=85)
        page.get_by_role("tab", name="Tap to focus").click()
        page.wait_for_timeout(800)
        box = page.locator("#tap img").bounding_box()
        page.locator("#tap img").click(position={"x": 0.72 * box["width"], "y": 0.22 * box["height"]})
        wait("where the ring is")
        page.emulate_media(color_scheme="dark")
        page.wait_for_timeout(500)
        page.screenshot(path=folder / "serve-focus-dark.jpg", type="jpeg", quality=85)
        page.emulate_media(color_scheme="light")
        page.get_by_role("tab", name="Compare").click()
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_timeout(1000)
        page.evaluate("document.querySelector('#status').scrollIntoView()")
        page.wait_for_timeout(500)
        page.screenshot(path=folder / "serve-phone.jpg", type="jpeg", quality=85)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--screenshots", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    if options.screenshots is not None:
        screenshots(options.screenshots)
        return 0
    report = measure()
    for name, value in report.items():
        print(f"{name:28} {value}")
    print(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
