"""Recognize actions in what a camera shows: ``tools/infer.py --camera``."""

import argparse
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Thread

from mmaction.apis.event_files import check_event_files, event_line, event_text, write_events
from mmaction.apis.events import NOTHING, EventFinder
from mmaction.apis.live import LiveSession, window_model
from mmaction.apis.live_frames import LostStreamError
from mmaction.apis.predictions import class_name
from mmaction.cli.classify import Classifier, check_outputs
from mmaction.io.video.live import LiveSource, live_source
from mmaction.structures.events import Event
from mmaction.utils.cli import ToolStop
from mmaction.visualization.screen import Screen, screen_problem

WINDOW_S = 2.0  # where --window does not say
REDRAW_S = 0.03  # from one picture on the screen to the next


class EventLog:
    """Tells events when they are over: on the standard output, and in the files of ``--events``.

    A file ``*.jsonl`` gets a line for each at once; the others are written at the end.
    """

    def __init__(self, name: str, names: Sequence[str] | None, as_json: bool, paths: Sequence[Path]) -> None:
        self._name, self.names, self._as_json, self._paths = name, names, as_json, paths
        self.began: datetime | None = None  # when a stream began that is live
        self._events: list[Event] = []

    def tell(self, event: Event) -> None:
        """Tell one event."""
        self._events.append(event)
        at = self.began and self.began + timedelta(seconds=event.start_s)
        line = event_line(
            event, self.names, self._name, **({"at": at.isoformat(timespec="milliseconds")} if at else {})
        )
        for path in self._paths:
            if is_log(path):
                with path.open("w" if len(self._events) == 1 else "a", encoding="utf-8") as file:
                    print(line, file=file)
        print(line if self._as_json else event_text(event, self.names), flush=True)

    def close(self) -> None:
        """Write the files that are not there yet."""
        for path in self._paths:
            if not (is_log(path) and self._events):
                write_events(self._events, self.names, self._name, path)


def is_log(path: Path) -> bool:
    """Whether a file grows line by line."""
    return path.suffix.lower() == ".jsonl"


@contextmanager
def ended_by_signals(session: LiveSession) -> Iterator[list[int]]:
    """Let Ctrl-C and SIGTERM end the stream; gives a list that holds the signal then. A second one ends the program."""
    seen: list[int] = []

    def end(number: int, _: object) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)
        session.stop()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Watcher:
    """A session with what is told of it."""

    def __init__(self, session: LiveSession, finder: EventFinder, log: EventLog, source: LiveSource) -> None:
        self.session, self._finder, self._log, self._source = session, finder, log, source
        self.now: tuple[str, float] | None = None  # what happens, and its score
        self.error: BaseException | None = None
        self._begin = time.monotonic()

    def follow(self) -> None:
        """Tell the events until the stream ends."""
        try:
            for prediction, events in self.session.results():
                if self._log.began is None and not self._source.is_recorded and (newest := self.session.queue.newest):
                    passed = timedelta(seconds=newest.time_s)
                    self._log.began = datetime.now(timezone.utc) - passed
                if prediction is not None:
                    label = self._finder.label(prediction.scores)
                    name = class_name(self._log.names, label)
                    self.now = None if label == NOTHING else (name, float(prediction.scores[label]))
                for event in events:
                    self._log.tell(event)
        except BaseException as error:
            self.error = error

    def show(self, screen: Screen) -> None:
        """Show the newest frame until the stream ends or the user ends it; the work is done beside."""
        work = Thread(target=self.follow, name="model")
        work.start()
        try:
            while work.is_alive():
                if (frame := self.session.queue.newest) and not screen.show(frame.image, self.now, self.status()):
                    break
                time.sleep(REDRAW_S)
        finally:
            self.session.stop()
            work.join()
            screen.close()

    def status(self) -> list[str]:
        """Return lines about speed and delay."""
        counts, dropped = self.session.counts, self.session.queue.dropped
        passed = time.monotonic() - self._begin
        lines = [f"{counts.frames / max(passed, 1e-3):.1f} frames/s, delay {counts.mean_delay_s:.2f} s"]
        return lines + ([f"{dropped} frames dropped"] if dropped else [])

    def summary(self) -> str:
        """Say what was done."""
        counts, queue = self.session.counts, self.session.queue
        passed = time.monotonic() - self._begin
        rate = f"{counts.frames} frames in {passed:.1f} s ({counts.frames / max(passed, 1e-3):.1f} a second)"
        late = f", {counts.skipped} left out" if counts.skipped else ""
        delay = f"delay {counts.mean_delay_s:.2f} s on average, {counts.longest_s:.2f} s at most"
        return f"{rate}, {queue.dropped} dropped; {counts.windows} windows{late}, {delay}"


def run(args: argparse.Namespace, source: LiveSource | None = None) -> int:
    """Watch the camera that the options of tools/infer.py name; return the exit code."""
    source = source or live_source(args.camera)
    paths = [Path(path) for path in args.events or ()]
    check_event_files(paths)
    check_outputs(paths, [args.camera], args.overwrite)
    problem = "" if args.headless else screen_problem()
    if problem:
        print(f"{problem}: going on without a window, as with --headless", file=sys.stderr)
    classifier = Classifier(args)
    window_s = args.window or WINDOW_S
    finder = EventFinder(args.threshold, args.min_event, classifier.background)
    session = LiveSession(
        window_model(classifier.model, source.name, classifier.poses),
        source,
        window_s,
        args.stride or window_s / 2,
        finder,
        args.queue,
        args.retries,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    is_headless = bool(args.headless or problem)
    log = EventLog(source.name, classifier.names, is_headless or args.format == "json", paths)
    watcher = Watcher(session, finder, log, source)
    with ended_by_signals(session) as signals:
        watcher.follow() if is_headless else watcher.show(Screen(source.name))
    if session.counts.frames:
        log.close()
        print(watcher.summary(), file=sys.stderr)
    if isinstance(watcher.error, LostStreamError):
        raise ToolStop(str(watcher.error))
    if watcher.error is not None:
        raise watcher.error
    return 128 + signals[0] if signals else 0
