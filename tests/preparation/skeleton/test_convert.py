import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmaction.preparation.skeleton.convert import change_layout, export_poses, import_poses
from mmaction.preparation.skeleton.files import AnnotationFile
from mmaction.preparation.skeleton.formats import FORMATS
from mmaction.preparation.skeleton.poses import Pose, PoseList
from mmaction.skeletons import get_layout

SIZE = (64, 48)
LAYOUT = {"openpose": "body25", "alphapose": "coco17", "coco": "coco17", "mmpose": "coco17", "mediapipe": "mediapipe33"}
slow = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def make(joints, persons, frames, seed, name="clip"):
    """Two persons far apart, everybody seen in the first and in the last frame."""
    rng = np.random.default_rng(seed)
    keypoint = rng.uniform(0, 10, (persons, frames, joints, 2)).astype(np.float32)
    keypoint += 25 * np.arange(persons, dtype=np.float32)[:, None, None, None]
    score = rng.uniform(0.1, 1, (persons, frames, joints)).astype(np.float32)
    shape = SIZE[::-1]
    info = dict(frame_dir=name, label=3, img_shape=shape, original_shape=shape, total_frames=frames)
    return {**info, "keypoint": keypoint, "keypoint_score": score}


@slow
@given(st.sampled_from(sorted(FORMATS)), st.integers(1, 2), st.integers(1, 6), st.integers(0, 99))
def test_export_then_import_is_the_same(tmp_path_factory, format_name, persons, frames, seed):
    folder = tmp_path_factory.mktemp(format_name)
    info = make(len(get_layout(LAYOUT[format_name]).joints), persons, frames, seed)
    written = list(export_poses(AnnotationFile([info]), format_name, folder))
    assert [path.stem for path in written] == ["clip"]
    file, left_out = import_poses(folder, format_name, size=SIZE, label=3)
    assert not left_out
    (again,) = file.annotations
    order = np.argsort(-info["keypoint_score"].mean(-1).sum(-1))
    assert again["label"] == 3 and again["img_shape"] == SIZE[::-1] and again["total_frames"] == frames
    np.testing.assert_allclose(again["keypoint"], info["keypoint"][order], atol=1e-4)
    np.testing.assert_allclose(again["keypoint_score"], info["keypoint_score"][order], atol=1e-6)


@pytest.mark.parametrize(("format_name", "written"), [("coco", "b.json"), ("openpose", "b")])
def test_existing_files_are_replaced_only_when_asked(tmp_path, format_name, written):
    joints = len(get_layout(LAYOUT[format_name]).joints)
    list(export_poses(AnnotationFile([make(joints, 1, 2, 0, "b")]), format_name, tmp_path))
    before = sorted((path, path.is_file() and path.read_bytes()) for path in tmp_path.rglob("*"))
    both = AnnotationFile([make(joints, 1, 2, 1, name) for name in "ab"])
    with pytest.raises(FileExistsError, match=rf"{written} exists already; choose another folder or pass --overwrite"):
        list(export_poses(both, format_name, tmp_path))
    assert sorted((path, path.is_file() and path.read_bytes()) for path in tmp_path.rglob("*")) == before
    assert len(list(export_poses(both, format_name, tmp_path, overwrite=True))) == 2


@pytest.mark.parametrize("wrong", [{"frame_dir": "judo/b"}, {"keypoint": np.zeros((1, 2, 17))}])
def test_nothing_is_exported_where_one_clip_cannot_be(tmp_path, wrong):
    both = AnnotationFile([make(17, 1, 2, 0, "a"), {**make(17, 1, 2, 1, "b"), **wrong}])
    with pytest.raises(ValueError, match=r"is not a plain name|b: expected 2D keypoints"):
        list(export_poses(both, "coco", tmp_path))
    assert not list(tmp_path.iterdir())


def test_scores_in_the_third_channel_are_exported(tmp_path):
    info = make(17, 1, 2, 0)
    joined = np.concatenate([info["keypoint"], info["keypoint_score"][..., None]], axis=-1)
    packed = {key: value for key, value in info.items() if key != "keypoint_score"} | {"keypoint": joined}
    for name, each in (("a", info), ("b", packed)):
        list(export_poses(AnnotationFile([each]), "coco", tmp_path / name))
    assert (tmp_path / "a/clip.json").read_bytes() == (tmp_path / "b/clip.json").read_bytes()


def test_persons_without_identity_are_followed_by_place():
    """Two persons swap their order in the file at every frame; a third comes late."""
    clip = PoseList("x")
    for frame in range(6):
        people = [np.full((17, 3), (10 + frame, 10, 0.9)), np.full((17, 3), (90 - frame, 10, 0.5))]
        for person in people[:: 1 if frame % 2 else -1]:
            clip.poses.append(Pose(frame, person.astype(np.float32)))
    clip.poses.append(Pose(4, np.full((17, 3), (50, 200, 0.1), np.float32)))
    keypoint, score = clip.arrays(17)
    assert keypoint.shape == (3, 6, 17, 2)
    assert keypoint[0, :, 0, 0].tolist() == [10, 11, 12, 13, 14, 15]
    assert keypoint[1, :, 0, 0].tolist() == [90, 89, 88, 87, 86, 85]
    assert score[2, :, 0].tolist() == pytest.approx([0, 0, 0, 0, 0.1, 0])
    assert clip.arrays(17, persons=1)[0].shape[0] == 1
    assert clip.arrays(17, frames=9)[0].shape[1] == 9
    with pytest.raises(ValueError, match="pose in frame 5, the clip has 3 frames"):
        clip.arrays(17, frames=3)


def test_sizes_and_lengths_from_videos_and_labels_from_lists(tmp_path, videos):
    for name in ("a", "b"):
        list(export_poses(AnnotationFile([make(25, 1, 4, 0, name)]), "openpose", tmp_path / "json"))
    videos.write(tmp_path / "videos/a.mp4", 6)
    (tmp_path / "train.txt").write_text("a.mp4 5\nb.mp4 6\n")
    file, left_out = import_poses(
        tmp_path / "json", "openpose", videos=tmp_path / "videos", lists={"train": tmp_path / "train.txt"}
    )
    (info,) = file.annotations
    assert (info["frame_dir"], info["label"], info["img_shape"], info["total_frames"]) == ("a", 5, (48, 160), 6)
    assert file.splits == {"train": ["a"]}
    assert "no video of this name" in left_out["b"]


def test_a_clip_whose_video_could_be_two_is_left_out(tmp_path, videos):
    for name in ("a", "b"):
        list(export_poses(AnnotationFile([make(25, 1, 4, 0, name)]), "openpose", tmp_path / "json"))
    for name in ("a", "judo/b", "dive/b"):
        videos.write(tmp_path / f"videos/{name}.mp4", 6)
    file, left_out = import_poses(tmp_path / "json", "openpose", videos=tmp_path / "videos", label=0)
    assert file.names == ["a"] and list(left_out) == ["b"]
    assert "dive/b.mp4 and " in left_out["b"] and "could both be its video" in left_out["b"]


def test_a_shorter_clip_leaves_no_frames_of_a_longer_one(tmp_path):
    for frames in (5, 3):
        list(export_poses(AnnotationFile([make(25, 1, frames, 0, "a")]), "openpose", tmp_path, overwrite=True))
        (tmp_path / "a" / "notes_keypoints.json").touch()  # of somebody else
    expected = [f"a_{frame:012d}_keypoints.json" for frame in range(3)] + ["notes_keypoints.json"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == expected


def test_size_of_a_phone_video_is_that_of_its_upright_frames(shared, tmp_path):
    list(export_poses(AnnotationFile([make(25, 1, 3, 0, "video_90")]), "openpose", tmp_path))
    file, _ = import_poses(tmp_path, "openpose", videos=shared / "data/video", label=0)
    assert file.annotations[0]["img_shape"] == (568, 320)


def test_files_that_count_from_one_and_coco_with_folders(tmp_path):
    points = [1.0, 2.0, 0.5] * 17
    entries = [{"image_id": f"dive/{n:04d}.jpg", "keypoints": points, "score": 1, "idx": [2.0]} for n in (1, 2, 3)]
    (tmp_path / "all.json").write_text(json.dumps(entries))
    file, _ = import_poses(tmp_path / "all.json", "alphapose", size=SIZE, label=0, first_frame=1)
    assert file.names == ["dive"] and file.annotations[0]["total_frames"] == 3
    file, left_out = import_poses(tmp_path / "all.json", "alphapose", size=SIZE, label=0, first_frame=2)
    assert left_out == {"dive": "dive: has a pose in frame 1, the first frame is 2"} and not file.annotations
    with pytest.raises(ValueError, match=r"alone; got 1 for openpose"):
        import_poses(tmp_path, "openpose", size=SIZE, label=0, first_frame=1)


@pytest.mark.parametrize("idx", [0, [0.0], [[0.0], [0.0]], [], [[0.0], [1.0]], None])
def test_a_number_that_all_poses_have_is_no_identity(tmp_path, idx):
    """AlphaPose without tracking: two persons in each frame, in changing order, all with one ``idx``."""
    places = [(10, 70), (71, 11), (12, 72)]
    entries = [
        {"image_id": f"{frame}.jpg", "keypoints": [x, 5.0, 0.9 - x / 200] * 17, "score": 1, "idx": idx}
        for frame, persons in enumerate(places)
        for x in persons
    ]
    (tmp_path / "clip.json").write_text(json.dumps(entries))
    (info,) = import_poses(tmp_path / "clip.json", "alphapose", size=SIZE, label=0)[0].annotations
    assert info["keypoint"][:, :, 0, 0].tolist() == [[10, 11, 12], [70, 71, 72]]


def test_few_poses_in_many_frames_are_a_mistake(tmp_path):
    frames = [0] * 40 + [65535]
    entries = [{"image_id": frame, "keypoints": [5.0, 5.0, 0.5] * 17} for frame in frames]
    (tmp_path / "clip.json").write_text(json.dumps(entries))
    _, left_out = import_poses(tmp_path / "clip.json", "coco", size=SIZE, label=0)
    assert "41 poses of 40 persons in 65536 frames, so nearly all" in left_out["clip"]
    (info,) = import_poses(tmp_path / "clip.json", "coco", size=SIZE, label=0, persons=2)[0].annotations
    assert info["keypoint"].shape == (2, 65536, 17, 2)


@pytest.mark.parametrize("wrap", [lambda n: n, lambda n: [float(n)], lambda n: [[n], [n]]])
def test_a_track_keeps_its_person_wherever_it_is(tmp_path, wrap):
    entries = [
        {"image_id": frame, "keypoints": [x, 5.0, 0.9 - 0.1 * idx] * 17, "score": 1, "idx": wrap(idx)}
        for frame, persons in enumerate([(10, 70), (70, 10)])
        for idx, x in enumerate(persons)
    ]
    (tmp_path / "clip.json").write_text(json.dumps(entries))
    (info,) = import_poses(tmp_path / "clip.json", "alphapose", size=SIZE, label=0)[0].annotations
    assert info["keypoint"][:, :, 0, 0].tolist() == [[10, 70], [70, 10]]


@pytest.mark.parametrize("images", [("judo/clip1/0.jpg", "dive/clip1/0.jpg"), (0, "x/all/0.jpg")])
def test_folders_of_one_name_in_one_file_are_refused(tmp_path, images):
    entries = [{"image_id": image, "keypoints": [1.0, 2.0, 0.5] * 17} for image in images]
    (tmp_path / "all.json").write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=r"all\.json, entry 1: .* and .* are both the clip (clip1|all); rename one"):
        import_poses(tmp_path / "all.json", "coco", size=SIZE, label=0)


def seen_in(frames, seen, joints=17):
    """A clip of so many frames with a person in some of them."""
    info = make(joints, 1, frames, 0)
    info["keypoint_score"][:, [frame for frame in range(frames) if frame not in seen]] = 0
    return info


@pytest.mark.parametrize("format_name", sorted(FORMATS))
def test_empty_frames_stay_in_their_place(tmp_path, format_name):
    info = seen_in(6, {1, 3, 5}, len(get_layout(LAYOUT[format_name]).joints))
    list(export_poses(AnnotationFile([info]), format_name, tmp_path))
    (again,) = import_poses(tmp_path, format_name, size=SIZE, label=0)[0].annotations
    np.testing.assert_allclose(again["keypoint_score"], info["keypoint_score"], atol=1e-6)


@pytest.mark.parametrize("format_name", ["openpose", "mediapipe"])
def test_empty_frames_at_the_end_count_where_the_files_tell(tmp_path, format_name):
    info = seen_in(5, {0, 1, 2}, len(get_layout(LAYOUT[format_name]).joints))
    list(export_poses(AnnotationFile([info]), format_name, tmp_path))
    (again,) = import_poses(tmp_path, format_name, size=SIZE, label=0)[0].annotations
    assert again["total_frames"] == 5


def test_a_pose_behind_the_last_frame_of_the_video_shows_that_frames_count_from_one(tmp_path, videos):
    videos.write(tmp_path / "videos/clip.mp4", 6)
    points = [1.0, 2.0, 0.5] * 17
    (tmp_path / "clip.json").write_text(json.dumps([{"image_id": n, "keypoints": points} for n in (2, 6)]))
    options = dict(videos=tmp_path / "videos", label=0)
    file, left_out = import_poses(tmp_path / "clip.json", "coco", **options)
    assert not file.annotations and "in frame 6, its video has frames 0 to 5; if the files" in left_out["clip"]
    (info,) = import_poses(tmp_path / "clip.json", "coco", first_frame=1, **options)[0].annotations
    assert info["keypoint_score"][0, :, 0].tolist() == [0, 0.5, 0, 0, 0, 0.5]


def test_lists_may_name_files_in_folders_but_not_two_for_one_clip(tmp_path):
    for name in ("a", "b"):
        list(export_poses(AnnotationFile([make(17, 1, 2, 0, name)]), "coco", tmp_path / "json"))
    (tmp_path / "train.txt").write_text("# mine\njudo/a.mp4 5\njudo/c.mp4 5\n")
    options = dict(size=SIZE, lists={"train": tmp_path / "train.txt"})
    file, left_out = import_poses(tmp_path / "json", "coco", **options)
    assert file.labels == {"a": 5} and file.splits == {"train": ["a"]}
    assert left_out == {"b": "b: no list gives its label"}
    (tmp_path / "train.txt").write_text("judo/a.mp4 5\nsumo/a.mp4 6\n")
    with pytest.raises(ValueError, match=r"train.txt:2: sumo/a and judo/a both stand for the clip a"):
        import_poses(tmp_path / "json", "coco", **options)


@pytest.mark.parametrize("format_name", ["openpose", "coco"])
def test_clips_of_one_name_in_two_folders_are_refused(tmp_path, format_name):
    for folder in ("judo", "sumo"):
        joints = len(get_layout(LAYOUT[format_name]).joints)
        list(export_poses(AnnotationFile([make(joints, 1, 2, 0)]), format_name, tmp_path / folder))
    with pytest.raises(ValueError, match=r"both frame 0 of the clip clip|holds two clips named clip"):
        import_poses(tmp_path, format_name, size=SIZE, label=0)


@pytest.mark.parametrize(
    ("format_name", "content", "message"),
    [
        ("coco", "[", r"x\.json:1: not JSON"),
        ("coco", "{}", "expected a list"),
        ("coco", '[{"image_id": 0}]', r"x\.json, entry 0: expected an object with 'keypoints'"),
        ("coco", '[{"image_id": 0, "keypoints": [1, 2]}]', "expected 17 joints x 3 numbers"),
        ("coco", '[{"image_id": 0, "keypoints": ["a"]}]', "keypoints must be numbers"),
        ("coco", '[{"image_id": "a", "keypoints": []}]', "does not end in a frame number"),
        ("coco", '[{"image_id": 1e300, "keypoints": []}]', "is not between 0 and 1,000,000"),
        ("coco", '[{"image_id": 0, "idx": [["a"]], "keypoints": []}]', r"x\.json, entry 0: expected a number, found a"),
        ("coco", f'[{{"image_id": 0, "keypoints": [{"NaN," * 50}1]}}]', "finite"),
        ("mediapipe", '[[{"x": 1}]]', r"x\.json, frame 0: expected an object with 'y'"),
        ("mediapipe", '[[{"x": 1, "y": "z"}]]', "expected a number, found z"),
        ("mediapipe", "[5]", "expected a list"),
    ],
)
def test_faulty_files(tmp_path, format_name, content, message):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        import_poses(tmp_path / "x.json", format_name, size=SIZE, label=0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just([0.5] * 51),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["people", "pose_keypoints_2d", "image_id", "keypoints", "idx", "pose_landmarks", "x", "y"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@slow
@given(json_values, st.sampled_from(sorted(FORMATS)))
def test_any_json_is_read_or_refused_with_its_name(tmp_path, value, format_name):
    path = tmp_path / "c_0_keypoints.json"
    path.write_text(json.dumps(value))
    try:
        file, left_out = import_poses(tmp_path, format_name, size=SIZE, label=0)
    except ValueError as error:
        assert "c_0_keypoints" in str(error)
    else:
        assert all(info["keypoint"].ndim == 4 for info in file.annotations) or left_out


def test_missing_arguments(tmp_path):
    with pytest.raises(ValueError, match="size of the images is needed"):
        import_poses(tmp_path, "coco", label=0)
    with pytest.raises(ValueError, match="labels are needed"):
        import_poses(tmp_path, "coco", size=SIZE)
    with pytest.raises(KeyError, match="unknown pose format 'x'; known: openpose, alphapose, coco, mmpose, mediapipe"):
        import_poses(tmp_path, "x", size=SIZE, label=0)
    with pytest.raises(ValueError, match=r"holds no CLIP_FRAME_keypoints.json"):
        import_poses(tmp_path, "openpose", size=SIZE, label=0)
    with pytest.raises(ValueError, match="not a plain name"):
        list(export_poses(AnnotationFile([make(17, 1, 1, 0, "../x")]), "coco", tmp_path))


@given(arrays(np.float32, (1, 2, 25, 2), elements=st.floats(0, 100, width=32)))
def test_layout_keeps_joints_by_name(keypoint):
    info = {**make(25, 1, 2, 0), "keypoint": keypoint}
    file, missing = change_layout(AnnotationFile([info]), "body25", "coco17")
    assert missing == []
    source, target = get_layout("body25"), get_layout("coco17")
    for joint, name in enumerate(target.joints):
        expected = keypoint[:, :, source.joints.index(name)]
        np.testing.assert_array_equal(file.annotations[0]["keypoint"][:, :, joint], expected)
    back, missing = change_layout(file, "coco17", "body25")
    assert "neck" in missing
    assert (back.annotations[0]["keypoint_score"][:, :, source.joints.index("neck")] == 0).all()
    with pytest.raises(ValueError, match="layout coco17 has 17 joints, the arrays have 25"):
        change_layout(AnnotationFile([info]), "coco17", "body25")


def test_layout_keeps_scores_in_the_third_channel_and_gives_3d_joints_none():
    info = make(25, 1, 2, 0)
    score = info.pop("keypoint_score")
    keypoint = np.concatenate([info["keypoint"], score[..., None]], axis=-1)
    (changed,) = change_layout(AnnotationFile([{**info, "keypoint": keypoint}]), "body25", "coco17")[0].annotations
    order = [get_layout("body25").joints.index(name) for name in get_layout("coco17").joints]
    np.testing.assert_array_equal(changed["keypoint"], info["keypoint"][:, :, order])
    np.testing.assert_array_equal(changed["keypoint_score"], score[:, :, order])
    spatial = {"frame_dir": "x", "label": 0, "keypoint": keypoint}
    (changed,) = change_layout(AnnotationFile([spatial]), "body25", "coco17")[0].annotations
    np.testing.assert_array_equal(changed["keypoint"], keypoint[:, :, order])
    assert "keypoint_score" not in changed


def test_joints_of_another_layout_are_told(tmp_path):
    list(export_poses(AnnotationFile([make(17, 1, 3, 0, "a")]), "openpose", tmp_path))
    with pytest.raises(ValueError, match=r"expected 25 joints .*, found 51 numbers; are they of another layout"):
        import_poses(tmp_path, "openpose", size=SIZE, label=0)
    file, _ = import_poses(tmp_path, "openpose", layout="coco17", size=SIZE, label=0)
    assert file.annotations[0]["keypoint"].shape[2] == 17


def test_predictions_of_mmpose_demos_count_from_1(tmp_path):
    person = {"keypoints": [[3.0, 4.0]] * 17, "keypoint_scores": [0.5] * 17, "bbox": [[0, 0, 9, 9]], "bbox_score": 0.9}
    frames = [{"frame_id": 1, "instances": [person]}, {"frame_id": 2, "instances": []}]
    (tmp_path / "clip.json").write_text(json.dumps({"meta_info": {}, "instance_info": frames}))
    file, _ = import_poses(tmp_path, "mmpose", size=SIZE, label=0, first_frame=1)
    (info,) = file.annotations
    assert info["keypoint"].shape == (1, 2, 17, 2) and info["keypoint_score"][0, :, 0].tolist() == [0.5, 0]


NTU = "S001C001P001R001A007"


def ntu_file(bodies, changes=("", "")):
    """Return a file whose frames hold bodies of the given identities, joint v of body b in frame t at (b, t, v)."""
    lines = [str(len(bodies))]
    for frame, identities in enumerate(bodies):
        lines.append(str(len(identities)))
        for body in identities:
            lines += [f"{body} 0 1 1 1 1 0 0.1 -0.2 2", "25"]
            lines += [f"{body} {frame} {v} 1 2 3 4 0 0 0 0 {0 if v == 5 else 2}" for v in range(25)]
    return "\r\n".join(lines).replace(*changes) + "\r\n"


def test_skeletons_of_ntu(tmp_path):
    (tmp_path / f"{NTU}.skeleton").write_text(ntu_file([[7], [7, 9], [], [9, 7]]))
    file, left_out = import_poses(tmp_path, "ntu")
    (info,) = file.annotations
    assert not left_out and info["label"] == 6 and info["frame_dir"] == NTU and info["total_frames"] == 4
    keypoint = info["keypoint"]
    assert keypoint.shape == (2, 4, 25, 3) and keypoint[0, 3, 24].tolist() == [7, 3, 24]
    assert not keypoint[0, 2].any() and not keypoint[1, 0].any() and not keypoint[:, :, 5].any()
    assert import_poses(tmp_path, "ntu", label=2, persons=1)[0].annotations[0]["keypoint"].shape[0] == 1
    path = tmp_path / "ann.pkl"
    file.write(path)
    assert AnnotationFile.read(path).labels == {NTU: 6}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("0\n", "nobody"),
        (ntu_file([[7]])[:-40], "numbers"),
        (ntu_file([[7]], ("25\r\n", "20\r\n")), "25 joints"),
        (ntu_file([[7], [8]], ("\r\n25", "\r\nnan")), r"skeleton:4: expected 1 numbers"),
        ("x" * 99, r"skeleton:1: expected 1 numbers"),
    ],
)
def test_damaged_skeletons_of_ntu(tmp_path, content, message):
    path = tmp_path / f"{NTU}.skeleton"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        import_poses(path, "ntu")
