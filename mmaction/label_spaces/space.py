"""A label space is a table: one row per class, one column per attribute, read from a CSV file or a label map."""

import csv
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
UNSAID = "unsaid"  # the value of an attribute that the name of a class does not tell
LABEL_MAP = "label_map.txt"  # the file of class names that lies beside the lists of a data set
_HEADER_KEYS = ("title", "source", "hierarchy", "numeric", "codes", "without_samples")


@dataclass(frozen=True)
class LabelSpace:
    """The classes of a data set and what each is made of.

    A class is its index; names are for people, and two classes may share one (FineGym's Gym99 has such a pair).

    Args:
        title: Name of the label space, such as ``Gym99``.
        names: One name per class.
        table: Attribute name to one value per class. Its order is the order of the attributes.
        hierarchy: Those attributes that form a tree above the classes, from coarse to fine, such as ``event, set``.
            Empty where the classes are combinations of attributes on one level, as in Diving48.
        numeric: Attributes whose values are numbers, which makes :meth:`distance` available. However they are written,
            equal numbers are one value.
        codes: Attribute-like columns that only identify something (numbers of an official list); they take no part
            in comparisons.
        without_samples: Classes that the data set defines but has no sample of.
        source: Where the table comes from.

    Example:
        >>> from mmaction.label_spaces import load_label_space
        >>> diving = load_label_space("diving48")
        >>> diving.attributes(1)
        {'take_off': 'back', 'somersaults': '1.5', 'twists': '1.5', 'position': 'free'}
        >>> diving.difference(0, 1), diving.distance(0, 1, "twists")
        (('twists',), 1.0)
    """

    title: str
    names: tuple[str, ...]
    table: Mapping[str, tuple[str, ...]] = field(hash=False)
    hierarchy: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    without_samples: tuple[int, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        columns = {**self.table, **self.codes}
        if wrong := [name for name, values in columns.items() if len(values) != len(self.names)]:
            raise ValueError(f"label space {self.title}: columns {wrong} do not have {len(self.names)} values")
        for role, listed in (("hierarchy", self.hierarchy), ("numeric", self.numeric)):
            for name in listed:
                if name not in self.table:
                    raise ValueError(f"label space {self.title}: {role} names {name!r}, which is {self._known()}")
        for name in self.numeric:
            for label, value in enumerate(self.table[name]):
                if not _is_number(value):
                    raise ValueError(f"label space {self.title}: {name} of class {label} is {value!r}, not a number")
        table = {name: _one_spelling(v) if name in self.numeric else v for name, v in self.table.items()}
        object.__setattr__(self, "table", table)
        if outside := [label for label in self.without_samples if not 0 <= label < len(self)]:
            raise ValueError(f"label space {self.title}: without_samples names class {outside[0]} of {len(self)}")

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"LabelSpace({self.title!r}, {len(self)} classes, attributes {', '.join(self.table) or 'none'})"

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "LabelSpace":
        """Return the label space that ``dataclasses.asdict`` gave, also after a way through JSON."""
        arguments: dict[str, Any] = {}
        for key, value in content.items():
            if isinstance(value, Mapping):  # of columns
                value = {name: tuple(column) for name, column in value.items()}
            arguments[key] = tuple(value) if isinstance(value, list) else value
        return cls(**arguments)

    def name(self, label: int) -> str:
        """Return the name of a class; other classes may have the same one."""
        return self.names[self._check(label)]

    def attributes(self, label: int) -> dict[str, str]:
        """Return the attribute values of a class, in the order of the table."""
        label = self._check(label)
        return {name: values[label] for name, values in self.table.items()}

    def ancestors(self, label: int) -> tuple[str, ...]:
        """Return the groups above a class from coarse to fine, such as event and set; empty without a hierarchy."""
        label = self._check(label)
        return tuple(self.table[name][label] for name in self.hierarchy)

    def code(self, label: int, column: str) -> str:
        """Return the official identifier of a class, such as FineGym's ``element_code``; KeyError for others."""
        if column not in self.codes:
            raise KeyError(f"label space {self.title} has no codes {column!r}, it has {list(self.codes)}")
        return self.codes[column][self._check(label)]

    def siblings(self, label: int, attribute: str | None = None) -> tuple[int, ...]:
        """Return the classes next to one.

        Args:
            label: The class.
            attribute: Only classes that differ in this attribute and in no other. By default, with a hierarchy the
                classes of the same finest group (same set), without one those that differ in exactly one attribute.

        Returns:
            Their indices, ascending, without ``label`` itself.
        """
        label = self._check(label)
        others = np.arange(len(self)) != label
        differs = self._matrix != self._matrix[label]
        if attribute is not None:
            column = self._column(attribute)
            chosen = differs[:, column] & (differs.sum(1) == 1)
        elif self.hierarchy:
            columns = [self._column(name) for name in self.hierarchy]
            chosen = others & ~differs[:, columns].any(1)
        else:
            chosen = differs.sum(1) == 1
        return tuple(int(index) for index in np.flatnonzero(chosen))

    def difference(self, label: int, other: int) -> tuple[str, ...]:
        """Return the attributes in which two classes differ; where one of them is ``unsaid``, nobody knows."""
        label, other = self._check(label), self._check(other)
        return tuple(
            name
            for name, values in self.table.items()
            if values[label] != values[other] and UNSAID not in (values[label], values[other])
        )

    def differing_values(self, label: int, other: int) -> list[tuple[str, str, str]]:
        """Return each attribute in which two classes differ, with the values of both."""
        return [(name, self.table[name][label], self.table[name][other]) for name in self.difference(label, other)]

    def distance(self, label: int, other: int, attribute: str) -> float:
        """Return a numeric attribute of ``other`` minus the same of ``label`` (Diving48: in turns)."""
        self._column(attribute)
        if attribute not in self.numeric:
            raise ValueError(f"{attribute!r} of label space {self.title} has no numbers; those that do: {self.numeric}")
        values = self.table[attribute]
        return float(values[self._check(other)]) - float(values[self._check(label)])

    def values(self, attribute: str) -> tuple[str, ...]:
        """Return the distinct values of an attribute: numbers ascending, others in the order of the classes."""
        column = self.table[tuple(self.table)[self._column(attribute)]]
        distinct = dict.fromkeys(column)
        return tuple(sorted(distinct, key=float) if attribute in self.numeric else distinct)

    def groups(self, attribute: str) -> np.ndarray:
        """Return, per class, the index of its value in :meth:`values`, int64 of shape ``(classes,)``.

        With it, predictions of classes become predictions of an attribute: ``groups("set")[predicted_labels]``.
        """
        index = {value: position for position, value in enumerate(self.values(attribute))}
        return np.array([index[value] for value in self.table[attribute]], dtype=np.int64)

    @cached_property
    def _matrix(self) -> np.ndarray:
        """Value numbers, int64 of shape (classes, attributes)."""
        columns = [np.unique(np.array(values, dtype=object), return_inverse=True)[1] for values in self.table.values()]
        return np.stack(columns, axis=1) if columns else np.zeros((len(self), 0), dtype=np.int64)

    def _known(self) -> str:
        return f"not among its attributes {list(self.table)}"

    def _column(self, attribute: str) -> int:
        if attribute not in self.table:
            raise KeyError(f"label space {self.title}: attribute {attribute!r} is {self._known()}")
        return tuple(self.table).index(attribute)

    def _check(self, label: int) -> int:
        if not 0 <= label < len(self):
            raise IndexError(f"class {label} is outside the {len(self)} classes of {self.title} (0 to {len(self) - 1})")
        return int(label)


def describe_difference(attribute: str, value: str, other: str) -> str:
    """Return in words how two classes differ: ``1 turn against 1.5 turns``, ``position: tucked against piked``."""
    if not (_is_number(value) and _is_number(other)):
        return f"{attribute.replace('_', ' ')}: {value} against {other}"
    noun, *rest = attribute.split("_")
    amounts = (" ".join([n, noun.removesuffix("s") if float(n) == 1 else noun, *rest]) for n in (value, other))
    return " against ".join(amounts)


def available_label_spaces() -> tuple[str, ...]:
    """Return the names that :func:`load_label_space` knows."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.csv")))


def load_label_space(name: str | Path) -> LabelSpace:
    """Return the label space ``diving48``, ``gym99`` or ``gym288``, or one from a CSV file or a label map.

    A CSV file has a column ``label`` (0, 1, ...; every class once), a column ``name`` if classes have names of their
    own (else the attributes are joined), and one column per attribute. Lines ``# key: value`` before the table may give
    ``title``, ``source``, ``hierarchy``, ``numeric`` and ``codes`` (column names) and ``without_samples`` (classes).
    Any other file is read as a label map, see :func:`read_label_map`; its classes have no attributes.

    Raises:
        FileNotFoundError: If there is neither; close names are listed.
        ValueError: If the file is neither; the message holds the line.
    """
    known = available_label_spaces()
    path = FOLDER / f"{name}.csv" if str(name) in known else Path(name)
    if not path.is_file():
        close = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4) or known
        demo = "; make demo makes the demo data" if path.parts[:2] == ("data", "demo_diving") else ""
        raise FileNotFoundError(
            f"no label space {str(name)!r} and no file of that name{demo}; known: {', '.join(close)}"
        )
    if path.suffix.lower() != ".csv":
        return LabelSpace(path.stem, read_label_map(path), {}, source=str(path))
    try:
        return _parse(_read(path), path.stem)
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not a text file (UTF-8): {error.reason}") from error


def read_label_map(path: str | Path, num_classes: int | None = None) -> tuple[str, ...]:
    """Return the class names in a label map: line 1 names class 0, line 2 class 1, and so on.

    Blanks around names and empty lines at the end do not count. ValueError if a line in between is empty, which would
    shift or lose a class, or if there are not ``num_classes`` names (None: any number).
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"no label map at {path}")
    try:
        names = tuple(line.strip() for line in _read(path).rstrip().split("\n"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if "" in names:
        line = names.index("") + 1
        raise ValueError(f"{path}:{line}: expected the name of class {line - 1}, found an empty line; remove the line")
    if num_classes is not None and len(names) != num_classes:
        raise ValueError(f"{path}: expected {num_classes} class names, one a line, found {len(names)}")
    return names


def names_beside(ann_file: str | Path) -> tuple[str, ...]:
    """Return the class names in the ``label_map.txt`` beside a list or annotation file, none where there is no map."""
    path = Path(ann_file).with_name(LABEL_MAP) if Path(ann_file).name else None
    return read_label_map(path) if path and path.is_file() else ()


def with_label_space(metainfo: Mapping | None, ann_file: str | Path = "") -> dict:
    """Return a copy of the ``metainfo`` of a data set with its class names, and with its label space loaded.

    Args:
        metainfo: May hold ``label_space``: a name or path as in :func:`load_label_space`, or a :class:`LabelSpace`,
            which gives ``classes`` unless they are there.
        ann_file: The list or annotation file, beside which a ``label_map.txt`` may lie that gives them else.
    """
    metainfo = dict(metainfo or {})
    space = metainfo.get("label_space")
    if space is not None:
        space = space if isinstance(space, LabelSpace) else load_label_space(space)
        return {"classes": space.names, **metainfo, "label_space": space}
    if "classes" not in metainfo and (names := names_beside(ann_file)):
        metainfo["classes"] = names
    return metainfo


def _one_spelling(numbers: tuple[str, ...]) -> tuple[str, ...]:
    """Return numbers with equal ones written alike, as the first of them: ``1`` and ``1.0`` are one value."""
    first: dict[float, str] = {}
    return tuple(first.setdefault(float(number), number) for number in numbers)


def _is_number(value: str) -> bool:
    try:
        return bool(np.isfinite(float(value)))
    except ValueError:
        return False


def _parse(text: str, stem: str) -> LabelSpace:
    lines = text.splitlines()
    head = _read_head(lines)
    start = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    reader = csv.reader(lines[start:], strict=True)
    columns = [cell.strip() for cell in next(reader, [])]
    if "label" not in columns:
        raise ValueError(f"line {start + 1}: expected a header with a column 'label', found {', '.join(columns)!r}")
    if len(set(columns)) != len(columns) or "" in columns:
        raise ValueError(f"line {start + 1}: every column needs a name of its own, found {', '.join(columns)!r}")
    rows = _read_rows(reader, columns, start)
    known = {name: tuple(row[name] for row in rows) for name in columns if name not in ("label", "name")}
    codes = {name: known.pop(name) for name in _names(head, "codes") if name in known}
    joined = (", ".join(row[name] for name in known) for row in rows)
    return LabelSpace(
        title=head.get("title", stem),
        names=tuple(row["name"] for row in rows) if "name" in columns else tuple(joined),
        table=known,
        hierarchy=_names(head, "hierarchy"),
        numeric=_names(head, "numeric"),
        codes=codes,
        without_samples=tuple(_integer(cell, "without_samples") for cell in _names(head, "without_samples")),
        source=head.get("source", ""),
    )


def _read_head(lines: Sequence[str]) -> dict[str, str]:
    head = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            break
        key, colon, value = line.lstrip("# ").partition(":")
        if colon and key.strip() in _HEADER_KEYS:
            head[key.strip()] = value.strip()
        elif colon and difflib.get_close_matches(key.strip(), _HEADER_KEYS):
            raise ValueError(f"line {number}: unknown key {key.strip()!r}, expected one of {', '.join(_HEADER_KEYS)}")
    return head


def _names(head: Mapping[str, str], key: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in head.get(key, "").split(",") if name.strip())


def _integer(cell: str, where: str) -> int:
    if not (cell.isascii() and cell.isdigit()):
        raise ValueError(f"{where}: expected a class index, found {cell!r}")
    return int(cell)


def _read_rows(reader, columns: list[str], start: int) -> list[dict[str, str]]:
    rows: dict[int, dict[str, str]] = {}
    for cells in reader:
        where = f"line {start + reader.line_num}"
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            raise ValueError(f"{where}: expected {len(columns)} values ({', '.join(columns)}), found {len(cells)}")
        row = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
        label = _integer(row["label"], where)
        if label in rows:
            raise ValueError(f"{where}: class {label} stands there twice")
        rows[label] = row
    if missing := sorted(set(range(len(rows))) - set(rows)):
        raise ValueError(f"{len(rows)} classes must be numbered 0 to {len(rows) - 1}; class {missing[0]} is missing")
    if not rows:
        raise ValueError("the table has no class")
    return [rows[label] for label in range(len(rows))]
