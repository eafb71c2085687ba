"""`wideopen serve` in a real Chromium: what a person sees, touches and takes home."""

import io
import urllib.request
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

from browser import chromium_page
from conftest import draw_scene
from lens_models import build_lens_model
from served import Server, launched, wait_for
from wideopen import Renderer, RenderOptions
from wideopen.lens.thin_lens import PRESETS

pytestmark = pytest.mark.slow

pytest.importorskip("gradio", reason="needs the extra web")
pytest.importorskip("pebble", reason="needs the extra web")
EXAMPLES = Path(__file__).parents[2] / "examples"
PATH, MAP = EXAMPLES / "path.jpg", EXAMPLES / "path-depth.png"
FIRST = EXAMPLES / "models" / "first.onnx"
"""A model whose look is fixed."""
DOG, BUSHES = (0.45, 0.62), (0.75, 0.2)
"""Places in that photo: near, and far."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    """One whose model's look is fixed, one whose model has a lens head; they start side by side."""
    home = tmp_path_factory.mktemp("served")
    lens = build_lens_model(home / "lens.onnx")
    with ExitStack() as stack:
        ours = stack.enter_context(launched("--model", str(FIRST), "--megapixels", "20", home=home / "ours"))
        other = stack.enter_context(launched("--model", str(lens), home=home / "lens"))
        yield wait_for(ours, home / "ours"), wait_for(other, home / "lens")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with chromium_page(1200, 1000) as page:
        page.asked, page.faults = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.faults.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        yield page


@pytest.fixture
def page(servers: tuple[Server, Server], chromium: Any) -> Iterator[Any]:
    """The page of the first server, opened anew; in the end nothing was asked of any other host, nothing went wrong."""
    chromium.goto("about:blank")  # What the page before had under way ends here, and not in this test.
    chromium.asked.clear()
    chromium.faults.clear()
    chromium.set_viewport_size({"width": 1200, "height": 1000})
    yield open_page(chromium, servers[0])
    hosts = {url.split("/")[2] for url in chromium.asked if url.startswith(("http", "ws"))}
    assert hosts <= {server.address.split("/")[2] for server in servers}
    assert chromium.faults == []


def open_page(chromium: Any, server: Server) -> Any:
    chromium.goto(server.address)
    chromium.locator("#photo input[type=file]").wait_for(state="attached")
    return chromium


def wait_until(page: Any, words: str, where: str = "#status") -> str:
    """Wait until the page says so; what it says in whole."""
    page.wait_for_function(
        "([where, words]) => document.querySelector(where).innerText.includes(words)",
        arg=[where, words],
    )
    return str(page.locator(where).inner_text())


def give(page: Any, photo: Path, words: str = "Drawn") -> str:
    page.locator("#photo input[type=file]").set_input_files(photo)
    return wait_until(page, words)


def give_map(page: Any, depth: Path) -> str:
    if not page.locator("#map").is_visible():
        page.locator("#depth button").first.click()
    page.locator("#map input[type=file]").set_input_files(depth)
    return wait_until(page, "from the depth map")


def shown(page: Any, index: int = 1) -> np.ndarray:
    """What the comparison shows: 0 before, 1 after."""
    url = page.locator("#compare img").nth(index).get_attribute("src")
    with urllib.request.urlopen(url) as answer, Image.open(io.BytesIO(answer.read())) as picture:
        return np.asarray(picture.convert("L"), np.float32)


def detail(picture: np.ndarray, place: tuple[float, float]) -> float:
    """How sharp it is around a place: mean absolute Laplacian of a tenth of the short side, without the grain."""
    picture = cv2.GaussianBlur(picture, (0, 0), 1.5)
    height, width = picture.shape
    reach = min(height, width) // 10
    x, y = int(place[0] * width), int(place[1] * height)
    part = np.abs(cv2.Laplacian(picture, cv2.CV_32F))[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
    return float(part.mean())


def tap(page: Any, place: tuple[float, float]) -> None:
    page.get_by_role("tab", name="Tap to focus").click()
    picture = page.locator("#tap img")
    picture.wait_for(state="visible")
    before, box = picture.get_attribute("src"), picture.bounding_box()
    picture.click(position={"x": place[0] * box["width"], "y": place[1] * box["height"]})
    page.wait_for_function("before => document.querySelector('#tap img').src !== before", arg=before)
    wait_until(page, "where the ring is")


def test_from_drop_to_file(page: Any, tmp_path: Path) -> None:
    photo = tmp_path / "path.jpg"
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Orientation] = "Maker", 1
    with Image.open(PATH) as picture:
        picture.resize((640, 480)).save(photo, quality=93, exif=exif)
    said = give(page, photo)
    assert "640 x 480 px" in said and "need a depth map" in said
    assert page.locator("#focus input").is_disabled()
    give_map(page, MAP)
    # Nothing set is the f-number of the command line, the lens's own.
    assert f"f/{PRESETS[RenderOptions.lens].f_number:g}," in wait_until(page, "from the depth map")
    page.locator("#f-number").fill("8")
    wait_until(page, "f/2,")
    # A slider in stops: from f/2 to f/8, two stops of two.
    wide = detail(shown(page), BUSHES)
    page.locator("#f-number").focus()
    for stop in ("f/2.8", "f/4", "f/5.6", "f/8"):
        page.keyboard.press("ArrowLeft")
        wait_until(page, f"{stop},")
    small, whole = detail(shown(page), BUSHES), detail(shown(page, 0), BUSHES)
    assert wide < 0.7 * small and small < 0.95 * whole
    # Two taps.
    page.locator("#f-number").fill("8")
    wait_until(page, "f/2,")
    tap(page, BUSHES)
    far = shown(page)
    tap(page, DOG)
    near = shown(page)
    assert detail(far, BUSHES) > 2 * detail(near, BUSHES) and detail(near, DOG) > 1.5 * detail(far, DOG)
    x, y = (float(part) for part in page.locator("#focus input").input_value().split(","))
    assert abs(x - DOG[0]) < 0.01 and abs(y - DOG[1]) < 0.01
    # The file is the command line's, byte for byte.
    with page.expect_download() as download:
        page.locator("#make").click()
    assert download.value.suggested_filename == "path-bokeh.jpg"
    ours = tmp_path / "path-bokeh.jpg"
    Renderer(RenderOptions(aperture=2.0, depth=str(MAP), focus=f"{x},{y}")).render_file(photo, ours)
    theirs = Path(download.value.path()).read_bytes()
    assert theirs == ours.read_bytes()
    with Image.open(io.BytesIO(theirs)) as made:
        assert made.getexif()[ExifTags.Base.Make] == "Maker" and made.size == (640, 480)
    page.locator("#auto-focus").click()
    wait_until(page, "found by itself")


