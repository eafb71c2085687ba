"""The application without a server against `wideopen render`: how far apart, how long, how much memory.

    python benchmarks/alone.py [--threads 1|all] [--only large|small]

In a real Chromium, by the package's model: five example photos from 0.5 to 13 megapixels at two f-numbers, with the
subject and two other points in focus, one with a depth map, one with a stroke; and one of 12 megapixels (`large`),
whose seconds are judged. For each: the share of pixels that are at most 2/255 apart, as a PNG; seconds in the browser
from the file to a JPEG, model and workers there already. At the end, the largest memory of the page's process. A last
line of JSON.
"""

import argparse
import base64
import functools
import http.server
import io
import json
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wideopen import Renderer
from wideopen.photo.depth import load_depth
from wideopen.photo.files import decode
from wideopen.web.site import write_site

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
sys.path.insert(0, str(ROOT / "tests"))
from browser import chromium_page  # noqa: E402

SUBJECT, LEFT, TOP = "auto", "0.2,0.5", "0.7,0.15"
PHOTOS: list[tuple[str, int, str | None]] = [
    ("dog.jpg", 816, None),
    ("scooter.jpg", 1024, None),
    ("path.jpg", 1024, "path-depth.png"),
    ("cairn.jpg", 2600, None),
    ("cairn.jpg", 10_000, None),
]
TIMED: list[tuple[str, int, str | None]] = [("cairn.jpg", 4000, None)]
"""Files, long side in px that they are reduced to, and depth maps; the seconds of 12 megapixels are judged."""
STROKE = {"kind": "give", "points": [[0.5, 0.55], [0.52, 0.6]], "radius": 0.01}
DRAW = """async ([data, type, depth, focus, strokes, aperture]) => {
    const alone = await import('./alone.js'), schema = await alone.schema();
    const settings = Object.fromEntries(schema.options.map(option => [option.name, option.default]));
    const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
    const map = depth && new File([bytes(depth)], 'depth.png', {type: 'image/png'});
    const photo = {file: new File([bytes(data)], 'photo', {type}), depth: map, id: null, focus, strokes};
    const start = performance.now(), made = await alone.render(photo, {...settings, aperture});
    const seconds = (performance.now() - start) / 1000;
    alone.forget([photo.id]);
    const read = new FileReader();
    await new Promise(done => { read.onload = done; read.readAsDataURL(made); });
    return [seconds, read.result.split(',')[1]];
}"""


class Isolated(http.server.SimpleHTTPRequestHandler):
    """With the headers that let the model run in threads."""

    def log_message(self, *_: Any) -> None:
        pass

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()


def reduced(name: str, side: int) -> bytes:
    """An example photo as a JPEG of at most that size, itself if it is no larger."""
    data = (EXAMPLES / name).read_bytes()
    with Image.open(io.BytesIO(data)) as photo:
        if max(photo.size) <= side:
            return data
        photo.thumbnail((side, side))
        photo.save(buffer := io.BytesIO(), "JPEG", quality=95)
    return buffer.getvalue()


def memory_mb() -> float:
    """The largest memory that any of Chromium's processes has held."""
    peaks = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:
            continue
        if "chrom" in lines["Name"] and "VmHWM" in lines:
            peaks.append(int(lines["VmHWM"].split()[0]) / 1024)
    return max(peaks, default=0.0)


def measured(
    page: Any, name: str, side: int, depth: str | None, strokes: list[Any], focus: str, aperture: float
) -> Any:
    """One row of the table."""
    data, map_path = reduced(name, side), depth and EXAMPLES / depth
    text = [base64.b64encode(part).decode() if part else None for part in (data, map_path and map_path.read_bytes())]
    # As a PNG, so that nothing is lost by writing it; as a JPEG for the seconds.
    made, seconds = (
        page.evaluate(DRAW, [text[0], kind, text[1], focus, strokes, aperture])[place]
        for kind, place in (("image/png", 1), ("image/jpeg", 0))
    )
    ours = np.asarray(Image.open(io.BytesIO(base64.b64decode(made))).convert("RGB")).astype(int)
    renderer = Renderer(aperture=aperture, focus=focus)
    taken = decode(data, name)
    theirs = (renderer.with_strokes(strokes) if strokes else renderer).render_photo(
        taken, map_path and load_depth(map_path)
    )[0]
    error = np.abs(ours - theirs.pixels.astype(int)).max(axis=2)
    kind = "map" if depth else "stroke" if strokes else "model"
    return {
        "photo": name, "megapixels": round(error.size / 1e6, 1), "by": kind, "focus": focus, "aperture": aperture,
        "within": float((error <= 2).mean()), "most": int(error.max()), "seconds": round(seconds, 2),
        "kept": float((theirs.pixels == taken.pixels).all(axis=2).mean()),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", choices=("1", "all"), default="all")
    parser.add_argument("--only", choices=("large", "small"), help="the photo of 12 megapixels alone, or all others")
    args = parser.parse_args()
    photos = {"large": TIMED, "small": PHOTOS, None: [*TIMED, *PHOTOS]}[args.only]
    rows = []
    with tempfile.TemporaryDirectory() as home, chromium_page(1200, 900) as page:
        write_site(Path(home) / "site")
        handler = functools.partial(Isolated, directory=str(Path(home) / "site"))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        if args.threads == "1":
            page.add_init_script("Object.defineProperty(navigator, 'hardwareConcurrency', {value: 1})")
        page.goto(f"http://127.0.0.1:{server.server_port}")
        page.wait_for_selector("html[data-ready]")
        for name, side, depth in photos:
            for aperture in (1.4, 2.8):
                cases: list[tuple[str, list[Any]]] = [(focus, []) for focus in (SUBJECT, LEFT, TOP)]
                for focus, strokes in [*cases, *([(SUBJECT, [STROKE])] if name == "scooter.jpg" else [])]:
                    rows.append(measured(page, name, side, depth, strokes, focus, aperture))
                    print(*(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
        memory = memory_mb()
        server.shutdown()
    least = min(row["within"] for row in rows)
    timed = [row["seconds"] for row in rows if row["megapixels"] == 12.0]
    print(
        json.dumps(
            {
                "threads": args.threads,
                "rows": rows,
                "least within": least,
                "seconds of 12 megapixels": timed,
                "MB": round(memory),
            }
        )
    )


if __name__ == "__main__":
    main()
