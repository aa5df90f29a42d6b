import pickle

import numpy as np
import pytest
from mmengine.config import Config

from mmaction.datasets import PoseDataset, RepeatDataset
from mmaction.engine.checks.data import missing_files
from mmaction.engine.results.writer import dataset_facts
from mmaction.io.annotations import save_annotations
from mmaction.registry import DATASETS

PIPELINE = [
    {"type": "UniformSampleFrames", "clip_len": 4},
    {"type": "PoseDecode"},
    {"type": "PoseCompact", "hw_ratio": 1.0},
    {"type": "PackPoseInputs"},
]


def annotation(name, label=0, frames=9, **more):
    rng = np.random.default_rng(len(name))
    return {
        "frame_dir": name,
        "label": label,
        "img_shape": (120, 160),
        "original_shape": (120, 160),
        "total_frames": frames,
        "keypoint": rng.uniform(10, 100, (2, frames, 20, 2)).astype(np.float16),
        "keypoint_score": rng.random((2, frames, 20)).astype(np.float16),
        **more,
    }


@pytest.fixture
def ann_file(tmp_path):
    path = tmp_path / "ann.pkl"
    annotations = [annotation("a", 0), annotation("bb", 1), annotation("ccc", 2, frames=3)]
    save_annotations(path, annotations, {"train": ["a", "ccc"], "val": ["bb"]})
    return path


def test_from_pickle_to_model_input(ann_file):
    dataset = DATASETS.build(
        {"type": "PoseDataset", "ann_file": str(ann_file), "split": "train", "pipeline": PIPELINE, "num_classes": 3}
    )
    assert len(dataset) == 2
    packed = dataset[1]
    assert packed["inputs"].shape == (1, 2, 4, 20, 3)
    assert packed["data_samples"].gt_label.tolist() == [2]
    assert dataset.get_data_info(0)["modality"] == "Pose"
    assert len(PoseDataset(str(ann_file), [])) == 3


PUBLIC_FORMS = {  # of PYSKL's pickles, and of Gym288-skeleton
    "diving48": {"frame_dir": "0AuMcLyJGZw_00001", "label": 46, "img_shape": (256, 453), "original_shape": (256, 453)},
    "gym288": {
        "frame_dir": "A0xAXXysHUo_002184_002237_0035_0036",
        "label": 268,
        "img_shape": (720, 1280),
        "original_shape": (720, 1280),
    },
}


@pytest.mark.parametrize("name", PUBLIC_FORMS)
def test_public_skeletons_are_read_as_they_are(name, tmp_path, root):
    """By the shipped configs, with another name of a split as the only change."""
    info = annotation("x", frames=48)
    info.update(keypoint=info["keypoint"][:1, :, :17], keypoint_score=info["keypoint_score"][:1, :, :17])
    info.update(PUBLIC_FORMS[name])
    other = {**info, "frame_dir": "another", "label": 0}
    path = tmp_path / "public.pkl"
    content = {"split": {"train": [info["frame_dir"]], "test": ["another"]}, "annotations": [info, other]}
    path.write_bytes(pickle.dumps(content, protocol=4))
    for leaf in (
        f"posec3d/slowonly_r50_1xb16-u48-240e_{name}-keypoint",
        f"ctrgcn/ctrgcn_1xb16-joint-u100-80e_{name}-keypoint-2d",
    ):
        cfg = Config.fromfile(root / f"configs/skeleton/{leaf}.py")
        for config, split, label in (
            (cfg.train_dataloader.dataset.dataset, "train", info["label"]),
            (cfg.test_dataloader.dataset, "test", 0),
        ):
            config.update(ann_file=str(path), split=split, strict_samples=True)
            sample = DATASETS.build(config)[0]
            assert sample["data_samples"].gt_label.tolist() == [label] and sample["inputs"].isfinite().all()


def test_a_test_names_skeletons_without_a_person(tmp_path):
    empty, half = annotation("empty"), annotation("half")
    empty["keypoint_score"][:] = 0
    half["keypoint_score"][:, :5] = 0
    save_annotations(tmp_path / "ann.pkl", [empty, half])
    dataset = PoseDataset(str(tmp_path / "ann.pkl"), PIPELINE, test_mode=True)
    assert [dataset[index]["data_samples"].get("nobody") for index in (0, 1)] == [True, None]


