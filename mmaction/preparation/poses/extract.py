"""Extract the skeletons of many videos into one annotation file: in parallel, and resumed after an interruption."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from mmaction.io.annotations import load_annotations, save_annotations
from mmaction.io.video import open_video
from mmaction.preparation.poses.backends import build_backend, check_pose_backend
from mmaction.preparation.poses.following import Turning, follow
from mmaction.preparation.poses.persons import BackendOptions, Persons, PoseBackend
from mmaction.preparation.poses.sources import SourceVideo, read_boxes
from mmaction.preparation.poses.tracking import TrackingOptions, best_tracks, follow_persons, match_boxes
from mmaction.skeletons import get_layout
from mmaction.skeletons.frame_checks import clip_quality
from mmaction.utils.workers import in_parallel

FOLLOWED = 32  # frames through which persons are followed backward at once


@dataclass(frozen=True)
class Recipe:
    """How skeletons are extracted; parts made with another recipe are not mixed in."""

    backend: str = "torchvision"  # name of the pose estimator
    backend_options: BackendOptions = field(default_factory=BackendOptions)
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    batch_size: int = 4  # frames that go through the network at once
    boxes: str = ""  # file of given boxes; empty: the backend looks for persons

    def fingerprint(self, split: str = "") -> str:
        """The recipe and the split of the videos as JSON, without the device, which does not change the result."""
        content = asdict(self) | {"split": split}
        content["backend_options"].pop("device")
        content.pop("batch_size")
        return json.dumps(content, sort_keys=True, indent=1)


def extract_video(
    video: SourceVideo, backend: PoseBackend, recipe: Recipe, boxes: list[np.ndarray] | None = None
) -> dict[str, Any]:
    """Extract one video into an annotation; each of the given boxes of each frame, ``(N, 4)``, becomes a pose.

    ``quality`` of the annotation counts the frames that each check of :func:`clip_quality` names.
    """
    reader = open_video(video.path, num_threads=0)
    persons: list[Persons] = []
    for chunk in _chunks(
        (image for _, image in reader.images()), FOLLOWED if isinstance(backend, Turning) else recipe.batch_size
    ):
        given = None if boxes is None else boxes[len(persons) : len(persons) + len(chunk)]
        if boxes is not None and given is not None and len(given) < len(chunk):
            raise ValueError(f"{video.path}: boxes are given for {len(boxes)} frames, the video has more")
        persons += follow(backend, chunk, given, persons[-1] if persons else None)
    if reader.problem:
        raise ValueError(f"{video.path}: breaks off after {len(persons)} frames ({reader.problem})")
    if boxes is None:
        persons = [found.select(found.scores >= recipe.backend_options.person_thr) for found in persons]
        tracks = follow_persons(persons, 1 / reader.info.frame_time, recipe.tracking)
    else:
        _check_given(persons, boxes, video.path)
        tracks = match_boxes(persons)
    most = max(map(len, persons), default=1) if boxes is not None else 1
    layout = get_layout(recipe.backend_options.layout)
    keypoint, score = best_tracks(
        persons, tracks, recipe.tracking.num_persons or most, recipe.tracking.max_gap, len(layout.joints)
    )
    shape = reader.info.shape
    return dict(
        frame_dir=video.name,
        label=video.label,
        img_shape=shape,
        original_shape=shape,
        total_frames=len(persons),
        keypoint=keypoint,
        keypoint_score=score,
        quality=clip_quality(keypoint, score, layout, shape),
    )


def _check_given(persons: list[Persons], boxes: list[np.ndarray], path: Path) -> None:
    if len(boxes) != len(persons):
        raise ValueError(f"{path}: boxes are given for {len(boxes)} frames, the video has {len(persons)}")
    for t, (found, given) in enumerate(zip(persons, boxes, strict=True)):
        if len(found) != len(given):
            raise ValueError(f"{path}, frame {t}: the backend gave {len(found)} poses in {len(given)} boxes")


def _chunks(items: Iterable, size: int) -> Iterator[list]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


_worker: dict[str, Any] = {}


def _start_worker(recipe: Recipe, devices: tuple[str, ...], counter: Any, num_threads: int) -> None:
    """Build the backend of a process, on the device that is its turn."""
    import torch

    torch.set_num_threads(num_threads)
    with counter.get_lock():
        device = devices[counter.value % len(devices)]
        counter.value += 1
    _worker["backend"] = build_backend(recipe.backend, replace(recipe.backend_options, device=device))
    _worker["boxes"] = read_boxes(recipe.boxes) if recipe.boxes else None


def _work(job: tuple[SourceVideo, Recipe, Path]) -> str:
    """Extract a video into its part; return what went wrong with it, or an empty text."""
    video, recipe, part = job
    boxes = _worker["boxes"]
    try:
        source = video.state()
        if boxes is not None and video.name not in boxes:
            raise ValueError(f"{recipe.boxes}: has no boxes for {video.name}")
        annotation = extract_video(video, _worker["backend"], recipe, boxes and boxes[video.name])
    except (ValueError, OSError) as error:  # a damaged video must not end the run
        return str(error)
    save_annotations(part, [annotation | {"source": source}], overwrite=True)
    return ""


@dataclass(frozen=True)
class Outcome:
    """What a run did."""

    done: list[str]  # names of the clips in the annotation file
    reused: int  # how many of them came from an interrupted run
    failed: dict[str, str]  # for each video that failed what went wrong
    # for each clip with frames without a pose how many these are, and how many it has in all
    unseen: dict[str, tuple[int, int]]

    # for each check of :func:`clip_quality` the frames of all clips that it names
    quality: dict[str, int]

    @property
    def empty(self) -> list[str]:
        """Names of the clips in which nobody is seen."""
        return [name for name, (missing, total) in self.unseen.items() if missing == total]


def parts_folder(output: Path) -> Path:
    """Where the clips wait until all are extracted."""
    return output.with_name(f"{output.name}.parts")


def extract(
    videos: list[SourceVideo],
    output: Path,
    recipe: Recipe,
    split: str = "",
    devices: tuple[str, ...] = ("cpu",),
    workers: int = 1,
    overwrite: bool = False,
    progress: bool = True,
) -> Outcome:
    """Extract videos into the annotation file ``output``.

    Each clip is kept in ``OUTPUT.parts`` as soon as it is done; a run that was interrupted goes on from there. The
    folder is removed when the annotation file is complete; if videos failed it stays, and another run tries them again.
    Such a run may be given more videos, but not fewer; a video that has changed since is extracted again.

    The videos form the ``split``; where it is empty, the bare list is written. The ``workers`` processes take the
    ``devices`` in turn. FileExistsError if ``output`` exists, unless ``overwrite``, which starts anew;
    FileNotFoundError and KeyError as :func:`check_pose_backend`; ValueError if an interrupted run had another recipe,
    split or videos, no video could be extracted, or nobody is seen in any of them.
    """
    from tqdm import tqdm

    check_pose_backend(recipe.backend, recipe.backend_options)
    parts = _prepare_parts(output, recipe.fingerprint(split), overwrite)
    part_of = {video.name: parts / _part_name(video.name) for video in videos}
    finished = _finished_parts(parts, {part_of[video.name]: video for video in videos})
    waiting = [video for video in videos if part_of[video.name] not in finished]
    failed: dict[str, str] = {}
    with tqdm(total=len(videos), initial=len(videos) - len(waiting), unit="video", disable=not progress) as bar:
        for video, problem in _run(waiting, recipe, part_of, devices, workers):
            bar.update()
            if problem:
                failed[video.name] = problem
    done = [video.name for video in videos if video.name not in failed]
    if not done:
        raise ValueError(f"no video could be extracted: {next(iter(failed.values()))}")
    annotations = [load_annotations(part_of[name])[0] for name in done]
    labels = {video.name: video.label for video in videos}
    for info in annotations:
        del info["source"]
        info["label"] = labels[info["frame_dir"]]
    outcome = Outcome(done, len(videos) - len(waiting), failed, _unseen(annotations), _total(annotations))
    if len(outcome.empty) == len(done):
        raise ValueError(
            f"nobody is seen in any of the {len(done)} clips, so {output} is not written; try a lower --person-thr, "
            f"another --backend or given --boxes, with --overwrite (the parts are in {parts})"
        )
    save_annotations(output, annotations, {split: done} if split else None, overwrite=True)
    if not failed:
        shutil.rmtree(parts)
    return outcome


def _unseen(annotations: list[dict]) -> dict[str, tuple[int, int]]:
    """Return for each clip with frames without a pose their number and the number of all its frames."""
    seen = {info["frame_dir"]: info["keypoint_score"].any(axis=(0, 2)) for info in annotations}
    return {name: (int((~frames).sum()), len(frames)) for name, frames in seen.items() if not frames.all()}


def _total(annotations: list[dict]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for info in annotations:
        total.update(info["quality"])
    return dict(total)


def _part_name(name: str) -> str:
    """Return the name of a clip's part: another one for each clip, and without folders."""
    plain = name.replace("%", "%25").replace("/", "%2F")
    encoded = os.fsencode(plain)
    if len(encoded) > 200:  # more than a file system may take
        plain = hashlib.sha256(encoded).hexdigest() + "%"  # no other plain name ends with it
    return f"{plain}.pkl"


