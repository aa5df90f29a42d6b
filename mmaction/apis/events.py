"""Events of a long video, found in the scores of its windows, and the files that hold them."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mmaction.apis.predictions import Prediction, class_name
from mmaction.preparation.cutting import Cut, cut_clips
from mmaction.preparation.official_lists import Span
from mmaction.structures.events import Event
from mmaction.utils.files import write_text

CSV_COLUMNS = ("clip", "start_s", "end_s", "label", "name", "score")


def find_events(
    windows: Sequence[Prediction], threshold: float = 0.5, min_s: float | None = None, background: Sequence[int] = ()
) -> list[Event]:
    """Merge the scores of windows into events.

    Each moment has the mean score of the windows that cover it, in which a window counts most at its middle and
    least at its ends. The best class of a moment is what happens there, unless its score is below ``threshold``.
    Neighboring moments of one class are an event; one shorter than ``min_s`` goes to the better of its neighbors.

    Args:
        windows: Those of one clip, with their times.
        threshold: Lowest score, 0 to 1, at which something happens.
        min_s: Shortest event in seconds; None: a quarter of the first window.
        background: Classes that mean that nothing happens.

    Returns:
        The events in order of time.

    Raises:
        ValueError: If a window has no times, or ``threshold`` is not from 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold {threshold}: expected 0 to 1")
    if not windows:
        return []
    if any(window.start_s is None or window.end_s is None for window in windows):
        raise ValueError("events need windows with times; classify the clip in windows (--window S)")
    spans = np.array([(window.start_s, window.end_s) for window in windows], dtype=float)
    min_s = (spans[0, 1] - spans[0, 0]) / 4 if min_s is None else min_s
    edges, scores = _moments(spans, np.stack([window.scores for window in windows]))
    labels = scores.argmax(axis=1)
    nothing = scores.max(axis=1) < threshold
    labels[nothing | np.isin(labels, list(background))] = -1
    labels = _absorb_short(edges, scores, labels, min_s)
    return [
        Event(int(labels[first]), float(edges[first]), float(edges[last]), _mean(edges, scores, labels, first, last))
        for first, last in _runs(labels)
        if labels[first] >= 0
    ]


