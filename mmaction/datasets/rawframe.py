"""Data sets of folders of extracted frames."""

from collections.abc import Callable, Sequence

from mmaction.datasets.base import BaseActionDataset
from mmaction.io.file_list import read_file_list, resolve_names
from mmaction.io.names import checked_template
from mmaction.registry import DATASETS


@DATASETS.register_module()
class RawframeDataset(BaseActionDataset):
    """Clips as folders of images, from a text list with a line ``folder total_frames label`` for each.

    With ``with_offset`` a line is ``folder offset total_frames label``, and the clip starts ``offset`` images after the
    first. Optical flow (``modality='Flow'``) has two images per frame, whose template takes ``x`` or ``y`` first.

    Args:
        ann_file: The list, see `read_file_list`.
        pipeline: Transforms, as configs or callables.
        data_prefix: ``img``: the folder in which relative names lie.
        filename_tmpl: Name of the image of a frame, such as ``img_{:05}.jpg`` or, for flow, ``{}_{:05}.jpg``.
        with_offset: Whether lines hold an offset.
        multi_class: Whether a line has several labels.
        num_classes: Class count against which labels are checked; needed with ``multi_class``.
        start_index: Index of the first image.
        modality: ``'RGB'`` or ``'Flow'``.
        test_mode: Whether samples are for validation or testing.
        **kwargs: Further arguments of :class:`~mmaction.datasets.base.BaseActionDataset`.

    Raises:
        ValueError: If ``filename_tmpl`` does not take what the modality needs.
    """

    sample_keys = (*BaseActionDataset.sample_keys, "frame_dir", "total_frames", "filename_tmpl")

    def __init__(
        self,
        ann_file: str,
        pipeline: Sequence[dict | Callable],
        data_prefix: dict | None = None,
        filename_tmpl: str = "img_{:05}.jpg",
        with_offset: bool = False,
        multi_class: bool = False,
        num_classes: int | None = None,
        start_index: int = 1,
        modality: str = "RGB",
        test_mode: bool = False,
        **kwargs,
    ) -> None:
        self.filename_tmpl = checked_template(filename_tmpl, modality)
        self.with_offset = with_offset
        prefix = {"img": ""} if data_prefix is None else data_prefix
        super().__init__(
            ann_file, pipeline, prefix, test_mode, multi_class, num_classes, start_index, modality, **kwargs
        )

    def load_data_list(self) -> list[dict]:
        """Read the list."""
        fields = ("offset", "total_frames") if self.with_offset else ("total_frames",)
        lines = read_file_list(self.ann_file, fields, self.multi_class, self.num_classes)
        data_list = []
        for path, line in resolve_names(self.ann_file, lines, self.data_prefix.get("img", "")):
            info = dict(zip(fields, line.numbers, strict=True))
            if info["total_frames"] < 1:
                raise ValueError(f"{self.ann_file}:{line.number}: {line.name!r} has total_frames=0; a clip has frames")
            label = list(line.labels) if self.multi_class else line.labels[0]
            data_list.append({"frame_dir": path, "label": label, **info})
        return data_list

    def get_data_info(self, idx: int) -> dict:
        """Return the annotation of sample ``idx`` with the name of its images."""
        info = super().get_data_info(idx)
        info["filename_tmpl"] = self.filename_tmpl
        return info