@pytest.mark.parametrize("name", ["train", "test"])
def test_scores_may_be_the_third_channel_of_the_joints(tmp_path, root, name):
    config = Config.fromfile(root / "configs/skeleton/posec3d/slowonly_r50_8xb16-u48-240e_gym-keypoint.py")
    one = annotation("a")
    one["keypoint"], one["keypoint_score"] = one["keypoint"][:, :, :17], one["keypoint_score"][:, :, :17]
    joints = np.concatenate([one["keypoint"], one["keypoint_score"][..., None]], axis=-1)
    other = {key: value for key, value in one.items() if key != "keypoint_score"} | {"keypoint": joints}
    inputs = []
    for info in (one, other):
        save_annotations(tmp_path / "ann.pkl", [info], overwrite=True)
        dataset = PoseDataset(str(tmp_path / "ann.pkl"), config[f"{name}_pipeline"], seed=0, strict_samples=True)
        dataset.set_epoch(0)
        inputs.append(dataset[0]["inputs"].numpy())
    assert inputs[0].any()
    np.testing.assert_array_equal(*inputs)


def test_names_get_the_folder_of_the_videos(ann_file):
    dataset = PoseDataset(str(ann_file), [], split="val", data_prefix={"video": "videos"})
    assert dataset[0]["frame_dir"] == "videos/bb"
    assert dataset[0]["filename"] == "videos/bb.mp4"


@pytest.mark.parametrize("key", ["frame_dir", "filename"])
def test_names_stay_in_the_folder_of_the_videos(tmp_path, key):
    save_annotations(tmp_path / "ann.pkl", [annotation("a", **{key: "b/../../outside"})])
    with pytest.raises(ValueError, match=r"ann.pkl: 'b/../../outside(.mp4)?' leaves the data folder 'videos'"):
        PoseDataset(str(tmp_path / "ann.pkl"), [], data_prefix={"video": "videos"})
    dataset = PoseDataset(str(tmp_path / "ann.pkl"), [], data_prefix={"skeleton": "skeletons"})
    with pytest.raises(ValueError, match=r"ann.pkl: 'b/../../outside.pkl' leaves the data folder 'skeletons'"):
        dataset.get_data_info(0)


@pytest.mark.parametrize(("pipeline", "looked_for"), [([], False), ([{"type": "VideoInit"}], True)])
def test_videos_are_looked_for_where_the_pipeline_opens_them(ann_file, pipeline, looked_for):
    dataset = PoseDataset(str(ann_file), pipeline, data_prefix={"video": "videos"})
    missing, checked = missing_files(dataset)
    assert len(missing) == checked == (len(dataset) if looked_for else 0)


def test_wrong_files_are_named_when_the_data_set_is_built(ann_file):
    with pytest.raises(FileNotFoundError, match=r"no annotation file .*an\.pkl; did you mean ann\.pkl"):
        PoseDataset(str(ann_file.with_name("an.pkl")), [])
    with pytest.raises(KeyError, match="has no split 'vall'; did you mean 'val'"):
        PoseDataset(str(ann_file), [], split="vall")
    with pytest.raises(ValueError, match=r"sample 1 \(ccc\): label 2 is outside the 2 classes"):
        PoseDataset(str(ann_file), [], split="train", num_classes=2)


@pytest.mark.parametrize(("key", "step"), [("keypoint", "PoseDecode"), ("img_shape", "PoseCompact")])
def test_an_annotation_without_what_the_pipeline_needs_is_named(tmp_path, key, step):
    annotations = [annotation("a"), annotation("b")]
    del annotations[1][key]
    save_annotations(tmp_path / "ann.pkl", annotations)
    with pytest.raises(ValueError, match=rf"ann\.pkl \(b\) has no {key}, which {step} of the pipeline needs"):
        PoseDataset(str(tmp_path / "ann.pkl"), PIPELINE)
    steps = [lambda sample: annotations[0] | sample, *PIPELINE]  # what a plain function brings along is unknown
    assert len(PoseDataset(str(tmp_path / "ann.pkl"), steps)) == 2
    assert len(PoseDataset(str(tmp_path / "ann.pkl"), PIPELINE[:1])) == 2


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_a_joint_at_infinity_breaks_its_clip_alone(tmp_path, value):
    bad = annotation("bad")
    bad["keypoint"][0, 3, 5] = value
    save_annotations(tmp_path / "ann.pkl", [annotation("good"), bad])
    graph = [{"type": name} for name in ("PreNormalize2D", "PoseDecode", "FormatGCNInput", "PackActionInputs")]
    for steps in ([{"type": "PoseDecode"}, *PIPELINE[2:]], graph):
        dataset = PoseDataset(str(tmp_path / "ann.pkl"), steps)
        assert dataset[1]["data_samples"].broken[0] == "bad"


def kinetics(name, scores, frames=4, threshold_counts=None):
    counts = threshold_counts or {0.5: sum(score >= 0.5 for score in scores)}
    return {
        "frame_dir": name,
        "label": 0,
        "img_shape": (120, 160),
        "total_frames": frames,
        "valid": counts,
        "box_score": np.array(scores, dtype=np.float16),
        "frame_inds": np.arange(len(scores)),
    }


