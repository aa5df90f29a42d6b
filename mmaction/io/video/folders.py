"""Find the videos of a folder, and the one that belongs to a clip."""

import os
from collections import defaultdict
from pathlib import Path, PurePath

from mmaction.io.suffixes import VIDEO_SUFFIXES, is_video


def walk_videos(folder: str | Path) -> tuple[list[Path], list[Path]]:
    """Return the videos below a folder and the files that are none by their names, both sorted.

    Links to folders are followed; files and folders whose names begin with a dot are in neither list.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of videos at {folder}")
    found: list[Path] = []
    passed_over: list[Path] = []
    for root, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(root, name) for name in names if not name.startswith(".")):
            (found if is_video(path) else passed_over).append(path)
    return sorted(found), sorted(passed_over)


def no_videos(folder: str | Path) -> FileNotFoundError:
    """Return the error for a folder without any video."""
    return FileNotFoundError(f"no video below {folder}; known endings: {', '.join(sorted(VIDEO_SUFFIXES))}")


def videos_by_name(folder: str | Path) -> tuple[dict[str, Path], list[Path]]:
    """Return the videos below a folder by their relative paths without suffix, and the files passed over.

    Names have ``/`` between folders on every system; ValueError if two videos differ in their suffix alone.
    """
    paths, passed_over = walk_videos(folder)
    if not paths:
        raise no_videos(folder)
    found: dict[str, Path] = {}
    for path in paths:
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise ValueError(f"{found[name]} and {path} differ in their suffix alone; rename one of them")
        found[name] = path
    return found, passed_over


def find_videos(folder: str | Path) -> dict[str, Path]:
    """Return all videos below a folder by name without extension; ValueError if two have one name."""
    found: dict[str, Path] = {}
    for path in walk_videos(folder)[0]:
        if path.stem in found:
            raise ValueError(f"two videos are named {path.stem}: {found[path.stem]} and {path}; keep one of them")
        found[path.stem] = path
    return found


class VideoFolder:
    """The videos below a folder, found by the names of clips.

    A video is named by its path in the folder, without extension. It belongs to the clip of this name, else to one
    whose name is the end of it or ends in it: ``judo/001`` to ``001`` and ``videos/judo/001``, never to ``dive/001``.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._by_stem: dict[str, list[Path]] = defaultdict(list)
        for path in walk_videos(folder)[0]:
            self._by_stem[path.stem].append(path)

    def find(self, clip: str) -> Path | None:
        """Return the video of a clip, None if there is none; ValueError if two videos could be meant."""
        wanted = PurePath(clip).parts[::-1]
        fitting: list[Path] = []
        for path in self._by_stem.get(PurePath(clip).name, ()):
            name = path.relative_to(self.folder).with_suffix("").parts[::-1]
            if name == wanted:
                return path
            if all(one == other for one, other in zip(name, wanted, strict=False)):
                fitting.append(path)
        if len(fitting) > 1:
            raise ValueError(
                f"{clip}: {fitting[0]} and {fitting[1]} could both be its video; name the clip with its folder, such "
                f"as {fitting[0].relative_to(self.folder).with_suffix('').as_posix()}, or keep one of the videos"
            )
        return fitting[0] if fitting else None
