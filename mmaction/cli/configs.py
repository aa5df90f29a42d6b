"""List the configs that come with the package, with their input, their data set and the published figures.

Examples:
  mmaction configs
  mmaction configs diving48
  mmaction configs slowfast --paths

'mmaction train NAME' takes such a name, and a config of your own may begin with _base_ = "mmaction::PATH".
"""

import argparse

from mmaction.utils.shipped_configs import CONFIGS, PREFIX, describe_configs


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("word", nargs="?", default="", metavar="WORD", help="only those with WORD in their name")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--names", action="store_true", help="print the names alone")
    form.add_argument("--paths", action="store_true", help=f"print {PREFIX}PATH of each, as _base_ takes it")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Print the list; return 1 if no config has the word in its name."""
    args = parse_args(argv)
    found = list(describe_configs(args.word))
    if not found:
        raise ValueError(f"no config has {args.word!r} in its name; without WORD all are listed")
    if args.names or args.paths:
        for config in found:
            print(config.name if args.names else PREFIX + config.path.relative_to(CONFIGS).as_posix())
        return 0
    width = max(len(config.name) for config in found)
    for config in found:
        facts = [config.input, config.data, config.figures]
        print(f"{config.name:<{width}}  {'; '.join(filter(None, facts))}")
    print(f"{len(found)} configs; the figures are those that MMAction2 published for its weights")
    return 0
