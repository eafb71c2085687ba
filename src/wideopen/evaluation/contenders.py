"""What is evaluated: a model that renders, or a folder of pictures that another program made."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol as Interface

from wideopen._types import Uint8
from wideopen.errors import PairsError
from wideopen.evaluation.protocol import Protocol
from wideopen.lens.lens_settings import settings_for_scene
from wideopen.options import RenderOptions
from wideopen.pairs.pair_scene import read_scene
from wideopen.pairs.pairs import Pair, load_image
from wideopen.pairs.stacks import SUFFIXES
from wideopen.render.renderer import Renderer
from wideopen.render.scene_rendering import draw_scene


class Renders(Interface):
    """Anything that makes a bokeh photo of a photo: HxWx3 RGB uint8 in and out, same size."""

    def render(self, image: Uint8, /) -> Uint8: ...


@dataclass(frozen=True, eq=False)
class Model:
    """A model, or anything that renders, shown each photo as the protocol says."""

    name: str
    renderer: Renders
    identity: str = ""
    """Changes when it would give other pictures: a hash of what it is made of."""

    def make(self, pair: Pair, photo: Uint8, protocol: Protocol) -> Uint8:
        """Its picture for a pair whose photo is given; ModelError if it cannot run.

        A model that is drawn by a lens is given the pair's blur, the shape of its aperture, and the point it was
        focused on if that is not the subject.
        """
        if pair.shot is None or not isinstance(self.renderer, Renderer) or self.renderer.engine.draws:
            return protocol.show(photo, self.renderer.render)
        scene, renderer, shot = read_scene(pair), self.renderer, pair.shot
        where = "auto" if shot.in_focus == "subject" or pair.focus is None else f"{pair.focus[0]},{pair.focus[1]}"

        def taken(shown: Uint8) -> Uint8:
            places, focus = renderer.estimate_scene(shown).focus_at(where)
            lens = replace(
                settings_for_scene(shown, RenderOptions()), blur=scene.blur(shot), focus=focus, aperture=shot.shape
            )
            return draw_scene(places, lens)

        return protocol.show(photo, taken)


@dataclass(frozen=True, eq=False)
class ResultsFolder:
    """Pictures named as the pairs, or as their photos; the protocol's size does not concern them."""

    name: str
    files: dict[str, Path]
    identity: str = ""

    def make(self, pair: Pair, photo: Uint8, protocol: Protocol) -> Uint8:
        """Its picture for a pair; PairsError if it cannot be read."""
        return load_image(self.files[pair.name])


Contender = Model | ResultsFolder


def open_model(model: Path | None) -> Model:
    """A model file, loaded now so that a bad one is known at once; the one in the package if None."""
    made = Renderer(RenderOptions(model=model))
    shipped = f"shipped model {made.engine.metadata.name}"
    return Model(shipped if model is None else str(model), made, _hash(made.engine.path))


def open_results(folder: Path, pairs: Sequence[Pair]) -> ResultsFolder:
    """Results of another program; PairsError names the first pair that has none, or two."""
    here: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            other = here.setdefault(path.stem, path)
            if other is not path:
                raise PairsError(f"{folder}: {other.name} and {path.name} are both results of {path.stem!r}; keep one")
    files = {}
    for pair in pairs:
        found = here.get(pair.name) or here.get(pair.original.stem)
        if found is None:
            raise PairsError(f"{folder}: no picture called {pair.name} here; name results as the pairs are")
        files[pair.name] = found
    identity = sha256("".join(_hash(path) for path in files.values()).encode()).hexdigest()
    return ResultsFolder(str(folder), files, identity)


def open_contenders(models: Sequence[Path], pairs: Sequence[Pair]) -> list[Contender]:
    """Model files and folders of results, in order; the model in the package if there are none."""
    if not models:
        return [open_model(None)]
    found: list[Contender] = []
    for path in models:
        contender = open_results(path, pairs) if path.is_dir() else open_model(path)
        if contender.name in {other.name for other in found}:
            raise PairsError(f"{path}: is given twice; give every model or folder once")
        found.append(contender)
    return found


def timed(contender: Contender, pair: Pair, photo: Uint8, protocol: Protocol) -> tuple[Uint8, float | None]:
    """Its picture and what making it took, in seconds to a millisecond; None of pictures made elsewhere."""
    start = time.perf_counter()
    made = contender.make(pair, photo, protocol)
    seconds = round(time.perf_counter() - start, 3)
    return made, None if isinstance(contender, ResultsFolder) else seconds


def _hash(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
