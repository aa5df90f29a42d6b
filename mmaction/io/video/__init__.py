"""Videos: `open_video` picks a decoder, the `VideoReader` it returns gives frames and tells their times."""

from contextlib import suppress

from mmaction.io.video.backends import DecordReader, OpenCVReader, TorchCodecCudaReader, TorchCodecReader
from mmaction.io.video.base import VideoReader
from mmaction.io.video.container import Source, VideoError
from mmaction.io.video.frame import Frame
from mmaction.io.video.probe import VideoInfo, check_video, probe
from mmaction.io.video.pyav_reader import PyAVReader
from mmaction.utils.cli import suggest

READERS: dict[str, type[PyAVReader | DecordReader | OpenCVReader | TorchCodecReader]] = {
    "pyav": PyAVReader,
    "decord": DecordReader,
    "opencv": OpenCVReader,
    "torchcodec": TorchCodecReader,
    "torchcodec-cuda": TorchCodecCudaReader,
}
BACKENDS = ("auto", *READERS)
# In these streams a reader that seeks finds every frame; readers that do not seek always do.
_EXACT = {
    "decord": lambda info: info.decord_is_exact,
    "torchcodec": lambda info: info.is_seekable,
    "torchcodec-cuda": lambda info: info.is_seekable,
}

__all__ = ["BACKENDS", "Frame", "VideoError", "VideoInfo", "VideoReader"]
__all__ += ["check_backend", "check_video", "open_video", "probe"]


def check_backend(backend: str) -> str:
    """Return ``backend``; ValueError if no decoder has that name, or it needs a GPU and there is none."""
    if backend not in BACKENDS:
        raise ValueError(f"backend is one of {', '.join(BACKENDS)}; got {backend!r}{suggest(backend, BACKENDS, 1)}")
    if backend == "torchcodec-cuda":
        import torch

        if not torch.cuda.is_available():
            raise ValueError("backend='torchcodec-cuda' needs an NVIDIA GPU, and PyTorch finds none; leave backend out")
    return backend


def open_video(source: Source, backend: str = "auto", num_threads: int = 1) -> VideoReader:
    """Open a video for reading; call it in the process that reads, since readers do not survive a fork.

    >>> reader = open_video("dive.mp4")  # doctest: +SKIP
    >>> reader.num_frames, reader.info.duration  # doctest: +SKIP
    >>> first, end = reader.info.frames_between(1.5, 2.0)  # doctest: +SKIP
    >>> images = [frame.rgb() for _, frame in reader.frames(range(first, end))]  # doctest: +SKIP

    Args:
        source: Path, or the file's content.
        backend: ``'auto'`` (PyAV, which converts only what is used), ``'pyav'``, ``'decord'``, ``'opencv'``,
            ``'torchcodec'`` or ``'torchcodec-cuda'``, which decodes on a GPU. PyAV also reads the streams that
            decord or torchcodec does not open or reads wrongly.
        num_threads: Threads that decode.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no video (`VideoError`), or there is no such decoder.
        ModuleNotFoundError: If torchcodec is asked for and does not load.
    """
    check_backend(backend)
    if backend in _EXACT:
        info = probe(source)
        with suppress(ValueError):
            reader = READERS[backend](source, num_threads) if _EXACT[backend](info) else None
            if reader is not None and reader.num_frames == info.num_frames:
                return reader
    if backend == "auto" or backend in _EXACT:
        backend = "pyav"
    return READERS[backend](source, num_threads)
