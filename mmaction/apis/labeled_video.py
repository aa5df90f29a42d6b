"""A clip with its best classes written on it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from mmaction.apis.clips import Clip
from mmaction.apis.predictions import Prediction, class_name
from mmaction.io.images import read_image
from mmaction.io.video import open_video
from mmaction.structures.events import Event
from mmaction.utils.files import replacing
from mmaction.visualization.draw import WHITE, draw_label, draw_timeline, person_color, timeline_height
from mmaction.visualization.sinks import movie_sink


def check_suffix(path: Path) -> None:
    """Raise ValueError unless labels can be written into a file of this name."""
    if path.suffix.lower() not in (".mp4", ".gif"):
        raise ValueError(f"{path}: labels are written into *.mp4 or *.gif")


def write_labeled(
    clip: Clip,
    predictions: Sequence[Prediction],
    names: Sequence[str] | None,
    path: Path,
    fps: float | None = None,
    events: Sequence[Event] | None = None,
) -> str:
    """Write a video in which each frame tells its class and the score, above a timeline of the whole clip.

    This is the best class of the window whose center is nearest to the frame, or with ``events`` the one that happens
    at it. A clip that was classified as a whole has no timeline.

    Args:
        clip: A video, or a folder of RGB frames.
        predictions: One for the clip, or one for each window.
        names: Class names, or None.
        path: ``.mp4`` or ``.gif``; it appears only when it is complete.
        fps: Frame rate; None: frames keep the times of the video; a folder is shown at 25 a second.
        events: What happens when; between events nothing is written.

    Returns:
        Where and why the video breaks off, or an empty text; what is there is written.
    """
    check_suffix(path)
    if clip.kind != "video" and (clip.kind, clip.sample.get("modality")) != ("frames", "RGB"):
        raise ValueError(f"{clip.name} has no pictures to write on; draw skeletons with pose_visualizer.py")
    reader = open_video(clip.sample["filename"], num_threads=0) if clip.kind == "video" else None
    frames = (image for _, image in reader.images()) if reader else _folder_pictures(clip)
    rate = fps or (1 / reader.info.frame_time if reader else 25.0)
    times = reader.info.times if reader and not fps else None
    shown_events = _window_events(predictions) if events is None else list(events)
    length = max(p.end_s or 0 for p in predictions)
    order = list(dict.fromkeys(event.label for event in shown_events))
    colors = {label: person_color(position) if len(order) > 1 else WHITE for position, label in enumerate(order)}
    spans = [
        (max(e.start_s, 0) / length, min(e.end_s, length) / length, colors[e.label]) for e in shown_events if length
    ]
    is_timed = len(predictions) > 1 or events is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with replacing(path, f".part{path.suffix}") as temporary:
        with closing(movie_sink(temporary, rate)) as sink:
            for count, frame in enumerate(frames, 1):
                shown = (count - 1) / rate if times is None else float(times[count - 1])
                image, moment = np.ascontiguousarray(frame), shown + 0.5 / rate
                now = next((e for e in shown_events if e.start_s <= moment < e.end_s), None)
                if now:
                    foot = timeline_height(image.shape[0]) if is_timed else 0
                    draw_label(image, class_name(names, now.label), now.score, colors[now.label], foot)
                if is_timed and length:
                    draw_timeline(image, spans, moment / length)
                sink.write(image, shown)
        if not count:
            raise ValueError(f"{clip.name}: no frame of this video can be decoded ({reader and reader.problem})")
    broken = reader.problem if reader else None
    return f"{clip.name}: the video breaks off after {count} frames ({broken})" if broken else ""


def _window_events(predictions: Sequence[Prediction]) -> list[Event]:
    """Return for each window its best class from the middle before its center to the one after it."""
    best = [prediction.top(1)[0] if prediction.top(1) else None for prediction in predictions]
    centers = np.array([((p.start_s or 0) + (p.end_s or 0)) / 2 for p in predictions])
    edges = [-np.inf, *((centers[1:] + centers[:-1]) / 2).tolist(), np.inf]
    return [Event(top[0], edges[i], edges[i + 1], top[1]) for i, top in enumerate(best) if top]


def _folder_pictures(clip: Clip) -> Iterator[np.ndarray]:
    """Yield the RGB frames of a folder."""
    sample = clip.sample
    for number in range(sample["start_index"], sample["start_index"] + sample["total_frames"]):
        yield read_image(Path(sample["frame_dir"], sample["filename_tmpl"].format(number)))
