import csv
import json
import pickle
import shutil
from collections import Counter
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from mmaction.datasets.pose import PoseDataset
from mmaction.preparation.doctor import clip_checks, skeleton_checks
from mmaction.preparation.doctor.examine import examine
from mmaction.preparation.doctor.findings import KINDS
from mmaction.preparation.doctor.findings_report import summary, write_csv, write_page
from mmaction.preparation.doctor.fix import write_fixed
from mmaction.preparation.doctor.read_samples import Sample
from mmaction.preparation.doctor.splits import Split, splits_of_config, splits_of_paths
from mmaction.preparation.doctor.thumbnails import thumbnail
from mmaction.preparation.skeleton.files import AnnotationFile
from mmaction.registry import DATASETS


class Data:
    """A copy of the demo data that can be spoiled."""

    def __init__(self, folder):
        self.folder = folder
        self.file = AnnotationFile.read(folder / "skeletons.pkl")

    def lines(self, name="train"):
        return (self.folder / f"{name}.txt").read_text().splitlines()

    def write(self, lines, name="train"):
        (self.folder / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))

    def video(self, number=0, name="train"):
        return self.folder / "videos" / self.lines(name)[number].split()[0]

    def info(self, number=0):
        wanted = self.file.splits["train"][number]
        return next(info for info in self.file.annotations if info["frame_dir"] == wanted)

    def splits(self, **kwargs):
        return splits_of_paths([self.folder / "train.txt", self.folder / "val.txt"], **kwargs)

    def findings(self, kind, **kwargs):
        if kind == "pose":
            (self.folder / "skeletons.pkl").unlink()
            save_unchecked(self.file, self.folder / "skeletons.pkl")
            splits = splits_of_paths([self.folder / "skeletons.pkl"], **kwargs)
        else:
            splits = self.splits(**kwargs)
        return examine(splits, workers=2, progress=False).findings


def save_unchecked(file, path):
    path.write_bytes(pickle.dumps({"split": file.splits, "annotations": file.annotations}))


@pytest.fixture
def data(demo_data, tmp_path):
    shutil.copytree(demo_data, tmp_path / "demo")
    return Data(tmp_path / "demo")


def test_clean_data_raises_no_alarm(data):
    assert data.findings("video") == []
    assert data.findings("pose") == []
    assert data.findings("pose", videos=data.folder / "videos") == []


def missing_video(d):
    d.video().unlink()
    return "video", "missing-file"


def truncated_video(d):
    content = d.video().read_bytes()
    d.video().write_bytes(content[: len(content) * 2 // 3])
    return "video", "unreadable-file"


def empty_video(d):
    d.video().write_bytes(b"")
    return "video", "unreadable-file"


def text_as_video(d):
    d.video().write_text("<html>404</html>")
    return "video", "unreadable-file"


def damaged_middle(d):
    content = bytearray(d.video().read_bytes())
    middle = content.index(b"mdat") + 4 + (len(content) - content.index(b"mdat")) // 2
    content[middle : middle + 600] = bytes(600)
    d.video().write_bytes(content)
    return "video", "unreadable-file"


def blank_video(d):
    with av.open(str(d.video()), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        for _ in range(20):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((72, 96, 3), 7, np.uint8))))
        out.mux(stream.encode())
    return "video", "blank-video"


def size_changes(d):
    """Two recordings joined byte by byte, as transport streams may be."""
    joined = b""
    for height, width in ((72, 96), (48, 64)):
        path = d.folder / "part.ts"
        with av.open(str(path), "w") as out:
            stream = out.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for number in range(10):
                image = np.random.default_rng(number).integers(0, 255, (height, width, 3), np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(image)))
            out.mux(stream.encode())
        joined += path.read_bytes()
        path.unlink()
    d.video().write_bytes(joined)
    return "video", "size-changes"


def label_too_large(d):
    d.write([d.lines()[0].split()[0] + " 5", *d.lines()[1:]])
    return "video", "bad-label"


def line_without_label(d):
    d.write([*d.lines(), "dive_x.mp4"])
    return "video", "bad-line"


def name_that_escapes(d):
    d.write([*d.lines(), "../../secret.mp4 1"])
    return "video", "bad-line"


