"""Extract the skeletons of many videos into one annotation file: in parallel, and resumed after an interruption."""

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from mmaction.io.annotations import load_annotations, save_annotations
from mmaction.io.file_list import read_file_list, resolve_names
from mmaction.io.pickles import as_numbers, load_pickle
from mmaction.io.video.writers import VIDEO_SUFFIXES, VideoReader
from mmaction.preparation.poses.backends import BackendOptions, Persons, PoseBackend, build_backend, check_backend
from mmaction.preparation.poses.tracking import TrackingOptions, best_tracks, follow_persons


@dataclass(frozen=True)
class Clip:
    """A video to extract.

    Args:
        path: The video.
        name: ``frame_dir`` of its annotation, unique.
        label: Class index.
    """

    path: Path
    name: str
    label: int = 0


@dataclass(frozen=True)
class Recipe:
    """How skeletons are extracted; parts made with another recipe are not mixed in.

    Args:
        backend: Name of the pose estimator.
        backend_options: What it is built with.
        tracking: How persons are followed.
        batch_size: Frames that go through the network at once.
        boxes: File of given boxes, empty: the backend looks for persons.
    """

    backend: str = "torchvision"
    backend_options: BackendOptions = field(default_factory=BackendOptions)
    tracking: TrackingOptions = field(default_factory=TrackingOptions)
    batch_size: int = 4
    boxes: str = ""

    def fingerprint(self, split: str = "") -> str:
        """The recipe and the split of the clips as JSON, without the device, which does not change the result."""
        content = asdict(self) | {"split": split}
        content["backend_options"].pop("device")
        content.pop("batch_size")
        return json.dumps(content, sort_keys=True, indent=1)


