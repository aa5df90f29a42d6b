"""Writes cleaned copies of lists and annotation files, never over the originals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from mmaction.datasets.doctor.examine import Diagnosis
from mmaction.datasets.doctor.findings import KINDS
from mmaction.datasets.doctor.samples import Sample
from mmaction.datasets.doctor.sources import Source
from mmaction.datasets.preparation.manifest import write_text
from mmaction.datasets.preparation.skeleton.files import AnnotationFile
from mmaction.utils.files import read_text


def write_fixed(diagnosis: Diagnosis, out: Path) -> Iterator[tuple[Path, int, int]]:
    """Write each list and annotation file without the clips that a finding says to leave out.

    Of clips that stand in a list twice the first is kept; of those in training and evaluation the one in evaluation.
    Comments of lists are kept.

    Args:
        diagnosis: What was found.
        out: Folder to write into; its files are not replaced.

    Yields:
        The file written, the number of clips kept, and the number left out.

    Raises:
        FileExistsError: If a file is there already, such as the original.
        ValueError: If two files have one name.
    """
    by_file: dict[Path, list[Source]] = defaultdict(list)
    for source, clips in diagnosis.samples.items():
        if clips:
            by_file[source.ann_file].append(source)
    if len({path.name for path in by_file}) < len(by_file):
        raise ValueError(f"several files have one name: {', '.join(map(str, by_file))}; fix them one by one")
    for path in by_file:
        if (out / path.name).exists():
            raise FileExistsError(f"{out / path.name} is there already; choose another folder for --fix")
    for path, sources in by_file.items():
        kept = {source: list(_kept(diagnosis, source)) for source in sources}
        total = sum(len(diagnosis.samples[source]) for source in sources)
        write = _write_pose if sources[0].kind == "pose" else _write_list
        write(path, out / path.name, kept)
        count = sum(map(len, kept.values()))
        yield out / path.name, count, total - count


def _kept(diagnosis: Diagnosis, source: Source) -> Iterator[Sample]:
    dropped = {
        finding.position
        for finding in diagnosis.findings
        if finding.split == source.split and KINDS[finding.code].drops and finding.position is not None
    }
    yield from (sample for sample in diagnosis.samples[source] if sample.position not in dropped)


def _write_list(path: Path, target: Path, kept: dict[Source, list[Sample]]) -> None:
    numbers = {sample.line for samples in kept.values() for sample in samples}
    lines = read_text(path).split("\n")
    chosen = [
        line
        for number, line in enumerate(lines, 1)
        if number in numbers or line.lstrip().startswith("#") or not line.strip()
    ]
    write_text(target, "\n".join(chosen).rstrip("\n") + "\n")


def _write_pose(path: Path, target: Path, kept: dict[Source, list[Sample]]) -> None:
    annotations = {id(sample.info): sample.info for samples in kept.values() for sample in samples}
    splits = {source.pose_split: [sample.name for sample in samples] for source, samples in kept.items()}
    AnnotationFile(list(annotations.values()), None if None in splits else splits).write(target)
