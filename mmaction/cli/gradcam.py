"""Show where in a clip a model sees the evidence for a class (Grad-CAM), as contact sheets or videos.

INPUT is the number of a test sample, a video, or a folder of frames.

Examples:
  python tools/analysis/gradcam.py CONFIG CHECKPOINT dive.mp4
  python tools/analysis/gradcam.py CONFIG CHECKPOINT 0 17 230 --as mp4 --target label
"""

import argparse
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mmaction.apis.clips import as_clip, fit_pipeline
from mmaction.apis.inference import build_pipeline, pipeline_config
from mmaction.cli.arguments import layout_chooser, model_parser, open_model
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.probes.gradcam import GradCAM, fewer_views, overlay
from mmaction.probes.predict import build_test_set
from mmaction.reports.pictures import file_stem, input_pictures, save_clips
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


def load_input(model: BaseRecognizer, word: str, dataset: Any) -> tuple[str, dict[str, Any]]:
    """Return the name of an input and what the pipeline packed."""
    if dataset is None or not word.isdigit():
        clip = as_clip(word, dataset_config(model.cfg))
        pipeline = build_pipeline(fit_pipeline(pipeline_config(model.cfg), clip.kind))
        return file_stem(clip.name), pipeline(dict(clip.sample))
    if int(word) >= len(dataset):
        raise ValueError(f"there is no test sample {word}; the test set has {len(dataset)}")
    info = dataset.get_data_info(int(word))
    return f"{int(word):05d}_{file_stem(sample_name(info))}", dataset[int(word)]


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
        name, data = load_input(model, word, dataset)
        data = fewer_views(data, model, args.views)
        target = choose_target(args.target, data, getattr(model.cls_head, "num_classes", None))
        maps, scores = cam(data, target)
        best = int(scores.argmax())
        shown = best if target is None else target
        label = f"{shown} {model.classes[shown]}" if model.classes else f"class {shown}"
        title = f"{name}: evidence for {label} ({100 * scores[shown]:.0f} %)"
        pictures = input_pictures(data["inputs"], data["data_samples"].get("img_shape"), layout_of)
        path = Path(args.out) / f"{name}_class{shown}.{args.suffix}"
        save_clips(path, overlay(pictures, maps), title)
        tqdm.write(f"{title}; predicted {best}: {path}")
    return 0
