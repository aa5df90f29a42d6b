"""pose_visualizer.py from the command line to its outputs."""

import json
import os
import pickle
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stick_figure import FRAMES, HEIGHT, WIDTH, annotation, pictures, walking, write_video

from mmaction.io.annotations import save_annotations
from mmaction.io.video import open_video
from mmaction.pose_viewer.batch import pair_videos
from mmaction.pose_viewer.checks import Report
from mmaction.pose_viewer.command import main
from mmaction.pose_viewer.settings import Settings, read_config
from mmaction.pose_viewer.viewer import _sheet_frames, picture_scale
from mmaction.skeletons import get_layout
from mmaction.visualization.draw import side_colors

CLEAN, SUSPICIOUS = 0, 3


@pytest.fixture
def clip(tmp_path):
    write_video(tmp_path / "walk.mp4")
    save_annotations(tmp_path / "poses.pkl", [annotation("other", label=0), annotation("walk")])
    (tmp_path / "labels.txt").write_text("stand\nwalk\n")
    return tmp_path


def visualizer(options):
    return main(Path("config.ini"), options)


def run(folder, *options, output="out.mp4", annotation="poses.pkl", video="walk.mp4"):
    paths = ["--video", folder / video, "--annotation", folder / annotation, "--output", folder / output]
    return visualizer(["--no-config", "--quiet", "--scale", "1", *map(str, [*paths, *options])])


def test_starts_fast_and_without_torch(root, tmp_path):
    code = (
        "import runpy, sys\nsys.argv[1:] = ['--help']\n"
        "try: runpy.run_path('pose_visualizer.py', run_name='__main__')\nexcept SystemExit: pass\n"
        "assert 'torch' not in sys.modules"
    )
    before = os.times()
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    after = os.times()
    assert after.children_user + after.children_system - before.children_user - before.children_system < 1.0
    for option in ("--video", "--annotation", "--output", "--config", "--layout", "--score-thr", "--overwrite"):
        assert option in done.stdout


def test_a_dot_lies_on_its_joint_in_the_output(clip):
    code = run(clip, "--no-captions", output="frames")
    assert code == CLEAN
    frames = pictures(clip / "frames")
    assert len(frames) == FRAMES
    keypoint, _ = walking()
    colors = side_colors(get_layout("coco17"))
    for t in (0, 5, 11):
        matches = [
            tuple(frames[t][y, x]) == color
            for (x, y), color in zip(np.round(keypoint[0, t]).astype(int), colors, strict=True)
        ]
        assert np.mean(matches) > 0.8


def test_scale_moves_the_joints_with_the_picture(clip):
    assert run(clip, "--no-captions", "--scale", 2, output="frames") == CLEAN
    frames = pictures(clip / "frames")
    assert frames[0].shape == (2 * HEIGHT, 2 * WIDTH, 3)
    keypoint, _ = walking()
    x, y = np.round((keypoint[0, 0, 10] + 0.5) * 2 - 0.5).astype(int)
    assert tuple(frames[0][y, x]) == side_colors(get_layout("coco17"))[10]


@pytest.mark.parametrize(
    ("shape", "side_by_side", "output", "drawn"),
    [
        ((96, 128), True, "a.mp4", (384, 512)),  # four times at most
        ((240, 320), True, "a.mp4", (480, 640)),
        ((720, 1280), False, "a.mp4", (720, 1280)),
        ((1080, 1920), True, "a.mp4", (540, 960)),
        ((1920, 1080), False, "a.mp4", (1920, 1080)),
        ((1080, 1920), True, "a.png", (240, 427)),
    ],
)
def test_the_scale_is_chosen_by_the_size_of_the_video(shape, side_by_side, output, drawn):
    scale = picture_scale(Settings(output=output, side_by_side=side_by_side), shape)
    assert (round(shape[0] * scale), round(shape[1] * scale)) == drawn
    assert picture_scale(Settings(output=output, scale=3.0), shape) == 3


def test_a_small_clip_is_drawn_large_enough_for_its_captions(clip):
    assert run(clip, "--scale", "auto") == CLEAN
    assert open_video(clip / "out.mp4").info.shape == (4 * HEIGHT, 4 * WIDTH)


