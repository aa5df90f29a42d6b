"""Extraction of whole videos: files, interruptions, damage."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from stick_figure import write_video

from mmaction.io.annotations import load_annotations, save_annotations
from mmaction.preparation.poses import extract as extraction
from mmaction.preparation.poses.backends import BACKENDS, BackendOptions, Persons
from mmaction.preparation.poses.extract import Recipe, extract, parts_folder
from mmaction.preparation.poses.sources import list_videos
from mmaction.preparation.poses.tracking import TrackingOptions

RECIPE = Recipe(backend="known", tracking=TrackingOptions(max_gap=0))


class KnownPoses:
    """A person whose joints lie at the brightness of the frame, and one who is unsure."""

    calls = 0
    joint_score = 0.9

    def __init__(self, options):
        assert options.device == "cpu"

    def estimate(self, frames, boxes=None):
        KnownPoses.calls += len(frames)
        return [self._one(frame, None if boxes is None else boxes[i]) for i, frame in enumerate(frames)]

    @staticmethod
    def _one(frame, boxes):
        level = float(frame[10, 10, 0])
        boxes = np.array([[10, 10, 50, 80], [80, 10, 110, 80]], float) if boxes is None else boxes[:, :4]
        keypoint = np.full((len(boxes), 17, 2), level)
        return Persons(
            boxes, np.array([0.9, 0.2])[: len(boxes)], keypoint, np.full((len(boxes), 17), KnownPoses.joint_score)
        )


@pytest.fixture(autouse=True)
def known_backend(monkeypatch):
    monkeypatch.setitem(BACKENDS, "known", KnownPoses)
    KnownPoses.calls = 0


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos"
    (folder / "sub").mkdir(parents=True)
    write_video(folder / "a.mp4", 7)
    write_video(folder / "sub/b.mp4", 5, value=120)
    return folder


def write_boxes(path, boxes):
    path.write_bytes(pickle.dumps(boxes))
    return Recipe("known", boxes=str(path))


def run(videos, output, recipe=RECIPE, **options):
    return extract(list_videos(videos), output, recipe, progress=False, **options)


def test_a_folder_of_videos(videos, tmp_path):
    outcome = run(videos, tmp_path / "out.pkl", split="train")
    assert (outcome.done, outcome.reused, outcome.failed) == (["a", "sub/b"], 0, {})
    first, second = load_annotations(tmp_path / "out.pkl", "train")
    assert (first["frame_dir"], first["total_frames"], first["img_shape"]) == ("a", 7, (96, 128))
    assert second["keypoint"].shape == (1, 5, 17, 2)  # the unsure person is left out
    np.testing.assert_allclose(second["keypoint"][0, :, 0, 0], 120 + np.arange(5), atol=4)
    assert not parts_folder(tmp_path / "out.pkl").exists()


def test_labels_of_a_list(videos, tmp_path):
    (videos / "list.txt").write_text("# mine\na.mp4 3\nsub/b.mp4 1\n\n")
    run(videos / "list.txt", tmp_path / "out.pkl")
    assert [(info["frame_dir"], info["label"]) for info in load_annotations(tmp_path / "out.pkl")] == [
        ("a", 3),
        ("b", 1),
    ]


def test_a_list_relative_to_the_folder_of_the_videos(videos, tmp_path, monkeypatch):
    """A list names its clips as the folder itself does."""
    (tmp_path / "train.txt").write_text(f"sub/b.mp4 1\n# comment\n{videos}/a.mp4\t2\n")
    clips = list_videos(tmp_path / "train.txt", videos)
    assert [(clip.name, clip.label) for clip in clips] == [("sub/b", 1), ("a", 2)]
    assert {(clip.path, clip.name) for clip in clips} == {(clip.path, clip.name) for clip in list_videos(videos)}
    monkeypatch.chdir(tmp_path)
    assert [clip.name for clip in list_videos(tmp_path / "train.txt", Path("videos"))] == ["sub/b", "a"]
    with pytest.raises(FileNotFoundError, match=r"train.txt:1: no such video: .*b.mp4; give the folder .* --videos"):
        list_videos(tmp_path / "train.txt")
    (tmp_path / "train.txt").write_text("../videos/a.mp4 1\n")
    with pytest.raises(ValueError, match=r"train.txt:1: '../videos/a.mp4' leaves the data folder"):
        list_videos(tmp_path / "train.txt", videos)
    with pytest.raises(ValueError, match=r"is for the paths of a list; .*videos is no list"):
        list_videos(videos, videos)


def test_clips_of_one_name_in_two_folders_need_the_folders(videos, tmp_path):
    (videos / "a.mp4").rename(videos / "b.mp4")
    (videos / "list.txt").write_text("b.mp4 0\nsub/b.mp4 1\n")
    with pytest.raises(ValueError, match=r"occur more than once: b; if they lie in different folders, give --videos"):
        list_videos(videos / "list.txt")
    assert [clip.name for clip in list_videos(videos / "list.txt", videos)] == ["b", "sub/b"]


def test_every_clip_has_a_part_of_its_own(videos, tmp_path):
    names = ["sub__b", "sub%2Fb", "sub%252Fb"]
    for frames, name in enumerate(names, 2):
        write_video(videos / f"{name}.mp4", frames)
    run(videos, tmp_path / "out.pkl")
    found = {info["frame_dir"]: info["total_frames"] for info in load_annotations(tmp_path / "out.pkl")}
    assert found == {"a": 7, "sub/b": 5, "sub__b": 2, "sub%2Fb": 3, "sub%252Fb": 4}


def test_names_too_long_for_a_file_name_have_parts_too(videos, tmp_path):
    folder = videos / ("ä" * 120)
    folder.mkdir()
    for frames, letter in enumerate("xy", 2):
        write_video(folder / f"{letter * 200}.mp4", frames)
    (videos / "broken.mp4").write_text("no video")
    run(videos, tmp_path / "out.pkl")
    outcome = run(videos, tmp_path / "out.pkl")
    assert (len(outcome.done), outcome.reused, list(outcome.failed)) == (4, 4, ["broken"])
    found = {info["frame_dir"][-1]: info["total_frames"] for info in load_annotations(tmp_path / "out.pkl")}
    assert found == {"a": 7, "b": 5, "x": 2, "y": 3}


def test_a_link_in_a_circle_fails_alone(videos, tmp_path):
    (videos / "c.mp4").symlink_to("c.mp4")
    assert list(run(videos, tmp_path / "out.pkl").failed) == ["c"]


def test_a_killed_run_goes_on(videos, tmp_path, monkeypatch):
    finished = extraction.save_annotations

    def killed_after_the_first(path, *args, **kwargs):
        finished(path, *args, **kwargs)
        raise KeyboardInterrupt

    monkeypatch.setattr(extraction, "save_annotations", killed_after_the_first)
    with pytest.raises(KeyboardInterrupt):
        run(videos, tmp_path / "out.pkl")
    assert not (tmp_path / "out.pkl").exists()
    monkeypatch.setattr(extraction, "save_annotations", finished)
    assert KnownPoses.calls == 7
    outcome = run(videos, tmp_path / "out.pkl")
    assert outcome.reused == 1
    assert KnownPoses.calls == 7 + 5  # the first video is not read again
    assert len(load_annotations(tmp_path / "out.pkl")) == 2


def test_parts_of_another_recipe_are_not_mixed_in(videos, tmp_path):
    (videos / "broken.mp4").write_text("no video")
    run(videos, tmp_path / "out.pkl")
    other = Recipe("known", tracking=TrackingOptions(num_persons=2))
    with pytest.raises(ValueError, match=r"an interrupted run used other settings, see recipe.json"):
        run(videos, tmp_path / "out.pkl", other)
    run(videos, tmp_path / "out.pkl", other, overwrite=True)


def test_a_mistyped_option_does_not_block_the_right_command(videos, tmp_path):
    output = tmp_path / "out.pkl"
    with pytest.raises(FileNotFoundError, match=r"nope.pth does not exist"):
        run(videos, output, Recipe("known", BackendOptions(weights="nope.pth")))
    with pytest.raises(KeyError, match=r"'knwon' is unknown; did you mean known"):
        run(videos, output, Recipe("knwon"))
    assert not parts_folder(output).exists()
    (tmp_path / "boxes.txt").write_text("no boxes")
    with pytest.raises(ValueError, match=r"boxes.txt"):
        run(videos, output, Recipe("known", boxes=str(tmp_path / "boxes.txt")))
    assert len(run(videos, output).done) == 2


def test_the_parts_of_an_interrupted_run_outlive_a_mistyped_option(videos, tmp_path):
    output = tmp_path / "out.pkl"
    (videos / "a.mp4").write_bytes(b"no video")
    assert run(videos, output).failed
    before = sorted(parts_folder(output).iterdir())
    with pytest.raises(KeyError, match=r"'knwon' is unknown"):
        run(videos, output, Recipe("knwon"), overwrite=True)
    assert sorted(parts_folder(output).iterdir()) == before


def test_another_list_does_not_replace_an_extraction_with_failures(videos, tmp_path):
    (videos / "sub/broken.mp4").write_text("no video")
    output = tmp_path / "out.pkl"
    run(videos, output, split="train")
    with pytest.raises(ValueError, match=r"an interrupted run used other settings, see recipe.json"):
        run(videos, output, split="val")
    (tmp_path / "other").mkdir()
    write_video(tmp_path / "other/c.mp4", 3)
    write_video(tmp_path / "other/a.mp4", 4)
    for source in (videos / "sub", tmp_path / "other", tmp_path / "other/c.mp4"):
        with pytest.raises(ValueError, match=r"out.pkl.parts: an interrupted run extracted .* from .*videos/.*\.mp4"):
            run(source, output, split="train")
    assert [info["frame_dir"] for info in load_annotations(output, "train")] == ["a", "sub/b"]
    write_video(videos / "c.mp4", 3)
    outcome = run(videos, output, split="train")
    assert (outcome.done, outcome.reused) == (["a", "c", "sub/b"], 2)


def test_parts_of_videos_that_have_changed_are_not_reused(videos, tmp_path):
    (videos / "broken.mp4").write_text("no video")
    run(videos, tmp_path / "out.pkl")
    write_video(videos / "a.mp4", 4)
    videos = videos.rename(tmp_path / "moved")
    with pytest.raises(ValueError, match=r"extracted a from .*videos/a\.mp4, which is not among the videos now"):
        run(videos, tmp_path / "out.pkl")
    videos = videos.rename(tmp_path / "videos")
    outcome = run(videos, tmp_path / "out.pkl")
    assert outcome.reused == 1
    found = {info["frame_dir"]: info for info in load_annotations(tmp_path / "out.pkl")}
    assert {name: info["total_frames"] for name, info in found.items()} == {"a": 4, "sub/b": 5}
    assert "source" not in found["a"]
    assert run(videos.rename(tmp_path / "moved"), tmp_path / "out.pkl").reused == 2


def test_a_damaged_video_is_named_and_can_be_repaired(videos, tmp_path):
    (videos / "c.mp4").write_text("no video")
    outcome = run(videos, tmp_path / "out.pkl")
    assert outcome.done == ["a", "sub/b"]
    assert "c.mp4 cannot be opened" in outcome.failed["c"]
    assert len(load_annotations(tmp_path / "out.pkl")) == 2
    write_video(videos / "c.mp4", 3)
    assert run(videos, tmp_path / "out.pkl").failed == {}
    assert len(load_annotations(tmp_path / "out.pkl")) == 3


def test_a_video_that_is_cut_off_fails(shared, videos, tmp_path):
    content = (shared / "data/video/test.avi").read_bytes()
    (videos / "cut.avi").write_bytes(content[: len(content) // 4])
    outcome = run(videos, tmp_path / "out.pkl")
    assert outcome.done == ["a", "sub/b"]
    assert "cut.avi: breaks off after 34 frames (cut off, 34 of 164 frames are there)" in outcome.failed["cut"]


def test_a_video_that_breaks_off_fails(shared, tmp_path):
    with pytest.raises(ValueError, match=r"no video could be extracted: .*corrupted.mp4: breaks off after 28 frames"):
        run(shared / "data/video/corrupted.mp4", tmp_path / "out.pkl")


def test_nothing_is_overwritten_unless_asked(videos, tmp_path):
    save_annotations(tmp_path / "out.pkl", [dict(frame_dir="x", label=0, total_frames=1)])
    with pytest.raises(FileExistsError, match=r"out.pkl: exists already"):
        run(videos, tmp_path / "out.pkl")
    assert load_annotations(tmp_path / "out.pkl")[0]["frame_dir"] == "x"
    run(videos, tmp_path / "out.pkl", overwrite=True)
    assert len(load_annotations(tmp_path / "out.pkl")) == 2


def test_given_boxes(videos, tmp_path):
    boxes = {"a": [np.array([[1, 2, 30, 40, 0.9]])] * 7, "sub/b": [np.zeros((0, 5))] * 5}
    outcome = run(videos, tmp_path / "out.pkl", write_boxes(tmp_path / "boxes.pkl", boxes))
    first, second = load_annotations(tmp_path / "out.pkl")
    assert first["keypoint_score"].all() and not second["keypoint_score"].any()
    assert (outcome.empty, outcome.unseen) == (["sub/b"], {"sub/b": (5, 5)})
    boxes["a"] = boxes["a"][:4]
    del boxes["sub/b"]
    with pytest.raises(ValueError, match="4 frames, the video has more"):
        run(videos, tmp_path / "out2.pkl", write_boxes(tmp_path / "boxes.pkl", boxes))


def walk(step):
    return [np.array([[x, 10, x + 20, 60]], float) for x in step * np.arange(47)]


def tumble():
    """Tight boxes of a body that turns: tall, flat, tall, and never for long where the last box was."""
    turn = np.arange(47) * np.pi / 2.2
    half = np.stack([4 + 40 * np.abs(np.sin(turn)), 4 + 40 * np.abs(np.cos(turn))], axis=-1)
    center = np.stack([100 + 9 * np.arange(47), 300 - 12 * np.arange(47)], axis=-1)
    return [np.concatenate([c - h, c + h])[None] for c, h in zip(center, half, strict=True)]


@pytest.mark.parametrize(
    ("boxes", "joint_score"),
    [(walk(1), 0.45), (walk(60), 0.9), (tumble(), 0.9)],
    ids=["unsure joints", "boxes apart", "tight boxes"],
)
def test_every_given_box_is_a_pose(boxes, joint_score, tmp_path, monkeypatch):
    monkeypatch.setattr(KnownPoses, "joint_score", joint_score)
    write_video(tmp_path / "a.mp4", 47)
    outcome = run(tmp_path / "a.mp4", tmp_path / "out.pkl", write_boxes(tmp_path / "boxes.pkl", {"a": boxes}))
    (info,) = load_annotations(tmp_path / "out.pkl")
    assert info["keypoint_score"].shape == (1, 47, 17) and (info["keypoint_score"] > 0).all()
    assert outcome.unseen == {}


def test_all_boxes_of_a_frame_are_kept(videos, tmp_path):
    pair = np.array([[0, 0, 20, 40], [60, 0, 80, 40]], float)
    given = [pair[t % 2 :: 2] if t == 3 else pair[:: (-1) ** t] for t in range(7)]
    recipe = write_boxes(tmp_path / "boxes.pkl", {"a": given})
    outcome = run(videos / "a.mp4", tmp_path / "out.pkl", recipe)
    (info,) = load_annotations(tmp_path / "out.pkl")
    assert info["keypoint_score"].any(-1).sum() == 14  # a gap of one frame is filled
    assert outcome.unseen == {}


@pytest.mark.parametrize("box", [[0, 0, 0, 0], [5, 5, 2, 9], [0, 0, np.nan, 9]])
def test_boxes_that_are_none(box, videos, tmp_path):
    recipe = write_boxes(tmp_path / "boxes.pkl", {"a": [np.array([box], float)] * 7})
    with pytest.raises(ValueError, match=r"a, frame 0: .* is no box"):
        run(videos / "a.mp4", tmp_path / "out.pkl", recipe)


def see_until(monkeypatch, brightness):
    """Let the backend see nobody in brighter frames."""
    seen = KnownPoses._one
    darker = staticmethod(lambda frame, boxes: seen(frame, boxes).select(np.full(2, frame.mean() < brightness)))
    monkeypatch.setattr(KnownPoses, "_one", darker)


def test_frames_without_a_pose_are_counted(videos, tmp_path, monkeypatch):
    see_until(monkeypatch, 123)
    outcome = run(videos, tmp_path / "out.pkl")
    assert outcome.unseen == {"sub/b": (2, 5)} and outcome.empty == []
    assert outcome.quality["no_person"] == 2


def test_nobody_in_any_clip_is_an_error(videos, tmp_path, monkeypatch):
    see_until(monkeypatch, 0)
    with pytest.raises(ValueError, match=r"nobody is seen in any of the 2 clips.*--person-thr"):
        run(videos, tmp_path / "out.pkl")
    assert not (tmp_path / "out.pkl").exists()


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("a.mp4\n", ValueError, "list.txt:1: expected 'name label'"),
        ("a.mp4 one\n", ValueError, "list.txt:1: label must be a whole number .*'one'"),
        ("a.mp4 1\nz.mp4 2\n", FileNotFoundError, "list.txt:2: no such video"),
        (f"{'z' * 300}.mp4 2\n", FileNotFoundError, "list.txt:1: no such video"),
        ("a.mp4 1\na.mp4 2\n", ValueError, "these names occur more than once: a"),
        ("", ValueError, "list.txt:1: the list names no clip"),
    ],
)
def test_wrong_lists(videos, text, error, message):
    (videos / "list.txt").write_text(text)
    with pytest.raises(error, match=message):
        list_videos(videos / "list.txt")


def test_no_such_source(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such video, list or folder"):
        list_videos(tmp_path / "none")


def test_the_device_does_not_change_the_recipe():
    cpu, gpu = Recipe(), Recipe(backend_options=BackendOptions(device="cuda:0"))
    assert cpu.fingerprint() == gpu.fingerprint()
    assert cpu.fingerprint() != Recipe(backend_options=BackendOptions(min_size=100)).fingerprint()
