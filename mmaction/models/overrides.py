"""What a plug-in, which may override any method, takes and does in its own way."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any


def accepted(function: Callable, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``arguments`` that ``function`` takes, be it by name or as ``**kwargs``."""
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return dict(arguments)
    return {name: value for name, value in arguments.items() if name in parameters}


def inherits(thing: object, base: type, *methods: str) -> bool:
    """Return whether ``thing`` is a ``base`` and none of the ``methods`` was overridden."""
    return isinstance(thing, base) and all(
        getattr(getattr(thing, name), "__func__", None) is getattr(base, name) for name in methods
    )
