"""MMPose and MMDetection on today's stack: without compiled operations, and with pycocotools alone.

Both are installed with ``make openmmlab``. They import modules that do not install with plain pip, or drag much along.
Inside :func:`openmmlab` stand-ins answer for them where they are missing:

- ``mmcv._ext``: torchvision answers ``nms`` and ``roi_align_forward``; any other one raises when it is called.
- ``xtcocotools``: the modules of pycocotools.
- ``imgaug``, which a transform for training draws on: any of its functions raises when it is called.

What was imported inside keeps its stand-ins; nothing else sees them. The default scope of MMEngine's registries, which
both packages set when they build or run a model, is put back.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from mmengine.registry import DefaultScope

EXTENSION, COCO, AUGMENTATION = "mmcv._ext", "xtcocotools", "imgaug"
COCO_PARTS = ("", ".coco", ".cocoeval", ".mask")
AUGMENTATION_PARTS = ("", ".augmenters", ".augmentables", ".augmentables.lines", ".augmentables.segmaps")


class _Absent(ModuleType):
    """Stands for a module that is missing: every name is a function that raises when it is called."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)
        self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Callable:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*args: Any, **kwargs: Any) -> None:
            raise NotImplementedError(f"{self.__name__}.{name} is not installed here")

        return missing


def _nms(boxes: Any, scores: Any, iou_threshold: float, offset: int) -> Any:
    """Return the indices of the boxes that are kept; with ``offset`` 1 a box ends one pixel later."""
    from torchvision.ops import nms

    return nms(boxes + boxes.new_tensor([0, 0, offset, offset]), scores, iou_threshold)


def _roi_align_forward(features: Any, rois: Any, output: Any, argmax_y: Any, argmax_x: Any, **options: Any) -> None:
    """Write the pooled features into ``output``; the average alone, as every detector of MMDetection pools."""
    from torchvision.ops import roi_align

    if options["pool_mode"] != 1:
        raise NotImplementedError("roi_align with pool_mode max is a compiled operation of MMCV")
    size = options["aligned_height"], options["aligned_width"]
    scale, ratio = options["spatial_scale"], options["sampling_ratio"]
    output.copy_(roi_align(features, rois, size, scale, ratio or -1, options["aligned"]))


def _stand_ins() -> dict[str, ModuleType]:
    """Return the modules that are missing, by name."""
    gone = [name for name in (EXTENSION, COCO, AUGMENTATION) if name not in sys.modules and not find_spec(name)]
    found: dict[str, ModuleType] = {}
    if EXTENSION in gone:
        found[EXTENSION] = operations = _Absent(EXTENSION)
        operations.nms, operations.roi_align_forward = _nms, _roi_align_forward  # type: ignore[attr-defined]
    if COCO in gone and find_spec("pycocotools"):
        found |= {COCO + part: importlib.import_module("pycocotools" + part) for part in COCO_PARTS}
    if AUGMENTATION in gone:
        found |= {AUGMENTATION + part: _Absent(AUGMENTATION + part) for part in AUGMENTATION_PARTS}
    return found


@contextmanager
def openmmlab() -> Iterator[None]:
    """Let MMPose and MMDetection be imported, built and run inside, with stand-ins for what is missing."""
    added, scopes = _stand_ins(), set(DefaultScope._instance_dict)
    sys.modules.update(added)
    try:
        yield
    finally:
        for name in added:
            sys.modules.pop(name, None)
        for scope in set(DefaultScope._instance_dict) - scopes:
            del DefaultScope._instance_dict[scope]
