"""Readers of the official lists of Diving48 and FineGym. Every complaint names the file and the line."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mmaction.io.file_list import ListLine, read_file_list
from mmaction.utils.files import json_errors, read_json, read_text


class ListedClip(NamedTuple):
    """One entry of a list."""

    id: str  # name of the clip without folder and extension
    label: int
    frames: int | None = None  # number of frames that the list states, None where it states none


_ELEMENT = re.compile(r"(?P<video>[\w-]{11})_(?:E_)?(?P<event>\d+_\d+)_(?:A_)?(?P<element>\d+_\d+)", re.ASCII)
_EVENT = re.compile(r"(?P<video>[\w-]{11})_(?:E_)?(?P<event>\d+_\d+)", re.ASCII)


@dataclass(frozen=True)
class GymId:
    """The parts of a FineGym id ``VIDEO_E_start_end_A_start_end`` (``E_`` and ``A_`` are left out in some files)."""

    video: str  # YouTube id, 11 characters
    event: str  # digits of the event's seconds in the video, such as 002407_002435
    element: str = ""  # digits of the element's seconds within the event, such as 0003_0005; empty for an event

    @classmethod
    def parse(cls, text: str) -> "GymId":
        """Read an id of an element or an event; ValueError for another form."""
        found = _ELEMENT.fullmatch(text) or _EVENT.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} is no FineGym id; expected YOUTUBEID_E_start_end_A_start_end")
        return cls(**found.groupdict())

    @property
    def event_id(self) -> str:
        """The official id of the event."""
        return f"{self.video}_E_{self.event}"

    def __str__(self) -> str:
        return f"{self.event_id}_A_{self.element}" if self.element else self.event_id


def read_gym_list(path: str | Path) -> list[ListedClip]:
    """Read a list of FineGym, lines ``ID LABEL``, with the ids in their official spelling.

    ValueError for a line of another form, an id that stands there twice, or an empty list.
    """
    return _read_clips(path, ((line.number, line) for line in read_file_list(str(path))), _gym_clip)


def _read_clips(
    path: str | Path, items: Iterable[tuple[int, Any]], parse: Callable[[Any], ListedClip]
) -> list[ListedClip]:
    """Return the clip of each item; ``items`` come with the numbers of their lines."""
    clips: dict[str, tuple[ListedClip, int]] = {}
    for number, item in items:
        try:
            clip = parse(item)
            if clip.id in clips:
                raise ValueError(f"{clip.id} stands there already, in line {clips[clip.id][1]}")
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}") from None
        clips[clip.id] = clip, number
    if not clips:
        raise ValueError(f"{path}:1: the list is empty")
    return [clip for clip, _ in clips.values()]


def _gym_clip(line: ListLine) -> ListedClip:
    gym_id = GymId.parse(line.name)
    if not gym_id.element:
        raise ValueError(f"{line.name!r} is the id of an event, expected the id of an element (with _A_start_end)")
    return ListedClip(str(gym_id), line.labels[0])


def read_diving48(path: str | Path) -> list[ListedClip]:
    """Read an official JSON list of Diving48, V1 or V2.

    An entry is ``{"vid_name": ..., "label": ..., "start_frame": 0, "end_frame": LAST}``; the last frame counts, so the
    clip has ``end_frame - start_frame + 1`` frames. ValueError if the file is no such list; the message holds the line
    of the faulty entry.
    """
    with json_errors(path):
        items = list(_json_items(read_text(path)))
    return _read_clips(path, items, _diving48_clip)


def _json_items(text: str) -> Iterator[tuple[int, Any]]:
    """Yield the line number and the value of each item of a JSON array."""
    decoder, separator = json.JSONDecoder(), re.compile(r"\s*(,\s*|(?=\]))")
    found = re.match(r"\s*\[\s*", text)
    position, line, counted = 0, 1, 0
    while found:
        position = found.end()
        if text[position : position + 1] == "]":
            return
        line, counted = line + text.count("\n", counted, position), position
        value, position = decoder.raw_decode(text, position)
        yield line, value
        found = separator.match(text, position)
    raise json.JSONDecodeError("expected ',' or ']'" if position else "expected '['", text, position)


def _diving48_clip(entry: Any) -> ListedClip:
    if not isinstance(entry, dict):
        raise ValueError(f"expected an entry {{'vid_name': ..., 'label': ...}}, found {str(entry)[:60]!r}")
    name, label = entry.get("vid_name"), entry.get("label")
    if not isinstance(name, str) or not re.fullmatch(r"[\w-]+", name, re.ASCII):
        raise ValueError(f"vid_name must be a name such as '-mmq0PT-u8k_00155', found {str(name)[:60]!r}")
    if type(label) is not int or not 0 <= label < 48:
        raise ValueError(f"the label of {name} must be a class index from 0 to 47, found {str(label)[:60]!r}")
    start, end = entry.get("start_frame", 0), entry.get("end_frame")
    if end is None:
        return ListedClip(name, label)
    if type(start) is not int or type(end) is not int or not 0 <= start <= end:
        raise ValueError(f"{name}: start_frame and end_frame must be frame indices, found {start!r} and {end!r}")
    return ListedClip(name, label, end - start + 1)


class Span(NamedTuple):
    """A half-open interval of time in seconds."""

    start: float
    end: float


def read_gym_times(path: str | Path) -> tuple[dict[str, Span], dict[str, Span]]:
    """Read exact times of events in their video, and of elements in their event, by id, from a file of FineGym.

    Two forms are read: the published ``finegym_annotation_info_v1.*.json`` (video, then event with ``timestamps`` and
    ``segments``), and one keyed by event (event, then element with ``timestamps``). An element of several stages lasts
    from the start of the first to the end of the last. ValueError holds the line of another form.
    """
    text, content = read_text(path), read_json(path)
    events: dict[str, Span] = {}
    elements: dict[str, Span] = {}
    key = ""
    try:
        for key, value in _items(content):
            if _EVENT.fullmatch(key):
                _read_elements(GymId.parse(key).event_id, value, elements)
                continue
            for event_key, event in _items(value):
                event_id = GymId.parse(f"{key}_{event_key}").event_id
                events[event_id] = _span(event_id, event)
                _read_elements(event_id, event.get("segments") or {}, elements)
    except ValueError as error:
        raise ValueError(f"{path}:{_line_of(text, key)}: {error}") from None
    if not elements:
        raise ValueError(f"{path}:1: holds no element with times")
    return events, elements


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise ValueError(f"expected an object of events or elements, found {str(value)[:60]!r}")
    yield from value.items()


def _read_elements(event_id: str, value: Any, elements: dict[str, Span]) -> None:
    for key, element in _items(value):
        element_id = str(GymId.parse(f"{event_id}_{key}"))
        elements[element_id] = _span(element_id, element)


def _span(name: str, entry: Any) -> Span:
    try:
        stages = entry["timestamps"]
        span = Span(float(stages[0][0]), float(stages[-1][1]))
    except (TypeError, IndexError, KeyError, ValueError, OverflowError):
        raise ValueError(f"{name}: expected 'timestamps': [[start, end], ...] in seconds") from None
    if not 0 <= span.start < span.end < math.inf:
        raise ValueError(f"{name}: must start at 0 or later and end after its start, found {span.start} to {span.end}")
    return span


def _line_of(text: str, key: str) -> int:
    return text.count("\n", 0, max(text.find(json.dumps(key)), 0)) + 1
