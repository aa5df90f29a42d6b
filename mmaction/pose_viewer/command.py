"""Draw skeletons on their video, or on black without one, and check them.

Paths and options come from config.ini beside pose_visualizer.py; every entry can be given on the command line, which
has the last word. A folder as --video, a data set config as --dataset, or neither a video nor a --clip makes a contact
sheet of each clip and an HTML index.
Exit codes: 0 clean, 3 something looks suspicious, 2 wrong input, 130 stopped by Ctrl-C.
"""

import argparse
from pathlib import Path

from mmaction.io.video import open_video
from mmaction.pose_viewer.batch import INDEX, check_batch
from mmaction.pose_viewer.checks import check_clip
from mmaction.pose_viewer.heatmap_view import heatmap_panel
from mmaction.pose_viewer.no_video import read_clip
from mmaction.pose_viewer.settings import (
    Settings,
    add_arguments,
    given_options,
    merge_settings,
    naming_entries,
    read_config,
)
from mmaction.pose_viewer.viewer import (
    chosen_layout,
    draw_clip,
    make_overlay,
    read_classes,
    show_window,
)
from mmaction.utils.files import claim, write_json
from mmaction.visualization.poses import find_annotation, load_annotation_list

SUSPICIOUS = 3


def main(default_config: Path, argv: list[str] | None = None) -> int:
    """Read the settings, by default from ``default_config``, and draw; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--config", type=Path, help="file of settings (default: config.ini beside this program)")
    parser.add_argument("--no-config", action="store_true", help="use the command line alone")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no report on the screen")
    add_arguments(parser)
    args = parser.parse_args(argv)
    path = args.config or default_config
    file_values = {} if args.no_config else read_config(path)
    with naming_entries(path, {name: file_values[name] for name in file_values.keys() - given_options(args).keys()}):
        return visualize(merge_settings(file_values, args), args.quiet)


def visualize(settings: Settings, quiet: bool = False) -> int:
    """Do what the settings say; return 0 if everything is clean, 3 if something is suspicious."""
    is_batch = settings.dataset or Path(settings.video or "-").is_dir() or not (settings.video or settings.clip)
    if is_batch and settings.window and (settings.dataset or settings.annotation):
        raise ValueError("window: it shows one clip; name its --video or --clip, or leave --window out")
    needed = ([] if settings.dataset else ["annotation"]) + ([] if settings.window else ["output"])
    for name in needed:
        if not getattr(settings, name):
            raise ValueError(f"{name}: not set; write it into [paths] of the configuration file or pass --{name}")
    return _batch(settings, quiet) if is_batch else _clip(settings, quiet)


def _batch(settings: Settings, quiet: bool) -> int:
    reports = check_batch(settings, not quiet)
    suspicious = sum(report.is_suspicious for report in reports)
    if not quiet:
        print(f"{len(reports)} clips, {suspicious} suspicious: {Path(settings.output) / INDEX}")
    return SUSPICIOUS if suspicious else 0


def _clip(settings: Settings, quiet: bool) -> int:
    video = open_video(settings.video, num_threads=0) if settings.video else None
    annotations = load_annotation_list(settings.annotation)
    entry = find_annotation(annotations, settings.clip, Path(video.name if video else ""), settings.annotation)
    reader, poses = read_clip(video, entry, chosen_layout(settings), settings.annotation)
    classes = read_classes(settings)
    panel = heatmap_panel(settings.heatmap, entry, poses) if settings.heatmap else None
    if settings.window:
        if settings.report:
            claim(Path(settings.report), settings.overwrite, settings.inputs)
        shown = poses.rescaled(*reader.info.shape) if settings.rescale else poses
        report = check_clip(shown, reader.info, settings.limits, settings.rescale)
        show_window(reader, make_overlay(shown, settings, report, classes, panel, reader.info.shape), settings)
    else:
        report = draw_clip(reader, poses, settings, classes, panel, progress=not quiet)
    if settings.report:
        write_json(settings.report, report.as_dict())
    if not quiet:
        print("\n".join(report.lines() + ([] if settings.window else [f"written: {settings.output}"])))
    return SUSPICIOUS if report.is_suspicious else 0
