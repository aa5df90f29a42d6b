"""Do 62 kinds of harm to training, testing and their input, and see what the program does.

    python tests/reliability/faults.py            # print the table
    python tests/reliability/faults.py --write    # also write it to docs/faults.md
    python tests/reliability/faults.py --only kill --keep /tmp/faults

Each fault is a function that does the harm and checks the outcome; it fails if anything is lost or hidden. Trainings
run in forked processes, so that killing them is real and cheap. Exit code 1 if a fault did not end as it should.
"""

import argparse
import os
import random
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "engine"), str(ROOT / "tools"), str(Path(__file__).parent)]

import tables  # noqa: E402 - the path is set above
import toy  # noqa: E402
import train as train_tool  # noqa: E402
from inputs import INPUT_FAULTS  # noqa: E402
from processes import free_port, of_torchrun  # noqa: E402

from mmaction.engine import process_watch  # noqa: E402
from mmaction.io.checkpoints import read_checkpoint  # noqa: E402
from mmaction.utils.cli import run_tool  # noqa: E402

SLOW = "pipeline[0]['delay_s'] = 0.005\ndefault_hooks['checkpoint'].update(snapshot_interval=2)\n"
SEED = ["--seed", "4"]
LATE = ["--cfg-options", "train_dataloader.dataset.pipeline.0.delay_s=0.1"]  # long enough to be met in the middle


def forked(work: Callable[[], None], log: Path) -> int:
    """Run ``work`` as a tool in a child process whose output goes to ``log``; return its process id."""
    process = os.fork()
    if process:
        return process
    with log.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    try:
        run_tool(work)
    except SystemExit as ended:
        sys.stdout.flush()
        os._exit(int(ended.code or 0))
    except BaseException:
        traceback.print_exc()
        os._exit(99)
    return 0


def code_of(process: int) -> int:
    """Wait for a child; return its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


class Place:
    """A folder with the toy configuration, and the uninterrupted run that others are compared with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = toy.write_config(folder, extra=SLOW)
        self.log = folder / "output.txt"
        process = self.start("whole", *SEED)
        self.wait_for_checkpoint("whole", process)
        start = time.monotonic()
        assert code_of(process) == 0, self.said()[-3000:]
        self.whole_s = time.monotonic() - start
        self.end = read_checkpoint(folder / "whole" / "epoch_3.pth")

    def start(
        self, name: str, *options: str, before: Callable[[], None] | None = None, config: Path | None = None
    ) -> int:
        """Start a training in the work directory ``name``; return its process id."""

        def work() -> None:
            if before:
                before()
            train_tool.main([str(config or self.config), "--work-dir", str(self.folder / name), *options])

        return forked(work, self.log)

    def train(self, *args: str, **kwargs: object) -> int:
        """Train to the end and return the exit code."""
        return code_of(self.start(*args, **kwargs))

    def wait_for_checkpoint(self, name: str, process: int) -> None:
        """Wait until a run has written something."""
        while not list((self.folder / name).glob("*.pth")):
            assert os.waitpid(process, os.WNOHANG) == (0, 0), self.said()[-3000:]
            time.sleep(0.005)

    def said(self) -> str:
        """Return what the tools have printed so far."""
        return self.log.read_text(errors="replace")

    def resumes_exactly(self, name: str) -> str:
        """Resume the run in ``name`` and compare its end with the uninterrupted run's."""
        path, damaged = toy.find_resumable(self.folder / name)
        where = f"resumed {path.name}" if path else "nothing was written yet, began again"
        assert not damaged, f"damaged files were left: {damaged}"
        assert self.train(name, *SEED, "--resume") == 0, self.said()[-3000:]
        end = read_checkpoint(self.folder / name / "epoch_3.pth")
        for key, value in self.end["state_dict"].items():
            assert torch.equal(value, end["state_dict"][key]), f"{key} differs from the uninterrupted run"
        info = [content["message_hub"]["runtime_info"]["best_score"] for content in (self.end, end)]
        assert info[0] == info[1], "the best score differs"
        left = [file.name for file in (self.folder / name).iterdir() if file.name.endswith(".tmp")]
        assert not left, f"temporary files were left: {left}"
        return f"{where}; the same weights as without interruption, bit for bit"


def kill_at(share: float) -> Callable[[Place], str]:
    """Return a fault: killed after ``share`` of the usual time from the first checkpoint to the end."""

    def fault(place: Place) -> str:
        name = f"killed-{share:.3f}"
        process = place.start(name, *SEED)
        place.wait_for_checkpoint(name, process)
        time.sleep(share * place.whole_s)
        os.kill(process, signal.SIGKILL)
        code_of(process)
        return place.resumes_exactly(name)

    return fault


