"""The table of targets: every parser of files that a user gives, what it may raise, good inputs, how to damage them."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from reliability import mutators, seeds

ALLOWED = (ValueError, TypeError, KeyError, FileNotFoundError)


@dataclass(frozen=True)
class Target:
    """One parser.

    Attributes:
        group: What kind of file it reads; targets of a group are damaged alike.
        name: Of the target.
        call: Called with the path of an input; raises AssertionError if the result is wrong.
        seeds: Returns the good inputs.
        mutate: Makes others of them.
        file: Name of the input; it must stand in every error message.
        allowed: What ``call`` may raise.
    """

    group: str
    name: str
    call: Callable[[Path], object]
    seeds: Callable[[], Sequence[bytes]]
    mutate: mutators.Mutator
    file: str = "input.txt"
    allowed: tuple[type[Exception], ...] = ALLOWED


# ---------------------------------------------------------------- pickles
def is_data(value: object) -> bool:
    """Whether a value and all in it are containers, numbers, text and arrays of these."""
    if isinstance(value, dict):
        return all(map(is_data, (*value, *value.values())))
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(is_data, value))
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biufcSU"
    return type(value) in (type(None), bool, int, float, complex, str, bytes, bytearray, np.longdouble, np.clongdouble)


def read_pickle(path: Path) -> None:
    """Read any pickle; whatever comes out is data."""
    from mmaction.io.pickles import load_pickle

    assert is_data(load_pickle(path))


def read_annotations(path: Path) -> None:
    """Read a skeleton file, whole and by split, and walk through a data set of it."""
    from mmaction.datasets.pose import PoseDataset
    from mmaction.io.annotations import load_annotations

    infos = load_annotations(path)
    assert all(isinstance(info, dict) and "label" in info for info in infos)
    ratio = 0.5 if infos and "valid" in infos[0] else None
    dataset = PoseDataset(str(path), [], num_classes=3, valid_ratio=ratio, data_prefix={"video": "videos"})
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        assert info["label"] is not None and (info["filename"].startswith("videos/") or os.path.isabs(info["filename"]))
    load_annotations(path, "train")


def use_annotation_tools(path: Path) -> None:
    """What ``tools/data/skeleton`` does with a file: describe, find problems, choose, merge, write."""
    from mmaction.preparation.skeleton import files

    file = files.AnnotationFile.read(path)
    problems = list(file.problems())
    file.describe()
    if not problems:
        files.merge([file, file])
        files.subset(file, per_class=1).write(path.with_name("written.pkl"), overwrite=True)


def choose_poses(path: Path) -> None:
    """What the pose visualizer does with a skeleton file."""
    from mmaction.visualization.poses import clip_poses, find_annotation, load_annotation_list

    infos = load_annotation_list(path)
    try:
        clip_poses(find_annotation(infos, "0", Path("a.mp4"), path), source=path)
    except ValueError as error:  # of joints that no layout has, the argument to give is named
        assert path.name in str(error) or str(error).startswith("layout: no layout with"), error


def read_boxes(path: Path) -> None:
    """Read given boxes for the extraction of poses."""
    from mmaction.preparation.poses.sources import read_boxes as read

    assert all(box.shape[1] in (4, 5) for boxes in read(str(path)).values() for box in boxes)


# ---------------------------------------------------------------- scores
def read_scores(path: Path) -> None:
    """Read scores of a test, or dumped ones."""
    from mmaction.reports.dumps import load_any

    predictions = load_any(path)
    assert np.isfinite(predictions.scores).all() and len(set(predictions.ids)) == len(predictions.labels)


def read_captions(path: Path) -> None:
    """What the pose visualizer reads for its captions."""
    from mmaction.pose_viewer.settings import Settings
    from mmaction.pose_viewer.viewer import read_classes

    read_classes(Settings(scores=str(path)) if path.suffix == ".npz" else Settings(label_map=str(path)))


def read_metrics(path: Path) -> None:
    """Read a test's ``metrics.json`` beside its scores."""
    from mmaction.structures import Result

    (path.parent / "scores.npz").write_bytes(seeds.npz()[0])
    Result.load(path.parent)


