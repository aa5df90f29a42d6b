"""Types of command-line arguments, and options, that several tools take."""

import argparse
import math
import os
from pathlib import Path

from mmaction.skeletons import AUTO


def image_size(text: str) -> tuple[int, int]:
    """Read ``WIDTHxHEIGHT`` in pixels, both at least 1."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise argparse.ArgumentTypeError(f"expected WIDTHxHEIGHT such as 1280x720, got {text!r}")
    return int(width), int(height)


def at_least_one(text: str) -> int:
    """Read a whole number of at least 1, such as a number of threads."""
    if not (text.isascii() and text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got {text!r}")
    return int(text)


def positive_number(text: str) -> float:
    """Read a number above 0, such as seconds or frames per second."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text!r}")
    return number


def split_and_file(text: str) -> tuple[str, Path]:
    """Read ``SPLIT=FILE``."""
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"expected SPLIT=FILE such as train=data/gym/gym99/train.txt, got {text!r}")
    return name, Path(path)


def add_workers_option(parser: argparse.ArgumentParser, *names: str) -> None:
    """Add ``--workers`` for threads, and the names that it has beside that."""
    cores = os.cpu_count() or 1
    parser.add_argument(*names, "--workers", type=at_least_one, default=cores, help="threads (default: one per core)")


def add_layout_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--layout``."""
    parser.add_argument(
        "--layout",
        default=AUTO,
        help="skeleton layout: a name, or a .json or .py file that describes one (default: the one that the config "
        "states, else a guess from the number of joints)",
    )
