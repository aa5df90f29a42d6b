"""Find the same clip under the names that different lists give it."""

import re
from collections.abc import Sequence

from mmaction.io.suffixes import VIDEO_SUFFIXES
from mmaction.utils.cli import suggest

_SUFFIX = re.compile(rf"({'|'.join(map(re.escape, sorted(VIDEO_SUFFIXES)))})(?=( #\d+)?$)", re.IGNORECASE)


def _plain(sample: str) -> str:
    """Return an id without the suffix of a video."""
    return _SUFFIX.sub("", sample)


def match_names(names: Sequence[str], wanted: Sequence[str], owner: str, advice: str) -> list[int]:
    """Return where in ``names`` each of ``wanted`` is; ValueError, about ``owner`` and with ``advice``, if one is not.

    Videos and skeletons of one clip go together, in whatever folders they lie: where the names differ, they are
    compared without the suffix of a video, then without folders, as long as that leaves them unique.
    """
    missing = list(wanted)
    for key in (str, _plain, lambda sample: _plain(sample).rpartition("/")[2]):
        position = {key(sample): i for i, sample in enumerate(names)}
        keys = [key(sample) for sample in wanted]
        if len(position) < len(names) or len(set(keys)) < len(set(wanted)):
            continue
        lacking = [sample for sample, plain in zip(wanted, keys, strict=True) if plain not in position]
        if not lacking:
            return [position[plain] for plain in keys]
        missing = min(missing, lacking, key=len)
    raise ValueError(
        f"{owner} lacks {len(missing)} of {len(wanted)} samples, the first is {missing[0]!r}"
        f"{suggest(missing[0], names, 1)}; {advice}"
    )
