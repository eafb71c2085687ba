"""Every control of the application in a real Chromium, by mouse, by finger and by keyboard; axe-core on all of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from browser import chromium_page, small_copies
from lens_models import build_lens_model
from served import Server, launched, wait_for

pytestmark = pytest.mark.slow
pytest.importorskip("fastapi", reason="needs the extra web")
pytest.importorskip("pebble", reason="needs the extra web")
STATE = """() => {
    const all = what => [...document.querySelectorAll(what)];
    return JSON.stringify([
        all('input, select').map(part => [part.value, part.checked]),
        all('[aria-pressed], [aria-current], [role=slider]').map(part =>
            ['aria-pressed', 'aria-current', 'aria-valuenow'].map(name => part.getAttribute(name))),
        ['#sheet', '#ring', '#before', '#drop-map'].map(part => [
            document.querySelector(part).style.cssText, document.querySelector(part).hidden]),
    ]);
}"""
"""All that a control may change; what the page says of its work is not among it."""
CONTROLS = "button, input, select, [role=slider], [tabindex='0']"
SIDE = 160
"""Of the photos, px: what a control does shows at any size, and each preview is drawn on the processor."""
WAYS = {"mouse": (1240, 900), "finger": (390, 780), "keyboard": (1240, 900)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("served")
    with launched("--model", str(build_lens_model(home / "lens.onnx")), home=home) as process:
        yield wait_for(process, home)


@pytest.fixture(scope="module")
def dog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_copies(tmp_path_factory.mktemp("dog"), SIDE, "dog.jpg")[0]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small copies of the example with a depth map."""
    folder = tmp_path_factory.mktemp("path")
    small_copies(folder, SIDE, "path.jpg", "path-depth.png")
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with chromium_page() as page:
        yield page


@contextmanager
def given_small(page: Any, folder: Path) -> Iterator[None]:
    """The page is given small copies of the example; no longer than that, as all that is asked goes through here."""
    page.route("**/examples/path*", lambda route: route.fulfill(path=folder / Path(route.request.url).name))
    yield
    opened(page)
    page.unroute("**/examples/path*")


class Hand:
    """Works controls in one way.

    Args:
        page: of Playwright.
        way: of WAYS.
    """

    def __init__(self, page: Any, way: str) -> None:
        self.page, self.way = page, way
        self._client = page.context.new_cdp_session(page)
        self._client.send("Emulation.setTouchEmulationEnabled", {"enabled": way == "finger", "maxTouchPoints": 2})

    def touch(self, kind: str, *points: tuple[float, float]) -> None:
        touched = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(points)]
        self._client.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touched})

    def place(self, part: Any, share: float = 0.5) -> tuple[float, float]:
        # In the middle: not below what stays at the top.
        x, y = part.evaluate(
            """(part, share) => {
                part.scrollIntoView({block: 'center'});
                const {x, y, width, height} = part.getBoundingClientRect();
                return [x + share * width, y + height / 2];
            }""",
            share,
        )
        return x, y

    def press(self, part: Any, share: float = 0.5) -> None:
        """Press it, or the place of it at that share of its width, and leave it pressed."""
        if self.way == "keyboard":
            button = part.evaluate("part => { part.focus(); return part.matches('button, summary'); }")
            self.page.keyboard.down("Space" if button else "ArrowRight" if share > 0.3 else "ArrowLeft")
        elif self.way == "mouse":
            self.page.mouse.move(*self.place(part, share))
            self.page.mouse.down()
        else:
            self.touch("Start", self.place(part, share))

    def leave(self) -> None:
        if self.way == "keyboard":
            for key in ("Space", "ArrowLeft", "ArrowRight"):
                self.page.keyboard.up(key)
        elif self.way == "mouse":
            self.page.mouse.up()
        else:
            self.touch("End")

    def do(self, part: Any, share: float = 0.5) -> None:
        self.press(part, share)
        self.leave()

    def drag(self, part: Any, across: float) -> None:
        """Drag it so many px to the right."""
        self.press(part)
        if self.way != "keyboard":
            x, y = self.place(part)
            for step in (0.3, 0.6, 1.0):
                if self.way == "mouse":
                    self.page.mouse.move(x + step * across, y)
                else:
                    self.touch("Move", (x + step * across, y))
        self.leave()
        if self.way == "finger":
            self.page.wait_for_timeout(500)  # A tap that follows a flick at once is taken to stop it.

    def changes(self, part: Any, share: float = 0.5) -> None:
        """Something changes by it."""
        role = part.evaluate(f"part => {{ window.stateBefore = ({STATE})(); return part.role; }}")
        if role == "slider":
            self.drag(part, 40)
        else:
            self.do(part, share)
        try:
            self.page.wait_for_function(f"() => ({STATE})() !== window.stateBefore")
        except Exception as error:
            raise AssertionError(
                f"nothing changes by {part.evaluate('part => part.outerHTML.slice(0, 200)')}"
            ) from error

    def asks_for_files(self, selector: str) -> None:
        with self.page.expect_file_chooser():
            self.do(self.page.locator(selector))


