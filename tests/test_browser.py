"""The page in examples/browser, driven in a real Chromium from disk, against `wideopen render` in Python."""

import base64
import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from browser import chromium_page
from scripts import load_script
from wideopen import Renderer, RenderOptions
from wideopen.fullsize import carry
from wideopen.padding import resize

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "examples" / "browser"


@pytest.fixture(scope="module")
def page_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("npm") is None:
        pytest.skip("needs npm, for ONNX Runtime Web")
    folder = tmp_path_factory.mktemp("browser")
    prepare = load_script(PAGE / "prepare.py")
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
        page.locator("#photo:enabled").wait_for()

        def shown() -> np.ndarray:
            data = page.locator("#result").evaluate("canvas => canvas.toDataURL('image/png')")
            with Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))) as picture:
                return np.asarray(picture.convert("RGB"), np.float32)

        renderer = Renderer(RenderOptions(model=ROOT / "examples" / "models" / "first.onnx", engine="onnxruntime"))
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
            page.wait_for_function("/^[0-9.]+ s$/.test(document.getElementById('status').textContent)")
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


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_full_size_is_pythons_where_a_photo_is_much_larger(tmp_path: Path) -> None:
    """An edge that lies within a pixel of the network's, 7 px of the photo wide, before ground with texture."""
    rng = np.random.default_rng(0)
    height, width, small, narrow = 420, 560, 60, 80
    y, x = np.mgrid[:height, :width]
    matte = np.clip(150 - np.hypot(y - 200, x - 280), 0, 1)[..., None]
    ground = 120 + 90 * rng.random((height, width, 1)) * np.array([1, 0.9, 0.7])
    photo = np.rint(matte * np.array([60, 80, 140]) + (1 - matte) * ground).astype(np.uint8)
    sharp = resize(matte[..., 0].astype(np.float32), small, narrow)
    seen = resize(photo, small, narrow).astype(np.float32) / 255
    bokeh = (sharp[..., None] * seen + (1 - sharp[..., None]) * np.float32(0.5)).astype(np.float32)
    given = {"photo": photo, "bokeh": bokeh, "sharp": sharp, "seen": seen}
    for name, values in given.items():
        (tmp_path / name).write_bytes(np.ascontiguousarray(values).tobytes())
    script = "const { readFileSync, writeFileSync } = require('fs'), folder = process.argv[1];" + "".join(
        (PAGE / name).read_text() for name in ("pixels.js", "fullsize.js")
    )
    script += f"""
        const raw = name => readFileSync(folder + '/' + name);
        const floats = (name, channels) => picture({narrow}, {small}, channels, new Float32Array(raw(name).buffer.slice(
          raw(name).byteOffset, raw(name).byteOffset + {4 * small * narrow} * channels)));
        const photo = picture({width}, {height}, 3, Float32Array.from(raw('photo')));
        writeFileSync(folder + '/done', carry(photo, floats('bokeh', 3), floats('sharp', 1), floats('seen', 3)));
    """
    (tmp_path / "carry.js").write_text(script.replace("process.argv[1]", f"{str(tmp_path)!r}"))
    subprocess.run(["node", str(tmp_path / "carry.js")], check=True)
    done = np.frombuffer((tmp_path / "done").read_bytes(), np.uint8).reshape(photo.shape)
    ours = carry(photo, bokeh, sharp, seen)
    assert 0.1 < (ours == photo).all(axis=2).mean() < 0.9
    assert np.abs(done.astype(int) - ours).max() <= 1
