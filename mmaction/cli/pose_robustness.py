"""Test skeleton models under damaged skeletons and draw accuracy over severity.

Damage: missing_frames, missing_joints, jitter, swapped_sides; each at levels from 0 (clean) on.

Examples:
  python tools/analysis/pose_robustness.py CONFIG CHECKPOINT
  python tools/analysis/pose_robustness.py CONFIG CHECKPOINT --levels jitter=0,0.02,0.1 missing_frames=0,0.5 --num 500
  python tools/analysis/pose_robustness.py CONFIG_B CHECKPOINT_B --against work_dirs/robustness/robustness.json
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmaction.cli.arguments import add_sample_options, find_layout, model_parser, open_model
from mmaction.probes.perturb import KINDS, LEVELS
from mmaction.probes.predict import build_test_set, choose_samples
from mmaction.probes.robustness import plot_robustness, robustness
from mmaction.reports.curves import save_figure
from mmaction.utils.arguments import add_layout_option
from mmaction.utils.cli import suggest
from mmaction.utils.files import read_json, refuse_inputs, write_json


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = model_parser(__doc__)
    add_sample_options(parser, num=0)
    parser.add_argument("--levels", nargs="+", metavar="KIND=A,B,...", help="kinds of damage and their levels (0 to 1)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the damage (default: 0)")
    add_layout_option(parser)
    parser.add_argument("--name", help="what the model is called in the plot (default: the config's name)")
    parser.add_argument("--against", nargs="+", default=(), metavar="FILE.json", help="earlier results to draw as well")
    parser.add_argument("--out", default="work_dirs/robustness", help="folder of robustness.json and robustness.png")
    return parser.parse_args(argv)


def parse_levels(words: list[str] | None) -> dict[str, tuple[float, ...]]:
    """Return levels by kind of damage."""
    levels: dict[str, tuple[float, ...]] = {}
    for word in words or ():
        kind, _, values = word.partition("=")
        if kind not in KINDS:
            raise ValueError(f"--levels: unknown damage {kind!r}{suggest(kind, KINDS)}; known: {', '.join(KINDS)}")
        try:
            levels[kind] = tuple(float(value) for value in values.split(",")) if values else LEVELS[kind]
        except ValueError:
            raise ValueError(f"--levels {word}: expected numbers between commas, as {kind}=0,0.1,0.5") from None
        if not all(0 <= level <= 1 for level in levels[kind]):
            raise ValueError(f"--levels {word}: levels lie in [0, 1]")
    return levels or {kind: tuple(values) for kind, values in LEVELS.items()}


def read_earlier(paths: Sequence[str], levels: dict[str, tuple[float, ...]]) -> dict[str, dict]:
    """Return earlier results by the name of the model."""
    results: dict[str, dict] = {}
    for path in paths:
        try:
            found = read_json(path)
            missing = [kind for result in found.values() for kind in levels if kind not in result["curves"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"--against {path}: no robustness.json of this tool ({error!r})") from error
        if missing:
            raise ValueError(f"--against {path}: it has no {missing[0]}; choose the same kinds of damage with --levels")
        results |= found
    return results


def main(argv: list[str] | None = None) -> int:
    """Measure, print, plot; return 0."""
    args = parse_args(argv)
    levels = parse_levels(args.levels)
    earlier = read_earlier(args.against, levels)
    out = Path(args.out)
    refuse_inputs(out / "robustness.json", args.against)
    model = open_model(args)
    dataset = build_test_set(model.cfg)
    layout = find_layout(args.layout, dataset, model.cfg)
    indices = choose_samples(len(dataset), args.num)
    found = robustness(model, layout, indices, levels, args.seed, args.batch_size, args.workers)
    name = args.name or Path(args.config).stem
    write_json(out / "robustness.json", {name: found})
    results = {name: found}
    results |= earlier
    save_figure(plot_robustness(results), out / "robustness.png")
    print(f"{name}, {found['samples']} samples")
    for kind, rows in found["curves"].items():
        print(f"  {kind:15s} " + "  ".join(f"{row['level']:g}: {100 * row['top1']:.1f} %" for row in rows))
    print(f"written to {out}: robustness.json, robustness.png")
    return 0
