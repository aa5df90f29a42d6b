"""Data sets of video files."""

from collections.abc import Callable, Sequence
from typing import Any

from mmaction.datasets.base import BaseActionDataset
from mmaction.io.file_list import read_file_list, resolve_names
from mmaction.registry import DATASETS


@DATASETS.register_module()
class VideoDataset(BaseActionDataset):
    """Clips as video files, from a text list with a line ``name label`` for each (see `read_file_list`).

    Args:
        ann_file: The list.
        pipeline: Transforms, as configs or callables; the first opens the video (``VideoInit``, ``DecordInit``, ...).
        data_prefix: ``video``: the folder in which relative names lie.
        multi_class: Whether a line has several labels.
        num_classes: Class count against which labels are checked; needed with ``multi_class``.
        start_index: Index of the first frame.
        modality: What the frames hold.
        test_mode: Whether samples are for validation or testing.
        delimiter: What separates name and label.
        **kwargs: Further arguments of :class:`~mmaction.datasets.base.BaseActionDataset`.

    Example:
        >>> VideoDataset("train.txt", pipeline=[], data_prefix=dict(video="videos"), num_classes=48)  # doctest: +SKIP
    """

    sample_keys = (*BaseActionDataset.sample_keys, "filename")

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable],
        data_prefix: dict | None = None,
        multi_class: bool = False,
        num_classes: int | None = None,
        start_index: int = 0,
        modality: str = "RGB",
        test_mode: bool = False,
        delimiter: str = " ",
        **kwargs,
    ) -> None:
        self.delimiter = delimiter
        prefix = {"video": ""} if data_prefix is None else data_prefix
        super().__init__(
            ann_file, pipeline, prefix, test_mode, multi_class, num_classes, start_index, modality, **kwargs
        )

    def load_data_list(self) -> list[dict]:
        """Read the list."""
        lines = read_file_list(
            self.ann_file, multi_class=self.multi_class, num_classes=self.num_classes, delimiter=self.delimiter
        )
        return [
            {"filename": path, "label": list(line.labels) if self.multi_class else line.labels[0]}
            for path, line in resolve_names(self.ann_file, lines, self.data_prefix.get("video", ""))
        ]


@DATASETS.register_module()
class RepeatAugDataset(VideoDataset):
    """A :class:`VideoDataset` for training whose samples come several times in a batch, augmented differently.

    A sample is a list (Hoffer et al., "Augment your batch", CVPR 2020): the loader needs
    ``collate_fn=dict(type="repeat_pseudo_collate")``, and a batch holds ``num_repeats`` times ``batch_size`` clips.

    Args:
        ann_file: The list.
        pipeline: As in ``VideoDataset``.
        data_prefix: As in ``VideoDataset``.
        num_repeats: How often.
        sample_once: Whether the repetitions show the same frames, which then are decoded once.
        **kwargs: Further arguments of ``VideoDataset``.

    Raises:
        ValueError: With ``test_mode``, or fewer than one repetition.
    """

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable],
        data_prefix: dict | None = None,
        num_repeats: int = 4,
        sample_once: bool = False,
        **kwargs: Any,
    ) -> None:
        if num_repeats < 1 or kwargs.get("test_mode"):
            raise ValueError(
                f"RepeatAugDataset is for training, with num_repeats of 1 or more; got {num_repeats=}, "
                f"test_mode={kwargs.get('test_mode', False)}"
            )
        self.num_repeats, self.sample_once = num_repeats, sample_once
        super().__init__(ann_file, pipeline, data_prefix, **kwargs)

    def _through_pipeline(self, info: dict, stream: int) -> list[dict]:
        steps = self.pipeline.transforms
        shared = 0
        if self.sample_once:
            shared = 1 + next((i for i, step in enumerate(steps) if "imgs" in getattr(step, "writes", ())), -1)
        self._give_rng(info, stream)
        for step in steps[:shared]:
            info = step(info)
        if shared:
            info["imgs"] = list(info["imgs"])  # decoded
        repeats = []
        for number in range(self.num_repeats):
            part = dict(info)
            self._give_rng(part, stream * self.num_repeats + number)
            for step in steps[shared:]:
                part = step(part)
            repeats.append(part)
        return repeats
