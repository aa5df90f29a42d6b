"""Streams: when frames come, what is dropped, what is connected again, and what is recognized; with a clock of ours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmaction.apis import Recognizer
from mmaction.apis.clips import as_clip
from mmaction.apis.events import EventFinder, find_events
from mmaction.apis.live import LiveSession, LiveWindows, window_model
from mmaction.apis.live_frames import Clock, FrameQueue, LiveFrame, LostStreamError, watch
from mmaction.apis.poses import VideoPoses
from mmaction.apis.predictions import Prediction
from mmaction.apis.timeline import classify_windows
from mmaction.io.video import VideoError
from mmaction.io.video.live import live_source
from mmaction.preparation.poses import backends
from mmaction.preparation.poses.backends import Persons

IMAGE = np.zeros((4, 6, 3), np.uint8)


class Hands(Clock):
    """A clock whose time passes where somebody sleeps, or where it is turned."""

    def __init__(self):
        super().__init__()
        self.time, self.slept = 100.0, []

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.slept.append(round(seconds, 6))
        self.time += max(seconds, 0)


class Script:
    """A source whose connections are lists of (time, seconds that pass before it) or errors."""

    name, is_recorded = "the stream", False

    def __init__(self, clock, *connections):
        self.clock, self.connections = clock, list(connections)

    def frames(self):
        steps = self.connections.pop(0) if self.connections else []
        for step in steps:
            if isinstance(step, Exception):
                raise step
            shown, passes = step
            self.clock.time += passes
            yield shown, IMAGE


def live(count, step=0.1):
    return [(None, step)] * count


def test_a_recording_is_played_at_its_own_speed():
    clock = Hands()
    frames = list(watch(Script(clock, [(0.0, 0.02), (0.04, 0.01), (0.5, 0.6), (0.54, 0.0)]), clock))
    assert [frame.time_s for frame in frames] == [0.0, 0.04, 0.5, 0.54]
    # the third comes late and is not waited for; the others when they are due
    assert [round(frame.arrived_s - 100.02, 6) for frame in frames] == [0.0, 0.04, 0.64, 0.64]


def test_live_frames_have_the_time_of_their_arrival():
    clock = Hands()
    frames = watch(Script(clock, live(3)), clock, retries=0)
    assert [round(next(frames).time_s, 6) for _ in range(3)] == [0.0, 0.1, 0.2]
    with pytest.raises(LostStreamError, match="the stream has ended; gave up after 0"):
        next(frames)


def test_what_breaks_off_is_connected_again_with_longer_and_longer_waits():
    clock, said = Hands(), []
    broken = ConnectionError("the stream cannot be read (reset)")
    source = Script(clock, [*live(2), broken], [broken], [], live(1), [broken], [broken], [broken], [broken])
    frames = watch(source, clock, retries=3, tell=said.append)
    found = [next(frames) for _ in range(3)]
    assert [frame.connection for frame in found] == [0, 0, 1]
    assert clock.slept == [1.0, 2.0, 4.0]
    with pytest.raises(LostStreamError, match=r"reset\); gave up after 3 attempts"):
        next(frames)
    assert clock.slept[3:] == [1.0, 2.0, 4.0], "a frame sets the waits back"
    assert "attempt 1 of 3" in said[0] and "in 4 s (attempt 3 of 3)" in said[2] and said[3].endswith("connected again")


def test_what_was_never_there_is_an_error_at_once():
    clock = Hands()
    with pytest.raises(FileNotFoundError, match="no camera"):
        next(watch(Script(clock, [FileNotFoundError("no camera")]), clock))
    with pytest.raises(VideoError, match="gives no frame"):
        next(watch(Script(clock, []), clock))
    with pytest.raises(LostStreamError, match=r"breaks off after 0\.04 s: damaged"):
        list(watch(Script(clock, [(0.0, 0), (0.04, 0), VideoError("damaged")]), clock))
    assert max(clock.slept) <= 0.04, "a recording is not begun again"


def test_a_stop_ends_the_waiting_and_the_watching():
    clock = Hands()
    frames = watch(Script(clock, live(5)), clock)
    next(frames)
    clock.stopped = True
    assert list(frames) == []
    clock = Clock()
    clock.stopped = True
    clock.sleep(3600)


@given(size=st.integers(1, 5), parts=st.lists(st.integers(0, 8), max_size=6))
def test_a_full_queue_drops_its_oldest_frames_and_counts_them(size, parts):
    queue, number, dropped = FrameQueue(size), 0, 0
    for part in parts:
        for _ in range(part):
            queue.put(LiveFrame(float(number), IMAGE, 0.0))
            number += 1
        dropped += max(part - size, 0)
        if part:
            assert [frame.time_s for frame in next(iter(queue))] == list(range(number - min(part, size), number))
    assert queue.dropped == dropped and (queue.newest is None) == (number == 0)
    queue.close()
    assert list(queue) == []


def test_the_queue_hands_over_the_error_of_the_reader_after_the_last_frame():
    queue, clock = FrameQueue(5), Hands()
    queue.fill(watch(Script(clock, live(2)), clock, retries=0))
    waiting = iter(queue)
    assert len(next(waiting)) == 2
    with pytest.raises(LostStreamError):
        next(waiting)
    with pytest.raises(ValueError, match="at least one"):
        FrameQueue(0)


class Slow:
    """A model that takes its time, and gives the class of its second half."""

    queue_s = 2.0

    def __init__(self, clock, takes=0.0):
        self.clock, self.takes, self.sizes = clock, takes, []

    def keep(self, image):
        return image

    def classify(self, kept, fps, times):
        self.clock.time += self.takes
        self.sizes.append(len(kept))
        return Prediction("s", np.array([1.0, 0.0] if times[0] < 2 else [0.0, 1.0]), *times)


def frames_of(times, connection=0, arrived=0.0):
    return [LiveFrame(float(t), IMAGE, arrived + float(t), connection) for t in times]


def spans(predictions):
    return [(round(p.start_s, 3), round(p.end_s, 3)) for p in predictions]


def test_windows_slide_and_the_last_ends_with_the_stream():
    clock = Hands()
    windows = LiveWindows(Slow(clock), 1.0, 0.5, clock)
    found = [p for frame in frames_of(np.arange(23) / 10) for p in windows.add([frame])]
    assert spans(found) == [(0, 1), (0.5, 1.5), (1, 2)]
    assert spans(windows.finish()) == [(1.3, 2.3)] and windows.finish() == []
    assert windows.counts.frames == 23 and windows.counts.windows == 4 and windows.counts.skipped == 0


def test_a_model_that_is_late_leaves_windows_out_and_does_not_fall_behind():
    clock = Hands()
    clock.time = 3.1
    model = Slow(clock, takes=0.4)
    windows = LiveWindows(model, 1.0, 0.5, clock)
    assert spans(windows.add(frames_of(np.arange(31) / 10))) == [(2, 3)]
    assert windows.counts.skipped == 4 and model.sizes == [10]
    assert windows.counts.mean_delay_s == pytest.approx(3.5 - 2.9)


def test_after_a_gap_windows_begin_anew():
    clock = Hands()
    windows = LiveWindows(Slow(clock), 1.0, 0.5, clock)
    first, second = frames_of(np.arange(7) / 10), frames_of(60 + np.arange(12) / 10, connection=1)
    assert spans(windows.add([*first, *second])) == [(0, 0.7), (60, 61)]
    assert spans(windows.finish()) == [(60.2, 61.2)]


def session(model, source, clock, queue=1000, finder=None):
    return LiveSession(model, source, 1.0, 0.5, finder or EventFinder(), queue, 0, lambda line: None, clock)


def test_events_are_told_up_to_the_loss_of_the_stream():
    clock = Hands()
    live_session, found = session(Slow(clock), Script(clock, live(50)), clock), []
    with pytest.raises(LostStreamError):
        for _, events in live_session.results():
            found += events
    assert [event.label for event in found] == [0, 1] or [event.label for event in found] == [1]
    assert found[-1].end_s == pytest.approx(5.0, abs=0.11)


class Standing:
    """A pose estimator that finds one person in each frame."""

    def estimate(self, frames, boxes=None):
        body = np.random.default_rng(0).uniform(5, 60, (1, 17, 2))
        return [Persons(np.array([[5.0, 5, 60, 60]]), np.ones(1), body, np.ones((1, 17))) for _ in frames]


@pytest.mark.parametrize("kind", ["rgb", "pose"])
def test_a_played_video_gives_the_windows_and_events_of_the_file(kind, request, clip_files, monkeypatch):
    """With a queue that takes all frames, and handed over one by one, whatever the speed of this computer."""
    model = Recognizer.load(*request.getfixturevalue(kind), device="cpu").model
    poses = None
    if kind == "pose":
        monkeypatch.setitem(backends.BACKENDS, "walker", lambda options: Standing())
        poses = VideoPoses("walker")
    source, clock = live_source(str(clip_files["video"])), Hands()
    windows = LiveWindows(window_model(model, source.name, poses), 1.5, 1.0, clock)
    found = [p for frame in watch(source, clock) for p in windows.add([frame])] + windows.finish()
    assert clock.time - 100 == pytest.approx(3.9, abs=0.01)
    assert spans(found) == [(0, 1.5), (1, 2.5), (2, 3.5), (2.5, 4)]
    if kind == "rgb":
        expected = classify_windows(model, as_clip(clip_files["video"]), 1.5, 1.0)
        for one, other in zip(found, expected, strict=True):
            assert one.scores == pytest.approx(other.scores, abs=1e-5)
        (one,), (other,) = find_events(found, 0.1), find_events(expected, 0.1)
        assert (one.label, one.start_s, one.end_s) == (other.label, other.start_s, pytest.approx(other.end_s))
    else:
        assert not any(p.nobody for p in found) and {p.clip for p in found} == {source.name}


def test_a_model_of_optical_flow_is_refused(rgb):
    model = Recognizer.load(*rgb, device="cpu").model
    model.cfg.test_dataloader.dataset.modality = "Flow"
    with pytest.raises(ValueError, match="optical flow"):
        window_model(model, "camera 0")
