"""Fuzz every parser of user files: ``python tests/fuzz/run.py [--target NAME] [--minutes 10] [--seed 0] [--write]``.

Each group of targets runs in a process of its own for the given CPU time, so that a hard crash or a hang (5 s of CPU
time for one input) ends that process alone; its input is kept and the group goes on. Inputs that showed a fault lie in
``--faults`` with what they did. ``--write`` puts the result of each group into docs/reliability.md. Exit code 1 if
there was any fault.
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
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]

from fuzz.guard import SECONDS, limit_memory  # noqa: E402 - the path is set above
from fuzz.loop import run, save_fault  # noqa: E402
from fuzz.targets import GROUPS, TARGETS  # noqa: E402

RESTARTS = 20  # of a group, after which its time counts as spent
DOCS = ROOT / "docs" / "reliability.md"
MARKS = ("<!-- fuzzing: written by tests/fuzz/run.py -->", "<!-- end of fuzzing -->")
HEADER = "| group | parsers | executions | kinds of outcome | CPU minutes | peak MiB | faults |\n"
HEADER += "| --- | --- | ---: | ---: | ---: | ---: | ---: |\n"


@dataclass
class Result:
    """What became of one group, over all processes that it took."""

    executions: dict[str, int] = field(default_factory=dict)
    outcomes: set[tuple[str, str]] = field(default_factory=set)
    faults: set[tuple[str, str]] = field(default_factory=set)
    cpu_s: float = 0
    peak: int = 0

    def add(self, report: Path) -> None:
        """Add what one process has written."""
        content = json.loads(report.read_text())
        self.cpu_s, self.peak = self.cpu_s + content["cpu"], max(self.peak, content["peak"])
        for name, (count, kinds, faults) in content["targets"].items():
            self.executions[name] = self.executions.get(name, 0) + count
            self.outcomes.update((name, kind) for kind in kinds)
            self.faults.update((name, fault) for fault in faults)

    def row(self, group: str) -> str:
        """Return a line of the table."""
        cells = [group, ", ".join(self.executions), f"{sum(self.executions.values()):,}", str(len(self.outcomes))]
        return f"| {' | '.join(cells)} | {self.cpu_s / 60:.1f} | {self.peak >> 20:,} | {len(self.faults)} |"


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", help="a group or a target: " + ", ".join(GROUPS))
    parser.add_argument("--minutes", type=float, default=10, help="CPU time of each group (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same inputs")
    parser.add_argument("--faults", default="work_dirs/fuzz", help="folder for inputs that showed a fault")
    parser.add_argument("--write", action="store_true", help="write the table into docs/reliability.md")
    parser.add_argument("--process", metavar="FOLDER", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    args.chosen = [target for target in TARGETS if args.target in (None, target.group, target.name)]
    if not args.chosen:
        known = ", ".join((*GROUPS, *(target.name for target in TARGETS)))
        parser.error(f"--target {args.target}: no such group or target; known: {known}")
    return args


def main(argv: list[str] | None = None) -> int:
    """Run the groups one after the other and print a table."""
    args = parse_args(argv)
    if args.process:
        warnings.simplefilter("ignore")
        logging.disable()
        limit_memory()
        run(args.chosen, Path(args.process), Path(args.faults), 60 * args.minutes, args.seed)
        return 0
    print(HEADER, end="")
    faults = 0
    for group in dict.fromkeys(target.group for target in args.chosen):
        result = run_group(args, group)
        faults += len(result.faults)
        print(result.row(group), flush=True)
        if args.write:
            write_row(group, result.row(group))
    return 1 if faults else 0


def run_group(args: argparse.Namespace, group: str) -> Result:
    """Run one group until its CPU time is spent, however often its process dies."""
    faults, folder, result = Path(args.faults), Path(tempfile.mkdtemp(prefix="fuzz-")), Result()
    faults.mkdir(parents=True, exist_ok=True)
    chosen = group if args.target in (None, group) else args.target
    for attempt in range(RESTARTS):
        minutes = args.minutes - result.cpu_s / 60
        (folder / "report.json").unlink(missing_ok=True)
        command = [sys.executable, __file__, "--process", str(folder), "--target", chosen, "--faults", str(faults)]
        command += ["--minutes", str(minutes), "--seed", str(args.seed + attempt)]
        code = subprocess.run(command).returncode
        if (folder / "report.json").is_file():
            result.add(folder / "report.json")
        if code == 0 or result.cpu_s >= 60 * args.minutes:
            break
        if code == 1:
            raise SystemExit(f"the harness itself failed in group {group}, see above")
        name, path = json.loads((folder / "turn").read_text())
        what = f"took more than {SECONDS} s" if code == -signal.SIGPROF else f"the process ended with code {code}"
        kept = save_fault(faults, name, what, Path(path).read_bytes())
        print(f"{name}: {what}: {kept}.bin", file=sys.stderr)
        result.faults.add((name, f"{what} {kept}"))
    shutil.rmtree(folder, ignore_errors=True)
    return result


def write_row(group: str, row: str) -> None:
    """Put the row of a group into the table in the docs, in the order of the groups."""
    text = DOCS.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    table, after = rest.split(MARKS[1])
    rows = {line.split(" | ")[0].strip("| "): line for line in table.strip().splitlines()[2:]} | {group: row}
    lines = "".join(f"{rows[name]}\n" for name in GROUPS if name in rows)
    DOCS.write_text(f"{before}{MARKS[0]}\n{HEADER}{lines}{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
