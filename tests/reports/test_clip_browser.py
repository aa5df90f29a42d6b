"""The page of the clips of a test: what it is told, how it is served, and that it works in a browser."""

import http.client
import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import replace

import numpy as np
import pytest
from fixtures.browser import browser  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st
from stick_figure import FRAMES, annotation, write_video

from mmaction.cli import view
from mmaction.engine.results.writer import write_result
from mmaction.io.annotations import save_annotations
from mmaction.io.marks import Mark, read_marks, write_marks
from mmaction.label_spaces import load_label_space
from mmaction.reports.clip_browser import ClipBrowser
from mmaction.reports.clip_server import ClipServer, byte_range
from mmaction.structures import Result

NAMES = ("walk", "run", "old", "gone")  # an MP4, another, one that browsers do not play, none


@pytest.fixture
def result(tmp_path):
    """The folder of a test of four clips of a 3-class space, beside their skeletons and videos."""
    (tmp_path / "videos").mkdir()
    for name in ("walk.mp4", "run.mp4", "old.avi"):
        write_video(tmp_path / "videos" / name)
    save_annotations(tmp_path / "poses.pkl", [annotation(name) for name in ("walk", "run", "old")])
    (tmp_path / "classes.csv").write_text("label,name,turns,position\n0,<b>a</b>,1,tuck\n1,b,2,tuck\n2,c,2,pike\n")
    space = load_label_space(tmp_path / "classes.csv")
    scores = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]], np.float32)
    meta = {"frames": np.full(4, FRAMES), "pose_quality": np.array([0.9, 0.4, 0.8, np.nan])}
    run = {"data": {"ann_file": str(tmp_path / "poses.pkl")}}
    found = Result(NAMES, [0, 1, 2, 2], scores, space.names, meta, space, run=run)
    write_result(tmp_path / "run/test", found)
    return tmp_path / "run/test"


