"""Run several of our tools one after the other as one process of a distributed run.

The argument is a JSON list of lists: the name of a tool and its arguments. A tool that stops early must say so in its
first argument after the name: ``"stops"``.
"""

import importlib
import json
import sys

from mmaction.utils.cli import ToolStop


def main(steps):
    for name, *args in steps:
        module = importlib.import_module(f"mmaction.cli.{name}")
        stops = args[0] == "stops"
        try:
            module.main(args[stops:])
        except ToolStop:
            if not stops:
                raise
        else:
            assert not stops, f"{name} {args} went through"


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
