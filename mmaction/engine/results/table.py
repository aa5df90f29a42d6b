"""The figures of a test as tables for the terminal."""

import io
from collections.abc import Sequence
from typing import Any

from mmaction.evaluation.details import SHOTS

NUM_WORST = 5
NUMBERS = ("samples", "weight")


def render_table(summary: dict[str, Any]) -> str:
    """Return the main figures as text: accuracy with intervals, details, the worst classes."""

    def percent(value: float | None) -> str:
        return "-" if value is None else f"{100 * value:.2f}"

    intervals = summary.get("confidence_95", {})
    rows = [
        (name, percent(value), " to ".join(percent(bound) for bound in intervals.get(name, ())))
        for name, value in summary["accuracy"].items()
    ]
    for part in ("attributes", "hierarchy"):
        rows += [(name, percent(value), "") for name, value in summary.get(part, {}).get("accuracy", {}).items()]
    for name, shot in SHOTS.items() if "long_tail" in summary else ():
        group = summary["long_tail"][name]
        if group["classes"]:
            rows.append((f"{shot}, mean1", percent(group["mean1"]), f"{group['classes']} classes: {group['rule']}"))
    text = text_table(f"Result on {summary['evaluated']['text']} samples", ("measure", "%", "95 % interval"), rows)
    measure = "f1" if "f1" in summary["per_class"][0] else "accuracy"
    tested = [row for row in summary["per_class"] if row["count"]]
    worst = sorted(tested, key=lambda row: row[measure])[:NUM_WORST]
    if worst and worst[0][measure] < 1:
        rows = [(f"{row['class']} {row['name']}", percent(row[measure]), str(row["count"])) for row in worst]
        header = ("class", "F1 %" if measure == "f1" else "%", "samples")
        text += text_table("Worst classes", header, rows)
    return text + "".join(f"- {line}\n" for line in summary["headline"])


def text_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], width: int = 110) -> str:
    """Return a table for the terminal, without colors; columns of numbers are flush right."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for column in header:
        table.add_column(column, justify="right" if column[-1:] == "%" or column in NUMBERS else "left")
    for row in rows:
        table.add_row(*map(escape, row))
    text = io.StringIO()
    Console(file=text, width=width, no_color=True).print(table)
    return f"{title}\n" + "".join(f"{line.rstrip()}\n" for line in text.getvalue().rstrip().splitlines()) + "\n"
