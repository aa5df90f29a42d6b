"""Run several of our tools one after the other as one process of a distributed run.

The argument is a JSON list of lists: the name of a tool and its arguments. A tool that stops early must say so in its
first argument after the name: ``"stops"``.
"""

import importlib.util
import json
import sys
from pathlib import Path

from mmaction.utils.cli import ToolStop

TOOLS = Path(__file__).resolve().parents[2] / "tools"


def main(steps):
    for name, *args in steps:
        spec = importlib.util.spec_from_file_location(f"tool_{name}", TOOLS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
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
