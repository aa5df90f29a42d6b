"""Runs all checks over a data set."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from mmaction.io.video.folders import VideoFolder
from mmaction.preparation.doctor.clip_checks import check_sample
from mmaction.preparation.doctor.findings import SEVERITIES, Finding, count_severities
from mmaction.preparation.doctor.read_samples import Sample, SampleReader
from mmaction.preparation.doctor.split_checks import check_splits
from mmaction.preparation.doctor.splits import Split
from mmaction.preparation.skeleton.files import AnnotationFile
from mmaction.utils.workers import in_parallel


@dataclass
class Diagnosis:
    """All that was found."""

    samples: dict[Split, list[Sample]]
    findings: list[Finding]  # what is wrong, worst first
    files: Mapping[Path, AnnotationFile]  # the annotation files as read, by path
    # the right label of clips that a person marked, by split and position
    corrections: dict[tuple[Split, int], int] = field(default_factory=dict)

    def exit_code(self, strict: bool) -> int:
        """Return 2 with errors, 1 with warnings if ``strict``, else 0."""
        counts = count_severities(self.findings)
        return 2 if counts["error"] else int(strict and counts["warning"] > 0)

    def all_samples(self) -> Iterator[Sample]:
        """Yield the clips of all splits."""
        for clips in self.samples.values():
            yield from clips


def examine(
    splits: Iterable[Split], *, quick: bool = False, workers: int | None = None, progress: bool = True
) -> Diagnosis:
    """Read all splits, look at every clip, then at the splits together.

    ``quick`` reads videos without decoding every frame; ``workers`` are threads for videos, by default one per core.
    """
    reader = SampleReader()
    samples: dict[Split, list[Sample]] = {}
    findings: list[Finding] = []
    for split in splits:
        samples[split], found = reader.read(split)
        findings += found
    _add_video_paths(samples)
    every = [sample for clips in samples.values() for sample in clips]
    looked = _look(every, quick, workers or os.cpu_count() or 1, progress)
    findings += [finding for sample in every for finding in looked[sample]]
    findings += [*check_splits(samples), *reader.unused()]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return Diagnosis(samples, findings, reader.files)


def _add_video_paths(samples: dict[Split, list[Sample]]) -> None:
    """Find the videos that skeletons are compared with."""
    folders: dict[Path, VideoFolder] = {}
    for split, clips in samples.items():
        if split.kind == "pose" and split.root:
            if split.root not in folders:
                folders[split.root] = VideoFolder(split.root)
            for sample in clips:
                sample.path = folders[split.root].find(sample.name)


def _look(every: list[Sample], quick: bool, workers: int, progress: bool) -> dict[Sample, list[Finding]]:
    """Return the findings of each clip; videos in threads, skeletons, which are arrays in memory, one by one."""
    from tqdm import tqdm

    in_memory = ((sample, check_sample(sample)) for sample in every if sample.split.in_memory)
    on_disk = [sample for sample in every if not sample.split.in_memory]
    looked = chain(in_memory, in_parallel(lambda sample: check_sample(sample, quick), on_disk, workers=workers))
    return dict(tqdm(looked, total=len(every), desc="examining", unit=" clips", disable=not progress))
