"""Rows of features for all clips of a data set, made batch by batch in runs that go on where they stopped."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader, Subset
from tqdm import tqdm

from mmaction.engine.results.writer import dataset_ids
from mmaction.io.features import FeatureWriter


def write_rows(
    writer: FeatureWriter,
    dataset: Any,
    rows_of: Callable[[Any], list[dict[str, np.ndarray]]],
    batch_size: int | None,
    workers: int,
    title: str,
    facts: Mapping[str, Any],
) -> None:
    """Write what ``rows_of`` makes of the batches of a data set, from the first clip on that ``writer`` lacks.

    At the end the clips are named, and the ``facts`` noted; ``title`` stands at the progress bar.
    """
    rest = Subset(dataset, range(writer.done, len(dataset)))
    batches = DataLoader(rest, batch_size, num_workers=workers, collate_fn=pseudo_collate)
    with tqdm(total=len(dataset), initial=writer.done, desc=title) as bar:
        for batch in batches if len(rest) else ():
            rows = rows_of(batch)
            writer.write(rows)
            bar.update(len(rows))
    if not writer.finished:
        writer.finish(dataset_ids(dataset), facts)
