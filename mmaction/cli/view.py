"""Look at the result of a test clip by clip, or draw the skeletons of a pickle on a video.

  mmaction view RESULT                  a page of the clips of a test: filter, play, mark as mislabeled
  mmaction view RESULT --static FOLDER  the same page as a folder that needs no server
  mmaction view --video ... --annotation ...    draw skeletons and check them: mmaction view --skeletons --help

RESULT is a folder that mmaction test wrote, or a scores.npz. The page is for this machine alone, and ends with Ctrl-C.
Marks go to marks.csv beside the result; mmaction check DATA --marks marks.csv --fix OUT applies them.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmaction.reports.clip_browser import ClipBrowser

SETTINGS = Path("config.ini")


def main(argv: list[str] | None = None) -> int:
    """Serve or write the page of a result; without one, draw skeletons; return the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and (not argv[0].startswith("-") or argv[0] in ("-h", "--help")):
        return view_result(argv)
    from mmaction.pose_viewer.command import main as view_skeletons

    argv = [word for word in argv if word != "--skeletons"]
    return view_skeletons(SETTINGS, argv if SETTINGS.is_file() else ["--no-config", *argv])


def parse_args(argv: list[str]) -> argparse.Namespace:
    """Return the options of the page of a result."""
    parser = argparse.ArgumentParser(
        prog="mmaction view", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("result", type=Path, metavar="RESULT", help="folder that mmaction test wrote, or a scores.npz")
    parser.add_argument("--videos", type=Path, metavar="FOLDER", help="where the videos of tested skeletons lie")
    parser.add_argument("--annotations", metavar="FILE.pkl", help="skeletons to show (default: those tested)")
    parser.add_argument("--label-space", metavar="NAME", help="attributes of the classes, where the test knew none")
    parser.add_argument("--true", type=int, metavar="CLASS", help="show this true class first")
    parser.add_argument("--predicted", type=int, metavar="CLASS", help="show this predicted class first")
    parser.add_argument("--errors", action="store_true", help="leave out the clips that are right")
    parser.add_argument("--marks", type=Path, metavar="FILE.csv", help="where marks go (default: beside the result)")
    parser.add_argument("--port", type=int, default=0, help="port of the page (default: a free one)")
    parser.add_argument(
        "--static", type=Path, metavar="FOLDER", help="write the page and copies of the clips, and stop"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the files of a --static folder")
    parser.add_argument("--open", action="store_true", help="open the page in the web browser")
    return parser.parse_args(argv)


def view_result(argv: list[str]) -> int:
    """Serve the page until Ctrl-C, or write it; return 0."""
    args = parse_args(argv)
    from dataclasses import replace

    from mmaction.io.marks import MARKS
    from mmaction.label_spaces import load_label_space
    from mmaction.reports.clip_browser import ClipBrowser
    from mmaction.reports.report import result_name
    from mmaction.structures import Result

    result = Result.load(args.result)
    if args.label_space:
        space = load_label_space(args.label_space)
        result = replace(result, label_space=space, classes=space.names)
    folder = args.result if args.result.is_dir() else args.result.parent
    browser = ClipBrowser(result, result_name(args.result), args.videos, args.annotations)
    if args.errors:
        browser.keep_errors()
    marks = args.marks or folder / MARKS
    if args.static:
        write_static(args, browser, marks)
    else:
        serve(args, browser, marks)
    return 0


def write_static(args: argparse.Namespace, browser: "ClipBrowser", marks: Path) -> None:
    """Write the page as a folder that needs no server."""
    from tqdm import tqdm

    from mmaction.reports.clip_browser import PAGE
    from mmaction.reports.clip_server import MarkBook
    from mmaction.utils.files import claim

    claim(args.static, args.overwrite, [args.result], is_folder=True)
    browser.write(args.static, MarkBook(marks, browser).read(), lambda items: tqdm(items, unit="clip"))
    size = sum(path.stat().st_size for path in args.static.rglob("*") if path.is_file())
    print(f"{len(browser.result)} clips: {args.static / PAGE} ({size / 1e6:.1f} MB)")


def serve(args: argparse.Namespace, browser: "ClipBrowser", marks: Path) -> None:
    """Serve the page until Ctrl-C."""
    from mmaction.reports.clip_server import ClipServer

    said = {name: getattr(args, name) for name in ("true", "predicted") if getattr(args, name) is not None}
    start = "#" + "&".join(f"{name}={value}" for name, value in said.items()) if said else ""
    server = ClipServer(browser, marks, args.port)
    print(browser.summary())
    print(f"page: {server.address}{start}  (Ctrl-C ends it)\nmarks: {server.marks.path}", flush=True)
    if args.open:
        import webbrowser

        webbrowser.open(server.address + start)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        server.server_close()
