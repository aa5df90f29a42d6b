"""What happens when in a long video: windows that slide over it, and a picture of their scores."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mmaction.apis.clips import (
    DECODERS,
    Clip,
    ClipModel,
    build_pipeline,
    fit_pipeline,
    pipeline_config,
    predict_clip,
)
from mmaction.apis.predictions import Prediction, class_name
from mmaction.io.video import VideoReader, open_video
from mmaction.io.video.probe import TOLERANCE_S
from mmaction.io.video.shared import SharedFrames
from mmaction.structures.events import Event
from mmaction.utils.config import type_name
from mmaction.utils.files import replacing

MAX_ROWS = 12


def cut_windows(times: np.ndarray, end_s: float, window_s: float, stride_s: float) -> list[tuple[int, int]]:
    """Return first frame and end of each window; the last one ends with the clip, so that no frame is left out.

    A window holds the frames shown in it. Where frames are so far apart that none is, there is no window; where one
    would hold the same frames as the one before, neither.

    Args:
        times: Seconds at which the frames are shown, ascending from 0, ``(T,)``.
        end_s: When the last frame has been shown.
        window_s: Length of a window; a shorter clip is one window.
        stride_s: From one window to the next.
    """
    count = max(0, int((end_s - window_s + TOLERANCE_S) // stride_s)) + 1
    starts = np.arange(count) * stride_s
    if starts[-1] + window_s < end_s - TOLERANCE_S:
        starts = np.append(starts, end_s - window_s)
    first = np.searchsorted(times, np.maximum(starts, 0) - TOLERANCE_S)
    end = np.searchsorted(times, starts + window_s - TOLERANCE_S)
    end[-1] = len(times)
    windows = dict.fromkeys(zip(first.tolist(), end.tolist(), strict=True))
    return [(begin, end) for begin, end in windows if begin < end]


def classify_windows(
    model: ClipModel,
    clip: Clip,
    window_s: float,
    stride_s: float,
    fps: float | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> list[Prediction]:
    """Classify each window of a clip.

    Windows that overlap share what is decoded, each frame once, and where the network looks at each frame by itself
    also what it makes of a frame.

    Args:
        model: What scores clips.
        clip: What to look at.
        window_s: Length of a window in seconds.
        stride_s: Time from one window to the next in seconds.
        fps: Frames per second; needed where the clip is no video. A video tells when each of its frames is shown; with
            ``fps`` they are taken as evenly spaced.
        progress: Wraps the list of windows, as tqdm does.
    """
    if window_s <= 0 or stride_s <= 0:
        raise ValueError(f"window and stride must be longer than 0 seconds; got {window_s} and {stride_s}")
    sample = dict(clip.sample)
    times, end_s, reader = None, 0.0, None
    if clip.kind == "video":
        reader = open_video(sample["filename"])
        sample["total_frames"] = reader.num_frames
        if not fps:
            fps, times, end_s = 1 / reader.info.frame_time, reader.info.times, reader.info.duration
    if not fps:
        raise ValueError(f"{clip.name} does not tell its frame rate, which windows in seconds need; pass fps (--fps)")
    if times is None:
        times, end_s = np.arange(sample["total_frames"]) / fps, sample["total_frames"] / fps
    sample["avg_fps"] = fps
    spans = cut_windows(times, end_s, window_s, stride_s)
    parts = [
        {**sample, "start_index": sample["start_index"] + begin, "total_frames": end - begin} for begin, end in spans
    ]
    steps = fit_pipeline(pipeline_config(model.cfg), clip.kind, opened=True)
    if reader is not None:
        parts, steps = _sampled(parts, steps, reader)
    pipeline, shown = build_pipeline(steps), np.append(times, end_s).tolist()
    predictions = []
    with remembered_frames(model, window_s, stride_s):
        for (begin, end), part in progress(list(zip(spans, parts, strict=True))):
            window = Clip(clip.name, clip.kind, part)
            predictions.append(predict_clip(model, pipeline, window, (shown[begin], shown[end])))
    return predictions


def _sampled(
    parts: Sequence[dict[str, Any]], steps: Sequence[dict[str, Any]], reader: VideoReader
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Choose the frames of all windows; return these with a reader that decodes each frame once, and the steps left."""
    first = next(index for index, step in enumerate(steps) if type_name(step) in DECODERS)
    choose = build_pipeline(steps[:first])
    chosen = [choose({**part, "video_reader": reader}) for part in parts]
    shared = SharedFrames(reader, [part["frame_inds"].ravel() for part in chosen])
    return [{**part, "video_reader": shared} for part in chosen], list(steps[first:])


@contextmanager
def remembered_frames(model: ClipModel, window_s: float, stride_s: float) -> Iterator[None]:
    """Let windows that overlap share the features of their frames, where the network looks at each by itself."""
    if model.looks_at_frames:
        model.share_views(int(window_s / stride_s) + 2)
    try:
        yield
    finally:
        model.share_views(0)


def draw_timeline(
    predictions: Sequence[Prediction], names: Sequence[str] | None, path: str | Path, events: Sequence[Event] = ()
) -> None:
    """Draw one clip over time into a picture: its events, and the scores of its windows, ``MAX_ROWS`` classes at most.

    The file appears when it is complete.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    scores = np.stack([prediction.scores for prediction in predictions])
    winners = np.unique([*scores.argmax(axis=1), *(event.label for event in events)])
    rows = winners[np.argsort(-scores[:, winners].max(axis=0), kind="stable")][:MAX_ROWS]
    # A column reaches to the middle between neighboring windows' centers.
    times = np.array([(p.start_s, p.end_s) for p in predictions], dtype=float)
    centers = times.mean(axis=1)
    edges = np.concatenate([times[:1, 0], (centers[1:] + centers[:-1]) / 2, times[-1:, 1]])
    figure = Figure(figsize=(10, 1.2 + 0.35 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    mesh = axes.pcolormesh(edges, np.arange(len(rows) + 1), scores[:, rows].T, vmin=0, cmap="viridis")
    for event in events:  # a frame around what happens
        if event.label in rows:
            row = rows.tolist().index(event.label)
            axes.add_patch(Rectangle((event.start_s, row), event.length_s, 1, fill=False, edgecolor="red", linewidth=2))
    axes.set_yticks(np.arange(len(rows)) + 0.5, [class_name(names, label) for label in rows])
    axes.invert_yaxis()
    axes.set_xlabel("time [s]")
    axes.set_title(predictions[0].clip)
    figure.colorbar(mesh, label="score")
    with replacing(path, Path(path).suffix) as temporary:
        figure.savefig(temporary)
