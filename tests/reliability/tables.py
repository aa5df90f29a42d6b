"""The tables in docs/faults.md that the programs of this folder write."""

from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs" / "faults.md"


def _parts(name: str) -> tuple[str, str, str]:
    """Return what stands before, between and after the marks of a table."""
    text = DOCS.read_text(encoding="utf-8")
    first, last = f"<!-- {name}: written by tests/reliability/{name}.py -->\n", f"<!-- end of {name} -->"
    head, rest = text.split(first)
    table, tail = rest.split(last)
    return head + first, table, last + tail


def read_rows(name: str) -> list[str]:
    """Return the rows of a table, without its header."""
    return _parts(name)[1].strip().splitlines()[2:]


def write_rows(name: str, header: str, rows: Sequence[str]) -> None:
    """Replace a table; ``header`` is its first line and the one that aligns the columns."""
    head, _, tail = _parts(name)
    DOCS.write_text(head + "\n".join([header, *rows]) + "\n" + tail, encoding="utf-8")
