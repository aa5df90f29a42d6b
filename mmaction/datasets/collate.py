"""From samples to a batch."""

from collections.abc import Sequence
from typing import Any

from mmengine.dataset import pseudo_collate
from mmengine.registry import FUNCTIONS


@FUNCTIONS.register_module()  # of MMEngine itself, where its Runner looks for the function of a loader
def repeat_pseudo_collate(samples: Sequence[Any]) -> Any:
    """Return a batch of samples; one that `RepeatAugDataset` has augmented several times comes as often."""
    flat: list[Any] = []
    for sample in samples:
        flat.extend(sample if isinstance(sample, list) else [sample])
    return pseudo_collate(flat)
