"""The table of published skeleton files, and fetching them."""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

from mmaction.io.downloads import check_file, download, file_sha256
from mmaction.preparation.skeleton.files import AnnotationFile
from mmaction.utils.cli import suggest
from mmaction.utils.files import read_text, write_atomically


class Published(NamedTuple):
    """One row of ``published.csv``."""

    name: str  # what the user calls it
    file: str  # its file name
    family: str  # who published it, MMAction2 or PYSKL
    clips: str  # the data set that it describes
    splits: str  # names of its splits, separated by blanks; empty where it is no annotation file
    url: str  # its address
    note: str  # what a user should know before choosing it, or empty


@cache
def published() -> dict[str, Published]:
    """Return the published files by name."""
    with open(Path(__file__).with_name("published.csv"), encoding="utf-8", newline="") as file:
        return {row["name"]: Published(**row) for row in csv.DictReader(file)}


def fetch(name: str, folder: Path) -> Path:
    """Download a published file into ``folder`` and check that it is what the table says.

    The SHA-256 is written beside the file (``FILE.sha256``); a file that is already there is compared with it. KeyError
    if the table has no such name; close names are listed; ConnectionError if the transfer fails; the message says where
    to put the file by hand; ValueError if the file was damaged since, cannot be read, or lacks a split.
    """
    table = published()
    if name not in table:
        raise KeyError(f"no published skeleton file {name!r}{suggest(name, table) or '; known: ' + ', '.join(table)}")
    row = table[name]
    path = folder / row.file
    record = path.with_name(path.name + ".sha256")
    recorded = read_text(record).split() if record.is_file() else []
    if path.exists() and recorded:
        check_file(path, recorded[0])
        return path
    download(row.url, path)
    if row.splits:
        _check_splits(path, row)
    write_atomically(record, f"{file_sha256(path)}  {path.name}\n".encode())
    return path


def _check_splits(path: Path, row: Published) -> None:
    splits = AnnotationFile.read(path).splits or {}
    if missing := [split for split in row.splits.split() if split not in splits]:
        raise ValueError(f"{path}: expected the splits {row.splits}, {', '.join(missing)} not found; delete the file")
