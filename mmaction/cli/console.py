"""The command ``mmaction``: every tool under one name, also where the package alone is installed."""

import argparse
import importlib
import sys

from mmaction.utils.cli import run_tool, suggest
from mmaction.version import __version__

# name: (module of mmaction.cli, what it does)
COMMANDS = {
    "train": ("train", "train a model from a config"),
    "test": ("test", "test a checkpoint: accuracy, predictions, scores"),
    "infer": ("infer", "classify videos, folders of frames or skeletons"),
    "export": ("export", "write a model as an ONNX file, which runs without PyTorch"),
    "report": ("report", "explain the result of a test in one page"),
    "streams": ("train_streams", "train, test and fuse several streams of a skeleton"),
    "features": ("extract_features", "write the features that a model makes of clips"),
    "sweep": ("sweep", "compare settings of a config over several seeds"),
    "fuse": ("fuse", "merge the scores of several tests"),
    "adjust": ("adjust", "score a test anew for classes that are all alike frequent"),
    "check": ("check_dataset", "look for faults in a data set before training, and mend them"),
    "poses": ("extract_poses", "extract skeletons from videos"),
    "view": ("view", "look at the clips of a test and mark wrong labels, or draw skeletons on a video"),
    "configs": ("configs", "list the configs that come with the package"),
    "new": ("new_config", "write a config for your own data"),
    "compare-configs": ("compare_configs", "compare configs by what they see of a clip and what it costs"),
    "config": ("print_config", "print a config with all that its bases set"),
    "lists": ("build_file_list", "write the lists of a data set from folders of classes"),
    "resize": ("resize_videos", "make videos small, so that training reads them faster"),
    "rawframes": ("build_rawframes", "write the frames, or the optical flow, of videos"),
    "gym": ("prepare_gym", "prepare FineGym: cut elements, write lists"),
    "diving48": ("prepare_diving48", "prepare Diving48: write lists"),
    "convert-poses": ("convert_skeletons", "convert skeletons of other formats"),
    "describe-poses": ("describe_skeletons", "say what a skeleton pickle holds"),
    "download-poses": ("download_skeletons", "download published skeletons"),
    "merge-poses": ("merge_skeletons", "merge skeleton pickles"),
    "split-poses": ("split_skeletons", "write splits into a skeleton pickle"),
    "subset-poses": ("subset_skeletons", "keep some classes or clips of a skeleton pickle"),
    "browse": ("browse_dataset", "draw what a pipeline hands to the model"),
    "logs": ("analyze_logs", "draw the curves of trainings"),
    "gradcam": ("gradcam", "show where in a clip a model looks"),
    "joints": ("joint_importance", "measure how much a model needs each joint"),
    "robustness": ("pose_robustness", "measure how a model bears faults in poses"),
    "flops": ("get_flops", "count parameters and operations of a model"),
    "benchmark": ("benchmark", "measure the speed of a model and of its data"),
    "gpu-check": ("gpu_check", "prove that a GPU computes what it should (also: check --gpu)"),
    "gpu-benchmark": ("gpu_benchmark", "measure networks on a GPU (also: benchmark --gpu)"),
    "foundation-benchmark": (
        "foundation_benchmark",
        "measure foundation backbones at a tiny size (also: benchmark --foundation)",
    ),
    "benchmark-decoders": ("benchmark_decoders", "measure the speed of the video decoders"),
    "demo-data": ("make_demo_data", "make the demo's data set of rendered dives"),
    "completion": ("completion", "print a script that completes commands in your shell"),
}


def describe_commands() -> str:
    """Return one line for each command."""
    width = max(map(len, COMMANDS)) + 2
    return "commands:\n" + "\n".join(f"  {name:<{width}}{text}" for name, (_, text) in COMMANDS.items())


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="mmaction",
        description="Recognize actions that differ in their details. 'mmaction COMMAND --help' explains a command.",
        epilog=describe_commands(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="mmaction [-h] [--version] COMMAND ...",
    )
    parser.add_argument("--version", action="version", version=f"mmaction {__version__}")
    parser.add_argument("command", metavar="COMMAND", help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.command not in COMMANDS:
        parser.error(f"there is no command {args.command!r}{suggest(args.command, COMMANDS)}")
    for kind in ("gpu", "foundation"):
        if f"--{kind}" in args.arguments and f"{kind}-{args.command}" in COMMANDS:
            args.arguments.remove(f"--{kind}")
            args.command = f"{kind}-{args.command}"
    sys.argv[0] = f"mmaction {args.command}"  # the usage lines and the advice of the command name it so
    return importlib.import_module(f"mmaction.cli.{COMMANDS[args.command][0]}").main(args.arguments) or 0


def run() -> None:
    """Run the console command; the entry point of the installed package."""
    run_tool(main)
