import cv2
import numpy as np
import pytest
import torch

from mmaction.reports.pictures import MIN_HEIGHT, enlarged, file_stem, input_pictures, save_clips


def test_frames_keep_their_pixels():
    frames = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 10, 12), dtype=np.uint8)
    shown = input_pictures(torch.from_numpy(frames))
    assert shown.shape == (2, 4, 10, 12, 3)
    np.testing.assert_array_equal(shown[1, 2], frames[1, :, 2].transpose(1, 2, 0))
    single = input_pictures(torch.from_numpy(frames[0].transpose(1, 0, 2, 3)))
    np.testing.assert_array_equal(single, shown[:1])
    assert input_pictures({"imgs": torch.from_numpy(frames)}).shape == shown.shape


def test_normalized_frames_are_stretched():
    shown = input_pictures(torch.linspace(-2, 2, 3 * 8 * 8).reshape(1, 3, 1, 8, 8))
    assert (shown.min(), shown.max()) == (0, 255)


def test_heatmaps_have_a_color_for_each_channel():
    heatmaps = torch.zeros(1, 17, 2, 20, 20)
    heatmaps[0, 0, 0, 5, 5] = heatmaps[0, 6, 0, 9, 9] = 1
    shown = input_pictures(heatmaps)
    assert shown.shape == (1, 2, 20, 20, 3)
    assert (shown[0, 0, 5, 5] != shown[0, 0, 9, 9]).any()
    assert shown[0, 1].max() == 0


def test_joints_lie_where_they_are():
    joints = torch.zeros(1, 1, 1, 17, 3)
    joints[0, 0, 0, 9] = torch.tensor([75.0, 25.0, 1.0])
    shown = input_pictures(joints, img_shape=(100, 100))
    y, x = np.argwhere(shown[0, 0].max(axis=-1) > 100).mean(axis=0) / MIN_HEIGHT
    assert (x, y) == pytest.approx((0.75, 0.25), abs=0.02)
    graph = torch.rand(2, 1, 5, 17, 2) - 0.5
    assert input_pictures(graph).shape[:2] == (2, 5)


def test_flow_is_bright_where_it_moves():
    flow = np.full((1, 2, 3, 16, 16), 128, np.uint8)
    flow[:, 0, :, :8] = 160
    shown = input_pictures(torch.from_numpy(flow))
    assert shown[0, 0, 4, 4].max() > 200
    assert shown[0, 0, 12, 4].max() == 0


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"cannot show inputs of shape \(3, 4\)"):
        input_pictures(torch.zeros(3, 4))


def test_sheets_and_videos(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (2, 6, 40, 50, 3), dtype=np.uint8)
    assert enlarged(pictures).shape == (2, 6, 160, 200, 3)
    save_clips(tmp_path / "a.png", pictures, "dive: 3 back", columns=3)
    sheet = cv2.imread(str(tmp_path / "a.png"))
    assert sheet.shape == (24 + 2 * 164 + 4, 3 * 204 + 4, 3)
    save_clips(tmp_path / "new" / "a.mp4", pictures, "dive")
    video = cv2.VideoCapture(str(tmp_path / "new/a.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 12
    assert file_stem("folder/ä clip: 1.mp4") == "ä_clip_1"


def test_browse_tool(pose_run, tool, tmp_path, capsys):
    main = tool("browse_dataset")
    out = tmp_path / "out"
    assert main([str(pose_run[0]), "--split", "val", "--num", "2", "--repeat", "2", "--out", str(out)]) == 0
    assert len(list(out.glob("val_*.png"))) == 4
    assert "4 pictures of 5 samples" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"--indices: 99 is outside the 5 samples \(0 to 4\)"):
        main([str(pose_run[0]), "--split", "val", "--indices", "99", "--out", str(out)])
