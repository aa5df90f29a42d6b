"""The manifest beside prepared lists: which version they are, what is missing, and 'N of M' for results."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from mmaction.io.file_list import format_line
from mmaction.label_spaces import LABEL_MAP, load_label_space
from mmaction.preparation.official_lists import ListedClip
from mmaction.preparation.recognize_list import OfficialList
from mmaction.utils.files import read_json, write_json, write_lines
from mmaction.utils.text import first_few

NAME = "manifest.json"
MAX_NAMED = 20  # classes without any clip


@dataclass(frozen=True)
class Coverage:
    """How much of an official list a prepared list holds."""

    title: str  # data set, version and split, such as Gym99 v1.1 val
    available: int  # clips in the prepared list
    listed: int  # clips in the official list

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.available == self.listed

    def __str__(self) -> str:
        return f"{self.available:,} of {self.listed:,} clips ({self.title})"


@dataclass
class ListReport:
    """What became of one official list."""

    split: str  # train or val
    source: str  # the official file
    version: str  # its recognized version
    listed: int  # its number of clips
    available: int  # those in the prepared list
    class_counts: list[int]  # official number of clips per class
    available_class_counts: list[int]  # the same for the prepared list
    missing: dict[str, list[str]] = field(default_factory=dict)  # ids without a usable video, by reason
    # ids whose video has another number of frames than listed: [listed, found]
    wrong_length: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, official: OfficialList, num_classes: int, why_missing: Mapping[str, str], frames: Mapping[str, int]
    ) -> "ListReport":
        """Compare an official list with what there is, given as in :func:`write_prepared`."""
        usable = [clip for clip in official.clips if clip.id not in why_missing]
        missing: dict[str, list[str]] = defaultdict(list)
        for clip in official.clips:
            if clip.id in why_missing:
                missing[why_missing[clip.id]].append(clip.id)
        listed = {clip.id: clip.frames for clip in usable if clip.frames is not None and clip.id in frames}
        return cls(
            official.split,
            official.path.name,
            str(official.version or "not an official list"),
            len(official.clips),
            len(usable),
            _count_classes(official.clips, num_classes),
            _count_classes(usable, num_classes),
            dict(missing),
            {name: [count, frames[name]] for name, count in listed.items() if count != frames[name]},
        )


def _count_classes(clips: Iterable[ListedClip], num_classes: int) -> list[int]:
    return np.bincount(np.array([clip.label for clip in clips], int), minlength=num_classes).tolist()


@dataclass
class Manifest:
    """Everything that a run of a prepare tool found out, written as ``manifest.json``."""

    dataset: str
    version: str  # version of the training list
    label_space: str  # name for load_label_space
    lists: dict[str, ListReport]  # one report per prepared list, by file name (train.txt)
    notes: list[str] = field(default_factory=list)  # sentences that the user should know

    def write(self, folder: Path) -> None:
        """Write ``manifest.json`` into ``folder``."""
        write_json(folder / NAME, asdict(self))

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


def coverage(ann_file: str | Path) -> Coverage | None:
    """Return 'N of M' of a prepared list, from the manifest beside it.

    None if no manifest is there or it says nothing about this list; ValueError if it is damaged.
    """
    with _manifest_entry(ann_file) as (content, report):
        if report is None:
            return None
        title = f"{content['dataset']} {content['version']} {report['split']}"
        return Coverage(title, int(report["available"]), int(report["listed"]))


def wrong_lengths(ann_file: str | Path) -> dict[str, tuple[int, int]]:
    """Return the clips of a prepared list whose video is not as long as listed: name to frames listed and found."""
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


def write_prepared(
    folder: Path,
    manifest: Manifest,
    lists: Iterable[OfficialList],
    why_missing: Mapping[str, str],
    videos: str,
    path_of: Callable[[str], str],
    frames: Mapping[str, int] | None = None,
) -> Manifest:
    """Write the usable clips of official lists, the label map, ``skeleton_list.txt`` (all clips) and the manifest.

    ``manifest`` gets a report for each list. ``why_missing`` holds each clip without a usable video and the reason;
    ``path_of`` gives the video of a clip, relative to the folder ``videos``, which is relative to ``folder``;
    ``frames`` are the counted frames of clips.
    """
    names = load_label_space(manifest.label_space).names
    every: list[str] = []
    for official in lists:
        usable = [(path_of(clip.id), clip.label) for clip in official.clips if clip.id not in why_missing]
        manifest.lists[f"{official.split}.txt"] = ListReport.of(official, len(names), why_missing, frames or {})
        write_lines(folder / f"{official.split}.txt", (format_line(path, label) for path, label in usable))
        every += (format_line(f"{videos}/{path}", label) for path, label in usable)
    write_lines(folder / "skeleton_list.txt", every)
    write_lines(folder / LABEL_MAP, names)
    manifest.write(folder)
    return manifest
