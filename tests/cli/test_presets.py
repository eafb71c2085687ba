"""Looks by name: a file's keys are the options, and what is given by hand wins."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import wideopen
from command import call
from wideopen import PresetError, RenderOptions
from wideopen.options import with_settings
from wideopen.photo.files import load, save
from wideopen.photo.photo import Photo
from wideopen.presets import find_preset, load_presets, user_file


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No presets of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path / "config" / "wideopen" / "presets.toml"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_ones_are_options_that_make_sense() -> None:
    presets = load_presets()
    assert "portrait" in presets and all(preset.description for preset in presets.values())
    looks = {with_settings(None, preset.settings) for preset in presets.values()}
    assert len(looks) == len(presets), "no two are the same"


def test_own_ones_win(tmp_path: Path, own_settings: Path) -> None:
    assert user_file() == own_settings
    write(own_settings, '[portrait]\naperture = "f/2"\n[mine]\ndepth-kind = "distance"\nfocus = [0.25, 0.5]\n')
    presets = load_presets()
    assert presets["portrait"].settings == {"aperture": 2.0} and presets["portrait"].source == own_settings
    assert presets["mine"].settings == {"depth_kind": "distance", "focus": "0.25,0.5"} and "mirror" in presets
    other = write(tmp_path / "other.toml", '[mine]\nshape = "star.png"\ndepth = "map.npy"\n')
    assert find_preset("mine", other).settings == {"shape": tmp_path / "star.png", "depth": str(tmp_path / "map.npy")}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a]\naperture = 'wide'", r"\[a\] 'wide' is no f-number"),
        ("[a]\napperture = 2", r"\[a\] there is no option 'apperture'"),
        ("[a]\ngrain = 7", r"\[a\] grain must be 0 to 1"),
        ("[a]\ngrain = 'much'", r"\[a\]"),
        ("[a]\nblades = [1]", r"\[a\]"),
        ("[a]\nfocus = 3", r"\[a\]"),
        ("aperture = 2", "aperture is no table"),
        ("[a", "not a TOML file"),
        ("[b]", "there is no preset 'a'; there are portrait"),
    ],
)
def test_a_file_that_makes_no_sense_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path / "presets.toml", text)
    with pytest.raises(PresetError, match=says):
        find_preset("a", path)
    done = call("render", "none.jpg", "--preset", "a", "--preset-file", path)
    assert done.code == 2 and done.error.count("\n") == 1 and "Traceback" not in done.error


def test_what_is_given_by_hand_wins(tmp_path: Path, model: Path, scene: NDArray, own_settings: Path) -> None:
    write(own_settings, '[mine]\nlens = "85mm"\naperture = 1.2\nblades = 5\ngrain = 0.0\n')
    save(Photo(scene), tmp_path / "photo.png")
    np.save(tmp_path / "map.npy", np.tile(np.linspace(0, 1, 60, dtype=np.float32), (45, 1)))

    def picture(*more: object) -> NDArray:
        out = tmp_path / "out.png"
        done = call("render", tmp_path / "photo.png", "-o", out, "--overwrite", "--model", model, "--depth",
                    tmp_path / "map.npy", "--preset", "mine", *more)  # fmt: skip
        assert done.code == 0, done.error
        return load(out).pixels

    def expected(**settings: object) -> NDArray:
        depth = np.load(tmp_path / "map.npy")
        return wideopen.render(scene, depth=depth, model=model, **{"lens": "85mm", "aperture": 1.2, "blades": 5,
                                                                   "grain": 0.0, **settings})  # fmt: skip

    np.testing.assert_array_equal(picture(), expected())
    assert (expected() != expected(blades=0)).any() and (expected() != expected(aperture=8.0)).any()
    np.testing.assert_array_equal(picture("--blades", 0), expected(blades=0))  # Its default, given by hand.
    np.testing.assert_array_equal(picture("--aperture", "f/8"), expected(aperture=8.0))


def test_the_list(own_settings: Path) -> None:
    write(own_settings, '[mine]\naperture = 1.2\n[warm]\ndescription = "of my own"\nring = 0.2\n')
    done = call("presets")
    assert done.code == 0 and done.error == ""
    for words in ("portrait", "mirror", "--ring 0.4", "mine", "--aperture 1.2", "of my own", str(own_settings)):
        assert words in done.out
    done = call("presets", "--preset-file", own_settings.with_name("none.toml"))
    assert done.code == 2 and "no such file of presets" in done.error


def test_every_option_can_be_in_a_preset() -> None:
    """The values of a preset are those of the library, whatever their type."""
    for field in fields(RenderOptions):
        assert getattr(with_settings(None, {field.name: field.default}), field.name) == field.default