def test_off_and_the_models_own_look(page: Any, tmp_path: Path) -> None:
    give(page, EXAMPLES / "dog.jpg")
    after, before = shown(page), shown(page, 0)
    assert np.abs(after - before).mean() > 1
    page.locator("#f-number").fill("0")
    wait_until(page, "Off: the photo as it is")
    assert np.abs(shown(page) - before).max() == 0
    page.locator("#f-number").fill("8")
    wait_until(page, "Drawn")
    with page.expect_download() as download:
        page.locator("#make").click()
    ours = Renderer(model=FIRST).render_file(EXAMPLES / "dog.jpg", tmp_path / "dog-bokeh.jpg")
    assert Path(download.value.path()).read_bytes() == ours.read_bytes()


def test_a_model_with_a_lens_head_needs_no_map(page: Any, servers: tuple[Server, Server], tmp_path: Path) -> None:
    photo = tmp_path / "scene.png"
    Image.fromarray(draw_scene(360, 480)).save(photo)
    open_page(page, servers[1])
    assert "by the model: f/1.8" in give(page, photo)
    subject, ground = (0.5, 0.5), (0.12, 0.15)
    wide = detail(shown(page), ground)
    page.locator("#f-number").fill("2")
    wait_until(page, "f/16")
    assert wide < 0.7 * detail(shown(page), ground)
    page.locator("#f-number").fill("8")
    wait_until(page, "f/2,")
    tap(page, ground)
    far = shown(page)
    tap(page, subject)
    near = shown(page)
    assert detail(far, ground) > 1.4 * detail(near, ground)
    assert detail(near, subject) > 1.4 * detail(far, subject)


def test_presets_and_the_lens_follow_the_options(page: Any) -> None:
    page.locator("#examples button").first.click()
    wait_until(page, "from the depth map")
    before = shown(page)
    page.locator("#preset input").click()
    page.get_by_role("option", name="dreamy:").click()
    wait_until(page, "f/1.2")
    page.locator("#lens button").first.click()
    assert page.locator("#option-vignette input[type=range]").input_value() == "0.5"
    assert np.abs(shown(page) - before).mean() > 0.5
    page.get_by_role("tab", name="Depth").click()
    page.locator("#depth-view img").wait_for(state="visible")


def test_a_preset_is_left_when_something_is_moved(page: Any) -> None:
    """That each is drawn once, test_page_presets.py says."""
    box = page.locator("#preset input")
    # Past the box by keyboard, before and after a photo is there.
    box.focus()
    page.keyboard.press("Tab")
    page.locator("#examples button").first.click()
    wait_until(page, "from the depth map")
    assert box.input_value().startswith("none")
    page.locator("#lens button").first.click()
    box.click()
    page.get_by_role("option", name="vintage:").click()
    page.wait_for_function("() => document.querySelector('#option-blades input[type=range]').value === '6'")
    wait_until(page, "f/1.8")
    assert box.input_value().startswith("vintage")
    looks = [shown(page)]
    # Leaving the box tells of the choice again, and nothing is to come of it.
    box.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.locator("#f-number").fill("7")
    wait_until(page, "f/2.8,")
    page.wait_for_function("() => document.querySelector('#preset input').value.startsWith('custom')")
    box.click()
    page.get_by_role("option", name="none:").click()
    wait_until(page, "f/1.8")
    page.wait_for_function("() => document.querySelector('#option-blades input[type=range]').value === '0'")
    assert box.input_value().startswith("none")
    looks.append(shown(page))
    assert np.abs(looks[0] - looks[1]).mean() > 0.2


