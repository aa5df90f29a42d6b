"""What only shows when all clips are seen together: leaks, duplicates, classes, versions, flips."""

from __future__ import annotations

import os.path
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from mmaction.preparation.doctor.findings import Finding
from mmaction.preparation.doctor.read_samples import Sample
from mmaction.preparation.doctor.splits import Split
from mmaction.preparation.manifest import coverage, wrong_lengths
from mmaction.preparation.official_lists import GymId
from mmaction.preparation.recognize_list import ListVersion, identify

Samples = Mapping[Split, Sequence[Sample]]
_SIDES = (("left", "right"), ("counterclockwise", "clockwise"), ("anticlockwise", "clockwise"), ("ccw", "cw"))


def check_splits(samples: Samples) -> Iterator[Finding]:
    """Yield what is wrong with the splits as a whole.

    Args:
        samples: The clips by split; looked at before, so that their content is known.
    """
    versions = {split: _version(clips) for split, clips in samples.items()}
    for split, clips in samples.items():
        yield from _repetitions(split, clips)
        yield from _joint_counts(clips)
        yield from _about_list(split, clips, versions[split])
        yield from _flips(split)
    for training in samples:
        yield from _class_counts(training, samples)
        for evaluation in samples:
            if training.is_evaluated_with(evaluation):
                pair = (training, evaluation)
                yield from _leaks(*pair, samples, versions)
                yield from _shared_videos(*pair, samples, versions)
                yield from _mixed_versions(*pair, versions)
                yield from _untrained(*pair, samples)


def _version(clips: Sequence[Sample]) -> ListVersion | None:
    return identify({sample.key: sample.labels[0] for sample in clips if sample.labels})


def _grouped(clips: Sequence[Sample], key: Callable[[Sample], object]) -> dict[object, list[Sample]]:
    groups = defaultdict(list)
    for sample in clips:
        if value := key(sample):
            groups[value].append(sample)
    return groups


def _repetitions(split: Split, clips: Sequence[Sample]) -> Iterator[Finding]:
    """Clips of one name, and clips of one content under several names."""
    for same in _grouped(clips, lambda sample: (sample.name, *sample.span)).values():
        labels = {sample.labels for sample in same}
        if len(labels) > 1:
            told = " and ".join(str(list(label)) for label in sorted(labels))
            yield from (sample.finding("label-conflict", f"is listed with the labels {told}") for sample in same)
        else:
            for sample in same[1:]:
                if split.kind == "pose":
                    yield sample.finding("same-name", f"{split.ann_file} has {len(same)} annotations of this name")
                else:
                    yield sample.finding("listed-twice", f"is listed again in line {sample.line}")
    for same in _grouped(clips, lambda sample: sample.digest).values():
        for sample in same[1:]:
            if sample.name == same[0].name:
                continue
            if sample.labels != same[0].labels:
                message = (
                    f"has the content of {same[0].name}, but label {list(sample.labels)}, not {list(same[0].labels)}"
                )
                yield sample.finding("label-conflict", message)
            else:
                yield sample.finding("same-content", f"has the content of {same[0].name}")


def _joint_counts(clips: Sequence[Sample]) -> Iterator[Finding]:
    """Skeletons with another number of joints or coordinates than most."""
    shapes = {sample: sample.joints for sample in clips if sample.joints}
    if not shapes:
        return
    usual, _ = Counter(shapes.values()).most_common(1)[0]
    for sample, shape in shapes.items():
        if shape != usual:
            yield sample.finding("joint-count", f"joints and coordinates are {shape}, those of the others {usual}")


def _about_list(split: Split, clips: Sequence[Sample], version: ListVersion | None) -> Iterator[Finding]:
    """What the content of a list and the manifest beside it tell."""
    if version:
        yield Finding("list-version", split.name, "", f"{split.ann_file} is {version}")
    if split.kind == "pose":
        return
    try:
        found, lengths = coverage(split.ann_file), wrong_lengths(split.ann_file)
    except ValueError as error:
        yield Finding("unreadable-list", split.name, "", str(error))
        return
    if found and not found.complete:
        yield Finding("incomplete", split.name, "", f"{split.ann_file}: {found}; results hold for these alone")
    for sample in clips if lengths else ():
        if sample.key in lengths:
            listed, there = lengths[sample.key]
            yield sample.finding("listed-length", f"{listed} frames are listed, the video had {there} when prepared")


def _swap_sides(name: str) -> str:
    """Exchange left and right, clockwise and counter-clockwise; the name itself where it has none of these."""
    name = re.sub(r"(counter|anti)[- ]?clockwise", r"\1clockwise", name.lower())
    for one, other in _SIDES:
        words = re.findall(r"[a-z]+|[^a-z]+", name)
        if one in words or other in words:
            return "".join({one: other, other: one}.get(word, word) for word in words)
    return name


