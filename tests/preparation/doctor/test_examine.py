import csv
import pickle
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from fixtures import planted_defects
from fixtures.planted_defects import (
    DEFECTS,
    listed_twice,
    save_unchecked,
    truncated_video,
)

from mmaction.datasets.pose import PoseDataset
from mmaction.preparation.doctor import clip_checks, skeleton_checks
from mmaction.preparation.doctor.examine import examine
from mmaction.preparation.doctor.findings import KINDS
from mmaction.preparation.doctor.findings_report import summary, write_csv, write_page
from mmaction.preparation.doctor.read_samples import Sample
from mmaction.preparation.doctor.splits import Split, splits_of_config, splits_of_paths
from mmaction.preparation.doctor.thumbnails import thumbnail
from mmaction.preparation.skeleton.files import AnnotationFile
from mmaction.registry import DATASETS


def test_clean_data_raises_no_alarm(data):
    assert data.findings("video") == []
    assert data.findings("pose") == []
    assert data.findings("pose", videos=data.folder / "videos") == []


FOLLOWS = {  # what one defect brings along
    "class_lost": {"untrained-class"},
    "class_only_evaluated": {"empty-class"},
    "pose_label_missing": set(),
    "empty_video": set(),
}


@pytest.mark.parametrize("plant", DEFECTS, ids=lambda plant: plant.__name__)
def test_each_defect_is_found_and_nothing_else(data, plant):
    kind, code, *rest = plant(data)
    found = {finding.code for finding in data.findings(kind, **(rest[0] if rest else {}))}
    assert code in found, found
    assert found - {code} <= FOLLOWS.get(plant.__name__, set())


def test_every_kind_is_planted_somewhere():
    elsewhere = {"same-source", "same-source-by-design", "mixed-versions", "list-version", "class-count"}
    elsewhere |= {"mislabeled", "relabeled"}  # made by marks, see test_fix.py
    text = Path(planted_defects.__file__).read_text()
    planted = {code for code in KINDS if f'"{code}"\n' in text or f'"{code}", dict' in text}
    assert planted | elsewhere == set(KINDS)


def test_images_that_the_data_set_will_not_find(tmp_path):
    (tmp_path / "clip").mkdir()
    for number in range(1, 7):
        for name in ("img", "x", "y"):
            cv2.imwrite(str(tmp_path / f"clip/{name}_{number:05}.jpg"), np.full((16, 16), number, np.uint8))

    def found(frames, **how):
        (tmp_path / "train.txt").write_text(f"clip {frames} 0\n")
        dataset = dict(type="RawframeDataset", ann_file="train.txt", data_root=str(tmp_path), num_classes=1, **how)
        findings = examine(splits_of_config({"train_dataloader": {"dataset": dataset}}), progress=False).findings
        return [(finding.code, finding.message.rpartition(" ")[2]) for finding in findings]

    flow = dict(modality="Flow", filename_tmpl="{}_{:05d}.jpg")
    assert found(6) == found(6, **flow) == []
    assert found(6, start_index=0) == [("missing-file", "img_00000.jpg")]
    assert found(6, filename_tmpl="{:03}.png") == [("missing-file", "001.png")]
    (tmp_path / "clip/y_00003.jpg").unlink()
    assert found(6) == []
    assert found(6, **flow) == [("missing-file", "y_00003.jpg")]
    (tmp_path / "clip/x_00006.jpg").unlink()
    assert found(6, **flow) == [("frame-count", "5")]


def test_picture_of_a_phone_video_is_upright(shared):
    split = Split("train", "video", Path("train.txt"))
    sample = Sample(split, 0, "video_90.mov", (0,), shared / "data/video/video_90.mov", frames=3)
    assert cv2.imdecode(np.frombuffer(thumbnail(sample), np.uint8), cv2.IMREAD_COLOR).shape == (130, 73, 3)


def test_reports(data, tmp_path):
    truncated_video(data)
    diagnosis = examine(data.splits(), workers=1, progress=False)
    assert "1 error, 0 warnings, 0 notes" in summary(diagnosis)
    with open(write_csv(diagnosis, tmp_path / "findings.csv"), newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["severity"], row["kind"], row["split"]) == ("error", "unreadable-file", "train")
    assert row["clip"] == data.lines()[0].split()[0]
    page = write_page(diagnosis, tmp_path / "report.html", "A <title>").read_text()
    assert "A &lt;title&gt;" in page and "<title>A <" not in page
    assert page.count("data:image/png") == 2 and page.count("data:image/jpeg") >= 15
    assert "http" not in page.replace("http-equiv", "")
    pose = examine(splits_of_paths([data.folder / "skeletons.pkl"]), progress=False)
    page = write_page(pose, tmp_path / "pose.html", "poses").read_text()
    assert page.count("data:image/jpeg") == 20 and "0.0 % of joints missing" not in page


def test_exit_codes(data):
    assert examine(data.splits(), progress=False).exit_code(strict=True) == 0
    listed_twice(data)
    diagnosis = examine(data.splits(), progress=False)
    assert (diagnosis.exit_code(strict=False), diagnosis.exit_code(strict=True)) == (0, 1)


