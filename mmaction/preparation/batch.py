"""One piece of work for each of many videos: in parallel, resumable, with a report of what failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mmaction.utils.journal import Journal
from mmaction.utils.workers import in_parallel


@dataclass
class BatchReport:
    """What became of the videos of a batch.

    Attributes:
        done: Videos finished in this run.
        kept: Videos that an earlier run had finished.
        failed: What went wrong, by video.
    """

    done: int = 0
    kept: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        total = self.done + self.kept + len(self.failed)
        earlier = f", {self.kept} of them by an earlier run" if self.kept else ""
        return f"{self.done + self.kept} of {total} videos done{earlier}; {len(self.failed)} failed"


def run_batch(
    videos: Mapping[str, Path],
    work: Callable[[str, Path], dict],
    journal: Journal,
    options: dict,
    *,
    is_whole: Callable[[str, dict], bool],
    existing: Callable[[str], Path | None],
    workers: int,
    overwrite: bool = False,
    desc: str = "videos",
) -> BatchReport:
    """Do ``work`` for every video that ``journal`` does not record as done.

    Args:
        videos: Videos by key.
        work: Gets key and video, returns facts to record; a ``ValueError`` or ``OSError`` counts as a failed video.
        journal: What earlier runs finished, and began: only there may ``work`` replace what it finds.
        options: What the result depends on; a record made with other options is an error without ``overwrite``.
        is_whole: Whether the result of a recorded video is still there.
        existing: A file that ``work`` would replace, if there is one.
        workers: Number of threads.
        overwrite: Do everything again, whoever made what is there.
        desc: Name of the progress bar.

    Raises:
        ValueError: If an earlier run made results with other options.
    """
    from tqdm import tqdm

    report = BatchReport()
    pending = {}
    for key, path in videos.items():
        record = None if overwrite else journal.get(key)
        if record is not None and "begun" not in record and record.get("options") != options:
            raise ValueError(
                f"{journal.path}: {key} was made with {record.get('options')}, now asked for {options}; write to "
                "another folder, or make it anew with --overwrite"
            )
        stat = path.stat()
        unchanged = record is not None and record.get("source") == [stat.st_size, stat.st_mtime_ns]
        if unchanged and is_whole(key, record):
            report.kept += 1
        else:
            pending[key] = path

    def attempt(key: str) -> str | None:
        path, record = videos[key], journal.get(key)
        is_ours = record is not None and record.get("begun", True)
        if not overwrite and not is_ours and (found := existing(key)):
            return f"{found} is there already, not from a run that {journal.path} records; move it or use --overwrite"
        try:
            stat = path.stat()
            journal.add(key, begun=True)
            facts = work(key, path)
            journal.add(key, source=[stat.st_size, stat.st_mtime_ns], options=options, **facts)
        except (ValueError, OSError) as error:
            journal.add(key, begun=existing(key) is not None)
            return str(error)
        return None

    with tqdm(total=len(videos), initial=report.kept, desc=desc, unit=" videos") as bar:
        for key, fault in in_parallel(attempt, pending, workers=workers):
            if fault is None:
                report.done += 1
            else:
                report.failed[key] = fault
            bar.update()
    return report


def close_batch(report: BatchReport, folder: Path) -> int:
    """Print what became of a batch, keep what went wrong in ``folder/failed.txt``, and return the exit code."""
    failures = folder / "failed.txt"
    if report.failed:
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{key}: {fault}\n" for key, fault in sorted(report.failed.items())]
        failures.write_text("".join(lines), encoding="utf-8")
        print(f"{report}: see {failures}")
        return 1
    failures.unlink(missing_ok=True)
    print(report)
    return 0
