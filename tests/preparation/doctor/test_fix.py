import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from fixtures.planted_defects import (
    frames_disagree,
    leaked_name,
    line_without_label,
    missing_video,
    not_a_number,
    pose_leak,
    save_unchecked,
    split_without_annotation,
    two_labels,
)

from mmaction.io.marks import Mark, write_marks
from mmaction.preparation.doctor.examine import examine
from mmaction.preparation.doctor.findings_report import write_page
from mmaction.preparation.doctor.fix import write_fixed
from mmaction.preparation.doctor.marks import add_marks
from mmaction.preparation.doctor.splits import splits_of_config, splits_of_paths
from mmaction.preparation.skeleton.files import AnnotationFile


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


@pytest.mark.parametrize("kind", ["lists", "pose"])
def test_marks_leave_clips_out_or_correct_their_labels(data, tmp_path, kind):
    clips = [line.split() for line in data.lines()[:3]]
    names = [name if kind == "lists" else Path(name).stem for name, _ in clips]
    labels = [int(label) for _, label in clips]
    right = (labels[1] + 1) % 5
    marks = [Mark(names[0], (labels[0],)), Mark(names[1], (labels[1],), right), Mark(names[2], (right - 9,), labels[2])]
    path = write_marks(tmp_path / "marks.csv", marks)  # the third is right by now
    splits = data.splits() if kind == "lists" else splits_of_paths([data.folder / "skeletons.pkl"])
    diagnosis = examine(splits, progress=False)
    add_marks(diagnosis, path)
    assert [finding.code for finding in diagnosis.findings] == ["mislabeled", "relabeled"]
    assert sum(dropped for _, _, dropped in write_fixed(diagnosis, tmp_path / "fixed")) == 1
    if kind == "lists":
        fixed = dict(line.split() for line in (tmp_path / "fixed/train.txt").read_text().splitlines())
    else:
        fixed = {
            info["frame_dir"]: info["label"]
            for info in AnnotationFile.read(tmp_path / "fixed/skeletons.pkl").annotations
        }
    assert names[0] not in fixed
    assert [int(fixed[name]) for name in names[1:]] == [right, labels[2]]


def test_marks_that_do_not_fit_are_refused(data, tmp_path):
    diagnosis = examine(data.splits(), progress=False)
    name, label = data.lines()[0].split()
    other = (int(label) + 1) % 5
    for mark, message in (
        (Mark("dive_x", (0,)), "lacks 1 of 1 samples"),
        (Mark(name, (other,)), rf"marks the label {other} of {name}, but the lists say {label} in train"),
        (Mark(name, (int(label), other), other), "several labels"),
    ):
        with pytest.raises(ValueError, match=message):
            add_marks(diagnosis, write_marks(tmp_path / "marks.csv", [mark]))
    add_marks(diagnosis, write_marks(tmp_path / "marks.csv", []))
    assert not diagnosis.findings