def _prepare_parts(output: Path, fingerprint: str, overwrite: bool) -> Path:
    parts, note = parts_folder(output), parts_folder(output) / "recipe.json"
    if overwrite:
        shutil.rmtree(parts, ignore_errors=True)
    elif output.exists() and not parts.exists():
        raise FileExistsError(f"{output}: exists already; choose another name or pass --overwrite")
    if any(parts.glob("*.pkl")) and note.is_file() and note.read_text(encoding="utf-8") != fingerprint:
        raise ValueError(
            f"{parts}: an interrupted run used other settings, see recipe.json there; repeat them to go on, or pass "
            "--overwrite to start anew"
        )
    parts.mkdir(parents=True, exist_ok=True)
    note.write_text(fingerprint, encoding="utf-8")
    return parts


def _finished_parts(parts: Path, video_of: dict[Path, SourceVideo]) -> set[Path]:
    """Return the parts whose videos have not changed since; refuse parts whose videos are not wanted now."""
    finished = set()
    for part in parts.glob("*.pkl"):
        (info,) = load_annotations(part)
        path, *state = info["source"]
        video = video_of.get(part)
        path_now, *state_now = video.state() if video and video.path.exists() else [None]
        if state_now == state:  # also of a video that was moved
            finished.add(part)
        elif path_now != path:
            raise ValueError(
                f"{parts}: an interrupted run extracted {info['frame_dir']} from {path}, which is not among the videos "
                "now; give its videos too to go on, choose another output, or pass --overwrite to start anew"
            )
    return finished


def _run(
    videos: list[SourceVideo], recipe: Recipe, part_of: dict[str, Path], devices: tuple[str, ...], workers: int
) -> Iterator[tuple[SourceVideo, str]]:
    """Extract videos into their parts; yield each one and what went wrong with it."""
    if not videos:
        return
    context = get_context("spawn")
    workers = min(workers, len(videos))
    threads = max(1, (os.cpu_count() or 1) // workers)
    start = (recipe, devices, context.Value("i", 0), threads)
    jobs = [(video, recipe, part_of[video.name]) for video in videos]
    for (video, *_), problem in in_parallel(
        _work, jobs, workers=workers, processes=True, initializer=_start_worker, initargs=start
    ):
        yield video, problem
