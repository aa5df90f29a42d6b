"""Constructor arguments that can be read back from an object."""

import functools
import inspect
from collections.abc import Callable
from typing import Any


class ReadableArguments:
    """Let each argument of a constructor be read as an attribute of its name, as plug-ins of MMAction2 do.

    What a constructor sets itself, also as a property, a submodule or a buffer, is left as it is. The attributes are
    there as soon as the constructor that takes the argument returns: a subclass reads them after ``super().__init__``.

    Example:
        >>> class Head(ReadableArguments):
        ...     def __init__(self, dropout_ratio: float = 0.5) -> None:
        ...         pass
        >>> Head().dropout_ratio
        0.5
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = _keeping(cls.__init__)  # type: ignore[method-assign]


def _keeping(init: Callable[..., None]) -> Callable[..., None]:
    """Return ``init`` followed by the assignment of the arguments that it names."""
    signature = inspect.signature(init)
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    _, *names = (name for name, parameter in signature.parameters.items() if parameter.kind not in kinds)

    @functools.wraps(init)
    def init_and_keep(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        for name in names:
            if not hasattr(self, name):
                setattr(self, name, bound.arguments[name])

    # MMEngine reads some signatures in a way that does not look through wrappers.
    init_and_keep.__signature__ = signature  # type: ignore[attr-defined]
    return init_and_keep
