import shutil

import cv2
import numpy as np
import pytest
from stick_figure import write_video

from mmaction.cli import build_rawframes
from mmaction.io.video import open_video
from mmaction.preparation import frames
from mmaction.preparation.frames import FrameSpec, extract_frames, flow_estimator, flow_to_gray


@pytest.fixture
def videos(demo_data, tmp_path):
    """Two videos in a tree, and a file that is none."""
    (tmp_path / "src" / "deep").mkdir(parents=True)
    clips = sorted((demo_data / "videos").glob("*.mp4"))
    shutil.copy(clips[0], tmp_path / "src" / "one.mp4")
    shutil.copy(clips[1], tmp_path / "src" / "deep" / "two.mp4")
    return tmp_path / "src"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_every_frame_and_its_flow_become_images(videos, tmp_path):
    out = tmp_path / "out"
    assert (
        build_rawframes.main([str(videos), str(out), "--task", "both", "--flow-type", "dis", "--out-format", "png"])
        == 0
    )
    reader = open_video(videos / "one.mp4")
    count = reader.num_frames
    assert len(names(out / "one")) == count + 2 * (count - 1)
    image = cv2.imread(str(out / "deep" / "two" / "img_00003.png"))[..., ::-1]
    _, frame = next(open_video(videos / "deep" / "two.mp4").frames([2]))
    np.testing.assert_array_equal(image, frame.rgb())
    flow = cv2.imread(str(out / "one" / f"y_{count - 1:05}.png"), cv2.IMREAD_UNCHANGED)
    assert flow.shape == image.shape[:2] and flow.dtype == np.uint8
    assert not (out / "failed.txt").exists()


def test_a_broken_video_fails_alone_and_is_tried_again(videos, tmp_path, capsys):
    (videos / "bad.mp4").write_text("no video")
    out = tmp_path / "out"
    assert build_rawframes.main([str(videos), str(out), "--short", "32"]) == 1
    assert "2 of 3 videos done; 1 failed: see" in capsys.readouterr().out
    assert (out / "failed.txt").read_text().startswith("bad: ")
    assert not (out / "bad").exists() and not (out / ".bad.part").exists()
    shutil.copy(videos / "one.mp4", videos / "bad.mp4")
    assert build_rawframes.main([str(videos), str(out), "--short", "32"]) == 0
    assert "3 of 3 videos done, 2 of them by an earlier run" in capsys.readouterr().out
    assert not (out / "failed.txt").exists()
    assert min(cv2.imread(str(out / "bad" / "img_00001.jpg")).shape[:2]) == 32


def test_video_that_is_cut_off_leaves_no_images(tmp_path):
    whole, cut = tmp_path / "whole.avi", tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(whole), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    for image in np.random.default_rng(0).integers(0, 256, (8, 48, 64, 3), dtype=np.uint8):
        writer.write(image)
    writer.release()
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    assert extract_frames(whole, tmp_path / "whole", FrameSpec()) == 8
    with pytest.raises(ValueError, match=r"cut\.avi: (damaged|cut off)"):
        extract_frames(cut, tmp_path / "cut", FrameSpec())
    assert not (tmp_path / "cut").exists() or not list((tmp_path / "cut").iterdir())