@given(st.integers(0, 20), st.integers(1, 60), st.integers(1, 16), st.lists(st.integers(0, 80), max_size=30))
def test_sheets_show_the_frames_with_findings(start, length, count, jumps):
    report = Report("a", "a", 80, frames={"jump": sorted(set(jumps)), "swap": [start, start + length - 1]})
    chosen = _sheet_frames(start, start + length, count, report)
    assert len(chosen) == min(count, length) and chosen <= set(range(start, start + length))
    found = {t for t in report.problem_frames if t in range(start, start + length)}
    assert len(chosen & found) >= min(len(found), 3 * count // 4)


@pytest.mark.parametrize("output", ["a.mp4", "a.gif", "a.png", "a.jpg", "frames"])
def test_kinds_of_output(clip, output):
    assert run(clip, "--side-by-side", "--boxes", "--trail", 3, "--joints", "names", output=output) == CLEAN
    if output in ("a.mp4", "a.gif"):
        reader = open_video(clip / output)
        assert (reader.info.height, reader.info.width) == (HEIGHT, 2 * WIDTH)
        every = 2 if output == "a.gif" else 1  # of 25 frames a second
        assert sum(1 for _ in reader.images()) == FRAMES // every
        assert reader.info.fps == pytest.approx(25 / every, rel=0.05)
    elif output == "frames":
        assert len(pictures(clip / output)) == FRAMES
    else:
        assert cv2.imread(str(clip / output)).shape[1] > 3 * WIDTH
    assert not list(clip.glob(".partial*"))


def test_plain_skeleton_is_on_black(clip):
    run(clip, "--side-by-side", "--no-captions", output="frames")
    image = pictures(clip / "frames")[0]
    assert (image[:5, :WIDTH] > 30).all()
    assert not image[:5, WIDTH:].any()
    assert image[:, WIDTH:].any()


def test_range_and_speed(clip):
    assert run(clip, "--frames", "3:8", "--speed", 0.5) == CLEAN
    reader = open_video(clip / "out.mp4")
    assert sum(1 for _ in reader.images()) == 5
    assert reader.info.fps == pytest.approx(12.5)


@pytest.mark.parametrize("joints", [15, 17, 18, 20, 25])
def test_layouts(clip, joints):
    keypoint, score = walking(num_joints=joints)
    save_annotations(clip / "p.pkl", [annotation("walk", keypoint=keypoint, keypoint_score=score)])
    assert run(clip, annotation="p.pkl") in (CLEAN, SUSPICIOUS)
    assert (clip / "out.mp4").is_file()


def test_report_and_problem_frames(clip, capsys):
    keypoint, score = walking()
    score[:, 4:8] = 0
    save_annotations(clip / "p.pkl", [annotation("walk", keypoint=keypoint, keypoint_score=score)])
    options = ["--report", clip / "r.json", "--problem-frames", clip / "bad"]
    assert run(clip, *options, annotation="p.pkl", output="frames") == SUSPICIOUS
    report = json.loads((clip / "r.json").read_text())
    assert report["frames"]["no_person"] == [4, 5, 6, 7]
    assert report["suspicious"] is True
    assert report["decoded"] == FRAMES
    assert sorted(path.name for path in (clip / "bad").iterdir()) == [f"walk_{t:06d}.png" for t in (4, 5, 6, 7)]
    frames = pictures(clip / "frames")
    assert frames[4][0, 0, 0] > 200 and frames[4][0, 0, 1] < 60  # framed in red
    assert frames[3][-1, -1, 0] < 100
    assert capsys.readouterr().out == ""


def test_summary_on_the_screen(clip, capsys):
    paths = ["--video", clip / "walk.mp4", "--annotation", clip / "poses.pkl", "--output", clip / "o.mp4"]
    visualizer(["--no-config", *map(str, paths)])
    out = capsys.readouterr().out
    assert "walk on" in out and "clean, 12 annotated frames" in out and "written:" in out


def test_length_and_size_mismatch_are_suspicious(clip):
    keypoint, score = walking(num_frames=9)
    changes = dict(keypoint=keypoint, keypoint_score=score, total_frames=9, img_shape=(HEIGHT * 2, WIDTH * 2))
    save_annotations(clip / "p.pkl", [annotation("walk", **changes)])
    assert run(clip, "--report", clip / "r.json", annotation="p.pkl") == SUSPICIOUS
    findings = json.loads((clip / "r.json").read_text())["clip_findings"]
    assert "for an image of 256x192, the video is 128x96" in findings[0]
    assert findings[1] == "the annotation has 9 frames, the video 12"
    assert run(clip, "--rescale", "--report", clip / "r2.json", annotation="p.pkl", output="b.mp4") == SUSPICIOUS
    assert len(json.loads((clip / "r2.json").read_text())["clip_findings"]) == 1


@pytest.mark.parametrize("frames", [":", ":60"])
def test_a_video_that_is_cut_off_is_suspicious(clip, shared, frames):
    content = (shared / "data/video/test.avi").read_bytes()
    (clip / "cut.avi").write_bytes(content[: len(content) // 4])
    reader = open_video(clip / "cut.avi")
    there = sum(1 for _ in reader.images())  # as many as a skeleton that is extracted from it has
    keypoint, score = walking(there)
    shape = (reader.info.height, reader.info.width)
    cut = annotation("cut", keypoint=keypoint, keypoint_score=score, total_frames=there, img_shape=shape)
    save_annotations(clip / "p.pkl", [cut])
    options = ["--frames", frames, "--report", clip / "r.json"]
    assert run(clip, *options, video="cut.avi", annotation="p.pkl", output="frames") == SUSPICIOUS
    assert len(pictures(clip / "frames")) == there < 60
    (finding,) = json.loads((clip / "r.json").read_text())["clip_findings"]
    assert finding == f"the video breaks off after {there} frames (cut off, {there} of 164 frames are there)"


def test_label_and_score_are_read(clip):
    np.savez(clip / "scores.npz", ids=np.array(["walk"]), scores=np.array([[0.25, 0.75]]), labels=np.array([1]))
    options = ["--label-map", clip / "labels.txt", "--scores", clip / "scores.npz"]
    assert run(clip, *options, output="with") == CLEAN
    assert run(clip, "--label-map", clip / "labels.txt", output="without") == CLEAN
    with_scores, without = pictures(clip / "with")[0], pictures(clip / "without")[0]
    assert (with_scores != without).any()
    with pytest.raises(ValueError, match=r"labels.txt is no readable scores.npz"):
        run(clip, "--scores", clip / "labels.txt", output="c.mp4")


def test_config_file_and_command_line(clip, monkeypatch):
    monkeypatch.chdir(clip)
    (clip / "my.ini").write_text(
        "[paths]\nvideo = walk.mp4\nannotation = poses.pkl\noutput = a.mp4\nreport =\n"
        "[drawing]\nboxes = yes\nscale = 2 # big\n"
    )
    assert visualizer(["--config", "my.ini", "--quiet"]) == CLEAN
    assert open_video("a.mp4").info.width == 2 * WIDTH
    assert visualizer(["--config", "my.ini", "--quiet", "--output", "b.mp4", "--scale", "1"]) == CLEAN
    assert open_video("b.mp4").info.width == WIDTH


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("video = clip #3.mp4", "video", "clip #3.mp4"),
        ("video = there # really.mp4", "video", "there # really.mp4"),
        ("video = 'out ; 1.mp4'  # quotes protect", "video", "out ; 1.mp4"),
        ('video = "C:\\clips\\a.mp4"', "video", "C:\\clips\\a.mp4"),
        ("video = 100%.mp4 ; a comment", "video", "100%.mp4"),
        ("video = %(here)s.mp4", "video", "%(here)s.mp4"),
        ("video = ~/a.mp4", "video", "/home/me/a.mp4"),
        ("report = # none", "report", None),
        ("[drawing]\ncolour_by = person", "color_by", "person"),
        ("[drawing]\nscale = 2 # big", "scale", 2.0),
    ],
)
def test_values_of_a_config_file(tmp_path, monkeypatch, line, name, value):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there # really.mp4").touch()
    (tmp_path / "c.ini").write_text(f"\ufeff[paths]\n{line}\n", encoding="utf-8")
    assert read_config(tmp_path / "c.ini").get(name) == value


def test_an_error_about_a_value_of_the_file_names_its_entry(clip):
    (clip / "my.ini").write_text(f"[paths]\nvideo = {clip}/none.mp4\nannotation = p.pkl\noutput = a.mp4\n")
    with pytest.raises(FileNotFoundError, match=r"no video .*none\.mp4.* \(\[paths\] video in .*my\.ini\)"):
        visualizer(["--config", str(clip / "my.ini")])
    options = ["--video", str(clip / "none.mp4"), "--scale", "0"]
    with pytest.raises(ValueError, match=r"scale: expected 0\.05 or more, got 0\.0$"):
        visualizer(["--config", str(clip / "my.ini"), *options])


def test_a_layout_of_ones_own(clip):
    (clip / "six.json").write_text(
        '{"joints": ["head", "hip", "left_hand", "right_hand", "l", "r"], "sides": [[4, 5]], '
        '"limbs": [["head", "hip"], [0, 2]]}'
    )
    keypoint, score = walking()
    six = annotation("walk", keypoint=keypoint[:, :, :6], keypoint_score=score[:, :, :6])
    save_annotations(clip / "p.pkl", [six])
    with pytest.raises(ValueError, match="no layout with 6 joints is known, so name or describe one"):
        run(clip, annotation="p.pkl")
    assert run(clip, "--layout", clip / "six.json", "--report", clip / "r.json", annotation="p.pkl") == CLEAN
    assert json.loads((clip / "r.json").read_text())["layout"] == "layout: six"


def test_shipped_config_names_every_setting(root):
    text = (root / "config.ini").read_text()
    for name in Settings.__dataclass_fields__:
        assert f"\n{name} =" in text
    assert read_config(root / "config.ini")["annotation"] == "data/demo_diving/skeletons.pkl"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[drawing]\nboxes = yes\n", r"the section \[paths\] is missing"),
        ("[paths]\nvideo = a\n[pahts]\n", r"unknown section \[pahts\]"),
        ("[paths]\nvideos = a\n", r"has no entry 'videos'; did you mean video"),
        ("[paths]\nscale = 2\n", r"has no entry 'scale'; it belongs in \[drawing\]"),
        ("[paths]\n[drawing]\nscale = big\n", r"\[drawing\] scale: expected a number, got 'big'"),
        ("[paths]\n[drawing]\nboxes = maybe\n", r"boxes: expected yes or no, got 'maybe'"),
        ("[paths]\n[drawing]\njoints = all\n", r"joints: expected one of none, names, indices, got 'all'"),
        ("no section\n", r"not a readable INI file"),
    ],
)
def test_wrong_config_files(tmp_path, text, message):
    (tmp_path / "c.ini").write_text(text)
    with pytest.raises(ValueError, match=message):
        visualizer(["--config", str(tmp_path / "c.ini")])