def list_of_nothing(d):
    d.write(["# nothing"], "val")
    return "video", "unreadable-list"


def listed_twice(d):
    d.write([*d.lines(), d.lines()[0]])
    return "video", "listed-twice"


def two_labels(d):
    name, label = d.lines()[0].split()
    d.write([*d.lines(), f"{name} {(int(label) + 1) % 5}"])
    return "video", "label-conflict"


def copied_video(d):
    shutil.copy(d.video(), d.folder / "videos/copy.mp4")
    d.write([*d.lines(), f"copy.mp4 {d.lines()[0].split()[1]}"])
    return "video", "same-content"


def leaked_name(d):
    d.write([*d.lines(), d.lines("val")[0]])
    return "video", "in-train-and-val"


def leaked_content(d):
    shutil.copy(d.video(0, "val"), d.folder / "videos/new_name.mp4")
    d.write([*d.lines(), f"new_name.mp4 {d.lines('val')[0].split()[1]}"])
    return "video", "in-train-and-val"


def class_lost(d):
    d.write([line for line in d.lines() if not line.endswith(" 2")])
    return "video", "empty-class"


def class_only_evaluated(d):
    d.write([line for line in d.lines() if not line.endswith(" 2")])
    return "video", "untrained-class"


def mirrored_sides(d):
    names = ["swipe left", "swipe right", "circle, clockwise", "circle, counter-clockwise", "bow"]
    (d.folder / "label_map.txt").write_text("\n".join(names))
    return "video", "flip-changes-label", dict(flips=True)


def list_with_gaps(d):
    report = dict(split="train", available=len(d.lines()), listed=99)
    content = dict(dataset="Demo", version="v1", lists={"train.txt": report})
    (d.folder / "manifest.json").write_text(json.dumps(content))
    return "video", "incomplete"


def length_not_as_listed(d):
    name = d.lines()[0].split(".")[0]
    report = dict(split="train", available=len(d.lines()), listed=len(d.lines()), wrong_length={name: [40, 41]})
    content = dict(dataset="Demo", version="v1", lists={"train.txt": report})
    (d.folder / "manifest.json").write_text(json.dumps(content))
    return "video", "listed-length"


def damaged_manifest(d):
    (d.folder / "manifest.json").write_text("{")
    return "video", "unreadable-list"


def one_frame(d):
    keep = d.info()
    keep["keypoint"], keep["keypoint_score"] = keep["keypoint"][:, :2], keep["keypoint_score"][:, :2]
    keep["total_frames"] = 2
    return "pose", "short-clip"


def frames_disagree(d):
    d.info()["total_frames"] += 3
    return "pose", "frame-count"


def video_has_other_length(d):
    info = d.info()
    info["keypoint"], info["keypoint_score"] = info["keypoint"][:, 1:], info["keypoint_score"][:, 1:]
    info["total_frames"] -= 1
    return "pose", "frame-count", dict(videos=d.folder / "videos")


def scores_of_other_shape(d):
    d.info()["keypoint_score"] = d.info()["keypoint_score"][:, :, :5]
    return "pose", "bad-shape"


def other_joints(d):
    info = d.info()
    info["keypoint"], info["keypoint_score"] = info["keypoint"][:, :, :13], info["keypoint_score"][:, :, :13]
    return "pose", "joint-count"


def not_a_number(d):
    d.info()["keypoint"] = np.where(np.arange(2) == 0, np.nan, d.info()["keypoint"])
    return "pose", "not-finite"


def shares_of_the_image(d):
    d.info()["keypoint"] = d.info()["keypoint"] / np.array([96, 72])
    return "pose", "relative-coordinates"


def nobody_there(d):
    d.info()["keypoint_score"] = np.zeros_like(d.info()["keypoint_score"])
    return "pose", "nobody"


def joints_lost(d):
    score = d.info()["keypoint_score"].copy()
    score[:, :, 4:] = 0
    d.info()["keypoint_score"] = score
    return "pose", "missing-joints"


def person_leaves(d):
    score = d.info()["keypoint_score"].copy()
    score[:, : int(score.shape[1] * 0.36)] = 0
    d.info()["keypoint_score"] = score
    return "pose", "empty-frames"


