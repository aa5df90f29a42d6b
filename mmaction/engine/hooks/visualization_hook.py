"""Draw clips of the validation and test sets with their labels, scores and skeletons."""

from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmaction.io.images import read_image
from mmaction.registry import HOOKS
from mmaction.structures.sample_name import sample_name
from mmaction.visualization.draw import color_flow
from mmaction.visualization.poses import ClipPoses, clip_poses


@HOOKS.register_module()
class VisualizationHook(Hook):
    """Hand every n-th sample of a validation or test to the visualizer.

    Args:
        enable: Whether to draw at all.
        interval: Draw one of so many samples.
        show: Show the frames in a window.
        out_dir: Folder for one MP4 a clip, ``NAME.mp4``, of a further clip of the same name ``NAME_INDEX.mp4`` with its
            place in the list; without it the frames go to the visualizer's backends.
        video_dir: Folder of the videos that belong to a skeleton data set; without it its skeletons are drawn on black.
        **kwargs: Further arguments of :meth:`mmaction.visualization.visualizer.ActionVisualizer.add_datasample`.

    Raises:
        ValueError: If ``interval`` is less than 1.
    """

    def __init__(
        self,
        enable: bool = False,
        interval: int = 5000,
        show: bool = False,
        out_dir: str | None = None,
        video_dir: str | None = None,
        **kwargs: Any,
    ) -> None:
        if interval < 1:
            raise ValueError(f"interval: expected 1 or more, got {interval}")
        self.enable, self.interval, self.show = enable, interval, show
        self.out_dir, self.video_dir, self.kwargs = out_dir, video_dir, kwargs
        self._say = cache(partial(print_log, logger="current"))  # each sentence once
        self._names: dict[int, list[str]] = {}  # of the samples of each data set

    def after_val_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Draw samples of the batch, from the weights of this epoch."""
        self._draw(runner, runner.val_dataloader.dataset, batch_idx, outputs, runner.epoch)

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Draw samples of the batch."""
        self._draw(runner, runner.test_dataloader.dataset, batch_idx, outputs, 0)

    def _draw(self, runner: Runner, dataset: Any, batch_idx: int, outputs: Any, step: int) -> None:
        if not self.enable:
            return
        outputs = outputs or ()
        for offset, sample in enumerate(outputs):
            index = int(sample.get("sample_idx", batch_idx * len(outputs) + offset))
            if index % self.interval or sample.get("broken"):
                continue
            info = dataset.get_data_info(index)
            poses = clip_poses(info, config=runner.cfg) if "keypoint" in info else None
            if poses is not None and poses.layout_note:
                self._say(poses.layout_note)
            name = self._names_of(dataset)[index]
            options = dict(poses=poses, show_frames=self.show, step=step) | self.kwargs
            if self.out_dir is not None:
                folder = Path(self.out_dir)
                folder.mkdir(parents=True, exist_ok=True)
                options |= dict(out_type="video", out_path=str(folder / f"{name}.mp4"))
            runner.visualizer.add_datasample(name, self._video(info, poses), sample, **options)

    def _names_of(self, dataset: Any) -> list[str]:
        """Return what to call each sample, alike in every process: see ``out_dir``."""
        if id(dataset) not in self._names:
            names: dict[str, None] = {}
            for index in range(len(dataset)):
                info = dataset.get_data_info(index)
                name = Path(sample_name(info, index)).stem
                while name in names:
                    name = f"{name}_{index}"
                names[name] = None
            self._names[id(dataset)] = list(names)
        return self._names[id(dataset)]

    def _video(self, info: dict, poses: ClipPoses | None) -> str | np.ndarray:
        """The video of a sample: its file, a file of its name in ``video_dir``, its frames, or black."""
        name = sample_name(info, "")
        if Path(name).is_file():
            return name
        if self.video_dir is not None:
            found = sorted(Path(self.video_dir).glob(f"{Path(name).name}.*"))
            if not found:
                raise FileNotFoundError(f"video_dir: {self.video_dir} has no video called {Path(name).name}")
            return str(found[0])
        if poses is not None:
            height, width = poses.img_shape or (480, 640)
            return np.broadcast_to(np.zeros((1, 1, 1, 1), np.uint8), (poses.num_frames, height, width, 3))
        return _folder_frames(Path(name), info)


def _folder_frames(folder: Path, info: dict) -> np.ndarray:
    """Read the frames of a clip, RGB ``(T, H, W, 3)``; optical flow as colors."""
    start, template = info["start_index"] + info.get("offset", 0), info["filename_tmpl"]
    numbers = range(start, start + info["total_frames"])
    if info.get("modality") != "Flow":
        return np.stack([read_image(folder / template.format(number)) for number in numbers])
    parts = ([read_image(folder / template.format(axis, number), gray=True) for axis in "xy"] for number in numbers)
    return np.stack([color_flow(np.stack(pair, axis=-1)) for pair in parts])
