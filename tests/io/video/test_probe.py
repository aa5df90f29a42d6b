"""What a file is said to be, and that the reader, the count and the check say the same."""

import importlib

import av
import numpy as np
import pytest

from mmaction.io.video import VideoError, check_video, open_video, probe


@pytest.mark.parametrize("decode", [False, True])
def test_the_size_is_that_of_the_upright_frames(shared, decode):
    path = shared / "data/video/video_90.mov"
    _, frame = next(open_video(path).frames([0]))
    info = check_video(path, decode=decode)
    assert info.shape == frame.shape == (568, 320)
    assert (info.num_frames, info.fps) == (3, 30.0)


def test_a_packet_of_no_known_stream_is_an_error_of_the_video(videos, monkeypatch):
    def demux(*args):
        raise IndexError("list index out of range")  # what PyAV says of some damaged transport streams

    monkeypatch.setattr(importlib.import_module("mmaction.io.video.probe"), "whole_packets", demux)
    with pytest.raises(VideoError, match=r"h264_b\.mp4 cannot be opened"):
        check_video(videos["h264_b.mp4"])


def copy_from(source, target, start, stop=None):
    """Copy the packets ``start`` to ``stop`` of a video, as programs do that cut without encoding."""
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        stream = reader.streams.video[0]
        copy = writer.add_stream_from_template(stream)
        for packet in [packet for packet in reader.demux(stream) if packet.size][start:stop]:
            packet.stream = copy
            writer.mux(packet)
    return target


@pytest.fixture(scope="module")
def sources(video_tools, tmp_path_factory):
    """Streams that repeat their headers at each key frame, so that a part of them is a stream again."""
    folder = tmp_path_factory.mktemp("sources")
    open_gop = {"x264-params": "bframes=3:keyint=15:open-gop=1:scenecut=0"}
    hevc = {"x265-params": "log-level=none:keyint=15:repeat-headers=1"}
    return {
        "h264": video_tools.write(folder / "a.ts", "libx264", {"bf": "3", "g": "15"}),
        "open": video_tools.write(folder / "b.ts", "libx264", open_gop),
        "hevc": video_tools.write(folder / "c.ts", "libx265", hevc),
        "mpeg2": video_tools.write(folder / "d.ts", "mpeg2video", {"bf": "2", "g": "12"}),
    }


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mpg"])
@pytest.mark.parametrize("name", ["h264", "open", "hevc", "mpeg2"])
@pytest.mark.parametrize("start", [4, 17])
def test_a_copied_part_holds_what_decodes(sources, video_tools, tmp_path, name, suffix, start):
    """Its first packets may lie between two key frames, or refer to frames that are not there."""
    path = copy_from(sources[name], tmp_path / f"part{suffix}", start)
    with av.open(str(path)) as container:
        played = []
        for packet in container.demux(video=0):
            try:
                played += [video_tools.read_number(frame.to_ndarray(format="rgb24")) for frame in packet.decode()]
            except av.error.InvalidDataError:
                assert not played  # what a player passes over
    reader = open_video(path)
    assert reader.num_frames == check_video(path).num_frames == check_video(path, decode=True).num_frames
    frames = {index: video_tools.read_number(frame.rgb()) for index, frame in reader.frames(range(reader.num_frames))}
    assert list(frames.values()) == played and played[-1] == 59
    for index in (0, 5, reader.num_frames - 1):
        _, frame = next(open_video(path).frames([index]))
        assert video_tools.read_number(frame.rgb()) == frames[index]


def put_first(path, parent, child):
    """Move a box of an MP4 to the front of the box that holds it."""
    content = path.read_bytes()
    start = content.index(parent) + 4
    end = start - 8 + int.from_bytes(content[start - 8 : start - 4], "big")
    boxes = []
    while start < end:
        size = int.from_bytes(content[start : start + 4], "big")
        boxes.append(content[start : start + size])
        start += size
    ordered = sorted(boxes, key=lambda box: box[4:8] != child)
    start = end - sum(map(len, boxes))
    path.write_bytes(content[:start] + b"".join(ordered) + content[end:])


def test_a_cover_picture_is_not_the_video(videos, video_tools, tmp_path):
    path = tmp_path / "cover.mp4"
    with av.open(str(videos["h264_b.mp4"])) as source, av.open(str(path), "w") as target:
        cover = target.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = cover.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24"))
        copy = target.add_stream_from_template(source.streams.video[0])
        target.mux([*picture, *cover.encode(None)])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = copy
                target.mux(packet)
    put_first(path, b"moov", b"udta")
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "mjpeg"
    assert probe(path).codec == "h264"
    numbers = [video_tools.read_number(frame.rgb()) for _, frame in open_video(path).frames([0, 9, 59])]
    assert numbers == [0, 9, 59]


def test_times_of_a_variable_rate_are_presentation_times(videos):
    times = np.cumsum(np.random.default_rng(0).choice([7, 20, 33, 40, 100], 60)) / 1000
    info = probe(videos["variable_rate.mp4"])
    np.testing.assert_allclose(info.times, times - times[0], atol=1e-3)
    first, end = info.frames_between(1.0, 1.5)
    np.testing.assert_array_equal(np.arange(first, end), np.flatnonzero((info.times >= 1.0) & (info.times < 1.5)))


def test_frames_of_another_size_are_scaled_to_the_first_and_named(video_tools, tmp_path):
    """Two recordings joined byte by byte, as transport streams may be."""
    small = lambda number: np.ascontiguousarray(video_tools.burn(number + 10)[::2, ::2])  # noqa: E731
    parts = [
        video_tools.write(tmp_path / "a.ts", frames=10),
        video_tools.write(tmp_path / "b.ts", frames=10, draw=small),
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    reader = open_video(path)
    with pytest.warns(UserWarning, match=r"joined\.ts: the size changes from 208x96 to 104x48"):
        images = [frame.rgb() for _, frame in reader.frames(range(reader.num_frames))]
    assert {image.shape for image in images} == {(96, 208, 3)}
    assert [video_tools.read_number(image) for image in images] == list(range(20))


def test_a_codec_without_decoder_is_named(videos, tmp_path):
    content = videos["h264_b.mkv"].read_bytes()
    path = tmp_path / "unknown.mkv"
    path.write_bytes(content.replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XYZ"))
    with pytest.raises(VideoError, match="no decoder"):
        open_video(path)
    with pytest.raises(VideoError, match="no decoder"):
        check_video(path)


def test_another_library_that_lacks_a_codec_leaves_the_frames_to_pyav(video_tools, tmp_path):
    path = video_tools.write(tmp_path / "a.mp4", "libsvtav1", {"preset": "12", "svtav1-params": "keyint=15"}, frames=20)
    for backend in ("opencv", "decord", "auto"):
        numbers = [video_tools.read_number(frame.rgb()) for _, frame in open_video(path, backend).frames([0, 7, 19])]
        assert numbers == [0, 7, 19], backend


def test_a_video_without_a_frame_that_decodes_is_refused(videos, tmp_path):
    """Whatever reads it: nothing is classified, extracted or counted."""
    content = bytearray(videos["one_key_frame.mp4"].read_bytes())
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[start:end] = bytes(end - start)
    path = tmp_path / "nothing.mp4"
    path.write_bytes(content)
    for action in (check_video, lambda path: next(open_video(path).frames([0])), lambda path: probe(path).shape):
        with pytest.raises(VideoError, match=r"nothing\.mp4.*decode"):
            action(path)
