"""Recognize actions in what a camera or a stream shows now: frames in, windows and events out."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any, Protocol

import numpy as np

from mmaction.apis.clips import ClipModel, as_clip, build_pipeline, fit_pipeline, pipeline_config, predict_clip
from mmaction.apis.events import EventFinder
from mmaction.apis.live_frames import Clock, FrameQueue, LiveFrame, watch
from mmaction.apis.poses import VideoPoses, reads_joints
from mmaction.apis.predictions import Prediction
from mmaction.datasets.transforms import Resize
from mmaction.io.video.live import LiveSource
from mmaction.io.video.probe import TOLERANCE_S
from mmaction.preparation.poses.backends import Persons
from mmaction.registry import TRANSFORMS
from mmaction.structures.events import Event
from mmaction.utils.config import dataset_config, type_name

FRAME_TIME_S = 0.04  # where a single frame does not tell


class WindowModel(Protocol):
    """How a model takes the frames of a stream.

    Attributes:
        queue_s: Seconds of frames that may wait for it; 0: two frames, where each takes long.
    """

    queue_s: float

    def keep(self, image: np.ndarray) -> Any:
        """Return what is kept of a frame until its windows are classified."""

    def classify(self, kept: Sequence[Any], fps: float, times: tuple[float, float]) -> Prediction:
        """Return the scores of a window from what was kept of its frames; ``times``: its begin and end in seconds."""


class FrameWindows:
    """Windows of frames, for a model that reads pictures.

    Where the pipeline begins with a resize, frames are kept in that size, once for all windows: less memory, and the
    same pixels.
    """

    queue_s = 2.0

    def __init__(self, model: ClipModel, name: str) -> None:
        self._model, self._name, self._dataset = model, name, dataset_config(model.cfg)
        if self._dataset.get("modality", "RGB") == "Flow":
            raise ValueError("the model takes optical flow, which no camera gives; choose a model of RGB frames")
        steps = fit_pipeline(pipeline_config(model.cfg), "array")
        self._pipeline = build_pipeline(steps)
        after = next(i for i, step in enumerate(steps) if type_name(step) == "ArrayDecode") + 1
        first = TRANSFORMS.build(dict(steps[after])) if after < len(steps) else None
        self._resize = first if isinstance(first, Resize) and not first.lazy else None

    def keep(self, image: np.ndarray) -> np.ndarray:
        """See :class:`WindowModel`."""
        if self._resize is None:
            return image
        shape = self._resize.sample_params(image.shape[:2])
        if self._resize.sample_params(shape) != shape:  # a factor, which must not be applied twice
            return image
        return self._resize({"imgs": [image], "img_shape": image.shape[:2]})["imgs"][0]

    def classify(self, kept: Sequence[np.ndarray], fps: float, times: tuple[float, float]) -> Prediction:
        """See :class:`WindowModel`."""
        clip = as_clip(np.stack(kept), self._dataset)
        clip = replace(clip, name=self._name, sample={**clip.sample, "avg_fps": fps})
        return predict_clip(self._model, self._pipeline, clip, times)


class PoseWindows:
    """Windows of skeletons, which an estimator finds frame by frame, for a model that reads joints."""

    queue_s = 0.0

    def __init__(self, model: ClipModel, name: str, poses: VideoPoses) -> None:
        self._model, self._name, self._poses = model, name, poses
        self._steps = pipeline_config(model.cfg)
        self._pipeline = build_pipeline(fit_pipeline(self._steps, "skeleton"))

    def keep(self, image: np.ndarray) -> tuple[Persons, tuple[int, int]]:
        """See :class:`WindowModel`."""
        return self._poses.persons(image), image.shape[:2]

    def classify(
        self, kept: Sequence[tuple[Persons, tuple[int, int]]], fps: float, times: tuple[float, float]
    ) -> Prediction:
        """See :class:`WindowModel`."""
        persons = [found for found, _ in kept]
        annotation = self._poses.annotation(persons, fps, kept[0][1], self._name, self._model.cfg, self._steps)
        return predict_clip(self._model, self._pipeline, as_clip(annotation), times)


def window_model(model: ClipModel, name: str, poses: VideoPoses | None = None) -> WindowModel:
    """Return how a model takes the frames of the stream ``name``.

    Raises:
        ValueError: If it reads optical flow, or frames and skeletons at once.
    """
    if reads_joints(pipeline_config(model.cfg)):
        return PoseWindows(model, name, poses or VideoPoses())
    return FrameWindows(model, name)


@dataclass
class LiveCounts:
    """What was done with a stream."""

    frames: int = 0  # frames that were looked at
    windows: int = 0  # windows that were classified
    skipped: int = 0  # windows left out, because a later one was complete already
    delay_s: float = 0.0  # sum over the windows of the seconds from the arrival of the last frame to the result
    longest_s: float = 0.0  # the longest of them

    @property
    def mean_delay_s(self) -> float:
        """Mean over the windows; 0 without any."""
        return self.delay_s / max(self.windows, 1)


class LiveWindows:
    """Collects the frames of a stream and classifies windows that slide over them.

    Window k goes from ``k * stride_s`` to ``k * stride_s + window_s`` after the first frame. It is classified when a
    frame after its end has come; where several are complete by then, the last one alone, so that a slow model does not
    fall behind. After a gap windows begin anew.
    """

    def __init__(self, model: WindowModel, window_s: float, stride_s: float, clock: Clock) -> None:
        if window_s <= 0 or stride_s <= 0:
            raise ValueError(f"window and stride must be longer than 0 seconds; got {window_s} and {stride_s}")
        self._model, self._clock = model, clock
        self._window_s, self._stride_s = window_s, stride_s
        self._kept: deque[tuple[float, float, Any]] = deque()  # when it is shown, when it came, and what is kept of it
        self._begin, self._next, self._connection = 0.0, 0, 0
        self.counts = LiveCounts()

    def add(self, frames: Sequence[LiveFrame]) -> list[Prediction]:
        """Take frames; return the result of the window that they complete, if they do, and of one that a gap ends."""
        found: list[Prediction] = []
        for frame in frames:
            if not self._kept or frame.connection != self._connection:
                found += self.finish()
                self._begin, self._next, self._connection = frame.time_s, 0, frame.connection
            self._kept.append((frame.time_s, frame.arrived_s, self._model.keep(frame.image)))
            self.counts.frames += 1
        ready = int((self._kept[-1][0] - self._begin - self._window_s + TOLERANCE_S) // self._stride_s)
        if ready >= self._next:
            self.counts.skipped += ready - self._next
            start = self._begin + ready * self._stride_s
            found += self._classify(start, start + self._window_s)
            self._next = ready + 1
        while self._kept[0][0] < self._kept[-1][0] - self._window_s - TOLERANCE_S:  # the last window may begin there
            self._kept.popleft()
        return found

    def finish(self) -> list[Prediction]:
        """Return the result of the last window, which ends with the stream, if a frame came after the one before."""
        if not self._kept:
            return []
        end = self._kept[-1][0] + self._frame_time()
        done = self._begin + (self._next - 1) * self._stride_s + self._window_s if self._next else -np.inf
        found = self._classify(max(self._begin, end - self._window_s), end, np.inf) if end > done + TOLERANCE_S else []
        self._kept.clear()
        return found

    def _frame_time(self) -> float:
        """Return the mean time from one of the frames to the next."""
        first, last = self._kept[0][0], self._kept[-1][0]
        return (last - first) / (len(self._kept) - 1) if last > first else FRAME_TIME_S

    def _classify(self, begin: float, end: float, before: float | None = None) -> list[Prediction]:
        """Classify the frames from ``begin`` on that are shown ``before`` (None: the end)."""
        before = end - TOLERANCE_S if before is None else before
        inside = [item for item in self._kept if begin - TOLERANCE_S <= item[0] < before]
        if not inside:
            return []
        prediction = self._model.classify([kept for _, _, kept in inside], 1 / self._frame_time(), (begin, end))
        delay = self._clock.now() - inside[-1][1]
        self.counts.windows += 1
        self.counts.delay_s += delay
        self.counts.longest_s = max(self.counts.longest_s, delay)
        return [prediction]


class LiveSession:
    """A model that looks at a stream.

    Args:
        model: See :func:`window_model`.
        source: What gives the frames.
        window_s: Length of a window in seconds.
        stride_s: Time from one window to the next in seconds.
        finder: Makes events of the windows.
        queue: Frames that may wait for the model; None: what comes in two seconds, or two where each takes long.
        retries: Attempts to connect again.
        tell: Called with a line about each connection that is lost or made again.
        clock: The time.
    """

    def __init__(
        self,
        model: WindowModel,
        source: LiveSource,
        window_s: float,
        stride_s: float,
        finder: EventFinder,
        queue: int | None = None,
        retries: int = 5,
        tell: Callable[[str], Any] = print,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.queue = FrameQueue(queue if queue is not None else max(2, round(30 * model.queue_s)))
        self._windows = LiveWindows(model, window_s, stride_s, self.clock)
        self._finder = finder
        self._frames = watch(source, self.clock, retries, tell=tell)

    @property
    def counts(self) -> LiveCounts:
        """What was done so far."""
        return self._windows.counts

    def results(self) -> Iterator[tuple[Prediction | None, list[Event]]]:
        """Yield each window with the events that are over since the last one; at the end None with the others.

        Raises:
            OSError, VideoError: If the source cannot be opened, or is lost; what happened until then comes before.
        """
        reader = Thread(target=self.queue.fill, args=(self._frames,), name="camera", daemon=True)
        reader.start()
        error: BaseException | None = None
        try:
            waiting = iter(self.queue)
            while True:
                try:
                    frames = next(waiting, None)
                except (OSError, ValueError) as problem:
                    frames, error = None, problem
                found = self._windows.finish() if frames is None else self._windows.add(frames)
                for prediction in found:
                    yield prediction, self._finder.add(prediction)
                if frames is None:
                    break
            yield None, self._finder.finish()
            if error is not None:
                raise error
        finally:
            self.stop()

    def stop(self) -> None:
        """Let the stream end now; what was seen until then is still told."""
        self.clock.stopped = True
        self.queue.close()
