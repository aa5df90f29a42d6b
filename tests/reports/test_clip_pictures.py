import cv2
import numpy as np
import pytest

from mmaction.io.annotations import save_annotations
from mmaction.reports.clip_pictures import FRAMES, HEIGHT, ClipPictures, skeleton_strip, spread, video_strip


def annotation(name="a", frames=20):
    rng = np.random.default_rng(0)
    keypoint = rng.uniform(50, 150, (1, frames, 17, 2)).astype(np.float32)
    return {
        "frame_dir": name, "label": 0, "keypoint": keypoint, "keypoint_score": np.ones((1, frames, 17), np.float32),
        "total_frames": frames, "img_shape": (200, 300), "original_shape": (200, 300),
    }  # fmt: skip


def test_spread():
    assert spread(80, 8) == [5, 15, 25, 35, 45, 55, 65, 75]
    assert spread(3, 8) == [0, 1, 2]
    assert spread(0) == []


def test_frames_of_a_folder_in_order(tmp_path):
    for i in range(FRAMES):
        cv2.imwrite(str(tmp_path / f"img_{i:05}.png"), np.full((2 * HEIGHT, 2 * HEIGHT, 3), 20 * i, np.uint8))
    strip = video_strip(tmp_path)
    step = HEIGHT + 2
    assert strip.shape == (HEIGHT + 4, FRAMES * step + 2, 3)
    assert [int(strip[50, 50 + i * step, 0]) for i in range(FRAMES)] == [20 * i for i in range(FRAMES)]


def test_frames_of_a_video(demo_data):
    strip = video_strip(next((demo_data / "videos").glob("*.mp4")))
    assert strip.shape[0] == HEIGHT + 4
    assert strip.std() > 10


def test_skeletons_fill_their_cells():
    strip = skeleton_strip(annotation())
    cells = np.array_split(strip[4:-4], FRAMES, axis=1)
    assert all((cell[..., :3].max() > 150) for cell in cells)
    unseen = annotation()
    unseen["keypoint_score"][:] = 0
    with pytest.raises(ValueError, match="no joint was ever seen"):
        skeleton_strip(unseen)


def test_pictures_come_from_the_clip_or_its_skeleton(demo_data, tmp_path):
    video = next((demo_data / "videos").glob("*.mp4"))
    save_annotations(tmp_path / "poses.pkl", [annotation("a"), annotation("b")])
    pictures = ClipPictures(tmp_path / "poses.pkl")
    for name, source in (("x", str(video)), ("a", "a"), ("b #2", ""), ("folder/b.mp4", "/nowhere/b.mp4")):
        picture, reason = pictures.picture(name, source)
        assert picture.startswith("data:image/jpeg;base64,"), (name, reason)
    assert pictures.picture("c") == (None, "c is not on this machine")
    assert ClipPictures("train.txt").picture("c", "/nowhere/c.mp4") == (None, "/nowhere/c.mp4 is not on this machine")


def test_broken_clips_give_a_reason(shared, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    picture, reason = ClipPictures().picture("x", str(tmp_path / "text.mp4"))
    assert picture is None
    assert "text.mp4" in reason
