"""A training run as a file: network, pairs, and what each level is trained with.

Read from TOML, strictly: an unknown key is an error, not a silent default. See `recipes/` for examples.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar

from wideopen.errors import RecipeError
from wideopen.options import PyNETConfig, check_words
from wideopen.pairs.sample_options import PairsOptions

T = TypeVar("T")


@dataclass(frozen=True)
class LevelRecipe:
    """What one level is trained with. Loss = l1*L1 + ssim*(1-SSIM) + vgg*VGG + sharp*BCE(sharpness map) +
    matte*BCE(matte) + relative*L1(relative disparity)."""

    level: int
    batch: int
    steps: int
    lr: float = 5e-5
    l1: float = 1.0
    ssim: float = 0.0
    vgg: float = 0.0
    sharp: float = 0.0
    matte: float = 0.0
    relative: float = 0.0

    @property
    def pictures(self) -> bool:
        """Whether the target's picture counts at this level."""
        return max(self.l1, self.ssim, self.vgg) > 0

    def __post_init__(self) -> None:
        if not 1 <= self.level <= 7:
            raise ValueError(f"level must be 1 to 7, not {self.level}")
        if self.batch < 1 or self.steps < 1 or self.lr <= 0:
            raise ValueError(f"level {self.level}: batch and steps must be at least 1 and lr above 0")
        weights = self.l1, self.ssim, self.vgg, self.sharp, self.matte, self.relative
        if min(weights) < 0 or max(weights) == 0:
            raise ValueError(f"level {self.level}: loss weights must not be negative, and one must be above 0")


@dataclass(frozen=True)
class Recipe:
    """One training run, from level 7 down, or from another level on weights that exist (`train(start=...)`)."""

    name: str
    levels: tuple[LevelRecipe, ...]
    network: PyNETConfig = field(default_factory=PyNETConfig)
    pairs: PairsOptions = field(default_factory=PairsOptions)
    seed: int = 0
    epoch_steps: int = 500
    """Steps between checkpoints; what a run killed at any moment can lose."""
    precision: Literal["32-true", "64-true", "bf16-mixed", "auto"] = "32-true"
    """`32-true`, `64-true`, `bf16-mixed`, or `auto`: bf16 where the processor computes in it, else 32."""
    weight_decay: float = 0.0
    """Share of every kernel taken away at each step, in units of the learning rate (AdamW); norms and biases keep
    theirs."""
    clip: float = 1.0
    """Gradient norm above which gradients are scaled down; 0 never clips."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Learning rate over a level: `constant` (as published) or `cosine` (down to a twentieth)."""
    encoder_lr: float = 0.2
    """Learning rate of a pretrained encoder as a share of the rest's."""
    encoder_frozen: int = 0
    """Leave the stem and that many blocks of a pretrained encoder as they are, which saves their backward pass."""
    vgg_arch: Literal["vgg19", "vgg16"] = "vgg19"
    """Network of the VGG term: `vgg19` (relu5_4) or `vgg16` (relu5_3)."""

    def __post_init__(self) -> None:
        order = [item.level for item in self.levels]
        if not order or order != list(range(order[0], order[0] - len(order), -1)):
            raise ValueError(f"levels must come one after another, the larger number first, not {order}")
        check_words(self, "precision", "schedule", "vgg_arch")
        if self.epoch_steps < 1 or min(self.clip, self.encoder_frozen, self.weight_decay) < 0:
            raise ValueError("epoch_steps must be at least 1; clip, encoder_frozen and weight_decay not negative")
        if self.network.head != "blend" and any(item.sharp for item in self.levels):
            raise ValueError('a "sharp" loss needs head = "blend", the only head that predicts sharpness')
        if self.network.head != "lens" and any(item.matte or item.relative for item in self.levels):
            raise ValueError('"matte" and "relative" losses need head = "lens", the only head that predicts them')

    @property
    def begins_above_the_smallest(self) -> bool:
        """Whether it needs weights to start from."""
        return self.levels[0].level < 7


def load_recipe(path: Path) -> Recipe:
    """Read a TOML recipe; RecipeError names the file and the key that is wrong."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        hint = f"cannot read this recipe ({error.strerror}); give the path of a .toml file"
        raise RecipeError(f"{path}: {hint}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not valid TOML: {error}") from error
    return recipe_from_dict(table, where=str(path))


def recipe_from_dict(table: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """Build a Recipe from nested tables (TOML's, or a checkpoint's); `where` opens every error line."""
    values = dict(table)
    levels = values.pop("level", values.pop("levels", None))
    if not isinstance(levels, (list, tuple)):
        raise RecipeError(f"{where}: no [[level]] tables; give one for each level from 7 down")
    made: dict[str, Any] = {
        "levels": tuple(_build(LevelRecipe, item, f"{where}: [[level]]") for item in levels),
        "network": _build(PyNETConfig, values.pop("network", {}), f"{where}: [network]"),
        "pairs": _build(PairsOptions, values.pop("pairs", {}), f"{where}: [pairs]"),
    }
    return _build(Recipe, {**values, **made}, where)


def _build(kind: type[T], values: Any, where: str) -> T:
    if not isinstance(values, Mapping):
        raise RecipeError(f"{where}: must be a table of keys and values")
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise RecipeError(f"{where}: unknown key {unknown[0]!r}; known keys are {', '.join(known)}")
    try:
        return kind(**{key: _plain(value, known[key].type, key) for key, value in values.items()})
    except (TypeError, ValueError) as error:
        raise RecipeError(f"{where}: {error}") from error


def _plain(value: Any, kind: Any, key: str) -> Any:
    """Check a TOML value against the field's type: TOML tells int from float and true from 1, so do we."""
    if kind in (int, float, str, bool):
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is not kind:
            raise ValueError(f"{key} must be {kind.__name__}, not {value!r}")
    return tuple(value) if isinstance(value, list) else value