def test_no_config_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none.ini: no such configuration file; name one with --config"):
        visualizer(["--config", str(tmp_path / "none.ini")])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (dict(video="none.mp4"), FileNotFoundError, "no video .*none.mp4"),
        (dict(video="labels.txt"), ValueError, "labels.txt cannot be opened"),
        (dict(annotation="none.pkl"), FileNotFoundError, "none.pkl"),
        (dict(annotation="labels.txt"), ValueError, "labels.txt"),
        (dict(output="a.txt"), ValueError, "output: expected the suffix .mp4, .gif"),
        (dict(output="labels.txt/a.mp4"), OSError, "its folder .*labels.txt cannot be written to"),
    ],
)
def test_wrong_paths(clip, options, error, message):
    with pytest.raises(error, match=message):
        run(clip, **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (["--clip", "wakl"], KeyError, "close names: walk"),
        (["--layout", "ntu25"], ValueError, "ntu25 has 25 joints, .* 17"),
        (["--frames", "5"], ValueError, "frames: expected START:END"),
        (["--frames", "100:120"], ValueError, "holds no frame"),
        (["--scale", "0"], ValueError, "scale: expected 0.05 or more"),
        (["--tolerance", "2"], ValueError, "tolerance: expected a number from 0 to 1"),
        (["--window"], ValueError, "there is no display"),
    ],
)
def test_wrong_options(clip, options, error, message, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(error, match=message):
        run(clip, *options)
    assert not (clip / "out.mp4").exists()
    assert not list(clip.glob(".partial*"))


def test_a_pickle_that_would_run_code_is_refused(clip):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {clip / 'ran'}",)

    (clip / "evil.pkl").write_bytes(pickle.dumps([dict(frame_dir="walk", keypoint=Evil())]))
    with pytest.raises(ValueError, match=r"evil.pkl.*system"):
        run(clip, annotation="evil.pkl")
    assert not (clip / "ran").exists()


@pytest.mark.parametrize("output", ["out.mp4", "frames"])
def test_nothing_is_overwritten_unless_asked(clip, output):
    assert run(clip, output=output) == CLEAN
    before = (clip / output).stat().st_mtime_ns
    with pytest.raises(FileExistsError, match=r"exists already.*--overwrite"):
        run(clip, output=output)
    assert (clip / output).stat().st_mtime_ns == before
    assert run(clip, "--overwrite", output=output) == CLEAN


def test_inputs_are_never_replaced(clip):
    (clip / "link.mp4").symlink_to(clip / "walk.mp4")
    before = {path.name: path.read_bytes() for path in clip.iterdir()}
    calls = [
        ([], dict(output="walk.mp4")),
        ([], dict(output="link.mp4")),
        ([], dict(output=".")),
        (["--report", clip / "poses.pkl"], {}),
        (["--label-map", clip / "labels.txt", "--report", clip / "labels.txt"], {}),
        (["--problem-frames", clip], {}),
        (["--report", clip / "poses.pkl"], dict(video=".", output="batch")),
        ([], dict(video=".", output="..")),
    ]
    for options, paths in calls:
        with pytest.raises(ValueError, match=r"is an input and is not replaced|holds the input"):
            run(clip, "--overwrite", *options, **paths)
    assert before.items() <= {path.name: path.read_bytes() for path in clip.iterdir() if path.is_file()}.items()


def test_frames_join_the_other_files_of_a_folder(clip):
    (clip / "frames").mkdir()
    (clip / "frames/notes.txt").write_text("kept")
    assert run(clip, "--overwrite", output="frames") == CLEAN
    assert run(clip, "--overwrite", "--frames", "0:5", output="frames") == CLEAN
    names = sorted(path.name for path in (clip / "frames").iterdir())
    assert names == [*(f"{t:06d}.png" for t in range(5)), "notes.txt"]
    (clip / "file").write_text("kept")
    with pytest.raises(NotADirectoryError, match="file: is a file; name a folder"):
        run(clip, "--overwrite", output="file")


def test_a_missing_path_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"annotation: not set; write it into .paths. .* or pass --annotation"):
        visualizer(["--no-config", "--video", str(tmp_path / "a.mp4")])


