"""The loop of one process: choose an input, change it, run the target, judge what came of it."""

import hashlib
import json
import random
import re
import shutil
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from reliability.guard import MEMORY, Escape, Guard, peak_bytes, reset_peak
from reliability.targets import Target

TURN = 100  # executions between two reports
POOL = 400  # inputs that are kept for having shown something new


@dataclass
class Tally:
    """What became of one target: executions, peak of the memory in bytes, kinds of outcome, faults by kind."""

    executions: int = 0
    peak: int = 0
    outcomes: set[str] = field(default_factory=set)
    faults: dict[str, str] = field(default_factory=dict)


class Fuzzer:
    """Runs one target again and again.

    Args:
        target: The parser.
        folder: Where its input lies while it runs; nothing may be written elsewhere.
        guard: Of this process.
        seed: The same seed gives the same inputs.
    """

    def __init__(self, target: Target, folder: Path, guard: Guard, seed: int) -> None:
        self.target, self.guard, self.tally = target, guard, Tally()
        self.rng = random.Random(f"{seed} {target.name}")
        self.seeds = list(target.seeds())
        self.pool = list(self.seeds)
        self.folder = folder / re.sub(r"\W", "_", target.name)
        self.path = self.folder / target.file
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def warm_up(self) -> None:
        """Import what the target imports when it is first called."""
        for data in self.seeds[:3]:
            self.path.write_bytes(data)
            try:
                self.target.call(self.path)
            except self.target.allowed:
                continue

    def turn(self, count: int, on_fault: Callable[[Target, str, bytes], None]) -> None:
        """Run ``count`` inputs; the seeds themselves come first."""
        for _ in range(count):
            number = self.tally.executions
            if number < len(self.seeds):
                data = self.seeds[number]
            else:
                data = self.target.mutate(self.rng, self.rng.choice(self.pool), self.pool)
            outcome, fault = self.judge(data)
            self.tally.executions += 1
            if fault and outcome not in self.tally.faults:
                self.tally.faults[outcome] = fault
                on_fault(self.target, fault, data)
            if outcome not in self.tally.outcomes:
                self.tally.outcomes.add(outcome)
                if len(self.pool) < len(self.seeds) + POOL and len(data) < 20_000:
                    self.pool.append(data)

    def judge(self, data: bytes) -> tuple[str, str | None]:
        """Run one input; return the kind of its outcome, and what is wrong with it or None."""
        shutil.rmtree(self.folder / "unpacked", ignore_errors=True)
        self.path.write_bytes(data)
        before, fault = reset_peak(), None
        try:
            with self.guard.watch(self.folder):
                self.target.call(self.path)
            outcome = "read"
        except self.target.allowed as error:
            outcome = self.kind(error)
            if self.target.file.partition(".")[0] not in str(error):
                fault = f"the message does not name the file\n{traceback.format_exc()}"
        except (Exception, Escape) as error:
            outcome, fault = self.kind(error), traceback.format_exc()
        taken = peak_bytes() - before
        self.tally.peak = max(self.tally.peak, before + taken)
        if taken > MEMORY + 4 * len(data):
            outcome, fault = "memory", f"took {taken >> 20} MiB"
        return outcome, fault

    def kind(self, error: BaseException) -> str:
        """Return the type of an error, the line of the package where it comes from, and its text without values."""
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "mmaction" in frame.filename]
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        text = str(error).rpartition(self.target.file)[2]
        text = re.sub(r"\d+", "0", re.sub(r"'[^']*'|\"[^\"]*\"", "_", text))[:60]
        return f"{type(error).__name__} {place} {text}"


def run(target: Target, folder: Path, faults: Path, cpu_seconds: float, seed: int) -> None:
    """Fuzz a target for ``cpu_seconds`` of this process, keeping in ``folder`` what is needed should it end early."""
    fuzzer = Fuzzer(target, folder, Guard(), seed)
    (folder / "input").write_text(str(fuzzer.path))
    fuzzer.warm_up()
    faults.mkdir(parents=True, exist_ok=True)
    start, tally = time.process_time(), fuzzer.tally
    while (spent := time.process_time() - start) < cpu_seconds:
        fuzzer.turn(TURN, lambda target, fault, data: save_fault(faults, target.name, fault, data))
        report = {"executions": tally.executions, "outcomes": sorted(tally.outcomes), "faults": sorted(tally.faults)}
        (folder / "report.part").write_text(json.dumps(report | {"cpu_s": spent, "peak": tally.peak}))
        (folder / "report.part").replace(folder / "report.json")


def save_fault(folder: Path, name: str, fault: str, data: bytes) -> Path:
    """Keep an input that showed a fault, and what it did, under a name that tells the target."""
    path = folder / f"{re.sub(r'[^A-Za-z0-9]', '_', name)}-{hashlib.sha256(data).hexdigest()[:10]}"
    path.with_suffix(".bin").write_bytes(data)
    path.with_suffix(".txt").write_text(fault, encoding="utf-8", errors="backslashreplace")
    return path
