"""Write the procedural diving data set: videos, lists, skeletons, class names and class attributes."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from mmaction.io.annotations import save_annotations
from mmaction.io.video.writers import VideoSink
from mmaction.label_spaces import LABEL_MAP
from mmaction.preparation.demo.dives import Dive, first_dives
from mmaction.preparation.demo.take import Take
from mmaction.utils.files import csv_text, write_lines, write_text
from mmaction.utils.workers import in_parallel

FILES = ("videos", "train.txt", "val.txt", "skeletons.pkl", LABEL_MAP, "classes.csv")


@dataclass(frozen=True)
class DemoSpec:
    """What the data set holds.

    Raises:
        ValueError: If a value is out of range; the message names it.
    """

    num_clips: int = 300  # videos in both splits together; every class gets the same number, give or take one
    num_classes: int = 10  # dives, the first of DIVES
    size: tuple[int, int] = (160, 120)  # width and height of the videos in pixels, both even
    seed: int = 0  # the same seed gives the same data set, however many workers write it
    fps: int = 25
    val_share: float = 0.2  # share of each class that goes to the val split

    def __post_init__(self) -> None:
        first_dives(self.num_classes)
        if self.num_clips < 2 * self.num_classes:
            classes = f"for each of {self.num_classes} classes one to train on and one to test on"
            raise ValueError(f"num_clips: expected at least {2 * self.num_classes} ({classes}), got {self.num_clips}")
        if min(self.size) < 32 or any(n % 2 for n in self.size):
            width, height = self.size
            raise ValueError(f"size: expected an even width and height of at least 32, got {width}x{height}")
        if self.seed < 0:
            raise ValueError(f"seed: expected 0 or a positive number, got {self.seed}")
        if not 0.0 < self.val_share < 1.0:
            raise ValueError(f"val_share: expected a share between 0 and 1, got {self.val_share}")

    @property
    def dives(self) -> tuple[Dive, ...]:
        """The classes, in the order of their labels."""
        return first_dives(self.num_classes)

    def labels(self) -> np.ndarray:
        """The label of each clip in a random order, shape ``(num_clips,)``."""
        return np.random.default_rng([self.seed, 1]).permutation(np.arange(self.num_clips) % self.num_classes)

    def is_val(self) -> np.ndarray:
        """Which clips are held out: the same share of each class, shape ``(num_clips,)``, bool."""
        labels, held_out = self.labels(), np.zeros(self.num_clips, bool)
        for label in range(self.num_classes):
            members = np.flatnonzero(labels == label)
            held_out[members[: max(1, round(self.val_share * len(members)))]] = True
        return held_out


def clip_name(index: int) -> str:
    """File name without extension of clip ``index``; it says nothing about the class."""
    return f"dive_{index:05d}"


def draw_take(spec: DemoSpec, index: int) -> Take:
    """Draw clip ``index``; it depends on the seed, the index and the label of the clip alone."""
    dive = spec.dives[int(spec.labels()[index])]
    return Take.draw(dive, spec.size, spec.fps, np.random.default_rng([spec.seed, 0, index]))


def _write_clip(spec: DemoSpec, out: Path, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Write the video of a clip; return its joints and their scores."""
    take = draw_take(spec, index)
    sink = VideoSink(out / "videos" / f"{clip_name(index)}.mp4", spec.fps, num_threads=1)
    try:
        for frame in take.frames():
            sink.write(frame)
    finally:
        sink.close()
    return take.detections()


def _records(spec: DemoSpec, detections: Iterable[tuple[np.ndarray, np.ndarray]]) -> Iterator[dict]:
    """The annotations, made in one process so that the file is the same however many workers there are."""
    shape = spec.size[1], spec.size[0]
    for index, (keypoint, score) in enumerate(detections):
        yield dict(
            frame_dir=clip_name(index),
            label=int(spec.labels()[index]),
            img_shape=shape,
            original_shape=shape,
            total_frames=keypoint.shape[1],
            keypoint=keypoint.astype(np.float32),  # a fresh array: one from another process is pickled differently
            keypoint_score=score.astype(np.float32),
        )


def write_demo_data(
    spec: DemoSpec, out: Path, workers: int | None = None, overwrite: bool = False, progress: bool = True
) -> Path:
    """Write the whole data set into ``out`` and return that; FileExistsError if it is there, unless ``overwrite``."""
    from tqdm import tqdm

    out = Path(out)
    present = [name for name in FILES if (out / name).exists()]
    if present and not overwrite:
        raise FileExistsError(f"{out}: already holds {', '.join(present)}; choose another folder or pass --overwrite")
    (out / "videos").mkdir(parents=True, exist_ok=True)
    for old in (out / "videos").glob("dive_*.mp4"):
        old.unlink()
    workers = min(workers or os.cpu_count() or 1, spec.num_clips)
    written = in_parallel(
        partial(_write_clip, spec, out),
        range(spec.num_clips),
        workers=workers,
        processes=True,
        initializer=cv2.setNumThreads if workers > 1 else None,  # one worker works in this process
        initargs=(1,),
    )
    clips = dict(tqdm(written, total=spec.num_clips, desc="filming dives", unit="clip", disable=not progress))
    _write_lists(spec, out, list(_records(spec, (clips[index] for index in range(spec.num_clips)))))
    return out


def _write_lists(spec: DemoSpec, out: Path, records: list[dict]) -> None:
    split: dict[str, list[dict]] = dict(train=[], val=[])
    for record, held_out in zip(records, spec.is_val(), strict=True):
        split["val" if held_out else "train"].append(record)
    for name, clips in split.items():
        write_lines(out / f"{name}.txt", (f"{clip['frame_dir']}.mp4 {clip['label']}" for clip in clips))
    names = {name: [clip["frame_dir"] for clip in clips] for name, clips in split.items()}
    save_annotations(out / "skeletons.pkl", records, names, overwrite=True)
    write_lines(out / LABEL_MAP, (dive.name for dive in spec.dives))
    rows: list[Sequence[object]] = [("label", "name", "takeoff", "somersaults", "twists", "position")]
    for label, dive in enumerate(spec.dives):
        turns = dive.half_somersaults / 2, dive.half_twists / 2
        rows.append((label, dive.name, dive.takeoff, *turns, dive.position))
    write_text(out / "classes.csv", "# numeric: somersaults, twists\n" + csv_text(rows))
