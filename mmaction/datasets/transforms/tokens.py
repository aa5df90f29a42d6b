"""The features of a frozen backbone in place of frames."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmaction.datasets.transforms.base import Transform
from mmaction.io.features import read_arrays
from mmaction.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadTokens(Transform):
    """Load what a frozen backbone has made of a sample, in place of decoding and augmenting its frames.

    It writes ``imgs`` (views, ...), read from a memory map.

    Args:
        folders: A folder of kept features for each augmentation; the training passes through them in turn.

    Raises:
        ValueError: When called for a sample that could not be loaded when the features were made.
    """

    reads = ("sample_idx", "draw")
    writes = ("imgs",)

    def __init__(self, folders: Sequence[str]) -> None:
        if not folders:
            raise ValueError("LoadTokens: folders names none")
        self.folders = [os.fspath(folder) for folder in folders]
        self._open: dict[str, dict[str, np.ndarray]] = {}

    def __getstate__(self) -> dict:
        return {**vars(self), "_open": {}}  # a memory map would be sent as a whole

    def transform(self, results: dict) -> dict[str, Any]:
        """Write the features of this sample and this augmentation."""
        folder, index = self.folders[results["draw"] % len(self.folders)], results["sample_idx"]
        if folder not in self._open:
            self._open[folder] = read_arrays(folder)[2]
        arrays = self._open[folder]
        if arrays["missing"][index]:
            raise ValueError(f"it could not be loaded when {folder} was written; mend it and delete that folder")
        results["imgs"] = np.array(arrays["tokens"][index])
        return results
