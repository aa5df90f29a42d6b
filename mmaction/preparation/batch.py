"""One piece of work for each video of a folder: in parallel, resumable, with a list of what failed."""

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from mmaction.io.suffixes import describe_passed_over
from mmaction.io.video.folders import videos_by_name
from mmaction.utils.arguments import add_workers_option
from mmaction.utils.files import write_lines
from mmaction.utils.journal import Journal
from mmaction.utils.workers import in_parallel


def batch_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the arguments that every batch takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("src", type=Path, help="folder of videos, searched with its subfolders")
    parser.add_argument("out", type=Path, help="folder to write")
    add_workers_option(parser, "--num-worker")
    parser.add_argument("--overwrite", action="store_true", help="do all videos again, whatever is there")
    return parser


def batch_videos(args: argparse.Namespace) -> dict[str, Path]:
    """Return the videos below ``args.src`` but not below ``args.out``, by name; say which files are no videos."""
    out = args.out.resolve()
    videos, passed_over = videos_by_name(args.src)
    if passed_over := [path for path in passed_over if not path.parent.resolve().is_relative_to(out)]:
        print(describe_passed_over(passed_over))
    return {key: path for key, path in videos.items() if not path.parent.resolve().is_relative_to(out)}


def run_batch(
    args: argparse.Namespace,
    videos: Mapping[str, Path],
    work: Callable[[str, Path], dict],
    journal: Journal,
    options: dict,
    *,
    is_whole: Callable[[str, dict], bool],
    existing: Callable[[str], Path | None],
    desc: str,
) -> int:
    """Do ``work`` for every video that ``journal`` does not record as done, and return the exit code.

    What went wrong is printed as a count and kept in ``failed.txt`` of the folder ``args.out``.

    Args:
        args: What `batch_parser` read.
        videos: Videos by key.
        work: Gets key and video, returns facts to record; a ``ValueError`` or ``OSError`` counts as a failed video.
        journal: What earlier runs finished, and began: only there may ``work`` replace what it finds.
        options: What the result depends on; ValueError if an earlier run had others, unless it is to be overwritten.
        is_whole: Whether the result of a recorded video is still there.
        existing: A file that ``work`` would replace, if there is one.
        desc: Name of the progress bar.
    """
    from tqdm import tqdm

    def is_done(key: str, path: Path) -> bool:
        record = None if args.overwrite else journal.get(key)
        if not record or "begun" in record:
            return False
        if record.get("options") != options:
            raise ValueError(
                f"{journal.path}: {key} was made with {record.get('options')}, now asked for {options}; write to "
                "another folder, or make it anew with --overwrite"
            )
        return record.get("source") == _identity(path) and is_whole(key, record)

    def attempt(key: str) -> str | None:
        record = journal.get(key)
        is_ours = record is not None and record.get("begun", True)
        if not args.overwrite and not is_ours and (found := existing(key)):
            return f"{found} is there already, not from a run that {journal.path} records; move it or use --overwrite"
        try:
            source = _identity(videos[key])
            journal.add(key, begun=True)
            facts = work(key, videos[key])
            journal.add(key, source=source, options=options, **facts)
        except (ValueError, OSError) as error:
            journal.add(key, begun=existing(key) is not None)
            return str(error)
        return None

    pending = [key for key, path in videos.items() if not is_done(key, path)]
    failed, kept = {}, len(videos) - len(pending)
    with tqdm(total=len(videos), initial=kept, desc=desc, unit=" videos") as bar:
        for key, fault in in_parallel(attempt, pending, workers=args.num_worker):
            if fault is not None:
                failed[key] = fault
            bar.update()
    earlier = f", {kept} of them by an earlier run" if kept else ""
    where = _list_failures(args.out / "failed.txt", failed)
    print(f"{len(videos) - len(failed)} of {len(videos)} videos done{earlier}; {len(failed)} failed{where}")
    return 1 if failed else 0


def _list_failures(path: Path, failed: Mapping[str, str]) -> str:
    """Write what failed, in place of what failed in an earlier run; return where it is told, for the last line."""
    path.unlink(missing_ok=True)
    if not failed:
        return ""
    write_lines(path, (f"{key}: {fault}" for key, fault in sorted(failed.items())))
    return f": see {path}"


def _identity(path: Path) -> list[int]:
    """Return size and time of a file, by which a change of it is noticed."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]
