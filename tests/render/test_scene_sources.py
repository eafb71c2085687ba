"""Which map and which matte are used, and what is said of them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from wideopen import DepthError, RenderOptions
from wideopen.photo.depth_map import DepthMap
from wideopen.render.scene_sources import SceneSources, _array, notices_of
from wideopen.scene.model_store import KNOWN
from wideopen.scene.scene import Matte


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.0, 0.49, "holds no subject"), (0.0, 0.51, None), (0.49, 1.0, None), (0.51, 1.0, "covers the whole photo")],
)
def test_a_matte_holds_a_subject_from_one_half_on(low: float, high: float, said: str | None) -> None:
    notices = notices_of(Matte(np.array([[low, high]], np.float32), "file"))
    assert len(notices) == (said is not None) and all(str(said) in line for line in notices)


def test_the_best_depth_is_taken_where_it_is_asked_for_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if a model that estimates it is here; and not in place of what was named."""
    pixels, map = np.zeros((30, 40, 3), np.uint8), DepthMap(np.eye(30, 40, dtype=np.float32), metric=False)
    monkeypatch.setattr("wideopen.scene.model_store.best_here", lambda kind: KNOWN["depth-anything-v2-small"])
    monkeypatch.setattr(SceneSources, "depth_model", lambda self: SimpleNamespace(estimate=lambda shown: map))
    for options, expected in (({}, None), ({"best": True}, map), ({"best": True, "depth": "none"}, None),
                              ({"depth": "auto"}, map)):  # fmt: skip
        assert SceneSources(RenderOptions(**options), mock.Mock()).depth(pixels) is expected


def test_the_best_depth_model_is_the_one_that_is_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever its name; one that is named comes before it, and without --best nobody looks for it."""
    other = replace(KNOWN["depth-anything-v2-small"], name="another-depth-pro")
    monkeypatch.setenv("WIDEOPEN_MODELS", str(tmp_path))
    monkeypatch.setitem(KNOWN, other.name, other)
    other.path.touch()
    loaded = mock.Mock()
    monkeypatch.setattr("wideopen.scene.depth_model.depth_estimator", loaded)
    for options, expected in (({"best": True}, f"onnx:{other.path}"), ({}, None),
                              ({"best": True, "depth_model": "onnx:own.onnx"}, "onnx:own.onnx")):  # fmt: skip
        SceneSources(RenderOptions(**options), mock.Mock()).depth_model()
        assert loaded.call_args.args[0] == expected


def test_a_damaged_map_in_a_photo_is_an_error_unless_another_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wideopen.photo.embedded_depth.embedded_depth", mock.Mock(side_effect=DepthError("damaged")))
    for options, given in (({"depth": "none"}, None), ({}, np.eye(3))):
        assert SceneSources(RenderOptions(**options), mock.Mock()).carried_depth(b"", "photo", given) is None
    with pytest.raises(DepthError, match="damaged"):
        SceneSources(RenderOptions(), mock.Mock()).carried_depth(b"", "photo", None)


@pytest.mark.parametrize("mode", ["L", "I;16", "RGB", "P", "LA", "PA", "RGBA"])
@pytest.mark.parametrize("clear", [False, True])
def test_a_matte_s_alpha_is_taken_where_it_says_something(mode: str, clear: bool) -> None:
    """Else its picture, deep where it is deep, and in colours where they are hidden in a palette."""
    shown = np.array([[10, 200], [90, 255]], np.uint8)
    picture = Image.fromarray(shown).convert("I;16" if mode == "I;16" else "L").convert(mode)
    if mode == "I;16":
        picture = Image.fromarray(shown.astype(np.uint16) * 257)
    alpha = np.array([[0, 255], [128, 255]], np.uint8)
    if clear and mode not in ("LA", "PA", "RGBA"):
        return
    if clear:
        picture.putalpha(Image.fromarray(alpha))
    found = _array(picture)
    if clear:
        np.testing.assert_array_equal(found, alpha)
    elif mode in ("L", "I;16"):
        np.testing.assert_array_equal(found, shown if mode == "L" else shown.astype(np.uint16) * 257)
    else:
        np.testing.assert_array_equal(found, np.dstack([shown] * 3))