def joints_outside(d):
    d.info()["keypoint"] = d.info()["keypoint"] + np.array([900, 0], np.float32)
    return "pose", "outside-image"


def size_swapped(d):
    info = d.info()
    keypoint = info["keypoint"] * 0 + np.linspace(0, 1, info["keypoint"].shape[1])[:, None, None]
    info["keypoint"] = keypoint * np.array([95, 71])
    info["img_shape"] = (96, 72)
    info["keypoint"][..., 1] = 30 + np.arange(17)
    return "pose", "swapped-size"


def scores_in_percent(d):
    d.info()["keypoint_score"] = d.info()["keypoint_score"] * 100
    return "pose", "odd-scores"


def video_of_another_size(d):
    d.info()["img_shape"] = (144, 192)
    return "pose", "other-size", dict(videos=d.folder / "videos")


def third_channel(info, third):
    """The annotation with a third channel and without scores, as some tools write (x, y, score)."""
    info["keypoint"] = np.concatenate([info["keypoint"], third[..., None].astype(np.float32)], axis=-1)
    del info["keypoint_score"]


def shares_of_the_image_beside_a_third_channel(d):
    for info in d.file.annotations:
        third_channel(info, info["keypoint_score"])
    shares_of_the_image_of_three(d.info())
    return "pose", "relative-coordinates"


def shares_of_the_image_of_three(info):
    info["keypoint"] = info["keypoint"] / np.array([96, 72, 1], np.float32)


def percent_in_the_third_channel(d):
    for info in d.file.annotations:
        third_channel(info, info["keypoint_score"])
    d.info()["keypoint"] = d.info()["keypoint"] * np.array([1, 1, 100], np.float32)
    return "pose", "odd-scores"


def depth_in_the_third_channel(d):
    for info in d.file.annotations:
        third_channel(info, info["keypoint_score"])
    d.info()["keypoint"][..., 2] = np.linspace(-0.4, 3.1, d.info()["total_frames"])[:, None]
    return "pose", "odd-scores"


def frozen_skeleton(d):
    d.info()["keypoint"] = np.repeat(d.info()["keypoint"][:, :1], d.info()["total_frames"], axis=1)
    return "pose", "frozen"


def two_annotations_of_one_name(d):
    d.file.annotations.append({**d.info(), "keypoint": d.info()["keypoint"] + 1})
    return "pose", "same-name"


def clip_twice_in_a_split(d):
    d.file.splits["train"].append(d.file.splits["train"][0])
    return "pose", "listed-twice"


def split_without_annotation(d):
    d.file.splits["train"].append("absent")
    return "pose", "no-annotation"


def annotation_without_split(d):
    d.file.splits["train"].pop()
    return "pose", "unused-annotation"


def pose_leak(d):
    d.file.splits["train"].append(d.file.splits["val"][0])
    return "pose", "in-train-and-val"


def pose_label_missing(d):
    del d.info()["label"]
    return "pose", "bad-label"


DEFECTS = [
    missing_video, truncated_video, empty_video, text_as_video, damaged_middle, blank_video, size_changes,
    label_too_large, line_without_label, name_that_escapes, list_of_nothing, listed_twice, two_labels, copied_video,
    leaked_name, leaked_content, class_lost, class_only_evaluated, mirrored_sides, list_with_gaps, length_not_as_listed,
    damaged_manifest, one_frame, frames_disagree, video_has_other_length, scores_of_other_shape, other_joints,
    not_a_number, shares_of_the_image, nobody_there, joints_lost, person_leaves, joints_outside, size_swapped,
    scores_in_percent, video_of_another_size, shares_of_the_image_beside_a_third_channel, percent_in_the_third_channel,
    depth_in_the_third_channel, frozen_skeleton, two_annotations_of_one_name, clip_twice_in_a_split,
    split_without_annotation, annotation_without_split, pose_leak,
    pose_label_missing,
]  # fmt: skip
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
    text = Path(__file__).read_text()
    planted = {code for code in KINDS if f'"{code}"\n' in text or f'"{code}", dict' in text}
    assert planted | elsewhere == set(KINDS)


