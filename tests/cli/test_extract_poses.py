"""The extraction tool on a real clip."""

import subprocess
import sys

import pytest

from mmaction.io.annotations import load_annotations


def run(root, *options):
    command = [sys.executable, str(root / "tools/data/skeleton/extract_poses.py"), *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.integration
def test_real_clip_with_torchvisions_network(root, shared, tmp_path):
    """The whole way with random weights: its persons mean nothing, its file is valid."""
    network = ("--weights", "none", "--min-size", 64, "--person-thr", 0)
    output = tmp_path / "out.pkl"
    done = run(root, shared / "data/video/video_90.mov", output, *network, "--num-persons", 2, "--split", "train")
    assert done.returncode == 0, done.stderr
    (info,) = load_annotations(output, "train")
    assert (info["frame_dir"], info["total_frames"], info["img_shape"]) == ("video_90", 3, (568, 320))
    assert info["keypoint"].shape[1:] == (3, 17, 2)
    assert info["keypoint_score"].any()
    again = run(root, shared / "data/video/video_90.mov", output, *network)
    assert again.returncode == 2 and "exists already" in again.stderr and "Traceback" not in again.stderr
