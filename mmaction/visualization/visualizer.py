"""The Runner's visualizer: clips with their labels, scores and skeletons."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from mmengine.dist import is_main_process
from mmengine.visualization import Visualizer

from mmaction.io.video import open_video
from mmaction.registry import VISUALIZERS
from mmaction.skeletons import get_layout
from mmaction.structures import ActionDataSample
from mmaction.structures.scores import label_to_array, mean_score
from mmaction.utils.attributes import ReadableArguments
from mmaction.utils.files import refuse_inputs
from mmaction.visualization.overlay import Look, Overlay
from mmaction.visualization.poses import ClipPoses
from mmaction.visualization.sinks import open_sink

OUT_TYPES = ("img", "gif", "video")


@VISUALIZERS.register_module()
class ActionVisualizer(ReadableArguments, Visualizer):
    """Draws clips of a data set and records scalars, as MMEngine's visualizer does.

    Args:
        name: Name of the instance.
        vis_backends: Configs of the backends that record scalars and pictures.
        save_dir: Folder of the backends.
        fig_save_cfg: Options of the matplotlib figure behind MMEngine's own drawing functions.
        fig_show_cfg: Options of the matplotlib figure of a window.
    """

    def __init__(
        self,
        name: str = "visualizer",
        vis_backends: list[dict] | None = None,
        save_dir: str | None = None,
        fig_save_cfg: dict | None = None,
        fig_show_cfg: dict | None = None,
    ) -> None:
        frameless = dict(frameon=False)
        super().__init__(
            name=name,
            vis_backends=vis_backends,
            save_dir=save_dir,
            fig_save_cfg=frameless if fig_save_cfg is None else fig_save_cfg,
            fig_show_cfg=frameless if fig_show_cfg is None else fig_show_cfg,
        )

    def add_datasample(
        self,
        name: str,
        video: str | np.ndarray | Sequence[np.ndarray],
        data_sample: ActionDataSample | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        draw_score: bool = True,
        rescale_factor: float | None = None,
        show_frames: bool = False,
        wait_time: float = 0.1,
        out_type: str = "img",
        out_path: str | None = None,
        fps: float | None = None,
        step: int = 0,
        poses: ClipPoses | None = None,
        max_frames: int | None = None,
    ) -> None:
        """Draw a clip and record it.

        Of several processes each writes files, but only process 0 has backends and a window.

        Args:
            name: Name of the clip, for the backends.
            video: A video file, or RGB frames ``(T, H, W, 3)``, uint8.
            data_sample: Labels and scores to write on the frames; the scores of several modalities are averaged.
            draw_gt: Write the true class.
            draw_pred: Write the predicted class.
            draw_score: Write its score as well.
            rescale_factor: Factor of the picture's size.
            show_frames: Show the frames in a window.
            wait_time: Seconds that the window shows each frame.
            out_type: With ``out_path``: ``img`` writes frames ``000000.png``, ... into a folder, whose other files
                stay; ``gif`` (small, about 12 frames a second) and ``video`` (MP4) write one file.
            out_path: Where to; without it the frames go to the backends as pictures named ``NAME_FRAME``.
            fps: Frames per second of the output; None: as the video, 25 for frames.
            step: Step of the record.
            poses: Skeletons to draw, in pixels of the video.
            max_frames: Draw at most this many frames.

        Raises:
            ValueError: If ``out_type`` is unknown, or ``out_path`` is the video or a folder that holds it.
        """
        if out_type not in OUT_TYPES:
            raise ValueError(f"out_type: expected one of {', '.join(OUT_TYPES)}, got {out_type!r}")
        if out_path is not None and isinstance(video, str | Path):
            refuse_inputs(out_path, [video])
        show_frames = show_frames and is_main_process()
        if out_path is None and not is_main_process():
            return
        frames, rate, times = self._frames(video)
        captions = self._captions(data_sample, draw_gt, draw_pred, draw_score)
        if poses is None:
            poses = no_poses()
        overlay = Overlay(poses, Look(scale=rescale_factor or 1.0), captions)
        pictures: Iterator[np.ndarray] = (overlay.render(image, t) for t, image in islice(frames, max_frames))
        if show_frames:
            pictures = self._shown(pictures, name, wait_time)
        if out_path is None:
            for t, picture in enumerate(pictures):
                self.add_image(f"{name}_{t}".replace("/", "_"), picture, step)
            return
        kind = {"img": "frames", "gif": "gif", "video": "mp4"}[out_type]
        with open_sink(kind, Path(out_path), fps or rate, 1) as sink:
            for t, picture in enumerate(pictures):
                sink.write(picture, None if times is None or fps else float(times[t]))

    @staticmethod
    def _frames(
        video: str | np.ndarray | Sequence[np.ndarray],
    ) -> tuple[Iterator[tuple[int, np.ndarray]], float, np.ndarray | None]:
        """Return numbered frames, frames per second, and when each is shown in seconds, where a video tells."""
        if isinstance(video, str | Path):
            reader = open_video(video, num_threads=0)
            return reader.images(), 1 / reader.info.frame_time, reader.info.times
        return ((t, np.array(image, np.uint8)) for t, image in enumerate(video)), 25.0, None

    def _captions(
        self, data_sample: ActionDataSample | None, draw_gt: bool, draw_pred: bool, draw_score: bool
    ) -> tuple[str, ...]:
        if data_sample is None:
            return ()
        lines = []
        scores = mean_score(data_sample.pred_score) if "pred_score" in data_sample else None
        if draw_gt and "gt_label" in data_sample:
            labels = data_sample.gt_label
            if len(labels) > 1 and scores is not None:  # may be 0 or 1 for each class
                labels = np.flatnonzero(label_to_array(len(scores), labels))
            lines.append("label: " + ", ".join(self._class_name(int(label)) for label in labels))
        if draw_pred and scores is not None:
            best = int(scores.argmax())
            score = f" ({scores[best]:.2f})" if draw_score else ""
            lines.append(f"predicted: {self._class_name(best)}{score}")
        elif draw_pred and "pred_label" in data_sample:
            lines.append("predicted: " + ", ".join(self._class_name(int(label)) for label in data_sample.pred_label))
        return tuple(lines)

    def _class_name(self, label: int) -> str:
        classes = (self.dataset_meta or {}).get("classes") or ()
        return str(classes[label]) if label < len(classes) else str(label)

    def _shown(self, pictures: Iterator[np.ndarray], name: str, wait_time: float) -> Iterator[np.ndarray]:
        for picture in pictures:
            self.show(picture, win_name=name, wait_time=wait_time)
            yield picture


def no_poses() -> ClipPoses:
    """A clip without skeletons."""
    layout = get_layout("coco17")
    empty = np.zeros((1, 0, len(layout.joints)), np.float32)
    return ClipPoses("", np.zeros((*empty.shape, 2), np.float32), empty, layout)
