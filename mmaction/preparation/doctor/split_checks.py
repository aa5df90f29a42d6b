"""What only shows when all clips are seen together: leaks, duplicates, classes, versions, flips."""

import os.path
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mmaction.evaluation.metrics import describe_classes
from mmaction.preparation.doctor.findings import Finding
from mmaction.preparation.doctor.read_samples import Sample
from mmaction.preparation.doctor.splits import Split
from mmaction.preparation.manifest import coverage, wrong_lengths
from mmaction.preparation.official_lists import GymId
from mmaction.preparation.recognize_list import ListVersion, identify

_SIDES = (("left", "right"), ("counterclockwise", "clockwise"), ("anticlockwise", "clockwise"), ("ccw", "cw"))


class _Side(NamedTuple):
    """A split with its clips and what its list was recognized as."""

    split: Split
    clips: Sequence[Sample]
    version: ListVersion | None

    @property
    def labels(self) -> set[int]:
        return {label for sample in self.clips for label in sample.labels}

    def finding(self, code: str, message: str, other: "_Side | None" = None) -> Finding:
        return Finding(code, "/".join(side.split.name for side in (self, other) if side), "", message)


def check_splits(samples: Mapping[Split, Sequence[Sample]]) -> Iterator[Finding]:
    """Yield what is wrong with the splits as a whole; their clips were looked at before, so that content is known."""
    sides = [
        _Side(split, clips, identify({sample.key: sample.labels[0] for sample in clips if sample.labels}))
        for split, clips in samples.items()
    ]
    for side in sides:
        for check in (_same_names, _same_contents, _joint_counts, _about_list, _flips):
            yield from check(side)
    for training in sides:
        yield from _class_counts(training)
        for evaluation in sides:
            if training.split.is_evaluated_with(evaluation.split):
                for compare in (_leaks, _shared_videos, _mixed_versions, _untrained):
                    yield from compare(training, evaluation)


def _grouped(clips: Sequence[Sample], key: Callable[[Sample], object]) -> Iterable[list[Sample]]:
    groups = defaultdict(list)
    for sample in clips:
        if value := key(sample):
            groups[value].append(sample)
    return groups.values()


def _same_names(side: _Side) -> Iterator[Finding]:
    for same in _grouped(side.clips, lambda sample: (sample.name, *sample.span)):
        labels = {sample.labels for sample in same}
        if len(labels) > 1:
            told = " and ".join(str(list(label)) for label in sorted(labels))
            yield from (sample.finding("label-conflict", f"is listed with the labels {told}") for sample in same)
            continue
        for sample in same[1:]:
            if side.split.kind == "pose":
                message = f"{side.split.ann_file} has {len(same)} annotations of this name"
                yield sample.finding("same-name", message)
            else:
                yield sample.finding("listed-twice", f"is listed again in line {sample.line}")


def _same_contents(side: _Side) -> Iterator[Finding]:
    for first, *same in _grouped(side.clips, lambda sample: sample.digest):
        for sample in (sample for sample in same if sample.name != first.name):
            message = f"has the content of {first.name}"
            if sample.labels == first.labels:
                yield sample.finding("same-content", message)
            else:
                labels = f"label {list(sample.labels)}, not {list(first.labels)}"
                yield sample.finding("label-conflict", f"{message}, but {labels}")


def _joint_counts(side: _Side) -> Iterator[Finding]:
    """Skeletons with another number of joints or coordinates than most."""
    shapes = {sample: sample.joints for sample in side.clips if sample.joints}
    usual = Counter(shapes.values()).most_common(1)
    for sample, shape in shapes.items():
        if shape != usual[0][0]:
            message = f"joints and coordinates are {shape}, the others have {usual[0][0]}"
            yield sample.finding("joint-count", message)


def _about_list(side: _Side) -> Iterator[Finding]:
    """What the content of a list and the manifest beside it tell."""
    path = side.split.ann_file
    if side.version:
        yield side.finding("list-version", f"{path} is {side.version}")
    if side.split.kind == "pose":
        return
    try:
        found, lengths = coverage(path), wrong_lengths(path)
    except ValueError as error:
        yield side.finding("unreadable-list", str(error))
        return
    if found and not found.complete:
        yield side.finding("incomplete", f"{path}: {found}; results hold for these alone")
    for sample in side.clips if lengths else ():
        if sample.key in lengths:
            listed, there = lengths[sample.key]
            yield sample.finding("listed-length", f"{listed} frames are listed, the video had {there} when prepared")


def _one_spelling(name: str) -> str:
    return re.sub(r"(counter|anti)[- ]?clockwise", r"\1clockwise", name.lower())


