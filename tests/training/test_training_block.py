"""The README's training block, as written: every third photo at half its size, one pair of each, of recipe and network
less."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from command import call
from lively import shortened
from wideopen.training.recipe import load_recipe

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PHOTOS = ROOT / "examples" / "training"


def training_block() -> list[str]:
    """The commands of the README's block, each without its comment."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## Train it\n.*?```\n(.*?)```", text, re.S)
    assert block is not None
    return [line.split("  #")[0].strip() for line in block.group(1).splitlines()]


def smaller(recipe: str) -> str:
    """The recipe with a twentieth of its steps, and of those between checkpoints, each of two small crops."""
    recipe = re.sub(r"(?m)^((?:epoch_)?steps = )(\d+)", lambda found: f"{found[1]}{int(found[2]) // 20}", recipe)
    return recipe.replace("batch = 8", "batch = 2").replace("input = 192", "input = 96")


def every_third(folder: Path) -> None:
    """Leave every third photo of a folder, and its matte, at half their size."""
    for index, photo in enumerate(sorted((folder / "photos").iterdir())):
        for file in (photo, *(folder / "mattes").glob(f"{photo.stem}.*")):
            if index % 3:
                file.unlink()
                continue
            with Image.open(file) as whole:
                half = whole.reduce(2)
            half.save(file)


def test_block_runs_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip, *lines = training_block()
    assert pip.startswith("pip install ")
    verbs = [shlex.split(line)[1] for line in lines]
    assert verbs == ["synthesize", "synthesize", "inspect", "train", "export", "evaluate", "render"]
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("browser", "models"))
    for folder in ("", "heldout"):
        every_third(tmp_path / "examples" / "training" / folder)
    (tmp_path / "recipes").mkdir()
    recipe = (ROOT / "recipes" / "small.toml").read_text(encoding="utf-8")
    (tmp_path / "recipes" / "small.toml").write_text(smaller(recipe), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    said = {}
    for line in lines:
        line = re.sub(r"--per-photo \d+", "--per-photo 1", line)
        with shortened():
            done = call(*shlex.split(line)[1:])
        assert done.code == 0, (line, done.error)
        said[shlex.split(line)[1]] = done.out
    assert "3 pairs made, 0 kept, 0 photos skipped" in said["synthesize"]
    gain = re.search(r"([+-][\d.]+) dB over output = input", said["evaluate"])
    assert gain is not None and float(gain[1]) > 0
    words = shlex.split(lines[-1])
    with Image.open(words[2]) as photo, Image.open(words[words.index("-o") + 1]) as bokeh:
        assert photo.size == bokeh.size
        assert ImageChops.difference(photo.convert("RGB"), bokeh.convert("RGB")).getbbox() is not None


def test_smaller_is_smaller(tmp_path: Path) -> None:
    whole = load_recipe(ROOT / "recipes" / "small.toml")
    (tmp_path / "small.toml").write_text(smaller((ROOT / "recipes" / "small.toml").read_text(encoding="utf-8")))
    less = load_recipe(tmp_path / "small.toml")
    assert [(item.steps, item.batch) for item in less.levels] == [(item.steps // 20, 2) for item in whole.levels]
    assert min(item.steps for item in less.levels) > 0 and less.pairs.input == 96


def test_photos_and_mattes_belong_together() -> None:
    """Every photo has a matte of its size, and none is both trained on and held out."""
    names = {}
    for folder in (PHOTOS, PHOTOS / "heldout"):
        photos = {path.stem: path for path in (folder / "photos").iterdir()}
        mattes = {path.stem: path for path in (folder / "mattes").iterdir()}
        assert photos.keys() == mattes.keys()
        for name, path in photos.items():
            with Image.open(path) as photo, Image.open(mattes[name]) as matte:
                assert (photo.size, matte.mode) == (matte.size, "L"), path
        names[folder] = set(photos)
    assert len(names[PHOTOS]) == 30
    assert not names[PHOTOS] & names[PHOTOS / "heldout"]
