"""Videos with the best classes written on them."""

import numpy as np
import pytest

from mmaction.apis.clips import as_clip
from mmaction.apis.labeled_video import write_labeled
from mmaction.apis.predictions import Prediction
from mmaction.io.video import open_video

NAMES = ["jump", "turn", "rest"]


def bars(frame: np.ndarray, original: np.ndarray) -> np.ndarray:
    """Share of the pixels in each of the lowest rows that were changed."""
    return (np.abs(frame.astype(int) - original).max(axis=2) > 40).mean(axis=1)


@pytest.mark.parametrize("kind", ["video", "frames"])
def test_all_frames_are_kept_and_labeled(clip_files, tmp_path, kind):
    out = tmp_path / "new" / "labeled.mp4"
    clip = as_clip(clip_files[kind])
    write_labeled(clip, [Prediction(clip.name, np.array([0.9, 0.1, 0.0]))], NAMES, out, fps=10)
    reader = open_video(out)
    frames = [image for _, image in reader.images()]
    assert len(frames) == 40 and reader.info.fps == pytest.approx(10)
    assert frames[0].shape == clip_files["array"][0].shape
    assert all(bars(frame, original)[40:].max() > 0.3 for frame, original in zip(frames, clip_files["array"]))
    assert list(out.parent.iterdir()) == [out]


def test_each_frame_shows_the_nearest_window(clip_files, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(
        "mmaction.apis.labeled_video.draw_label", lambda image, name, *_: shown.append(NAMES.index(name)) or image
    )
    parts = [Prediction("a", np.eye(3)[i], float(i), i + 2.0) for i in range(3)]
    write_labeled(as_clip(clip_files["video"]), parts, NAMES, tmp_path / "a.mp4")
    assert shown == [0] * 15 + [1] * 10 + [2] * 15


def test_a_timeline_tells_the_classes_and_the_moment(clip_files, tmp_path):
    parts = [Prediction("a", np.eye(3)[i], 1.4 * i, 1.4 * (i + 1)) for i in range(2)]
    write_labeled(as_clip(clip_files["video"]), parts, NAMES, tmp_path / "a.mp4")
    first, last = (image[-3].astype(int) for t, image in open_video(tmp_path / "a.mp4").images() if t in (2, 37))
    width = first.shape[0]
    assert np.abs(first[width // 3] - first[2 * width // 3]).max() > 60  # a color for each class
    assert np.abs(first - last).max() > 60  # the mark moves


def test_no_half_written_file_is_left(clip_files, tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise ValueError("no drawing today")

    monkeypatch.setattr("mmaction.apis.labeled_video.draw_label", broken)
    with pytest.raises(ValueError, match="no drawing today"):
        write_labeled(as_clip(clip_files["video"]), [Prediction("a", np.eye(3)[0])], NAMES, tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


def test_what_has_no_pictures_is_explained(clip_files, tmp_path):
    skeleton = {"keypoint": np.zeros((1, 4, 17, 2)), "img_shape": (8, 8), "frame_dir": "walk"}
    parts = [Prediction("a", np.eye(3)[0])]
    with pytest.raises(ValueError, match=r"walk has no pictures.*pose_visualizer"):
        write_labeled(as_clip(skeleton), parts, NAMES, tmp_path / "a.mp4")
    with pytest.raises(ValueError, match=r"a\.avi: labels are written into"):
        write_labeled(as_clip(clip_files["video"]), parts, NAMES, tmp_path / "a.avi")
