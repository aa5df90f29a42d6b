"""The manifest beside prepared lists: which version they are, what is missing, and 'N of M' for results."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mmaction.io.file_list import format_line
from mmaction.label_spaces import LABEL_MAP
from mmaction.preparation.recognize_list import OfficialList
from mmaction.utils.files import read_json, write_text
from mmaction.utils.text import first_few

NAME = "manifest.json"
MAX_NAMED = 20  # classes without any clip


@dataclass(frozen=True)
class Coverage:
    """How much of an official list a prepared list holds.

    Attributes:
        title: Data set, version and split, such as ``Gym99 v1.1 val``.
        available: Clips in the prepared list.
        listed: Clips in the official list.
    """

    title: str
    available: int
    listed: int

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.available == self.listed

    def __str__(self) -> str:
        return f"{self.available:,} of {self.listed:,} clips ({self.title})"


@dataclass
class ListReport:
    """What became of one official list.

    Attributes:
        split: ``train`` or ``val``.
        source: The official file.
        version: Its recognized version.
        listed: Its number of clips.
        available: Those in the prepared list.
        class_counts: Official number of clips per class.
        available_class_counts: The same for the prepared list.
        missing: Ids without a usable video, by reason.
        wrong_length: Ids whose video has another number of frames than listed: ``[listed, found]``.
    """

    split: str
    source: str
    version: str
    listed: int
    available: int
    class_counts: list[int]
    available_class_counts: list[int]
    missing: dict[str, list[str]] = field(default_factory=dict)
    wrong_length: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, official: OfficialList, why_missing: Mapping[str, str], num_classes: int) -> ListReport:
        """Compare an official list with what there is.

        Args:
            official: The list.
            why_missing: For each clip without a usable video, its id and the reason.
            num_classes: Number of classes of the data set.
        """
        missing: dict[str, list[str]] = {}
        for clip in official.clips:
            if clip.id in why_missing:
                missing.setdefault(why_missing[clip.id], []).append(clip.id)
        usable = [clip.label for clip in official.clips if clip.id not in why_missing]
        return cls(
            official.split,
            official.path.name,
            str(official.version or "not an official list"),
            listed=len(official.clips),
            available=len(usable),
            class_counts=count_classes((clip.label for clip in official.clips), num_classes),
            available_class_counts=count_classes(usable, num_classes),
            missing=missing,
        )


@dataclass
class Manifest:
    """Everything that a run of a prepare tool found out, written as ``manifest.json``.

    Attributes:
        dataset: Title of the data set.
        version: Version of the training list.
        label_space: Name for :func:`mmaction.label_spaces.load_label_space`.
        lists: One report per prepared list, by file name (``train.txt``).
        notes: Sentences that the user should know.
    """

    dataset: str
    version: str
    label_space: str
    lists: dict[str, ListReport]
    notes: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> Path:
        """Write ``manifest.json`` into ``folder``."""
        return write_text(folder / NAME, json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")

    def coverage(self, list_name: str) -> Coverage:
        """Return 'N of M' of one list."""
        report = self.lists[list_name]
        return Coverage(f"{self.dataset} {self.version} {report.split}", report.available, report.listed)

    @property
    def complete(self) -> bool:
        """Whether every listed clip is there."""
        return all(self.coverage(name).complete for name in self.lists)

    def summary(self) -> str:
        """Return the lines for the end of a run: per list N of M, reasons, lengths, classes left empty."""
        lines = []
        for name, report in self.lists.items():
            lines.append(f"{name}: {self.coverage(name)}")
            lines += [f"    {len(ids):,} {reason}, such as {ids[0]}" for reason, ids in report.missing.items() if ids]
            if report.wrong_length:
                clip, (listed, found) = next(iter(report.wrong_length.items()))
                lines.append(
                    f"    {len(report.wrong_length):,} clips are not as long as listed, such as {clip}: "
                    f"{listed} frames listed, {found} found"
                )
            counts = zip(report.class_counts, report.available_class_counts, strict=True)
            if lost := [label for label, (listed, found) in enumerate(counts) if listed and not found]:
                lines.append(f"    classes that lost all their clips: {first_few(lost, MAX_NAMED)}")
        return "\n".join(lines + [f"note: {note}" for note in self.notes])


def count_classes(labels: Iterable[int], classes: int) -> list[int]:
    """Return the number of clips per class, one number for each of ``classes`` classes."""
    counts = Counter(labels)
    return [counts[label] for label in range(classes)]


def coverage(ann_file: str | Path) -> Coverage | None:
    """Return 'N of M' of a prepared list, from the manifest beside it.

    Args:
        ann_file: A list such as ``data/gym/gym99/val.txt``.

    Returns:
        None if no manifest is there or it says nothing about this list.

    Raises:
        ValueError: If the manifest is damaged.
    """
    with _manifest_entry(ann_file) as (content, report):
        if report is None:
            return None
        title = f"{content['dataset']} {content['version']} {report['split']}"
        return Coverage(title, int(report["available"]), int(report["listed"]))


def wrong_lengths(ann_file: str | Path) -> dict[str, tuple[int, int]]:
    """Return the clips of a prepared list whose video is not as long as listed: name to frames listed and found.

    Raises:
        ValueError: If the manifest beside the list is damaged.
    """
    with _manifest_entry(ann_file) as (_, report):
        return {str(name): (int(n), int(m)) for name, (n, m) in ((report or {}).get("wrong_length") or {}).items()}


@contextmanager
def _manifest_entry(ann_file: str | Path) -> Iterator[tuple[dict, dict | None]]:
    """Give the manifest beside a list and its entry for the list, None where there is none; name it in errors."""
    ann_file = Path(ann_file)
    path = ann_file.with_name(NAME)
    try:
        content = read_json(path) if path.is_file() else {"lists": {}}
        yield content, content["lists"].get(ann_file.name)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise ValueError(f"{path}: not a manifest of a prepare tool ({error!r}); prepare the data set again") from error


def write_lists(
    folder: Path, lists: Mapping[str, Sequence[tuple[str, int]]], names: Sequence[str], videos: str
) -> None:
    """Write the prepared lists, the label map and the list for pose extraction.

    Args:
        folder: Where they go.
        lists: File name of a list to its entries ``(video below the video folder, label)``.
        names: Class names; line i of ``label_map.txt`` is the name of class i.
        videos: The video folder relative to ``folder``, for ``skeleton_list.txt``, which holds all clips.
    """
    for name, entries in lists.items():
        write_text(folder / name, "".join(f"{format_line(video, label)}\n" for video, label in entries))
    every = (format_line(f"{videos}/{video}", label) for entries in lists.values() for video, label in entries)
    write_text(folder / "skeleton_list.txt", "".join(f"{line}\n" for line in every))
    write_text(folder / LABEL_MAP, "".join(f"{name}\n" for name in names))
