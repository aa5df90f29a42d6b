"""Count the parameters and operations of a model for one view of a clip, and the memory of a training step.

Published tables count a multiplication and an addition as one; so does the first figure here. The memory is worked out
from what the layers keep, in float32, for the batch of the config; the work space of the libraries comes on top.

Examples:
  python tools/analysis/get_flops.py configs/recognition/slowonly/slowonly_r50_8xb16-8x8x1-256e_kinetics400-rgb.py
  python tools/analysis/get_flops.py CONFIG --shape 3 32 224 224
"""

import argparse
import json
import sys

from mmaction.cli.arguments import model_parser, open_model
from mmaction.probes.flops import count, describe, input_shape, training_need


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = model_parser(__doc__, checkpoint="optional")
    parser.add_argument(
        "--shape",
        type=int,
        nargs="+",
        help="one view: C T H W, or T C H W for networks of single frames (default: from the test pipeline; "
        "of frames and skeletons together always)",
    )
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Count and print; return 0."""
    args = parse_args(argv)
    model = open_model(args).to("meta")  # counting needs shapes alone
    counts = count(model, args.shape or input_shape(model.cfg))
    try:
        batch, need = training_need(model.cfg, model)
        counts["training"] = {"batch_size": batch, "bytes": need}
    except ValueError as error:
        print(f"memory of a training step: unknown, as {error}", file=sys.stderr)
    print(json.dumps(counts, indent=1) if args.json else describe(counts))
    return 0