@pytest.mark.parametrize("workers", [1, 2])
def test_batch_lists_the_worst_first(clip, workers):
    (clip / "videos").mkdir()
    keypoint, score = walking()
    score[:, :6] = 0
    clips = [annotation("good"), annotation("bad", keypoint=keypoint, keypoint_score=score), annotation("broken")]
    save_annotations(clip / "p.pkl", clips, dict(val=["good"]))
    for name in ("good", "bad", "unknown"):
        write_video(clip / f"videos/{name}.mp4")
    (clip / "videos/broken.mp4").write_text("no video")
    code = run(clip, "--workers", workers, video="videos", annotation="p.pkl", output="batch")
    assert code == SUSPICIOUS
    report = json.loads((clip / "batch/report.json").read_text())
    assert [entry["annotation"] for entry in report] == ["broken", "bad", "good"]
    page = (clip / "batch/index.html").read_text()
    assert page.index(">broken") < page.index(">bad") < page.index(">good")
    assert "3 clips, 2 of them suspicious" in page
    assert (clip / "batch/sheets/good.mp4.jpg").is_file() and (clip / "batch/sheets/bad.mp4.jpg").is_file()
    with pytest.raises(FileExistsError, match="batch: exists already"):
        run(clip, video="videos", annotation="p.pkl", output="batch")