def test_the_picture_stays_while_another_is_drawn(page: Any) -> None:
    """No progress lies over it, and it never goes from the page."""
    page.locator("#examples button").first.click()
    wait_until(page, "from the depth map")
    page.evaluate(
        """() => {
            window.gone = 0;
            const look = () => {
                const covers = [...document.querySelectorAll('#compare [data-testid=status-tracker]')];
                const covered = covers.some(part => !part.classList.contains('hide') && part.offsetParent);
                if (covered || !document.querySelector('#compare img')?.offsetParent) window.gone += 1;
            };
            new MutationObserver(look).observe(
                document.querySelector('#views'), {subtree: true, childList: true, attributes: true});
        }"""
    )
    page.locator("#f-number").fill("5")
    wait_until(page, "f/5.6,")
    assert page.evaluate("window.gone") == 0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("page.jpg", "not a JPEG, PNG, TIFF, WebP, AVIF or HEIF photo, or damaged"),
        ("cut.jpg", "damaged or cut short"),
        ("wide.png", "5000x5000 px is more than the 20 megapixels"),
        ("empty.png", "is empty"),
    ],
)
def test_bad_files_in_one_line(page: Any, tmp_path: Path, name: str, says: str) -> None:
    wide = io.BytesIO()
    Image.new("L", (8, 8)).save(wide, "PNG")
    header = bytearray(wide.getvalue())
    header[16:24] = (5_000).to_bytes(4, "big") * 2
    header[29:33] = zlib.crc32(bytes(header[12:29])).to_bytes(4, "big")
    contents = {
        "page.jpg": b"<html><script>document.title = 'taken'</script></html>",
        "cut.jpg": PATH.read_bytes()[:20_000],
        "wide.png": bytes(header),
        "empty.png": b"",
    }
    (tmp_path / name).write_bytes(contents[name])
    said = give(page, tmp_path / name, says)
    assert said.startswith(name) and "\n" not in said and "/" not in said
    assert page.locator("#status [role=alert]").is_visible()
    assert page.title() == "wideopen"


def test_phone(page: Any) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    give(page, PATH)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for part in ("#compare", "#stop", "#make", "#photo"):
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, part
    # The slider lies right below the picture.
    picture, slider = page.locator("#compare").bounding_box(), page.locator("#stop").bounding_box()
    assert 0 <= slider["y"] - (picture["y"] + picture["height"]) < 250


def test_names_keyboard_and_dark(page: Any) -> None:
    page.locator("#examples button").first.click()
    wait_until(page, "Drawn")
    for accordion in ("#lens", "#depth"):
        page.locator(f"{accordion} button").first.click()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('input, button, img, select, textarea')].filter(part => {
            if (part.offsetParent === null || part.type === 'file' || part.matches('button img')) return false;
            const words = part.getAttribute('aria-label') || part.alt || part.title || part.innerText
              || [...(part.labels ?? [])].map(label => label.innerText).join('');
            return !words.trim();
        }).map(part => part.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
    assert page.locator("#f-number").get_attribute("aria-valuetext") == "f 1.8"
    # The comparison by keyboard.
    divider = page.locator("#divide input[type=range]")
    divider.press("ArrowLeft")
    page.wait_for_function(
        "() => document.querySelectorAll('#compare img')[1].style.clipPath.match(/ 45[.0-9]*%/)",
    )
    # Focus without a pointer.
    page.locator("#focus input").fill("0.75,0.2")
    page.keyboard.press("Enter")
    wait_until(page, "where the ring is")
    shade = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    for scheme, bounds in (("light", "> 600"), ("dark", "< 150")):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(f"() => {shade} {bounds}")
    page.emulate_media(color_scheme="light")


def test_several_photos_in_one_zip(page: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("no photo")
    page.get_by_role("tab", name="Several photos").click()
    page.locator("#photos input[type=file]").set_input_files([PATH, bad, EXAMPLES / "whale.jpg"])
    page.locator("#photos tr.file").nth(2).wait_for()
    page.locator("#render-all").click()
    said = wait_until(page, "photos are in the zip", "#batch-status")
    assert "2 of 3" in said and "bad.jpg: not a JPEG" in said
    with page.expect_download() as download:
        page.locator("#zip").click()
    with zipfile.ZipFile(download.value.path()) as bundle:
        assert sorted(bundle.namelist()) == ["path-bokeh.jpg", "whale-bokeh.jpg"]
        ours = Renderer(model=FIRST).render_file(PATH, tmp_path / "path-bokeh.jpg")
        assert bundle.read("path-bokeh.jpg") == ours.read_bytes()


def test_paste(page: Any) -> None:
    page.evaluate(
        """async url => {
            const blob = await (await fetch(url)).blob();
            const given = new DataTransfer();
            given.items.add(new File([blob], 'pasted.jpg', {type: 'image/jpeg'}));
            document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: given}));
        }""",
        page.locator("#examples img").first.get_attribute("src"),
    )
    assert "1024 x 768 px" in wait_until(page, "Drawn")
