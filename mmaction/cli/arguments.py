"""Command-line options that the tools around one model share."""

import argparse
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TextIO

from mmaction.skeletons import Layout, choose_layout
from mmaction.utils.cli import add_config_options, add_trust_option, config_parser
from mmaction.utils.config import load_config

if TYPE_CHECKING:
    from mmengine import Config

    from mmaction.models.recognizers.base import BaseRecognizer


def model_parser(
    description: str | None, checkpoint: str = "required", with_device: bool = True
) -> argparse.ArgumentParser:
    """Return a parser with config, checkpoint (``required`` or ``optional``), device, trust and config options."""
    parser = config_parser(description)
    nargs = "?" if checkpoint == "optional" else None
    parser.add_argument("checkpoint", help="weights: a file or a web address", nargs=nargs)
    if with_device:
        parser.add_argument("--device", help="such as cpu or cuda:0 (default: the first GPU, else the CPU)")
    add_trust_option(parser)
    add_config_options(parser)
    return parser


def add_sample_options(parser: argparse.ArgumentParser, num: int) -> None:
    """Add the options that say how much of the test set is used and how it is read."""
    parser.add_argument("--num", type=int, default=num, help=f"test samples, evenly spread; 0: all (default: {num})")
    parser.add_argument("--batch-size", type=int, default=8, help="samples at once (default: 8)")
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare data (default: none)")


def read_config(args: argparse.Namespace, notes_to: TextIO | None = None) -> "Config":
    """Return the config that ``args`` name, with ``--cfg-options`` applied; print notes (default: on stdout)."""
    cfg, notes = load_config(args.config, args.cfg_options)
    for note in notes:
        print(note, file=notes_to)
    return cfg


def open_model(args: argparse.Namespace) -> "BaseRecognizer":
    """Return the model that the options of :func:`model_parser` describe, ready for prediction."""
    from mmaction.apis import init_recognizer

    return init_recognizer(read_config(args), args.checkpoint, args.device, args.trust_checkpoint)


def layout_chooser(layout: str, cfg: Any) -> Callable[[int], Layout]:
    """Return a function from a number of joints to their layout, which says once where it has to guess."""
    return cache(partial(choose_layout, layout, config=cfg))


def find_layout(layout: str, dataset: Any, cfg: Any) -> Layout:
    """Return the skeleton layout of a data set; ``layout`` is what ``--layout`` says, and ``auto`` asks ``cfg``.

    ValueError if the samples are no skeletons, or the layout has another number of joints.
    """
    keypoint = dataset.get_data_info(0).get("keypoint")
    if keypoint is None:
        raise ValueError(f"{type(dataset).__name__} has no skeletons; this tool is for skeleton models")
    return choose_layout(layout, keypoint.shape[-2], cfg)
