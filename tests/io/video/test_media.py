import pytest

from mmaction.io.video import media, open_video
from mmaction.io.video.media import VideoError, VideoFacts, VideoFolder, look_at


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


def test_videos_are_found_by_the_names_of_clips(tmp_path):
    for name in ("judo/001.mp4", "dive/001.mp4", "dive/002.avi", "003.mp4", "judo/003.mp4", "judo/old/003.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    folder = VideoFolder(tmp_path)
    for clip in ("judo/001", "videos/judo/001"):
        assert folder.find(clip) == tmp_path / "judo/001.mp4"
    assert folder.find("002") == tmp_path / "dive/002.avi"
    assert folder.find("judo/002") is folder.find("004") is folder.find("") is None
    assert folder.find("003") == tmp_path / "003.mp4"
    assert folder.find("judo/003") == tmp_path / "judo/003.mp4"
    with pytest.raises(ValueError, match=r"001: .*dive/001\.mp4 and .*judo/001\.mp4 .* such as dive/001, or keep one"):
        folder.find("001")
