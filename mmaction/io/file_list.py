"""Text lists of clips: one clip a line, its name, then numbers. Every complaint names the file and the line."""

import os.path
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mmengine.logging import print_log

from mmaction.structures.sample_name import outside_classes
from mmaction.utils.files import read_text
from mmaction.utils.text import first_few


@dataclass(frozen=True)
class ListLine:
    """One clip of a list."""

    number: int  # line in the file, from 1
    name: str  # video file or folder of frames as the list states it
    numbers: tuple[int, ...]  # the whole numbers between the name and the labels
    labels: tuple[int, ...]  # class indices, one or more


def read_file_list(
    path: str,
    fields: tuple[str, ...] = (),
    multi_class: bool = False,
    num_classes: int | None = None,
    delimiter: str = " ",
    on_error: Callable[[str], None] | None = None,
) -> list[ListLine]:
    """Read a list of clips.

    Empty lines are passed over, and so are comments: lines that start with ``#`` and a blank, or with ``#`` and name no
    clip. A message counts the comments. Windows line ends are read as well. Names may hold blanks. In a multi-class
    list all whole numbers at the end of a line are taken for numbers and labels; there a name that itself ends in a
    blank and a number is put in double quotes.

    Args:
        path: The list.
        fields: What the whole numbers between name and label mean, for messages, such as ``('total_frames',)``.
        multi_class: Whether a line has one label or more.
        num_classes: Class count against which labels are checked; None checks nothing.
        delimiter: What separates name and numbers; a blank stands for any number of blanks and tabs.
        on_error: Called with the message of each line that has another form, which is then left out; by default the
            first such line is an error.

    Raises:
        FileNotFoundError: If there is no list.
        ValueError: If it is empty or a line has another form; the message starts with ``path:line:``.
    """
    if not delimiter:
        raise ValueError("delimiter is the text between name and label, for example ' ' or ','; got an empty one")
    lines, comments = [], []
    for number, text in enumerate(read_text(path).split("\n"), 1):
        text = text.strip()
        if not text:
            continue
        if re.match(r"#+(\s|$)", text):
            comments.append(number)
            continue
        try:
            lines.append(_parse_line(number, text, fields, multi_class, num_classes, delimiter))
        except ValueError as error:
            if text.startswith("#"):
                comments.append(number)
                continue
            if on_error is None:
                raise ValueError(f"{path}:{number}: {error}") from None
            on_error(f"{path}:{number}: {error}")
    if not lines:
        raise ValueError(f"{path}:1: the list names no clip")
    if comments:
        numbers = first_few(comments, 10)
        print_log(f"{path}: {len(comments)} comments are passed over (lines {numbers})", logger="current")
    return lines


def _parse_line(
    number: int, text: str, fields: tuple[str, ...], multi_class: bool, num_classes: int | None, delimiter: str
) -> ListLine:
    form = delimiter.join(("name", *fields, "label")) + (f"[{delimiter}label ...]" if multi_class else "")
    name, values = _split(text, len(fields) + 1, multi_class, delimiter)
    if not name or len(values) <= len(fields):
        raise ValueError(f"expected '{form}', found {_short(text)}; is a label missing?")
    if not multi_class and len(values) > len(fields) + 1:
        raise ValueError(
            f"expected '{form}', found {_short(text)}; it has {len(values)} values after the name, and several labels "
            "need multi_class=True"
        )
    names = (*fields, *["label"] * (len(values) - len(fields)))
    numbers = [_whole_number(value, what, form) for value, what in zip(values, names, strict=True)]
    labels = tuple(numbers[len(fields) :])
    for label in labels:
        if problem := outside_classes(label, num_classes):
            raise ValueError(f"{problem} of this data set; correct the label or num_classes")
    return ListLine(number, name, tuple(numbers[: len(fields)]), labels)


def _split(text: str, count: int, multi_class: bool, delimiter: str) -> tuple[str, list[str]]:
    """Return the name and the texts after it: the last ``count``, or all that look like numbers."""
    quoted = text.startswith('"') and '"' in text[1:]
    if quoted:
        name, _, rest = text[1:].partition('"')
        return name, _parts(rest.strip().removeprefix(delimiter.strip()), delimiter, -1)
    if not multi_class:
        name, *values = _parts(text, delimiter, count)
        return name, values
    parts = _parts(text, delimiter, -1)
    first = len(parts)
    while first > 1 and _is_number(parts[first - 1]):
        first -= 1
    # the name keeps its own blanks: cut off as many values from the right as there are
    name = _parts(text, delimiter, len(parts) - first)[0] if first < len(parts) else text
    return name, parts[first:]


def _parts(text: str, delimiter: str, count: int) -> list[str]:
    """Split at most ``count`` times from the right (-1: everywhere); parts are stripped."""
    return [part.strip() for part in text.rsplit(delimiter if delimiter.strip() else None, count)]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _whole_number(text: str, what: str, form: str) -> int:
    if not _is_number(text):
        raise ValueError(f"{what} must be a whole number (0, 1, ...), found {_short(text)}; the form is '{form}'")
    return int(text)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def format_line(name: str, *numbers: int) -> str:
    """Return the line that :func:`read_file_list` reads as a name and its numbers; odd names stand in double quotes.

    ValueError if the name cannot stand in a list, because it has a line break or begins with a quotation mark.
    """
    odd = name != name.strip() or name.startswith(("#", '"'))
    if len(name.splitlines()) != 1 or (odd and '"' in name):
        raise ValueError(f"{name!r} cannot stand in a list: rename the file")
    return " ".join([f'"{name}"' if odd else name, *map(str, numbers)])


def resolve_names(path: str, lines: list[ListLine], root: str) -> Iterator[tuple[str, ListLine]]:
    """Yield where each clip lies, see :func:`resolve_name`; ValueError names the line whose clip leaves ``root``."""
    for line in lines:
        try:
            yield resolve_name(line.name, root), line
        except ValueError as error:
            raise ValueError(f"{path}:{line.number}: {error}") from None


def resolve_name(name: str, root: str) -> str:
    """Return where a clip lies: below ``root`` (else ValueError), or where an absolute name or an address says."""
    if os.path.isabs(name) or "://" in name:
        return name
    inner = os.path.normpath(name)
    if inner == os.pardir or inner.startswith(os.pardir + os.sep):
        raise ValueError(
            f"{name!r} leaves the data folder {root or os.curdir!r}; give a path within it, or an absolute one if that "
            "is meant"
        )
    return os.path.join(root, inner)
