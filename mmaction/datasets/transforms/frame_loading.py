"""Read frames that are not in a video: extracted images, one image, an array."""

import os
from contextlib import suppress

import cv2
import mmcv
import numpy as np

from mmaction.datasets.transforms.base import Transform
from mmaction.datasets.transforms.loading import fetch
from mmaction.registry import TRANSFORMS


def _with_frames(results: dict, imgs: list[np.ndarray]) -> dict:
    results["imgs"] = imgs
    results["original_shape"] = results["img_shape"] = imgs[0].shape[:2]
    return results


@TRANSFORMS.register_module()
class RawFrameDecode(Transform):
    """Read the sampled frames from a folder of images, each once however many clips share it.

    Optical flow (``modality='Flow'``) has two gray images a frame: x and y components, which take turns in ``imgs``.

    Args:
        io_backend: MMEngine's name of the place where the files are, such as ``'disk'``.
        decoding_backend: mmcv's name of the image decoder: ``'cv2'``, ``'turbojpeg'`` or ``'pillow'``.
        **kwargs: Further arguments of MMEngine's storage backend.

    Raises:
        FileNotFoundError: In use, if an image is missing.
        ValueError: In use, if an image cannot be decoded.
    """

    reads: tuple[str, ...] = ("frame_dir", "filename_tmpl", "modality", "frame_inds")
    writes = ("imgs", "img_shape", "original_shape")

    def __init__(self, io_backend: str = "disk", decoding_backend: str = "cv2", **kwargs) -> None:
        self.io_backend = io_backend
        self.decoding_backend = decoding_backend
        self.kwargs = kwargs

    def transform(self, results: dict) -> dict:
        """Write ``imgs``, ``img_shape`` and ``original_shape``."""
        folder, template, is_flow = results["frame_dir"], results["filename_tmpl"], results["modality"] == "Flow"
        offset = results.get("offset", 0)
        read: dict[str, np.ndarray] = {}
        imgs = []
        for index in np.asarray(results["frame_inds"]).reshape(-1).tolist():
            parts = [("x", index + offset), ("y", index + offset)] if is_flow else [(index + offset,)]
            for part in parts:
                name = template.format(*part)
                if name not in read:
                    read[name] = self._read(os.path.join(folder, name), "grayscale" if is_flow else "color")
                imgs.append(read[name])
        return _with_frames(results, imgs)

    def _read(self, path: str, flag: str) -> np.ndarray:
        try:
            content = fetch(path, self.io_backend, self.kwargs)
        except FileNotFoundError:
            raise FileNotFoundError(
                f"there is no image {path}: check filename_tmpl, start_index and the number of frames in the list"
            ) from None
        image = None
        with suppress(cv2.error, OSError):  # the decoders raise, or give None for a gray image
            image = mmcv.imfrombytes(content, flag=flag, channel_order="rgb", backend=self.decoding_backend)
        if image is None:
            raise ValueError(f"{path} cannot be decoded as an image")
        return image


@TRANSFORMS.register_module()
class ImageDecode(RawFrameDecode):
    """Read the one image ``filename`` as a video of one frame; arguments as in `RawFrameDecode`."""

    reads = ("filename",)

    def transform(self, results: dict) -> dict:
        """Write ``imgs``, ``img_shape`` and ``original_shape``."""
        return _with_frames(results, [self._read(results["filename"], "color")])


@TRANSFORMS.register_module()
class ArrayDecode(Transform):
    """Take the sampled frames from ``array``, ``(T, H, W, C)``; C is 3 (RGB), or 2 (x, y) with ``modality='Flow'``."""

    reads = ("array", "frame_inds", "modality")
    writes = ("imgs", "img_shape", "original_shape")

    def transform(self, results: dict) -> dict:
        """Write ``imgs``, ``img_shape`` and ``original_shape``; ValueError if a sampled frame is outside ``array``."""
        array, inds = results["array"], np.asarray(results["frame_inds"]).reshape(-1)
        offset = results.get("offset", 0)
        if array.ndim != 4:
            raise ValueError(f"array has the shape (T, H, W, C); got {array.shape}")
        if inds.min() + offset < 0 or inds.max() + offset >= len(array):
            raise ValueError(f"frames {inds.min() + offset} to {inds.max() + offset} asked of {len(array)} in array")
        frames = [array[index + offset] for index in inds]
        if results["modality"] == "Flow":
            frames = [frame[..., component] for frame in frames for component in (0, 1)]
        return _with_frames(results, frames)