def test_batch_goes_on_after_clips_without_people_and_wrong_annotations(clip):
    (clip / "videos").mkdir()
    nobody, wrong = np.zeros((0, FRAMES, 17, 2)), np.zeros((1, FRAMES, 16, 2))
    arrays = {"good": walking()[0], "nobody": nobody, "wrong": wrong}
    (clip / "p.pkl").write_bytes(pickle.dumps([dict(frame_dir=name, keypoint=kp) for name, kp in arrays.items()]))
    for name in arrays:
        write_video(clip / f"videos/{name}.mp4")
    assert run(clip, "--workers", 1, video="videos", annotation="p.pkl", output="batch") == SUSPICIOUS
    report = {entry["annotation"]: entry for entry in json.loads((clip / "batch/report.json").read_text())}
    assert not report["good"]["suspicious"]
    assert report["nobody"]["frames"]["no_person"] == list(range(FRAMES))
    assert "no layout with 16 joints is known" in report["wrong"]["clip_findings"][0]
    assert (clip / "batch/sheets/nobody.mp4.jpg").is_file()
    with pytest.raises(KeyError, match="did you mean 'coco17'"):
        run(clip, "--layout", "coco18", video="videos", annotation="p.pkl", output="other")


def test_batch_claims_its_reports_before_it_draws(clip):
    (clip / "videos").mkdir()
    write_video(clip / "videos/walk.mp4")
    (clip / "r.json").write_text("kept")
    (clip / "bad").mkdir()
    (clip / "bad/walk_000000.png").write_text("kept")
    for option, path in (("--report", "r.json"), ("--problem-frames", "bad")):
        with pytest.raises(FileExistsError, match=f"{path}: exists already.*--overwrite"):
            run(clip, option, clip / path, video="videos", output="batch")
    with pytest.raises(IsADirectoryError, match="videos: is a folder; name a file"):
        run(clip, "--report", clip / "videos", "--overwrite", video="videos", output="batch")
    assert (clip / "r.json").read_text() == (clip / "bad/walk_000000.png").read_text() == "kept"
    assert not list(clip.rglob("*.jpg"))
    assert run(clip, "--report", clip / "new/r.json", video="videos", output="batch") == CLEAN
    assert json.loads((clip / "new/r.json").read_text())[0]["annotation"] == "walk"