def read_robustness(path: Path) -> None:
    """Read earlier results of ``tools/analysis/pose_robustness.py``."""
    from mmaction.cli.pose_robustness import read_earlier

    read_earlier([str(path)], {"drop": (0.1,)})


# ---------------------------------------------------------------- text lists and tables
def read_lists(path: Path) -> None:
    """Read lists of videos and of frames, with one label and several; no name leaves the data folder."""
    from mmaction.datasets.rawframe import RawframeDataset
    from mmaction.datasets.video import VideoDataset

    root = str(path.parent)
    content = path.read_bytes()
    options = {"multi_class": True} if content[:1] < b"h" else {"delimiter": ","} if b"," in content else {}
    kind, prefix = (RawframeDataset, "img") if b"clip" in content else (VideoDataset, "video")
    options = {} if prefix == "img" else options
    dataset = kind(str(path), [], data_prefix={prefix: root}, num_classes=11, **options)
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        name = info.get("filename") or info["frame_dir"]
        labels = np.asarray(info["label"])
        inside = os.path.normpath(name).startswith(root)
        assert inside or name.encode() in content, f"{name} leaves the folder"
        assert labels.min() >= 0 and labels.max() < 11


def read_element_list(path: Path) -> None:
    """Read a list of FineGym elements."""
    from mmaction.preparation.official_lists import read_gym_list
    from mmaction.preparation.recognize_list import identify

    clips = read_gym_list(path)
    identify({clip.id: clip.label for clip in clips})


def read_table(path: Path) -> None:
    """Read the table of ``tools/data/build_file_list.py``; every clip of it lies in the data folder."""
    from mmaction.preparation.build_list import class_indices, entries_of_table, split_entries, write_list

    root = path.parent / "data"
    root.mkdir(exist_ok=True)
    for name in ("a.mp4", "b.mp4", "../outside.mp4"):
        (root / name).touch()
    entries, _ = entries_of_table(path, root, "videos")
    assert all(os.path.realpath(root / entry.path).startswith(os.path.realpath(root)) for entry in entries)
    lists = split_entries(entries, 0.2, 0)
    assert sum(map(len, lists.values())) == len(entries)
    indices = class_indices([entry.label for entry in entries])
    try:
        write_list(path.parent / "list.txt", lists["train"], indices)
    except ValueError as error:
        assert "rename the file" in str(error)


def read_space(path: Path) -> None:
    """Read classes with attributes and ask everything of them."""
    from mmaction.label_spaces import load_label_space

    space = load_label_space(path)
    for label in range(len(space)):
        assert space.name(label) is not None and label not in space.siblings(label)
    assert all(len(space.groups(name)) == len(space) for name in space.table)
    assert all(math.isfinite(space.distance(0, len(space) - 1, name)) for name in space.numeric)


def read_names(path: Path) -> None:
    """Read class names for ``tools/infer.py``."""
    from mmaction.label_spaces import read_label_map

    names = read_label_map(path, 3)
    assert len(names) == 3 and all(names)


def read_video_list(path: Path) -> None:
    """Read a list of videos for the extraction of poses."""
    from mmaction.preparation.poses.sources import list_videos

    for name in ("a.mp4", "b c.mp4"):
        path.with_name(name).touch()
    assert all(clip.label >= 0 and clip.path.is_file() for clip in list_videos(path))


def read_settings(path: Path) -> None:
    """Read ``config.ini`` of the pose visualizer; whatever passes can be used."""
    import argparse

    from mmaction.pose_viewer.settings import AUTO_SCALE, merge_settings, read_config

    values = read_config(path)
    try:
        settings = merge_settings(values, argparse.Namespace())
    except ValueError as error:  # names the setting, which may come from the command line as well
        assert str(error).partition(":")[0] in values, error
        return
    numbers = [value for name, value in vars(settings).items() if isinstance(value, float) and name != "scale"]
    assert settings.scale == AUTO_SCALE or math.isfinite(settings.scale), settings.scale
    assert all(math.isfinite(value) for value in numbers), f"{numbers}"


