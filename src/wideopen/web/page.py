"""The page: what is on it, and what happens when something is touched."""

import html
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from wideopen.errors import WideopenError
from wideopen.options import DEPTH, LENS, RenderOptions, parse_focus
from wideopen.presets import load_presets
from wideopen.web import widgets
from wideopen.web.api import add_api
from wideopen.web.controls import Controls, aperture_of
from wideopen.web.jobs import Shown
from wideopen.web.session_files import Keeper
from wideopen.web.settings import ServeOptions, Share
from wideopen.web.worker_pool import Crew, check_name

SESSIONS = 500
"""So many are remembered; the one that was quiet longest is forgotten first."""
SHOWN, STOP = 13, 7
"""How many parts change when something is drawn, and which of them is the f-number's slider; see `Page._wire`."""
NEEDS_DEPTH = (
    "The model's look is fixed: f-number and focus need a depth map. Give one under <b>Depth map</b>, or a portrait "
    "photo that carries its own."
)


@dataclass(frozen=True)
class Sitting:
    """What one session has open."""

    photo: Path | None = None
    depth: Path | None = None
    focus: str = "auto"
    preset: str = widgets.NONE
    shown: Shown | None = None


class Page:
    """The page's parts and handlers.

    Args:
        crew: does the work.
        keeper: where files go.
        options, share: limits.
        examples: photos to pick, and the depth maps that some have.
    """

    def __init__(
        self, crew: Crew, keeper: Keeper, options: ServeOptions, share: Share, examples: dict[Path, Path | None]
    ) -> None:
        self._crew, self._keeper, self._options = crew, keeper, options
        self._limits = {"screen": share.screen, "full": share.full}
        self._examples = examples
        self.controls = Controls()
        self._presets = load_presets()

    def build(self) -> gr.Blocks:
        """Everything put together."""
        with gr.Blocks(title="wideopen", analytics_enabled=False) as blocks:
            gr.HTML(widgets.HEADER, elem_id="header")
            with gr.Tabs():
                with gr.Tab("One photo"):
                    self._one()
                with gr.Tab("Several photos"):
                    self._several()
            self._wire()
            add_api(self._crew, self._keeper, self._limits)
        blocks.state_session_capacity = SESSIONS
        blocks.queue(max_size=self._options.queue, api_open=False, default_concurrency_limit=1)
        return blocks

    def _one(self) -> None:
        self.sitting = gr.State(Sitting(), time_to_live=24 * 3600)
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=320):
                self.photo = widgets.photo_drop("Photo: drop, paste or choose one", "photo")
                self.examples = widgets.example_row(list(self._examples))
                self.status = gr.HTML(widgets.status("Drop a photo to begin."), elem_id="status")
                with gr.Tabs(visible=False, elem_id="views") as self.views:
                    with gr.Tab("Compare"):
                        self.compare = gr.ImageSlider(
                            label="Before and after", type="filepath", elem_id="compare", interactive=False,
                            buttons=["fullscreen"], max_height=720, show_label=False,
                        )  # fmt: skip
                        self.divide = widgets.divider(self.compare)
                    with gr.Tab("Tap to focus"):
                        self.tap = gr.Image(
                            label="Tap where it should be sharp", type="filepath", elem_id="tap", interactive=False,
                            buttons=[],
                        )  # fmt: skip
                    with gr.Tab("Depth", visible=False) as self.depth_tab:
                        self.depth_view = gr.Image(
                            label="Yellow is near, black far, hatched is in focus", type="filepath",
                            elem_id="depth-view", interactive=False, buttons=["fullscreen"],
                        )  # fmt: skip
            with gr.Column(scale=2, min_width=300):
                self.stop = widgets.stop_slider()
                with gr.Group():
                    self.focus = widgets.focus_box()
                    self.auto = gr.Button("Back to automatic focus", elem_id="auto-focus", interactive=False)
                self.preset = widgets.preset_box(self._presets)
                with gr.Accordion("Lens", open=False, elem_id="lens"):
                    self.controls.add(LENS)
                with gr.Accordion("Depth map", open=False, elem_id="depth"):
                    self.depth = widgets.map_drop()
                    self.controls.add(DEPTH)
                self.make = gr.Button("Make the full-size file", variant="primary", interactive=False, elem_id="make")
                self.file = gr.DownloadButton("Download it", visible=False, elem_id="file")

    def _several(self) -> None:
        gr.Markdown(
            f"Up to {self._options.batch} photos with the settings of the other tab, except for a point in focus: here "
            "focus is on each photo's subject, or near, or far. What comes back is one zip."
        )
        self.photos = widgets.photo_drop("Photos", "photos", "multiple")
        self.render_all = gr.Button("Render all", variant="primary", elem_id="render-all")
        self.batch_status = gr.HTML(widgets.status(""), elem_id="batch-status")
        self.zip = gr.DownloadButton("Download the zip", visible=False, elem_id="zip")

    def _wire(self) -> None:
        settings = [self.sitting, self.stop, *self.controls.components]
        shown = [
            self.sitting, self.views, self.compare, self.tap, self.depth_tab, self.depth_view, self.status, self.stop,
            self.focus, self.auto, self.make, self.file, self.preset,
        ]  # fmt: skip
        screen: dict[str, Any] = {
            "outputs": shown, "concurrency_id": "screen", "concurrency_limit": self._limits["screen"],
            "api_visibility": "private", "trigger_mode": "always_last",
            "show_progress_on": self.status,  # What is shown stays to be seen until the next picture is there.
        }  # fmt: skip
        self.photo.upload(self._open, [self.photo, *settings], **screen)
        light: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None, "show_progress": "hidden"}
        self.photo.clear(self._close, self.sitting, shown, **light)
        self.examples.click(self._open_example, [self.examples, *settings], **screen)
        self.depth.upload(self._give_depth, [self.depth, *settings], **screen)
        self.depth.clear(self._give_depth, [self.depth, *settings], **screen)
        self.tap.select(self._tapped, settings, **screen)
        self.focus.submit(self._focused, [self.focus, *settings], **screen)
        self.auto.click(self._auto, settings, **screen)
        self.stop.release(self._set, settings, **screen)
        for part in self.controls.components:
            event = part.release if isinstance(part, gr.Slider) else part.input
            event(self._set, settings, **screen)
        self.preset.input(
            self._preset, [self.preset, *settings], **{**screen, "outputs": [*shown, *self.controls.components]}
        )  # fmt: skip
        full: dict[str, Any] = {
            "concurrency_id": "full", "concurrency_limit": self._limits["full"], "api_visibility": "private",
        }  # fmt: skip
        self.make.click(
            self._make, settings, [self.file, self.status], show_progress_on=self.status, **full
        ).success(None, self.file, None, js=widgets.FETCH)  # fmt: skip
        self.render_all.click(
            self._make_all, [self.photos, *settings], [self.zip, self.batch_status], show_progress_on=self.batch_status,
            **full,
        )  # fmt: skip

    # What happens when something is touched. Gradio fills in the request by its annotation.

    def _open(self, request: gr.Request, photo: str | None, sitting: Sitting, stop: str, *values: Any) -> list[Any]:
        if photo is None:
            return self._close(sitting)
        path = Path(photo)
        try:
            check_name(path)
        except WideopenError as error:
            return self._failed(sitting, str(error))
        focus = self._focus_of(sitting.preset) or RenderOptions.focus
        return self._draw(request, replace(sitting, photo=path, focus=focus), stop, *values)

    def _open_example(self, request: gr.Request, index: int, sitting: Sitting, stop: str, *values: Any) -> list[Any]:
        photo = list(self._examples)[int(index)]
        focus = self._focus_of(sitting.preset) or RenderOptions.focus
        opened = Sitting(photo, self._examples[photo], focus, sitting.preset)
        return self._draw(request, opened, stop, *values)

    def _give_depth(
        self, request: gr.Request, depth: str | None, sitting: Sitting, stop: str, *values: Any
    ) -> list[Any]:
        path = None if depth is None else Path(depth)
        return self._draw(request, replace(sitting, depth=path), stop, *values)

    def _tapped(
        self, request: gr.Request, event: gr.SelectData, sitting: Sitting, stop: str, *values: Any
    ) -> list[Any]:
        if sitting.shown is not None:
            x, y = ((float(at) + 0.5) / side for at, side in zip(event.index, sitting.shown.screen, strict=True))
            focus = f"{min(max(x, 0), 1):.4f},{min(max(y, 0), 1):.4f}"
            sitting = self._focused_on(sitting, focus)
        return self._draw(request, sitting, stop, *values)

    def _focused(self, request: gr.Request, focus: str, sitting: Sitting, stop: str, *values: Any) -> list[Any]:
        try:
            parse_focus(focus.strip())
        except ValueError as error:
            return self._failed(sitting, str(error))
        return self._draw(request, self._focused_on(sitting, focus.strip()), stop, *values)

    def _focused_on(self, sitting: Sitting, focus: str) -> Sitting:
        """With that in focus; a preset that says what is in focus is left."""
        named = self._focus_of(sitting.preset)
        return replace(sitting, focus=focus, preset=widgets.CUSTOM if named else sitting.preset)

    def _focus_of(self, preset: str) -> str | None:
        """What a preset says is in focus; None if it does not say, or is none."""
        return self._presets[preset].settings.get("focus") if preset in self._presets else None

    def _set(self, request: gr.Request, sitting: Sitting, stop: str, *values: Any) -> list[Any]:
        """A control was moved by hand, so that no preset's name fits any more."""
        return self._draw(request, replace(sitting, preset=widgets.CUSTOM), stop, *values)

    def _preset(self, request: gr.Request, name: str | None, sitting: Sitting, stop: str, *values: Any) -> list[Any]:
        """Set what a preset says and draw it, once: a browser tells of a choice again when the box is left."""
        if name in (None, widgets.CUSTOM, sitting.preset):
            return [gr.skip()] * (SHOWN + len(values))
        settings = {} if name == widgets.NONE else self._presets[str(name)].settings
        chosen, *values_ = self.controls.preset(settings)
        # What was put in focus by hand stays; what the preset before said goes with it.
        kept = RenderOptions.focus if name == widgets.NONE or self._focus_of(sitting.preset) else sitting.focus
        sitting = replace(sitting, preset=str(name), focus=settings.get("focus", kept))
        if sitting.photo is None:
            drawn = [sitting, *[gr.skip()] * (SHOWN - 1)]
        else:
            drawn = self._draw(request, sitting, chosen, *values_)
        fixed = {} if drawn[STOP] == gr.skip() else {"fixed": drawn[STOP]["fixed"]}
        drawn[STOP] = gr.update(value=chosen, **fixed)
        return [*drawn, *values_]

    def _auto(self, request: gr.Request, sitting: Sitting, stop: str, *values: Any) -> list[Any]:
        return self._draw(request, self._focused_on(sitting, "auto"), stop, *values)

    def _draw(self, request: gr.Request, sitting: Sitting, stop: str, *values: Any) -> list[Any]:
        """Draw what a session has open, with the settings given."""
        if sitting.photo is None:
            return self._failed(sitting, "Drop a photo first.")
        session = request.session_hash or ""
        self._keeper.hold(session, sitting.photo, sitting.depth)
        try:
            options = self.controls.options(values, aperture=aperture_of(stop), focus=sitting.focus)
            shown = self._crew.show(session, sitting.photo, sitting.depth, options, self._keeper.room(session))
        except (ValueError, WideopenError) as error:
            return self._failed(sitting, str(error))
        old = set() if sitting.shown is None else sitting.shown.files
        self._keeper.hold(session, *shown.files)
        self._keeper.drop(session, *(old - shown.files))
        return [
            replace(sitting, shown=shown),
            gr.update(visible=True),
            (str(shown.before), str(shown.after)),
            str(shown.marked),
            gr.update(visible=shown.depth is not None),
            shown.depth and str(shown.depth),
            widgets.status(_said(shown, sitting.focus, options.aperture)),
            # Drawn anew, the slider would lose the keyboard: only when it has other words to say.
            gr.skip() if sitting.shown and sitting.shown.lens == shown.lens else gr.update(fixed=not shown.lens),
            gr.update(value=sitting.focus, interactive=shown.lens),
            gr.update(interactive=shown.lens and sitting.focus != "auto"),
            gr.update(interactive=True),
            gr.update(value=None, visible=False),
            sitting.preset,
        ]

    def _failed(self, sitting: Sitting, reason: str) -> list[Any]:
        """Say what was wrong, and leave the rest as it is."""
        skip = gr.skip()
        return [sitting, *[skip] * 5, widgets.status(html.escape(reason), "alert"), *[skip] * 5, sitting.preset]

    def _close(self, sitting: Sitting) -> list[Any]:
        """As it was before a photo was given."""
        return [
            Sitting(preset=sitting.preset), gr.update(visible=False), None, None, gr.update(visible=False), None,
            widgets.status("Drop a photo to begin."), gr.skip(), gr.update(value="auto"), gr.update(interactive=False),
            gr.update(interactive=False), gr.update(visible=False), gr.skip(),
        ]  # fmt: skip

    def _make(self, request: gr.Request, sitting: Sitting, stop: str, *values: Any) -> list[Any]:
        if sitting.photo is None:
            return [None, widgets.status("Drop a photo first.", "alert")]
        session = request.session_hash or ""
        try:
            options = self.controls.options(values, aperture=aperture_of(stop), focus=sitting.focus)
            made = self._crew.make(sitting.photo, sitting.depth, options, self._keeper.room(session), lenient=True)
        except (ValueError, WideopenError) as error:
            return [gr.update(value=None, visible=False), widgets.status(html.escape(str(error)), "alert")]
        self._keeper.hold(session, made)
        size = made.stat().st_size / 1e6
        return [
            gr.update(value=str(made), label=f"Download {made.name}", visible=True),
            widgets.status(f"{html.escape(made.name)} is ready: {size:.1f} MB, with the photo's metadata."),
        ]

    def _make_all(
        self,
        request: gr.Request,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 (how Gradio finds it)
        photos: list[str] | None = None,
        sitting: Sitting = Sitting(),
        stop: str = "",
        *values: Any,
    ) -> list[Any]:
        session, paths = request.session_hash or "", [Path(photo) for photo in photos or []]
        self._keeper.hold(session, *paths)

        def tell(done: int, total: int, name: str) -> None:
            progress((done, total), desc=name, unit="photos")

        try:
            focus = sitting.focus if isinstance(parse_focus(sitting.focus), str) else RenderOptions.focus
            options = self.controls.options(values, aperture=aperture_of(stop), focus=focus)
            zipped, failed = self._crew.make_all(paths, options, self._keeper.room(session), tell)
        except (ValueError, WideopenError) as error:
            return [gr.update(visible=False), widgets.status(html.escape(str(error)), "alert")]
        self._keeper.hold(session, zipped)
        done = f"{len(paths) - len(failed)} of {len(paths)} photos are in the zip."
        lines = "".join(f"<li>{html.escape(line)}</li>" for line in failed)
        return [
            gr.update(value=str(zipped), visible=True),
            widgets.status(f"{done}<ul>{lines}</ul>", "alert" if failed else "status"),
        ]


def _said(shown: Shown, focus: str, aperture: float | None) -> str:
    """What was done, in words."""
    width, height = shown.size
    size = f"{width} x {height} px"
    if aperture == math.inf:
        return f"Off: the photo as it is, {size}."
    if not shown.lens:
        return f"Drawn in {shown.seconds:.1f} s, {size}. {NEEDS_DEPTH}"
    chosen = parse_focus(focus)
    place = {"auto": "found by itself", "near": "on the nearest", "far": "on the farthest"}
    at = place[chosen] if isinstance(chosen, str) else "where the ring is"
    how = "from the depth map" if shown.depth is not None else "by the model"
    return f"Drawn in {shown.seconds:.1f} s {how}: f/{aperture:g}, focus {at}. {size}."


Handler = Callable[..., list[Any]]