def _swap_sides(name: str) -> str:
    """Exchange left and right, clockwise and counter-clockwise; the name itself where it has none of these."""
    name = _one_spelling(name)
    for one, other in _SIDES:
        words = re.findall(r"[a-z]+|[^a-z]+", name)
        if one in words or other in words:
            return "".join({one: other, other: one}.get(word, word) for word in words)
    return name


def _flips(side: _Side) -> Iterator[Finding]:
    """Classes whose names tell sides apart, where clips are mirrored."""
    classes = side.split.classes if side.split.flips else ()
    names = {_one_spelling(name): name for name in classes}
    if sided := [name for name in classes if _swap_sides(name) != _one_spelling(name)]:
        name = next((name for name in sided if _swap_sides(name) in names), sided[0])
        mirrored = names.get(_swap_sides(name))
        told = f"{name!r} becomes {mirrored!r}" if mirrored else f"{name!r} names a side"
        message = f"the pipeline mirrors clips, and {told} ({len(sided)} classes in all)"
        yield side.finding("flip-changes-label", f"{message}; set flip_ratio=0 or flip_label_map")


def _class_counts(training: _Side) -> Iterator[Finding]:
    split = training.split
    if not (split.trains and split.num_classes and training.clips):
        return
    if split.model_classes and split.model_classes != split.num_classes:
        message = f"the model has {split.model_classes} classes, the data set {split.num_classes}"
        yield training.finding("class-count", message)
    if empty := sorted(set(range(split.num_classes)) - training.labels):
        yield training.finding("empty-class", f"no training clip of class {describe_classes(empty, split.classes, 5)}")


def _untrained(training: _Side, evaluation: _Side) -> Iterator[Finding]:
    if lost := sorted(evaluation.labels - training.labels):
        message = f"evaluated but never trained: {describe_classes(lost, evaluation.split.classes, 5)}"
        yield training.finding("untrained-class", message, evaluation)


def _identity(sample: Sample, version: ListVersion | None) -> tuple:
    """Return what two listings of one clip have in common: its base name alone only where that names it everywhere."""
    if _parts(sample, version):
        name = sample.key
    else:
        name = sample.name if sample.split.kind == "pose" else os.path.realpath(sample.path or sample.name)
    return (name, *sample.span)


def _leaks(training: _Side, evaluation: _Side) -> Iterator[Finding]:
    """Training clips that evaluation has too, by name or by content."""
    names = {_identity(sample, evaluation.version) for sample in evaluation.clips}
    contents = {sample.digest: sample.name for sample in evaluation.clips if sample.digest}
    for sample in training.clips:
        if _identity(sample, training.version) in names:
            yield sample.finding("in-train-and-val", f"is in {evaluation.split.name} too")
        elif sample.digest in contents:
            message = f"has the content of {contents[sample.digest]} in {evaluation.split.name}"
            yield sample.finding("in-train-and-val", message)


def _parts(sample: Sample, version: ListVersion | None) -> tuple[str, str] | None:
    """Return event and source video of a clip whose name tells them."""
    if version and version.dataset == "diving48":
        return "", sample.key.rpartition("_")[0]
    try:
        gym_id = GymId.parse(sample.key)
    except ValueError:
        return None
    return gym_id.event_id, gym_id.video


def _shared_videos(training: _Side, evaluation: _Side) -> Iterator[Finding]:
    both = (training, evaluation)
    parts = [[part for sample in side.clips if (part := _parts(sample, side.version))] for side in both]
    events, videos = ({part[place] for part in parts[0]} & {part[place] for part in parts[1]} for place in (0, 1))
    events.discard("")  # clips of Diving48 have none
    if not videos:
        return
    counts = f"{len(videos)} videos" + (f" and {len(events)} events" if events else "")
    if all(side.version and side.version.dataset.startswith("gym") for side in both):
        message = (
            f"{counts} appear in both. The official FineGym split is made so by design: it divides elements, not "
            "videos. Keep it to compare with published figures, but expect lower accuracy on new competitions"
        )
        yield training.finding("same-source-by-design", message, evaluation)
    else:
        yield training.finding("same-source", f"{counts} appear in both, such as {min(videos)}", evaluation)


def _mixed_versions(training: _Side, evaluation: _Side) -> Iterator[Finding]:
    one, other = training.version, evaluation.version
    if one and other and one.dataset == other.dataset == "diving48" and one.version != other.version:
        message = f"{training.split.name} is {one}, {evaluation.split.name} is {other}"
        yield training.finding("mixed-versions", message, evaluation)