def kill_while_saving(stage: str, number: int) -> Callable[[Place], str]:
    """Return a fault: killed at ``stage`` of the ``number``-th checkpoint that is written."""

    def arm() -> None:
        from mmengine.fileio.backends import LocalBackend

        count = iter(range(1, 1000))
        put, rename = LocalBackend.put, Path.replace

        def half(self: LocalBackend, data: bytes, path: str) -> None:
            if next(count) == number:
                put(self, data[: len(data) // 2], path)
                os.kill(os.getpid(), signal.SIGKILL)
            put(self, data, path)

        def around(self: Path, target: Path) -> None:
            dies = str(target).endswith(".pth") and next(count) == number
            if dies and stage == "before the renaming":
                os.kill(os.getpid(), signal.SIGKILL)
            rename(self, target)
            if dies:
                os.kill(os.getpid(), signal.SIGKILL)

        if stage == "half written":
            LocalBackend.put = half
        else:
            Path.replace = around

    def fault(place: Place) -> str:
        name = f"saving-{stage.replace(' ', '-')}-{number}"
        assert place.train(name, *SEED, before=arm) == -signal.SIGKILL
        return place.resumes_exactly(name)

    return fault


def stopped_by(name: str, number: int, code: int) -> Callable[[Place], str]:
    """Return a fault: the signal ``number``, upon which a run ends with ``code``."""

    def fault(place: Place) -> str:
        process = place.start(name, *SEED, *LATE)
        place.wait_for_checkpoint(name, process)
        os.kill(process, number)
        ended = code_of(process)
        assert ended == code, (ended, place.said()[-2000:])
        return f"ended with code {ended}; {place.resumes_exactly(name)}"

    return fault


def full_disk(place: Place) -> str:
    """No file may grow: the limit that a quota or a full disk sets."""

    def limit() -> None:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    size = (place.folder / "whole" / "epoch_1.pth").stat().st_size - 500
    place.log.rename(place.log.with_name("before.txt"))  # the limit holds for the output of the tools, too
    code = place.train("full", *SEED, "--cfg-options", "log_level=WARNING", before=limit)
    said = place.said()
    assert code == 1 and "cannot write" in said and "--resume" in said, said[-2000:]
    assert not list((place.folder / "full").glob("*.tmp")) + list((place.folder / "full").glob(".*.tmp"))
    return "stopped with code 1, named the file and what to do; no partial checkpoint was left"


def unwritable_output(place: Place) -> str:
    """The work directory cannot be made."""
    (place.folder / "file").write_text("")
    code = place.train("file/run", *SEED)
    assert code == 2 and "file" in place.said(), code
    return "ended with code 2 and the name of the folder before reading any data"


def removed_output(place: Place) -> str:
    """The work directory disappears while the run goes on."""
    process = place.start("removed", *SEED, *LATE)
    while not (place.folder / "removed" / "epoch_1.pth").exists():
        time.sleep(0.01)
    # at once, as a folder into which the run writes meanwhile cannot be emptied
    (place.folder / "removed").rename(place.folder / "moved away")
    code, said = code_of(process), place.said()
    named = f"the work directory {place.folder / 'removed'}, or a file of it, was removed"
    assert code == 1 and named in said and "then go on with --resume" in said, (code, said[-2000:])
    return "stopped with code 1, named the folder and how to go on"


def damaged_newest(change: Callable[[bytes], bytes]) -> Callable[[Place], str]:
    """Return a fault: the newest checkpoint has been changed on the disk."""

    def fault(place: Place) -> str:
        import shutil

        name = f"damaged-{random.randrange(10**9)}"
        shutil.copytree(place.folder / "whole", place.folder / name)
        newest = place.folder / name / "epoch_3.pth"
        newest.write_bytes(change(newest.read_bytes()))
        path, damaged = toy.find_resumable(place.folder / name)
        assert path is not None and path.name == "epoch_2.pth" and newest in damaged
        assert place.train(name, *SEED, "--resume") == 0
        assert f"skipped the damaged checkpoint {newest}" in place.said()
        end = read_checkpoint(newest)["state_dict"]
        assert all(torch.equal(value, end[key]) for key, value in place.end["state_dict"].items())
        return "named and skipped; resumed epoch_2.pth to the same weights"

    return fault


def wrong_clock(place: Place) -> str:
    """The clock went back, so that the oldest checkpoint looks newest."""
    import shutil

    shutil.copytree(place.folder / "whole", place.folder / "clock")
    for epoch in (1, 2, 3):
        os.utime(place.folder / "clock" / f"epoch_{epoch}.pth", (10**9 - epoch, 10**9 - epoch))
    path, _ = toy.find_resumable(place.folder / "clock")
    assert path is not None and path.name == "epoch_3.pth"
    return "took the furthest checkpoint, by the iteration in it and not by its date"


def clock_jump(place: Place) -> str:
    """The clock jumps back by a day in the middle of training."""

    def jump() -> None:
        import time as clock

        real, calls = clock.time, iter(range(10**9))
        clock.time = lambda: real() - (86400 if next(calls) > 40 else 0)

    assert place.train("jump", *SEED, before=jump) == 0
    end = read_checkpoint(place.folder / "jump" / "epoch_3.pth")["state_dict"]
    assert all(torch.equal(value, end[key]) for key, value in place.end["state_dict"].items())
    return "trained on to the same weights; only the times in the log are off"


def plain_locale(place: Place) -> str:
    """The C locale without UTF-8, and a config with umlauts in a folder with umlauts."""
    import subprocess

    folder = place.folder / "Übung"
    folder.mkdir()
    config = toy.write_config(folder, extra="# Kür und Übung\ntrain_cfg['max_epochs'] = 1\n")
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "OMP_NUM_THREADS": "1",
           "PYTHONPATH": str(ROOT / "tests" / "engine")}  # fmt: skip
    call = [sys.executable, ROOT / "tools" / "train.py", config, "--work-dir", folder / "run"]
    done = subprocess.run(call, env=env, capture_output=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (folder / "run" / "epoch_1.pth").is_file()
    return "trained"


def no_network(place: Place) -> str:
    """The checkpoint to start from cannot be fetched."""
    os.environ["TORCH_HOME"] = str(place.folder / "torch")
    code = place.train("network", "--load-from", "http://127.0.0.1:9/net-00000000.pth")
    assert code == 2 and "could not download http://127.0.0.1:9" in place.said(), place.said()[-2000:]
    return "ended with code 2, the address and where to put the file by hand"


def dead_worker(place: Place) -> str:
    """A data worker is killed, as the system does when the memory is full."""
    config = toy.write_config(place.folder, name="worker.py", extra="pipeline[0]['kill'] = 'clip9'\n")
    code = place.train("worker", "--cfg-options", "train_dataloader.num_workers=1", config=config)
    assert code == 1 and "lower num_workers" in place.said(), place.said()[-2000:]
    return "stopped with code 1 and advice; checkpoints stayed"


def ended_peer(number: int, name: str, reason: str) -> Callable[[Place], str]:
    """Return a fault: one of two processes gets the signal ``number``; the other one says ``reason``."""

    def join(rank: int, port: int) -> Callable[[], None]:
        def before() -> None:
            os.environ.update({key: str(value) for key, value in of_torchrun(rank).items()}, MASTER_PORT=str(port))
            process_watch.MAX_SILENT_BEATS = 2

        return before

    def fault(place: Place) -> str:
        options = [*SEED, "--launcher", "pytorch", "--cfg-options", "train_cfg.max_epochs=500"]
        port = free_port()
        processes = [place.start(name, *options, before=join(rank, port)) for rank in (0, 1)]
        while not (place.folder / name / "epoch_1.pth").exists():
            time.sleep(0.05)
        os.kill(processes[1], number)
        start = time.monotonic()
        code = code_of(processes[0])
        took_s = time.monotonic() - start
        os.kill(processes[1], signal.SIGKILL)
        code_of(processes[1])
        said = place.said()
        assert code == 1 and took_s < 120 and reason in said, (code, took_s, said[-2000:])
        assert (place.folder / name / "epoch_1.pth").exists()
        return f"the other ended with code {code} after {took_s:.0f} s; its checkpoints stayed"

    return fault


def nan_loss(place: Place) -> str:
    """The loss becomes NaN."""
    code = place.train("nan", *SEED, "--cfg-options", "model.poison_at=9")
    said = place.said()
    assert code == 1 and "last good checkpoint" in said and not (place.folder / "nan" / "epoch_2.pth").exists()
    return "stopped with the samples of the batch, the last good checkpoint and what to try"


def bad_samples(bad: tuple[int, ...], share: str, code: int) -> Callable[[Place], str]:
    """Return a fault: some training samples cannot be loaded."""

    def fault(place: Place) -> str:
        folder = place.folder / f"bad-{len(bad)}-{code}"
        folder.mkdir()
        extra = f"default_hooks['broken_samples'] = dict(type='BrokenSamplesHook', max_share={share})\n"
        config = toy.write_config(folder, bad=bad, extra=extra)
        assert place.train(f"{folder.name}/run", *SEED, config=config) == code, place.said()[-2000:]
        listed = (folder / "run" / "broken_samples.csv").read_text().splitlines()[1:]
        assert listed and all(line.split(",")[1] in {f"bad{index}" for index in bad} for line in listed)
        return ("trained with others in their place" if code == 0 else "stopped") + f"; {len(listed)} listed"

    return fault


def run_faults(random_shares: int) -> list[tuple[str, str, Callable[[Place], str]]]:
    """Return group, name and function of each fault."""
    draw = random.Random(0)
    shares = [draw.uniform(0.0, 1.0) for _ in range(random_shares)]
    faults = [("killed", f"at {share:.0%} of the time", kill_at(share)) for share in shares]
    for stage, numbers in (("half written", (1, 2, 4, 7)), ("before the renaming", (1, 3, 6)), ("after it", (1, 3, 6))):
        faults += [("killed", f"checkpoint {n} {stage}", kill_while_saving(stage, n)) for n in numbers]
    faults += [
        ("killed", "SIGTERM", stopped_by("terminated", signal.SIGTERM, 1)),
        ("killed", "Ctrl-C", stopped_by("interrupted", signal.SIGINT, 130)),
    ]
    gone, silent = "another process of this run has ended", "process 1 has shown no sign of life"
    faults += [
        ("disk", "full while saving", full_disk),
        ("disk", "work directory cannot be made", unwritable_output),
        ("disk", "work directory removed during the run", removed_output),
        ("disk", "newest checkpoint cut in half", damaged_newest(lambda data: data[: len(data) // 2])),
        ("disk", "one bit of the newest checkpoint flipped", damaged_newest(_flip)),
        ("disk", "newest checkpoint empty", damaged_newest(lambda data: b"")),
        ("disk", "newest checkpoint overwritten with text", damaged_newest(lambda data: b"hello " * 99)),
        ("machine", "clock set back between runs", wrong_clock),
        ("machine", "clock set back during a run", clock_jump),
        ("machine", "C locale, names with umlauts", plain_locale),
        ("machine", "no network", no_network),
        ("machine", "data worker killed", dead_worker),
        ("machine", "peer process killed", ended_peer(signal.SIGKILL, "killed", gone)),
        ("machine", "peer process stands still", ended_peer(signal.SIGSTOP, "still", silent)),
        ("numbers", "NaN loss", nan_loss),
        ("samples", "2 of 24 broken, 20 % allowed", bad_samples((3, 8), "0.2", 0)),
        ("samples", "3 of 24 broken, 1 % allowed", bad_samples((3, 8, 9), "0.01", 1)),
    ]
    return faults


def _flip(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[data.find(b"data/0") + 80] ^= 4
    return bytes(changed)


def write_docs(rows: list[tuple[str, str, str, bool]]) -> None:
    """Put the table into docs/faults.md."""
    header = "| what | fault | what the program did |\n| --- | --- | --- |"
    lines = [f"| {group} | {name} | {outcome.replace('|', '/')} |" for group, name, outcome, _ in rows]
    tables.write_rows("faults", header, lines)


def main(argv: list[str] | None = None) -> int:
    """Run the faults; return 1 if one of them did not end as it should."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="run the faults whose group and name match this regular expression")
    parser.add_argument("--kills", type=int, default=10, help="kills at random times (default: 10)")
    parser.add_argument("--write", action="store_true", help="write the table to docs/faults.md")
    parser.add_argument("--keep", type=Path, help="keep the working files in this folder")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    folder = args.keep or Path(tempfile.mkdtemp(prefix="faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    chosen = [f for f in run_faults(args.kills) + INPUT_FAULTS if re.search(args.only, f"{f[0]} {f[1]}")]
    place = Place(folder)
    rows = []
    for group, name, fault in chosen:
        try:
            outcome, good = fault(place), True
        except Exception as error:  # a row of the table, and exit code 1
            outcome, good = f"FAILED: {type(error).__name__}: {str(error)[:300]}", False
        rows.append((group, name, outcome, good))
        print(f"{'ok  ' if good else 'FAIL'} {group:<9} {name:<44} {outcome}", flush=True)
    bad = sum(not good for *_, good in rows)
    print(f"{len(rows)} faults, {bad} with a wrong outcome")
    if args.write:
        write_docs(rows)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
