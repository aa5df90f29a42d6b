import os
import random
import sys
from io import BytesIO
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmaction.io import video as decoders
from mmaction.io.video import Frame, open_video, probe
from mmaction.io.video.backends import DecordReader, OpenCVReader, TorchCodecReader
from mmaction.io.video.pyav_reader import PyAVReader

try:
    import torchcodec.decoders  # noqa: F401

    BACKENDS = ("auto", "decord", "opencv", "torchcodec")
except (ImportError, RuntimeError):  # absent, or without a system FFmpeg
    BACKENDS = ("auto", "decord", "opencv")


@pytest.mark.parametrize("backend", BACKENDS)
def test_index_i_is_the_ith_frame(videos, video_tools, stream, backend):
    rng = random.Random(f"{stream} {backend}")
    assert open_video(videos[stream], backend).num_frames == video_tools.frames
    for count in (1, 1, 2, 7, video_tools.frames):
        wanted = sorted(rng.sample(range(video_tools.frames), count))
        found = [
            (index, video_tools.read_number(frame.rgb()))
            for index, frame in open_video(videos[stream], backend).frames(wanted)
        ]
        assert found == [(index, index) for index in wanted]


def test_decoders_agree_to_the_last_bit(videos, stream):
    wanted = [0, 13, 14, 37, 59]
    by_backend = [
        np.stack([frame.rgb() for _, frame in open_video(videos[stream], backend).frames(wanted)])
        for backend in BACKENDS
    ]
    for images in by_backend[1:]:
        np.testing.assert_array_equal(images, by_backend[0])


def test_a_quarter_turn_stored_in_the_header_is_carried_out(videos, video_tools):
    for backend in BACKENDS:
        _, frame = next(open_video(videos["upside_right.mp4"], backend).frames([11]))
        assert frame.rgb().shape == (96, 208, 3) and frame.shape == (96, 208)
        assert video_tools.read_number(frame.rgb()) == 11
        assert frame.scaled((48, 104)).shape == (48, 104, 3)
        assert video_tools.read_number(frame.scaled((48, 104))) == 11


@pytest.mark.parametrize("backend", BACKENDS)
def test_phone_video_is_upright(shared, backend):
    frames = [frame.rgb() for _, frame in open_video(shared / "data/video/video_90.mov", backend).frames([0, 1, 2])]
    assert [image.shape for image in frames] == [(568, 320, 3)] * 3


def test_decord_reads_what_it_reads_exactly_and_nothing_else(videos):
    by_decord = {name for name, path in videos.items() if isinstance(open_video(path, "decord"), DecordReader)}
    assert by_decord == {
        *("h264_b.mp4", "h264_b.mkv", "one_key_frame.mp4", "all_key_frames.mp4"),
        *("vp9.webm", "variable_rate.mp4", "upside_right.mp4"),
    }


@pytest.mark.parametrize(
    ("backend", "kind"),
    [("auto", PyAVReader), ("pyav", PyAVReader), ("opencv", OpenCVReader), ("decord", DecordReader)],
)
def test_backend_picks_the_reader(videos, backend, kind):
    assert type(open_video(videos["h264_b.mp4"], backend)) is kind


def test_pyav_takes_over_where_decord_fails_to_open(videos, monkeypatch):
    def fail(*args):
        raise ValueError("no")

    monkeypatch.setitem(decoders.READERS, "decord", fail)
    assert isinstance(open_video(videos["h264_b.mp4"], "decord"), PyAVReader)


def test_unknown_backend_lists_the_known():
    known = "auto, pyav, decord, opencv, torchcodec, torchcodec-cuda"
    with pytest.raises(ValueError, match=rf"{known}; got 'pyva'; did you mean pyav\?"):
        open_video("x.mp4", "pyva")


@pytest.mark.skipif("torchcodec" not in BACKENDS, reason="needs torchcodec and a system FFmpeg")
def test_torchcodec_reads_what_it_reads_exactly(videos):
    used = {name for name, path in videos.items() if isinstance(open_video(path, "torchcodec"), TorchCodecReader)}
    assert used == {name for name in videos if not name.endswith((".avi", ".ts", ".mpg"))}


