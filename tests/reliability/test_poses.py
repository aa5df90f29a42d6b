"""Poses of real people by the embedded networks: turned people are found as well as those who stand."""

import json
from importlib.util import find_spec

import cv2
import numpy as np
import pytest
from reliability import poses

from mmaction.preparation.poses.backends import BackendOptions, build_backend


class Told:
    """Finds the joints that it was told, moved by so many pixels."""

    def __init__(self, joints, off):
        self.keypoint = np.add(joints, [off, 0])

    def estimate(self, frames, boxes=None):
        return [self]


def test_pck_counts_marked_joints_within_a_fifth_of_the_torso(tmp_path):
    joints = np.random.default_rng(0).uniform(20, 80, (17, 2))
    joints[5], joints[12] = [20, 20], [20, 70]  # a torso of 50 pixels
    rows = np.column_stack([joints, np.full(17, 2)]).ravel().tolist()
    content = dict(images=[dict(id=1, file_name="a.png")], annotations=[dict(keypoints=rows, image_id=1)])
    (tmp_path / "test_coco.json").write_text(json.dumps(content))
    (tmp_path / "test_mpii.json").write_text("[]")
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((100, 100, 3), np.uint8))
    people = poses.marked_people(tmp_path)
    for off, right in ((9.9, 100), (10.1, 0)):
        for given in (True, False):
            assert poses.pck(Told([joints], off), tmp_path, people, 0, given) == right
    _, matrix = poses.turned(np.zeros((100, 100, 3), np.uint8), 90)
    turned = joints @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(turned[:, 0], 99 - joints[:, 1], atol=1e-6)  # clockwise: the top goes to the right
    assert poses.pck(Told([turned], 0), tmp_path, people, 90, True) == 100


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("ai_edge_litert"), reason="needs make poses")
def test_turned_people_are_found_as_well_as_upright_ones(shared):
    folder = shared / "data" / "pose"
    people = poses.marked_people(folder)
    turning = build_backend("blazepose", BackendOptions())
    upright, *turned = (poses.pck(turning, folder, people, degrees, given=True) for degrees in (0, 45, 135, 180))
    assert upright > 75
    assert min(turned) > upright - 5
    found_upright, *found = (poses.pck(turning, folder, people, degrees, given=False) for degrees in (0, 45, 180))
    assert found_upright > 75
    assert min(found) > found_upright - 5
    stiff = build_backend("blazepose", BackendOptions(rotate=False))
    assert poses.pck(stiff, folder, people, 180, given=True) < 20
