"""Prove that a CUDA GPU computes what it should, in a few minutes: a line for each check, and all of it as JSON.

Each family of networks runs forward and backward in float32 against the CPU, in bfloat16 and float16, with channels
last, and compiled; further checks are for heatmaps, optimizers, several processes, shards, and a resumed training.

Examples:
  mmaction check --gpu
  python tools/gpu_check.py --families posec3d slowfast --out gpu.json
  python tools/gpu_check.py --dry-run --families stgcnpp
"""

import argparse
import sys

from mmaction.utils.cli import suggest
from mmaction.utils.files import write_json


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_device_options(parser)
    parser.add_argument("--out", default="gpu_check.json", metavar="FILE.json", help="default: gpu_check.json")
    return parser.parse_args(argv)


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that both programs for a GPU have."""
    parser.add_argument("--families", nargs="+", metavar="NAME", help="networks to run (default: all)")
    parser.add_argument("--device", default="cuda:0", help="default: cuda:0")
    parser.add_argument("--dry-run", action="store_true", help="run on the CPU: this tries the program, not a GPU")


def choose(args: argparse.Namespace) -> tuple[str, list[str]]:
    """Return device and families; ValueError for an unknown family or where there is no GPU."""
    import torch

    from mmaction.probes.made_up import FAMILIES
    from mmaction.utils import register_all_modules

    register_all_modules()
    unknown = [name for name in args.families or () if name not in FAMILIES]
    if unknown:
        close = suggest(unknown[0], FAMILIES)
        raise ValueError(f"--families: there is no {unknown[0]!r}{close}; the families are {', '.join(FAMILIES)}")
    if args.dry_run:
        print("dry run on the CPU: nothing below says anything about a GPU")
        return "cpu", list(args.families or FAMILIES)
    if not torch.cuda.is_available():
        raise ValueError(f"PyTorch {torch.__version__} finds no CUDA GPU here; --dry-run tries the program on the CPU")
    return args.device, list(args.families or FAMILIES)


def main(argv: list[str] | None = None) -> int:
    """Run the checks; return 0 if all that could run have passed, else 1."""
    args = parse_args(argv)
    name, families = choose(args)
    import torch

    from mmaction.probes.gpu_checks import run_checks

    outcomes = []
    for outcome in run_checks(torch.device(name), families):
        print(outcome, flush=True)
        outcomes.append(outcome.as_dict())
    failed = [outcome["name"] for outcome in outcomes if outcome["state"] == "failed"]
    skipped = sum(outcome["state"] == "skipped" for outcome in outcomes)
    write_json(args.out, {"device": name, "dry_run": args.dry_run, "checks": outcomes})
    print(f"{len(outcomes) - len(failed) - skipped} passed, {len(failed)} failed, {skipped} skipped; {args.out}")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0