def test_fix_leaves_a_clean_data_set_and_the_originals(data, tmp_path):
    for number, plant in enumerate((missing_video, two_labels, leaked_name, line_without_label)):
        lines = data.lines()
        data.write(lines[number:] + lines[:number])  # another clip each time
        plant(data)
    (data.folder / "train.txt").write_text("# a comment\n" + (data.folder / "train.txt").read_text())
    before = (data.folder / "train.txt").read_bytes()
    diagnosis = examine(data.splits(), workers=1, progress=False)
    assert diagnosis.exit_code(strict=False) == 2
    written = {path.name: (kept, dropped) for path, kept, dropped in write_fixed(diagnosis, tmp_path / "fixed")}
    assert written["val.txt"][1] == 0 and written["train.txt"][1] == 4
    assert (data.folder / "train.txt").read_bytes() == before
    fixed = (tmp_path / "fixed/train.txt").read_text()
    assert fixed.startswith("# a comment\n") and "dive_x" not in fixed
    names = ("label_map.txt", "train.txt", "val.txt")
    assert sorted(path.name for path in (tmp_path / "fixed").iterdir()) == list(names)
    assert (tmp_path / "fixed/label_map.txt").read_text() == (data.folder / "label_map.txt").read_text()
    again = splits_of_paths([tmp_path / "fixed" / name for name in names[1:]], videos=data.folder / "videos")
    assert examine(again, workers=1, progress=False).findings == []
    with pytest.raises(FileExistsError, match="choose another folder"):
        list(write_fixed(diagnosis, data.folder))


def test_fix_of_annotations(data, tmp_path):
    for plant in (split_without_annotation, pose_leak, frames_disagree):
        plant(data)
    assert data.findings("pose")
    diagnosis = examine(splits_of_paths([data.folder / "skeletons.pkl"]), progress=False)
    assert [dropped for _, _, dropped in write_fixed(diagnosis, tmp_path / "fixed")] == [2]
    again = examine(splits_of_paths([tmp_path / "fixed/skeletons.pkl"], num_classes=5), progress=False)
    assert again.findings == []


FOLDERS = (("judo", "dive"), ("dive", "judo"))  # of 001 and 002, in train and in val


def test_clips_of_one_base_name_in_two_folders_are_two_clips(data, tmp_path):
    """The list and the skeletons of four videos named 001 and 002 in the folders judo and dive."""
    renamed = {}
    for split, folders in zip(("train", "val"), FOLDERS, strict=True):
        data.write(chosen := data.lines(split)[:2], split)
        names = []
        for number, (folder, line) in enumerate(zip(folders, chosen, strict=True)):
            names.append(f"{folder}/00{number + 1}")
            old, label = line.split()
            (data.folder / "videos" / folder).mkdir(exist_ok=True)
            (data.folder / "videos" / old).rename(data.folder / f"videos/{names[-1]}.mp4")
            renamed[Path(old).stem] = names[-1]
            chosen[number] = f"{names[-1]}.mp4 {label}"
        data.write(chosen, split)
        data.file.splits[split][:] = names
    data.file.annotations[:] = [info for info in data.file.annotations if info["frame_dir"] in renamed]
    for info in data.file.annotations:
        info["frame_dir"] = renamed[info["frame_dir"]]
    save_unchecked(data.file, data.folder / "some.pkl")
    diagnosis = examine(data.splits(), progress=False)
    assert [f for f in diagnosis.findings if f.severity == "error"] == []
    assert [counts for _, *counts in write_fixed(diagnosis, tmp_path / "fixed")] == [[2, 0], [2, 0]]
    diagnosis = examine(splits_of_paths([data.folder / "some.pkl"], videos=data.folder / "videos"), progress=False)
    assert [f for f in diagnosis.findings if f.severity == "error"] == []
    for sample in diagnosis.all_samples():
        assert sample.path == data.folder / f"videos/{sample.name}.mp4"
    # the same file under another name of its folder is the same clip
    (data.folder / "videos/sumo").symlink_to("dive")
    data.write([*data.lines(), "sumo/001.mp4 0"])
    found = examine(data.splits(), progress=False).findings
    assert "sumo/001.mp4" in {f.clip for f in found if f.code == "in-train-and-val" and f.message == "is in val too"}


