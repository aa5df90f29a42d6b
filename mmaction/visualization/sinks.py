"""Where drawn frames go: a video, a GIF, a folder of pictures or one contact sheet."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mmaction.io.video.writers import ImageFolderSink, Sink, VideoSink, write_image
from mmaction.utils.files import move_into, replacing
from mmaction.visualization.draw import contact_sheet, fit_height

SHEET_HEIGHT = 240
GIF_SIDE, GIF_FPS = 480, 12.5  # longest side in pixels, frames a second


class SheetSink:
    """Collect small copies of the frames and write them as one contact sheet, ``.png`` or ``.jpg``.

    A row holds ``columns`` pictures of ``height`` pixels; smaller frames keep their size.
    """

    def __init__(self, path: Path, columns: int, height: int = SHEET_HEIGHT) -> None:
        self.path, self.columns, self.height = path, columns, height
        self._images: list[np.ndarray] = []

    def write(self, image: np.ndarray, time_s: float | None = None) -> None:
        """Keep a small copy of one frame; a sheet shows no times."""
        self._images.append(fit_height(image, min(self.height, image.shape[0])))

    def close(self) -> None:
        """Write the sheet."""
        write_image(self.path, contact_sheet(self._images, self.columns))


class GifSink:
    """A GIF of a few MB: frames at most ``GIF_SIDE`` pixels long, about ``GIF_FPS`` of them a second, others left out.

    ``note`` says what was left out, once the first frame is written.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self._every, self._count, self.note = max(1, round(fps / GIF_FPS)), 0, ""
        self._sink = VideoSink(path, fps / self._every)

    def write(self, image: np.ndarray, time_s: float | None = None) -> None:
        """Take one frame, shown ``time_s`` seconds after the first."""
        share = min(GIF_SIDE / max(image.shape[:2]), 1.0)
        if not self._count:
            parts = [f"every {self._every} frames one" if self._every > 1 else "", f"{share:.0%} of the size"]
            self.note = ", ".join(part for part in parts[: 2 if share < 1 else 1] if part)
        if self._count % self._every == 0:
            self._sink.write(fit_height(image, round(share * image.shape[0])) if share < 1 else image, time_s)
        self._count += 1

    def close(self) -> None:
        """Finish the file."""
        self._sink.close()


def movie_sink(path: Path, fps: float) -> Sink:
    """Return the sink of an MP4 or a GIF, as the suffix says."""
    return GifSink(path, fps) if path.suffix.lower() == ".gif" else VideoSink(path, fps)


@contextmanager
def open_sink(kind: str, path: Path, fps: float, columns: int) -> Iterator[Sink]:
    """Open an output of a kind; it appears under its name only when it is complete.

    A folder that exists gets the frames and keeps its other files; frames of an earlier, longer drawing are deleted.
    """
    if kind != "frames":
        with replacing(path, f".partial{path.suffix}") as partial:
            sink: Sink = SheetSink(partial, columns) if kind == "sheet" else movie_sink(partial, fps)
            yield sink
            sink.close()
        return
    partial = path.with_name(f".partial-{path.name}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        sink = ImageFolderSink(partial)
        yield sink
        sink.close()
        move_into(partial, path, lambda file: ImageFolderSink.NAME.fullmatch(file.name) is not None)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
