"""What the docstrings of the house need to become pages: roles become code, an example becomes a section."""

import re
from typing import Any

import griffe


class HouseStyle(griffe.Extension):
    """Translates docstrings before they are parsed."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Translate the docstring of ``obj``."""
        if obj.docstring:
            text = re.sub(r":(?:class|func|meth|mod|attr|data):`~?([^`]+)`", r"`\1`", obj.docstring.value)
            obj.docstring.value = re.sub(r"(?m)^( *)Example:$", r"\1Examples:", text)
