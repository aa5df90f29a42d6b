import pytest

from mmaction.io.suffixes import describe_passed_over
from mmaction.io.video.folders import VideoFolder, walk_videos


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


def test_what_is_no_video_is_passed_over_and_named(tmp_path):
    for name in ("a.MTS", "b/c.wmv", "b/d.3gp", "b/notes.txt", "e.m2ts", "f.vob", "g", ".hidden.mp4", ".git/h.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found, passed_over = walk_videos(tmp_path)
    assert [path.name for path in found] == ["a.MTS", "c.wmv", "d.3gp", "e.m2ts", "f.vob"]
    assert [path.name for path in passed_over] == ["notes.txt", "g"]
    text = describe_passed_over(passed_over)
    assert "2 files" in text and "1 .txt" in text and "1 no suffix" in text and "notes.txt" in text
    assert describe_passed_over([]) == ""
