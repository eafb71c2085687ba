"""The application in a real Chromium: what a person sees, touches, types and takes home."""

import base64
import io
import json
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from browser import chromium_page, small_copies
from conftest import draw_scene
from lens_models import build_lens_model
from served import Server, launched, said, wait_for
from wideopen import Renderer
from wideopen.lens.lens_settings import LARGEST, settings_for_scene
from wideopen.lens.thin_lens import PRESETS, Taken
from wideopen.options import RenderOptions

pytestmark = pytest.mark.slow

pytest.importorskip("fastapi", reason="needs the extra web")
pytest.importorskip("pebble", reason="needs the extra web")
EXAMPLES = Path(__file__).parents[2] / "examples"
WIDTH, HEIGHT = 320, 240
"""Of the photos: the browser here draws previews without a graphics card, and larger ones tell nothing more."""
SUBJECT, GROUND = (0.5, 0.5), (0.12, 0.15)
"""Places in the drawn scene."""
DRAWN = "() => !document.querySelector('#exact').hidden && document.querySelector('#said').innerText.includes(' px:')"
"""Whether the picture as the file will be is shown."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[tuple[Server, Server]]:
    """One whose model has a lens head, one whose model's look is fixed; they start side by side."""
    home = tmp_path_factory.mktemp("served")
    with ExitStack() as stack:
        arguments = ("--model", str(build_lens_model(home / "lens.onnx")), "--megapixels", "20")
        lens = stack.enter_context(launched(*arguments, home=home / "lens"))
        fixed = stack.enter_context(launched("--model", str(model), home=home / "fixed"))
        yield wait_for(lens, home / "lens"), wait_for(fixed, home / "fixed")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo with a red subject, which the model knows, and EXIF."""
    photo = tmp_path_factory.mktemp("photos") / "scene.png"
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Maker"
    Image.fromarray(draw_scene(HEIGHT, WIDTH)).save(photo, exif=exif)
    return photo


@pytest.fixture(scope="module")
def path_and_map(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A photo and its depth map."""
    return small_copies(tmp_path_factory.mktemp("path"), WIDTH, "path.jpg", "path-depth.png")


def watched(page: Any) -> Any:
    """A page that keeps what it asks for, and what goes wrong."""
    page.asked, page.faults = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    return page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with chromium_page(1200, 900) as page:
        yield watched(page)


@pytest.fixture
def page(servers: tuple[Server, Server], chromium: Any) -> Iterator[Any]:
    """The first server's page, opened anew; in the end nothing was asked of any other host, nothing went wrong."""
    chromium.bring_to_front()
    chromium.goto("about:blank")  # What the page before had under way ends here, and not in this test.
    chromium.asked.clear()
    chromium.faults.clear()
    yield open_page(chromium, servers[0])
    checked(chromium, servers)


@pytest.fixture(scope="module")
def tab(servers: tuple[Server, Server], chromium: Any, scene: Path) -> Iterator[Any]:
    """The same page in another tab, the scene given by another name."""
    page = watched(chromium.context.new_page())
    page.set_viewport_size({"width": 1200, "height": 900})
    give(open_page(page, servers[0]), Path(shutil.copyfile(scene, scene.with_name("standing.png"))))
    yield page
    checked(page, servers)
    page.close()


@pytest.fixture
def standing(tab: Any) -> Any:
    """That tab, for tests that leave it as it was: to open it takes a second."""
    tab.bring_to_front()
    return tab


def checked(page: Any, servers: tuple[Server, Server]) -> None:
    hosts = {url.split("/")[2] for url in page.asked if url.startswith(("http", "ws"))}
    assert hosts <= {server.address.split("/")[2] for server in servers}
    assert [fault for fault in page.faults if "status of 422" not in fault] == []


def open_page(chromium: Any, server: Server) -> Any:
    chromium.goto(server.address)
    chromium.wait_for_selector("html[data-ready]")
    return chromium


def give(page: Any, *photos: Path) -> None:
    page.locator("#file").set_input_files(photos)
    page.wait_for_function(DRAWN)


