"""tools/infer.py as a user calls it."""

import csv
import importlib.util
import io
import json
import pickle
import shutil

import av
import numpy as np
import pytest
import torch
from engine.processes import run_forked

from mmaction.apis import inference_recognizer, init_recognizer
from mmaction.utils.cli import run_tool
from mmaction.utils.config import load_config


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def infer(root, capsys):
    """Run the tool in this process; returns its exit code, output and errors."""
    tool = load(root / "tools" / "infer.py", "infer_tool")

    def run(*args):
        code = tool.main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    run.tool = tool
    return run


@pytest.fixture
def folder(tmp_path, clip_files):
    """Two videos in nested folders, beside other files."""
    (tmp_path / "clips" / "deep").mkdir(parents=True)
    shutil.copy(clip_files["video"], tmp_path / "clips" / "one.mp4")
    shutil.copy(clip_files["video"], tmp_path / "clips" / "deep" / "two.mp4")
    (tmp_path / "clips" / "notes.txt").write_text("x")
    return tmp_path / "clips"


def test_one_video_as_table(infer, rgb, clip_files):
    code, out, _ = infer(*rgb, clip_files["video"], "--topk", 2)
    lines = out.splitlines()
    assert code == 0 and lines[0] == str(clip_files["video"]) and len(lines) == 3
    assert lines[1].split()[2] in ("jump", "turn", "rest")


def test_a_checkpoint_alone(infer, rgb, clip_files, tmp_path, capsys):
    content = torch.load(rgb[1], weights_only=True)
    content["meta"] = {"cfg": load_config(rgb[0])[0].pretty_text, "dataset_meta": {"classes": ["a", "b", "c"]}}
    torch.save(content, tmp_path / "best.pth")
    code, out, _ = infer(tmp_path / "best.pth", clip_files["video"], "--topk", 1)
    label = infer(*rgb, clip_files["video"], "--topk", 1)[1].split()[-1]
    assert code == 0 and out.split()[-1] == "abc"[["jump", "turn", "rest"].index(label)]
    with pytest.raises(SystemExit):
        infer(tmp_path / "best.pth")
    assert "INPUT" in capsys.readouterr().err


def test_a_checkpoint_that_could_run_code_needs_the_word_of_the_user(infer, rgb, clip_files, tmp_path):
    torch.save(torch.load(rgb[1], weights_only=True) | {"where": tmp_path}, tmp_path / "more.pth")
    call = rgb[0], tmp_path / "more.pth", clip_files["video"]
    with pytest.raises(ValueError, match="pass --trust-checkpoint"):
        infer(*call)
    assert infer(*call, "--trust-checkpoint")[0] == 0


def test_a_folder_as_json_has_the_scores_of_the_api(infer, rgb, folder, clip_files):
    code, out, _ = infer(*rgb, folder, "--format", "json", "--device", "cpu")
    entries = json.loads(out)
    assert code == 0
    assert [entry["input"] for entry in entries] == [str(folder / "deep" / "two.mp4"), str(folder / "one.mp4")]
    expected = inference_recognizer(init_recognizer(*rgb, device="cpu"), clip_files["video"]).pred_score
    for entry in entries:
        scores = {row["label"]: row["score"] for row in entry["top"]}
        assert [scores[i] for i in range(3)] == pytest.approx(expected.tolist(), abs=1e-5)


def test_patterns_frames_and_csv(infer, rgb, folder, clip_files):
    code, out, _ = infer(*rgb, folder / "*.mp4", clip_files["frames"], "--format", "csv", "--topk", 1)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [row["input"] for row in rows] == [str(folder / "one.mp4"), str(clip_files["frames"])]
    assert rows[0]["label"] == rows[1]["label"]
    assert float(rows[0]["score"]) == pytest.approx(float(rows[1]["score"]), abs=1e-5)


def test_timeline_picture_and_labeled_video(infer, rgb, clip_files, tmp_path):
    from mmaction.io.video import open_video

    files = ["--timeline", tmp_path / "t.png", "--out", tmp_path / "o.mp4"]
    code, out, _ = infer(*rgb, clip_files["video"], "--window", 2, "--format", "json", *files)
    entries = json.loads(out)
    assert code == 0 and [entry["start_s"] for entry in entries] == [0, 1, 2]
    assert (tmp_path / "t.png").stat().st_size > 1000
    assert len(list(open_video(tmp_path / "o.mp4").images())) == 40
    with pytest.raises(FileExistsError, match="exists; choose another name or pass --overwrite"):
        infer(*rgb, clip_files["video"], "--window", 2, *files)
    assert infer(*rgb, clip_files["video"], "--window", 2, *files, "--overwrite")[0] == 0


