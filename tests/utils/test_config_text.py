"""The config in a checkpoint is read as data."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mmengine.config import Config

from mmaction.utils.config import load_config
from mmaction.utils.config_text import config_of_text
from mmaction.utils.shipped_configs import leaf_configs

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex(r"[a-z_]{1,5}[.0-9]?", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(plain)
@example({"or": None, "in": {"b": "dict(or=1)", "None": [1]}})
def test_any_plain_value_comes_back(value):
    assert config_of_text(Config({"a": {"b": value}}).pretty_text, "x.pth").to_dict()["a"]["b"] == value


@pytest.mark.parametrize("path", leaf_configs()[::9], ids=lambda path: path.stem)
def test_shipped_configs_come_back(path):
    cfg = load_config(path)[0]
    assert config_of_text(cfg.pretty_text, "x.pth").to_dict() == cfg.to_dict()


@pytest.mark.parametrize(
    "text",
    [
        "a = __import__('os').system('true')",
        "import os",
        "a = [open('x')]",
        "a = dict(**b)",
        "a = 1 +",
        "a = b",
        "dict(a=1)",
    ],
)
def test_what_would_run_is_refused(text):
    with pytest.raises(ValueError, match=r"x\.pth.*pass a config"):
        config_of_text(text, "x.pth")
