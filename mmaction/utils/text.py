"""Wording that several rooms share."""

from collections.abc import Iterable, Sequence


def first_few(items: Iterable[object], limit: int = 5) -> str:
    """Return the first items separated by commas, and how many more there are: ``a, b, c and 4 more``."""
    names = [str(item) for item in items]
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def first_difference(names: Sequence[str], others: Sequence[str]) -> str:
    """Say where two lists of class names that are not equal differ first."""
    for index, (name, other) in enumerate(zip(names, others, strict=False)):
        if name != other:
            return f"class {index} is {name!r} in one and {other!r} in the other"
    return f"one has {len(names)} and the other {len(others)}"