@contextmanager
def served(result):
    server = ClipServer(
        ClipBrowser(Result.load(result), "run/test", result.parents[1] / "videos"), result / "marks.csv"
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def ask(result):
    """Sends one request to the server of the result; returns status, headers and content."""
    with served(result) as server:
        port = server.server_address[1]

        def ask(path, method="GET", body=None, **headers):
            connection = http.client.HTTPConnection("127.0.0.1", port)
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, json.dumps(body) if isinstance(body, dict) else body, headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, dict(answer.getheaders()), content

        yield ask


def test_page_holds_the_table_and_nothing_of_other_sites(ask):
    status, headers, page = ask("/")
    text = page.decode()
    assert status == 200 and "http" not in text.replace("http-equiv", "")
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    table = json.loads(text.split('id="table">')[1].split("</script>")[0])
    assert table["columns"] == ["id", "labels", "top", "own", "frames", "pose_quality"]
    assert table["clips"][1] == ["run", [1], [[2, 0.6], [1, 0.3], [0, 0.1]], 0.3, FRAMES, 0.4]
    assert table["clips"][3][5] is None
    assert table["attributes"]["turns"] == ["1", "2", "2"]
    assert "<b>a</b>" not in text


def test_videos_are_sent_in_ranges(ask, result):
    file = (result.parents[1] / "videos/walk.mp4").read_bytes()
    status, headers, content = ask("/media/0.mp4")
    assert (status, content, headers["Accept-Ranges"]) == (200, file, "bytes")
    status, headers, content = ask("/media/0.mp4", Range="bytes=5-14")
    assert (status, content, headers["Content-Range"]) == (206, file[5:15], f"bytes 5-14/{len(file)}")
    assert ask("/media/0.mp4", Range="bytes=-7")[2] == file[-7:]
    status, headers, _ = ask("/media/0.mp4", Range=f"bytes={len(file)}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(file)}")
    status, headers, content = ask("/media/0.mp4", "HEAD")
    assert (status, content, headers["Content-Length"]) == (200, b"", str(len(file)))


@given(
    st.integers(1, 50),
    st.one_of(st.none(), st.text(max_size=12), st.from_regex(r"bytes=\d{0,2}-\d{0,2}", fullmatch=True)),
)
def test_any_range_lies_in_the_file(size, header):
    with suppress(ValueError):
        part = byte_range(header, size)
        assert part is None or 0 <= part[0] < part[1] <= size


def test_clips_are_told_with_their_skeletons_and_what_cannot_be_played_is_named(ask):
    def told(index):
        status, _, content = ask(f"/clips/{index}.js")
        assert status == 200
        return json.loads(content.decode().removeprefix("showClip(").removesuffix(");\n"))

    walk, old, gone = told(0), told(2), told(3)
    assert walk["file"] == "media/0.mp4" and not walk["note"]
    assert np.shape(walk["skeleton"]["joints"]) == (1, FRAMES, 17, 2)
    assert not old["file"] and "old.avi (h264 in .avi)" in old["note"] and old["skeleton"]
    assert ask("/" + old["picture"])[2][:2] == b"\xff\xd8"
    assert "no video" in gone["note"] and gone["skeleton"] is None
    assert ask("/media/3.jpg")[0] == ask("/media/3.mp4")[0] == ask("/clips/4.js")[0] == ask("/../x")[0] == 404


def test_marks_are_kept_and_wrong_ones_refused(ask, result):
    def mark(**said):
        return ask("/marks", "POST", said, Content_Type="application/json")

    assert json.loads(mark(clip="walk", marked=True)[2]) == {"count": 1}
    assert json.loads(mark(clip="gone", marked=True, right=1)[2]) == {"count": 2}
    assert read_marks(result / "marks.csv") == [Mark("walk", (0,), None, "<b>a</b>"), Mark("gone", (2,), 1, "c", "b")]
    assert mark(clip="nobody", marked=True)[0] == mark(clip="walk", marked=True, right=3)[0] == 400
    assert mark(clip="walk", marked=True, right="b")[0] == mark(marked=True)[0] == 400
    assert ask("/marks", "POST", b"[", Content_Type="application/json")[0] == 400
    assert ask("/marks", "POST", {"clip": "walk", "marked": False}, Content_Type="text/plain")[0] == 400
    assert json.loads(mark(clip="walk", marked=False)[2]) == {"count": 1}


def test_other_pages_get_nothing(ask, result):
    assert ask("/", Host="evil.example")[0] == ask("/", Host="evil.example:80")[0] == 403
    assert ask("/", Host="localhost:9999")[0] == 200, "through a tunnel"
    said = {"clip": "walk", "marked": True}
    assert ask("/marks", "POST", said, Content_Type="application/json", Origin="http://evil.example")[0] == 403
    assert not (result / "marks.csv").exists()


TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1).filter(str.strip)
MARK = st.builds(
    Mark,
    TEXT,
    st.lists(st.integers(0, 99), min_size=1, max_size=3).map(tuple),
    st.none() | st.integers(0, 99),
    TEXT,
    TEXT,
)


@given(marks=st.lists(MARK, unique_by=lambda mark: mark.clip, max_size=4))
def test_marks_come_back(tmp_path_factory, marks):
    assert read_marks(write_marks(tmp_path_factory.mktemp("marks") / "marks.csv", marks)) == marks


def test_wrong_files_of_marks_are_named(tmp_path):
    for text, message in (("a,b\n", "columns"), ("clip,label\nx,one\n", "line 2"), ("clip,label\nx,1\nx,1\n", "again")):
        (tmp_path / "marks.csv").write_text(text)
        with pytest.raises(ValueError, match=message):
            read_marks(tmp_path / "marks.csv")


