"""Aperture stacks: the same view at several f-numbers, which a name or a folder says.

    scene7_f22.0.jpg  scene7_f2.0.jpg  ...              in one folder or in several (input/ and gt/): RealBokeh's way
    f16/0003.jpg  f1.8/0003.jpg  ...  focus/0003.png    a folder each: VABD's way; focus/ is what is in focus

The picture of the largest f-number is the photo; every other one of its scene is the target of a pair
named `scene-fN`, with its f-number as `aperture`.
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from wideopen.errors import PairsError

IN_NAME = re.compile(r"^(?P<scene>.+?)[ _-]+[fF](?P<number>\d+(?:\.\d+)?)$")
IN_FOLDER = re.compile(r"^[fF](?P<number>\d+(?:\.\d+)?)$")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
Stack = dict[float, Path]


def find_stacks(root: Path) -> dict[str, Stack]:
    """{scene: {f-number: picture}} of a folder and the folders in it; empty if nothing there is named like a stack.

    PairsError if a scene has two pictures of one f-number.
    """
    stacks: dict[str, Stack] = defaultdict(dict)
    for path in sorted((*root.glob("*"), *root.glob("*/*"))):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith(".") or not path.is_file():
            continue
        named, folder = IN_NAME.match(path.stem), IN_FOLDER.match(path.parent.name)
        found = named or (folder if path.parent != root else None)
        if found is None:
            continue
        scene, number = named["scene"] if named else path.stem, float(found["number"])
        other = stacks[scene].setdefault(number, path)
        if other != path:
            raise PairsError(f"{root}: {other.name} and {path.name} are both {scene!r} at f/{number:g}; keep one")
    return dict(stacks)


def stack_pairs(root: Path) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Fields of a Pair for every target in the stacks, and scenes that have a single f-number, with what is missing."""
    pairs: list[dict[str, Any]] = []
    unmatched: dict[str, str] = {}
    for scene, stack in find_stacks(root).items():
        sharpest = max(stack)
        if len(stack) == 1:
            unmatched[scene] = f"only f/{sharpest:g} of its stack is here"
        mask = root / "focus" / f"{scene}.png"
        for number in sorted(set(stack) - {sharpest}, reverse=True):
            pairs.append(
                {
                    "name": f"{scene}-f{number:g}",
                    "original": stack[sharpest],
                    "bokeh": stack[number],
                    "matte": mask if mask.is_file() else None,
                    "aperture": number,
                }
            )
    return pairs, unmatched
