import pytest

from mmaction.io.video.folders import VideoFolder


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
