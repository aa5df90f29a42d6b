"""Show where in a clip a model sees the evidence for a class (Grad-CAM), as contact sheets or videos.

INPUT is the number of a test sample, a video, or a folder of frames. Videos are shown whole, with a thin frame around
what the model was given; of skeletons the evidence at each joint is shown over time, for heatmap and graph networks.

Examples:
  python tools/analysis/gradcam.py CONFIG CHECKPOINT dive.mp4
  python tools/analysis/gradcam.py CONFIG CHECKPOINT 0 17 230 --as mp4 --target label
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mmaction.apis.clips import Clip, as_clip, build_pipeline, fit_pipeline, pipeline_config
from mmaction.cli.arguments import layout_chooser, model_parser, open_model
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.probes.gradcam import GradCAM, fewer_views, overlay
from mmaction.probes.predict import build_test_set, choose_samples
from mmaction.reports.curves import save_figure
from mmaction.reports.evidence import (
    channel_names,
    color_bar,
    evidence_figure,
    evidence_on_frames,
    evidence_on_skeletons,
    graph_joints,
    joint_evidence,
)
from mmaction.reports.pictures import file_stem, input_pictures, save_clips
from mmaction.skeletons import Layout
from mmaction.structures.sample_name import sample_name
from mmaction.utils.arguments import add_layout_option
from mmaction.utils.config import dataset_config

FORMATS = ("png", "jpg", "mp4", "gif")


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = model_parser(__doc__)
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="number of a test sample, video or folder of frames")
    parser.add_argument("--target", default="predicted", help="class index, 'label' or 'predicted' (the default)")
    parser.add_argument("--layer", help="layer of the network (default: the last stage)")
    parser.add_argument("--views", type=int, default=3, help="clips of each input, which all need memory (default: 3)")
    parser.add_argument("--as", dest="suffix", choices=FORMATS, default="png", help="sheet (png, jpg) or video")
    parser.add_argument(
        "--out", default="work_dirs/gradcam", help="folder of the pictures (default: work_dirs/gradcam)"
    )
    add_layout_option(parser)
    args = parser.parse_args(argv)
    if args.target not in ("label", "predicted") and not args.target.isdigit():
        parser.error(f"--target {args.target}: expected a class index, 'label' or 'predicted'")
    if args.views < 1:
        parser.error(f"--views {args.views}: expected at least 1")
    return args


def load_input(model: BaseRecognizer, word: str, dataset: Any) -> tuple[str, dict[str, Any], Clip]:
    """Return the name of an input, what the pipeline packed, and what it read."""
    if dataset is None or not word.isdigit():
        clip = as_clip(word, dataset_config(model.cfg))
        pipeline = build_pipeline(fit_pipeline(pipeline_config(model.cfg), clip.kind))
        return file_stem(clip.name), pipeline(dict(clip.sample)), clip
    if int(word) >= len(dataset):
        raise ValueError(f"there is no test sample {word}; the test set has {len(dataset)}")
    info = dataset.get_data_info(int(word))
    kind = "skeleton" if "keypoint" in info else "frames" if info.get("frame_dir") else "video"
    clip = Clip(sample_name(info), kind, {**info, "test_mode": True})
    return f"{int(word):05d}_{file_stem(sample_name(info))}", dataset[int(word)], clip


def choose_target(word: str, data: dict[str, Any], num_classes: int | None) -> int | None:
    """Return the class whose evidence is shown; None: the predicted one."""
    if word == "predicted":
        return None
    if word == "label":
        label = data["data_samples"].get("gt_label")
        if label is None or len(label) != 1:
            raise ValueError("--target label: the input has no single label; give a class index or 'predicted'")
        return int(label)
    if num_classes is not None and int(word) >= num_classes:
        raise ValueError(f"--target {word}: the model has the classes 0 to {num_classes - 1}")
    return int(word)


def main(argv: list[str] | None = None) -> int:
    """Write a picture for each input; return 0."""
    args = parse_args(argv)
    model = open_model(args)
    cam = GradCAM(model, args.layer)
    layout_of = layout_chooser(args.layout, model.cfg)
    dataset = build_test_set(model.cfg) if any(word.isdigit() for word in args.inputs) else None
    for word in tqdm(args.inputs, unit="clip"):
        name, packed, clip = load_input(model, word, dataset)
        data = fewer_views(packed, model, args.views)
        target = choose_target(args.target, data, getattr(model.cls_head, "num_classes", None))
        maps, scores = cam(data, target)
        best = int(scores.argmax())
        shown = best if target is None else target
        label = f"{shown} {model.classes[shown]}" if model.classes else f"class {shown}"
        title = f"{name}: evidence for {label} ({100 * scores[shown]:.0f} %)"
        path = Path(args.out) / f"{name}_class{shown}.{args.suffix}"
        views = choose_samples(len(packed["inputs"]), args.views) if model.sample_layout[0] == "clips" else None
        draw(path, title, model, clip, data, maps, views, layout_of)
        tqdm.write(f"{title}; predicted {best}: {path}")
    return 0


def draw(
    path: Path,
    title: str,
    model: BaseRecognizer,
    clip: Clip,
    data: dict[str, Any],
    maps: np.ndarray,
    views: list[int] | None,
    layout_of: Callable[[int], Layout],
) -> None:
    """Write the maps of some ``views`` of a clip: on its joints over time, on its whole frames, or on the input."""
    inputs, img_shape = data["inputs"], data["data_samples"].get("img_shape")
    if clip.kind == "skeleton":
        steps = pipeline_config(model.cfg)
        if model.sample_layout[-1] == "C":
            names, layout = channel_names(maps.shape[3], layout_of, limbs=False)
            joints, seen = graph_joints(clip, steps, views)
            evidence = np.where(seen, maps, np.nan)
        else:
            is_heatmap = inputs.shape[-1] > 3
            drawn = [*steps, model.cfg.model.get("data_preprocessor") or {}]
            limbs = is_heatmap and any(step.get("with_limb") for step in drawn)
            names, layout = channel_names(inputs.shape[1 if is_heatmap else 3], layout_of, limbs)
            joints, evidence = joint_evidence(inputs, maps, img_shape)
        pictures = evidence_on_skeletons(joints, evidence, layout)
        if path.suffix in (".png", ".jpg"):
            save_figure(evidence_figure(pictures, evidence, names, title), path)
        else:
            save_clips(path, pictures, title, legend=color_bar)
        return
    try:
        pictures = evidence_on_frames(clip, pipeline_config(model.cfg), maps, views)
    except ValueError as error:
        tqdm.write(f"{clip.name}: the picture shows the input of the model instead of whole frames: {error}")
        pictures = overlay(input_pictures(inputs, img_shape, layout_of), maps)
    save_clips(path, pictures, title, legend=color_bar)