def test_kinetics_skeletons(tmp_path):
    """Skeletons in a file per clip, one row for each person that was found."""
    folder = tmp_path / "kpfiles"
    folder.mkdir()
    for name in ("good", "bad"):
        rows = np.ones((4, 17, 3), dtype=np.float16) * np.arange(1, 5, dtype=np.float16)[:, None, None]
        (folder / f"{name}.pkl").write_bytes(pickle.dumps({"keypoint": rows}))
    path = tmp_path / "k400.pkl"
    annotations = [kinetics("good", [0.9, 0.4, 0.8, 0.7]), kinetics("bad", [0.9, 0.1, 0.1, 0.1])]
    save_annotations(path, annotations, {"train": ["good", "bad"]})
    arguments = {"split": "train", "data_prefix": {"skeleton": str(folder)}}
    pipeline = [{"type": "DecompressPose", "squeeze": True}, *PIPELINE[:2]]
    dataset = PoseDataset(str(path), pipeline, valid_ratio=0.5, **arguments)
    assert len(dataset) == 1
    sample = dataset[0]
    assert sample["total_frames"] == 3
    assert sample["keypoint"].shape == (1, 4, 17, 2)
    assert set(np.unique(sample["keypoint"])) == {1, 3, 4}
    assert len(PoseDataset(str(path), pipeline, valid_ratio=0.0, **arguments)) == 2


def test_a_skeleton_file_that_does_not_fit(tmp_path):
    path = tmp_path / "k400.pkl"
    save_annotations(path, [kinetics("clip", [0.9, 0.9])])
    (tmp_path / "clip.pkl").write_bytes(pickle.dumps({"keypoint": np.zeros((3, 17, 3))}))
    dataset = PoseDataset(str(path), [], data_prefix={"skeleton": str(tmp_path)}, strict_samples=True)
    with pytest.raises(ValueError, match=r"clip\.pkl: frame_inds has 2 entries, keypoint has 3"):
        dataset[0]
    (tmp_path / "clip.pkl").write_bytes(pickle.dumps({"label": 0}))
    dataset = PoseDataset(str(path), [{"type": "PoseDecode"}], data_prefix=dataset.data_prefix, strict_samples=True)
    with pytest.raises(ValueError, match=r"clip\.pkl \(clip\) has no keypoint, which PoseDecode of the pipeline needs"):
        dataset[0]
    (tmp_path / "clip.pkl").write_bytes(pickle.dumps([1]))
    with pytest.raises(ValueError, match=r"clip\.pkl holds a list; expected a dict"):
        dataset[0]


def skeleton_files(folder, count=4):
    """An annotation file with labels alone, and the skeleton files of all but the first clip."""
    rows = np.random.default_rng(0).uniform(10, 90, (4, 17, 3)).astype(np.float16)
    for index in range(1, count):
        (folder / f"c{index}.pkl").write_bytes(pickle.dumps({"keypoint": rows}))
    annotations = [kinetics(f"c{index}", [0.9] * 4) | {"label": index} for index in range(count)]
    save_annotations(folder / "ann.pkl", annotations)
    return str(folder / "ann.pkl")


@pytest.mark.parametrize("damage", [None, b"no pickle"])
def test_another_clip_stands_in_for_a_skeleton_file_that_is_broken(tmp_path, damage):
    ann_file = skeleton_files(tmp_path)
    if damage:
        (tmp_path / "c0.pkl").write_bytes(damage)
    pipeline = [{"type": "DecompressPose"}, *PIPELINE]
    dataset = PoseDataset(ann_file, pipeline, data_prefix={"skeleton": str(tmp_path)}, test_mode=True)
    sample = dataset[0]["data_samples"]
    assert sample.broken[0] == "c0" and "c0.pkl" in sample.broken[1]
    assert (sample.gt_label.tolist(), sample.frame_dir, sample.sample_idx) == ([0], "c0", 0)
    for test_set in (dataset, RepeatDataset(dataset, 2)):
        assert dataset_facts(test_set, 0) == {"id": "c0", "source": "c0", "frames": 4, "height": 120, "width": 160}


def test_a_valid_ratio_needs_its_counts(ann_file):
    with pytest.raises(ValueError, match=r"\(a\) has no valid, box_score, which valid_ratio needs"):
        PoseDataset(str(ann_file), [], valid_ratio=0.5)
    with pytest.raises(ValueError, match=r"box_thr is one of 0\.5, .*; got 0\.55"):
        PoseDataset(str(ann_file), [], box_thr=0.55)


def test_real_skeletons(shared):
    dataset = PoseDataset(str(shared / "data/skeleton/utd_mhad_2d.pkl"), PIPELINE, split="test", num_classes=27)
    assert len(dataset) == 430
    assert sorted(dataset.class_counts()) == list(range(27))
    assert dataset[7]["inputs"].shape == (1, 1, 4, 20, 3)
