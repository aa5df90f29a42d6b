import math
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmaction.io.video import VideoError
from mmaction.preparation.cutting import Cut, Encoding, cut_clips
from mmaction.preparation.official_lists import Span

FAST = Encoding(preset="ultrafast")


def run(source, spans, folder, encoding=FAST, **kwargs):
    cuts = [Cut(f"clip{i}", Span(*span), folder / "out" / f"clip{i}.mp4", **kwargs) for i, span in enumerate(spans)]
    results = {cut.id: found for cut, found in cut_clips(source, cuts, folder / "scratch", encoding)}
    assert list((folder / "scratch").iterdir()) == []
    return [results[cut.id] for cut in cuts], cuts


def expected(span, fps, total):
    """The numbers of the frames shown at a time in [start, end)."""
    first, last = (math.ceil(Fraction(str(edge)) * fps) for edge in span)
    return list(range(first, min(last, total)))


@pytest.mark.parametrize(
    ("name", "fps", "options"),
    [
        ("b.mp4", Fraction(25), {"g": "250", "bf": "3"}),
        ("c.mkv", Fraction(30000, 1001), {"g": "250", "bf": "3"}),  # times rounded to milliseconds
        ("d.ts", Fraction(50), {"bf": "2"}),  # does not start at time 0, has no index
    ],
)
def test_first_and_last_frame(videos, tmp_path, name, fps, options):
    source = videos.write(tmp_path / name, 200, fps=fps, **options)
    spans = [(0, 1), (2.48, 3.12), (3.45, 3.55), (2.502, 4)]
    found, cuts = run(source, spans, tmp_path, slack_s=1.0)
    for frames, cut, span in zip(found, cuts, spans, strict=True):
        wanted = expected(span, fps, 200)
        assert videos.numbers(cut.target) == wanted, span
        assert frames == len(wanted)


@pytest.fixture(scope="session")
def long_video(videos, tmp_path_factory):
    return videos.write(tmp_path_factory.mktemp("long") / "long.mp4", 300, fps=25, g="100", bf="2")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 1190), st.integers(1, 200)).map(lambda p: (p[0] / 100, min(sum(p), 1200) / 100)),
        min_size=1,
        max_size=4,
    )
)
def test_any_spans_together_or_alone(videos, long_video, tmp_path, spans):
    spans = [span for span in spans if expected(span, 25, 300)]
    if spans:
        found, cuts = run(long_video, spans, tmp_path)
        assert [videos.numbers(cut.target) for cut in cuts] == [expected(span, 25, 300) for span in spans], found


def test_a_video_that_ends_early_is_said(videos, long_video, tmp_path):
    found, cuts = run(long_video, [(11, 13), (20, 21), (11, 12.2)], tmp_path)
    assert isinstance(found[0], VideoError) and "the video ends at 12.00 s, the clip at 13.00 s" in str(found[0])
    assert isinstance(found[1], VideoError) and "20.00 s" in str(found[1])
    assert found[2] == 25  # within the slack
    assert [cut.target.exists() for cut in cuts] == [False, False, True]


def test_a_clip_between_two_frames_is_said_and_keeps_no_other_from_being_cut(videos, long_video, tmp_path):
    spans = [(1.005, 1.03), (2.0, 2.5), (11.97, 11.99)]
    found, cuts = run(long_video, spans, tmp_path)
    assert "clip0: no frame of the video lies in 1.005 to 1.030 s" in str(found[0])
    assert videos.numbers(cuts[1].target) == expected(spans[1], 25, 300)
    assert "clip2: no frame of the video lies in 11.970 to 11.990 s" in str(found[2])


def test_clips_have_even_size_no_b_frames_and_close_keyframes(videos, tmp_path):
    source = videos.write(tmp_path / "s.mkv", 100, width=162, height=50, codec="ffv1")
    _, (cut,) = run(source, [(1, 3)], tmp_path)
    with av.open(str(cut.target)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        assert len(container.streams) == 1
        assert [packet.pts for packet in packets] == [packet.dts for packet in packets]
        assert sum(packet.is_keyframe for packet in packets) >= 50 / 16
    assert videos.numbers(cut.target) == list(range(25, 75))


def test_rotated_phone_video_becomes_upright(shared, tmp_path):
    source = shared / "data/video/video_90.mov"  # 568x320, to be turned by 90 degrees
    _, (cut,) = run(source, [(0, 1)], tmp_path, slack_s=2.0)
    with av.open(str(source)) as one, av.open(str(cut.target)) as other:
        first, made = next(one.decode(video=0)), next(other.decode(video=0))
    assert (made.width, made.height, made.rotation) == (320, 568, 0)
    expected = np.rot90(first.to_ndarray(format="rgb24"), round(first.rotation / 90) % 4)
    assert np.abs(made.to_ndarray(format="rgb24").astype(int) - expected).mean() < 8


def test_damaged_and_foreign_files(videos, long_video, tmp_path):
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    (error,), _ = run(text, [(0, 1)], tmp_path)
    assert isinstance(error, VideoError) and "text.mp4" in str(error)
    content = bytearray(long_video.read_bytes())
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    (error,), _ = run(tmp_path / "cut.mp4", [(0, 1)], tmp_path)
    assert isinstance(error, VideoError)


def test_encoding_is_checked():
    with pytest.raises(ValueError, match="crf"):
        Encoding(crf=99)
