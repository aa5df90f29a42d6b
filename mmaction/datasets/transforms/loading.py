"""Open videos and read their frames."""

import os
from io import BytesIO
from pathlib import Path

import numpy as np
from mmengine.fileio import get

from mmaction.datasets.functional.lazy_frames import LazyFrames
from mmaction.datasets.transforms.base import Transform
from mmaction.io.video import VideoReader, check_backend, open_video
from mmaction.registry import TRANSFORMS

LOCAL = ("disk", "local")


def fetch(path: str, io_backend: str, storage_args: dict) -> bytes:
    """Return the content of a file, from the local disk or one of MMEngine's remote file stores."""
    if io_backend in LOCAL:
        return Path(path).read_bytes()
    return get(path, backend_args={"backend": io_backend, **storage_args})


@TRANSFORMS.register_module()
class VideoInit(Transform):
    """Open the video ``filename``, in the process that reads it.

    Args:
        io_backend: Where files are, by MMEngine's name: ``'disk'``, or one of its remote file stores.
        num_threads: Threads that decode.
        backend: Decoder, see `mmaction.io.video.open_video`; by default the class chooses it.
        **kwargs: Further arguments of MMEngine's storage backend.

    Raises:
        ValueError: If there is no such decoder; in use, if the file is no video.
        FileNotFoundError: In use, if there is no such file.
    """

    reads = ("filename",)
    writes = ("video_reader", "total_frames", "avg_fps")
    default_backend = "auto"

    def __init__(self, io_backend: str = "disk", num_threads: int = 1, backend: str | None = None, **kwargs) -> None:
        self.io_backend = io_backend
        self.num_threads = num_threads
        self.backend = check_backend(backend or self.default_backend)
        self.kwargs = kwargs

    def transform(self, results: dict) -> dict:
        """Write ``video_reader``, ``total_frames`` and ``avg_fps``."""
        source = results["filename"]
        if self.io_backend not in LOCAL:
            content = BytesIO(fetch(source, self.io_backend, self.kwargs))
            content.name = os.fspath(source)
            source = content
        reader = open_video(source, self.backend, self.num_threads)
        results["video_reader"] = reader
        results["total_frames"] = reader.num_frames
        results["avg_fps"] = reader.fps
        return results


@TRANSFORMS.register_module()
class DecordInit(VideoInit):
    """`VideoInit` by its published name: PyAV gives decord2's frames in half the time, ``backend='decord'`` decord2."""


@TRANSFORMS.register_module()
class PyAVInit(VideoInit):
    """`VideoInit` with PyAV."""

    default_backend = "pyav"


@TRANSFORMS.register_module()
class OpenCVInit(VideoInit):
    """`VideoInit` with OpenCV."""

    default_backend = "opencv"


@TRANSFORMS.register_module()
class VideoDecode(Transform):
    """Read the sampled frames, each once however many clips share it.

    Frames are decoded when they are used: the geometry steps that follow are carried out frame by frame while decoding,
    with the same result as one after the other, and only what the model gets is kept (see `LazyFrames`).

    Args:
        lazy: Also make the first resize and crop part of the conversion to RGB. A large image is then shrunk in YUV,
            which changes some pixels a little (see `mmaction.io.video.color.YuvFrame`).

    Raises:
        ValueError: Where the frames are used, if one is outside the video or cannot be decoded.
    """

    reads: tuple[str, ...] = ("video_reader", "frame_inds")
    writes = ("imgs", "img_shape", "original_shape")

    def __init__(self, lazy: bool = True) -> None:
        self.lazy = lazy

    def transform(self, results: dict) -> dict:
        """Write ``imgs`` (RGB, uint8), ``img_shape`` and ``original_shape``, and let go of ``video_reader``."""
        reader: VideoReader = results["video_reader"]
        inds = np.asarray(results["frame_inds"]).reshape(-1)
        results["video_reader"] = None
        imgs = LazyFrames(reader.frames(inds), inds, merge=self.lazy)
        results["imgs"] = imgs
        results["original_shape"] = results["img_shape"] = imgs.img_shape
        return results


@TRANSFORMS.register_module()
class DecordDecode(VideoDecode):
    """`VideoDecode` by its published name.

    Args:
        mode: ``'accurate'``, or ``'efficient'``, which older recipes use and which reads the exact frames as well.
        io_backend: Accepted because published recipes give it here; `DecordInit` is where it counts.
        lazy: As in `VideoDecode`.
    """

    def __init__(self, mode: str = "accurate", io_backend: str = "disk", lazy: bool = False) -> None:
        if mode not in ("accurate", "efficient"):
            raise ValueError(f"mode is 'accurate' or 'efficient'; got {mode!r}")
        super().__init__(lazy)


@TRANSFORMS.register_module()
class PyAVDecode(DecordDecode):
    """`VideoDecode` by its published name.

    Args:
        multi_thread: Let FFmpeg choose the number of threads.
        mode: As in `DecordDecode`.
        lazy: As in `VideoDecode`.
    """

    def __init__(self, multi_thread: bool = False, mode: str = "accurate", lazy: bool = False) -> None:
        super().__init__(mode, lazy=lazy)
        self.multi_thread = multi_thread

    def transform(self, results: dict) -> dict:
        """Write what `VideoDecode` writes."""
        if self.multi_thread:
            results["video_reader"].num_threads = 0
        return super().transform(results)


@TRANSFORMS.register_module()
class OpenCVDecode(VideoDecode):
    """`VideoDecode` by its published name; ``lazy`` as there."""

    def __init__(self, lazy: bool = False) -> None:
        super().__init__(lazy)
