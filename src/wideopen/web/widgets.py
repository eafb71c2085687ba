"""Parts of the page that have words, styles or scripts of their own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from wideopen.options import RenderOptions
from wideopen.photo.encode import FORMATS
from wideopen.presets import Preset
from wideopen.web.controls import STOPS, stop_of

HEADER = """<h1>wideopen</h1>
<p>A sharp photo in, the same photo as a fast lens wide open would have taken it. Photos stay on this server while
the page is open.</p>"""

CSS = """
#header h1 { font-size: 1.6rem; margin: 0; }
#header p { margin: 0; }
.said { min-height: 3em; padding: .5em 0; }
.said[role=alert] { color: var(--error-text-color); font-weight: 600; }
:root:not(.dark) { --body-text-color-subdued: #56606e; --block-info-text-color: #56606e; }
#tap img { cursor: crosshair; }
:focus-visible { outline: 3px solid var(--color-accent) !important; outline-offset: 2px; }
@media (max-width: 640px) {
  .gradio-container { padding: 8px !important; }
  button, input:not([type=number]) { min-height: 40px; }
}
"""
STOP_CSS = """
label { display: flex; justify-content: space-between; font-weight: 600; }
input { width: 100%; margin: .6em 0 0; accent-color: var(--color-accent); }
.stops { display: flex; justify-content: space-between; font-size: .75rem; color: var(--body-text-color-subdued); }
.stops span { width: 2.2em; text-align: center; } .stops span::before { content: '|'; display: block; line-height: .8; }
p { font-size: .8rem; color: var(--body-text-color-subdued); margin: .3em 0 0; }
"""
STOP_HTML = """
<label for="f-number"><span>f-number</span><output>${value === 'off' ? 'off' : 'f/' + value}</output></label>
<input id="f-number" type="range" min="0" max="${stops.length - 1}" step="1" value="${stops.indexOf(value)}"
  aria-valuetext="${value === 'off' ? 'off' : 'f ' + value}" ${enabled ? '' : 'disabled'}>
<div class="stops" aria-hidden="true">${stops.map(stop => '<span>' + stop + '</span>').join('')}</div>
<p>${fixed ? 'Without a depth map: the model\\'s own blur, or off.' : 'A smaller number is more blur.'}</p>
"""
STOP_JS = """
const words = stop => stop === 'off' ? 'off' : 'f/' + stop;
element.addEventListener('input', event => {
  const stop = props.stops[event.target.value];
  element.querySelector('output').textContent = words(stop);
  event.target.setAttribute('aria-valuetext', words(stop).replace('/', ' '));
});
element.addEventListener('change', event => {
  props.value = props.stops[event.target.value];
  trigger('release');
  // Drawn anew, it would lose the keyboard.
  requestAnimationFrame(() => element.querySelector('input').focus());
});
"""
NONE, CUSTOM = " none", " custom"
"""In place of a preset's name; no file of presets can have these."""
FETCH = """file => {
  if (!file) return;
  const link = Object.assign(document.createElement('a'), {href: file.url, download: file.orig_name ?? ''});
  document.body.append(link);
  link.click();
  link.remove();
}"""
"""Downloads a file as soon as it is there."""
HEAD = """<script>
// Pictures and buttons that Gradio leaves without a name for screen readers.
const named = [
  ['#compare img', index => index ? 'The photo seen through the lens' : 'The photo as it is'],
  ['#tap img', () => 'The photo seen through the lens; tap where it should be sharp'],
  ['#depth-view img', () => 'The depth map, what is in focus hatched'],
  ['#examples button', (_, part) => 'Example ' + part.querySelector('img')?.src.split('/').pop().split('.')[0]],
];
function name() {
  for (const [where, words] of named) document.querySelectorAll(where).forEach((part, index) => {
    const key = part.tagName === 'IMG' ? 'alt' : 'aria-label';
    if (part.getAttribute(key) !== words(index, part)) part.setAttribute(key, words(index, part));
  });
}
new MutationObserver(name).observe(document.documentElement, {childList: true, subtree: true});

document.addEventListener('paste', event => {
  const files = [...(event.clipboardData?.files ?? [])];
  const box = [...document.querySelectorAll('#photo input[type=file]')][0];
  if (!files.length || !box) return;
  const given = new DataTransfer();
  given.items.add(files[0]);
  box.files = given.files;
  box.dispatchEvent(new Event('change', {bubbles: true}));
});
</script>"""


def theme() -> gr.themes.Base:
    """Gradio's look with the system's fonts: none is fetched."""
    fonts = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
    return gr.themes.Default(font=fonts, font_mono=("ui-monospace", "Consolas", "monospace"))


def status(words: str, role: str = "status") -> str:
    """A line that screen readers read out when it changes; `alert` for what went wrong."""
    return f'<div class="said" role="{role}" aria-live="polite">{words}</div>'


def photo_drop(label: str, name: str, count: Any = "single") -> gr.File:
    """Where photos are dropped."""
    suffixes = [suffix for suffixes in FORMATS.values() for suffix in suffixes]
    height = 140 if count == "single" else 240
    return gr.File(label=label, file_types=[*suffixes, "image"], file_count=count, elem_id=name, height=height)


def map_drop() -> gr.File:
    """Where a depth map is dropped."""
    kinds = [".png", ".tif", ".tiff", ".exr", ".npy", ".jpg", ".jpeg", ".webp"]
    return gr.File(label="Depth map for this photo", file_types=kinds, elem_id="map", height=120)


def example_row(photos: list[Path]) -> gr.Dataset:
    """Photos to pick."""
    return gr.Dataset(
        components=[gr.Image(visible=False, render=False)], samples=[[str(photo)] for photo in photos], type="index",
        label="Or pick one", elem_id="examples", visible=bool(photos),
        sample_labels=None,
    )  # fmt: skip


def stop_slider() -> gr.HTML:
    """The f-number, marked in stops, with `off`: a browser's own slider, which keyboards and screen readers know."""
    return gr.HTML(
        value=stop_of(), stops=list(STOPS), enabled=True, fixed=False, html_template=STOP_HTML, css_template=STOP_CSS,
        js_on_load=STOP_JS, elem_id="stop", container=True, padding=True,
    )  # fmt: skip


def divider(compare: gr.ImageSlider) -> gr.Slider:
    """Where the comparison is divided, for those who do not drag: a slider that keyboards know."""
    slider = gr.Slider(0, 100, 50, step=5, label="Before | after, in % of the width", elem_id="divide", buttons=[])
    slider.input(
        None, slider, compare, js="share => ({__type__: 'update', slider_position: share})", show_progress="hidden"
    )
    return slider


def preset_box(presets: Mapping[str, Preset]) -> gr.Dropdown:
    """Looks by name, and before them what is set where there is none: nothing, or something by hand."""
    choices = [("none: as photos are rendered where nothing is set", NONE), ("custom: as it is set by hand", CUSTOM)]
    choices += [(f"{name}: {preset.description}", name) for name, preset in presets.items()]
    return gr.Dropdown(choices, value=NONE, label="Preset", elem_id="preset", type="value", filterable=False)


def focus_box() -> gr.Textbox:
    """Focus in words: the way to it without a pointer."""
    return gr.Textbox(
        value=RenderOptions.focus, label="Focus", elem_id="focus", interactive=False, max_lines=1,
        info="Tap the photo, or type auto, near, far, or X,Y (0.5,0.5 is the middle), and press Enter.",
    )  # fmt: skip
