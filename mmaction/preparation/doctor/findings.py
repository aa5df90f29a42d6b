"""What can be wrong with a data set, and how bad it is."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from mmaction.preparation.doctor.splits import Split

SEVERITIES = ("error", "warning", "note")


class Kind(NamedTuple):
    """A kind of finding."""

    severity: str  # error (training fails or learns something wrong), warning (probably not wanted), note
    title: str
    drops: bool = False  # whether --fix leaves the clip out


KINDS = {
    "unreadable-list": Kind("error", "the list or annotation file cannot be read"),
    "bad-line": Kind("error", "a line of the list has another form", drops=True),
    "missing-file": Kind("error", "the file is not there", drops=True),
    "unreadable-file": Kind("error", "the file does not decode to its end", drops=True),
    "bad-label": Kind("error", "the label is outside the classes", drops=True),
    "mislabeled": Kind("error", "a person marked the label as wrong", drops=True),
    "relabeled": Kind("error", "a person marked the label as wrong and knows the right one"),
    "label-conflict": Kind("error", "one clip has two labels", drops=True),
    "in-train-and-val": Kind("error", "a clip is in training and evaluation", drops=True),
    "no-annotation": Kind("error", "a split names a clip without annotation", drops=True),
    "frame-count": Kind("error", "the number of frames disagrees", drops=True),
    "bad-shape": Kind("error", "an array has the wrong shape", drops=True),
    "joint-count": Kind("error", "the clip has another number of joints than the others", drops=True),
    "not-finite": Kind("error", "coordinates or scores are not finite", drops=True),
    "relative-coordinates": Kind("error", "coordinates are shares of the image, not pixels", drops=True),
    "swapped-size": Kind("error", "height and width of the image seem to be swapped", drops=True),
    "odd-scores": Kind("error", "scores are not between 0 and 1", drops=True),
    "nobody": Kind("error", "no joint is seen in any frame", drops=True),
    "same-name": Kind("error", "two annotations have one name", drops=True),
    "mixed-versions": Kind("error", "training and evaluation lists are of different versions"),
    "class-count": Kind("error", "the model has another number of classes than the data set"),
    "listed-twice": Kind("warning", "a clip stands in the list twice", drops=True),
    "same-content": Kind("warning", "two clips have the same content", drops=True),
    "same-source": Kind("warning", "clips of one source video are in training and evaluation"),
    "empty-class": Kind("warning", "a class has no training clip"),
    "untrained-class": Kind("warning", "a class is evaluated and has no training clip"),
    "flip-changes-label": Kind("warning", "clips are mirrored and class names tell sides apart"),
    "blank-video": Kind("warning", "the video shows nothing but one color"),
    "size-changes": Kind("warning", "the size of the frames changes inside the file"),
    "short-clip": Kind("warning", "the clip has very few frames"),
    "missing-joints": Kind("warning", "many joints are missing"),
    "empty-frames": Kind("warning", "many frames are without a person"),
    "odd-motion": Kind("warning", "a skeleton jumps, or has bones of odd length or exchanged sides, in many frames"),
    "outside-image": Kind("warning", "joints lie outside the image"),
    "other-size": Kind("warning", "the image has another size than the video"),
    "frozen": Kind("warning", "the skeleton never moves"),
    "listed-length": Kind("warning", "the clip is not as long as the official list says"),
    "incomplete": Kind("warning", "the prepared list lacks clips of the official one"),
    "same-source-by-design": Kind("note", "clips of one source video are in training and evaluation, by design"),
    "unused-annotation": Kind("note", "annotations are in no split"),
    "list-version": Kind("note", "the list was recognized"),
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    code: str  # a key of KINDS
    split: str  # name of the split, several joined by /
    clip: str  # name of the clip, empty where the finding is about the set
    message: str  # what was expected and what was found
    position: int | None = None  # number of the clip in its split, from 0; of the clip to leave out
    listed_in: Split | None = None  # the split that lists the clip; several files may have a split of one name

    @property
    def severity(self) -> str:
        """``error``, ``warning`` or ``note``."""
        return KINDS[self.code].severity

    @property
    def title(self) -> str:
        """The kind in a few words."""
        return KINDS[self.code].title


def count_severities(findings: list[Finding]) -> dict[str, int]:
    """Return the number of findings per severity, all three in order."""
    counts = Counter(finding.severity for finding in findings)
    return {severity: counts[severity] for severity in SEVERITIES}
