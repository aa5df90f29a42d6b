"""Print a config as it is after its bases and --cfg-options.

Examples:
  python tools/analysis/print_config.py CONFIG
  python tools/analysis/print_config.py CONFIG --key model.cls_head
  python tools/analysis/print_config.py CONFIG --cfg-options model.cls_head.num_classes=48 --out resolved.py
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmaction.utils.cli import add_config_options, config_parser, suggest
from mmaction.utils.config import bases_of, load_config
from mmaction.utils.files import refuse_inputs


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = config_parser(__doc__)
    parser.add_argument("--key", help="print only this part, such as test_dataloader.dataset")
    parser.add_argument("--out", help="write the whole config to this file (.py, .json or .yaml), which stands alone")
    add_config_options(parser)
    return parser.parse_args(argv)


def part_of(cfg: Config, key: str) -> Any:
    """Return the value at a dotted key; KeyError if it is not there; names the level and close matches."""
    value: Any = cfg
    for word in key.split("."):
        known = [str(k) for k in value] if hasattr(value, "keys") else [str(i) for i in range(len(value))]
        if word not in known:
            raise KeyError(f"--key {key}: there is no {word!r}{suggest(word, known)}; there are: {', '.join(known)}")
        value = value[int(word) if isinstance(value, list | tuple) else word]
        if not isinstance(value, dict | list | tuple) and word != key.split(".")[-1]:
            raise KeyError(f"--key {key}: {word!r} is {value!r} and has no parts")
    return value


def main(argv: list[str] | None = None) -> int:
    """Print or write the config; return 0."""
    args = parse_args(argv)
    cfg, notes = load_config(args.config, args.cfg_options)
    if args.out:
        if Path(args.out).suffix not in (".py", ".json", ".yaml"):
            raise ValueError(f"--out {args.out}: expected a name that ends in .py, .json or .yaml")
        refuse_inputs(args.out, [cfg.filename, *bases_of(Path(cfg.filename))])
    for note in notes:
        print(note, file=sys.stderr)
    if args.key:
        value = part_of(cfg, args.key)
        print(Config(dict(value)).pretty_text.strip() if isinstance(value, dict) else repr(value))
    elif not args.out:
        print(cfg.pretty_text)
    if args.out:
        cfg.dump(args.out)
        print(f"written to {args.out}", file=sys.stderr)
    return 0