def read_file_names(path: Path) -> None:
    """Take file names, ids and ranges apart."""
    from mmaction.io.downloads import hash_from_name
    from mmaction.pose_viewer.settings import frame_range
    from mmaction.preparation.official_lists import GymId
    from mmaction.utils.config import base_batch_size

    text = path.read_bytes().decode("utf-8", "surrogateescape")
    found = hash_from_name(text)
    assert found is None or (8 <= len(found) <= 64 and int(found, 16) >= 0)
    if "\0" not in text and len(text) < 255:
        batch = base_batch_size({}, text)
        assert batch is None or batch >= 0
    for parse in (frame_range, GymId.parse):
        try:
            parse(text)
        except ValueError as error:
            assert "expected" in str(error)


# ---------------------------------------------------------------- JSON
def read_diving48(path: Path) -> None:
    """Read a list of Diving48."""
    from mmaction.preparation.official_lists import read_diving48 as read
    from mmaction.preparation.recognize_list import identify

    clips = read(path)
    assert all(0 <= clip.label < 48 and "/" not in clip.id for clip in clips)
    identify({clip.id: clip.label for clip in clips})


def read_vocabulary(path: Path) -> None:
    """Read the vocabulary of Diving48."""
    from mmaction.preparation.diving48 import _check_vocabulary

    _check_vocabulary(path)


def read_gym_times(path: Path) -> None:
    """Read exact times of FineGym."""
    from mmaction.preparation.official_lists import read_gym_times as read

    events, elements = read(path)
    assert all(0 <= span.start < span.end < math.inf for span in (*events.values(), *elements.values()))


def read_manifest(path: Path) -> None:
    """Read the manifest beside a prepared list."""
    from mmaction.preparation.manifest import coverage, wrong_lengths

    str(coverage(path.with_name("input")))
    wrong_lengths(path.with_name("input"))


def read_last_start(path: Path) -> None:
    """Look for the checkpoint to go on from in a work directory."""
    from mmaction.engine.resume import survey

    assert survey(path.parent).found is None


def read_journal(path: Path) -> None:
    """Open the journal of a prepare tool that was killed."""
    from mmaction.utils.journal import Journal

    Journal(path).get("a")


def read_training_log(path: Path) -> None:
    """Read the scalars of a run and choose curves."""
    from mmaction.reports.curves import curves, read_log

    curves(read_log(path))


# ---------------------------------------------------------------- poses of other programs
def read_poses(form: str) -> Callable[[Path], None]:
    """Return a target that imports one format."""

    def read(path: Path) -> None:
        from mmaction.io.annotations import check_annotation
        from mmaction.preparation.skeleton.convert import import_poses

        source = path.parent if form == "openpose" else path
        file, left_out = import_poses(source, form, size=(640, 480), label=0)
        assert all(check_annotation(info) is None for info in file.annotations)
        assert all(np.isfinite(info["keypoint"]).all() for info in file.annotations)
        assert all(name in reason for name, reason in left_out.items())

    return read


# ---------------------------------------------------------------- checkpoints and archives
def read_weights(path: Path) -> None:
    """Read a checkpoint and load it into a model, as for testing, fine-tuning and resuming."""
    import torch

    from mmaction.engine.resume import survey
    from mmaction.io.checkpoints import is_intact, load_weights, model_weights, read_checkpoint

    is_intact(path)
    survey(path.parent)
    checkpoint = read_checkpoint(path)
    weights = model_weights(checkpoint, path)
    load_weights(torch.nn.Linear(2, 3), weights, str(path), strict=False)


