import pytest

from mmaction.datasets.decoders import open_video
from mmaction.datasets.preparation import media
from mmaction.datasets.preparation.media import VideoError, VideoFacts, look_at


@pytest.mark.parametrize("decode", [False, True])
def test_the_size_is_that_of_the_upright_frames(shared, decode):
    path = shared / "data/video/video_90.mov"
    _, frame = next(open_video(path).frames([0]))
    height, width = frame.shape
    assert (height, width) == (568, 320)
    assert look_at(path, decode=decode) == VideoFacts(3, width, height, 30.0)


def test_a_packet_of_no_known_stream_is_an_error_of_the_video(videos, tmp_path, monkeypatch):
    def demux(*args):
        raise IndexError("list index out of range")  # what PyAV says of some damaged transport streams

    monkeypatch.setattr(media, "_count", demux)
    with pytest.raises(VideoError, match=r"clip\.mp4: cannot be read"):
        look_at(videos.write(tmp_path / "clip.mp4", 2))