def _moments(spans: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of moments (K + 1,) and their scores (K, C): between edges the same windows are seen."""
    centers = spans.mean(axis=1)
    edges = np.unique(np.concatenate([spans.ravel(), centers, (centers[1:] + centers[:-1]) / 2]))
    edges = edges[np.append(np.diff(edges) > 1e-6, True)]
    middle = (edges[1:] + edges[:-1]) / 2
    away = np.abs(middle[:, None] - centers) / ((spans[:, 1] - spans[:, 0]) / 2)
    weights = (1 - away).clip(0)
    total = weights.sum(axis=1, keepdims=True)
    return edges, np.divide(weights @ scores, total, out=np.zeros((len(middle), scores.shape[1])), where=total > 0)


def _runs(labels: np.ndarray) -> list[tuple[int, int]]:
    """Return first index and end of each stretch of equal labels."""
    changes = (np.flatnonzero(np.diff(labels)) + 1).tolist()
    return list(zip([0, *changes], [*changes, len(labels)], strict=True))


def _mean(edges: np.ndarray, scores: np.ndarray, labels: np.ndarray, first: int, last: int) -> float:
    """Return the mean over time of the score of the class of a stretch."""
    return float(np.average(scores[first:last, labels[first]], weights=np.diff(edges)[first:last]))


def _absorb_short(edges: np.ndarray, scores: np.ndarray, labels: np.ndarray, min_s: float) -> np.ndarray:
    """Give events shorter than ``min_s``, the shortest first, to the neighbor whose class scores better in them."""
    labels = labels.copy()
    while True:
        runs = _runs(labels)
        short = [(edges[end] - edges[begin], begin, end) for begin, end in runs if labels[begin] >= 0]
        short = [item for item in short if item[0] < min_s - 1e-9]
        if not short:
            return labels
        _, begin, end = min(short)
        near = {int(labels[i]) for i in (begin - 1, end) if 0 <= i < len(labels)} - {-1}
        labels[begin:end] = max(near, key=lambda label: scores[begin:end, label].mean(), default=-1)


def event_table(events: Sequence[Event], names: Sequence[str] | None, clip: str) -> str:
    """Return one line for each event: class, begin to end, score."""
    rows = [f"  {_clock(e.start_s)} to {_clock(e.end_s)}  {e.score:5.2f}  {class_name(names, e.label)}" for e in events]
    return "\n".join([clip, *(rows or ["  nothing happens: no class reaches the threshold"])])


def _clock(seconds: float, mark: str = ".", hours: bool = False) -> str:
    """Return ``0:05.20``; with ``hours`` as subtitles have it, ``00:00:05,200``."""
    total = round(seconds * 1000)
    minutes, rest = divmod(total, 60_000)
    if hours:
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"
    return f"{minutes}:{rest // 1000:02d}{mark}{rest % 1000 // 10:02d}"


def _csv(events: Sequence[Event], names: Sequence[str] | None, clip: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for e in events:
        name = class_name(names, e.label)
        writer.writerow([clip, round(e.start_s, 3), round(e.end_s, 3), e.label, name, round(e.score, 4)])
    return text.getvalue()


def _json(events: Sequence[Event], names: Sequence[str] | None, clip: str) -> str:
    rows = [
        {
            "start_s": round(e.start_s, 3),
            "end_s": round(e.end_s, 3),
            "label": e.label,
            "name": class_name(names, e.label),
            "score": round(e.score, 4),
        }
        for e in events
    ]
    return json.dumps({"clip": clip, "events": rows}, indent=1, ensure_ascii=False) + "\n"


def _srt(events: Sequence[Event], names: Sequence[str] | None, clip: str) -> str:
    return "".join(
        f"{number}\n{_clock(e.start_s, ',', True)} --> {_clock(e.end_s, ',', True)}\n{class_name(names, e.label)}\n\n"
        for number, e in enumerate(events, 1)
    )


_EAF = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="1970-01-01T00:00:00+00:00" FORMAT="3.0" VERSION="3.0">
  <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">{media}</HEADER>
  <TIME_ORDER>{slots}</TIME_ORDER>
  <TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID="actions">{annotations}</TIER>
  <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>
</ANNOTATION_DOCUMENT>
"""
_MEDIA = '<MEDIA_DESCRIPTOR MEDIA_URL="{}" MIME_TYPE="video/mp4"/>'
_SLOT = '<TIME_SLOT TIME_SLOT_ID="ts{}" TIME_VALUE="{}"/>'
_ANNOTATION = (
    '<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{}" TIME_SLOT_REF1="ts{}" TIME_SLOT_REF2="ts{}">'
    "<ANNOTATION_VALUE>{}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
)


def _eaf(events: Sequence[Event], names: Sequence[str] | None, clip: str) -> str:
    """Return a document of ELAN 3.0, https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf."""
    moments = [round(seconds * 1000) for event in events for seconds in (event.start_s, event.end_s)]
    rows = [(n, 2 * n - 1, 2 * n, escape(class_name(names, event.label))) for n, event in enumerate(events, 1)]
    return _EAF.format(
        media=_MEDIA.format(escape(Path(clip).resolve().as_uri())) if Path(clip).is_file() else "",
        slots="".join(_SLOT.format(number, moment) for number, moment in enumerate(moments, 1)),
        annotations="".join(_ANNOTATION.format(*row) for row in rows),
    )


EVENT_FILES: dict[str, Callable[[Sequence[Event], Sequence[str] | None, str], str]] = {
    ".csv": _csv,
    ".json": _json,
    ".srt": _srt,
    ".eaf": _eaf,
}


def check_event_files(paths: Sequence[str | Path]) -> None:
    """Raise ValueError unless events can be written into files of these names."""
    for path in paths:
        if Path(path).suffix.lower() not in EVENT_FILES:
            raise ValueError(f"{path}: events are written into {', '.join('*' + suffix for suffix in EVENT_FILES)}")


def write_events(events: Sequence[Event], names: Sequence[str] | None, clip: str, path: str | Path) -> None:
    """Write the events of one clip as CSV, JSON, subtitles (SRT) or for ELAN (EAF), as the end of ``path`` says.

    Raises:
        ValueError: If the name ends otherwise.
    """
    check_event_files([path])
    path = Path(path)
    write_text(path, EVENT_FILES[path.suffix.lower()](events, names, clip))


def cut_events(
    video: str | Path, events: Sequence[Event], names: Sequence[str] | None, folder: str | Path
) -> list[Path]:
    """Write each event of a video as a clip of its own into ``folder``: ``VIDEO_001_CLASS.mp4``, and so on.

    Raises:
        FileExistsError: If one of the files is there.
        ValueError: If a clip cannot be cut, which is named.
    """
    video, folder = Path(video), Path(folder)
    cuts = []
    for number, event in enumerate(events, 1):
        title = re.sub(r"[^\w.-]+", "_", class_name(names, event.label)).strip("_")
        name = f"{video.stem}_{number:03d}_{title}"
        cuts.append(Cut(name, Span(event.start_s, event.end_s), folder / f"{name}.mp4"))
    if there := next((cut.target for cut in cuts if cut.target.exists()), None):
        raise FileExistsError(f"{there} exists; choose another folder for the clips")
    with TemporaryDirectory(prefix=".cut", dir=_made(folder)) as scratch:
        for cut, outcome in cut_clips(video, cuts, Path(scratch)):
            if not isinstance(outcome, int):
                raise ValueError(f"{cut.target}: {outcome}")
    return [cut.target for cut in cuts]


def _made(folder: Path) -> Path:
    """Return ``folder``, which is made where it is absent."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder
