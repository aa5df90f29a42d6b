import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mmaction.datasets.functional.skeleton_features import rotation_between
from mmaction.datasets.transforms import (
    FitJoints,
    FormatGCNInput,
    GenSkeFeat,
    JointToBone,
    MergeSkeFeat,
    PadTo,
    PreNormalize2D,
    PreNormalize3D,
    RandomRot,
    RandomScale,
    ToMotion,
)
from mmaction.skeletons import LAYOUTS, get_layout


def joints(persons=1, frames=5, count=17, channels=2, seed=0):
    return np.random.default_rng(seed).uniform(1, 90, (persons, frames, count, channels)).astype(np.float32)


@pytest.mark.filterwarnings("ignore:the third channel")
@pytest.mark.parametrize("dataset", ["coco", "openpose", "nturgb+d"])
def test_bones_lead_from_parent_to_joint(dataset):
    layout = get_layout(dataset)
    keypoint = joints(count=len(layout.joints), channels=3)
    bone = JointToBone(dataset)({"keypoint": keypoint})["keypoint"]
    for joint, parent in enumerate(layout.parents):
        np.testing.assert_allclose(
            bone[..., joint, :2], keypoint[..., joint, :2] - keypoint[..., parent, :2], atol=1e-4
        )
        third = keypoint[..., joint, 2], keypoint[..., parent, 2]
        expected = third[0] - third[1] if dataset == "nturgb+d" else (third[0] + third[1]) / 2
        np.testing.assert_allclose(bone[..., joint, 2], expected, atol=1e-4)
    assert bone.dtype == np.float32


@pytest.mark.filterwarnings("ignore:the third channel")
def test_motion_is_the_change_to_the_next_frame():
    keypoint = joints(channels=3)
    result = ToMotion("coco")({"keypoint": keypoint})["motion"]
    np.testing.assert_allclose(result[:, 2, :, :2], keypoint[:, 3, :, :2] - keypoint[:, 2, :, :2])
    np.testing.assert_allclose(result[:, 2, :, 2], (keypoint[:, 3, :, 2] + keypoint[:, 2, :, 2]) / 2)
    assert not result[:, -1].any()
    depth = ToMotion("nturgb+d")({"keypoint": keypoint})["motion"]
    np.testing.assert_allclose(depth[:, 2], keypoint[:, 3] - keypoint[:, 2])


def test_all_features_in_the_order_asked_for():
    keypoint, score = joints(), np.full((1, 5, 17), 0.5, dtype=np.float32)
    result = GenSkeFeat("coco", feats=["b", "j", "jm", "bm"])({"keypoint": keypoint, "keypoint_score": score})
    assert set(result) == {"keypoint"}
    merged = result["keypoint"]
    assert merged.shape == (1, 5, 17, 12)
    np.testing.assert_array_equal(merged[..., 3:5], keypoint)
    bone = JointToBone("coco")({"keypoint": np.concatenate([keypoint, score[..., None]], axis=-1)})["keypoint"]
    np.testing.assert_allclose(merged[..., :3], bone)
    np.testing.assert_allclose(merged[..., 9:], ToMotion("coco", "b", "bm")({"b": bone})["bm"])


def test_the_third_channel_is_a_score_or_a_depth():
    depth = joints(count=20, channels=3)
    parents = get_layout("kinect20").parents
    bone = GenSkeFeat("kinect20", ["b"])({"keypoint": depth})["keypoint"]
    np.testing.assert_allclose(bone, depth - depth[:, :, list(parents)], rtol=1e-5, atol=1e-5)
    score = np.linspace(0, 1, 100, dtype=np.float32).reshape(1, 5, 20)
    scored = GenSkeFeat("kinect20", ["b"])({"keypoint": depth[..., :2], "keypoint_score": score})["keypoint"]
    np.testing.assert_allclose(scored[..., 2], (score + score[:, :, list(parents)]) / 2, rtol=1e-5)


@pytest.mark.parametrize("layout", [*LAYOUTS, dict(name="own", joints=list("abcdef"), limbs=[(0, 1)])])
def test_the_data_decide_whether_a_third_channel_is_a_score(layout):
    found = get_layout(layout)
    keypoint = joints(count=len(found.joints), channels=3)
    keypoint[..., 2] /= 100
    parents = list(found.parents)
    mean, way = (keypoint[..., 2] + keypoint[:, :, parents, 2]) / 2, keypoint[..., 2] - keypoint[:, :, parents, 2]
    for step in (GenSkeFeat(layout, ["b"]), JointToBone(layout)):
        in_image = step({"keypoint": keypoint, "img_shape": (100, 100)})["keypoint"][..., 2]
        in_space = step({"keypoint": keypoint})["keypoint"][..., 2]
        np.testing.assert_allclose(in_image, mean, atol=1e-6)
        np.testing.assert_allclose(in_space, mean if found.name[:6] in ("coco17", "openpo") else way, atol=1e-6)


def test_coordinates_that_are_read_as_scores_are_named():
    with pytest.warns(UserWarning, match="third channel of coco17"):
        ToMotion("coco")({"keypoint": joints(channels=3)})


def test_merging_removes_the_parts():
    result = MergeSkeFeat(["a", "b"], target="c", axis=0)({"a": np.zeros(2), "b": np.ones(1), "d": 1})
    assert result.keys() == {"c", "d"}
    assert result["c"].tolist() == [0, 0, 1]


@pytest.mark.parametrize(("mode", "expected"), [("loop", [0, 1, 2, 0, 1]), ("zero", [0, 1, 2, None, None])])
def test_padding(mode, expected):
    keypoint, score = joints(frames=3), np.ones((1, 3, 17))
    result = PadTo(5, mode)({"keypoint": keypoint, "keypoint_score": score, "total_frames": 3})
    assert result["total_frames"] == 5
    for frame, source in enumerate(expected):
        np.testing.assert_array_equal(result["keypoint"][:, frame], 0 if source is None else keypoint[:, source])
        assert (result["keypoint_score"][:, frame] == (source is not None)).all()
    with pytest.raises(ValueError, match="has 6 frames, more than length=5"):
        PadTo(5)({"keypoint": keypoint, "total_frames": 6})


def test_pixels_become_shares_of_the_image():
    keypoint = np.array([[[[0, 50], [200, 100], [100, 0]]]], dtype=np.float32)
    expected = [[-1, 0], [1, 1], [0, -1]]
    assert PreNormalize2D()({"keypoint": keypoint, "img_shape": (100, 200)})["keypoint"][0, 0].tolist() == expected
    assert PreNormalize2D((100, 200))({"keypoint": keypoint})["keypoint"][0, 0].tolist() == expected
    assert keypoint[0, 0, 0].tolist() == [0, 50]


@settings(max_examples=20, deadline=None)
@given(st.floats(0.2, 5), st.floats(-300, 300), st.integers(0, 100))
def test_size_and_place_of_a_clip_do_not_matter(size, shift, seed):
    keypoint, score = joints(seed=seed).astype(np.float32), np.ones((1, 5, 17), dtype=np.float32)
    score[0, 2, 3] = 0
    normal = PreNormalize2D(by="clip")({"keypoint": keypoint, "keypoint_score": score})["keypoint"]
    assert normal[score > 0].min() == pytest.approx(-1) or normal[score > 0].max() == pytest.approx(1)
    assert np.abs(normal).max() <= 1 + 1e-5 and not normal[0, 2, 3].any()
    moved = PreNormalize2D(by="clip")({"keypoint": keypoint * size + shift, "keypoint_score": score})["keypoint"]
    np.testing.assert_allclose(moved, normal, atol=1e-3)
    assert not PreNormalize2D(by="clip")({"keypoint": keypoint * 0})["keypoint"].any()


def test_a_clip_in_its_square_always_has_scores():
    keypoint = joints().astype(np.float32)
    score = np.full((1, 5, 17), 0.5, np.float32)
    score[0, 1, 4] = 0
    expected = PreNormalize2D(by="clip")({"keypoint": keypoint, "keypoint_score": score})
    third = np.concatenate([keypoint, score[..., None]], axis=-1)
    found = PreNormalize2D(by="clip")({"keypoint": third, "img_shape": (240, 320)})
    for key in ("keypoint", "keypoint_score"):
        np.testing.assert_array_equal(found[key], expected[key])
    unscored = np.where(score[..., None] > 0, keypoint, 0)  # (0, 0) marks the joint that is missing
    found = PreNormalize2D(by="clip")({"keypoint": unscored})
    np.testing.assert_array_equal(found["keypoint_score"], score > 0)
    np.testing.assert_array_equal(found["keypoint"], expected["keypoint"])
    half = PreNormalize2D(by="clip")({"keypoint": unscored.astype(np.float16)})["keypoint"]
    assert half.dtype == np.float32  # small motions are lost in float16
    with pytest.raises(ValueError, match="begin with a config for 3D"):
        PreNormalize2D(by="clip")({"keypoint": third, "frame_dir": "a"})


def test_scores_of_joints_in_space_say_what_is_missing_and_go():
    keypoint, score = joints(count=25, channels=3), np.ones((1, 5, 25), np.float32)
    score[0, 0], score[0, 3, 7] = 0, 0  # nobody in the first frame; one joint, whose place means nothing
    keypoint[0, 3, 7] = 1e6
    sample = {"keypoint": keypoint, "keypoint_score": score, "total_frames": 5}
    result = FitJoints()(PreNormalize3D(layout="ntu25")(dict(sample)))
    assert result["keypoint"].shape == (1, 4, 25, 3) and "keypoint_score" not in result
    assert not result["keypoint"][0, 2, 7].any() and np.abs(result["keypoint"]).max() == pytest.approx(1)
    nobody = PreNormalize3D(layout="ntu25")({**sample, "keypoint_score": score * 0})
    assert nobody["keypoint"].shape[1] == 5


def test_a_layout_without_shoulders_is_moved_but_not_turned():
    keypoint = joints(count=21, channels=3)
    step = PreNormalize3D(layout="hand21", align_spine=False, align_shoulder=False)
    step.check_joints(21)
    moved = step({"keypoint": keypoint, "total_frames": 5})["keypoint"]
    np.testing.assert_allclose(moved, keypoint - keypoint[:1, :1, :1], atol=1e-5)
    keypoint[0, 0, 0] = 0  # the root is missing in the first frame
    moved = step({"keypoint": keypoint, "total_frames": 5})["keypoint"]
    np.testing.assert_allclose(moved[0, :, 1], keypoint[0, :, 1] - keypoint[0, 1, 0], atol=1e-5)


@pytest.mark.parametrize("dtype", [np.int16, np.int64, np.uint16])
def test_whole_pixels_are_normalized_to_fractions(dtype):
    keypoint = np.array([[[[25, 75], [150, 60]]]], dtype=dtype)
    results = PreNormalize2D((100, 200))({"keypoint": keypoint})
    np.testing.assert_allclose(results["keypoint"][0, 0], [[-0.75, 0.5], [0.5, 0.2]], rtol=1e-6)
    assert results["keypoint"].dtype == np.float32
    assert keypoint[0, 0].tolist() == [[25, 75], [150, 60]]


vectors = arrays(np.float64, 3, elements=st.floats(-1, 1).filter(lambda x: x == 0 or abs(x) > 1e-3))


@given(vectors, vectors)
def test_rotations(source, target):
    matrix = rotation_between(source, target)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(matrix) == pytest.approx(1)
    if np.abs(np.cross(source, target)).sum() > 1e-6:
        turned = matrix @ source
        np.testing.assert_allclose(turned / np.linalg.norm(turned), target / np.linalg.norm(target), atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_3d_skeletons_share_a_frame_of_reference(seed):
    keypoint = joints(count=25, channels=3, seed=seed)
    result = PreNormalize3D()({"keypoint": keypoint, "total_frames": 5})
    normal = result["keypoint"]
    np.testing.assert_allclose(normal[0, 0, 1], 0, atol=1e-4)
    shoulders = normal[0, 0, 8] - normal[0, 0, 4]
    np.testing.assert_allclose(shoulders[1:] / np.linalg.norm(shoulders), 0, atol=1e-4)
    assert shoulders[0] > 0
    spine = PreNormalize3D(align_shoulder=False)({"keypoint": keypoint})["keypoint"][0, 0]
    np.testing.assert_allclose((spine[1] - spine[0])[:2], 0, atol=1e-3)
    lengths = [np.linalg.norm(x[0, :, 5] - x[0, :, 9], axis=-1) for x in (keypoint, normal)]
    np.testing.assert_allclose(*lengths, rtol=1e-4)


def test_a_layout_gives_the_joints_of_the_body():
    names = get_layout("kinect20").joints
    hip, spine, right, left = (names.index(n) for n in ("hip_center", "spine", "right_shoulder", "left_shoulder"))
    step = PreNormalize3D(layout="kinect20", align_shoulder=False)
    step.check_joints(20)
    first = step({"keypoint": joints(count=20, channels=3)})["keypoint"][0, 0]
    np.testing.assert_allclose(first[spine], 0, atol=1e-4)
    np.testing.assert_allclose(first[hip, :2], 0, atol=1e-3)
    assert first[hip, 2] < 0
    assert (step.zaxis, step.xaxis) == ((hip, spine), (right, left))
    assert names[step.center] == "spine"
    with pytest.raises(ValueError, match="hip_center"):
        PreNormalize3D(layout="coco17")


@pytest.mark.parametrize("axes", [2, 3])
def test_random_turns_keep_distances_and_missing_joints(axes):
    keypoint = joints(persons=2, channels=axes).astype(np.float32)
    keypoint[0, 1, 2] = 0
    rng = np.random.default_rng(0)
    turned = RandomRot(0.5)({"keypoint": keypoint, "rng": rng})["keypoint"]
    assert turned.dtype == keypoint.dtype
    assert not turned[0, 1, 2].any()
    assert np.abs(turned - keypoint).max() > 1e-2
    np.testing.assert_allclose(np.linalg.norm(turned, axis=-1), np.linalg.norm(keypoint, axis=-1), rtol=1e-4)
    still = RandomRot(0)({"keypoint": keypoint, "rng": rng})["keypoint"]
    np.testing.assert_allclose(still, keypoint, rtol=1e-6)


def test_rotation_about_one_axis_keeps_the_coordinate_along_it():
    rng = np.random.default_rng(0)
    keypoint = rng.standard_normal((1, 5, 4, 3))
    turned = RandomRot((0, 2, 0))({"keypoint": keypoint, "rng": rng})["keypoint"]
    np.testing.assert_allclose(turned[..., 1], keypoint[..., 1])
    assert np.abs(turned - keypoint)[..., [0, 2]].max() > 0.01


@pytest.mark.parametrize(("axes", "scale"), [(2, 0.2), (3, 0.1), (3, (0.1, 0.2, 0.3))])
def test_random_scales_stay_in_range_and_differ_between_axes(axes, scale):
    keypoint = joints(channels=axes).astype(np.float32) + 1
    factors = [
        RandomScale(scale)({"keypoint": keypoint, "rng": np.random.default_rng(seed)})["keypoint"] / keypoint
        for seed in range(20)
    ]
    spread = np.stack([factor[0, 0, 0] for factor in factors])
    assert (np.abs(spread - 1) <= np.asarray(scale) + 1e-5).all()
    assert (spread.std(axis=0) > 0.01).all()
    assert np.abs(spread[:, 0] - spread[:, 1]).max() > 0.01
    np.testing.assert_allclose(factors[0], np.broadcast_to(factors[0][0, 0, 0], keypoint.shape), rtol=1e-4)


def test_the_person_seen_longer_comes_first():
    keypoint = joints(persons=2, count=25, channels=3)
    keypoint[0, 1:] = 0
    keypoint[1, 4] = 0
    result = PreNormalize3D(align_spine=False, align_shoulder=False, align_center=False)({"keypoint": keypoint})
    assert result["total_frames"] == 4
    np.testing.assert_array_equal(result["keypoint"], keypoint[::-1, :4])
    empty = np.zeros((2, 5, 25, 3), dtype=np.float32)
    assert PreNormalize3D()({"keypoint": empty})["keypoint"] is empty


def test_graph_input():
    keypoint, score = joints(persons=1, frames=6), np.ones((1, 6, 17), dtype=np.float32)
    sample = {"keypoint": keypoint, "keypoint_score": score, "num_clips": 2}
    zero, loop = (FormatGCNInput(num_person=2, mode=mode)(dict(sample))["keypoint"] for mode in ("zero", "loop"))
    assert zero.shape == loop.shape == (2, 2, 3, 17, 3)
    np.testing.assert_array_equal(zero[1, 0, :, :, :2], keypoint[0, 3:])
    assert not zero[:, 1].any()
    np.testing.assert_array_equal(loop[:, 1], loop[:, 0])
    assert FormatGCNInput(1)({"keypoint": joints(persons=3)})["keypoint"].shape == (1, 1, 5, 17, 2)
    with pytest.raises(ValueError, match="6 frames are not a multiple of num_clips=4"):
        FormatGCNInput()(dict(sample, num_clips=4))


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: PadTo(0), ValueError, "length is a positive integer"),
        (lambda: PadTo(3, "repeat"), ValueError, "mode is 'loop' or 'zero'; got 'repeat'"),
        (lambda: JointToBone("cocoa"), KeyError, "unknown skeleton layout 'cocoa'; did you mean"),
        (lambda: GenSkeFeat(feats=["k"]), ValueError, r"feats names some of j, b, jm, bm; got \['k'\]"),
        (lambda: JointToBone("coco")({"keypoint": joints(count=25)}), ValueError, "has 17 joints"),
        (lambda: ToMotion()({"keypoint": joints(channels=5)}), ValueError, "joints have 2 or 3 channels"),
        (lambda: PreNormalize2D(by="person"), ValueError, "'image' or 'clip'"),
        (lambda: RandomRot(-1), ValueError, "theta"),
        (lambda: RandomRot((1, 2)), ValueError, "theta"),
        (lambda: RandomRot((0, 0, 1))({"keypoint": np.ones((1, 2, 3, 2))}), ValueError, "theta"),
        (lambda: RandomScale(1.5), ValueError, "scale"),
        (lambda: RandomScale((0.1, 0.1, 0.1))({"keypoint": joints()}), ValueError, "3 entries"),
        (lambda: PreNormalize3D()({"keypoint": joints()}), ValueError, r"takes \(M, T, V, 3\)"),
        (
            lambda: GenSkeFeat()({"keypoint": joints(count=25, channels=3), "keypoint_score": np.ones((1, 5, 25))}),
            ValueError,
            "scores belong to 2D joints",
        ),
    ],
)
def test_wrong_arguments_and_samples(build, error, message):
    with pytest.raises(error, match=message):
        build()


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]), st.booleans())
def test_fitted_joints_go_from_minus_one_to_one_and_forget_place_and_size(seed, axes, scored):
    rng = np.random.default_rng(seed)
    keypoint = rng.normal(size=(2, 6, 5, axes)).astype(np.float32)
    keypoint[1] = 0  # a second person who is not there
    sample = {"keypoint": keypoint}
    seen = np.ones((2, 6, 5), bool) * np.array([True, False])[:, None, None]
    if scored:
        sample["keypoint_score"] = rng.integers(0, 2, (2, 6, 5)).astype(np.float32)
        sample["keypoint_score"][0, 0, :2] = 1
        seen &= sample["keypoint_score"] > 0
    fitted = FitJoints()(dict(sample))["keypoint"]
    np.testing.assert_allclose(fitted[seen].min(axis=0), -1, atol=1e-5)
    np.testing.assert_allclose(fitted[seen].max(axis=0), 1, atol=1e-5)
    assert not fitted[~seen].any()
    factor, shift = rng.uniform(0.5, 2, axes), rng.normal(size=axes)
    moved = np.where(keypoint.any(axis=(1, 2, 3), keepdims=True), keypoint * factor + shift, 0).astype(np.float32)
    np.testing.assert_allclose(FitJoints()({**sample, "keypoint": moved})["keypoint"], fitted, atol=1e-4)


def test_nobody_stays_nobody():
    empty = np.zeros((1, 4, 5, 3), np.float32)
    assert FitJoints()({"keypoint": empty})["keypoint"] is empty
