"""Names of clips, which different lists give differently, and of their images."""

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


def checked_template(template: str, modality: str) -> str:
    """Return ``template``; ValueError unless it names different frames (and components of flow) differently."""
    parts = [("x", 1), ("y", 1), ("x", 2)] if modality == "Flow" else [(1,), (2,)]
    try:
        names = {template.format(*part) for part in parts}
    except (IndexError, KeyError, ValueError) as error:
        raise ValueError(f"filename_tmpl={template!r} cannot name the images of modality {modality}: {error}") from None
    if len(names) < len(parts):
        example = "{}_{:05}.jpg (x or y, then the index)" if modality == "Flow" else "img_{:05}.jpg"
        raise ValueError(f"filename_tmpl={template!r} gives several images the same name; expected e.g. {example}")
    return template
