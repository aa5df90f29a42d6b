"""Frames and optical flow of videos as images, in the layout that ``RawframeDataset`` reads."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from mmaction.datasets.functional.geometry import rescaled_shape
from mmaction.io.suffixes import is_image
from mmaction.io.video import check_video, open_video
from mmaction.utils.files import move_into

Flow = Callable[[np.ndarray, np.ndarray], np.ndarray]
TASKS = ("rgb", "flow", "both")
FLOW_TYPES = ("tvl1", "dis")


@dataclass(frozen=True)
class FrameSpec:
    """What to extract."""

    # ``'rgb'`` (``img_00001.jpg``), ``'flow'`` (``x_00001.jpg`` and ``y_00001.jpg``, from each frame to the next) or
    # ``'both'``
    task: str = "rgb"
    flow_type: str = "tvl1"  # ``'tvl1'`` or ``'dis'``
    bound: float = 20.0  # flow of ``-bound`` to ``bound`` pixels becomes gray 0 to 255; larger flow is cut off
    short: int = 0  # short edge of the images in pixels, 0 to keep the size; images are never enlarged
    out_format: str = "jpg"  # ``'jpg'`` or ``'png'``
    quality: int = 95  # JPEG quality, 1 to 100

    def __post_init__(self) -> None:
        choices = {"task": TASKS, "flow_type": FLOW_TYPES, "out_format": ("jpg", "png")}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}; got {getattr(self, name)!r}")
        if self.bound <= 0 or self.short < 0 or not 1 <= self.quality <= 100:
            raise ValueError(
                f"bound is above 0, short is 0 or more and quality is 1 to 100; got {self.bound}, {self.short} and "
                f"{self.quality}"
            )

    @property
    def options(self) -> dict:
        """What the images depend on, for the record."""
        values = asdict(self)
        return values if self.task != "rgb" else {k: v for k, v in values.items() if k not in ("flow_type", "bound")}


def flow_estimator(flow_type: str) -> Flow:
    """Return a function of two gray images (uint8, ``(H, W)``) that gives the flow in pixels, ``(H, W, 2)``: x, y.

    ``dis``: Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016. ``tvl1``: Zach et al., "A
    Duality Based Approach for Realtime TV-L1 Optical Flow", 2007; OpenCV's contributed modules compute it where they
    are installed, else scikit-image; ModuleNotFoundError without both.
    """
    if flow_type == "dis":
        dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        return lambda before, after: dis.calc(before, after, None)  # type: ignore[call-overload] # no first guess
    if hasattr(cv2, "optflow"):
        tvl1 = cv2.optflow.DualTVL1OpticalFlow_create()
        return lambda before, after: tvl1.calc(before, after, None)
    try:
        from skimage.registration import optical_flow_tvl1
    except ImportError as error:
        raise ModuleNotFoundError(
            "TV-L1 flow needs scikit-image (pip install scikit-image, or the extra [flow]), or opencv-contrib-python "
            "in place of opencv-python; DIS flow needs neither: --flow-type dis"
        ) from error

    def by_skimage(before: np.ndarray, after: np.ndarray) -> np.ndarray:
        # it takes values of 0 to 1, tells where a pixel of the first image lies in the second, and counts rows first
        shares = [image.astype(np.float32) / 255 for image in (before, after)]
        rows, columns = optical_flow_tvl1(*shares, attachment=15)
        return np.stack([columns, rows], axis=-1)

    return by_skimage


def flow_to_gray(flow: np.ndarray, bound: float) -> np.ndarray:
    """Map flow of ``-bound`` to ``bound`` pixels to 0 to 255, uint8; no flow is 128."""
    return np.clip(np.round((flow + bound) * (255 / (2 * bound))), 0, 255).astype(np.uint8)


def _sized_frames(path: Path, short: int) -> Iterator[np.ndarray]:
    reader = open_video(path)
    for _, frame in reader.frames(range(reader.num_frames)):
        image, shape = frame.rgb(), frame.shape
        if 0 < short < min(shape):
            image = cv2.resize(image, rescaled_shape(shape, (np.inf, short))[::-1], interpolation=cv2.INTER_AREA)
        yield image


def extract_frames(path: Path, folder: Path, spec: FrameSpec) -> int:
    """Write the images of a video into ``folder`` once all of them are made, and return its number of frames.

    Images of the same kind (``img_...``, or ``x_...`` and ``y_...``) that an earlier run left there are deleted.
    Nothing is written if the video cannot be read to its end, which is a ValueError.
    """
    scratch = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        count = _write_images(path, scratch, spec)
        check_video(path)  # the reader gives the frames of a file that is cut off; this refuses it
        move_into(scratch, folder, lambda image: _is_extracted(image, spec.task))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return count


def _is_extracted(path: Path, task: str) -> bool:
    """Whether a file is named as the images of a task are, in whatever format."""
    kind = {"rgb": "img", "flow": "x|y", "both": "img|x|y"}[task]
    return is_image(path) and re.fullmatch(rf"({kind})_\d+", path.stem) is not None


def _write_images(path: Path, folder: Path, spec: FrameSpec) -> int:
    arguments = [cv2.IMWRITE_JPEG_QUALITY, spec.quality] if spec.out_format == "jpg" else []

    def write(name: str, image: np.ndarray) -> None:
        target = folder / f"{name}.{spec.out_format}"
        if not cv2.imwrite(str(target), image, arguments):
            raise OSError(f"{target} cannot be written")

    estimate = flow_estimator(spec.flow_type) if spec.task != "rgb" else None
    count, before = 0, None
    for image in _sized_frames(path, spec.short):
        count += 1
        if spec.task != "flow":
            write(f"img_{count:05}", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        if estimate is not None:
            gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
            if before is not None:
                flow = flow_to_gray(estimate(before, gray), spec.bound)
                write(f"x_{count - 1:05}", flow[..., 0])
                write(f"y_{count - 1:05}", flow[..., 1])
            before = gray
    return count


def find_image(folder: Path, task: str) -> Path | None:
    """Return an image that the extraction of ``task`` into ``folder`` would replace or delete, if there is one."""
    return next((path for path in folder.glob("*") if _is_extracted(path, task)), None)


def has_images(folder: Path, frames: int, spec: FrameSpec) -> bool:
    """Return whether ``folder`` holds all images of a video of that many frames."""
    wanted = []
    if spec.task != "flow":
        wanted += [f"img_{number:05}" for number in range(1, frames + 1)]
    if spec.task != "rgb":
        wanted += [f"{axis}_{number:05}" for axis in "xy" for number in range(1, frames)]
    there = {path.stem for path in folder.glob(f"*.{spec.out_format}")}
    return there.issuperset(wanted)