def test_fix_tells_files_with_a_split_of_one_name_apart(data, tmp_path):
    shutil.copy(data.folder / "skeletons.pkl", data.folder / "clean.pkl")
    not_a_number(data)
    save_unchecked(data.file, data.folder / "skeletons.pkl")
    splits = splits_of_paths([data.folder / "clean.pkl", data.folder / "skeletons.pkl"])
    diagnosis = examine(splits, progress=False)
    written = {path.name: dropped for path, _, dropped in write_fixed(diagnosis, tmp_path / "fixed")}
    assert written == {"clean.pkl": 0, "skeletons.pkl": 1}
    assert write_page(diagnosis, tmp_path / "report.html", "x").read_text().count("<br><span class=error>") == 1


def pose_config(path, **splits):
    return {
        f"{loader}_dataloader": dict(dataset=dict(type="PoseDataset", ann_file=str(path), split=split, pipeline=[]))
        for loader, split in splits.items()
    }


def test_fix_keeps_splits_that_were_not_examined(data, tmp_path):
    path = data.folder / "skeletons.pkl"
    splits = data.file.splits
    bad, kept_elsewhere = splits["train"][:2]
    splits["test"] = [splits["val"].pop(), kept_elsewhere, bad]
    frames_disagree(data)
    data.file.annotations.append({**data.info(1), "label": data.info(1)["label"]})  # same-name
    save_unchecked(data.file, path)
    diagnosis = examine(splits_of_config(pose_config(path, train="train", val="val")), progress=False)
    list(write_fixed(diagnosis, tmp_path / "fixed"))
    fixed = AnnotationFile.read(tmp_path / "fixed/skeletons.pkl")
    assert fixed.splits == {"train": splits["train"][1:], "val": splits["val"], "test": splits["test"][:2]}
    assert set(fixed.names) == {name for names in fixed.splits.values() for name in names}
    # examined as a whole, without naming a split
    diagnosis = examine(splits_of_config(pose_config(path, train=None)), progress=False)
    list(write_fixed(diagnosis, tmp_path / "whole"))
    assert AnnotationFile.read(tmp_path / "whole/skeletons.pkl").splits == fixed.splits


def test_fix_does_not_pass_over_a_fault_in_a_split_that_was_not_examined(data, tmp_path):
    frames_disagree(data)
    save_unchecked(data.file, data.folder / "skeletons.pkl")
    splits = splits_of_config(pose_config(data.folder / "skeletons.pkl", val="val"))
    with pytest.raises(ValueError, match=r"skeletons\.pkl, .*total_frames.*; examine the file itself"):
        list(write_fixed(examine(splits, progress=False), tmp_path / "fixed"))


def test_clips_of_one_folder_are_told_apart_by_their_offset(tmp_path):
    (tmp_path / "clip").mkdir()
    for number in range(20):
        cv2.imwrite(str(tmp_path / f"clip/img_{number + 1:05}.jpg"), np.full((16, 16), number, np.uint8))
    (tmp_path / "train.txt").write_text("clip 0 10 0\nclip 10 10 1\nclip 12 10 0\n")
    (tmp_path / "val.txt").write_text("clip 5 5 0\n")
    common = dict(type="RawframeDataset", data_root=str(tmp_path), num_classes=2, with_offset=True)
    cfg = {f"{split}_dataloader": dict(dataset=dict(ann_file=f"{split}.txt", **common)) for split in ("train", "val")}
    diagnosis = examine(splits_of_config(cfg), progress=False)
    (finding,) = diagnosis.findings
    assert finding.code == "frame-count" and "10 frames after the first 12 are listed" in finding.message
    assert [counts for _, *counts in write_fixed(diagnosis, tmp_path / "fixed")] == [[2, 1], [1, 0]]
    assert (tmp_path / "fixed/train.txt").read_text() == "clip 0 10 0\nclip 10 10 1\n"
    (tmp_path / "val.txt").write_text("clip 10 10 1\nclip 10 10 1\n")
    found = [finding.code for finding in examine(splits_of_config(cfg), progress=False).findings]
    assert found == ["frame-count", "in-train-and-val", "listed-twice"]


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
