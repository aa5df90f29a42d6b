"""Cameras, addresses and played files as sources of frames."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av
import numpy as np
import pytest

from mmaction.io.video import VideoError, open_video
from mmaction.io.video.live import Media, live_source


def write(path, count=20, **options):
    with av.open(str(path), "w", **options) as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        for shade in range(count):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((32, 48, 3), 8 * shade, np.uint8))))
        file.mux(stream.encode())
    return path


@pytest.fixture
def served(tmp_path):
    """The address of a server that gives a transport stream without its length, as a camera does."""
    content = write(tmp_path / "live.ts", format="mpegts").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self.send_response(404 if "absent" in self.path else 200)
            self.send_header("Content-Type", "video/mp2t")
            self.send_header("Connection", "close")
            if self.path == "/ends.ts":
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content))
            else:
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_file_gives_the_frames_and_times_of_the_reader(tmp_path):
    path = write(tmp_path / "clip.mp4")
    source = live_source(str(path))
    found = list(source.frames())
    reader = open_video(path)
    assert source.is_recorded and [time for time, _ in found] == pytest.approx(reader.info.times.tolist())
    for (_, image), (_, expected) in zip(found, reader.images(), strict=True):
        np.testing.assert_array_equal(image, expected)


def test_a_stream_gives_frames_without_times(served):
    source = live_source(f"{served}/ends.ts")
    found = list(source.frames())
    assert not source.is_recorded and len(found) == 20 and {time for time, _ in found} == {None}
    assert found[3][1].shape == (32, 48, 3) and found[3][1].mean() == pytest.approx(24, abs=3)


def test_a_stream_that_breaks_off_is_an_error_after_what_came(served):
    frames, count = live_source(f"{served}/breaks.ts").frames(), 0
    with pytest.raises(ConnectionError, match=r"breaks\.ts cannot be read"):
        for count, _ in enumerate(frames, 1):
            pass
    assert count >= 15


@pytest.mark.parametrize(
    ("text", "error", "word"),
    [
        ("97", FileNotFoundError, "camera 97 is not there"),
        ("SERVED/absent.ts", ConnectionError, "absent.ts cannot be read"),
        ("rtsp://127.0.0.1:9/live", ConnectionError, "refused"),
        ("FOLDER/clpi.mp4", FileNotFoundError, "did you mean .*clip.mp4"),
        ("FOLDER/notes.txt", VideoError, "notes.txt cannot be played"),
        ("webcam", FileNotFoundError, "a camera is a number"),
    ],
)
def test_what_is_not_there_is_named(text, error, word, served, tmp_path, capfd):
    write(tmp_path / "clip.mp4")
    (tmp_path / "notes.txt").write_text("no video")
    text = text.replace("SERVED", served).replace("FOLDER", str(tmp_path))
    with pytest.raises(error, match=word):
        next(live_source(text).frames())
    assert capfd.readouterr().err == "", "the libraries say nothing beside"


def test_damaged_packets_of_a_stream_are_passed_over_and_in_a_file_they_are_an_error(tmp_path):
    path, whole = tmp_path / "harmed.mkv", tmp_path / "whole.mkv"
    with av.open(str(whole), "w") as file:
        stream = file.add_stream("libx264", rate=10, options={"g": "1"})
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        for shade in range(12):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((72, 96, 3), 20 * shade, np.uint8))))
        file.mux(stream.encode())
    with av.open(str(whole)) as source, av.open(str(path), "w") as file:
        stream = file.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.size:
                content = bytes(packet) if number != 6 else np.random.default_rng(0).bytes(packet.size)
                copy = av.Packet(content)
                copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
                copy.is_keyframe, copy.stream = True, stream
                file.mux(copy)
    as_stream = Media(str(path), is_file=False)
    assert sum(1 for _ in as_stream.frames()) == 11 and as_stream.damaged == 1
    with pytest.raises(VideoError, match=r"harmed\.mkv cannot be played"):
        list(Media(str(path), is_file=True).frames())
