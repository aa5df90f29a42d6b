"""tools/infer.py --camera as a user calls it; cameras are scripts and played files, the time is ours."""

import json
import signal
import threading

import numpy as np
import pytest

from mmaction.apis.live_frames import Clock
from mmaction.cli import infer, watch
from mmaction.structures.events import Event
from mmaction.utils.cli import run_tool
from mmaction.visualization import screen

IMAGE = np.zeros((24, 32, 3), np.uint8)
SETTINGS = ("--window", "60", "--threshold", "0.01", "--queue", "9999")  # one window, however fast this computer is


class Script:
    """A camera that shows ``count`` frames and then is over, breaks off, or calls ``then``."""

    name, is_recorded = "camera 7", True

    def __init__(self, count=30, then=None, is_recorded=True):
        self.count, self.then, self.is_recorded = count, then, is_recorded

    def frames(self):
        for index in range(self.count):
            yield index / 10 if self.is_recorded else None, IMAGE
        if callable(self.then):
            self.then()
        elif self.then is not None:
            raise self.then


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(Clock, "sleep", lambda self, seconds: None)


@pytest.fixture
def call(rgb, capsys, monkeypatch):
    """Run the tool on a source; returns its exit code, output and errors."""

    def run(source, *options, code=0):
        arguments = [*map(str, rgb), "--camera", "7", *SETTINGS, *map(str, options)]
        with pytest.raises(SystemExit) as ended:
            run_tool(lambda: watch.run(infer.parse_args(arguments), source))
        captured = capsys.readouterr()
        assert ended.value.code == code, captured.err
        assert "Traceback" not in captured.err
        return captured.out, captured.err

    return run


def test_headless_events_are_json_lines_and_files(call, tmp_path):
    files = [tmp_path / name for name in ("e.jsonl", "e.csv")]
    out, err = call(Script(), "--headless", "--events", *files)
    row = json.loads(out)
    assert row["clip"] == "camera 7" and row["start_s"] == 0 and row["end_s"] == pytest.approx(3.0)
    assert row["name"] in {"jump", "turn", "rest"} and "at" not in row
    assert files[0].read_text() == out and files[1].read_text().count("\n") == 2
    assert "30 frames in" in err and "0 dropped" in err and "delay" in err
    with pytest.raises(FileExistsError):
        watch.run(infer.parse_args(["c.py", "w.pth", "--camera", "7", "--events", str(files[0])]), Script())


def test_what_is_live_tells_the_time_of_day_and_its_loss_has_code_1(call, tmp_path):
    source = Script(then=ConnectionError("camera 7 was pulled out"), is_recorded=False)
    out, err = call(source, "--headless", "--retries", 0, "--events", tmp_path / "e.json", code=1)
    assert json.loads(out.splitlines()[0])["at"].endswith("+00:00")
    assert json.loads((tmp_path / "e.json").read_text())["events"]
    assert err.splitlines()[-1] == (
        "stopped: camera 7 is lost: camera 7 was pulled out; gave up after 0 attempts to connect again"
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_stream_and_all_is_told(call, number, code, tmp_path):
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    source = Script(is_recorded=False, then=lambda: signal.pthread_kill(threading.main_thread().ident, number))
    out, _ = call(source, "--headless", "--retries", 9999999, "--events", tmp_path / "e.jsonl", code=code)
    assert json.loads(out.splitlines()[-1])["clip"] == "camera 7" and (tmp_path / "e.jsonl").read_text() == out
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_a_camera_that_is_not_there_leaves_nothing(call, tmp_path):
    source = Script(0, FileNotFoundError("camera 7 is not there"), is_recorded=False)
    out, err = call(source, "--headless", "--events", tmp_path / "e.jsonl", tmp_path / "e.csv", code=2)
    assert out == "" and err.startswith("error: camera 7 is not there") and not list(tmp_path.iterdir())


class Window:
    """Stands for the window of OpenCV; ``keys`` are pressed one after another."""

    def __init__(self, monkeypatch, keys=(), visible=1.0):
        self.shown, self.keys, self.closed = [], list(keys), False
        monkeypatch.setattr(screen.cv2, "imshow", lambda title, image: self.shown.append((title, image)))
        monkeypatch.setattr(screen.cv2, "waitKey", lambda delay: self.keys.pop(0) if self.keys else -1)
        monkeypatch.setattr(screen.cv2, "getWindowProperty", lambda title, flag: visible)
        monkeypatch.setattr(screen.cv2, "destroyAllWindows", lambda: setattr(self, "closed", True))
        monkeypatch.setattr(watch, "screen_problem", lambda: "")


def test_q_closes_the_window_and_the_stream(call, monkeypatch):
    window = Window(monkeypatch, [-1, ord("q")])
    over = threading.Event()
    out, _ = call(Script(50, is_recorded=False, then=lambda: over.wait(60)))
    over.set()
    assert window.closed and window.shown[0][0] == "camera 7" and window.shown[0][1].shape == IMAGE.shape
    assert " to 0:0" in out.splitlines()[-1], "events for people to read"


def test_the_window_shows_what_happens_and_the_delay(monkeypatch):
    window = Window(monkeypatch)
    picture = screen.Screen("camera 7")
    assert picture.show(np.full((240, 320, 3), 200, np.uint8), ("jump", 0.9), ["delay 0.20 s"])
    ((_, image),) = window.shown
    assert (image[:20, :60] != 200).any() and (image[-20:, :60] != 200).any() and (image[100:120] == 200).all()
    Window(monkeypatch, visible=0.0)
    assert picture.show(IMAGE, None, []) is False, "the user has closed it"


def test_without_a_display_it_goes_on_headless_and_says_so(call, monkeypatch):
    monkeypatch.setattr(watch, "screen_problem", lambda: "there is no display")
    out, err = call(Script())
    assert "there is no display: going on without a window" in err and json.loads(out.splitlines()[0])


def test_a_file_is_played_from_the_command_line(rgb, clip_files, capsys):
    call = [*map(str, rgb), "--camera", str(clip_files["video"]), "--headless", *SETTINGS]
    assert infer.main(call) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["end_s"] == pytest.approx(4.0, abs=0.01)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["clip.mp4", "--camera", "0"], "no other input"),
        (["--camera", "0", "--out", "o.mp4"], "--out: not with --camera"),
        (["clip.mp4", "--headless"], "--headless: only with --camera"),
        (["--camera", "0", "--retries", "-1"], "--retries -1"),
        (["--camera", "0", "--queue", "0"], "at least 1"),
    ],
)
def test_options_that_contradict_end_with_code_2(options, word, capsys):
    with pytest.raises(SystemExit) as ended:
        infer.parse_args(["config.py", "weights.pth", *options])
    assert ended.value.code == 2 and word in capsys.readouterr().err


def test_a_log_without_events_is_an_empty_file(tmp_path, capsys):
    log = watch.EventLog("a", None, True, [tmp_path / "e.jsonl", tmp_path / "e.srt"])
    log.close()
    assert (tmp_path / "e.jsonl").read_text() == (tmp_path / "e.srt").read_text() == ""
    log.tell(Event(1, 0.0, 1.0, 0.5))
    assert json.loads(capsys.readouterr().out)["name"] == "class 1"
