"""Export a trained model as one file that runs without PyTorch (ONNX), or as a program of torch.export.

Examples:
  python tools/export.py best.pth --to onnx              # writes best.onnx; a checkpoint carries its config
  python tools/export.py CONFIG CHECKPOINT --to torch --out best.pt2
  python tools/infer.py best.onnx dive.mp4
  python tools/test.py CONFIG best.onnx

The file holds preprocessing (normalization of uint8 frames, heatmaps of joints), network and scores, merged over the
views of a clip as in a test, for any number of clips at once. Its metadata hold class names, test pipeline and the
hashes of config and checkpoint. A file is kept only if its scores equal PyTorch's on made-up clips.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from mmaction.cli.arguments import model_parser, read_config
from mmaction.io.suffixes import EXPORT_TARGETS, is_checkpoint
from mmaction.utils.files import claim


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = model_parser(__doc__, "optional", with_device=False)
    parser.add_argument("--to", choices=tuple(EXPORT_TARGETS), default="onnx", help="kind of file (default: onnx)")
    parser.add_argument("--out", metavar="FILE", help="file to write (default: as the checkpoint, with .onnx or .pt2)")
    parser.add_argument("--opset", type=int, metavar="N", help="version of ONNX's operations (default: torch's choice)")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="runs to be timed; 0: none (default: 5)")
    parser.add_argument("--overwrite", action="store_true", help="replace the file that --out names")
    args = parser.parse_args(argv)
    if args.checkpoint is None and not is_checkpoint(args.config):
        parser.error(f"{args.config}: name a checkpoint, alone or after its config")
    if args.checkpoint is None and args.cfg_options:
        parser.error("--cfg-options changes a config; pass the config before the checkpoint")
    weights, suffix = str(args.checkpoint or args.config), EXPORT_TARGETS[args.to]
    beside = Path(weights).name if "://" in weights else weights
    args.out = Path(args.out or Path(beside).with_suffix(suffix))
    if args.out.suffix.lower() != suffix:
        parser.error(f"--out {args.out}: expected a file named *{suffix} for --to {args.to}")
    return args


def main(argv: list[str] | None = None) -> int:
    """Export and print what was proved; return 0."""
    args = parse_args(argv)
    claim(args.out, args.overwrite, [path for path in (args.config, args.checkpoint) if path])
    from mmaction.apis.export import EXAMPLES, LIMIT, check_target, export_model

    check_target(args.to, args.opset)
    config: Any = args.config
    if args.checkpoint is not None:
        config = read_config(args, sys.stderr)
    done = export_model(config, args.checkpoint, args.out, args.to, args.opset, args.runs, args.trust_checkpoint)
    facts = done.facts
    taken = ", ".join(
        f"{part['name']} ({', '.join(map(str, part['shape']))}) {part['dtype']}" for part in facts["inputs"]
    )
    kind = f"ONNX, opset {facts['opset']}" if args.to == "onnx" else "torch.export"
    print(f"{done.path}: {done.path.stat().st_size / 1e6:.1f} MB, {kind}")
    print(f"  from {taken} to scores of {facts['num_classes']} classes: {facts['scores']}")
    print(
        f"  scores within {done.difference:.1e} of PyTorch's, as a share of the greatest (allowed: {LIMIT:g}), "
        f"on {EXAMPLES} made-up clips, one and all at once, whose scores lie {done.spread:.1e} apart"
    )
    if done.spread < 10 * LIMIT:
        print("  the network hardly tells these clips apart: compare scores of your own clips too", file=sys.stderr)
    if done.times:
        times = ", ".join(f"{name} {1000 * t:.0f} ms ({1000 * cpu:.0f})" for name, (t, cpu) in done.times.items())
        print(f"  one clip: {times}; least of {args.runs} runs in turns, in brackets the processor's time")
    return 0
