"""The configs that carry a published name say what was published, value for value."""

import json
import os
from pathlib import Path

import pytest
from mmengine import Config

ROOT = Path(__file__).resolve().parents[2]
INTERFACE = Path(os.environ.get("MMACTION_SHARED", ROOT.parent / "shared")) / "interface"
# The published CTR-GCN is a project outside the package, which its configs import.
NOT_OURS = ("custom_imports",)


def config_of(recipe: Path) -> Path:
    """Return where the config of a recipe is, or would be."""
    return ROOT / "configs" / (recipe.stem.replace("__", "/") + ".py")


# Recipes of networks that are not carried yet have no config.
RECIPES = sorted(INTERFACE.glob("recipes/*.json"))
RECIPES += [recipe for recipe in sorted(INTERFACE.glob("recipes_to_come/*.json")) if config_of(recipe).is_file()]
# The published gym-limb config wraps its train loader in a list by a stray bracket, which no Runner accepts.
WRAPPED_IN_A_LIST = {("slowonly_r50_8xb16-u48-240e_gym-limb", "train_dataloader")}


def plain(value):
    """Return ``value`` as JSON would give it back."""
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem.split("__")[-1])
def test_config_equals_the_published_recipe(recipe):
    published = json.loads(recipe.read_text())
    config = Config.fromfile(config_of(recipe))
    ours = plain(config.to_dict())
    name = recipe.stem.split("__")[-1]
    for key in published.keys() - set(NOT_OURS):
        value = published[key]
        if (name, key) in WRAPPED_IN_A_LIST:
            (value,) = value
        assert ours[key] == value, key


def test_every_recipe_is_there():
    if not RECIPES:
        pytest.skip("no shared recipes")
    assert len(RECIPES) >= 37
