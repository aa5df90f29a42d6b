"""Write a config for your own data: it looks at the clips, chooses how to train, and says why.

Examples:
  python tools/new_config.py                                   # asks one question after the other
  python tools/new_config.py data/mine/videos --model slowfast-r50
  python tools/new_config.py data/mine/train.txt --val data/mine/val.txt --videos data/mine/videos --model tsm
  python tools/new_config.py data/mine/skeletons.pkl --model stgcn++-light --gpus 0 --layout data/mine/layout.json

DATA is a folder with a folder of videos for each class (the lists are written beside it), a list of clips, or a
skeleton pickle. The config is short: copy it and change its lines for the next experiment.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmaction.preparation.recipe import choose
from mmaction.preparation.recipe_config import leaf
from mmaction.preparation.recipe_data import read_data
from mmaction.preparation.recipe_nets import NETS
from mmaction.skeletons import AUTO
from mmaction.utils.cli import program
from mmaction.utils.files import claim, write_text

ANSWERS = 3  # times that a question is asked before the tool gives up


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, help="folder of videos, list of clips, or skeleton pickle")
    parser.add_argument("--val", type=Path, metavar="LIST", help="list of clips to validate on, where DATA is a list")
    parser.add_argument("--videos", type=Path, metavar="FOLDER", help="videos that a list names (default: beside it)")
    parser.add_argument("--layout", default=AUTO, help="of skeletons: a name, or a file that describes it")
    parser.add_argument("--model", choices=NETS, help="the network")
    parser.add_argument("--frames", type=int, help="frames of a clip (default: by the lengths of the clips)")
    parser.add_argument("--weights", help="file or address to start from, or none (default: published ones, if any)")
    parser.add_argument("--gpus", type=int, help="GPUs to train on; 0: the CPU (default: those that are here)")
    parser.add_argument("--batch-size", type=int, help="clips of a step on each device (default: chosen)")
    parser.add_argument("--out", type=Path, help="the config (default: MODEL_DATA.py in this folder)")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the config, and lists beside a folder of videos"
    )
    args = parser.parse_args(argv)
    for name in ("gpus", "batch_size"):
        value = getattr(args, name)
        if value is not None and value < (name == "batch_size"):
            parser.error(
                f"--{name.replace('_', '-')} {value}: expected a whole number from {int(name == 'batch_size')} on"
            )
    return args


def ask(question: str, default: Any, read: Callable[[str], Any], say: Callable[[str], Any] = print) -> Any:
    """Return what the user answers, read by ``read``, whose ValueError is shown before the question comes again."""
    for _ in range(ANSWERS):
        answer = input(f"{question} [{default}] " if default is not None else f"{question} ").strip()
        if not answer and default is not None:
            return default
        try:
            return read(answer)
        except (ValueError, KeyError) as error:
            say(f"  {error.args[0]}")
    raise ValueError(f"no usable answer to: {question}")


def known_model(answer: str) -> str:
    """Return a name of :data:`NETS`; ValueError for another."""
    if answer not in NETS:
        raise ValueError(f"known: {', '.join(NETS)}")
    return answer


def existing(answer: str) -> Path:
    """Return a path at which there is something; ValueError for another."""
    if not answer or not Path(answer).exists():
        raise ValueError(f"there is nothing at {answer or 'the empty path'}")
    return Path(answer)


def complete(args: argparse.Namespace) -> None:
    """Ask for what the options do not say, or take the defaults where nobody can answer."""
    asked = sys.stdin.isatty() and (args.data is None or args.model is None)
    if not asked:
        missing = [name for name, value in (("DATA", args.data), ("--model", args.model)) if value is None]
        if missing:
            raise ValueError(f"{' and '.join(missing)}: missing, and there is no terminal to ask on; see --help")
    if args.data is None:
        args.data = ask(
            "Where is the data: folder of class folders, list of clips, or skeleton pickle?", None, existing
        )
    if args.val is None and args.data.suffix == ".txt" and asked:
        args.val = ask("Which list holds the clips to validate on?", None, existing)
        args.videos = args.videos or ask("Where are the videos?", args.data.parent, existing)
    if args.model is None:
        kind = "skeleton" if args.data.suffix == ".pkl" else "video"
        fitting = [name for name, net in NETS.items() if net.kind == kind]
        args.model = ask(f"Which network: {', '.join(fitting)}?", fitting[0], known_model)
    if args.gpus is None:
        import torch

        args.gpus = torch.cuda.device_count()
        args.gpus = ask("How many GPUs (0: the CPU)?", args.gpus, int) if asked else args.gpus
    net = NETS[args.model]
    if asked and net.kind == "video":
        args.frames = args.frames or ask("How many frames of a clip (0: by their lengths)?", 0, int) or None
        args.weights = args.weights or ask("Weights to start from: file, address or none?", net.weights or "none", str)
    if args.out is None:
        stem = (args.data.parent if args.data.suffix else args.data.resolve().parent).name or args.data.stem
        args.out = Path(f"{args.model.replace('+', 'p')}_{stem}.py")
        args.out = ask("Where shall the config go?", args.out, Path) if asked else args.out


def main(argv: list[str] | None = None) -> int:
    """Ask, look, choose and write; return 0."""
    args = parse_args(argv)
    complete(args)
    if args.out.suffix != ".py":
        raise ValueError(f"--out {args.out}: expected a file named *.py")
    claim(args.out, args.overwrite, [args.data])
    data = read_data(args.data, args.val, args.videos, args.overwrite, args.layout)
    recipe = choose(args.model, data, args.frames, args.weights, args.gpus, args.batch_size)
    write_text(args.out, leaf(recipe))
    print(*(f"  {line}" for line in [*data.notes, *recipe.reasons]), sep="\n")
    more = " --launcher pytorch" if args.gpus > 1 else ""
    start = f"torchrun --nproc_per_node={args.gpus} tools/train.py" if more else program("train")
    print(f"wrote {args.out}\nnext   {start} {args.out}{more}")
    return 0