@pytest.fixture(params=WAYS)
def hand(request: pytest.FixtureRequest, server: Server, chromium: Any) -> Iterator[Hand]:
    """A way to work the page, which asks no other host and says nothing on the console."""
    page, asked, faults = chromium.context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    width, height = WAYS[request.param]
    page.set_viewport_size({"width": width, "height": height})
    found = Hand(page, request.param)
    page.goto(server.address)
    page.wait_for_selector("html[data-ready]")
    yield found
    page.close()
    assert {url.split("/")[2] for url in asked if url.startswith(("http", "ws"))} == {server.address.split("/")[2]}
    assert faults == []


def opened(page: Any) -> None:
    page.wait_for_function("() => !document.querySelector('#download').disabled")


def test_every_control(hand: Hand, dog: Path, small: Path) -> None:
    page, done = hand.page, {"#stage", "#said", "#cancel"}

    def changes(*selectors: str, share: float = 0.5) -> None:
        for selector in selectors:
            hand.changes(page.locator(selector), share)
            done.add(selector)

    for selector in ("#open", "#pick", *(["#camera"] if hand.way == "finger" else [])):
        hand.asks_for_files(selector)
        done.add(selector)
    with given_small(page, small):
        hand.do(page.get_by_label("Example: path"))  # With a depth map: all there can be is shown.
    page.locator("#file").set_input_files(dog)
    page.wait_for_function("() => document.querySelectorAll('#strip button').length === 2")
    opened(page)
    page.wait_for_function("() => !document.querySelector('#matte-view').disabled")
    changes("#matte-view")  # There is one where a network says where things are.
    changes("#matte-view")
    brush = ("#brush", "#give", "#depth", "#also", "#keep", "#brush-size", "#brush-softness", "#brush-done")
    changes(*brush, share=0.8)
    changes("#strip button >> nth=0")
    opened(page)
    done.add("#strip button >> nth=1")
    changes("#stop", share=0.9)
    changes("#undo", "#redo", "#zoom", "#zoom", "#depth-view", "#depth-view", "#seam", "#seam-line", "#seam")
    hand.press(page.locator("#hold"))
    page.wait_for_function("() => !document.querySelector('#before').hidden")
    hand.leave()
    page.wait_for_function("() => document.querySelector('#before').hidden")
    done.add("#hold")
    with page.expect_download():
        hand.do(page.locator("#download"))
    hand.asks_for_files("#give-map")
    done.add("#give-map")
    # Handles, not locators: pressing one changes which are pressed.
    for button in page.query_selector_all("#panel button[aria-pressed]:not(:disabled)"):
        if button.get_attribute("aria-pressed") == "false":
            hand.changes(button)
    for control in page.locator("#controls input, #controls select").all():
        if not control.is_visible():
            continue
        if control.get_attribute("type") == "range":
            here = control.evaluate("bar => (bar.value - bar.min) / (bar.max - bar.min)")
            hand.changes(control, 0.2 if here > 0.5 else 0.8)
        elif control.get_attribute("type") == "checkbox":
            before = control.is_checked()
            hand.do(control) if hand.way != "keyboard" else control.press("Space")
            assert control.is_checked() is not before
        elif control.get_attribute("type") == "number":
            hand.do(control, 0.3)
            page.keyboard.type("2.5")
            assert control.input_value() == "2.5"
            page.keyboard.press("Control+a")
            page.keyboard.press("Delete")
        else:  # What a list shows when it is opened is the browser's own.
            hand.do(control) if hand.way != "keyboard" else control.focus()
            assert control.evaluate("list => list === document.activeElement")
            page.keyboard.press("Escape")
    changes("#drop-map")
    for title in page.locator("#panel summary").all():
        for opens in (False, True):
            hand.do(title)
            shown = title.locator("xpath=following-sibling::*[1]")
            shown.wait_for(state="visible" if opens else "hidden")
    done.add("#download")
    left = page.evaluate(
        """([controls, done]) => [...document.querySelectorAll(controls)].filter(part =>
            part.checkVisibility() && !part.closest('#controls') && !done.some(known => {
                const [selector, at] = known.split(' >> nth=');
                return document.querySelectorAll(selector)[at ?? 0] === part;
            })).map(part => part.outerHTML.slice(0, 120))""",
        [CONTROLS, sorted(done)],
    )
    assert left == []


