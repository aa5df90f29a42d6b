"""FineGym: from the official element lists and videos to verified clips and checked training lists."""

import re
import shutil
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mmaction.io.suffixes import describe_passed_over
from mmaction.io.video import VideoError, check_video
from mmaction.io.video.folders import walk_videos
from mmaction.label_spaces import load_label_space
from mmaction.preparation.cutting import Cut, Encoding, cut_clips
from mmaction.preparation.gym_annotations import GymAnnotations, read_annotations
from mmaction.preparation.manifest import Manifest, write_prepared
from mmaction.preparation.official_lists import GymId, Span
from mmaction.preparation.recognize_list import OfficialList, version_notes, version_of
from mmaction.utils.files import write_lines
from mmaction.utils.journal import Journal
from mmaction.utils.text import first_few
from mmaction.utils.workers import in_parallel


@dataclass
class GymVideos:
    """The user's videos by what they show."""

    videos: dict[str, Path] = field(default_factory=dict)  # full videos by YouTube id
    events: dict[str, Path] = field(default_factory=dict)  # event clips by event id
    elements: dict[str, Path] = field(default_factory=dict)  # element clips by element id
    passed_over: list[str] = field(default_factory=list)  # sentences about the files that are none of these

    def place_of(self, path: Path) -> tuple[dict[str, Path], str] | None:
        """Return the table and the id that the name of a video stands for, None for a name without an id."""
        for name in (path.stem, f"{path.parent.name}_{path.stem}"):
            try:
                gym_id = GymId.parse(name)
            except ValueError:
                continue
            return (self.elements if gym_id.element else self.events), str(gym_id)
        found = re.fullmatch(r"[\w-]{11}|.*\[([\w-]{11})\]", path.stem, re.ASCII | re.DOTALL)
        return (self.videos, found[1] or found[0]) if found else None


def find_videos_by_id(folders: Iterable[Path]) -> GymVideos:
    """Sort the videos of folders by their names: ``YOUTUBEID``, ``TITLE [YOUTUBEID]``, event ids, element ids.

    Event clips may also lie as ``YOUTUBEID/E_start_end``. Of several videos of one id the first is taken.
    """
    found = GymVideos()
    others: list[Path] = []
    unused: dict[str, list[Path]] = {"whose names hold no FineGym id": [], "whose id another video has": []}
    unknown, repeated = unused.values()
    for folder in folders:
        paths, no_videos = walk_videos(folder)
        others += no_videos
        for path in paths:
            table, name = found.place_of(path) or ({}, "")
            if not name:
                unknown.append(path)
            elif table.setdefault(name, path) is not path:
                repeated.append(path)
    notes = [f"passed over {len(paths)} videos {why}: {first_few(paths, 3)}" for why, paths in unused.items() if paths]
    found.passed_over = [*filter(None, [describe_passed_over(others)]), *notes]
    return found


@dataclass(frozen=True)
class Job:
    """Clips to cut out of one file: an event with its elements, or elements out of an event clip."""

    source: Path
    cuts: tuple[Cut, ...]


