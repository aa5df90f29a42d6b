"""What a user names to be classified: files, folders, patterns and addresses, found and read as clips."""

import glob
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmaction.apis.clips import Clip, as_clip
from mmaction.io.annotations import load_annotations
from mmaction.io.downloads import cached, is_address
from mmaction.io.suffixes import describe_passed_over, is_image, is_pickle
from mmaction.io.video.folders import no_videos, walk_videos
from mmaction.structures.sample_name import sample_name
from mmaction.utils.cli import suggest


def say(line: str) -> None:
    """Print a line on the standard error."""
    print(line, file=sys.stderr)


def expand_inputs(inputs: Sequence[str]) -> list[str]:
    """Return files, addresses and folders of frames for paths, addresses, folders of clips and patterns."""
    found: list[str] = []
    for text in inputs:
        path = Path(text).expanduser()
        if "://" in text:
            found.append(text)
        elif path.is_dir():
            found += _clips_in(path)
        elif glob.has_magic(text) and not path.exists():
            matches = sorted(glob.glob(str(path), recursive=True))
            if not matches:
                raise FileNotFoundError(f"no file matches the pattern {text}")
            found += expand_inputs(matches)
        else:
            found.append(str(path))
    return found


def _clips_in(folder: Path) -> list[str]:
    """Return the videos below ``folder``, or else the folders of images."""
    videos, others = walk_videos(folder)
    if not videos:
        frames = {str(path.parent) for path in others if is_image(path)}
        if not frames:
            raise no_videos(folder)
        return sorted(frames)
    if others:
        say(f"{folder}: {describe_passed_over(others)}")
    return [str(path) for path in videos]


def sources_of(path: str, split: str | None = None, names: Sequence[str] = ()) -> list[str] | list[dict]:
    """Return what to classify in one file: the file itself, or a pickle's annotations: all, or a split's.

    ``names`` chooses clips of a pickle; KeyError if it has none of a name.
    """
    if not is_pickle(path):
        return [path]
    annotations = load_annotations(cached(path) if is_address(path) else path, split, needs_label=False)
    if not names:
        return annotations
    by_name: dict[str, list[dict]] = {}
    for info in annotations:
        by_name.setdefault(sample_name(info), []).append(info)
    for name in names:
        if name not in by_name:
            raise KeyError(f"{path} has no clip {name!r}{suggest(name, by_name)}")
    return [info for name in names for info in by_name[name]]


def read_clips(
    sources: Sequence[str | dict], dataset: Mapping[str, Any], tell: Callable[[str], Any] = say
) -> Iterator[Clip]:
    """Yield the clips; a skeleton annotation among others that lacks something is named and left out."""
    for source in sources:
        try:
            yield as_clip(source, dataset)
        except ValueError as error:
            if isinstance(source, str) or len(sources) == 1:
                raise
            tell(f"error: {error}")


def number_skeletons(clips: Iterable[Clip]) -> Iterator[Clip]:
    """Yield the clips; a second skeleton of a name is called ``NAME (2)``."""
    seen: Counter[str] = Counter()
    for clip in clips:
        seen[clip.name] += clip.kind == "skeleton"
        yield replace(clip, name=f"{clip.name} ({seen[clip.name]})") if seen[clip.name] > 1 else clip