def test_splits_of_a_config(data):
    def dataset(name, **kwargs):
        prefix = dict(video="videos")
        return dict(type="VideoDataset", data_root=str(data.folder), ann_file=name, data_prefix=prefix, **kwargs)

    flip = [dict(type="mmaction.Flip", flip_ratio=0.5)]
    cfg = dict(
        model=dict(cls_head=dict(num_classes=7)),
        train_dataloader=dict(
            dataset=dict(type="RepeatDataset", times=2, dataset=dataset("train.txt", pipeline=flip, num_classes=5))
        ),
        val_dataloader=dict(dataset=dataset("val.txt")),
        test_dataloader=dict(dataset=dataset("val.txt")),
    )
    train, val = splits_of_config(cfg)
    assert (train.name, val.name, train.flips, val.flips) == ("train", "val", True, False)
    assert train.root == data.folder / "videos" and len(val.classes) == 5
    assert [f.code for f in examine([train, val], progress=False).findings] == ["class-count"]
    with pytest.raises(ValueError, match="no train_dataloader"):
        splits_of_config({})
    with pytest.raises(ValueError, match="'CocoDataset' cannot be examined"):
        splits_of_config(dict(train_dataloader=dict(dataset=dict(type="CocoDataset"))))


def test_kinetics_skeletons_in_files_of_their_own(tmp_path):
    """The annotation file holds names and labels; a pickle per clip holds one row for each person found."""
    rng = np.random.default_rng(0)
    clips = []
    for number in range(4):
        rows = np.concatenate([rng.uniform(5, 90, (12, 17, 2)), rng.uniform(0.2, 1, (12, 17, 1))], -1)
        own = dict(keypoint=rows.astype(np.float16), frame_inds=np.repeat(np.arange(6), 2))
        (tmp_path / f"clip{number}.pkl").write_bytes(pickle.dumps(own))
        valid = dict.fromkeys((0.5, 0.6, 0.7, 0.8, 0.9), 6)
        clips.append(dict(frame_dir=f"clip{number}", label=number % 2, total_frames=6, img_shape=(100, 100),
                          original_shape=(100, 100), valid=valid, box_score=np.ones(12)))  # fmt: skip
    ann_file = tmp_path / "k400.pkl"
    ann_file.write_bytes(pickle.dumps(dict(split=dict(train=[c["frame_dir"] for c in clips]), annotations=clips)))
    dataset = dict(type="PoseDataset", ann_file=str(ann_file), split="train", num_classes=2, pipeline=[])
    (split,) = splits_of_config(
        dict(train_dataloader=dict(dataset={**dataset, "data_prefix": dict(skeleton=str(tmp_path))}))
    )
    diagnosis = examine([split], progress=False)
    assert diagnosis.findings == []
    assert {(s.persons, s.frames, s.joints) for s in diagnosis.all_samples()} == {(2, 6, (17, 2))}
    (tmp_path / "clip0.pkl").unlink()
    own = pickle.loads((tmp_path / "clip1.pkl").read_bytes())
    (tmp_path / "clip1.pkl").write_bytes(pickle.dumps({**own, "frame_inds": own["frame_inds"][::-1]}))
    (tmp_path / "clip2.pkl").write_bytes(pickle.dumps({**own, "keypoint": own["keypoint"] / 100}))
    found = [(finding.clip, finding.code) for finding in examine([split], progress=False).findings]
    assert found == [("clip0", "missing-file"), ("clip1", "bad-shape"), ("clip2", "relative-coordinates")]


def test_a_data_set_of_another_class_is_examined_if_it_reads_lists_as_ours(monkeypatch):
    class Filtered(PoseDataset):
        def filter_data(self):
            return self.data_list

    class Own(PoseDataset):
        def load_data_list(self):
            return []

    def loader(kind):
        return dict(val_dataloader=dict(dataset=dict(type=kind, ann_file="a.pkl", split="val")))

    (split,) = splits_of_config(loader(Filtered))
    assert (split.kind, split.ann_file.name, split.pose_split) == ("pose", "a.pkl", "val")
    with pytest.raises(ValueError, match=r"'Own' cannot be examined, only VideoDataset, .* reads lists as they do"):
        splits_of_config(loader(Own))
    monkeypatch.setitem(DATASETS.module_dict, "make", lambda **options: PoseDataset(**options))
    with pytest.raises(ValueError, match="'make' cannot be examined"):
        splits_of_config(loader("make"))


@pytest.mark.parametrize(
    ("op", "flips"), [(dict(flip_ratio=0), False), (dict(flip_label_map={0: 1}), False), ({}, True)]
)
def test_flips_that_keep_labels_right(op, flips):
    dataset = dict(type="PoseDataset", ann_file="x.pkl", pipeline=[dict(type="Flip", **op)])
    (split,) = splits_of_config(dict(train_dataloader=dict(dataset=dataset)))
    assert split.flips is flips


def test_each_clip_is_read_once(data, monkeypatch):
    """Also where training and evaluation list the same clips of one annotation file."""
    work = []

    def watch(owner, name):
        function = getattr(owner, name)
        monkeypatch.setattr(
            owner, name, lambda what, **options: work.append((name, options)) or function(what, **options)
        )

    data.file.splits["val"] = [*data.file.splits["val"], *data.file.splits["train"]]
    save_unchecked(data.file, data.folder / "skeletons.pkl")
    videos, skeletons = data.splits(), splits_of_paths([data.folder / "skeletons.pkl"])
    for owner, name in ((clip_checks, "check_video"), (skeleton_checks, "check_annotation"), (AnnotationFile, "read")):
        watch(owner, name)
    clips = sum(len(data.lines(split)) for split in ("train", "val"))
    examine(videos, progress=False)
    assert [name for name, _ in work] == ["check_video"] * clips and all(how["decode"] for _, how in work)
    work.clear()
    examine(videos, quick=True, progress=False)
    assert len(work) == clips and not any(how["decode"] for _, how in work)
    work.clear()
    diagnosis = examine(skeletons, progress=False)
    assert Counter(name for name, _ in work) == {"read": 1, "check_annotation": len(list(diagnosis.all_samples()))}
