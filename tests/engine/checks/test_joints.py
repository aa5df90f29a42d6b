"""Skeletons that do not fit the transforms, the preprocessor or the network are refused before training."""

import pickle

import numpy as np
import pytest

from mmaction.datasets.transforms import Flip, GeneratePoseTarget, GenSkeFeat, PreNormalize3D, ToMotion
from mmaction.models import STGCN, PoseGuide, PoseHeatmapPreprocessor

NTU = "configs/skeleton/posec3d/slowonly_r50_8xb16-u48-240e_ntu60-xsub-keypoint.py"
SIX = dict(joints=["head", "hip", "left_hand", "right_hand", "left_foot", "right_foot"], limbs=[[0, 1]])


def write_skeletons(path, joints, splits=("xsub_train", "xsub_val")):
    """Write two clips of random skeletons for each split; ``joints`` is their number, or the two numbers."""
    rng = np.random.default_rng(0)
    numbers = joints if isinstance(joints, tuple) else (joints, joints)
    clips = [
        dict(
            frame_dir=f"clip{i}", label=i, img_shape=(240, 320), original_shape=(240, 320), total_frames=20,
            keypoint=rng.uniform(20, 200, (1, 20, v, 2)).astype(np.float16),
            keypoint_score=np.ones((1, 20, v), np.float16),
        )
        for i, v in enumerate(numbers)
    ]  # fmt: skip
    clips += [{**clip, "frame_dir": f"{clip['frame_dir']}_of_val"} for clip in clips]
    split = {splits[0]: ["clip0", "clip1"], splits[1]: ["clip0_of_val", "clip1_of_val"]}
    path.write_bytes(pickle.dumps(dict(split=split, annotations=clips), protocol=4))
    return path


@pytest.fixture
def run(root, tmp_path, train):
    """Trains the published NTU recipe, made small, on skeletons of so many joints; returns nothing."""

    def run(joints, change="", test_joints=None, **options):
        data = write_skeletons(tmp_path / "data.pkl", joints)
        other = write_skeletons(tmp_path / "test.pkl", test_joints) if test_joints else data
        leaf = f"""
_base_ = {str(root / NTU)!r}
model = dict(backbone=dict(in_channels={{0}}, stage_blocks=(1, 1, 1), base_channels=4),
             cls_head=dict(in_channels=64))
for_all = dict(persistent_workers=False, num_workers=0)
train_dataloader = dict(batch_size=2, dataset=dict(times=1, dataset=dict(ann_file={str(data)!r})), **for_all)
val_dataloader = dict(dataset=dict(ann_file={str(data)!r}), **for_all)
test_dataloader = dict(dataset=dict(ann_file={str(other)!r}), **for_all)
train_cfg = dict(max_epochs=1)
""".format(options.get("in_channels", 17))
        path = tmp_path / "leaf.py"
        path.write_text(leaf + change)
        train(path, "--work-dir", tmp_path / "run")

    return run


def test_the_published_ntu_recipe_is_refused_on_25_joints(run, tmp_path):
    with pytest.raises(ValueError, match=r"train_dataloader .*have 25 joints; step 6 .*Flip: .* coco17, which has 17"):
        run(25, in_channels=25)
    assert not list((tmp_path / "run").glob("*.pth"))


def test_what_only_the_test_does_is_refused_before_training(run):
    change = "train_dataloader['dataset']['dataset']['pipeline'] = {{_base_.val_pipeline}}\n"
    with pytest.raises(ValueError, match=r"test_dataloader .* 25 joints; step 5 .*GeneratePoseTarget"):
        run(25, change, in_channels=25)


def test_a_test_set_of_other_skeletons_is_refused(run):
    with pytest.raises(ValueError, match=r"test_dataloader .*test.pkl.* 18 joints"):
        run(17, test_joints=18)


def test_channels_that_do_not_fit_the_network_are_refused(run):
    with pytest.raises(ValueError, match=r"have 17 channels, from skeletons of 17 joints, .*in_channels=17"):
        run(17, in_channels=20)


def test_a_clip_of_fewer_joints_is_named(run):
    with pytest.raises(ValueError, match=r"data.pkl \(clip1\): its skeleton has 16 joints"):
        run((17, 16))


def test_a_test_set_that_is_not_there_is_said_and_does_not_stop_the_training(run, tmp_path, capfd):
    run(17, "test_dataloader['dataset']['ann_file'] = 'nowhere.pkl'\n")
    assert "the test set cannot be read, and tools/test.py will need it" in capfd.readouterr().out
    assert (tmp_path / "run" / "epoch_1.pth").is_file()


def test_transforms_that_mirror_differently_are_named(run):
    change = (
        "other = dict(Flip=dict(left_kp=[1], right_kp=[2]))\n"
        "steps = [dict(step, **other.get(step['type'], {})) for step in _base_.train_pipeline]\n"
        "train_dataloader['dataset']['dataset']['pipeline'] = steps\n"
    )
    with pytest.raises(ValueError, match="Flip of train_dataloader and GeneratePoseTarget of test_dataloader exchange"):
        run(17, change)


@pytest.mark.parametrize(
    ("part", "fitting", "others"),
    [
        (lambda: Flip(layout="coco17"), 17, (20, 25, 16)),
        (lambda: Flip(layout=SIX), 6, (5, 17)),
        (lambda: Flip(left_kp=[2, 4], right_kp=[3, 5]), 6, (5,)),
        (lambda: Flip(left_kp=[2, 4], right_kp=[3, 5]), 9, ()),
        (lambda: GeneratePoseTarget(double=True), 17, (16, 25)),
        (lambda: GeneratePoseTarget(with_limb=True), 17, (25,)),
        (lambda: GeneratePoseTarget(), 25, ()),
        (lambda: GeneratePoseTarget(layout="ntu25"), 25, (17,)),
        (lambda: PoseHeatmapPreprocessor(layout="kinect20"), 20, (17,)),
        (lambda: PoseGuide(8, num_joints=17), 17, (20,)),
        (lambda: PreNormalize3D(), 25, (17, 5)),
        (lambda: PreNormalize3D(zaxis=(0, 2), xaxis=(3, 4)), 6, (4,)),
        (lambda: GenSkeFeat("coco"), 17, (18, 25)),
        (lambda: ToMotion("nturgb+d"), 25, (17,)),
        (lambda: STGCN(graph_cfg=dict(layout="coco")), 17, (25,)),
    ],
)
def test_each_part_that_names_joints_refuses_other_skeletons(part, fitting, others):
    part().check_joints(fitting)
    for number in others:
        with pytest.raises(ValueError):
            part().check_joints(number)


def test_a_flip_refuses_a_sample_of_another_layout_whether_it_is_mirrored_or_not():
    sample = dict(keypoint=np.zeros((1, 2, 20, 2), np.float32), img_shape=(9, 9))
    with pytest.raises(ValueError, match="17 joints"):
        Flip(flip_ratio=0, layout="coco17")(sample)
