"""Words for people, whatever is in a file's name."""

import sys
from typing import Any

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {10: "\\n", 13: "\\r", 9: "\\t"}


def shown(text: object, stream: Any = None) -> str:
    """One line that any terminal can show: control characters and what the stream cannot encode as escapes."""
    line = str(text).translate(_CONTROL).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    return line.encode(encoding, "backslashreplace").decode(encoding)


def in_options(message: object) -> str:
    """A message of the library, which names its argument where there is an option of that name here."""
    return str(message).replace("(overwrite=True)", "(--overwrite)")


def complain(message: object) -> None:
    """One line on standard error."""
    sys.stderr.write(f"wideopen: {shown(in_options(message), sys.stderr)}\n")


def duration(seconds: float) -> str:
    """`8 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
