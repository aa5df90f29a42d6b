"""Hooks that look after the data of a run: its random numbers, and whether it arrives in time."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner

from mmaction.engine.dist import unwrapped
from mmaction.io.downloads import sha256_if_there
from mmaction.registry import HOOKS


def nested_datasets(dataset: Any) -> Iterator[Any]:
    """Yield ``dataset`` and those that it wraps, repeats or joins."""
    yield dataset
    for name in ("dataset", "_dataset"):
        if (inner := getattr(dataset, name, None)) is not None:
            yield from nested_datasets(inner)
            return
    for inner in getattr(dataset, "datasets", ()):
        yield from nested_datasets(inner)


def sources(dataset: Any) -> list[Any]:
    """Return the data sets below the wrappers, those that read annotations."""
    return [part for part in nested_datasets(dataset) if not hasattr(part, "dataset") and not hasattr(part, "datasets")]


def class_counts(dataset: Any) -> list[int]:
    """Return how many samples each class has, up to the last class with any; repetitions of a sample count once."""
    parts = (part.class_counts() for part in sources(dataset) if hasattr(part, "class_counts"))
    counts: Counter[int] = sum(parts, Counter())
    return [counts[label] for label in range(max(counts, default=-1) + 1)]


def list_hashes(dataset: Any) -> list[str | None]:
    """Return the SHA-256 of each annotation file that the samples come from, None where it is no file."""
    paths = dict.fromkeys(getattr(part, "ann_file", None) for part in sources(dataset))
    return [sha256_if_there(path) for path in paths]


def set_epoch(dataset: Any, epoch: int) -> None:
    """Call ``set_epoch`` of the outermost data set that has it."""
    for part in nested_datasets(dataset):
        if hasattr(part, "set_epoch"):
            part.set_epoch(epoch)
            return


@HOOKS.register_module()
class DataEpochHook(Hook):
    """Tell the data sets which epoch begins, so that random transforms follow from seed, epoch and index.

    Validation and testing are always in epoch 0: whatever is random in their pipelines is the same each time.
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Set the epoch of the training set."""
        set_epoch(runner.train_dataloader.dataset, runner.epoch)

    def before_val_epoch(self, runner: Runner) -> None:
        """Set the epoch of the validation set."""
        set_epoch(runner.val_dataloader.dataset, 0)

    def before_test_epoch(self, runner: Runner) -> None:
        """Set the epoch of the test set."""
        set_epoch(runner.test_dataloader.dataset, 0)


@HOOKS.register_module()
class ClassCountsHook(Hook):
    """Tell the parts of the model that ask for it, by a method ``set_class_counts``, how many samples each class has.

    These are losses for long tails, and heads that know which classes have training samples.
    """

    def before_train(self, runner: Runner) -> None:
        """Count the training set, and tell."""
        for part in unwrapped(runner.model).modules():
            tell: Any = getattr(part, "set_class_counts", None)
            if tell is not None:
                tell(class_counts(runner.train_dataloader.dataset))


@HOOKS.register_module()
class DataWaitHook(Hook):
    """Warn, once in a run, after an epoch in which the model waited for data.

    A run by iterations is also looked at every 100 of them.

    Args:
        max_share: Share of the epoch's time, in [0, 1], above which the warning comes.
        min_wait_s: Seconds of an epoch spent waiting below which it does not matter.
    """

    def __init__(self, max_share: float = 0.3, min_wait_s: float = 2.0) -> None:
        if not 0 <= max_share <= 1:
            raise ValueError(f"DataWaitHook: max_share is a share in [0, 1], got {max_share}")
        self.max_share = max_share
        self.min_wait_s = min_wait_s
        self._warned = False

    def after_train_epoch(self, runner: Runner) -> None:
        """Look at the epoch."""
        self._compare(runner, len(runner.train_dataloader), "epoch")

    def after_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Look at the last iterations of a run that has no epochs."""
        if isinstance(runner.train_loop, IterBasedTrainLoop) and self.every_n_train_iters(runner, 100):
            self._compare(runner, 100, "last 100 iterations")

    def _compare(self, runner: Runner, count: int, span: str) -> None:
        """Compare the times of the last ``count`` iterations that the timer hook has logged."""
        scalars = runner.message_hub.log_scalars
        if not {"train/data_time", "train/time"} <= scalars.keys() or count < 2:
            return
        times = [scalars[f"train/{name}"].data[0] for name in ("data_time", "time")]
        # the first batch also pays for the start of the workers
        waited_s, total_s = (float(sum(part[max(len(part) - count, 0) + 1 :])) for part in times)
        if not self._warned and waited_s > max(self.min_wait_s, self.max_share * total_s):
            self._warned = True
            workers = runner.train_dataloader.num_workers
            runner.logger.warning(
                f"the model waited for data {waited_s / total_s:.0%} of the {span} ({waited_s:.1f} of {total_s:.1f} s) "
                f"with num_workers={workers}: raise it, keep the data on a faster disk, or shrink it beforehand "
                f"(tools/data/resize_videos.py; heatmaps rendered at the model)"
            )
