"""The page in examples/browser, driven in a real Chromium from disk, against `wideopen render` in Python."""

import base64
import importlib.util
import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import chromium_page
from wideopen import Renderer, RenderOptions

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "examples" / "browser"


@pytest.fixture(scope="module")
def page_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("npm") is None:
        pytest.skip("needs npm, for ONNX Runtime Web")
    folder = tmp_path_factory.mktemp("browser")
    spec = importlib.util.spec_from_file_location("prepare", PAGE / "prepare.py")
    assert spec is not None and spec.loader is not None
    prepare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prepare)
    for path in PAGE.glob("*.*"):
        if path.suffix in (".html", ".js"):
            shutil.copy(path, folder)
    try:
        prepare.prepare(folder)
    except subprocess.CalledProcessError:
        pytest.skip(f"npm cannot fetch {prepare.PACKAGE}")
    return folder


def expected(photo: np.ndarray, rendered: np.ndarray, strength: float) -> np.ndarray:
    """The result of `wideopen render` laid over the photo."""
    return photo + strength * (rendered.astype(np.float32) - photo)


def test_page_renders_what_python_renders(page_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with chromium_page() as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url[:5]))
        page.goto((page_folder / "index.html").as_uri())
        page.locator("#photo:enabled").wait_for(timeout=60_000)

        def shown() -> np.ndarray:
            data = page.locator("#result").evaluate("canvas => canvas.toDataURL('image/png')")
            with Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))) as picture:
                return np.asarray(picture.convert("RGB"), np.float32)

        renderer = Renderer(RenderOptions(engine="onnxruntime"))
        with Image.open(ROOT / "examples" / "dog.jpg") as picture:
            dog = np.asarray(picture.convert("RGB"))
        # As it is; smaller than the network draws, sides no multiples of 32; smaller than it sees.
        photos = {"dog.jpg": dog, "small.png": dog[200:531, 300:801], "tiny.png": dog[300:497, 380:631]}
        for name, photo in photos.items():
            path = page_folder / name
            if name == "dog.jpg":
                path = ROOT / "examples" / name
            else:
                Image.fromarray(photo).save(path)
            rendered = renderer.render(np.ascontiguousarray(photo))
            page.locator("#photo").set_input_files(path)
            page.wait_for_function("/^[0-9.]+ s$/.test(document.getElementById('status').textContent)", timeout=90_000)
            seconds = page.locator("#status").inner_text()
            for strength in (1.0, 0.4, 0.0):
                page.locator("#strength").fill(str(strength))
                gap = np.abs(shown() - expected(photo, rendered, strength))
                assert gap.max() <= 2, f"{name} at {strength}"
            with capsys.disabled():
                print(f"\n{name} ({photo.shape[1]}x{photo.shape[0]}) in Chromium: {seconds}")  # noqa: T201
            page.evaluate("document.getElementById('status').textContent = ''")
        assert set(asked) <= {"file:", "blob:", "data:"}
        (page_folder / "text.jpg").write_text("no photo")
        page.locator("#photo").set_input_files(page_folder / "text.jpg")
        page.wait_for_function("document.getElementById('status').textContent.includes('not a photo')")
