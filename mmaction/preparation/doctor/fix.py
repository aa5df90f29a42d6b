"""Writes cleaned copies of lists and annotation files, never over the originals."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from mmaction.io.annotations import check_annotation
from mmaction.label_spaces import LABEL_MAP, names_beside
from mmaction.preparation.doctor.examine import Diagnosis
from mmaction.preparation.doctor.findings import KINDS
from mmaction.preparation.doctor.read_samples import Sample
from mmaction.preparation.doctor.splits import Split
from mmaction.preparation.skeleton.files import AnnotationFile
from mmaction.structures.sample_name import sample_name
from mmaction.utils.files import read_text, write_lines

Corrections = dict[tuple[Split, int], int]  # right label of the clip at a position of a split


def write_fixed(diagnosis: Diagnosis, out: Path) -> Iterator[tuple[Path, int, int]]:
    """Write each list and annotation file into ``out`` without the clips that a finding says to leave out.

    A clip gets the right label where a person has said it.
    Of clips that stand in a list twice the first is kept; of clips in training and evaluation the one in evaluation.
    Comments of lists are kept, and the splits of an annotation file that were not examined; annotations in no split are
    left out. The label map beside the files is copied. Yields each file, the clips kept, and the clips left out.

    Raises:
        FileExistsError: If a file is there already, such as the original.
        ValueError: If two files have one name or different label maps, or an annotation in a split that was not
            examined cannot be written.
    """
    by_file: dict[Path, list[Split]] = defaultdict(list)
    for split, clips in diagnosis.samples.items():
        if clips:
            by_file[split.ann_file].append(split)
    if len({path.name for path in by_file}) < len(by_file):
        raise ValueError(f"several files have one name: {', '.join(map(str, by_file))}; fix them one by one")
    for path in by_file:
        if (out / path.name).exists():
            raise FileExistsError(f"{out / path.name} is there already; choose another folder for --fix")
    _write_label_map(out, by_file)
    for path, splits in by_file.items():
        examined = {split: diagnosis.samples[split] for split in splits}
        kept = {split: list(_kept(diagnosis, split)) for split in splits}
        if splits[0].kind == "pose":
            _write_pose(diagnosis.files[path], out / path.name, examined, kept, diagnosis.corrections)
        else:
            _write_list(path, out / path.name, kept, diagnosis.corrections)
        total, count = (sum(map(len, samples.values())) for samples in (examined, kept))
        yield out / path.name, count, total - count


def _write_label_map(out: Path, paths: Iterable[Path]) -> None:
    """Write the class names that lie beside the files, so that training with the clean files finds them."""
    maps = {names: path for path in paths if (names := names_beside(path))}
    if len(maps) > 1:
        told = " and ".join(str(path.with_name(LABEL_MAP)) for path in maps.values())
        raise ValueError(f"{told} name different classes; fix their data sets one by one")
    for names in maps:
        write_lines(out / LABEL_MAP, names)


def _kept(diagnosis: Diagnosis, split: Split) -> Iterator[Sample]:
    dropped = {
        finding.position
        for finding in diagnosis.findings
        if finding.listed_in == split and KINDS[finding.code].drops and finding.position is not None
    }
    yield from (sample for sample in diagnosis.samples[split] if sample.position not in dropped)


def _write_list(path: Path, target: Path, kept: dict[Split, list[Sample]], corrections: Corrections) -> None:
    by_line = {sample.line: sample for samples in kept.values() for sample in samples}
    lines = enumerate(read_text(path).rstrip("\n").split("\n"), 1)
    written = []
    for number, line in lines:
        sample = by_line.get(number)
        right = corrections.get((sample.split, sample.position)) if sample else None
        if sample or line.lstrip()[:1] in ("#", ""):
            written.append(line if right is None else re.sub(r"[0-9]+\s*$", str(right), line))  # the label stands last
    write_lines(target, written)


def _write_pose(
    file: AnnotationFile,
    target: Path,
    examined: dict[Split, list[Sample]],
    kept: dict[Split, list[Sample]],
    corrections: Corrections,
) -> None:
    splits = {split.pose_split: [sample.name for sample in samples] for split, samples in kept.items()}
    others = [clips for split, clips in (file.splits or {}).items() if not splits.keys() & {None, split}]
    named_elsewhere = set().union(*others)
    looked_at, wanted = (
        {id(sample.info) for samples in group.values() for sample in samples} for group in (examined, kept)
    )
    right = {id(s.info): corrections.get((s.split, s.position)) for samples in kept.values() for s in samples}
    annotations = []
    for name, info in zip(file.names, file.annotations, strict=True):
        if id(info) not in wanted:
            problem = check_annotation(dict(info)) if name in named_elsewhere else None
            if name not in named_elsewhere or (problem and id(info) in looked_at):
                continue
            if problem:
                raise ValueError(f"{file.path}, {name}: {problem}; examine the file itself, with all of its splits")
        label = right.get(id(info))
        annotations.append(info if label is None else {**info, "label": label})
    names = {sample_name(info) for info in annotations}
    left = {
        split: splits.get(split, [clip for clip in clips if clip in names])
        for split, clips in (file.splits or {}).items()
    }
    AnnotationFile(annotations, left or None).write(target)
