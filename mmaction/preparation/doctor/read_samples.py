"""The clips of a split: read from its list, described by what the checks find."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmaction.io.file_list import read_file_list, resolve_names
from mmaction.preparation.doctor.findings import Finding
from mmaction.preparation.doctor.splits import Split
from mmaction.preparation.skeleton.files import AnnotationFile


@dataclass(eq=False)
class Sample:
    """One clip."""

    split: Split
    position: int
    name: str
    labels: tuple[int, ...]
    path: Path | None = None  # video or folder of frames; of a skeleton the video to compare with
    info: dict | None = None
    listed_frames: int | None = None  # number of frames that the list states
    line: int | None = None
    offset: int = 0  # number of images of the folder before the clip
    frames: int = 0  # number of frames found, 0 before it was looked at
    height: int = 0
    width: int = 0
    persons: int = 0
    missing: float = 0.0  # share of joints that are missing
    outside: float = 0.0  # share of the joints seen that lie outside the image
    digest: bytes = b""  # identifies the content
    joints: tuple[int, ...] = ()  # joints and coordinates of a skeleton, such as (17, 2)
    # joints (M, V, C) and scores (M, V) of the middle frame of a skeleton
    middle: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def key(self) -> str:
        """The clip's name without folder and extension."""
        base = os.path.basename(self.name)
        return os.path.splitext(base)[0] if self.split.kind == "video" else base

    @property
    def span(self) -> tuple[int | None, ...]:
        """What tells clips of one folder apart: offset and number of frames, where the list states offsets."""
        return (self.offset, self.listed_frames) if self.split.with_offset else ()

    def image_names(self) -> Iterator[str]:
        """Yield the names of the images that a data set of frames reads, as far as they are known."""
        if self.split.filename_tmpl is None:
            return
        first = self.split.start_index + self.offset
        for index in range(first, first + (self.listed_frames or 0)):
            for part in (("x", index), ("y", index)) if self.split.is_flow else ((index,),):
                yield self.split.filename_tmpl.format(*part)

    def finding(self, code: str, message: str) -> Finding:
        """Make a finding about this clip."""
        return Finding(code, self.split.name, self.name, message, self.position, self.split)


class SampleReader:
    """Reads the samples of splits; an annotation file that several splits share is read once."""

    def __init__(self) -> None:
        self.files: dict[Path, AnnotationFile] = {}

    def unused(self) -> Iterator[Finding]:
        """Yield a note for each annotation file that holds clips which none of its own splits lists."""
        for path, file in self.files.items():
            used = {clip for clips in (file.splits or {}).values() for clip in clips}
            if left := [name for name in file.names if file.splits and name not in used]:
                yield Finding("unused-annotation", "", "", f"{path}: {len(left):,} annotations, such as {left[0]}")

    def read(self, split: Split) -> tuple[list[Sample], list[Finding]]:
        """Return the samples of a split and what is wrong with its list."""
        findings: list[Finding] = []
        try:
            reader = self._pose if split.kind == "pose" else self._listed
            return list(reader(split, findings)), findings
        except (ValueError, OSError, KeyError) as error:
            text = str(error.args[0] if isinstance(error, KeyError) else error)
            if isinstance(error, FileNotFoundError):
                text += "; docs/datasets.md says how to prepare the data sets of the shipped configs"
            return [], [*findings, Finding("unreadable-list", split.name, "", text)]

    def _listed(self, split: Split, findings: list[Finding]) -> Iterator[Sample]:
        fields: tuple[str, ...] = ()
        if split.kind == "frames":
            fields = ("offset", "total_frames") if split.with_offset else ("total_frames",)

        def note(message: str) -> None:
            findings.append(Finding("bad-line", split.name, "", message))

        lines = read_file_list(str(split.ann_file), fields, split.multi_class, delimiter=split.delimiter, on_error=note)
        position = 0
        for line in lines:
            try:
                ((path, _),) = resolve_names(str(split.ann_file), [line], str(split.root or ""))
            except ValueError as error:
                note(str(error))
                continue
            numbers = dict(zip(fields, line.numbers, strict=True))
            frames, offset = numbers.get("total_frames"), numbers.get("offset", 0)
            yield Sample(split, position, line.name, line.labels, Path(path), None, frames, line.number, offset)
            position += 1

    def _pose(self, split: Split, findings: list[Finding]) -> Iterator[Sample]:
        if split.ann_file not in self.files:
            self.files[split.ann_file] = AnnotationFile.read(split.ann_file)
        file = self.files[split.ann_file]
        if split.pose_split is None:
            chosen: Iterable[tuple[str, dict]] = zip(file.names, file.annotations, strict=True)
        else:
            chosen = self._of_split(split, file, findings)
        for position, (name, info) in enumerate(chosen):
            labels = np.ravel(info.get("label", ()))
            known = tuple(int(label) for label in labels) if labels.dtype.kind in "iu" else ()
            yield Sample(split, position, name, known, info=info)

    @staticmethod
    def _of_split(split: Split, file: AnnotationFile, findings: list[Finding]) -> Iterator[tuple[str, dict]]:
        """Yield the annotations that a split of the file names."""
        splits = file.splits or {}
        if split.pose_split not in splits:
            raise KeyError(f"{split.ann_file} has no split {split.pose_split!r}, it has {', '.join(splits)}")
        by_name: dict[str, list[dict]] = {}
        for name, info in zip(file.names, file.annotations, strict=True):
            by_name.setdefault(name, []).append(info)
        for name, count in Counter(splits[split.pose_split]).items():
            if count > 1:
                findings.append(Finding("listed-twice", split.name, name, f"the split names it {count} times"))
            if name not in by_name:
                findings.append(Finding("no-annotation", split.name, name, f"{split.ann_file} has no such clip"))
            yield from ((name, info) for info in by_name.get(name, ()))
