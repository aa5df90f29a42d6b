"""Finding videos and finding out whether they are whole."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, TypeVar

from mmaction.io.video.encoding import upright_shape
from mmaction.io.video.integrity import VideoError, whole_packets

if TYPE_CHECKING:
    import av

VIDEO_SUFFIXES = frozenset((".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".ts", ".gif"))
IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png"))  # of extracted frames
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class VideoFacts:
    """What a look at a video found.

    Attributes:
        frames: Frames that are there (counted, not what the header states).
        width: Pixels of the first frame, upright.
        height: Pixels of the first frame, upright.
        fps: Average frames per second, 0 where unknown.
    """

    frames: int
    width: int
    height: int
    fps: float


def list_videos(folder: str | Path) -> Iterator[tuple[str, Path]]:
    """Yield name without extension and path of all videos below a folder; links to folders are followed.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of videos at {folder}")
    for root, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for name in sorted(names):
            path = Path(root, name)
            if path.suffix.lower() in VIDEO_SUFFIXES and not name.startswith("."):
                yield path.stem, path


def find_videos(folder: str | Path) -> dict[str, Path]:
    """Return all videos below a folder by name without extension.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If two videos have one name.
    """
    found: dict[str, Path] = {}
    for stem, path in list_videos(folder):
        if stem in found:
            raise ValueError(f"two videos are named {stem}: {found[stem]} and {path}; keep one of them")
        found[stem] = path
    return found


class VideoFolder:
    """The videos below a folder, found by the names of clips.

    A video is named by its path in the folder, without extension. It belongs to the clip of this name, else to one
    whose name is the end of it or ends in it: ``judo/001`` to ``001`` and ``videos/judo/001``, never to ``dive/001``.

    Raises:
        FileNotFoundError: If there is no such folder.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._by_stem: dict[str, list[Path]] = defaultdict(list)
        for stem, path in list_videos(folder):
            self._by_stem[stem].append(path)

    def find(self, clip: str) -> Path | None:
        """Return the video of a clip, None if there is none.

        Raises:
            ValueError: If two videos could be meant.
        """
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


def look_at(
    path: str | Path, *, decode: bool = False, watch: Callable[[av.VideoFrame], None] | None = None
) -> VideoFacts:
    """Count the frames of a video.

    Args:
        path: The video.
        decode: Decode every frame, which finds all damage. By default the first frame is decoded and the others are
            only read, which finds files that are cut off at a hundredth of the cost.
        watch: Called with every frame that is decoded.

    Raises:
        VideoError: If it has no video stream, no frame, or does not decode; the message holds the path.
    """
    import av

    try:
        with av.open(str(path), metadata_errors="replace") as container:
            if not container.streams.video:
                raise VideoError(f"{path}: holds no video stream")
            stream = container.streams.video[0]
            stream.thread_count = 1
            frames, first = _count(container, stream, decode, watch)
            fps = float(stream.average_rate or 0)
    except (av.error.FFmpegError, OSError, IndexError) as error:  # IndexError: PyAV, on a packet of no known stream
        raise VideoError(f"{path}: cannot be read ({reason(error)})") from error
    height, width = upright_shape(first)
    return VideoFacts(frames, width, height, fps)


def reason(error: Exception) -> str:
    """Return what a video library's error says, without its number and file name."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _count(container, stream, decode: bool, watch: Callable | None) -> tuple[int, av.VideoFrame]:
    """Count decoded frames, or packets once the first frame was decoded, and return that frame too."""
    first, packets, frames = None, 0, 0
    for packet in whole_packets(container, stream):
        packets += bool(packet.size) and not packet.is_discard
        if decode or not frames:
            decoded = packet.decode()
            frames += len(decoded)
            first = first or next(iter(decoded), None)
            for frame in decoded if watch else ():
                watch(frame)
    if not frames:
        raise VideoError(f"{container.name}: holds no frame that decodes")
    return (frames if decode else packets), first


def in_parallel(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    stop: threading.Event | None = None,
    ahead: int = 4,
) -> Iterator[tuple[Item, Result]]:
    """Yield ``(item, function(item))`` as they get done, from threads; video libraries work outside Python's lock.

    Args:
        function: Work on one item. An exception ends the iteration.
        items: Taken as needed, not collected.
        workers: Number of threads.
        stop: Set when the iteration ends early, so that running work can end itself.
        ahead: Items per thread that may wait.
    """
    source = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        running = {}
        try:
            while True:
                for item in source:
                    running[pool.submit(function, item)] = item
                    if len(running) >= workers * ahead:
                        break
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        finally:
            if stop is not None and running:
                stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
