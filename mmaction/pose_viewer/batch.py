"""Check the skeletons of a file, on their videos or on black: a contact sheet of each, an index, the worst first."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mmaction.io.annotations import read_annotation_file, split_names
from mmaction.io.suffixes import is_video
from mmaction.io.video import open_video
from mmaction.io.video.folders import walk_videos
from mmaction.pose_viewer.checks import FRAME_CHECKS, Report
from mmaction.pose_viewer.no_video import read_clip
from mmaction.pose_viewer.settings import Settings
from mmaction.pose_viewer.viewer import Classes, chosen_layout, draw_clip, read_classes
from mmaction.skeletons import Layout
from mmaction.structures.sample_name import sample_name
from mmaction.utils.config import dataset_config, inner_datasets, load_config
from mmaction.utils.files import claim, write_json
from mmaction.utils.workers import in_parallel
from mmaction.visualization.pages import render_page
from mmaction.visualization.poses import load_annotation_list

SHEETS = "sheets"
INDEX = "index.html"
TEMPLATE = Path(__file__).with_name("batch.html")


@dataclass(frozen=True)
class BatchInput:
    """Folder of the videos, None without, skeleton file, and the annotations that count, None: all there are."""

    videos: Path | None
    annotation: Path
    names: frozenset[str] | None = None


def resolve_source(settings: Settings) -> BatchInput:
    """Find videos and annotations from the settings, a data set config filling what they leave open."""
    videos, annotation = settings.video, settings.annotation
    names: frozenset[str] | None = None
    if settings.dataset:
        dataset = _dataset_of(settings.dataset)
        annotation = annotation or os.path.join(dataset.get("data_root") or "", dataset["ann_file"])
        prefix = dataset.get("data_prefix") or {}
        if not videos and prefix.get("video"):
            videos = os.path.join(dataset.get("data_root") or "", prefix["video"])
        names = _split_names(annotation, dataset.get("split"))
    if not annotation:
        raise ValueError("annotation: the batch mode needs a skeleton file; annotation is not set")
    if videos and not Path(videos).is_dir():
        raise FileNotFoundError(f"video: no such folder: {videos}")
    return BatchInput(Path(videos) if videos else None, Path(annotation), names)


def _dataset_of(config: str) -> Mapping:
    """The data set that a config tests on, without its wrappers."""
    cfg, _ = load_config(config)
    found = list(inner_datasets(dataset_config(cfg, ["test", "val", "train"], inner=False)))
    if len(found) > 1:
        raise ValueError(f"dataset: {config} joins {len(found)} data sets; give video and annotation of one instead")
    if not found or "ann_file" not in found[0]:
        raise ValueError(f"dataset: {config} names no data set with an ann_file")
    return found[0]


def _split_names(annotation: str, split: str | None) -> frozenset[str] | None:
    if not split:
        return None
    return frozenset(split_names(annotation, read_annotation_file(annotation)[1], split))


def check_batch(settings: Settings, progress: bool = True) -> list[Report]:
    """Draw a contact sheet of every annotation and write the index; return reports, worst first.

    With a folder of videos, annotations without a video are left out.
    """
    from tqdm import tqdm

    source, output = resolve_source(settings), Path(settings.output)
    report = Path(settings.report) if settings.report else output / "report.json"
    layout = chosen_layout(settings)
    inputs: list[str | Path] = [*filter(None, (source.videos, source.annotation)), *settings.inputs]
    claim(output, settings.overwrite, inputs, is_folder=True)
    claim(report, settings.overwrite, inputs)
    if settings.problem_frames:
        claim(Path(settings.problem_frames), settings.overwrite, inputs, is_folder=True)
    jobs = list(_jobs(settings, source, read_classes(settings), layout))
    if not jobs and source.videos is None:
        raise ValueError(f"{source.annotation}: the split of {settings.dataset} holds no annotation")
    if not jobs:
        raise ValueError(
            f"{source.videos}: none of its videos has an annotation in {source.annotation}; an annotation is called "
            "like the video's path in that folder, without suffix, or like a file name that occurs once"
        )
    workers = min(settings.workers or os.cpu_count() or 1, len(jobs))
    drawn = in_parallel(_draw, jobs, workers=workers, processes=True)
    done = [
        (report, job.settings.output) for job, report in tqdm(drawn, total=len(jobs), unit="clip", disable=not progress)
    ]
    done.sort(key=lambda pair: (pair[0].quality, pair[0].annotation))
    reports = [report for report, _ in done]
    sheets = [Path(sheet).relative_to(output) for _, sheet in done]
    output.mkdir(parents=True, exist_ok=True)
    (output / INDEX).write_text(_index(reports, sheets, source.videos or source.annotation), encoding="utf-8")
    write_json(report, [r.as_dict() for r in reports])
    return reports


@dataclass(frozen=True)
class _Job:
    video: Path | None
    entry: Mapping
    annotation: Path
    settings: Settings
    classes: Classes
    layout: str | Layout


def _jobs(settings: Settings, source: BatchInput, classes: Classes, layout: str | Layout) -> Iterator[_Job]:
    entries = load_annotation_list(source.annotation)
    pairs = [(None, entry) for entry in entries] if source.videos is None else pair_videos(source.videos, entries)
    for number, (video, entry) in enumerate(pairs):
        name = sample_name(entry)
        if source.names is None or name in source.names:
            # a name may be any text; the number tells two that look alike apart
            place = Path(f"{number:05d}_{re.sub(r'[^A-Za-z0-9_.-]+', '_', name)[:80]}")
            if video is not None and source.videos is not None:
                place = video.relative_to(source.videos)
            sheet = Path(settings.output, SHEETS, place.with_name(f"{place.name}.jpg"))
            changes: dict[str, Any] = dict(output=str(sheet), kind="sheet", overwrite=True, report="")
            if settings.problem_frames:
                changes["problem_frames"] = str(Path(settings.problem_frames) / place)
            yield _Job(video, entry, source.annotation, replace(settings, **changes), classes, layout)


def pair_videos(folder: Path, annotations: list[dict]) -> Iterator[tuple[Path, dict]]:
    """Yield the videos below ``folder`` that have an annotation, and it.

    An annotation belongs to the video whose path below ``folder``, without suffix, is its name. Where there is none,
    the file name is enough, if no other video and no other annotation has it.
    """
    by_name = {_without_suffix(sample_name(entry)): entry for entry in annotations}
    by_file: dict[str, set[str]] = defaultdict(set)
    for name in by_name:
        by_file[Path(name).name].add(name)
        by_file[Path(name).stem].add(name)
    videos, _ = walk_videos(folder)
    counts = Counter(video.stem for video in videos)
    for video in videos:
        name, names = video.relative_to(folder).with_suffix("").as_posix(), by_file[video.stem]
        if name not in by_name and counts[video.stem] == len(names) == 1:
            (name,) = names
        if name in by_name:
            yield video, by_name[name]


def _without_suffix(name: str) -> str:
    return str(Path(name).with_suffix("")) if is_video(name) else name


def _draw(job: _Job) -> Report:
    report = Report(str(job.video or "black"), sample_name(job.entry), 0)
    try:
        video = open_video(job.video, num_threads=0) if job.video else None
        reader, poses = read_clip(video, job.entry, job.layout, job.annotation)
        report.num_frames = poses.num_frames
        return draw_clip(reader, poses, job.settings, job.classes, progress=False)
    except (ValueError, OSError) as error:  # one damaged video or annotation must not end the batch
        report.clip_findings.append(str(error))
        return report


def _index(reports: list[Report], sheets: list[Path], source: Path) -> str:
    clips = [
        (report, quote(sheet.as_posix()), report.findings()) for report, sheet in zip(reports, sheets, strict=True)
    ]
    suspicious = sum(report.is_suspicious for report in reports)
    named = [(name, [len(report.frames.get(name, ())) for report in reports]) for name in FRAME_CHECKS]
    checks = [(n, FRAME_CHECKS[n], sum(map(bool, counts)), sum(counts)) for n, counts in named if any(counts)]
    sections = [("summary", "In short"), ("clips", "Clips")]
    values = {"clips": clips, "suspicious": suspicious, "checks": checks, "sections": sections}
    return render_page(TEMPLATE, f"Skeleton check of {source.name}", **values)
