"""Takes the marks of a person, made in ``mmaction view``, into what was found in a data set."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from mmaction.io.marks import Mark, read_marks
from mmaction.io.names import match_names
from mmaction.preparation.doctor.examine import Diagnosis
from mmaction.preparation.doctor.findings import SEVERITIES
from mmaction.preparation.doctor.read_samples import Sample


def add_marks(diagnosis: Diagnosis, path: str | Path) -> None:
    """Add a finding for each clip that the file ``path`` marks; ``write_fixed`` leaves it out or corrects its label.

    A clip whose right class is known keeps its place with that label. ValueError if a marked clip is in no list, or the
    lists do not state the label that was marked.
    """
    marks = read_marks(path)
    by_name: dict[str, list[Sample]] = defaultdict(list)
    for sample in diagnosis.all_samples():
        by_name[sample.name].append(sample)
    names = list(by_name)
    wanted = [mark.clip.partition(" #")[0] for mark in marks]
    advice = f"give the lists of the test that {path} was made from"
    for mark, position in zip(marks, match_names(names, wanted, "the data set", advice) if marks else (), strict=True):
        for sample in _meant(mark, by_name[names[position]], path):
            told = f"{path} marks its label {' '.join(map(str, mark.label))}{_named(mark.name)} as wrong"
            if mark.right is None:
                finding = sample.finding("mislabeled", told)
            else:
                finding = sample.finding("relabeled", f"{told}; it is {mark.right}{_named(mark.right_name)}")
                diagnosis.corrections[sample.split, sample.position] = mark.right
            diagnosis.findings.append(finding)
    diagnosis.findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))


def _meant(mark: Mark, samples: Sequence[Sample], path: str | Path) -> list[Sample]:
    """Return the samples that a mark is about; none where all have the right label already."""
    if samples[0].split.with_offset:  # several clips of one folder, numbered as in the result
        number = int(mark.clip.partition(" #")[2] or 1)
        samples = samples[number - 1 : number]
    if mark.right is not None and all(sample.labels == (mark.right,) for sample in samples):
        return []
    if mark.right is not None and len(mark.label) != 1:
        raise ValueError(f"{path} gives {mark.clip}, which has several labels, one; leave right_label empty")
    meant = [sample for sample in samples if sample.labels == mark.label]
    if not meant:
        said = ", ".join(f"{' '.join(map(str, s.labels))} in {s.split.name}" for s in samples) or "nothing"
        label = " ".join(map(str, mark.label))
        raise ValueError(f"{path} marks the label {label} of {mark.clip}, but the lists say {said}; view the test anew")
    return meant


def _named(name: str) -> str:
    return f" ({name})" if name else ""
