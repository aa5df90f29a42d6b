"""Fuzz every parser of user files: ``python tests/reliability/fuzz.py [--target NAME] [--minutes 10] [--write]``.

Each parser runs in a process of its own for the given CPU time, so that a hard crash or a hang (5 s of CPU time for one
input) ends that process alone; its input is kept and the parser is tried on. Inputs that showed a fault lie in
``--faults`` with what they did. ``--write`` puts the result of each parser into docs/faults.md when it is there.
Exit code 1 if there was any fault.
"""

import argparse
import json
import logging
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]

from reliability import tables  # noqa: E402 - the path is set above
from reliability.guard import SECONDS, limit_memory  # noqa: E402
from reliability.loop import run, save_fault  # noqa: E402
from reliability.targets import TARGETS, Target  # noqa: E402

RESTARTS = 20  # of a parser, after which its time counts as spent
HEADER = "| parser | of | executions | kinds of outcome | CPU minutes | peak MiB | faults |\n"
HEADER += "| --- | --- | ---: | ---: | ---: | ---: | ---: |"


@dataclass
class Result:
    """What became of one parser, over all processes that it took."""

    target: Target
    executions: int = 0
    outcomes: set[str] = field(default_factory=set)
    faults: set[str] = field(default_factory=set)
    cpu_s: float = 0
    peak: int = 0

    def add(self, report: Path) -> None:
        """Add what one process has written."""
        content = json.loads(report.read_text())
        self.executions, self.cpu_s = self.executions + content["executions"], self.cpu_s + content["cpu_s"]
        self.outcomes.update(content["outcomes"])
        self.faults.update(content["faults"])
        self.peak = max(self.peak, content["peak"])

    def row(self) -> str:
        """Return a line of the table."""
        cells = [self.target.name, self.target.group, f"{self.executions:,}", f"{len(self.outcomes):,}"]
        return f"| {' | '.join(cells)} | {self.cpu_s / 60:.1f} | {self.peak >> 20:,} | {len(self.faults)} |"


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    groups = dict.fromkeys(target.group for target in TARGETS)
    parser.add_argument("--target", help="one parser, or a group of them: " + ", ".join(groups))
    parser.add_argument("--minutes", type=float, default=10, help="CPU time of each parser (default: 10)")
    parser.add_argument("--jobs", type=int, default=1, help="parsers that are fuzzed at the same time (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same inputs")
    parser.add_argument("--faults", default="work_dirs/fuzz", help="folder for inputs that showed a fault")
    parser.add_argument("--write", action="store_true", help="write the table into docs/faults.md")
    parser.add_argument("--process", metavar="FOLDER", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    args.chosen = [target for target in TARGETS if args.target in (None, target.group, target.name)]
    if not args.chosen:
        known = ", ".join((*groups, *(target.name for target in TARGETS)))
        parser.error(f"--target {args.target}: no such parser or group; known: {known}")
    return args


def main(argv: list[str] | None = None) -> int:
    """Fuzz the parsers and print a table."""
    args = parse_args(argv)
    if args.process:
        warnings.simplefilter("ignore")
        logging.disable()
        limit_memory()
        run(args.chosen[0], Path(args.process), Path(args.faults), 60 * args.minutes, args.seed)
        return 0
    print(HEADER)
    faults = 0
    with ThreadPoolExecutor(args.jobs) as pool:
        for done in as_completed([pool.submit(fuzz, target, args) for target in args.chosen]):
            result = done.result()
            faults += len(result.faults)
            print(result.row(), flush=True)
            if args.write:
                write_row(result)
    return 1 if faults else 0


def fuzz(target: Target, args: argparse.Namespace) -> Result:
    """Fuzz one parser until its CPU time is spent, however often its process dies."""
    faults, folder, result = Path(args.faults), Path(tempfile.mkdtemp(prefix="fuzz-")), Result(target)
    faults.mkdir(parents=True, exist_ok=True)
    for attempt in range(RESTARTS):
        minutes = args.minutes - result.cpu_s / 60
        (folder / "report.json").unlink(missing_ok=True)
        command = [sys.executable, __file__, "--process", str(folder), "--target", target.name, "--faults", str(faults)]
        command += ["--minutes", str(minutes), "--seed", str(args.seed + attempt)]
        code = subprocess.run(command).returncode
        if (folder / "report.json").is_file():
            result.add(folder / "report.json")
        if code == 0 or result.cpu_s >= 60 * args.minutes:
            break
        if code == 1:
            raise SystemExit(f"the harness itself failed with {target.name}, see above")
        what = f"took more than {SECONDS} s" if code == -signal.SIGPROF else f"the process ended with code {code}"
        kept = save_fault(faults, target.name, what, Path((folder / "input").read_text()).read_bytes())
        print(f"{target.name}: {what}: {kept}.bin", file=sys.stderr)
        result.faults.add(f"{what} {kept}")
    shutil.rmtree(folder, ignore_errors=True)
    return result


def write_row(result: Result) -> None:
    """Put the row of a parser into the table in the docs, in the order of the parsers."""
    rows = {line.split(" | ")[0].strip("| "): line for line in tables.read_rows("fuzz")}
    rows[result.target.name] = result.row()
    tables.write_rows("fuzz", HEADER, [rows[target.name] for target in TARGETS if target.name in rows])


if __name__ == "__main__":
    sys.exit(main())