def test_a_window_does_not_overwrite_a_report(clip, monkeypatch):
    shown = []
    monkeypatch.setattr("mmaction.pose_viewer.command.show_window", lambda *_: shown.append(1))
    assert run(clip, "--window", "--report", clip / "r.json") == CLEAN
    with pytest.raises(FileExistsError, match=r"r.json: exists already.*--overwrite"):
        run(clip, "--window", "--report", clip / "r.json")
    assert run(clip, "--window", "--overwrite", "--report", clip / "r.json") == CLEAN
    assert len(shown) == 2


@pytest.mark.parametrize("names", [("good", "bad"), ("good.mp4", "bad.mp4")], ids=["frame_dir", "filename"])
def test_batch_from_a_dataset_config(clip, names):
    (clip / "videos").mkdir()
    for name in ("good", "bad"):
        write_video(clip / f"videos/{name}.mp4")
    annotations = [annotation("good"), annotation("bad")]
    if names[0] == "good.mp4":
        annotations = [{**info, "filename": name} for info, name in zip(annotations, names, strict=True)]
    save_annotations(clip / "p.pkl", annotations, dict(val=names[:1], train=names[1:]))
    (clip / "config.py").write_text(
        f"dataset = dict(type='PoseDataset', ann_file={str(clip / 'p.pkl')!r}, split='val', "
        f"data_prefix=dict(video={str(clip / 'videos')!r}))\n"
        "val_dataloader = dict(dataset=dict(type='RepeatDataset', times=2, dataset=dataset))\n"
    )
    options = ["--dataset", str(clip / "config.py"), "--output", str(clip / "batch"), "--workers", "1"]
    assert visualizer(["--no-config", "--quiet", *options]) == CLEAN
    assert [path.name for path in (clip / "batch/sheets").iterdir()] == ["good.mp4.jpg"]


def test_batch_does_not_check_the_first_alone_of_joined_data_sets(clip):
    (clip / "videos").mkdir()
    parts = "datasets=[dict(ann_file='p.pkl', split=name) for name in ('train', 'val')]"
    (clip / "config.py").write_text(f"test_dataloader = dict(dataset=dict(type='ConcatDataset', {parts}))\n")
    options = ["--dataset", str(clip / "config.py"), "--video", str(clip / "videos"), "--output", str(clip / "batch")]
    with pytest.raises(ValueError, match=r"config\.py joins 2 data sets; give video and annotation of one"):
        visualizer(["--no-config", *options])