def test_torchcodec_that_is_not_installed_is_named(videos, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchcodec", None)
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", None)
    with pytest.raises(ModuleNotFoundError, match="pip install torchcodec"):
        open_video(videos["h264_b.mp4"], "torchcodec")


def test_decoding_on_a_gpu_needs_one(videos, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match="needs an NVIDIA GPU"):
        open_video(videos["h264_b.mp4"], "torchcodec-cuda")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda._is_in_bad_fork", lambda: True)
    with pytest.raises(RuntimeError, match="set num_workers=0"):
        open_video(videos["h264_b.mp4"], "torchcodec-cuda")


def test_a_gpu_decodes_and_the_frames_come_back(videos, monkeypatch):
    asked = []

    class VideoDecoder:
        def __init__(self, content, **options):
            asked.append(options)

        def __len__(self):
            return 60

        def get_frames_at(self, indices):
            return SimpleNamespace(data=torch.tensor(indices, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 4, 6, 3))

    library = ModuleType("torchcodec.decoders")
    library.VideoDecoder = VideoDecoder
    monkeypatch.setitem(sys.modules, "torchcodec", ModuleType("torchcodec"))
    monkeypatch.setitem(sys.modules, "torchcodec.decoders", library)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda._is_in_bad_fork", lambda: False)
    frames = list(open_video(videos["h264_b.mp4"], "torchcodec-cuda").frames([7, 3]))
    assert asked == [{"device": "cuda", "dimension_order": "NHWC"}]
    assert [(index, int(frame.rgb()[0, 0, 0])) for index, frame in frames] == [(3, 3), (7, 7)]


@pytest.mark.gpu
def test_a_gpu_decodes_the_frames_of_the_cpu(videos):
    pytest.importorskip("torchcodec.decoders")
    wanted = [0, 13, 14, 37, 59]
    for name in ("h264_b.mp4", "hevc.mp4"):
        cpu, gpu = (
            np.stack([frame.rgb() for _, frame in open_video(videos[name], backend).frames(wanted)]).astype(int)
            for backend in ("auto", "torchcodec-cuda")
        )
        assert np.abs(cpu - gpu).mean() < 3 and np.abs(cpu - gpu).max() < 60
        assert np.abs(cpu[1] - gpu[2]).mean() > np.abs(cpu[1] - gpu[1]).mean()


@pytest.mark.parametrize("backend", BACKENDS)
def test_content_in_memory_reads_like_the_file(videos, video_tools, backend):
    content = BytesIO(videos["h264_b.mp4"].read_bytes())
    reader = open_video(content, backend)
    for _ in range(2):
        assert [video_tools.read_number(frame.rgb()) for _, frame in reader.frames([3, 50])] == [3, 50]


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_threads_change_nothing(videos, video_tools, threads):
    for backend in BACKENDS:
        frames = open_video(videos["h264_b.mp4"], backend, threads).frames(range(0, 60, 7))
        assert [video_tools.read_number(frame.rgb()) for _, frame in frames] == list(range(0, 60, 7))


def test_wanted_frames_are_decoded_once_and_others_hardly(videos, monkeypatch):
    import av

    decoded = []
    original = PyAVReader._decode_run

    def count(self, container, stream, run):
        for frame in original(self, container, stream, run):
            decoded.append(frame.pts)
            yield frame

    monkeypatch.setattr(PyAVReader, "_decode_run", count)
    wanted = [7, 7, 3, 40, 3]
    assert [index for index, _ in open_video(videos["h264_b.mp4"]).frames(wanted)] == [3, 7, 40]
    assert len(decoded) == len(set(decoded)) == 3
    assert av.__name__ == "av"


def test_index_outside_the_video_is_named(videos):
    path = videos["h264_b.mp4"]
    for wanted, named in (([3, 60], "60"), ([-1, 3], "-1")):
        with pytest.raises(ValueError, match=rf"h264_b.mp4 has frames 0 to 59, asked for frame {named}"):
            list(open_video(path).frames(wanted))


def test_a_reader_that_leaves_frames_out_is_found_out(videos):
    class Gap(PyAVReader):
        def decode(self, indices):
            yield from ((index, Frame(np.zeros((2, 2, 3), np.uint8))) for index in indices if index != 2)

    frames = Gap(videos["h264_b.mp4"]).frames([1, 2, 3])
    assert next(frames)[0] == 1
    with pytest.raises(ValueError, match=r"h264_b.mp4: frame 2 cannot be decoded"):
        next(frames)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("truncated", "cannot be opened as a video"),
        ("empty", "the file is empty"),
        ("text", "cannot be opened as a video"),
        ("audio", "it has no video stream"),
    ],
)
def test_what_is_no_video_is_named(broken_videos, backend, fault, message):
    with pytest.raises(ValueError, match=rf"{fault}\.mp4 cannot be opened.*{message}|{message}"):
        open_video(broken_videos[fault], backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_missing_video_is_named(tmp_path, backend):
    with pytest.raises(FileNotFoundError, match=r"there is no video .*nowhere\.mp4: check the list"):
        open_video(tmp_path / "nowhere.mp4", backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_damage_in_the_middle_spoils_only_what_follows(shared, backend):
    path = shared / "data/video/corrupted.mp4"
    assert open_video(path, backend).num_frames == 50
    assert len(list(open_video(path, backend).frames(range(20)))) == 20
    with pytest.raises(ValueError, match=r"corrupted\.mp4: frame 28 cannot be decoded, although.*promises 50 frames"):
        list(open_video(path, backend).frames(range(50)))


def test_a_changed_file_is_probed_again(tmp_path, video_tools):
    path = video_tools.write(tmp_path / "clip.mp4", frames=10)
    assert probe(path).num_frames == 10
    video_tools.write(path, frames=12)
    os.utime(path, ns=(1, 1))
    assert probe(path).num_frames == 12


@given(st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_give_frames_or_a_value_error(videos, stream, tmp_path, data):
    """Overwrite a stretch of the file, or cut it off; whatever comes out must be frames or one kind of error."""
    content = bytearray(videos[stream].read_bytes())
    start = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:start]
    else:
        content[start : start + 40] = data.draw(st.binary(min_size=1, max_size=40))
    path = tmp_path / f"damaged{videos[stream].suffix}"
    path.write_bytes(content)
    try:
        reader = open_video(path)
        frames = [frame.rgb() for _, frame in reader.frames(range(0, min(reader.num_frames, 200), 9))]
    except ValueError as error:
        assert path.name in str(error)
    else:
        assert all(frame.ndim == 3 and frame.dtype == np.uint8 for frame in frames)


@pytest.mark.parametrize("backend", BACKENDS)
def test_frames_before_the_damage_are_right(broken_videos, video_tools, backend):
    found = [
        video_tools.read_number(frame.rgb())
        for _, frame in open_video(broken_videos["damaged"], backend).frames([0, 3, 7])
    ]
    assert found == [0, 3, 7]
    with pytest.raises(ValueError, match=r"damaged\.mp4: frame \d+ cannot be decoded, although .* 60 frames"):
        list(open_video(broken_videos["damaged"], backend).frames([3, 59]))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("hidden", [5, 37])
def test_frames_that_an_edit_list_hides_are_not_counted(videos, video_tools, tmp_path, backend, hidden):
    """A clip that was cut without encoding starts before its first frame: the header says which frames to leave out."""
    import av

    path = tmp_path / "cut.mp4"
    with av.open(str(videos["h264_b.mp4"])) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        shift = int(hidden / stream.average_rate / stream.time_base)
        for packet in source.demux(stream):
            if packet.size:
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
                target.mux(packet)
    count = video_tools.frames - hidden
    reader = open_video(path, backend)
    assert reader.num_frames == count
    found = [video_tools.read_number(frame.rgb()) for _, frame in reader.frames([0, 1, count // 2, count - 1])]
    assert found == [hidden, hidden + 1, hidden + count // 2, hidden + count - 1]