def set_stop(page: Any, stop: str) -> None:
    """Move the f-number's slider there, and wait for the picture as the file will be."""
    page.evaluate(
        """async words => {
            const bar = document.querySelector('#stop'), stops = (await (await fetch('schema')).json()).stops;
            bar.value = stops.findIndex(stop => String(stop) === words);
            bar.dispatchEvent(new Event('input', {bubbles: true}));
            bar.dispatchEvent(new Event('change', {bubbles: true}));
        }""",
        stop,
    )
    page.wait_for_function(DRAWN)


def shown(page: Any, part: str = "#exact") -> np.ndarray:
    """What a picture or a canvas of the page holds, grey."""
    data = page.evaluate(
        """part => {
            const from = document.querySelector(part), to = document.createElement('canvas');
            to.width = from.naturalWidth ?? from.width; to.height = from.naturalHeight ?? from.height;
            to.getContext('2d').drawImage(from, 0, 0);
            return to.toDataURL().split(',')[1];
        }""",
        part,
    )
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        return np.asarray(picture.convert("RGB")).mean(axis=2).astype(np.float32)


def detail(picture: np.ndarray, place: tuple[float, float]) -> float:
    """How sharp it is around a place: mean absolute Laplacian of a tenth of the short side, without the grain."""
    picture = cv2.GaussianBlur(picture, (0, 0), 1.5)
    height, width = picture.shape
    reach = min(height, width) // 10
    x, y = int(place[0] * width), int(place[1] * height)
    part = np.abs(cv2.Laplacian(picture, cv2.CV_32F))[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
    return float(part.mean())


def tap(page: Any, place: tuple[float, float], touch: bool = False, end: bool = False) -> None:
    box, stage = (page.locator(part).bounding_box() for part in ("#sheet", "#stage"))
    x, y = box["x"] + place[0] * box["width"], box["y"] + place[1] * box["height"]
    if touch:
        client = page.context.new_cdp_session(page)
        client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    else:
        page.locator("#stage").click(
            position={"x": x - stage["x"], "y": y - stage["y"]}, modifiers=["Shift"] if end else []
        )
    page.wait_for_function("() => !document.querySelector('#ring').hidden")
    page.wait_for_function(DRAWN)


def test_from_drop_to_file(page: Any, scene: Path, servers: tuple[Server, Server], tmp_path: Path) -> None:
    give(page, scene)
    assert page.locator("#stop-words").inner_text() == f"f/{PRESETS[RenderOptions.lens].f_number:g}"
    wide = detail(shown(page), GROUND)
    set_stop(page, "16")
    assert wide < 0.7 * detail(shown(page), GROUND)
    set_stop(page, "off")
    assert "the photo as it is" in page.locator("#said").inner_text()
    set_stop(page, "2")
    tap(page, GROUND)
    far = shown(page)
    tap(page, SUBJECT, touch=True)
    near = shown(page)
    assert detail(far, GROUND) > 1.4 * detail(near, GROUND) and detail(near, SUBJECT) > 1.4 * detail(far, SUBJECT)
    # The file is the command line's, byte for byte.
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == "scene-bokeh.png"
    ring = page.evaluate(
        "[...'left top'.split(' ')].map(side => parseFloat(document.querySelector('#ring').style[side]))"
    )
    focus = f"{ring[0] / 100:.4f},{ring[1] / 100:.4f}"
    model = servers[0].folder.parent.parent / "lens.onnx"
    ours = Renderer(model=model, aperture=2.0, focus=focus).render_file(scene, tmp_path / "scene-bokeh.png")
    theirs = Path(download.value.path()).read_bytes()
    assert theirs == ours.read_bytes()
    with Image.open(io.BytesIO(theirs)) as made:
        assert made.getexif()[ExifTags.Base.Make] == "Maker" and made.size == (WIDTH, HEIGHT)


def test_the_preview_is_the_lenss_own_picture(page: Any, tmp_path: Path) -> None:
    """Drawn by WebGL while something moves, and by the lens once nothing does: the same to the eye.

    Of a photo of 320 px the discs of f/4 are two pixels wide, and a pattern as fine as pixels shows what no photo does.
    """
    Image.fromarray(draw_scene(360, 480)).save(tmp_path / "fine.png")
    give(page, tmp_path / "fine.png")

    def error(preview: np.ndarray) -> float:
        theirs = cv2.resize(shown(page), preview.shape[::-1], interpolation=cv2.INTER_AREA)
        return float(np.mean((preview - theirs) ** 2))

    close = 255**2 / 10**3.3  # 33 dB, JPEG's loss among it.
    for stop in ("4", "1.4"):
        set_stop(page, stop)
        assert error(shown(page, "#preview")) < close
    for control, value in (("#option-axial", "0.3"), ("#option-rim", "1"), ("#option-tilt", "8"), ("#keep-sharp", "8")):
        without, part = shown(page, "#preview"), page.locator(control)
        part.select_option(value) if control == "#keep-sharp" else part.fill(value)
        page.wait_for_function(DRAWN)
        found = error(shown(page, "#preview"))
        assert found < min(close, error(without)), control


def test_two_taps_are_a_range(page: Any, scene: Path, servers: tuple[Server, Server], tmp_path: Path) -> None:
    """Shift or the button sets its other end; what is between stays sharp, and the file is the command line's."""
    give(page, scene)
    set_stop(page, "1.4")
    tap(page, SUBJECT)
    narrow = shown(page)
    tap(page, GROUND, end=True)
    wide, preview = shown(page), shown(page, "#preview")
    assert detail(wide, GROUND) > 1.4 * detail(narrow, GROUND)
    assert detail(wide, SUBJECT) > 0.9 * detail(narrow, SUBJECT)
    error = np.mean((preview - cv2.resize(wide, preview.shape[::-1], interpolation=cv2.INTER_AREA)) ** 2)
    assert 10 * np.log10(255**2 / error) > 33
    places = page.evaluate(
        "[...document.querySelectorAll('.ring')].map(({style}) => [style.left, style.top].map(parseFloat))"
    )
    with page.expect_download() as download:
        page.locator("#download").click()
    focus = ":".join(f"{x / 100:.4f},{y / 100:.4f}" for x, y in places)
    model = servers[0].folder.parent.parent / "lens.onnx"
    ours = Renderer(model=model, aperture=1.4, focus=focus).render_file(scene, tmp_path / "scene-bokeh.png")
    assert Path(download.value.path()).read_bytes() == ours.read_bytes()
    button = page.get_by_role("button", name="Range")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    button.click()  # Back to one point.
    page.wait_for_function(
        "() => document.querySelector('#ring-end').hidden && !document.querySelector('#ring').hidden"
    )
    button.click()
    tap(page, GROUND, touch=True)
    assert page.locator("#ring-end").is_visible()


def test_optics_are_those_of_python(standing: Any) -> None:
    taken = Taken(50.0, 75.0, 2.0, 3.0)
    pixels = np.zeros((300, 400, 3), np.uint8)
    for lens in (*PRESETS, "photo"):
        for aperture in (1.0, 2.8, 16.0):
            for known in (taken, Taken(50.0, 75.0)):
                found = standing.evaluate(
                    """async ([chosen, taken, largest]) => {
                        const optics = await import('./optics.js'), {lenses} = await (await fetch('schema')).json();
                        const lens = optics.chooseLens(chosen, lenses, taken);
                        return optics.blurOfSubject(lens, taken, [0, 0], 300, largest).perUnit;
                    }""",
                    [{"lens": lens, "aperture": aperture}, vars(known), LARGEST],
                )
                wanted = settings_for_scene(pixels, RenderOptions(lens=lens, aperture=aperture), known).blur
                assert abs(found / 300 - wanted) < 1e-9


def test_keyboard_undo_and_redo(page: Any, scene: Path) -> None:
    give(page, scene)
    words = page.locator("#stop-words")
    page.locator("#stop").focus()
    for stop in ("f/1.6", "f/1.4"):
        page.keyboard.press("ArrowRight")
        assert words.inner_text() == stop
    page.keyboard.press("Control+z")
    assert words.inner_text() in ("f/1.6", "f/1.8")
    page.keyboard.press("Control+Shift+z")
    assert words.inner_text() == "f/1.4"
    page.locator("#stage").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("() => !document.querySelector('#ring').hidden")
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelector('#ring').hidden")
    for key, part in (("d", "#depth-view"), ("m", "#matte-view"), ("b", "#seam"), ("z", "#zoom")):
        page.keyboard.press(key)
        assert page.locator(part).get_attribute("aria-pressed") == "true", part
        page.keyboard.press(key)
        assert page.locator(part).get_attribute("aria-pressed") == "false", part
    page.keyboard.down("Space")
    assert page.locator("#before").is_visible()
    page.keyboard.up("Space")
    assert page.locator("#before").is_hidden()
    page.keyboard.press("b")
    line = page.locator("#seam-line")
    line.press("ArrowLeft")
    assert line.get_attribute("aria-valuenow") == "45"


def test_presets_shapes_and_sliders(page: Any, scene: Path) -> None:
    give(page, scene)
    before = shown(page, "#preview")
    page.get_by_role("button", name="vintage").click()
    page.wait_for_function(DRAWN)
    assert page.locator("#option-vignette").input_value() == "0.8"
    assert page.get_by_role("button", name="6 blades").get_attribute("aria-pressed") == "true"
    assert np.abs(shown(page, "#preview") - before).mean() > 0.2
    page.get_by_role("button", name="Disc").click()
    assert page.get_by_role("button", name="vintage").get_attribute("aria-pressed") == "false"
    page.get_by_role("button", name="plain").click()
    assert page.locator("#option-vignette").input_value() == "0"
    page.get_by_role("button", name="background").click()
    page.wait_for_function(DRAWN)
    assert page.get_by_role("button", name="Farthest").get_attribute("aria-pressed") == "true"
    page.locator("#option-lens").select_option("85mm")
    page.wait_for_function(DRAWN)
    moved = page.locator("#option-squeeze")
    moved.fill("1.5")
    page.wait_for_function(DRAWN)
    assert page.evaluate("document.querySelector('#option-squeeze').getAttribute('aria-valuetext')") == "1.5"


def test_zoom_and_pan(standing: Any) -> None:
    page = standing
    fit = page.locator("#sheet").bounding_box()
    page.locator("#zoom").click()
    near = page.locator("#sheet").bounding_box()
    assert near["width"] > 1.3 * fit["width"]
    page.mouse.move(500, 400)
    page.mouse.down()
    page.mouse.move(420, 380, steps=4)
    page.mouse.up()
    panned = page.locator("#sheet").bounding_box()
    assert panned["x"] < near["x"] and page.locator("#ring").is_hidden()
    page.mouse.wheel(0, 4000)
    page.wait_for_function("width => document.querySelector('#sheet').offsetWidth <= width + 1", arg=fit["width"])


def test_a_depth_map(page: Any, path_and_map: list[Path]) -> None:
    give(page, path_and_map[0])
    page.locator("#map").set_input_files(path_and_map[1])
    page.wait_for_function("() => !document.querySelector('#drop-map').hidden")
    page.wait_for_function(DRAWN)
    page.get_by_role("button", name="Farthest").click()
    page.wait_for_function(DRAWN)
    far = shown(page)
    page.get_by_role("button", name="Nearest").click()
    page.wait_for_function(DRAWN)
    assert detail(far, (0.75, 0.2)) > 1.5 * detail(shown(page), (0.75, 0.2))
    page.locator("#drop-map").click()
    page.wait_for_function("() => document.querySelector('#drop-map').hidden")


def test_a_model_whose_look_is_fixed(
    page: Any, scene: Path, model: Path, servers: tuple[Server, Server], tmp_path: Path
) -> None:
    open_page(page, servers[1])
    give(page, scene)
    assert "look is fixed" in page.locator("#said").inner_text()
    with page.expect_download() as download:
        page.locator("#download").click()
    ours = Renderer(model=model).render_file(scene, tmp_path / "scene-bokeh.png")
    assert Path(download.value.path()).read_bytes() == ours.read_bytes()


def test_without_webgl_the_server_draws_all(page: Any, scene: Path, servers: tuple[Server, Server]) -> None:
    fresh = page.context.new_page()
    faults: list[str] = []
    fresh.on("pageerror", lambda error: faults.append(str(error)))
    fresh.add_init_script(
        """const own = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
            return kind === 'webgl2' ? null : own.call(this, kind, ...rest);
        };"""
    )
    open_page(fresh, servers[0])
    give(fresh, scene)
    wide = detail(shown(fresh), GROUND)
    before = fresh.locator("#exact").get_attribute("src")
    fresh.evaluate(
        """() => {
            const bar = document.querySelector('#stop');
            bar.value = 1;
            bar.dispatchEvent(new Event('input', {bubbles: true}));
        }"""
    )
    assert fresh.locator("#exact").is_visible() and fresh.locator("#depth-view").is_disabled()
    fresh.wait_for_function("before => document.querySelector('#exact').src !== before", arg=before)
    assert wide < 0.7 * detail(shown(fresh), GROUND) and faults == []
    fresh.close()


def test_several_photos_in_one_zip(page: Any, scene: Path, path_and_map: list[Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("no photo")
    page.locator("#file").set_input_files([scene, path_and_map[0], bad])
    page.wait_for_function(DRAWN)
    with page.expect_download() as download:
        page.locator("#download").click()
    page.wait_for_function("() => document.querySelector('#said').innerText.includes('in the zip')")
    said = page.locator("#said").inner_text()
    assert "2 of 3" in said and "bad.jpg: not a JPEG" in said
    with zipfile.ZipFile(download.value.path()) as bundle:
        assert bundle.testzip() is None
        assert sorted(bundle.namelist()) == ["path-bokeh.jpg", "scene-bokeh.png"]


def test_a_bad_file_in_one_line(page: Any, tmp_path: Path) -> None:
    (tmp_path / "page.jpg").write_bytes(b"<html><script>document.title = 'taken'</script></html>")
    page.locator("#file").set_input_files(tmp_path / "page.jpg")
    page.wait_for_function("() => document.querySelector('#said').classList.contains('bad')")
    said = page.locator("#said").inner_text()
    assert said.startswith("page.jpg: not a JPEG") and "/" not in said and page.title() == "wideopen"
    assert page.locator("#said").get_attribute("role") == "alert"
    assert page.locator("#welcome").is_visible()


def test_paste_and_drop(page: Any, tmp_path: Path) -> None:
    (dog,) = small_copies(tmp_path, WIDTH, "dog.jpg")
    page.route("**/examples/dog.jpg", lambda route: route.fulfill(path=dog))
    for kind in ("paste", "drop"):
        page.evaluate(
            """async ([kind, name]) => {
                const blob = await (await fetch('examples/dog.jpg')).blob(), given = new DataTransfer();
                given.items.add(new File([blob], name, {type: 'image/jpeg'}));
                const event = kind === 'paste' ? new ClipboardEvent('paste', {clipboardData: given, bubbles: true})
                    : new DragEvent('drop', {dataTransfer: given, bubbles: true, cancelable: true});
                document.dispatchEvent(event);
            }""",
            [kind, f"{kind}.jpg"],
        )
        page.wait_for_function("name => document.querySelector('#said').innerText.startsWith(name)", arg=f"{kind}.jpg")
    page.unroute("**/examples/dog.jpg")


def test_work_can_be_cancelled(page: Any, scene: Path) -> None:
    page.route("**/scene", lambda route: None)  # It never answers.
    page.locator("#file").set_input_files(scene)
    page.locator("#cancel").click()
    page.wait_for_function("() => document.querySelector('#said').innerText === 'Cancelled.'")
    assert page.locator("#busy").is_hidden()
    page.unroute("**/scene")


def test_phone(page: Any, scene: Path) -> None:
    for width in (360, 390):
        page.set_viewport_size({"width": width, "height": 780})
        if width == 360:
            give(page, scene)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # Photo and slider on one screen, nothing cut off.
        for part in ("#sheet", "#stop", "#download", "#open", "#zoom"):
            box = page.locator(part).bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] + box["height"] <= 780, part
        assert page.locator("#sheet").bounding_box()["width"] > 0.85 * width
    page.set_viewport_size({"width": 1200, "height": 900})


def test_names_and_dark(standing: Any) -> None:
    page = standing
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('input, button, img, select, [role=slider]')].filter(part => {
            if (part.offsetParent === null || part.matches('button img, #exact')) return false;
            const words = part.getAttribute('aria-label') || part.alt || part.innerText
              || [...(part.labels ?? [])].map(label => label.innerText).join('');
            return !words.trim();
        }).map(part => part.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
    assert page.locator("#stop").get_attribute("aria-valuetext") == "f 1.8"
    shade = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    for scheme, bounds in (("dark", "< 150"), ("light", "> 600")):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"() => {shade} {bounds}")


def test_a_closed_page_leaves_nothing(page: Any, scene: Path, servers: tuple[Server, Server]) -> None:
    def kept() -> bool:
        return any((path / "scene.png").exists() for path in servers[0].folder.iterdir())

    give(page, scene)
    assert kept()
    page.goto("about:blank")
    end = time.monotonic() + 60  # A page that only left its photo behind loses it much later.
    while kept():
        assert time.monotonic() < end, "the photo of a page that was closed is still there"
        page.wait_for_timeout(50)


def matte_of(body: bytes) -> np.ndarray:
    """The matte of a scene that the server has sent."""
    start = 4 + int.from_bytes(body[:4], "little")
    (listed,) = [plane for plane in json.loads(body[4:start])["planes"] if plane["name"] == "matte"]
    at = start + listed["at"]
    grey = np.frombuffer(zlib.decompress(body[at : at + listed["bytes"]]), np.uint8)
    return grey.reshape(listed["height"], listed["width"])


def matte_and_strokes(answer: Any) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """The matte that the server has sent, and the strokes that it was asked with."""
    asked = answer.request.post_data_buffer
    lines = [json.loads(line) for line in asked.decode("latin-1").splitlines() if line.startswith('{"kind"')]
    return matte_of(answer.body()), lines


def paint(page: Any, *places: tuple[float, float]) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Draw a line over the photo with the mouse; the matte that comes of it, and all strokes."""
    box = page.locator("#sheet").bounding_box()
    first, *others = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    with page.expect_response(lambda answer: answer.url.endswith("/scene")) as sent:
        page.mouse.move(*first)
        page.mouse.down()
        for place in others:
            page.mouse.move(*place, steps=6)
        page.mouse.up()
    return matte_and_strokes(sent.value)


def value_at(matte: np.ndarray, x: float, y: float) -> int:
    return int(matte[int(y * matte.shape[0]), int(x * matte.shape[1])])


def test_a_brush_corrects_preview_and_file(page: Any, scene: Path, tmp_path: Path) -> None:
    give(page, scene)
    page.locator("#brush").click()
    assert page.locator("#brush-bar").is_visible() and page.locator("#brush-tip").is_visible()
    page.locator("#brush-size").fill("30")
    matte, strokes = paint(page, (0.1, 0.12), (0.2, 0.12))
    assert value_at(matte, 0.15, 0.12) == 255 and [stroke["kind"] for stroke in strokes] == ["keep"]
    page.wait_for_function(
        "() => document.querySelector('#painted').getContext('2d').getImageData(0, 0, 300, 150).data.every(v => !v)"
    )
    seen = shown(page, "#preview")
    page.locator("#give").click()
    matte, strokes = paint(page, SUBJECT, (0.52, 0.5))
    assert value_at(matte, *SUBJECT) == 0 and len(strokes) == 2
    page.wait_for_timeout(300)
    assert np.abs(shown(page, "#preview") - seen).max() > 20
    page.keyboard.press("Control+z")
    page.wait_for_timeout(1000)
    assert np.abs(shown(page, "#preview") - seen).max() < 3, "the matte before the second stroke is shown again"
    page.locator("#also").click()
    matte, strokes = paint(page, (0.6, 0.1), (0.9, 0.4))
    assert strokes[1] == {"kind": "also", "points": [[0.6, 0.1], [0.9, 0.4]]} and value_at(matte, 0.75, 0.25) > 100
    page.keyboard.press("Control+z")
    page.locator("#depth").click()
    page.locator("#brush-softness").fill("50")
    matte, strokes = paint(page, (0.75, 0.25), (0.9, 0.9))
    assert [stroke["kind"] for stroke in strokes] == ["keep", "depth"] and strokes[1]["softness"] == 0.5
    page.keyboard.press("Control+z")
    page.locator("#brush-done").click()
    page.wait_for_function(DRAWN)
    with page.expect_download() as saved:
        page.locator("#download").click()
    saved.value.save_as(tmp_path / "made.png")
    before, made = (np.asarray(Image.open(path)) for path in (scene, tmp_path / "made.png"))
    painted = slice(int(0.12 * HEIGHT) - 4, int(0.12 * HEIGHT) + 4), slice(int(0.11 * WIDTH), int(0.19 * WIDTH))
    assert np.array_equal(made[painted], before[painted])


def test_a_brush_by_keyboard_and_finger(page: Any, scene: Path) -> None:
    give(page, scene)
    page.keyboard.press("p")
    with page.expect_response(lambda answer: answer.url.endswith("/scene")) as sent:
        for key in ("g", "]", "Enter", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
            page.keyboard.press(key)
    (stroke,) = matte_and_strokes(sent.value)[1]
    assert stroke["kind"] == "give" and stroke["points"][0] == [0.5, 0.5] and len(stroke["points"]) > 1
    with page.expect_response(lambda answer: answer.url.endswith("/scene")) as sent:
        page.evaluate(
            """() => {
                const stage = document.querySelector('#stage');
                const box = document.querySelector('#sheet').getBoundingClientRect();
                const touch = (type, id, x, y) => stage.dispatchEvent(new PointerEvent(type, {
                  pointerId: id, pointerType: 'touch', bubbles: true,
                  clientX: box.x + x * box.width, clientY: box.y + y * box.height,
                }));
                stage.setPointerCapture = () => {};
                // Two fingers zoom, and paint nothing.
                touch('pointerdown', 6, 0.4, 0.4); touch('pointerdown', 7, 0.6, 0.6); touch('pointermove', 7, 0.7, 0.7);
                touch('pointerup', 7, 0.7, 0.7); touch('pointerup', 6, 0.4, 0.4);
                touch('pointerdown', 5, 0.4, 0.6); touch('pointermove', 5, 0.5, 0.6); touch('pointerup', 5, 0.5, 0.6);
            }"""
        )
    assert len(matte_and_strokes(sent.value)[1]) == 2
    page.keyboard.press("Escape")
    assert page.locator("#brush-bar").is_hidden()


def test_strokes_of_the_api_correct_file_and_preview(
    servers: tuple[Server, Server], scene: Path, tmp_path: Path
) -> None:
    """By HTTP alone; here for the server, whose model has a lens head."""
    server, line = servers[0], '{"kind": "keep", "points": [[0.8, 0.2]], "radius": 0.03}\n'
    photo = Path(shutil.copyfile(scene, tmp_path / "painted.png"))
    strokes, mattes = tmp_path / "strokes.jsonl", []
    strokes.write_text(line)
    model = server.folder.parent.parent / "lens.onnx"
    ours = Renderer(model=model, strokes=str(strokes)).render_file(photo, tmp_path / "painted-bokeh.png")
    for given in ({"strokes": line}, {"strokes_file": strokes}):
        status, body, _ = server.call("render", photo, **given)
        assert status == 200 and body == ours.read_bytes()
    for lines in (line, line + line.replace("keep", "give")):  # What is remembered of the first is gone on from.
        status, body, _ = server.call("scene", photo, strokes=lines)
        mattes.append(matte_of(body))
    status, refused, _ = server.call("render", photo, strokes="{")
    assert [value_at(matte, 0.8, 0.2) for matte in mattes] == [255, 0]
    assert status == 422 and "strokes.json: line 1: is no JSON" in said(refused)