def test_batch_refuses_a_split_that_is_not_there(clip):
    (clip / "videos").mkdir()
    write_video(clip / "videos/good.mp4")
    config = "val_dataloader = dict(dataset=dict(ann_file={!r}, split='vla', data_prefix=dict(video={!r})))\n"
    (clip / "config.py").write_text(config.format(str(clip / "p.pkl"), str(clip / "videos")))
    options = ["--no-config", "--dataset", str(clip / "config.py"), "--output", str(clip / "batch")]
    save_annotations(clip / "p.pkl", [annotation("good")], dict(train=["good"], val=[]))
    with pytest.raises(KeyError, match=r"p\.pkl has no split 'vla'"):
        visualizer(options)
    save_annotations(clip / "p.pkl", [annotation("good")], overwrite=True)
    with pytest.raises(ValueError, match=r"p\.pkl has no table of splits, so split='vla'"):
        visualizer(options)


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["judo/001", "dive/001"], {"judo/001": "judo/001", "dive/001": "dive/001"}),
        (["judo/001"], {"judo/001": "judo/001"}),
        (["001"], {}),
        (["old/002"], {"dive/002": "old/002"}),
        (["old/002.mp4"], {"dive/002": "old/002.mp4"}),
        (["old/002", "new/002"], {}),
    ],
)
def test_batch_pairs_videos_by_their_paths(tmp_path, names, pairs):
    for name in ("judo/001", "dive/001", "dive/002"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.mp4").touch()
    found = pair_videos(tmp_path, [dict(frame_dir=name) for name in names])
    assert {str(video.relative_to(tmp_path).with_suffix("")): entry["frame_dir"] for video, entry in found} == pairs


def test_batch_draws_clips_of_one_name_apart(clip):
    videos = ["dive/001.mkv", "dive/001.mp4", "dive_001.mp4", "judo/#1 100%.mp4"]
    names = ["dive/001", "dive_001", "judo/#1 100%"]
    for name in videos:
        (clip / "videos" / name).parent.mkdir(parents=True, exist_ok=True)
        write_video(clip / "videos" / name)
    _, score = walking()
    score[:, 3] = 0
    save_annotations(clip / "p.pkl", [annotation(name, keypoint_score=score) for name in names])
    options = ["--workers", 1, "--problem-frames", clip / "bad"]
    assert run(clip, *options, video="videos", annotation="p.pkl", output="batch") == CLEAN
    for folder, suffix in ((clip / "batch/sheets", ".jpg"), (clip / "bad", "/*.png")):
        found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.*g") if path.is_file())
        expected = [f"{name}{suffix}" for name in videos]
        assert len(found) == len(videos) and all(fnmatch(*pair) for pair in zip(found, expected, strict=True)), found
    links = re.findall('<img [^>]*src="([^"]+)"', (clip / "batch/index.html").read_text())
    assert len(links) == 4 and all((clip / "batch" / unquote(urlsplit(link).path)).is_file() for link in links)


def test_batch_without_a_match(clip):
    (clip / "videos").mkdir()
    write_video(clip / "videos/unknown.mp4")
    with pytest.raises(ValueError, match="none of its videos has an annotation"):
        run(clip, video="videos", output="batch")


@pytest.mark.integration
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak memory from /proc")
def test_full_hd_is_drawn_in_little_memory(root, shared, tmp_path):
    """Frames stream: three times the length takes no more memory, and a long video stays below 400 MB."""
    keypoint = np.random.default_rng(0).uniform([0, 0], [1919, 1079], (2, 72, 17, 2)).astype(np.float32)
    info = dict(frame_dir="demo_skeleton", label=0, img_shape=(1080, 1920), original_shape=(1080, 1920))
    info |= dict(total_frames=72, keypoint=keypoint, keypoint_score=np.ones((2, 72, 17), np.float32))
    save_annotations(tmp_path / "p.pkl", [info])
    program = (
        "import pathlib, sys; from mmaction.pose_viewer.command import main; main(pathlib.Path(), sys.argv[1:]); "
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"  # kB; getrusage counts the parent's
    )
    peaks = []
    for frames in (":16", ":48"):
        options = ["--no-config", "--quiet", "--video", str(shared / "data/video/demo_skeleton.mp4"), "--overwrite"]
        options += ["--annotation", str(tmp_path / "p.pkl"), "--output", str(tmp_path / "o.mp4"), "--frames", frames]
        command = [sys.executable, "-c", program, *options]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1024)
    assert max(peaks) < 400
    assert peaks[1] < peaks[0] + 60