def unpack(path: Path) -> None:
    """Unpack an archive; the guard sees to it that nothing is written beside its folder."""
    from mmaction.io.downloads import extract_archive

    folder = path.parent / "unpacked"
    before = sorted(file for file in path.parent.iterdir() if file != folder)
    try:
        extract_archive(path, folder, progress=False)
    finally:
        assert not folder.is_file(), "the folder became a file"
        assert sorted(file for file in path.parent.iterdir() if file != folder) == before, "written beside the folder"
        written = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        assert written < path.stat().st_size + (100 << 20), f"{written} bytes were written"


def _json(name: str, call: Callable[[Path], object], good: Sequence[bytes], file: str = "input.json") -> Target:
    return Target("json", name, call, lambda: good, mutators.mutate_json, file)


def _text(name: str, call: Callable[[Path], object], good: Sequence[bytes], file: str = "input.txt") -> Target:
    return Target("text", name, call, lambda: good, mutators.mutate_lines, file)


def _pickle(name: str, call: Callable[[Path], object], good: Callable[[], Sequence[bytes]] = seeds.pickles) -> Target:
    return Target("pickles", name, call, good, mutators.pickle_mutator(seeds.pickles), "input.pkl")


def _poses(name: str, good: Sequence[bytes], file: str = "input.json") -> Target:
    return Target("poses", name, read_poses(name), lambda: good, mutators.mutate_json, file)


TARGETS = (
    _pickle("any pickle", read_pickle, lambda: [*seeds.pickles(), *seeds.hostile_pickles()]),
    _pickle("skeleton file", read_annotations, seeds.skeleton_pickles),
    _pickle("skeleton tools", use_annotation_tools),
    _pickle("skeletons to draw", choose_poses),
    _pickle("given boxes", read_boxes, lambda: [*seeds.boxes(), *seeds.pickles()]),
    Target("scores", "scores.npz", read_scores, seeds.npz, mutators.mutate_npz, "input.npz"),
    Target("scores", "dumped scores", read_scores, seeds.dumps, mutators.pickle_mutator(seeds.dumps), "input.pkl"),
    Target("scores", "captions", read_captions, seeds.npz, mutators.mutate_npz, "input.npz"),
    _text("file lists", read_lists, seeds.FILE_LISTS),
    _text("clip lists", read_element_list, (*seeds.GYM_IDS, *seeds.FILE_LISTS[:2])),
    _text("table of clips", read_table, seeds.TABLES, "input.csv"),
    _text("label space", read_space, seeds.LABEL_SPACES, "input.csv"),
    _text("label map", read_captions, seeds.LABEL_MAP),
    _text("class names", read_names, seeds.LABEL_MAP),
    _text("list of videos", read_video_list, (b"a.mp4 0\nb c.mp4 12\n\n",)),
    _text("config.ini", read_settings, seeds.SETTINGS, "input.ini"),
    _text("names", read_file_names, seeds.NAMES),
    _json("Diving48 list", read_diving48, seeds.DIVING48),
    Target("json", "Diving48 vocabulary", read_vocabulary, seeds.vocabulary, mutators.mutate_json, "input.json"),
    _json("FineGym times", read_gym_times, seeds.GYM_TIMES),
    _json("manifest", read_manifest, seeds.MANIFEST, "manifest.json"),
    _json("journal", read_journal, seeds.JOURNAL),
    _json("last start", read_last_start, seeds.LAST_START, "last_start.json"),
    _json("training log", read_training_log, seeds.LOGS),
    _json("metrics.json", read_metrics, seeds.METRICS, "metrics.json"),
    _json("robustness.json", read_robustness, (b'{"a": {"curves": {"drop": [[0.1, 0.5]]}}}',)),
    _poses("openpose", seeds.OPENPOSE, "clip_000000000001_keypoints.json"),
    _poses("alphapose", seeds.RESULTS),
    _poses("coco", seeds.RESULTS),
    _poses("mediapipe", seeds.MEDIAPIPE),
    Target("checkpoints", "checkpoint", read_weights, seeds.checkpoints, mutators.mutate_zip, "input.pth"),
    Target("archives", "archive", unpack, seeds.archives, mutators.mutate_archive, "input.zip"),
)
