"""Measure which joints a skeleton model looks at: each is hidden in turn, and what is lost is its importance.

Works for PoseC3D (joints and limbs) and for graph networks alike.

Example:
  python tools/analysis/joint_importance.py CONFIG CHECKPOINT --num 200
"""

import argparse
from pathlib import Path

from mmaction.cli.arguments import add_sample_options, find_layout, model_parser, open_model
from mmaction.probes.predict import build_test_set, choose_samples
from mmaction.probes.robustness import joint_importance, plot_importance
from mmaction.reports.curves import save_figure
from mmaction.utils.arguments import add_layout_option
from mmaction.utils.files import write_json


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = model_parser(__doc__)
    add_sample_options(parser, num=200)
    add_layout_option(parser)
    parser.add_argument("--out", default="work_dirs/joint_importance", help="folder of importance.json and .png")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Measure, print, plot; return 0."""
    args = parse_args(argv)
    model = open_model(args)
    dataset = build_test_set(model.cfg)
    layout = find_layout(args.layout, dataset, model.cfg)
    indices = choose_samples(len(dataset), args.num)
    found = joint_importance(model, layout, indices, args.batch_size, args.workers)
    out = Path(args.out)
    write_json(out / "importance.json", found)
    save_figure(plot_importance(found, layout), out / "importance.png")
    print(
        f"{found['samples']} samples, top-1 {100 * found['top1']:.1f} %; fall of the true class's probability without"
    )
    for row in sorted(found["joints"], key=lambda row: -row["drop"]):
        print(f"  {row['joint']:16s} {100 * row['drop']:+6.2f} points, top-1 {0 - 100 * row['top1_drop']:+6.2f}")
    print(f"written to {out}: importance.json, importance.png")
    return 0