def test_the_labeled_video_of_one_that_is_cut_off_ends_with_a_warning(infer, rgb, shared, tmp_path):
    from mmaction.io.video import open_video

    content = (shared / "data/video/test.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) // 4])
    code, out, err = infer(*rgb, tmp_path / "cut.avi", "--format", "json", "--out", tmp_path / "o.mp4")
    assert code == 0 and len(json.loads(out)) == 1
    assert "warning: " in err
    assert "cut.avi: the video breaks off after 34 frames (cut off, 34 of 164 frames are there)" in err
    assert len(list(open_video(tmp_path / "o.mp4").images())) == 34


def test_labeled_videos_of_a_folder(infer, rgb, folder, tmp_path):
    code, _, err = infer(*rgb, folder, "--out", tmp_path / "labeled")
    assert code == 0 and f"wrote {tmp_path}/labeled/" in err
    assert sorted(path.name for path in (tmp_path / "labeled").iterdir()) == ["one.mp4", "two.mp4"]
    shutil.copy(folder / "one.mp4", folder / "deep" / "one.mp4")
    with pytest.raises(ValueError, match="several clips have the same name"):
        infer(*rgb, folder, "--out", tmp_path / "again")


@pytest.mark.parametrize(
    ("out", "message"),
    [("x.avi", r"x\.avi: labels are written into \*\.mp4"), ("two.mp4", "two.mp4 is one file, but there are 2 clips")],
)
def test_outputs_that_look_like_another_file_are_refused(infer, rgb, folder, tmp_path, out, message):
    with pytest.raises(ValueError, match=message):
        infer(*rgb, *([folder] if out == "two.mp4" else [folder / "one.mp4"]), "--out", tmp_path / out)
    assert not (tmp_path / out).exists()


def test_an_input_is_never_replaced(infer, rgb, folder):
    before = (folder / "one.mp4").read_bytes()
    (folder.parent / "link").symlink_to(folder)
    for out in (folder, folder.parent / "link" / "one.mp4"):
        with pytest.raises(ValueError, match=r"one\.mp4 is an input and is not replaced"):
            infer(*rgb, folder / "one.mp4", "--out", out, "--overwrite")
    assert (folder / "one.mp4").read_bytes() == before


def skeletons(*names):
    rng = np.random.default_rng(0)
    return [
        {
            "frame_dir": name,
            "label": 0,
            "img_shape": (50, 50),
            "original_shape": (50, 50),
            "total_frames": 12,
            "keypoint": rng.uniform(5, 45, (1, 12, 17, 2)).astype(np.float32),
            "keypoint_score": np.ones((1, 12, 17), np.float32),
        }
        for name in names
    ]


def test_skeletons_of_one_name_are_numbered(infer, pose, tmp_path):
    first, second, third = skeletons("walk", "run", "walk")
    (tmp_path / "s.pkl").write_bytes(pickle.dumps([first, second]))
    (tmp_path / "t.pkl").write_bytes(pickle.dumps([third]))
    _, out, _ = infer(*pose, tmp_path / "s.pkl", tmp_path / "t.pkl", "--format", "json")
    entries = json.loads(out)
    assert [entry["input"] for entry in entries] == ["walk", "run", "walk (2)"]
    assert entries[0]["top"] != entries[2]["top"]
    _, out, _ = infer(*pose, tmp_path / "s.pkl", tmp_path / "t.pkl", "--clip", "walk", "--format", "json")
    assert [entry["input"] for entry in json.loads(out)] == ["walk", "walk (2)"]


def test_skeletons_of_a_pickle(infer, pose, tmp_path):
    from mmaction.io.annotations import save_annotations

    path = tmp_path / "skeletons.pkl"
    save_annotations(path, skeletons("walk", "run", "sit"), {"test": ["run", "sit"]})
    _, out, _ = infer(*pose, path, "--split", "test", "--format", "json")
    assert [entry["input"] for entry in json.loads(out)] == ["run", "sit"]
    _, out, _ = infer(*pose, path, "--clip", "walk", "--format", "csv", "--topk", 1, "--window", 0.5, "--fps", 12)
    assert [row["start_s"] for row in csv.DictReader(io.StringIO(out))] == ["0.0", "0.25", "0.5"]
    with pytest.raises(KeyError, match="no clip 'wlak'; did you mean walk"):
        infer(*pose, path, "--clip", "wlak")


@pytest.mark.parametrize("empty", ["score 0", "NaN", "zeros without scores", "M = 0"])
def test_a_skeleton_without_a_person_is_in_no_class(infer, pose, tmp_path, empty):
    walk, run = skeletons("walk", "run")
    if empty == "score 0":
        walk["keypoint_score"][:] = 0
    elif empty == "M = 0":
        walk |= {name: walk[name][:0] for name in ("keypoint", "keypoint_score")}
    else:
        walk["keypoint"][:] = np.nan if empty == "NaN" else 0
    if empty == "zeros without scores":
        del walk["keypoint_score"], run["keypoint_score"]
    del walk["label"], run["label"]
    path = tmp_path / "s.pkl"
    path.write_bytes(pickle.dumps([walk, run]))
    code, out, err = infer(*pose, path, "--format", "json")
    first, second = json.loads(out)
    assert code == 1 and first == {"input": "walk", "nobody": True, "top": []} and len(second["top"]) == 3
    assert "1 of 2 clips show nobody" in err
    code, out, _ = infer(*pose, path, "--clip", "walk", "--format", "csv")
    assert code == 1 and out.splitlines()[1:] == ["walk,,,1,,nobody,"]
    assert infer(*pose, path, "--clip", "walk")[:2] == (1, "walk\n  nobody\n")
    model = init_recognizer(*pose, device="cpu")
    with pytest.raises(ValueError, match="walk shows nobody"):
        inference_recognizer(model, walk)


def test_windows_without_a_person(infer, pose, tmp_path):
    (walk,) = skeletons("walk")
    walk["keypoint_score"][:, :6] = 0
    (tmp_path / "s.pkl").write_bytes(pickle.dumps([walk]))
    call = (*pose, tmp_path / "s.pkl", "--window", 0.5, "--stride", 0.5, "--fps", 12)
    code, out, err = infer(*call, "--threshold", 0.01)
    lines = out.splitlines()
    assert code == 0 and err == "" and lines[0] == "walk"
    assert all("class" in line for line in lines[1:-1]) and "1 of them show nobody" in lines[-1]
    _, out, _ = infer(*call, "--format", "csv", "--topk", 1)
    assert [row["name"] == "nobody" for row in csv.DictReader(io.StringIO(out))] == [True, False]


def test_events_of_a_long_video(infer, rgb, clip_files, tmp_path):
    from mmaction.io.video import open_video

    files = [
        "--events",
        tmp_path / "e.json",
        tmp_path / "e.srt",
        "--cut",
        tmp_path / "cut",
        "--out",
        tmp_path / "o.mp4",
    ]
    call = (*rgb, clip_files["video"], "--window", 1, "--threshold", 0)
    code, out, _ = infer(*call, *files)
    events = json.loads((tmp_path / "e.json").read_text())["events"]
    assert code == 0 and events[0]["start_s"] == 0 and events[-1]["end_s"] == pytest.approx(4.0, abs=0.1)
    assert f"  {events[0]['score']:5.2f}  {events[0]['name']}" in out and "windows of 1 s" in out
    clips = sorted((tmp_path / "cut").iterdir())
    assert len(clips) == len(events) == (tmp_path / "e.srt").read_text().count("-->")
    assert sum(len(list(open_video(clip).images())) for clip in clips) == 40
    with pytest.raises(FileExistsError):
        infer(*call, "--cut", tmp_path / "cut")
    assert "nothing happens" in infer(*call[:-1], 1)[1]
    assert "nothing happens" in infer(*call, "--background", "jump", "turn", "rest")[1]
    with pytest.raises(KeyError, match="did you mean jump"):
        infer(*call, "--background", "jmup")
    with pytest.raises(ValueError, match=r"\.eaf"):
        infer(*call, "--events", tmp_path / "e.xml")


def test_whole_actions_of_a_long_video(infer, rgb, clip_files, tmp_path, capsys):
    call = (*rgb, clip_files["video"], "--window", 2, "--whole", "--threshold", 0.1, "--events", tmp_path / "e.json")
    code, out, _ = infer(*call, "--timeline", tmp_path / "t.png")
    events = json.loads((tmp_path / "e.json").read_text())["events"]
    assert code == 0 and len(events) == 2 and "windows of about 2 s" in out and (tmp_path / "t.png").is_file()
    assert all(1.6 < event["end_s"] - event["start_s"] < 2.4 for event in events)
    with pytest.raises(SystemExit):
        infer(*call, "--min-event", 1)
    assert "--min-event: not with --whole" in capsys.readouterr().err


def test_an_incomplete_skeleton_does_not_end_the_others(infer, pose, tmp_path):
    walk, run = skeletons("walk", "run")
    del walk["img_shape"]
    (tmp_path / "s.pkl").write_bytes(pickle.dumps([walk, run]))
    code, out, err = infer(*pose, tmp_path / "s.pkl", "--format", "json")
    assert code == 1 and [entry["input"] for entry in json.loads(out)] == ["run"]
    assert "walk: it has no img_shape" in err.replace("\n", " ") and "1 of 2 clips were not classified" in err
    with pytest.raises(ValueError, match="it has no img_shape"):
        infer(*pose, tmp_path / "s.pkl", "--clip", "walk")
    (tmp_path / "s.pkl").write_bytes(pickle.dumps([walk, {**walk, "frame_dir": "stroll"}]))
    assert infer(*pose, tmp_path / "s.pkl", "--out", tmp_path / "out.mp4")[0] == 1
    assert infer(*pose, tmp_path / "s.pkl", "--window", 1, "--timeline", tmp_path / "t.png")[0] == 1


def test_a_broken_clip_does_not_end_the_others(infer, rgb, folder):
    (folder / "broken.mp4").write_text("no video")
    code, out, err = infer(*rgb, folder, "--format", "json")
    assert code == 1 and len(json.loads(out)) == 2
    assert "broken.mp4" in err and "1 of 3 clips were not classified" in err


def test_names_from_a_file(infer, rgb, clip_files, tmp_path):
    (tmp_path / "labels.txt").write_text("alpha\nbeta\ngamma\n")
    _, out, _ = infer(*rgb, clip_files["video"], "--label-map", tmp_path / "labels.txt")
    assert {line.split()[2] for line in out.splitlines()[1:]} == {"alpha", "beta", "gamma"}


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        (["absent_*.mp4"], FileNotFoundError, r"no file matches the pattern absent_\*\.mp4"),
        (["EMPTY"], FileNotFoundError, "no video below"),
        (["FOLDER", "--window", "1", "--timeline", "t.png"], ValueError, "--timeline is for one clip; got 2"),
        (["VIDEO", "--label-map", "absent.txt"], FileNotFoundError, r"absent\.txt"),
        (["VIDEO", "--label-map", "LABELS"], ValueError, "expected 3 class names"),
    ],
)
def test_mistakes_are_explained(infer, rgb, folder, tmp_path, args, error, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "labels.txt").write_text("a\nb\n")
    places = {
        "EMPTY": tmp_path / "empty",
        "LABELS": tmp_path / "labels.txt",
        "FOLDER": folder,
        "VIDEO": folder / "one.mp4",
    }
    with pytest.raises(error, match=message):
        infer(*rgb, *(places.get(arg, arg) for arg in args))


