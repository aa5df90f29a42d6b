"""Readers over other libraries, used on request: decord2, OpenCV and torchcodec. PyAV reads what one of them cannot."""

import os
import tempfile
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmaction.io.video.base import VideoReader
from mmaction.io.video.container import Source, not_a_video
from mmaction.io.video.frame import Frame
from mmaction.io.video.pyav_reader import PyAVReader


class _OtherReader(VideoReader):
    """Where the library fails or gives too few frames, PyAV reads the rest, or says how far it gets."""

    _errors: tuple[type[Exception], ...] = (RuntimeError,)

    @abstractmethod
    def _images(self, indices: list[int]) -> Iterator[np.ndarray]:
        """Yield frames as RGB, uint8, ``(H, W, 3)``, as far as the library reads them."""

    def decode(self, indices: Sequence[int]) -> Iterator[tuple[int, Frame]]:
        """Yield the frames of ``indices``, which ascend."""
        left = list(indices)
        try:
            for image in self._images(list(indices)) if left else ():
                yield left.pop(0), Frame(image)
        except self._errors:
            pass  # no error is swallowed: PyAV meets it too, or reads the frames
        if left:
            by_pyav = PyAVReader(self.source, self.num_threads)
            yield from by_pyav.decode(left)
            self._fault = by_pyav._fault


class DecordReader(_OtherReader):
    """Reads with decord2; exact where `VideoInfo.decord_is_exact` says so."""

    def __init__(self, source: Source, num_threads: int = 1) -> None:
        import decord

        super().__init__(source, num_threads)
        self._errors = (decord.DECORDError, RuntimeError)
        path = os.fspath(source) if isinstance(source, (str, Path)) else source
        try:
            self._video = decord.VideoReader(path, num_threads=num_threads)
        except (*self._errors, AssertionError) as error:
            raise not_a_video(source, "decord does not open it") from error
        self.num_frames = len(self._video)

    def _images(self, indices: list[int]) -> Iterator[np.ndarray]:
        yield from self._video.get_batch(indices).asnumpy()


class OpenCVReader(_OtherReader):
    """Reads with OpenCV, forward from the first frame: exact, and slow for frames late in a video."""

    def __init__(self, source: Source, num_threads: int = 1) -> None:
        super().__init__(source, num_threads)
        if not isinstance(source, (str, Path)):  # OpenCV reads files alone
            self._copy = tempfile.NamedTemporaryFile(suffix=".video")  # noqa: SIM115 - lives as long as the reader
            self._copy.write(source.getbuffer())
            self._copy.flush()
            source = self._copy.name
        self._path = os.fspath(source)
        self._open().release()

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(self._path, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, self.num_threads])
        if not capture.isOpened():
            raise not_a_video(self.name, "OpenCV does not open it")
        return capture

    def _images(self, indices: list[int]) -> Iterator[np.ndarray]:
        capture, position = self._open(), 0
        try:
            for index in indices:
                for _ in range(position, index + 1):
                    if not capture.grab():
                        return
                position = index + 1
                done, image = capture.retrieve()
                if not done:
                    return
                yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        finally:
            capture.release()


class TorchCodecReader(_OtherReader):
    """Reads with torchcodec, an optional package; exact where frames are found by time (`VideoInfo.is_seekable`)."""

    device = "cpu"

    def __init__(self, source: Source, num_threads: int = 1) -> None:
        try:
            from torchcodec.decoders import VideoDecoder
        except (ImportError, RuntimeError) as error:
            raise ModuleNotFoundError(
                "backend='torchcodec' needs the package torchcodec and a system FFmpeg: pip install torchcodec and "
                f"install FFmpeg, or leave backend out ({str(error).splitlines()[0]})"
            ) from error
        super().__init__(source, num_threads)
        content = str(source) if isinstance(source, (str, Path)) else source.getvalue()
        try:
            self._video = VideoDecoder(content, **self._options(num_threads))
        except (RuntimeError, ValueError) as error:
            raise not_a_video(source, str(error).splitlines()[0]) from error
        self.num_frames = len(self._video)

    def _options(self, num_threads: int) -> dict[str, Any]:
        """Return how the library decodes."""
        return {"device": self.device, "dimension_order": "NHWC", "num_ffmpeg_threads": num_threads}

    def _images(self, indices: list[int]) -> Iterator[np.ndarray]:
        yield from self._video.get_frames_at(indices).data.cpu().numpy()


class TorchCodecCudaReader(TorchCodecReader):
    """Decodes on an NVIDIA GPU; colors may differ by a few gray levels from what a CPU decodes.

    RuntimeError in a data worker that was forked after CUDA began.
    """

    device = "cuda"

    def __init__(self, source: Source, num_threads: int = 1) -> None:
        import torch

        if torch.cuda._is_in_bad_fork():
            raise RuntimeError(
                "backend='torchcodec-cuda' cannot decode in a forked data worker: set num_workers=0, or "
                "multiprocessing_context='spawn', in the data loader"
            )
        super().__init__(source, num_threads)

    def _options(self, num_threads: int) -> dict[str, Any]:
        return {"device": self.device, "dimension_order": "NHWC"}
