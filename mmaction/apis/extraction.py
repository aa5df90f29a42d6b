"""Write the features of a split, or of training clips by models that have not seen them, in runs that go on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from mmaction.apis.features import join_folds, write_features
from mmaction.apis.inference import init_recognizer
from mmaction.apis.runs import ResumableRun, say
from mmaction.apis.training import TrainOptions
from mmaction.engine import folds
from mmaction.engine.results.facts import identity
from mmaction.evaluation import top_k_accuracy
from mmaction.io.downloads import file_sha256
from mmaction.io.features import Features, FeatureWriter, load_features
from mmaction.registry import DATASETS

VIEWS_AT_ONCE = 8  # where the config does not say model.test_cfg.max_testing_views
WEAKER = 10  # points by which the models of the folds may be worse before it is said what follows from it
POOR = 0.5  # share of the variance below which the map between two models' features is named as poor


@dataclass
class Extraction:
    """What is extracted, and how."""

    cfg: Config  # config of the model and the data
    checkpoint: Path  # its weights
    views: str = "mean"  # ``mean`` over the views of a clip, or ``all`` of them
    maps: bool = False  # whether to write the feature maps before pooling
    batch_size: int = 8  # clips at once
    workers: int = 0  # processes that prepare data
    device: str | None = None  # where the model runs; None: the first GPU, else the CPU
    trust_checkpoint: bool = False  # load checkpoints that hold other things than weights

    def write(self, split: str, folder: Path, checkpoint: Path | None = None) -> Features:
        """Write the features of a split, by ``checkpoint`` in place of the own one, unless that is done; return them.

        FileExistsError if the folder holds features of another config, checkpoint, data or option.
        """
        cfg = self.cfg if split == "test" else folds.evaluate_on(self.cfg, "test", split)
        checkpoint = checkpoint or self.checkpoint
        parts: dict[str, Any] = dict(identity(cfg, file_sha256(checkpoint)))
        parts |= {"split": split, "views": self.views, "maps": self.maps, "batch_size": self.batch_size}
        torch.manual_seed(0)  # of what a test pipeline draws
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
        writer = FeatureWriter(folder, len(dataset), parts)
        if writer.finished:
            say(f"{folder}: done already")
            return load_features(folder)
        if writer.done:
            say(f"{folder}: going on after {writer.done} of {len(dataset)} clips")
        model = init_recognizer(cfg, checkpoint, self.device, self.trust_checkpoint)
        if not model.test_cfg.get("max_testing_views"):  # else the free memory would decide, and the last bits with it
            model.test_cfg["max_testing_views"] = VIEWS_AT_ONCE
        facts = {"config": cfg.filename, "checkpoint": str(checkpoint), "classes": model.classes}
        title = f"{folder.parent.name}/{folder.name}"
        write_features(
            model, dataset, writer, facts, self.batch_size, self.workers, self.views == "all", self.maps, title
        )
        found = load_features(folder)
        views = "each view" if self.views == "all" else "mean over the views"
        missing = f"; {found.missing.sum()} could not be loaded or show nobody" if found.missing.any() else ""
        say(f"{folder}: features {found.features.shape}, {views}{missing}")
        return found

    def write_out_of_fold(
        self, root: Path, work_dir: Path, count: int, group_by: str | None, options: TrainOptions
    ) -> None:
        """Train a model without each of ``count`` folds; write out-of-fold features of train, and features of test.

        Trainings that ``work_dir`` holds already, as from ``Plan`` with ``folds``, are not done again.
        """
        clips = folds.split_clips(self.cfg, "train", group_by)
        numbers = folds.make_folds(clips.labels, count, options.seed or 0, clips.groups)
        say(folds.describe_folds(clips, numbers))
        say(f"{count} trainings in {work_dir}, each without one fold; {count + 2} extractions in {root}")
        full, parts = self.write("train", root / "train_seen"), []
        for fold in range(count):
            part = folds.without(folds.unvalidated(self.cfg), clips, numbers == fold)
            run = ResumableRun(f"fold {fold + 1} of {count}", part, work_dir / f"fold_{fold}", options, resume=True)
            parts.append(self.write("train", root / f"train_fold_{fold}", run.train()))
        explained = join_folds(full, parts, numbers, root / "train")
        shares = ", ".join(f"{100 * share:.0f}" for share in explained)
        poor = " (poor: let the fusion use logits alone, use_features=False)" if min(explained) < POOR else ""
        say(f"{root / 'train'}: the maps to {self.checkpoint}'s features explain {shares} % of their variance{poor}")
        say(describe_accuracy(load_features(root / "train"), self.write("test", root / "test")))


def describe_accuracy(train: Features, test: Features) -> str:
    """Say how often the models of the folds, and the model that has seen all of them, are right about new clips."""
    found = []
    for part in (train, test):
        if part.scores is None or part.labels.ndim > 1:
            return "several labels a clip, or no scores: no accuracy of the folds"
        found.append(100 * top_k_accuracy(part.scores, part.labels, missing=part.missing)[0])
    unseen, tested = found
    text = f"top-1: {unseen:.1f} % of the training clips, each by a model without it; {tested:.1f} % of the test split"
    if unseen < tested - WEAKER:
        text += (
            "; a fusion that learns from these folds trusts this expert too little: train them longer (--epochs), or "
            "take more (--folds), and compare with equal weights"
        )
    return text