@pytest.mark.parametrize(
    "args",
    [
        ["--stride", "1"],
        ["--timeline", "a.png"],
        ["--topk", "0"],
        ["--format", "xml"],
        ["--fps", "-5"],
        ["--fps", "nan"],
        ["--window", "0"],
    ],
)
def test_options_that_contradict_end_with_code_2(infer, rgb, capsys, args):
    with pytest.raises(SystemExit) as stop:
        infer(*rgb, "clip.mp4", *args)
    assert stop.value.code == 2
    assert args[0] in capsys.readouterr().err


@pytest.mark.integration
def test_as_a_program_from_another_folder(root, rgb, tmp_path):
    log = tmp_path / "log.txt"
    assert run_forked([str(root / "tools/infer.py"), *map(str, rgb), "absent.mp4"], tmp_path, log) == 2
    said = log.read_text()
    assert said.startswith("error: there is no video or folder absent.mp4") and "Traceback" not in said


@pytest.mark.parametrize("harm", ["cut off", "noise"])
def test_a_video_without_a_frame_that_decodes_is_refused(infer, rgb, tmp_path, capsys, harm):
    whole, path = tmp_path / "whole.mkv", tmp_path / "broken.mkv"
    with av.open(str(whole), "w") as file:
        stream = file.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        for shade in range(12):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((72, 96, 3), 20 * shade, np.uint8))))
        file.mux(stream.encode())
    if harm == "cut off":
        path.write_bytes(whole.read_bytes()[:300])
    else:
        rng = np.random.default_rng(0)
        with av.open(str(whole)) as source, av.open(str(path), "w") as file:
            stream = file.add_stream_from_template(source.streams.video[0])
            for packet in source.demux(video=0):
                if packet.size:
                    noise = av.Packet(rng.bytes(packet.size))
                    noise.pts, noise.dts, noise.time_base = packet.pts, packet.dts, packet.time_base
                    noise.is_keyframe, noise.stream = True, stream
                    file.mux(noise)
    with pytest.raises(SystemExit) as ended:
        run_tool(lambda: infer.tool.main([*map(str, rgb), str(path)]))
    captured = capsys.readouterr()
    assert ended.value.code == 2 and "broken.mkv" in captured.err and "Traceback" not in captured.err
    assert "turn" not in captured.out, "nothing was classified"