def test_command(result, tmp_path, monkeypatch, capsys):
    videos = ["--videos", str(tmp_path / "videos")]
    write_marks(result / "marks.csv", [Mark("run", (1,), 2), Mark("elsewhere", (0, 1), None, "a; b")])
    assert view.main([str(result), *videos, "--static", str(tmp_path / "page")]) == 0
    assert "4 clips" in capsys.readouterr().out
    written = {path.relative_to(tmp_path / "page").as_posix() for path in (tmp_path / "page").rglob("*.*")}
    assert written == {"index.html", *(f"clips/{i}.js" for i in range(4)), "media/0.mp4", "media/1.mp4", "media/2.jpg"}
    page = (tmp_path / "page/index.html").read_text()
    assert '"run": 2' in page and '["elsewhere", "0 1", "", "a; b", ""]' in page
    with pytest.raises(FileExistsError, match="page"):
        view.main([str(result), "--static", str(tmp_path / "page")])
    monkeypatch.setattr(ClipServer, "serve_forever", lambda self: None)
    assert view.main([str(result), *videos, "--errors", "--true", "1", "--predicted", "2"]) == 0
    out = capsys.readouterr().out
    assert "2 clips, 2 with a video, 2 with a skeleton; browsers do not play .avi" in out
    assert "#true=1&predicted=2" in out and "marks.csv" in out


def test_clips_without_errors_and_several_labels(result):
    found = Result.load(result)
    with pytest.raises(ValueError, match="all of the 2 clips are right"):
        ClipBrowser(found.select([0, 3]), "x").keep_errors()
    many = replace(found, labels=np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0]]))
    table = ClipBrowser(many, "x").table()
    assert [clip[1] for clip in table["clips"]] == [[0, 1], [1, 2], [2], []]


ROWS = "[...document.querySelectorAll('#list tr')].map(row => row.children[0].textContent)"
DRAWN = """(() => { const c = document.querySelector('#stage canvas'); if (!c) return false;
    return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v, i) => i % 4 < 3 && v > 100); })()"""
SET = """(() => {{ const field = document.getElementById('f-{}'); field.value = '{}';
    field.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"""


@pytest.mark.slow
def test_page_in_a_browser(result, browser, tmp_path):  # noqa: F811
    with served(result) as server:
        browser.open(server.address + "#outcome=wrong")
        assert browser.run(ROWS) == ["old", "run"], "the surest error stands first"
        browser.wait("document.getElementById('note').textContent.includes('old.avi (h264 in .avi)')")
        browser.run(SET.format("error", "only position"))
        assert browser.run(ROWS) == ["old", "run"]
        browser.run(SET.format("quality-high", "50"))
        assert browser.run(ROWS) == ["run"]
        browser.run("document.getElementById('reset').click()")
        assert len(browser.run(ROWS)) == 4
        browser.run("document.querySelectorAll('#list tr')[1].click()")
        browser.wait("document.querySelector('#stage video')?.readyState >= 2")
        browser.wait(DRAWN)
        browser.run("go(9)")
        browser.wait("document.querySelector('video').currentTime > 0.2 && !document.querySelector('video').seeking")
        assert browser.run("document.getElementById('frame').textContent") == f"frame 9 of {FRAMES}"
        browser.run("document.getElementById('mark').click()")
        browser.wait("!document.getElementById('right').hidden")
        browser.run("setMark(true, 2)")  # what a choice calls; it ends when the server has answered
        assert read_marks(result / "marks.csv") == [Mark("run", (1,), 2, "b", "c")]
        browser.open(server.address + "#outcome=marked")
        assert browser.run(ROWS) == ["run"], "a mark is there after a reload"
        assert not browser.errors
    browser_static(result, browser, tmp_path)


def browser_static(result, browser, tmp_path):  # noqa: F811
    """The folder works without a server, and keeps its marks in the browser."""
    view.main([str(result), "--videos", str(tmp_path / "videos"), "--static", str(tmp_path / "page")])
    browser.open((tmp_path / "page/index.html").as_uri())
    browser.run("choose(named.get('walk'))")
    browser.wait("document.querySelector('video')?.readyState >= 2")
    browser.wait(DRAWN)
    browser.run("document.getElementById('mark').click()")
    (tmp_path / "saved.csv").write_text(browser.run("csv()"))
    assert read_marks(tmp_path / "saved.csv") == [Mark("run", (1,), 2, "b", "c"), Mark("walk", (0,), None, "<b>a</b>")]
    assert not browser.errors