def list_clips(source: Path, root: Path | None = None) -> list[Clip]:
    """Find the videos of a folder (label 0), of a list (``PATH LABEL`` a line), or one video.

    Args:
        source: The folder, whose videos are named by their paths in it; the list; or the video.
        root: Folder to which the paths of a list are relative, and which its videos are named by their paths in. By
            default they are relative to the list's own folder, and named without folders.

    Raises:
        FileNotFoundError: If ``source``, or a video of the list, is missing.
        ValueError: If there is no video, a line is wrong, two videos have the same name, or ``source`` is no list, but
            ``root`` is given.
    """
    is_video = source.suffix.lower() in VIDEO_SUFFIXES and source.is_file()
    if root is not None and (is_video or source.is_dir()):
        raise ValueError(f"the folder {root} is for the paths of a list; {source} is no list")
    if source.is_dir():
        paths = sorted(path for path in source.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
        clips = [Clip(path, path.relative_to(source).with_suffix("").as_posix()) for path in paths]
    elif is_video:
        clips = [Clip(source, source.stem)]
    elif source.is_file():
        clips = list(_listed_clips(source, root))
    else:
        raise FileNotFoundError(f"{source}: no such video, list or folder")
    if not clips:
        raise ValueError(f"{source}: no video in it; looked for {', '.join(VIDEO_SUFFIXES)}")
    twice = sorted(name for name, count in Counter(clip.name for clip in clips).items() if count > 1)
    if twice:
        advice = "; if they lie in different folders, give --videos ROOT" if source.is_file() and root is None else ""
        raise ValueError(f"{source}: these names occur more than once: {', '.join(twice[:5])}{advice}")
    return clips


def _listed_clips(source: Path, root: Path | None) -> Iterator[Clip]:
    lines = read_file_list(str(source))
    places = ((str(source.parent / line.name), line) for line in lines)
    for place, line in places if root is None else resolve_names(str(source), lines, str(root)):
        path = Path(place)
        if not os.path.isfile(path):  # false for a name that is too long, where Path.is_file raises
            advice = "; give the folder that the list's paths are relative to with --videos" if root is None else ""
            raise FileNotFoundError(f"{source}:{line.number}: no such video: {path}{advice}")
        inside = root is not None and path.absolute().is_relative_to(root.absolute())
        name = path.absolute().relative_to(root.absolute()) if inside else Path(path.name)
        yield Clip(path, name.with_suffix("").as_posix(), line.labels[0])


def read_boxes(path: str) -> dict[str, list[np.ndarray]]:
    """Read given boxes: a pickle ``{name: [boxes of frame 0, ...]}``, each ``(N, 4 or 5)``: x1, y1, x2, y2 (, score).

    Raises:
        ValueError: If the file has another structure.
    """
    content = load_pickle(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a dict from the name of a video to a list of boxes for each frame")
    boxes = {}
    for name, frames in content.items():
        arrays = [as_numbers(frame) for frame in frames] if isinstance(frames, (list, tuple)) else [None]
        if any(array is None or (array.size and (array.shape or (0,))[-1] not in (4, 5)) for array in arrays):
            raise ValueError(f"{path}: {name}: expected boxes (N, 4 or 5) for each frame")
        boxes[str(name)] = [
            array.reshape(-1, array.shape[-1] if array.size else 4).astype(np.float32) for array in arrays
        ]
    return boxes


def extract_clip(clip: Clip, backend: PoseBackend, recipe: Recipe, boxes: list[np.ndarray] | None = None) -> dict:
    """Extract one video.

    Args:
        clip: The video.
        backend: The pose estimator.
        recipe: Tracking and batch size.
        boxes: Given boxes of each frame.

    Returns:
        An annotation in the format of :func:`mmaction.io.annotations.load_annotations`.

    Raises:
        ValueError: If the video cannot be decoded to its end, or has another number of frames than the boxes.
    """
    reader = VideoReader(clip.path)
    persons: list[Persons] = []
    for chunk in _chunks((image for _, image in reader.frames()), recipe.batch_size):
        given = None if boxes is None else boxes[len(persons) : len(persons) + len(chunk)]
        if given is not None and len(given) < len(chunk):
            raise ValueError(f"{clip.path}: boxes are given for {len(boxes)} frames, the video has more")
        found = backend.estimate(chunk, given)
        persons += [p.select(p.scores >= recipe.backend_options.person_thr) for p in found] if given is None else found
    if reader.decode_error:
        raise ValueError(f"{clip.path}: breaks off after {len(persons)} frames ({reader.decode_error})")
    if boxes is not None and len(boxes) != len(persons):
        raise ValueError(f"{clip.path}: boxes are given for {len(boxes)} frames, the video has {len(persons)}")
    tracks = follow_persons(persons, reader.info.fps, recipe.tracking)
    keypoint, score = best_tracks(persons, tracks, recipe.tracking)
    shape = (reader.info.height, reader.info.width)
    return dict(
        frame_dir=clip.name,
        label=clip.label,
        img_shape=shape,
        original_shape=shape,
        total_frames=len(persons),
        keypoint=keypoint,
        keypoint_score=score,
    )


def _chunks(items: Iterable, size: int) -> Iterator[list]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


_worker: dict = {}


def _start_worker(recipe: Recipe, devices: tuple[str, ...], counter: object, num_threads: int) -> None:
    """Build the backend of a process, on the device that is its turn."""
    import torch

    torch.set_num_threads(num_threads)
    with counter.get_lock():
        device = devices[counter.value % len(devices)]
        counter.value += 1
    options = BackendOptions(**{**asdict(recipe.backend_options), "device": device})
    _worker.update(
        backend=build_backend(recipe.backend, options), boxes=read_boxes(recipe.boxes) if recipe.boxes else None
    )


def _work(clip: Clip, recipe: Recipe, part: Path) -> str:
    """Extract a clip into its part; return what went wrong with its video, or an empty text."""
    boxes = _worker["boxes"]
    try:
        source = _source(clip.path)
        if boxes is not None and clip.name not in boxes:
            raise ValueError(f"{recipe.boxes}: has no boxes for {clip.name}")
        annotation = extract_clip(clip, _worker["backend"], recipe, None if boxes is None else boxes[clip.name])
    except (ValueError, OSError) as error:  # a damaged video must not end the run
        return str(error)
    save_annotations(part, [annotation | {"source": source}], overwrite=True)
    return ""


def _source(video: Path) -> list:
    """Return what tells a video from others and from its earlier self: path, bytes, time of change."""
    stat = video.stat()
    return [os.path.abspath(video), stat.st_size, stat.st_mtime_ns]


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Args:
        done: Names of the clips in the annotation file.
        reused: How many of them came from an interrupted run.
        failed: For each clip that failed what went wrong.
    """

    done: list[str]
    reused: int
    failed: dict[str, str]


def parts_folder(output: Path) -> Path:
    """Where the clips wait until all are extracted."""
    return output.with_name(f"{output.name}.parts")


def extract(
    clips: list[Clip],
    output: Path,
    recipe: Recipe,
    split: str = "",
    devices: tuple[str, ...] = ("cpu",),
    workers: int = 1,
    overwrite: bool = False,
    progress: bool = True,
) -> Outcome:
    """Extract clips into one annotation file.

    Each clip is kept in ``OUTPUT.parts`` as soon as it is done; a run that was interrupted goes on from there. The
    folder is removed when the annotation file is complete; if clips failed it stays, and another run tries them again.
    Such a run may be given more clips, but not fewer; a video that has changed since is extracted again.

    Args:
        clips: The videos.
        output: The annotation file.
        recipe: Backend and tracking.
        split: Name of the split that the clips form; empty: the bare list is written.
        devices: Devices, which the processes take in turn.
        workers: Processes.
        overwrite: Replace an annotation file that exists, and start anew.
        progress: Show a progress bar on stderr.

    Raises:
        FileExistsError: If ``output`` exists and ``overwrite`` is not set.
        FileNotFoundError, KeyError: As :func:`check_backend`.
        ValueError: If an interrupted run had another recipe, split or clips, or no clip could be extracted.
    """
    from tqdm import tqdm

    check_backend(recipe.backend, recipe.backend_options)
    parts = _prepare_parts(output, recipe.fingerprint(split), overwrite)
    part_of = {clip.name: parts / _part_name(clip.name) for clip in clips}
    finished = _finished_parts(parts, {part_of[clip.name]: clip for clip in clips})
    waiting = [clip for clip in clips if part_of[clip.name] not in finished]
    failed: dict[str, str] = {}
    with tqdm(total=len(clips), initial=len(clips) - len(waiting), unit="video", disable=not progress) as bar:
        for clip, problem in _run(waiting, recipe, part_of, devices, workers):
            bar.update()
            if problem:
                failed[clip.name] = problem
    done = [clip.name for clip in clips if clip.name not in failed]
    if not done:
        raise ValueError(f"no video could be extracted: {next(iter(failed.values()))}")
    annotations = [load_annotations(part_of[name])[0] for name in done]
    labels = {clip.name: clip.label for clip in clips}
    for info in annotations:
        del info["source"]
        info["label"] = labels[info["frame_dir"]]
    save_annotations(output, annotations, {split: done} if split else None, overwrite=True)
    if not failed:
        shutil.rmtree(parts)
    return Outcome(done, len(clips) - len(waiting), failed)


def _part_name(name: str) -> str:
    """Return the name of a clip's part: another one for each clip, and without folders."""
    plain = name.replace("%", "%25").replace("/", "%2F")
    encoded = os.fsencode(plain)
    if len(encoded) > 200:  # more than a file system may take
        plain = hashlib.sha256(encoded).hexdigest() + "%"  # with which no other plain name ends
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


def _finished_parts(parts: Path, clip_of: dict[Path, Clip]) -> set[Path]:
    """Return the parts whose videos have not changed since; refuse those of clips that are not to be extracted now."""
    finished = set()
    for part in parts.glob("*.pkl"):
        (info,) = load_annotations(part)
        path, *state = info["source"]
        clip = clip_of.get(part)
        path_now, *state_now = _source(clip.path) if clip and clip.path.exists() else [None]
        if state_now == state:  # also of a video that was moved
            finished.add(part)
        elif path_now != path:
            raise ValueError(
                f"{parts}: an interrupted run extracted {info['frame_dir']} from {path}, which is not among the videos "
                "now; give its videos too to go on, choose another output, or pass --overwrite to start anew"
            )
    return finished


def _run(
    clips: list[Clip], recipe: Recipe, part_of: dict[str, Path], devices: tuple[str, ...], workers: int
) -> Iterator[tuple[Clip, str]]:
    if not clips:
        return
    context = get_context("spawn")
    workers = min(workers, len(clips))
    threads = max(1, (os.cpu_count() or 1) // workers)
    start = (recipe, devices, context.Value("i", 0), threads)
    if workers == 1:
        _start_worker(*start)
        for clip in clips:
            yield clip, _work(clip, recipe, part_of[clip.name])
        return
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=start) as pool:
        futures = {pool.submit(_work, clip, recipe, part_of[clip.name]): clip for clip in clips}
        for future in as_completed(futures):
            yield futures[future], future.result()
