"""A video for a model that reads joints."""

import numpy as np
import pytest

from mmaction.apis import Recognizer, inference_recognizer
from mmaction.apis.clips import as_clip
from mmaction.apis.poses import VideoPoses, reads_joints
from mmaction.preparation.poses import backends
from mmaction.preparation.poses.backends import Persons, nobody

RNG = np.random.default_rng(0)
BODY = RNG.uniform(5, 60, (1, 17, 2))


class Walker:
    """Finds one person who walks to the right, in all frames but the first two."""

    joints = 17

    def __init__(self, options):
        self.frames = 0

    def estimate(self, frames, boxes=None):
        found = []
        for _ in frames:
            self.frames += 1
            body = BODY[:, : self.joints] + [self.frames * 0.5, 0]
            box = np.concatenate([body[0].min(0), body[0].max(0)])[None]
            person = Persons(box, np.ones(1), body, np.ones((1, self.joints)))
            found.append(person if self.frames > 2 else nobody(self.joints))
        return found


@pytest.fixture
def walker(monkeypatch):
    monkeypatch.setitem(backends.BACKENDS, "walker", Walker)
    return Walker


def test_a_video_is_classified_by_its_poses(pose, clip_files, walker):
    said = []
    recognizer = Recognizer.load(*pose, device="cpu", poses=VideoPoses("walker", tell=said.append))
    found = recognizer(clip_files["video"])
    assert "walker" in said[0] and "38 of 40 frames" in said[0]
    keypoint = np.stack([BODY[0] + [0.5 * (t + 1), 0] for t in range(40)])[None].astype(np.float32)
    score = np.ones((1, 40, 17), np.float32)
    keypoint[:, :2], score[:, :2] = 0, 0
    annotation = {"keypoint": keypoint, "keypoint_score": score, "img_shape": (72, 96), "total_frames": 40}
    expected = inference_recognizer(recognizer.model, annotation)
    np.testing.assert_allclose(found.scores, expected.pred_score.numpy(), atol=1e-5)
    clip, fps = recognizer.prepare(as_clip(clip_files["video"]))
    assert clip.kind == "skeleton" and fps == pytest.approx(10)


def test_joints_of_another_layout_are_refused(pose, clip_files, walker, monkeypatch):
    monkeypatch.setattr(Walker, "joints", 15)
    recognizer = Recognizer.load(*pose, device="cpu", poses=VideoPoses("walker"))
    recognizer.model.cfg.test_pipeline[2]["layout"] = "coco17"
    with pytest.raises(ValueError, match=r"17 joints of coco17.*finds 15"):
        recognizer(clip_files["video"])


def test_which_pipelines_read_joints():
    assert reads_joints([{"type": "PoseDecode"}]) and not reads_joints([{"type": "DecordDecode"}])
    assert not reads_joints([{"type": "PoseDecode"}, {"type": "PyAVDecode"}])
    with pytest.raises(KeyError, match="did you mean torchvision"):
        VideoPoses("torchvison")