@dataclass
class Preparation:
    """The state of one run: what is wanted, where it comes from, what has become of it."""

    out: Path  # folder of the data set, data/gym
    annotations: GymAnnotations
    sources: GymVideos  # the user's videos
    with_events: bool = True  # whether event clips are kept too

    def __post_init__(self) -> None:
        self.journal = Journal(self.out / "clips.jsonl")
        self.problems: dict[str, str] = {}
        wanted = {clip.id for official in self.annotations.lists for clip in official.clips}
        self.by_event: dict[str, list[str]] = defaultdict(list)
        for name in sorted(wanted):
            self.by_event[GymId.parse(name).event_id].append(name)

    def target(self, name: str) -> Path:
        """Return where a clip goes."""
        return self.out / ("subactions" if "_A_" in name else "events") / f"{name}.mp4"

    def is_done(self, cut: Cut) -> bool:
        """Whether a clip of these very times was made, checked, and is unchanged."""
        return list(self._record(cut.id).get("span", ())) == list(cut.span)

    def _record(self, name: str) -> Mapping:
        """Return what is noted of a clip that is in place, unchanged since it was checked; {} of any other."""
        record, path = self.journal.get(name) or {}, self.target(name)
        return record if path.is_file() and path.stat().st_size == record.get("bytes") else {}

    def jobs(self) -> Iterator[Job]:
        """Yield the work that is left, events of one video one after the other."""
        for event_id, names in self.by_event.items():
            names = [name for name in names if name not in self.sources.elements]
            source = self.sources.videos.get(GymId.parse(event_id).video)
            if source:  # exact, while nobody knows how an event clip was cut
                events = [self._cut(event_id, *self.annotations.event_span(event_id))] if self.with_events else []
                cuts = events + [self._cut_of_video(name) for name in names]
            elif source := self.sources.events.get(event_id):
                cuts = [self._cut_of_event(name) for name in names]
            else:
                continue
            if left := tuple(cut for cut in cuts if not self.is_done(cut)):
                yield Job(source, left)

    def _cut_of_video(self, name: str) -> Cut:
        event, event_slack = self.annotations.event_span(GymId.parse(name).event_id)
        element, slack = self.annotations.element_span(name)
        return self._cut(name, Span(event.start + element.start, event.start + element.end), slack + event_slack)

    def _cut_of_event(self, name: str) -> Cut:
        return self._cut(name, *self.annotations.element_span(name))

    def _cut(self, name: str, span: Span, slack: float) -> Cut:
        return Cut(name, Span(round(span.start, 4), round(span.end, 4)), self.target(name), slack)

    def run(self, job: Job, encoding: Encoding, stop: threading.Event) -> int:
        """Make the clips of a job; return how many it had."""
        for cut, found in cut_clips(job.source, job.cuts, self.out / ".unfinished", encoding, stop):
            if isinstance(found, int):
                self.journal.add(cut.id, frames=found, span=cut.span, bytes=cut.target.stat().st_size)
            elif not stop.is_set():
                self.problems[cut.id] = str(found)
        return len(job.cuts)

    def given_elements(self) -> list[str]:
        """Return the wanted elements that the user has as clips and that are not known to be whole."""
        given = (name for names in self.by_event.values() for name in names if name in self.sources.elements)
        return [name for name in given if not self._known_to_be_whole(name)]

    def _known_to_be_whole(self, name: str) -> bool:
        """Whether a clip is in place that was checked: one that was cut here, or the user's own, linked to."""
        if not self._is_in_place(name):
            return False
        target = self.target(name)
        is_cut_here = "span" in self._record(name)
        return not target.is_symlink() if is_cut_here else target.samefile(self.sources.elements[name])

    def _is_in_place(self, name: str) -> bool:
        """Whether a checked clip of an element is there; one that was cut must have the times of today."""
        record = self._record(name)
        if "span" not in record:
            return bool(record)
        return self.is_done(self._cut_of_video(name)) or self.is_done(self._cut_of_event(name))

    def take_element(self, name: str) -> int:
        """Decode an element clip of the user's as a check, and link to it; return 1."""
        path, target = self.sources.elements[name], self.target(name)
        try:
            frames = check_video(path, decode=True).num_frames
        except VideoError as error:
            self.problems[name] = str(error)
            return 1
        if not (target.exists() and target.samefile(path)):
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_symlink():
                target.unlink()
            if target.exists():
                self.problems[name] = f"{target} is there already; remove it, or leave {path} out"
                return 1
            target.symlink_to(path.resolve())
        self.journal.add(name, frames=frames, bytes=path.stat().st_size)
        return 1

    def is_usable(self, name: str) -> bool:
        """Whether an element has a checked clip in place."""
        return name not in self.problems and self._is_in_place(name)

    def why_missing(self, name: str) -> str:
        """Say why an element has no clip, in words that group well."""
        if name in self.problems:
            return "clips could not be cut"
        if self._record(name):
            return "clips were cut at other times and have no source video"
        return "clips have no source video"

    def missing_videos(self) -> list[str]:
        """Return the YouTube ids without which elements are missing."""
        missing = (name for names in self.by_event.values() for name in names if not self.is_usable(name))
        return sorted({GymId.parse(name).video for name in missing} - set(self.sources.videos))