def test_only_what_is_missing_is_done_again(videos, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert build_rawframes.main([str(videos), str(out)]) == 0
    (out / "one" / "img_00004.jpg").unlink()
    extracted = []
    monkeypatch.setattr(
        build_rawframes,
        "extract_frames",
        lambda path, *rest: extracted.append(path.name) or extract_frames(path, *rest),
    )
    assert build_rawframes.main([str(videos), str(out)]) == 0
    assert extracted == ["one.mp4"]
    assert (out / "one" / "img_00004.jpg").exists()


def test_an_interrupted_video_leaves_no_images(videos, tmp_path, monkeypatch):
    def interrupt(*args):
        (args[1] / "img_00001.jpg").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(frames, "_write_images", interrupt)
    with pytest.raises(KeyboardInterrupt):
        extract_frames(videos / "one.mp4", tmp_path / "out" / "one", FrameSpec())
    assert names(tmp_path / "out") == []


def test_other_options_into_the_same_folder_are_refused(videos, tmp_path):
    out = tmp_path / "out"
    assert build_rawframes.main([str(videos), str(out), "--short", "32"]) == 0
    with pytest.raises(ValueError, match=r"was made with .*'short': 32.*'short': 48.*another folder.*--overwrite"):
        build_rawframes.main([str(videos), str(out), "--short", "48"])
    assert build_rawframes.main([str(videos), str(out), "--short", "48", "--overwrite"]) == 0
    assert min(cv2.imread(str(out / "one" / "img_00001.jpg")).shape[:2]) == 48


def test_foreign_images_stay_and_their_video_fails(videos, tmp_path):
    out = tmp_path / "out"
    (out / "one").mkdir(parents=True)
    (out / "one/img_09999.jpg").write_text("mine")
    assert build_rawframes.main([str(videos), str(out), "--short", "32"]) == 1
    assert "one/img_09999.jpg is there already, not from a run that" in (out / "failed.txt").read_text()
    assert names(out / "one") == ["img_09999.jpg"] and (out / "deep/two/img_00001.jpg").is_file()
    assert build_rawframes.main([str(videos), str(out), "--task", "flow", "--flow-type", "dis"]) == 0  # has other names
    assert build_rawframes.main([str(videos), str(out), "--short", "32", "--overwrite"]) == 0
    assert "img_00001.jpg" in names(out / "one") and "img_09999.jpg" not in names(out / "one")


def test_images_of_an_earlier_run_do_not_stay(videos, tmp_path):
    out = tmp_path / "out"
    assert build_rawframes.main([str(videos), str(out), "--task", "both", "--flow-type", "dis"]) == 0
    (out / "one/img_notes.txt").touch()
    count = open_video(videos / "one.mp4").num_frames
    assert build_rawframes.main([str(videos), str(out), "--overwrite", "--out-format", "png"]) == 0
    found = names(out / "one")
    assert [name for name in found if name.startswith("img_0")] == [f"img_{n + 1:05}.png" for n in range(count)]
    assert sum(name.startswith(("x_", "y_")) for name in found) == 2 * (count - 1)
    write_video(videos / "one.mp4", 3)
    assert build_rawframes.main([str(videos), str(out), "--task", "both", "--flow-type", "dis", "--overwrite"]) == 0
    images = [f"{name}.jpg" for name in ("img_00001", "img_00002", "img_00003")]
    flow = [f"{axis}_0000{n}.jpg" for axis in "xy" for n in (1, 2)]
    assert names(out / "one") == [*images, "img_notes.txt", *flow]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["nowhere", "out"], FileNotFoundError, "no folder of videos at nowhere"),
        ([".", "out"], FileNotFoundError, "no video below"),
        (["src", "out", "--quality", "0"], ValueError, "quality is 1 to 100"),
        (["src", "out", "--task", "flow", "--bound", "-1"], ValueError, "bound is above 0"),
    ],
)
def test_arguments_that_lead_nowhere_are_named(videos, tmp_path, monkeypatch, arguments, error, message):
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty if arguments[0] == "." else tmp_path)
    with pytest.raises(error, match=message):
        build_rawframes.main(arguments)


def test_two_videos_of_one_name_are_refused(videos, tmp_path):
    shutil.copy(videos / "one.mp4", videos / "one.mkv")
    with pytest.raises(ValueError, match=r"one\.mkv and .*one\.mp4 differ"):
        build_rawframes.main([str(videos), str(tmp_path / "out")])


def texture(shift):
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.integers(0, 256, (96, 128), dtype=np.uint8), (0, 0), 3)
    return np.roll(cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX), shift, axis=(0, 1))


@pytest.mark.parametrize("flow_type", ["dis", "tvl1"])
def test_flow_is_x_then_y_from_the_first_image_to_the_second(flow_type):
    if flow_type == "tvl1" and not hasattr(cv2, "optflow"):
        pytest.importorskip("skimage.registration")
    flow = flow_estimator(flow_type)(texture((0, 0)), texture((2, -3)))
    np.testing.assert_allclose(np.median(flow, axis=(0, 1)), [-3, 2], atol=0.1)


def test_missing_tvl1_is_named(monkeypatch):
    import sys

    monkeypatch.delattr(cv2, "optflow", raising=False)
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.registration", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install scikit-image.*--flow-type dis"):
        flow_estimator("tvl1")


def test_grey_levels_of_flow():
    flow = np.array([[-30, -20, 0, 20, 30.0]])
    assert flow_to_gray(flow, 20).tolist() == [[0, 0, 128, 255, 255]]
