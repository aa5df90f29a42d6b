"""Everything that can be named to be classified: from Python and from the command line."""

import json
import pickle
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import numpy as np
import pytest

from mmaction.apis import Recognizer
from mmaction.apis.inputs import expand_inputs
from mmaction.cli import infer
from mmaction.structures.events import Event


class Quiet(SimpleHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def log_message(self, *_):
        self.asked.append(self.path)


@pytest.fixture(scope="module")
def place(tmp_path_factory, clip_files):
    """A folder with all kinds of inputs, and its address on the web."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "videos" / "deep").mkdir(parents=True)
    for name in ("videos/one.mp4", "videos/deep/two-12345678.mp4"):
        shutil.copy(clip_files["video"], folder / name)
    shutil.copytree(clip_files["frames"], folder / "frames")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("named", "clips"),
    [
        ("FOLDER/videos/one.mp4", ["FOLDER/videos/one.mp4"]),
        ("FOLDER/videos", ["FOLDER/videos/deep/two-12345678.mp4", "FOLDER/videos/one.mp4"]),
        ("FOLDER/videos/*.mp4", ["FOLDER/videos/one.mp4"]),
        ("FOLDER/**/t*.mp4", ["FOLDER/videos/deep/two-12345678.mp4"]),
        ("FOLDER/frames", ["FOLDER/frames"]),
        ("WEB/videos/one.mp4?size=1", ["WEB/videos/one.mp4?size=1"]),
        ("WEB/videos/deep/two-12345678.mp4", ["WEB/videos/deep/two-12345678.mp4"]),
    ],
)
def test_what_is_named_is_classified_alike_from_python_and_from_the_command_line(rgb, place, named, clips, capsys):
    def located(text):
        return text.replace("FOLDER", str(place[0])).replace("WEB", place[1])

    found = Recognizer.load(*rgb, device="cpu").predict(located(named))
    assert [p.clip for p in found] == [located(clip) for clip in clips]
    assert infer.main([*map(str, rgb), located(named), "--format", "json", "--device", "cpu"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [entry["input"] for entry in entries] == [p.clip for p in found]
    for prediction, entry in zip(found, entries, strict=True):
        assert entry["top"][0]["score"] == pytest.approx(prediction.score, abs=1e-5)


def test_arrays_and_skeletons_from_python(rgb, pose, clip_files, tmp_path):
    recognizer = Recognizer.load(*rgb, device="cpu")
    array, video = recognizer.predict(clip_files["array"], clip_files["video"])
    assert array.scores == pytest.approx(video.scores, abs=1e-5)
    assert recognizer(clip_files["array"]).scores == pytest.approx(video.scores, abs=1e-5)
    keypoint = np.random.default_rng(0).uniform(5, 45, (1, 12, 17, 2)).astype(np.float32)
    info = {"keypoint": keypoint, "img_shape": (50, 50), "frame_dir": "walk", "total_frames": 12}
    info["keypoint_score"] = np.ones((1, 12, 17), np.float32)
    (tmp_path / "s.pkl").write_bytes(pickle.dumps([info, {**info, "frame_dir": "run"}]))
    walker = Recognizer.load(*pose, device="cpu")
    assert [p.clip for p in walker.predict(tmp_path / "s.pkl", info)] == ["walk", "run", "walk (2)"]
    with pytest.raises(ValueError, match=r"Recognizer\.predict"):
        walker(tmp_path / "s.pkl")


def test_a_file_on_the_web_is_fetched_once_and_cut_like_others(rgb, place, cache, tmp_path, capsys):
    Quiet.asked.clear()
    address = f"{place[1]}/videos/one.mp4"
    call = [*map(str, rgb), address, "--window", "1", "--threshold", "0", "--cut", str(tmp_path / "cut")]
    assert infer.main(call) == 0 and list((tmp_path / "cut").glob("*_one_001_*.mp4"))
    assert infer.main(call[:-2]) == 0
    assert Quiet.asked == ["/videos/one.mp4"] and len(list(cache.rglob("*one.mp4"))) == 1
    assert "using the copy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "error", "word"),
    [
        ("WEB/absent.mp4", ConnectionError, "could not download .*absent.mp4"),
        ("rtsp://host/live", ValueError, "--camera rtsp://host/live"),
        ("FOLDER/videos/ome.mp4", FileNotFoundError, "did you mean .*one.mp4"),
        ("FOLDER/*.avi", FileNotFoundError, "no file matches"),
    ],
)
def test_what_is_not_there_is_named_and_nothing_is_left(rgb, place, cache, text, error, word):
    text = text.replace("FOLDER", str(place[0])).replace("WEB", place[1])
    for call in (Recognizer.load(*rgb, device="cpu").predict, lambda path: infer.main([*map(str, rgb), path])):
        with pytest.raises(error, match=word):
            call(text)
    assert not list(cache.rglob("*.mp4"))


def test_addresses_are_no_patterns_and_no_paths():
    assert expand_inputs(["https://host/a//b.mp4?x=[1]"]) == ["https://host/a//b.mp4?x=[1]"]


def test_a_camera_from_python(rgb, clip_files, monkeypatch):
    from mmaction.apis.live_frames import Clock

    monkeypatch.setattr(Clock, "sleep", lambda self, seconds: None)
    (event,) = Recognizer.load(*rgb, device="cpu").watch(clip_files["video"], window_s=60, threshold=0.1)
    assert isinstance(event, Event) and (event.start_s, event.end_s) == (0, pytest.approx(4.0))


def test_a_recognizer_shows_its_classes_in_a_notebook(rgb):
    assert "jump, turn, rest" in Recognizer.load(*rgb, device="cpu")._repr_html_()
