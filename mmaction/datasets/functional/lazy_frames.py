"""Frames that are decoded, converted and transformed only when somebody looks at them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from itertools import chain
from typing import Any

import numpy as np

from mmaction.io.video.frame import Frame

Box = tuple[int, int, int, int]
Step = Callable[[list[np.ndarray]], Any]


class LazyFrames(Sequence[Any]):
    """A list of frames of a video; only the first is decoded yet.

    ``frames`` gives pairs of index and decoded frame, in ascending order, each index once; ``inds`` are the indices of
    the list's items, in any order, with repetitions. Geometry steps are noted and carried out frame by frame, so that
    each frame is decoded and transformed once however many clips share it, and whole decoded frames are never
    collected. ``merge`` makes a first resize, and a crop after it, part of the conversion to RGB. Looking at an item
    carries everything out; `stack` does so without an intermediate copy. A pickle or a deep copy is a plain list.
    """

    def __init__(
        self, frames: Iterator[tuple[int, Frame]], inds: Sequence[int] | np.ndarray, merge: bool = True
    ) -> None:
        self._merge = merge
        first = next(frames)
        self.img_shape = first[1].shape
        self._frames = chain([first], frames)
        self._inds = np.asarray(inds)
        self._scale_to: tuple[int, int] | None = None
        self._crop_to: Box | None = None
        self._steps: tuple[Step, ...] = ()
        self._views = 1
        self._stacked: np.ndarray | None = None

    def then(self, step: Step, views: int = 1) -> "LazyFrames | Sequence[np.ndarray]":
        """Note a step, which turns each image of a frame into ``views`` images, and return these frames."""
        if self._stacked is not None:
            return step(list(self._stacked))
        self._steps = (*self._steps, step)
        self._views *= views
        return self

    def scale_first(self, shape: tuple[int, int]) -> bool:
        """Make a bilinear resize part of the decoding; False when it cannot be, because other steps come first."""
        if not self._merge or self._steps or self._scale_to is not None or self._stacked is not None:
            return False
        self._scale_to = shape
        return True

    def crop_first(self, box: Box) -> bool:
        """Make a crop part of that resize, so that only its pixels are converted; False when it does not follow one."""
        if self._steps or self._scale_to is None or self._crop_to is not None or self._stacked is not None:
            return False
        self._crop_to = box
        return True

    def _render(self, frame: Frame) -> list[np.ndarray]:
        images = [frame.rgb() if self._scale_to is None else frame.scaled(self._scale_to, self._crop_to)]
        for step in self._steps:
            images = step(images)
        return images

    def stack(self) -> np.ndarray:
        """Decode and return all frames, uint8, shape ``(views * len(inds), H, W, 3)``."""
        if self._stacked is None:
            places = defaultdict(list)
            for place, index in enumerate(self._inds.tolist()):
                places[index].append(place)
            stacked = np.empty((0, 0, 0), np.uint8)
            for index, frame in self._frames:
                images = self._render(frame)
                if not stacked.size:
                    stacked = np.empty((self._views, len(self._inds), *images[0].shape), images[0].dtype)
                for view, image in enumerate(images):
                    for place in places[index]:
                        stacked[view, place] = image
            self._stacked = stacked.reshape(-1, *stacked.shape[2:])
            self._frames = chain()
        return self._stacked

    def __len__(self) -> int:
        return self._views * len(self._inds)

    def __getitem__(self, item: int | slice) -> Any:
        found = self.stack()[item]
        return list(found) if isinstance(item, slice) else found

    def __setitem__(self, item: int | slice, image: np.ndarray | Sequence[np.ndarray]) -> None:
        """Replace images by others of the same size."""
        self.stack()[item] = image

    def __reduce__(self) -> tuple:
        return list, (list(self.stack()),)

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.stack())


def deferrable(function: Callable) -> Callable:
    """Let a function of a list of images note itself as a step when it is given `LazyFrames`."""

    @wraps(function)
    def wrapper(imgs: Sequence[np.ndarray] | LazyFrames, *args, **kwargs) -> Sequence[np.ndarray] | LazyFrames:
        if isinstance(imgs, LazyFrames):
            return imgs.then(lambda images: function(images, *args, **kwargs))
        return function(imgs, *args, **kwargs)

    return wrapper
