"""Every config that is shipped is built, trained for one step and validated once, at tiny size."""

import functools
import json
import pickle
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tiny import datasets, shrink_config

from mmaction.engine import build_runner
from mmaction.engine.checks.arguments import check_arguments
from mmaction.engine.checks.steps import pipelines_warning
from mmaction.io.features import FeatureWriter
from mmaction.skeletons import get_layout, layout_of_config
from mmaction.utils.config import base_batch_size, inner_datasets, load_config
from mmaction.utils.config_keys import unread_keys

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted(path for path in (ROOT / "configs").rglob("*.py") if "_base_" not in path.parts)
FEATS = {"bone": "b", "joint-motion": "jm", "bone-motion": "bm"}
"""Streams whose leaves differ from the leaf of the joints in their features alone; a test of their own says so."""
DERIVED = {path: stream for path in CONFIGS for stream in FEATS if f"-{stream}-u" in path.stem}
LISTS_ALONE = [p for p in CONFIGS if p.parent.name == "foundation" and p.stem.endswith(("288-rgb", "48-rgb"))]
"""Leaves that differ from the leaf of Gym99 in the data alone; a test of their own says so."""
TEST_ALONE = [path for path in CONFIGS if path.parent.name == "videomae"]
TRAINED = [path for path in CONFIGS if path not in {*DERIVED, *LISTS_ALONE, *TEST_ALONE}]
NEEDS_EXTRA = ("foundation", "timesformer", "videomae")
"""Folders of configs whose networks need the packages of an extra."""


@pytest.fixture(scope="session")
def flow_frames(tmp_path_factory):
    """A list and a folder of flow images for two clips."""
    folder = tmp_path_factory.mktemp("flow")
    rng = np.random.default_rng(0)
    for clip in range(2):
        (folder / f"clip{clip}").mkdir()
        for number in range(1, 21):
            for axis in "xy":
                image = rng.integers(0, 256, (48, 64), dtype=np.uint8)
                cv2.imwrite(str(folder / f"clip{clip}" / f"{axis}_{number:05d}.jpg"), image)
    (folder / "list.txt").write_text("clip0 20 0\nclip1 20 1\n")
    return folder


def write_skeletons(path: Path, joints: int, splits: set[str], compressed: Path | None, depth: bool = False) -> None:
    """Write two random skeletons of one person to train on and two for other splits; in 3D with ``depth``.

    Compressed ones get a file each.
    """
    rng = np.random.default_rng(0)
    annotations = []
    for clip in range(4):
        keypoint = rng.uniform(20, 200, (1, 30, joints, 2)).astype(np.float16)
        score = rng.uniform(0.5, 1, (1, 30, joints)).astype(np.float16)
        info = dict(frame_dir=f"clip{clip}", label=clip % 2, total_frames=30)
        if depth:
            info["keypoint"] = rng.uniform(-1, 1, (1, 30, joints, 3)).astype(np.float32)
            annotations.append(info)
            continue
        info.update(img_shape=(240, 320), original_shape=(240, 320))
        if compressed is None:
            info.update(keypoint=keypoint, keypoint_score=score)
        else:
            compressed.mkdir(exist_ok=True)
            stored = dict(keypoint=np.concatenate([keypoint[0], score[0][..., None]], axis=-1))
            (compressed / f"clip{clip}.pkl").write_bytes(pickle.dumps(stored, protocol=4))
            info.update(raw_file=f"clip{clip}.pkl", frame_inds=np.arange(30), box_score=np.ones(30, np.float32))
            info.update(valid=dict.fromkeys((0.5, 0.6, 0.7, 0.8, 0.9), 30))
        annotations.append(info)
    split = {name: ["clip0", "clip1"] if "train" in name else ["clip2", "clip3"] for name in splits}
    path.write_bytes(pickle.dumps(dict(split=split, annotations=annotations), protocol=4))


def write_features(folder: Path, widths: dict[str, int], classes: int) -> dict[str, str]:
    """Write random features of two clips for each expert and return their folders."""
    for name, width in widths.items():
        writer = FeatureWriter(folder / name, 2, {"checkpoint": name})
        if not writer.finished:
            values = {"features": np.ones(width, np.float32), "scores": np.full(classes, 1 / classes, np.float32)}
            writer.write([{**values, "labels": np.int64(clip), "missing": np.array(False)} for clip in range(2)])
            writer.finish(["clip0", "clip1"], {})
    return {name: str(folder / name) for name in widths}


