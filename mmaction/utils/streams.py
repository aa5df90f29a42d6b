"""The streams of a skeleton: the same network sees joints, bones, or the motion of either."""

from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

from mmaction.utils.config import set_steps, type_name, unformatted

STREAMS = {"j": "joint", "b": "bone", "jm": "joint-motion", "bm": "bone-motion"}


def has_streams(part: Any) -> bool:
    """Return whether a config, or a part of it, has the transform that chooses what of a skeleton the network sees."""
    return next(feats_of(part), None) is not None


def feats_of(part: Any) -> Iterator[tuple[str, ...]]:
    """Yield what each ``GenSkeFeat`` of a config gives."""
    if isinstance(part, dict) and type_name(part) == "GenSkeFeat":
        yield tuple(part.get("feats", ("j",)))
    elif isinstance(part, dict | list | tuple):
        for item in part.values() if isinstance(part, dict) else part:
            yield from feats_of(item)


def stream_config(cfg: Config, stream: str) -> Config:
    """Return the config of another stream, ``j``, ``b``, ``jm`` or ``bm``: all its ``GenSkeFeat`` give that feature.

    ValueError if the stream is unknown, or the config has no ``GenSkeFeat``.
    """
    if stream not in STREAMS:
        raise ValueError(f"stream {stream!r} is none of {', '.join(f'{k} ({v})' for k, v in STREAMS.items())}")
    if not has_streams(cfg.to_dict()):
        raise ValueError(f"config {cfg.filename or ''} has no GenSkeFeat in its pipelines, so it has no other streams")
    cfg = unformatted(cfg)
    set_steps(cfg._cfg_dict, "GenSkeFeat", feats=[stream])
    return cfg
