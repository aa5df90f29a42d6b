"""Events of a video as a table, as files and as clips that are cut out."""

import json
import re
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmaction.apis.predictions import class_name
from mmaction.preparation.cutting import Cut, cut_clips
from mmaction.preparation.official_lists import Span
from mmaction.structures.events import Event
from mmaction.utils.files import csv_text, write_text

CSV_COLUMNS = ("clip", "start_s", "end_s", "label", "name", "score")


def event_table(events: Sequence[Event], names: Sequence[str] | None, clip: str) -> str:
    """Return one line for each event: class, begin to end, score."""
    rows = [f"  {event_text(event, names)}" for event in events]
    return "\n".join([clip, *(rows or ["  nothing happens: no class reaches the threshold"])])


def event_text(event: Event, names: Sequence[str] | None) -> str:
    """Return begin to end, score and class of an event."""
    times = f"{_clock(event.start_s)} to {_clock(event.end_s)}"
    return f"{times}  {event.score:5.2f}  {class_name(names, event.label)}"


def _clock(seconds: float, mark: str = ".", hours: bool = False) -> str:
    """Return ``0:05.20``; with ``hours`` as subtitles have it, ``00:00:05,200``."""
    total = round(seconds * 1000)
    minutes, rest = divmod(total, 60_000)
    if hours:
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{mark}{rest % 1000:03d}"
    return f"{minutes}:{rest // 1000:02d}{mark}{rest % 1000 // 10:02d}"


def _csv(events: Sequence[Event], names: Sequence[str] | None, clip: str) -> str:
    return csv_text([CSV_COLUMNS, *([clip, *event_row(event, names).values()] for event in events)])


def event_row(event: Event, names: Sequence[str] | None) -> dict[str, Any]:
    """Return an event as plain values: ``start_s``, ``end_s``, ``label``, ``name`` and ``score``."""
    return {
        "start_s": round(event.start_s, 3),
        "end_s": round(event.end_s, 3),
        "label": event.label,
        "name": class_name(names, event.label),
        "score": round(event.score, 4),
    }


def _json(events: Sequence[Event], names: Sequence[str] | None, clip: str) -> str:
    rows = [event_row(event, names) for event in events]
    return json.dumps({"clip": clip, "events": rows}, indent=1, ensure_ascii=False) + "\n"


def event_line(event: Event, names: Sequence[str] | None, clip: str, **more: Any) -> str:
    """Return an event as one line of JSON."""
    return json.dumps({"clip": clip, **event_row(event, names), **more}, ensure_ascii=False)


def _json_lines(events: Sequence[Event], names: Sequence[str] | None, clip: str) -> str:
    return "".join(event_line(event, names, clip) + "\n" for event in events)


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
    ".jsonl": _json_lines,
    ".srt": _srt,
    ".eaf": _eaf,
}


def check_event_files(paths: Sequence[str | Path]) -> None:
    """Raise ValueError unless events can be written into files of these names."""
    for path in paths:
        if Path(path).suffix.lower() not in EVENT_FILES:
            raise ValueError(f"{path}: events are written into {', '.join('*' + suffix for suffix in EVENT_FILES)}")


def write_events(events: Sequence[Event], names: Sequence[str] | None, clip: str, path: str | Path) -> None:
    """Write the events of one clip as CSV, JSON, JSON lines, subtitles (SRT) or for ELAN (EAF), as ``path`` ends.

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
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".cut", dir=folder) as scratch:
        for cut, outcome in cut_clips(video, cuts, Path(scratch)):
            if not isinstance(outcome, int):
                raise ValueError(f"{cut.target}: {outcome}")
    return [cut.target for cut in cuts]
