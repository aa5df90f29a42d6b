"""The official annotations of FineGym: element lists of Gym99 and Gym288, and exact times."""

from dataclasses import dataclass, field
from pathlib import Path

from mmaction.io.downloads import download
from mmaction.label_spaces import load_label_space
from mmaction.preparation.official_lists import GymId, Span, read_gym_list, read_gym_times
from mmaction.preparation.recognize_list import OfficialList
from mmaction.structures.sample_name import outside_classes

SITE = "https://sdolivia.github.io/FineGym/resources/dataset"
SETS = ("gym99", "gym288")
ROUNDED_S = 1.0  # times from ids are cut to whole seconds; a clip may reach this far over the end of its video


def official_files(version: str) -> tuple[str, ...]:
    """Return the names of the official annotation files of ``v1.0`` or ``v1.1``."""
    lists = [f"{name}_{part}.txt" for name in SETS for part in (f"train_element_{version}", "val_element")]
    return (f"finegym_annotation_info_{version}.json", *lists)


def fetch(folder: Path, version: str) -> None:
    """Download the official lists and times into ``folder``."""
    for name in official_files(version):
        download(f"{SITE}/{name}", folder / name)


@dataclass
class GymAnnotations:
    """The official annotations of a folder."""

    lists: list[OfficialList]  # train and val lists of Gym99, of Gym288, or of both
    # exact times of events in their video, where an annotation file gives them
    events: dict[str, Span] = field(default_factory=dict)
    elements: dict[str, Span] = field(default_factory=dict)  # exact times of elements in their event, likewise

    def event_span(self, event_id: str) -> tuple[Span, float]:
        """Return when an event happens in its video, and by how much that may be rounded, in seconds."""
        return _span(self.events.get(event_id), GymId.parse(event_id).event)

    def element_span(self, element_id: str) -> tuple[Span, float]:
        """Return when an element happens in its event, and by how much that may be rounded, in seconds."""
        return _span(self.elements.get(element_id), GymId.parse(element_id).element)


def _span(exact: Span | None, digits: str) -> tuple[Span, float]:
    """Return exact times. An id holds whole seconds, cut off: its span ends one second later."""
    if exact:
        return exact, 0.25
    start, _, end = digits.partition("_")
    if int(end) < int(start):
        raise ValueError(f"an interval from {start} to {end} seconds ends before it starts")
    return Span(int(start), int(end) + 1), ROUNDED_S


def read_annotations(folder: Path, version: str = "v1.1") -> GymAnnotations:
    """Read ``gym99_train*.txt``, ``gym99_val*.txt``, likewise ``gym288``, and exact times in ``*annotation*.json``.

    ``version`` chooses the train list where several are there. ValueError where a list is of another set than its name
    says.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of annotations at {folder}; --download fetches the official ones")
    found = [_pick(folder, name, split, version) for name in SETS for split in ("train", "val")]
    annotations = GymAnnotations([official for official in found if official])
    if not annotations.lists:
        raise FileNotFoundError(f"{folder} holds no gym99_train*.txt or gym288_train*.txt; --download fetches them")
    for path in sorted(folder.glob("*annotation*.json")):
        events, elements = read_gym_times(path)
        annotations.events.update(events)
        annotations.elements.update(elements)
    return annotations


def _pick(folder: Path, name: str, split: str, version: str) -> OfficialList | None:
    """Read the list of one set and split; ``version`` picks one of several."""
    candidates = []
    for path in sorted(folder.glob(f"{name}_{split}*.txt")):
        clips = read_gym_list(path)
        classes = len(load_label_space(name))
        if outside := next((clip for clip in clips if clip.label >= classes), None):
            raise ValueError(f"{path}: {outside.id}: {outside_classes(outside.label, classes)} of {name}")
        candidates.append(OfficialList.of(name, split, path, clips))
    fitting = [c for c in candidates if c.version and version in c.version.version] or candidates
    if len(fitting) > 1 and len({frozenset(c.clips) for c in fitting}) > 1:
        names = ", ".join(candidate.path.name for candidate in fitting)
        raise ValueError(f"{folder} holds several {name} {split} lists: {names}; keep one, or choose with --version")
    return fitting[0] if fitting else None