def point_at_test_data(cfg, demo_data, flow_frames, folder: Path) -> None:
    """Let the loaders of ``cfg`` read small data of the kind that the config expects."""
    sets = datasets(cfg)
    splits = {dataset.split for dataset in sets if "split" in dataset}
    if str(cfg.model.cls_head.get("label_space", "")).endswith(".csv"):
        rows = [f"{label},{label % 2},{label // 2}" for label in range(cfg.model.cls_head.num_classes)]
        (folder / "attributes.csv").write_text("\n".join(["label,side,count", *rows]))
        cfg.model.cls_head.label_space = str(folder / "attributes.csv")
    for dataset in sets:
        dataset.indices = 2
        if str(dataset.get("metainfo", {}).get("label_space", "")).endswith(".csv"):
            dataset.metainfo.label_space = str(demo_data / "classes.csv")
        if dataset.type in ("VideoDataset", "RepeatAugDataset"):
            dataset.update(ann_file=str(demo_data / "train.txt"), data_prefix=dict(video=str(demo_data / "videos")))
        elif dataset.type == "FeatureDataset":
            dataset.experts = write_features(folder, cfg.model.backbone.in_channels, cfg.model.backbone.num_classes)
        elif dataset.type == "RawframeDataset":
            dataset.update(ann_file=str(flow_frames / "list.txt"), data_prefix=dict(img=str(flow_frames)))
        elif "video" in dataset.get("data_prefix", {}):
            dataset.update(ann_file=str(demo_data / "skeletons.pkl"), data_prefix=dict(video=str(demo_data / "videos")))
            if dataset.get("split") == "test":
                dataset.split = "val"
        else:
            compressed = folder / "kpfiles" if "skeleton" in dataset.get("data_prefix", {}) else None
            layout = layout_of_config(cfg) or get_layout("coco17")
            depth = any(step.type == "PreNormalize3D" for step in dataset.pipeline)
            dataset.ann_file = str(folder / "skeletons.pkl")
            if compressed is not None:
                dataset.data_prefix = dict(skeleton=str(compressed))
            write_skeletons(folder / "skeletons.pkl", len(layout.joints), splits, compressed, depth)


SLOW = ("mvit-v2-s", "swin3d-t")  # torchvision's networks have no smaller size
TRAINED_CASES = [
    pytest.param(path, marks=pytest.mark.slow if path.stem.startswith(SLOW) else (), id=path.stem) for path in TRAINED
]


def read_whole(path: Path):
    """Return a config; it reads all of its variables, and no class in it gets an argument that it does not take."""
    cfg, notes = load_config(path)
    assert not notes and set(unread_keys(cfg, path)) <= {"valid_ratio."}
    lists = {"experts"} if "fusion" in path.parts else {"ann_file_train", "ann_file_val", "ann_file_test"}
    assert ({"ann_file_test"} if path in TEST_ALONE else {"num_classes", *lists}) <= set(cfg)
    check_arguments(cfg)
    assert pipelines_warning(cfg) is None
    assert path in TEST_ALONE or base_batch_size(cfg), "--auto-scale-lr must work for every config that is shipped"
    return cfg


@functools.cache
def text_of(path: Path) -> str:
    """Return a config as JSON."""
    return json.dumps(load_config(path)[0].to_dict())


def skip_without_extra(path: Path) -> None:
    """Skip the test of a config whose network needs packages that are not here."""
    for package in ("transformers", "timm") if path.parent.name in NEEDS_EXTRA else ():
        pytest.importorskip(package, reason=f"needs {package}: pip install .[foundation]")


@pytest.mark.parametrize("path", TEST_ALONE, ids=lambda path: path.stem)
def test_config_without_training_tests_one_step(path, demo_data, flow_frames, tmp_path):
    cfg = read_whole(path)
    skip_without_extra(path)
    point_at_test_data(cfg, demo_data, flow_frames, tmp_path)
    shrink_config(cfg)
    cfg.update(work_dir=str(tmp_path / "work"), launcher="none")
    cfg.visualizer = dict(type="ActionVisualizer", vis_backends=[])
    assert set(build_runner(cfg).test()) >= {"acc/top1", "acc/top5"}


@pytest.mark.parametrize("path", TRAINED_CASES)
def test_config_trains_and_validates_one_step(path, demo_data, flow_frames, tmp_path):
    cfg = read_whole(path)
    skip_without_extra(path)
    point_at_test_data(cfg, demo_data, flow_frames, tmp_path)
    shrink_config(cfg)
    cfg.update(work_dir=str(tmp_path / "work"), launcher="none")
    cfg.auto_scale_lr = dict(cfg.get("auto_scale_lr") or {}, enable=True)
    cfg.default_hooks.checkpoint.update(save_last=False, interval=-1, save_best=None)
    cfg.visualizer = dict(type="ActionVisualizer", vis_backends=[])
    runner = build_runner(cfg)
    before = {name: weight.clone() for name, weight in runner.model.named_parameters()}
    runner.train()
    assert runner.iter == 1
    head = [name for name in before if name.startswith("cls_head")]
    assert any(not torch.equal(before[name], runner.model.get_parameter(name)) for name in head), "no step was made"


