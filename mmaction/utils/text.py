"""Wording that several rooms share."""

from collections.abc import Iterable


def first_few(items: Iterable[object], limit: int = 5) -> str:
    """Return the first items separated by commas, and how many more there are: ``a, b, c and 4 more``."""
    names = [str(item) for item in items]
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