def prepare(
    out: Path,
    annotations: Path,
    folders: Iterable[Path],
    *,
    version: str = "v1.1",
    with_events: bool = True,
    encoding: Encoding | None = None,
    workers: int = 2,
) -> dict[str, Manifest]:
    """Cut and check all clips; write lists and manifests of Gym99 and Gym288, as far as their official lists are there.

    ``annotations`` holds the official lists, where ``version`` picks one of several train lists; ``folders`` hold full
    videos, event clips and element clips, told apart by name. ``with_events`` keeps event clips too, when cutting from
    full videos.

    Writes ``out/subactions/ELEMENT.mp4``, ``out/events/EVENT.mp4``, and per set ``train.txt``, ``val.txt``,
    ``skeleton_list.txt``, ``label_map.txt`` and ``manifest.json``; also ``missing_videos.txt`` (YouTube ids) and
    ``problems.txt``. A run that was killed goes on where it stopped; nothing half-written is left in these folders.
    FileNotFoundError if there are no lists or no folder of videos; ValueError if a list cannot be read, or no clip at
    all could be made.
    """
    official, folders = read_annotations(annotations, version), list(folders)
    if absent := [folder for folder in folders if not folder.is_dir()]:
        raise FileNotFoundError(f"no folder of videos at {absent[0]}; --videos names the folders of yours")
    state = Preparation(out, official, find_videos_by_id(folders), with_events)
    shutil.rmtree(out / ".unfinished", ignore_errors=True)  # what a killed run was writing
    _work(state, encoding or Encoding(), workers)
    shutil.rmtree(out / ".unfinished", ignore_errors=True)
    write_lines(out / "missing_videos.txt", state.missing_videos())
    write_lines(out / "problems.txt", (f"{name}\t{text}" for name, text in sorted(state.problems.items())))
    names = dict.fromkeys(official.name for official in official.lists)
    manifests = {name: _write_set(state, name) for name in names}
    if not any(report.available for manifest in manifests.values() for report in manifest.lists.values()):
        raise ValueError(
            f"not one clip could be made: {len(state.problems):,} could not be cut (see {out / 'problems.txt'}), "
            f"{len(state.missing_videos()):,} videos are missing (see {out / 'missing_videos.txt'})"
        )
    return manifests


def _work(state: Preparation, encoding: Encoding, workers: int) -> None:
    from tqdm import tqdm

    stop = threading.Event()
    jobs, given = list(state.jobs()), state.given_elements()
    work = [lambda job=job: state.run(job, encoding, stop) for job in jobs]
    work += [lambda name=name: state.take_element(name) for name in given]
    total = sum(len(job.cuts) for job in jobs) + len(given)
    with tqdm(total=total, desc="cutting and checking", unit=" clips") as bar:
        for _, done in in_parallel(lambda task: task(), work, workers=workers, stop=stop):
            bar.update(done)


def _write_set(state: Preparation, name: str) -> Manifest:
    """Write the lists and the manifest of Gym99 or Gym288."""
    lists = [official for official in state.annotations.lists if official.name == name]
    version = version_of(official for official in lists if official.split == "train")
    manifest = Manifest(load_label_space(name).title, version, name, {}, _notes(state, lists))
    missing = {clip.id for official in lists for clip in official.clips if not state.is_usable(clip.id)}
    why_missing = {clip: state.why_missing(clip) for clip in missing}
    return write_prepared(state.out / name, manifest, lists, why_missing, "../subactions", "{}.mp4".format)


def _notes(state: Preparation, lists: list[OfficialList]) -> list[str]:
    """Say what is unusual about the official lists, which files were passed over, and how many times are rounded."""
    notes = [*version_notes(lists), *state.sources.passed_over]
    elements = [clip.id for official in lists for clip in official.clips]
    events = {GymId.parse(name).event_id for name in elements if state.sources.videos}
    checks: tuple[tuple[str, Collection[str], Mapping[str, Span]], ...] = (
        ("elements", elements, state.annotations.elements),
        ("events", events, state.annotations.events),
    )
    for what, names, known in checks:
        if rounded := sum(name not in known for name in names):
            notes.append(f"{rounded:,} of {len(names):,} {what} have no exact times here; their ids give whole seconds")
    return notes
