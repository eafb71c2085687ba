"""What a person can set, declared once for library, command line and web form.

Frozen dataclasses; the rules are checked when one is made. Field metadata carries the text shown by --help.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from wideopen.option_texts import matte_source, parse_aperture, parse_focus, parse_subjects, places_text

Blocks = Literal["parallel", "cascade"]
Head = Literal["absolute", "residual", "blend", "lens"]
Encoder = Literal["pynet", "lite0", "lite1", "lite2"]
Prior = Literal["none", "u2netp"]
Init = Literal["published", "he"]
DepthKind = Literal["disparity", "distance"]
RuntimeName = Literal["onnxruntime", "openvino"]
Precision = Literal["fp32", "bf16"]
Hdr = Literal["auto", "keep", "drop"]
Comparison = Literal["side", "split"]
SUBJECT, DEPTH, LENS, RESULTS, BATCH = "Subject", "Depth", "Lens", "Results", "Many photos"
CLUSTER = "More than one machine"
"""Groups of options."""
LENSES = ("50mm", "85mm", "ebb", "phone")
"""Lenses by name; `lens.thin_lens.PRESETS` says what they are."""
SPANS = {
    "working_side": (64, math.inf), "threads": (1, math.inf), "quality": (1, 100), "in_flight": (1, 64),
    "aperture": (0.5, math.inf),
    "blades": (0, 11), "roundness": (0, 1), "squeeze": (0.25, 4), "ring": (0, math.nextafter(1, 0)), "vignette": (0, 1),
    "port": (0, 65535), "upload_mb": (1, math.inf), "upload_seconds": (1, math.inf), "uploads": (1, math.inf),
    "megapixels": (0, 250), "queue": (1, math.inf), "job_seconds": (1, math.inf), "disk_mb": (1, math.inf),
    "keep_minutes": (0.01, math.inf),
    "rim": (-1, 1), "axial": (-1, 1), "tilt": (-45, 45), "highlights": (1, 50), "grain": (0, 1),
}  # fmt: skip
"""The least and the greatest value of numbers."""


def check_spans(options: Any) -> None:
    """ValueError for an object one of whose numbers is outside its range in `SPANS` (NaN is); None is not set."""
    for name, (least, most) in SPANS.items():
        value = getattr(options, name, None)
        if value is not None and not least <= value <= most:
            said = f"at least {least:g}" if most == math.inf else f"{least:g} to {most:g}"
            raise ValueError(f"{name.replace('_', ' ')} must be {said}, not {value}")
    if getattr(options, "blades", None) in (1, 2):
        raise ValueError(f"blades must be 3 to 11, or 0 for a disc, not {options.blades}")


def check_words(options: Any, *names: str) -> None:
    """ValueError for an object one of whose fields, all of a Literal type, has a text that its type has not."""
    hints = get_type_hints(type(options))
    for name in names:
        if (value := getattr(options, name)) not in (known := get_args(hints[name])):
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")


def option(
    default: Any, text: str, panel: str = "", parser: Callable[[str], Any] | None = None, lens: bool | None = None
) -> Any:
    """A field with its help text, the group it is shown in, how its text becomes a value, and whether it asks for a
    lens (if not given, what is in the group of the lens does)."""
    lens = panel == LENS if lens is None else lens
    return field(default=default, metadata={"help": text, "panel": panel, "parser": parser, "lens": lens})


@dataclass(frozen=True)
class RenderOptions:
    """How one photo is rendered: by the network, or, where there is depth, by the lens."""

    model: Path | None = option(
        None, "Model: an .onnx file, or hf:ORG/NAME[@REVISION] on the hub; if not given, the one in the package."
    )
    working_side: int | None = option(
        None, "Long side in px of the network's picture, at least 64; if not given, the model's own."
    )
    engine: Literal["auto", "onnxruntime", "openvino"] = option(
        "auto", "What runs the network; auto takes OpenVINO for many photos, where it is installed."
    )
    precision: Precision = option("fp32", "Arithmetic of OpenVINO; bf16 is faster and changes results visibly.")
    threads: int | None = option(None, "CPU threads; if not given, one per core.")
    quality: int | None = option(
        None, "JPEG, WebP, AVIF, HEIF or JPEG XL quality 1-100; like the input's, else 95, if not given."
    )
    hdr: Hdr = option(
        "auto",
        "HDR photos (with a gain map): `auto` blurs their HDR light and keeps the map in JPEG; `keep` writes no "
        "file without it; `drop` takes and writes the SDR picture alone.",
        RESULTS,
    )
    strip: bool = option(False, "Leave out EXIF, GPS, XMP, captions, comments and depth; the colour profile stays.")
    keep_motion: bool = option(False, "Keep the film of a motion photo as it is, sharp, in JPEG and HEIC.")
    matte: str | None = option(
        None,
        "What the subject is: `auto` (the network says), `none`, `photo` (the portrait matte that it carries), a "
        "picture (FILE), `rembg:NAME` (a session of rembg on this machine) or `onnx:FILE` (IS-Net, BiRefNet, "
        "U2-Net). If not given, the matte in the photo, else the network's where there is no depth map.",
        SUBJECT,
    )
    strokes: str | None = option(
        None,
        "Your corrections where the matte is wrong: a picture (FILE; green marks the subject, red the background), "
        "or lines of JSON (FILE.json).",
        SUBJECT,
    )
    also: str | None = option(
        None,
        "Further subjects that stay sharp with the first: X,Y takes the thing under a point, X,Y,W,H (left, top, "
        "width, height) the one in a rectangle, in shares or px as --focus; several with + between them.",
        SUBJECT,
    )
    invert_matte: bool = option(False, "The given matte is black (0) for the subject.", SUBJECT)
    best: bool = option(
        False,
        "Use the best models for matte and depth that `wideopen models get` has fetched, where neither an option "
        "nor the photo says them.",
        SUBJECT,
    )
    depth: str | None = option(
        None,
        "Depth map: a file (PNG, TIFF, PFM, EXR, .npy), `auto` (a model estimates it), or `none`. If "
        "not given, the one in the photo, if it has one.",
        DEPTH,
    )
    depth_model: str | None = option(
        None,
        "Model of --depth auto: onnx:FILE, hf:ORG/NAME[@REVISION] or a folder; if not given, Depth Anything V2 Small.",
        DEPTH,
    )
    depth_kind: DepthKind = option(
        "disparity", "What a map's values are: disparity (larger is nearer) or distance.", DEPTH
    )
    depth_unit: float | None = option(
        None, "Metres for one unit of the map, 0.001 for mm; if not given, it has no scale.", DEPTH
    )
    invert: bool = option(False, "The map has near and far swapped: turn its values round.", DEPTH)
    nearest: float | None = option(
        None,
        "Distance in m of the nearest thing in a map that has no scale; if not given, from the subject's distance "
        "in the photo's EXIF, else 1.",
        DEPTH,
        lens=True,
    )
    aperture: float | None = option(
        None, "f-number, 0.5-256; if not given, the lens's own. `off` leaves the photo as it is.", LENS, parse_aperture
    )
    focus: str = option(
        "auto",
        "What is sharp: auto (the subject), near, far, or X,Y: two shares of width and height (0.5,0.5 is the "
        "middle), or two whole numbers of px. Two places (0.3,0.8:0.6,0.5, near:auto) are the ends of a range that "
        "is sharp; a place and an f-number (auto@f/8) keep that f-number's depth of field.",
        LENS,
    )
    lens: str = option(
        "50mm",
        "Lens: 50mm (f/1.8), 85mm (f/1.4), ebb (50 mm on a smaller sensor), phone, or `photo` (the one in "
        "the photo's EXIF).",
        LENS,
    )
    blades: int = option(0, "Blades of the aperture, 3-11; 0 is a disc.", LENS)
    roundness: float = option(0.0, "How round the blades are, 0-1.", LENS)
    rotate: float = option(0.0, "Turn of the blades in degrees.", LENS)
    squeeze: float = option(1.0, "Height : width of the discs, 0.25-4; 2 for an anamorphic lens.", LENS)
    ring: float = option(0.0, "Covered share of the aperture's radius, 0 to below 1; 0.4 for a mirror lens.", LENS)
    vignette: float = option(0.0, "Optical vignetting 0-1: cat's eyes toward the corners.", LENS)
    rim: float = option(
        0.0, "Rim of the discs behind the focus, -1 (soft) to 1 (bright); the reverse in front of it.", LENS
    )
    axial: float = option(
        0.0,
        "Axial colour: how far (mm, -1 to 1) behind green red and blue come to focus; above 0, discs behind the "
        "focus have a green edge and those in front of it a purple one.",
        LENS,
    )
    tilt: float = option(
        0.0,
        "Tilt of the lens in degrees, -45 to 45: above 0 a ground can be sharp from front to back, below 0 "
        "little is sharp, as in a photo of a miniature.",
        LENS,
    )
    tilt_direction: float = option(
        0.0, "Side on which --tilt brings the focus nearer, in degrees: 0 is down, 90 right.", LENS
    )
    shape: Path | None = option(None, "Grey picture of the aperture, in place of the blades.", LENS)
    highlights: float | None = option(
        None, "Brightness of clipped lamps in units of white, 1-50; 4 or less if not given.", LENS
    )
    grain: float = option(
        1.0,
        "Share of the photo's grain put back where it is blurred, 0-1; of photos of 1.5 megapixels and more.",
        LENS,
        lens=False,
    )

    def __post_init__(self) -> None:
        check_spans(self)
        check_words(self, "engine", "precision", "hdr")
        if self.precision == "bf16" and self.engine != "openvino":
            raise ValueError("bf16 needs the engine openvino")
        parse_focus(self.focus)
        matte_source(self.matte)
        if self.also is not None:
            parse_subjects(self.also)
        if self.depth_kind not in ("disparity", "distance"):
            raise ValueError(f"depth kind must be disparity or distance, not {self.depth_kind!r}")
        for name, number in (("depth unit", self.depth_unit), ("nearest", self.nearest)):
            if number is not None and not number > 0:
                raise ValueError(f"{name} must be above 0, not {number}")
        if self.lens not in (*LENSES, "photo"):
            raise ValueError(f"lens must be one of {', '.join(LENSES)} or photo, not {self.lens!r}")

    def asks_for_a_lens(self) -> bool:
        """Whether anything is set that only a lens can do: it needs depth, or a model that says where things are."""
        return any(item.metadata["lens"] and getattr(self, item.name) != item.default for item in fields(self))


@dataclass(frozen=True)
class BatchOptions:
    """How many photos are gone about."""

    overwrite: bool = option(False, "Replace results that are there.", RESULTS)
    skip_existing: bool = option(False, "Leave results that are there, and do not render their photos again.", RESULTS)
    in_place: bool = option(
        False,
        "Write each result over its photo, at once and whole: for editors that hand over a file and read it again.",
        RESULTS,
    )
    before_after: Comparison | None = option(
        None,
        "Also write NAME-before-after.jpg: photo and result side by side (side), or half of each (split).",
        RESULTS,
    )
    in_flight: int | None = option(None, "Photos at a time, 1-64; one for each core, 4 at most, if not given.", BATCH)

    def __post_init__(self) -> None:
        if self.overwrite and self.skip_existing:
            raise ValueError("results that exist can be overwritten or skipped, not both")
        if self.in_place and self.skip_existing:
            raise ValueError("results in place of their photos exist always; skipping what exists would skip all")
        if self.before_after not in (None, "side", "split"):
            raise ValueError(f"before-after must be side or split, not {self.before_after!r}")
        check_spans(self)


def with_settings(options: RenderOptions | None, settings: Mapping[str, Any]) -> RenderOptions:
    """Options with some fields replaced.

    Args:
        settings: values by the fields' names. Text is understood as on the command line (`aperture="f/2"`, `"off"`);
            focus may be two numbers or two places, also two or four numbers or several such places, paths may be text.

    Raises:
        TypeError: there is no such field.
        ValueError: a value that makes no sense.
    """
    known = {item.name: item for item in fields(RenderOptions)}
    hints, values = get_type_hints(RenderOptions), dict(settings)
    for name, value in values.items():
        if name not in known:
            raise TypeError(f"there is no option {name!r}; there are {', '.join(known)}")
        if name in ("model", "shape") and value is not None:
            values[name] = Path(value)
        elif name in ("depth", "matte", "strokes") and isinstance(value, PathLike):
            values[name] = str(value)
        elif name == "focus" and not isinstance(value, str):
            values[name] = places_text(value, ":")
        elif name == "also" and value is not None and not isinstance(value, str):
            values[name] = places_text(value, "+")
        elif isinstance(value, str) and known[name].metadata["parser"]:
            values[name] = known[name].metadata["parser"](value)
        if not _fits(values[name], hints[name]):
            raise ValueError(f"{name} must not be {value!r}")
    return replace(options or RenderOptions(), **values)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a field's type; which texts a Literal has, the options say themselves."""
    if get_origin(hint) is Literal:
        return isinstance(value, str)
    if get_args(hint):
        return any(_fits(value, part) for part in get_args(hint))
    if hint in (int, float):
        return isinstance(value, Integral if hint is int else Real) and not isinstance(value, bool)
    return isinstance(value, hint)


