"""Wording that several rooms share."""

from collections import Counter
from collections.abc import Iterable, Sequence


def first_few(items: Iterable[object], limit: int = 5) -> str:
    """Return the first items separated by commas, and how many more there are: ``a, b, c and 4 more``."""
    names = [str(item) for item in items]
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def class_difference(names: Sequence[str] | None, others: Sequence[str] | None) -> str | None:
    """Say where two lists of class names differ first; None where they are equal, or one names no class."""
    if not names or not others or list(names) == list(others):
        return None
    for index, (name, other) in enumerate(zip(names, others, strict=False)):
        if name != other:
            return f"class {index} is {name!r} in one and {other!r} in the other"
    return f"one has {len(names)} and the other {len(others)}"


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once."""
    return [name for name, count in Counter(names).items() if count > 1]
