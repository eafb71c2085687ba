"""Presets on the page: drawn once each, and a name that is true."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wideopen.options import RenderOptions

pytest.importorskip("gradio", reason="needs the extra web")
pytest.importorskip("pebble", reason="needs the extra web")
from wideopen.web import widgets  # noqa: E402
from wideopen.web.jobs import Shown  # noqa: E402
from wideopen.web.page import SHOWN, STOP, Page, Sitting  # noqa: E402
from wideopen.web.settings import ServeOptions  # noqa: E402

REQUEST: Any = SimpleNamespace(session_hash="a")


class Drawing:
    """In place of workers and of the keeper of files: what is drawn is told, nothing is."""

    def __init__(self) -> None:
        self.drawn: list[RenderOptions] = []

    def show(self, session: str, photo: Path, depth: Path | None, options: RenderOptions, folder: Path) -> Shown:
        self.drawn.append(options)
        return Shown(folder, folder, folder, None, (40, 30), (40, 30), True, 0.1)

    def room(self, session: str) -> Path:
        return Path("room")

    def hold(self, session: str, *paths: Path) -> None:
        pass

    drop = hold


@pytest.fixture
def made() -> tuple[Page, Drawing]:
    drawing, share = Drawing(), SimpleNamespace(screen=1, full=1)
    return Page(drawing, drawing, ServeOptions(), share, {}), drawing  # type: ignore[arg-type]


def test_a_choice_is_drawn_once_however_often_the_browser_tells_of_it(made: tuple[Page, Drawing]) -> None:
    page, drawing = made
    sitting = Sitting(Path("photo.jpg"))
    # A box that is left without a choice tells of None.
    assert len(page._preset(REQUEST, None, sitting, "1.8")) == SHOWN and drawing.drawn == []
    found = page._preset(REQUEST, "dreamy", sitting, "1.8")
    assert len(found) == SHOWN and found[STOP]["value"] == "1.2" and found[-1] == "dreamy"
    for name in ("dreamy", None, widgets.CUSTOM):
        page._preset(REQUEST, name, found[0], "1.2")
    assert [options.aperture for options in drawing.drawn] == [1.2]


def test_a_name_goes_when_something_is_moved_and_comes_back_when_chosen(made: tuple[Page, Drawing]) -> None:
    page, drawing = made
    sitting = page._preset(REQUEST, "background", Sitting(Path("photo.jpg")), "1.8")[0]
    assert (sitting.preset, sitting.focus) == ("background", "far")
    moved = page._set(REQUEST, sitting, "4")
    assert moved[-1] == moved[0].preset == widgets.CUSTOM
    again = page._preset(REQUEST, "background", moved[0], "4")
    assert again[-1] == "background" and again[STOP]["value"] == "1.8"
    # Focus is what this preset is about; of another it is not.
    assert page._auto(REQUEST, again[0], "1.8")[-1] == widgets.CUSTOM
    other = page._preset(REQUEST, "vintage", again[0], "1.8")[0]
    assert other.focus == "auto" and page._focused(REQUEST, "0.2,0.3", other, "1.8")[-1] == "vintage"
    none = page._preset(REQUEST, widgets.NONE, other, "1.8")
    assert none[-1] == widgets.NONE and (none[0].focus, none[STOP]["value"]) == ("auto", "1.8")
    assert len(drawing.drawn) == 7


def test_a_preset_is_kept_for_a_photo_that_comes_later(made: tuple[Page, Drawing]) -> None:
    page, drawing = made
    found = page._preset(REQUEST, "foreground", Sitting(), "1.8")
    assert drawing.drawn == [] and found[0].preset == "foreground" and found[STOP]["value"] == "1.8"
    opened = page._open(REQUEST, "photo.jpg", found[0], "1.8")
    assert opened[-1] == "foreground" and drawing.drawn[0].focus == "near"
    assert page._close(opened[0])[0].preset == "foreground"
