"""The matte and the depth map that options name, or that are given with a photo, or that it carries; and their scene.

A further source of a matte is named in `option_texts.matte_source` and taken up in `SceneSources.matte` here.

Files and models are loaded once, when the first photo needs them, whatever number of threads asks.
"""

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from wideopen._types import Float, Pixels
from wideopen.errors import DepthError, MatteError, StrokesError
from wideopen.image.tone_curve import ToneCurve
from wideopen.option_texts import matte_source
from wideopen.options import RenderOptions
from wideopen.photo.depth_map import DepthMap
from wideopen.scene.scene import Matte, Scene

if TYPE_CHECKING:
    from wideopen.scene.model import Engine
    from wideopen.scene.stroke import Stroke

NOTHING_BETTER = "no better model is here than the network in the package; `wideopen models` says which can be had"
UNSURE = 0.5
"""Opacity from which on a pixel counts as the subject's where a matte is asked whether it holds one."""


class SceneSources:
    """Where scenes come from, by the options.

    `engine`: gives the network, loaded; called when a scene needs it.
    """

    def __init__(self, options: RenderOptions, engine: "Callable[[], Engine]") -> None:
        self.options, self._engine = options, engine
        self._kept: dict[str, Any] = {}
        self._alone = Lock()
        self._strokes: Any = options.strokes

    def with_strokes(self, given: Any) -> "SceneSources":
        """The same with other strokes than those that the options name; see `strokes`."""
        other = copy.copy(self)
        other._strokes = given
        return other

    def with_options(self, options: RenderOptions) -> "SceneSources":
        """The same with other options, but for strokes; what files and models they name is loaded anew."""
        other = copy.copy(self)
        other.options, other._kept = options, {}
        return other

    def strokes(self, pixels: Pixels) -> "tuple[Stroke, ...]":
        """What a hand says of a photo: further subjects, then all that `stroke_file.as_strokes` takes.

        Raises StrokesError: what is given is none. ValueError: a further subject beyond the photo.
        """
        if self._strokes is None and self.options.also is None:
            return ()
        from wideopen.scene.focus import places_of
        from wideopen.scene.stroke import Stroke
        from wideopen.scene.stroke_file import as_strokes

        places = [] if self.options.also is None else places_of(self.options.also, pixels.shape)
        painted = () if self._strokes is None else as_strokes(self._strokes, pixels.shape)
        return (*(Stroke("also", place) for place in places), *painted)

    @property
    def engine(self) -> "Engine":
        """The network, loaded. Raises ModelError."""
        return self._engine()

    def depth(self, pixels: Pixels, given: Any = None, curve: ToneCurve | None = None) -> DepthMap | None:
        """The depth map that is given, else the one that the options name, of the photo's shape.

        `given`: a `DepthMap`, or an array hxw of disparity in any unit; or None.

        Raises:
            DepthError: it cannot be read, or has another shape than the photo.
            ModelError: the model that estimates it cannot be had or run.
        """
        from wideopen.photo.depth import check_shape, from_disparity, load_depth
        from wideopen.scene.matte_models import shown_to_models
        from wideopen.scene.model_store import best_here

        options = self.options
        best = options.best and options.depth is None
        if given is None and (options.depth == "auto" or best and best_here("depth") is not None):
            given = self.depth_model().estimate(shown_to_models(pixels, curve))
        if given is None and options.depth not in (None, "none"):
            how = options.depth_kind, options.invert, options.depth_unit
            given = self._once("depth", lambda: load_depth(Path(str(options.depth)), *how))
        if given is None:
            return None
        depth = given if isinstance(given, DepthMap) else from_disparity(np.asarray(given), "depth")
        check_shape(depth, pixels.shape[0], pixels.shape[1], options.depth or "depth map")
        return depth

    def carried_depth(self, data: bytes, name: str, given: Any) -> DepthMap | None:
        """The depth map that a photo file carries. Raises DepthError if it is damaged, but not if another is used."""
        from wideopen.photo.embedded_depth import embedded_depth

        try:
            return embedded_depth(data, name)
        except DepthError:
            if given is None and self.options.depth is None:
                raise
            return None

    def matte(self, pixels: Pixels, given: Any = None, curve: ToneCurve | None = None) -> Matte | None:
        """The matte that is given, else the one that the options name, of the photo's shape.

        `given`: a `Matte`, an array hxw of opacities, a Pillow picture, or None.
        Returns None where the network is to say what the subject is.

        Raises:
            MatteError: it cannot be read, or has another shape than the photo.
            ModelError: a model that makes mattes cannot be had or run.
        """
        from wideopen.scene.matte_file import as_matte, check_matte_shape, load_matte
        from wideopen.scene.matte_models import shown_to_models
        from wideopen.scene.model_store import best_here

        if isinstance(given, Matte):
            return given
        kind, value = matte_source(self.options.matte)
        name = "matte"
        if given is not None:
            opacity = as_matte(_array(given), name, self.options.invert_matte)
        elif kind == "file":
            name = value
            opacity = self._once("matte", lambda: load_matte(Path(value), self.options.invert_matte))
        elif kind in ("rembg", "onnx"):
            return Matte(self.matte_model().matte(shown_to_models(pixels, curve)), f"{kind}:{value}")
        elif kind in ("unset", "auto") and self.options.best and (best := best_here("matte")) is not None:
            return Matte(self.matte_model().matte(shown_to_models(pixels, curve)), best.name)
        else:
            return None
        check_matte_shape(opacity, pixels.shape[0], pixels.shape[1], name)
        return Matte(opacity, name)

    def carried_matte(self, data: bytes, name: str, given: Any) -> Matte | None:
        """The portrait matte that a photo file carries, if the options leave it to be used.

        Raises MatteError: it is damaged; or the options ask for it, and there is none.
        """
        from wideopen.scene.matte_file import embedded_matte

        kind, _ = matte_source(self.options.matte)
        if given is not None or kind not in ("unset", "photo"):
            return None
        try:
            opacity = embedded_matte(data, name)
        except MatteError:
            if kind == "photo":
                raise
            return None  # Nobody asked for it, and the photo can be done without.
        if opacity is None:
            if kind == "photo":
                raise MatteError(f"{name}: carries no matte; give one with --matte FILE, or let the network find it")
            return None
        return Matte(1 - opacity if self.options.invert_matte else opacity, "photo")

    def matte_model(self) -> Any:
        """What makes mattes where the options name a model: it has `matte(pixels)`."""
        from wideopen.scene.matte_models import MatteModel, RembgSession
        from wideopen.scene.model_store import best_here

        kind, value = matte_source(self.options.matte)
        if kind in ("unset", "auto") and (best := best_here("matte")) is not None:
            value = str(best.path)
        return self._once(
            "matte model",
            lambda: RembgSession(value) if kind == "rembg" else MatteModel(Path(value), self.options.threads),
        )

    def depth_model(self) -> Any:
        """What estimates depth maps: the model that the options name, or with `best` the best that is here."""
        from wideopen.scene.depth_model import depth_estimator
        from wideopen.scene.model_store import best_here

        options, name = self.options, self.options.depth_model
        if name is None and options.best and (best := best_here("depth")) is not None:
            name = f"onnx:{best.path}"
        how = name, options.depth_kind, options.depth_unit, options.threads
        return self._once("depth model", lambda: depth_estimator(*how))

    def scene(
        self, pixels: Pixels, depth: DepthMap | None, matte: Matte | None, curve: ToneCurve | None = None
    ) -> Scene:
        """What is where in a photo.

        `depth`, `matte`: what the methods of these names give; None where the network is to say, or a depth map alone.
        Returns a scene without matte if a depth map alone says what is where.

        Raises:
            ModelError: the network is needed, and it gives pictures instead.
            StrokesError: they cannot be read, or there is no matte to correct.
        """
        from wideopen.scene.correction import with_strokes
        from wideopen.scene.network_scene import viewer

        strokes = self.strokes(pixels)
        found = self._uncorrected(pixels, depth, matte, curve, bool(strokes))
        if strokes and found.matte is None:
            raise StrokesError(
                "strokes and further subjects correct the matte of a subject, and there is none; leave out --matte none"
            )
        if found.view is None and any(stroke.kind == "also" for stroke in strokes) and not self.engine.draws:
            found = replace(found, view=viewer(self.engine, pixels, self.options, curve))
        return with_strokes(found, strokes)

    def _uncorrected(
        self, pixels: Pixels, depth: DepthMap | None, matte: Matte | None, curve: ToneCurve | None, painted: bool
    ) -> Scene:
        from wideopen.scene.fusion import scene_of_map, with_subject
        from wideopen.scene.network_scene import estimate_scene

        kind, _ = matte_source(self.options.matte)
        if depth is not None:
            found = scene_of_map(pixels, depth, self.options.depth or "depth map", curve)
            if matte is None and (kind == "auto" or kind == "unset" and (self.options.best or painted)):
                matte = estimate_scene(self.engine, pixels, self.options, curve).matte
            # With a focus of its own a photo is seen as the map has it; else all of the subject is to be sharp.
            return found if matte is None else with_subject(found, matte, parts=self.options.focus != "auto")
        found = self._of_network(pixels, curve, matte)
        if matte is not None:
            return with_subject(found, matte)
        if kind == "none":
            whole = found.whole
            nearest = max(1.0, float(whole.max()))  # Maps without a scale lie in [0, 1].
            return scene_of_map(pixels, DepthMap(whole / nearest, metric=False), "network", curve)
        return found

    def gives_places(self, depth: DepthMap | None, matte: Matte | None) -> bool:
        """Whether `scene` can be had: not where all is left to a model that gives pictures."""
        alone = depth is None and matte is None and self.options.matte != "none" and self.options.aperture != math.inf
        return not (alone and self._engine().draws)

    def _of_network(self, pixels: Pixels, curve: ToneCurve | None, matte: Matte | None) -> Scene:
        from wideopen.scene.network_scene import estimate_scene
        from wideopen.scene.scene import Disparity

        engine = self.engine
        if engine.draws and matte is not None:
            # A model that gives pictures says nothing of depth: all but the subject is infinitely far away.
            far: Float = np.full(matte.opacity.shape, -1, np.float32)
            return Scene(pixels, None, Disparity(far, "subject", "infinity"), curve=curve)
        return estimate_scene(engine, pixels, self.options, curve)

    def check(self) -> None:
        """Raise what the named files would raise for any photo, before there is one."""
        from wideopen.photo.depth import load_depth
        from wideopen.scene.matte_file import load_matte
        from wideopen.scene.stroke_file import load_strokes

        options = self.options
        if options.depth not in (None, "auto", "none"):
            how = options.depth_kind, options.invert, options.depth_unit
            self._once("depth", lambda: load_depth(Path(str(options.depth)), *how))
        kind, value = matte_source(options.matte)
        if options.depth == "auto":
            self.depth_model()
        if kind == "file":
            self._once("matte", lambda: load_matte(Path(value), options.invert_matte))
        elif kind in ("rembg", "onnx"):
            self.matte_model()
        if options.strokes is not None:
            load_strokes(Path(options.strokes))

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        with self._alone:
            if name not in self._kept:
                self._kept[name] = make()
            return self._kept[name]


def notices_of(matte: Matte | None, best: bool = False) -> tuple[str, ...]:
    """What a person should know of a matte: that it holds nothing, or everything.

    `best`: the best models were asked for; that there are none is worth a line, too.
    """
    from wideopen.scene.model_store import best_here

    if matte is None:
        return (NOTHING_BETTER,) if best and not (best_here("matte") or best_here("depth")) else ()
    if float(matte.opacity.max()) < UNSURE:
        return (f"the matte ({matte.source}) holds no subject: nothing is kept sharp",)
    if float(matte.opacity.min()) > UNSURE:
        return (f"the matte ({matte.source}) covers the whole photo: nothing is blurred",)
    return ()


def _array(given: Any) -> Any:
    """A Pillow picture's alpha, if it has one that says something, else the picture; anything else as an array."""
    from PIL import Image

    if not isinstance(given, Image.Image):
        return np.asarray(given)
    if given.has_transparency_data:
        alpha = np.asarray(given.convert("RGBA"))[..., 3]
        if alpha.min() < 255:
            return alpha
    return np.asarray(given.convert("RGB") if given.mode in ("P", "LA", "PA", "RGBA") else given)
