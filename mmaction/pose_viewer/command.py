"""What ``pose_visualizer.py`` does with its settings: one clip, a batch or a window."""

from pathlib import Path

from mmaction.io.video.writers import VideoReader
from mmaction.pose_viewer.batch import INDEX, run_batch
from mmaction.pose_viewer.checks import check_clip
from mmaction.pose_viewer.heatmap_view import heatmap_panel
from mmaction.pose_viewer.settings import Settings
from mmaction.pose_viewer.viewer import draw_clip, make_overlay, read_classes, show_window, write_report
from mmaction.utils.files import claim
from mmaction.visualization.poses import clip_poses, find_annotation, load_annotation_list

SUSPICIOUS = 3


def visualize(settings: Settings, quiet: bool = False) -> int:
    """Do what the settings say.

    Args:
        settings: Paths and options.
        quiet: Print nothing and show no progress bar.

    Returns:
        0 if everything is clean, 3 if something is suspicious.

    Raises:
        ValueError: If a needed setting is not set.
    """
    needed = ["video", "annotation"] + ([] if settings.window else ["output"])
    if settings.dataset or Path(settings.video or "-").is_dir():
        needed = ["output"]
    for name in needed:
        if not getattr(settings, name):
            raise ValueError(f"{name}: not set; write it into [paths] of the configuration file or pass --{name}")
    if needed == ["output"]:
        return _batch(settings, quiet)
    return _clip(settings, quiet)


def _batch(settings: Settings, quiet: bool) -> int:
    reports = run_batch(settings, not quiet)
    suspicious = sum(report.is_suspicious for report in reports)
    if not quiet:
        print(f"{len(reports)} clips, {suspicious} suspicious: {Path(settings.output) / INDEX}")
    return SUSPICIOUS if suspicious else 0


def _clip(settings: Settings, quiet: bool) -> int:
    reader = VideoReader(settings.video)
    annotations = load_annotation_list(settings.annotation)
    entry = find_annotation(annotations, settings.clip, reader.path, settings.annotation)
    poses, classes = clip_poses(entry, settings.layout, settings.annotation), read_classes(settings)
    panel = None
    if settings.heatmap:
        panel = heatmap_panel(settings.heatmap, entry, poses)
    if settings.window:
        if settings.report:
            claim(Path(settings.report), settings.overwrite, settings.inputs)
        shown = poses.rescaled(reader.info.height, reader.info.width) if settings.rescale else poses
        report = check_clip(shown, reader.info, settings.limits, settings.rescale)
        show_window(reader, make_overlay(shown, settings, report, classes, panel), settings)
    else:
        report = draw_clip(reader, poses, settings, classes, panel, progress=not quiet)
    if settings.report:
        write_report(Path(settings.report), report.as_dict())
    if not quiet:
        print("\n".join(report.lines() + ([] if settings.window else [f"written: {settings.output}"])))
    return SUSPICIOUS if report.is_suspicious else 0
