"""Look at a data set as the model sees it: samples after the whole pipeline, as contact sheets or videos.

Shows frames, optical flow, heatmaps (a color for each channel) or joints, with the augmentation of the split.

Examples:
  python tools/analysis/browse_dataset.py CONFIG --split train --num 12
  python tools/analysis/browse_dataset.py CONFIG --split train --indices 3 --repeat 5 --as mp4
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from tqdm import tqdm

from mmaction.cli.arguments import layout_chooser, read_config
from mmaction.probes.predict import choose_samples
from mmaction.registry import DATASETS
from mmaction.reports.pictures import file_stem, input_pictures, save_clips
from mmaction.structures.sample_name import sample_name
from mmaction.utils import register_all_modules
from mmaction.utils.arguments import add_layout_option
from mmaction.utils.cli import add_config_options, config_parser

FORMATS = ("png", "jpg", "mp4", "gif")


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = config_parser(__doc__)
    parser.add_argument("--split", choices=("train", "val", "test"), default="train")
    parser.add_argument("--num", type=int, default=12, help="samples, evenly spread; 0: all (default: 12)")
    parser.add_argument("--indices", type=int, nargs="+", help="these samples")
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="draw each sample N times (default: 1)")
    parser.add_argument("--as", dest="suffix", choices=FORMATS, default="png", help="sheet (png, jpg) or video")
    parser.add_argument("--columns", type=int, default=8, help="frames of a clip in a sheet (default: 8)")
    parser.add_argument("--out", default="work_dirs/browse", help="folder of the pictures (default: work_dirs/browse)")
    add_layout_option(parser)
    add_config_options(parser)
    args = parser.parse_args(argv)
    if args.repeat < 1 or args.columns < 1:
        parser.error("--repeat and --columns: whole numbers from 1 on")
    return args


def split_dataset(cfg: Config, split: str) -> Any:
    """Return the data set of a split."""
    config = (cfg.get(f"{split}_dataloader") or {}).get("dataset")
    if config is None:
        raise ValueError(f"config {cfg.filename} has no {split}_dataloader.dataset")
    return DATASETS.build(config)


def title_of(info: dict, index: int, classes: list[str] | None) -> tuple[str, str]:
    """Return a title and a part of a file name for a sample."""
    name = sample_name(info, index)
    labels = np.atleast_1d(np.asarray(info.get("label", ())))
    shown = " ".join(f"{int(c)} {classes[int(c)]}" if classes and labels.size == 1 else str(int(c)) for c in labels)
    return f"{Path(name).name}: {shown}", file_stem(name)


def main(argv: list[str] | None = None) -> int:
    """Write the pictures and say where they are; return 0."""
    args = parse_args(argv)
    register_all_modules()
    cfg = read_config(args)
    dataset = split_dataset(cfg, args.split)
    wrong = [index for index in args.indices or () if not 0 <= index < len(dataset)]
    if wrong:
        raise ValueError(f"--indices: {wrong[0]} is outside the {len(dataset)} samples (0 to {len(dataset) - 1})")
    indices = args.indices or choose_samples(len(dataset), args.num)
    classes = (getattr(dataset, "metainfo", None) or {}).get("classes")
    layout_of = layout_chooser(args.layout, cfg)
    out = Path(args.out)
    for index, time in tqdm([(index, time) for index in indices for time in range(args.repeat)], unit="clip"):
        packed = dataset[index]
        packed = packed[0] if isinstance(packed, list) else packed  # one of several repetitions
        title, stem = title_of(dataset.get_data_info(index), index, classes)
        pictures = input_pictures(packed["inputs"], packed["data_samples"].get("img_shape"), layout_of)
        end = f"_{time}" if args.repeat > 1 else ""
        save_clips(out / f"{args.split}_{index:05d}_{stem}{end}.{args.suffix}", pictures, title, args.columns)
    print(f"{len(indices) * args.repeat} pictures of {len(dataset)} samples: {out}")
    return 0
