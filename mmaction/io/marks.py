"""Clips that a person marked as mislabeled: a CSV file that ``mmaction view`` writes and ``check --fix`` applies."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mmaction.utils.files import read_text, write_csv

MARKS = "marks.csv"
COLUMNS = ("clip", "label", "right_label", "class", "right_class")


class Mark(NamedTuple):
    """A clip whose label is wrong."""

    clip: str
    label: tuple[int, ...]  # the classes that the list states
    right: int | None = None  # the class that it shows, where the person knows it
    name: str = ""  # names of ``label`` and ``right``, for people
    right_name: str = ""


def read_marks(path: str | Path) -> list[Mark]:
    """Read marks; ValueError names the line that is none, or that marks a clip again."""
    rows = csv.DictReader(io.StringIO(read_text(path)), restval="")
    if not set(COLUMNS[:2]) <= set(rows.fieldnames or ()):
        raise ValueError(f"{path}: expected the columns {', '.join(COLUMNS)}, got {', '.join(rows.fieldnames or ())}")
    marks: dict[str, Mark] = {}
    for row in rows:
        where = f"{path}, line {rows.line_num}"
        try:
            right = (row.get("right_label") or "").strip()
            label = tuple(int(number) for number in row["label"].split())
            mark = Mark(row["clip"], label, int(right) if right else None, *(row.get(n) or "" for n in COLUMNS[3:]))
        except ValueError:
            raise ValueError(f"{where}: label and right_label are class indices, got {row}") from None
        if not mark.clip or mark.clip in marks:
            raise ValueError(f"{where}: {'marks ' + mark.clip + ' again' if mark.clip else 'names no clip'}")
        marks[mark.clip] = mark
    return list(marks.values())


def mark_row(mark: Mark) -> list[str]:
    """Return a mark as a row of the file."""
    right = "" if mark.right is None else str(mark.right)
    return [mark.clip, " ".join(map(str, mark.label)), right, mark.name, mark.right_name]


def write_marks(path: str | Path, marks: Iterable[Mark]) -> Path:
    """Replace the file by these marks in one step."""
    return write_csv(path, [COLUMNS, *map(mark_row, marks)])