@dataclass(frozen=True)
class PyNETConfig:
    """Which PyNET is built. The defaults are the published network (Ignatov et al., CVPRW 2020)."""

    in_channels: int = 3
    """RGB, and a fourth for the paper's depth map."""
    width: float = 1.0
    """Multiplies the channels of levels 3..7 (32, 64, 128, 256, 512)."""
    blocks: Blocks = "parallel"
    """`parallel`: a branch for each kernel size, as published. `cascade`: one chain of 3x3 convolutions,
    tapped after 2, 4, 6, 8, the same receptive fields at a quarter of the work."""
    head: Head = "absolute"
    """`absolute`: 0.58 tanh + 0.5, as published. `residual`: the photo plus what the network adds.
    `blend`: the photo and a picture of its own, mixed by a predicted share of sharpness.
    `lens`: no picture, but where things are: a lens draws the picture (`wideopen.training.differentiable_lens`)."""
    encoder: Encoder = "pynet"
    """`pynet`: the published one. `lite0..2`: a pretrained EfficientNet-Lite feeds levels 3..7."""
    prior: Prior = "none"
    """`u2netp`: a pretrained salient-object network (`wideopen.network.saliency`); a head of its own makes one matte
    of its answer and the pyramid's (`wideopen.network.fusion`)."""
    init: Init = "published"
    """Starting weights. `published`: truncated normal, std 0.01. `he`: He's normal for LeakyReLU(0.2)."""

    def __post_init__(self) -> None:
        if self.in_channels < 3:
            raise ValueError(f"in_channels must be at least 3 (RGB), not {self.in_channels}")
        if not 0.03125 <= self.width <= 4:
            raise ValueError(f"width must be between 1/32 and 4, not {self.width}")
        check_words(self, "blocks", "head", "encoder", "prior", "init")
        if self.prior != "none" and (self.encoder == "pynet" or self.head != "lens"):
            raise ValueError("a prior needs a pretrained encoder and a lens head; set encoder to lite2, head to lens")

    @classmethod
    def from_file(cls, values: Mapping[str, Any]) -> "PyNETConfig":
        """The config kept in a file of weights. Keys that later versions dropped may stay if they are empty there.

        Raises ValueError for a key that is set and unknown, or a value that is not allowed.
        """
        known = {item.name for item in fields(cls)}
        if unknown := [name for name, value in values.items() if name not in known and value]:
            raise ValueError(f"the network is told of {unknown[0]!r}, which this version does not know")
        return cls(**{name: value for name, value in values.items() if name in known})
