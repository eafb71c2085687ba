"""What the texts of options mean: f-numbers, what is in focus, where a matte comes from."""

import math
import re
from numbers import Real
from typing import Any, NamedTuple


def parse_aperture(text: str) -> float:
    """`1.8`, `f/1.8`, `f1.8` or `off` (infinite: nothing is blurred) as an f-number; ValueError for anything else."""
    if text.strip().lower() == "off":
        return math.inf
    try:
        number = float(re.sub("^f/?", "", text.strip().lower()))
    except ValueError:
        number = math.nan
    if not 0.5 <= number <= 256:
        raise ValueError(f"{text!r} is no f-number; give one from 0.5 to 256, or off")
    return number


class Focus(NamedTuple):
    """What is to be in focus. Places are texts that `parse_place` understands."""

    start: str
    end: str | None = None
    """The other end of a range: from `start` to here all is sharp."""
    f_number: float | None = None
    """What is sharp about `start` at this f-number stays sharp at any."""

    @property
    def on_subject(self) -> bool:
        """Whether it has to be known where the subject is."""
        return "auto" in (self.start, self.end)


def parse_focus(text: str) -> Focus:
    """`PLACE`, `PLACE:PLACE` (a range) or `PLACE@f/N` (a depth of field); ValueError for anything else."""
    start, colon, end = text.partition(":")
    start, at, stop = start.partition("@")
    if at and colon or "@" in end:
        raise ValueError(f"focus must be PLACE, PLACE:PLACE or PLACE@f/N, not {text!r}")
    f_number = parse_aperture(stop) if at else None
    if f_number == math.inf:
        raise ValueError(f"focus must name an f-number behind the @, as 0.5,0.4@f/8, not {text!r}")
    for place in (start, end) if colon else (start,):
        parse_place(place)
    return Focus(start, end if colon else None, f_number)


def parse_place(text: str) -> str | tuple[float, float]:
    """`auto`, `near`, `far`, or `X,Y` as two numbers; ValueError for anything else.

    Two numbers of at most 1 are shares of the photo's width and height, else both are whole and pixels: no point is
    taken for another kind than was meant, and 1.5,3 is neither.
    """
    if text in ("auto", "near", "far"):
        return text
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"focus must be auto, near, far or X,Y (0.5,0.5 is the middle), not {text!r}") from None
    if not (0 <= x < math.inf and 0 <= y < math.inf):
        raise ValueError(f"focus must not lie outside the photo: {text!r}")
    if max(x, y) > 1 and not (x.is_integer() and y.is_integer()):
        raise ValueError(
            f"focus must be two shares of width and height, each at most 1, or two whole numbers of px, not {text!r}"
        )
    return x, y


def parse_subjects(text: str) -> tuple[tuple[float, ...], ...]:
    """Further subjects, `X,Y` (what lies under a point) or `X,Y,W,H` (what a rectangle holds), with `+` between them.

    Numbers are shares or pixels as in `parse_place`; ValueError for anything else.
    """
    return tuple(_subject(part) for part in text.split("+"))


def _subject(text: str) -> tuple[float, ...]:
    wrong = f"also must be X,Y or X,Y,W,H, two or four shares of width and height or whole numbers of px, not {text!r}"
    try:
        place = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(wrong) from None
    if len(place) not in (2, 4) or not all(0 <= number < math.inf for number in place):
        raise ValueError(wrong)
    if in_pixels(place) and not all(number.is_integer() for number in place):
        raise ValueError(wrong)
    if 0 in place[2:]:
        raise ValueError(f"also must name a rectangle that is wider and higher than 0, not {text!r}")
    return place


def places_text(value: Any, between: str) -> str:
    """A place of numbers, or several places, as `parse_focus` and `parse_subjects` read them."""
    if isinstance(value, str):
        return value
    parts = tuple(value)
    if all(isinstance(part, Real) for part in parts):
        return ",".join(str(float(part)) for part in parts)
    return between.join(places_text(part, between) for part in parts)


def in_pixels(point: tuple[float, ...]) -> bool:
    """Whether a place is in px; else it is in shares."""
    return max(point) > 1


def matte_source(text: str | None) -> tuple[str, str]:
    """Kind and value of what says what the subject is; ValueError for what names nothing.

    Returns `unset`, `auto`, `none` or `photo` and nothing; `file`, `rembg` or `onnx` and the path or name.
    """
    if text is None:
        return "unset", ""
    if text in ("auto", "none", "photo"):
        return text, ""
    kind, colon, value = text.partition(":")
    if colon and kind in ("rembg", "onnx"):
        if not value:
            raise ValueError(f"matte {text!r} names no {'session' if kind == 'rembg' else 'file'}")
        return kind, value
    if not text:
        raise ValueError("matte must be auto, none, photo, a file, rembg:NAME or onnx:FILE")
    return "file", text
