"""Recipes are read strictly; the shipped ones say what they claim."""

from dataclasses import asdict
from pathlib import Path

import pytest

from wideopen.errors import RecipeError
from wideopen.training.recipe import LevelRecipe, Recipe, load_recipe, recipe_from_dict

RECIPES = Path(__file__).parents[2] / "recipes"
LEVELS = [{"level": level, "batch": 2, "steps": 3} for level in (7, 6)]


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_recipes_load_and_survive_a_round_trip(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    if path.stem == "default-crops":  # Goes on from what default.toml has made; levels 4 and 3 stay as they are.
        assert recipe.begins_above_the_smallest and [level.level for level in recipe.levels] == [5]
    else:
        # Of a lens head any level can be exported: the small one stops at level 5, the shipped one at 3.
        last = {"small": 5, "default": 3}.get(path.stem, 1)
        assert [level.level for level in recipe.levels] == list(range(7, last - 1, -1))
    assert recipe_from_dict(asdict(recipe)) == recipe


def test_ebb_is_the_published_schedule() -> None:
    recipe = load_recipe(RECIPES / "ebb.toml")
    assert [level.batch for level in recipe.levels] == [50, 50, 40, 14, 9, 9, 5]
    assert [level.steps for level in recipe.levels] == [5000, 5000, 20000, 20000, 30000, 80000, 100000]
    assert {level.lr for level in recipe.levels} == {5e-5}
    assert [(level.l1, level.ssim, level.vgg) for level in recipe.levels] == [(1, 0, 0)] * 6 + [(1, 1, 0.01)]
    assert (recipe.pairs.resize_width, recipe.pairs.crop, recipe.pairs.input) == (1536, 1024, 512)
    network = recipe.network
    assert (network.width, network.blocks, network.head, network.encoder) == (1, "parallel", "absolute", "pynet")


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"name": "x", "level": LEVELS, "colour": 1}, "unknown key 'colour'"),
        ({"name": "x", "level": LEVELS, "pairs": {"inputs": 64}}, r"\[pairs\]: unknown key 'inputs'"),
        ({"name": "x", "level": [{**LEVELS[0], "rate": 1}]}, "unknown key 'rate'"),
        ({"name": "x", "level": LEVELS[::-1]}, "one after another, the larger"),
        ({"name": "x", "level": [LEVELS[0], {**LEVELS[1], "level": 5}]}, "one after another, the larger"),
        ({"name": "x", "level": [{"level": 7, "batch": 2}]}, "steps"),
        ({"name": "x"}, "no .*level.* tables"),
        ({"name": "x", "level": LEVELS, "pairs": {"input": 100}}, "multiple of 32"),
        ({"name": "x", "level": LEVELS, "network": {"head": "tanh"}}, "head must be one of"),
        ({"name": "x", "level": LEVELS, "seed": "one"}, "seed must be int"),
        ({"name": "x", "level": LEVELS, "pairs": {"flips": 1}}, "flips must be bool"),
        ({"name": "x", "level": [{**LEVELS[0], "sharp": 0.1}]}, 'needs head = "blend"'),
    ],
)
def test_what_a_recipe_must_not_say(table: dict[str, object], words: str) -> None:
    with pytest.raises(RecipeError, match=words) as caught:
        recipe_from_dict(table, where="mine.toml")
    assert str(caught.value).startswith("mine.toml: ")
    assert "\n" not in str(caught.value)


def test_files_that_are_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.toml: cannot read"):
        load_recipe(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(RecipeError, match=r"broken\.toml: not valid TOML"):
        load_recipe(broken)
    broken.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match=r"broken\.toml: not valid TOML"):
        load_recipe(broken)


def test_whole_numbers_do_for_floats() -> None:
    recipe = recipe_from_dict({"name": "x", "level": [{"level": 7, "batch": 1, "steps": 1, "lr": 1}]})
    assert recipe == Recipe("x", (LevelRecipe(7, 1, 1, lr=1.0),))