def test_the_photo_itself(hand: Hand, dog: Path) -> None:
    page = hand.page
    page.locator("#file").set_input_files(dog)
    opened(page)
    sheet = page.locator("#sheet")
    width = sheet.bounding_box()["width"]
    if hand.way == "keyboard":
        page.locator("#stage").focus()
        page.keyboard.press("ArrowUp")
        assert page.locator("#ring").is_visible()
        page.keyboard.press("+")
    elif hand.way == "mouse":
        hand.do(sheet, 0.4)
        assert page.locator("#ring").is_visible()
        page.mouse.wheel(0, -300)
    else:
        hand.do(sheet, 0.4)
        assert page.locator("#ring").is_visible()
        x, y = hand.place(sheet)
        hand.touch("Start", (x, y))
        page.wait_for_function("() => !document.querySelector('#before').hidden")  # A long press shows the photo.
        hand.touch("End")
        assert page.locator("#before").is_hidden()
        ring = page.locator("#ring").get_attribute("style")
        hand.touch("Start", (x - 30, y))
        hand.touch("Start", (x - 30, y), (x + 30, y))
        for reach in (50, 80, 110):
            hand.touch("Move", (x - reach, y), (x + reach, y))
        hand.touch("End")
        assert page.locator("#ring").get_attribute("style") == ring  # A pinch is no tap.
    page.wait_for_function("width => document.querySelector('#sheet').offsetWidth > 1.2 * width", arg=width)


def test_axe_finds_nothing(server: Server, chromium: Any, small: Path) -> None:
    """In light and dark, on a desktop's screen and a phone's: of one page, as to open it takes longer than axe."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    page = chromium
    page.goto(server.address)
    page.wait_for_selector("html[data-ready]")
    page.evaluate(axe.axe_script)
    for step in ("empty", "opened", "seam"):
        if step == "opened":
            with given_small(page, small):
                page.get_by_label("Example: path").click()
        elif step == "seam":
            page.locator("#seam").click()
        for size in ((390, 780), (1240, 900)):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            for scheme in ("dark", "light"):
                page.emulate_media(color_scheme=scheme)
                found = page.evaluate("axe.run().then(found => found.violations)")
                faults = [(each["impact"], each["id"], [node["html"] for node in each["nodes"]]) for each in found]
                assert faults == [], (step, size, scheme)