def _flips(split: Split) -> Iterator[Finding]:
    if not split.flips:
        return
    lower = [re.sub(r"(counter|anti)[- ]?clockwise", r"\1clockwise", name.lower()) for name in split.classes]
    sided = [name for name, same in zip(split.classes, lower, strict=True) if _swap_sides(name) != same]
    pairs = [(a, b) for a, swapped in zip(split.classes, map(_swap_sides, lower), strict=True) if swapped in lower
             for b in [split.classes[lower.index(swapped)]] if a < b]  # fmt: skip
    if sided:
        told = f"{pairs[0][0]!r} becomes {pairs[0][1]!r}" if pairs else f"{sided[0]!r} names a side"
        yield Finding(
            "flip-changes-label",
            split.name,
            "",
            f"the pipeline mirrors clips, and {told} ({len(sided)} classes in all); set flip_ratio=0 or flip_label_map",
        )


def _class_counts(training: Split, samples: Samples) -> Iterator[Finding]:
    if not (training.trains and training.num_classes and samples[training]):
        return
    if training.model_classes and training.model_classes != training.num_classes:
        yield Finding(
            "class-count",
            training.name,
            "",
            f"the model has {training.model_classes} classes, the data set {training.num_classes}",
        )
    counts = Counter(label for sample in samples[training] for label in sample.labels)
    if empty := [label for label in range(training.num_classes) if not counts[label]]:
        yield Finding("empty-class", training.name, "", f"no training clip of class {_listed(empty, training)}")


def _listed(labels: Sequence[int], split: Split, shown: int = 5) -> str:
    names = [f"{n} ({split.classes[n]})" if n < len(split.classes) else str(n) for n in labels[:shown]]
    return ", ".join(names) + (f" and {len(labels) - shown} more" if len(labels) > shown else "")


def _untrained(training: Split, evaluation: Split, samples: Samples) -> Iterator[Finding]:
    trained = {label for sample in samples[training] for label in sample.labels}
    evaluated = {label for sample in samples[evaluation] for label in sample.labels}
    if lost := sorted(evaluated - trained):
        split = f"{training.name}/{evaluation.name}"
        yield Finding("untrained-class", split, "", f"evaluated but never trained: {_listed(lost, evaluation)}")


def _identity(sample: Sample, version: ListVersion | None) -> tuple:
    """Return what two listings of one clip have in common: its base name alone only where that names it everywhere."""
    if _parts(sample, version):
        name = sample.key
    else:
        name = sample.name if sample.split.kind == "pose" else os.path.realpath(sample.path or sample.name)
    return (name, *sample.span)


def _leaks(
    training: Split, evaluation: Split, samples: Samples, versions: Mapping[Split, ListVersion | None]
) -> Iterator[Finding]:
    """Training clips that evaluation has too, by name or by content."""
    names = {_identity(sample, versions[evaluation]) for sample in samples[evaluation]}
    contents = {sample.digest: sample.name for sample in samples[evaluation] if sample.digest}
    for sample in samples[training]:
        if _identity(sample, versions[training]) in names:
            yield sample.finding("in-train-and-val", f"is in {evaluation.name} too")
        elif sample.digest and sample.digest in contents:
            yield sample.finding(
                "in-train-and-val", f"has the content of {contents[sample.digest]} in {evaluation.name}"
            )


def _parts(sample: Sample, version: ListVersion | None) -> tuple[str, str] | None:
    """Return event and source video of a clip whose name tells them."""
    if version and version.dataset == "diving48":
        return "", sample.key.rpartition("_")[0]
    try:
        gym_id = GymId.parse(sample.key)
    except ValueError:
        return None
    return gym_id.event_id, gym_id.video


def _shared_videos(
    training: Split, evaluation: Split, samples: Samples, versions: Mapping[Split, ListVersion | None]
) -> Iterator[Finding]:
    events, videos = [], []
    for split in (training, evaluation):
        parts = [found for sample in samples[split] if (found := _parts(sample, versions[split]))]
        events.append({event for event, _ in parts if event})
        videos.append({video for _, video in parts})
    shared_events, shared_videos = events[0] & events[1], videos[0] & videos[1]
    if not shared_videos:
        return
    pair = f"{training.name}/{evaluation.name}"
    counts = f"{len(shared_videos)} videos" + (f" and {len(shared_events)} events" if shared_events else "")
    if all(version and version.dataset.startswith("gym") for version in (versions[training], versions[evaluation])):
        message = (
            f"{counts} appear in both. The official FineGym split is made so by design: it divides elements, not "
            "videos. Keep it to compare with published figures, but expect lower accuracy on new competitions"
        )
        yield Finding("same-source-by-design", pair, "", message)
    else:
        yield Finding("same-source", pair, "", f"{counts} appear in both, such as {sorted(shared_videos)[0]}")


def _mixed_versions(
    training: Split, evaluation: Split, versions: Mapping[Split, ListVersion | None]
) -> Iterator[Finding]:
    one, other = versions[training], versions[evaluation]
    if one and other and one.dataset == other.dataset == "diving48" and one.version != other.version:
        split = f"{training.name}/{evaluation.name}"
        yield Finding("mixed-versions", split, "", f"{training.name} is {one}, {evaluation.name} is {other}")