@pytest.mark.parametrize("path", LISTS_ALONE, ids=lambda path: path.stem)
def test_a_leaf_of_another_set_differs_in_its_data_alone(path):
    set_name = path.stem.rpartition("_")[2]
    ours, gym99 = read_whole(path), load_config(path.with_name(path.name.replace(set_name, "gym99-rgb")))[0]
    assert ours.model.cls_head.num_classes == {"gym288-rgb": 288, "diving48-rgb": 48}[set_name]
    ours.model.cls_head.num_classes = gym99.model.cls_head.num_classes
    assert ours.model == gym99.model and ours.optim_wrapper == gym99.optim_wrapper
    assert [part.pipeline for part in datasets(ours)] == [part.pipeline for part in datasets(gym99)]


def test_a_config_of_other_sizes_and_of_a_backbone_without_pretrained_weights_is_made_small_too():
    cfg, _ = load_config(ROOT / "configs/recognition/i3d/i3d_r50_1xb8-u32-30e_gym99-rgb.py")
    del cfg.model.backbone["pretrained"]
    datasets(cfg)[2].pipeline[-3]["crop_size"] = 160
    shrink_config(cfg)
    assert "pretrained" not in cfg.model.backbone and datasets(cfg)[2].pipeline[-3].crop_size == 160


@pytest.mark.parametrize("path", DERIVED, ids=lambda path: path.stem)
def test_a_stream_differs_from_the_joints_in_its_features_alone(path):
    stream, feats = read_whole(path).to_dict(), [FEATS[DERIVED[path]]]
    joint = text_of(path.with_name(path.name.replace(f"-{DERIVED[path]}-", "-joint-")))
    assert json.dumps(stream).replace(json.dumps(feats), '["j"]') == joint
    for name in ("train", "val", "test"):
        (dataset,) = inner_datasets(stream[f"{name}_dataloader"]["dataset"])
        assert [step["feats"] for step in dataset["pipeline"] if step["type"] == "GenSkeFeat"] == [
            [FEATS[DERIVED[path]]]
        ]


@pytest.mark.parametrize(
    "path",
    [p for p in TRAINED if "-light_" in p.stem and "gcn" in p.stem and "demo" not in p.stem],
    ids=lambda p: p.stem,
)
def test_another_small_set_changes_the_lines_at_the_top(path, tmp_path):
    text = path.read_text().replace("../../_base_", str(ROOT / "configs/_base_"))
    for old, new in (('layout = "kinect20(_sdk)?"', 'layout = "hand21"'), ("num_person = 1", "num_person = 2")):
        text, count = re.subn(f"(?m)^{old}", new, text)
        assert count == 1
    (tmp_path / "own.py").write_text(re.sub("num_classes = [0-9]+", "num_classes = 14", text))
    cfg, notes = load_config(tmp_path / "own.py")
    assert not notes and layout_of_config(cfg).name == "hand21"
    assert cfg.model.cls_head.num_classes == 14 and cfg.model.backbone.num_person == 2
    for dataset in datasets(cfg):
        assert [step.num_person for step in dataset.pipeline if step.type == "FormatGCNInput"] == [2]


def test_heatmaps_of_another_small_set_change_the_lines_at_the_top(tmp_path):
    folder = ROOT / "configs/skeleton/posec3d"
    name = "c3d-light_1xb16-u32-100e_utd-mhad-keypoint.py"
    text = (folder / name).read_text().replace("../../_base_", str(ROOT / "configs/_base_"))
    described = dict(joints=["tail", "left_ear", "right_ear"], limbs=[[0, 1], [0, 2]])
    text = text.replace('layout = "kinect20"', f"layout = {described}").replace("num_classes = 27", "num_classes = 14")
    (tmp_path / "own.py").write_text(text)
    (tmp_path / "limb.py").write_text((folder / name.replace("keypoint", "limb")).read_text().replace(name, "own.py"))
    for path, channels in ((tmp_path / "own.py", 3), (tmp_path / "limb.py", 2)):
        cfg, notes = load_config(path)
        assert not notes and layout_of_config(cfg).joints == ("tail", "left_ear", "right_ear")
        assert cfg.model.cls_head.num_classes == 14 and cfg.model.backbone.in_channels == channels


@pytest.mark.parametrize("path", [path for path in TRAINED if path.stem.startswith(SLOW)], ids=lambda path: path.stem)
def test_a_config_that_is_slow_to_train_is_read(path):
    read_whole(path)


def test_the_suite_found_the_configs():
    assert len(CONFIGS) >= 120
    assert len(DERIVED) >= 60
    families = {path.parent.name for path in CONFIGS}
    assert {"slowfast", "slowonly", "i3d", "tsm", "tsn", "posec3d", "r2plus1d", "stgcnpp", "ctrgcn"} <= families


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_leaf_is_short_and_holds_no_tables(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 60
    assert not re.search(r"mean=\[123|left_kp|skeletons = \[", text), "statistics and skeleton tables belong in _base_"
