"""A data set and a model small enough to train in a second: clips of noise around a brightness for each class."""

import multiprocessing
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from torch import nn

from mmaction.datasets.base import BaseActionDataset
from mmaction.datasets.transforms.base import RandomTransform
from mmaction.engine.process_watch import BEAT_S
from mmaction.engine.resume import survey
from mmaction.registry import DATASETS, HOOKS, MODELS, TRANSFORMS
from mmaction.structures import ActionDataSample

HERE = Path(__file__).parent
NUM_CLASSES = 3


@DATASETS.register_module(force=True)
class ToyDataset(BaseActionDataset):
    """Lines ``NAME LABEL``."""

    def load_data_list(self):
        lines = Path(self.ann_file).read_text().split("\n")
        return [{"filename": line.split()[0], "label": int(line.split()[1])} for line in lines if line]


@TRANSFORMS.register_module(force=True)
class ToyLoad(RandomTransform):
    """A point of three numbers around the one-hot label; names that begin with ``bad`` cannot be loaded.

    A process that is to load the clip called ``kill`` kills itself, as the system does when the memory is full.
    """

    def __init__(self, delay_s=0.0, noise=0.3, kill=None):
        self.kill = kill
        self.delay_s = delay_s
        self.noise = noise

    def transform(self, results):
        if results["filename"].startswith("bad"):
            raise ValueError("no such clip")
        if results["filename"] == self.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.delay_s)
        point = np.eye(NUM_CLASSES, dtype=np.float32)[results["label"] % NUM_CLASSES]
        noise = self.noise * self.rng(results).standard_normal(NUM_CLASSES)
        sample = ActionDataSample().set_gt_label(results["label"])
        return {"inputs": torch.from_numpy((point + noise).astype(np.float32)), "data_samples": sample}


@TRANSFORMS.register_module(force=True)
class ToyClip(ToyLoad):
    """Instead of the point a clip of three channels whose brightness it is: (1 view, 3, T, H, W)."""

    def transform(self, results):
        sample = super().transform(results)
        texture = torch.linspace(-1, 1, 4 * 16 * 16).reshape(4, 16, 16)
        return {**sample, "inputs": (sample["inputs"].reshape(1, 3, 1, 1, 1) + texture).contiguous()}


class ToyHead(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.num_classes = num_classes
        self.fc_cls = nn.Linear(8, num_classes)


@HOOKS.register_module(force=True)
class ToySigterm(Hook):
    """Send SIGTERM to process ``rank`` after iteration ``after``, or in a validation, as a batch system does."""

    def __init__(self, rank, after=None):
        self.after, self.rank = after, rank

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if get_rank() == self.rank and runner.iter + 1 == self.after:
            os.kill(os.getpid(), signal.SIGTERM)

    def before_val_iter(self, runner, batch_idx, data_batch=None):
        if get_rank() == self.rank and self.after is None:
            os.kill(os.getpid(), signal.SIGTERM)


@HOOKS.register_module(force=True)
class ToySlowSave(Hook):
    """Make process 0 write checkpoints for longer than the processes take to notice that another one has ended."""

    def before_save_checkpoint(self, runner, checkpoint):
        time.sleep(2.5 * BEAT_S)


@HOOKS.register_module(force=True)
class ToyCount(Hook):
    """Write how many numbers of parameters and of the optimizer's state lie in this process, and how many there are."""

    def after_train_epoch(self, runner):
        states = [v for entry in runner.optim_wrapper.optimizer.state.values() for v in entry.values() if v.ndim]
        tensors = [*runner.model.parameters(), *states]
        here = sum(t.to_local().numel() if hasattr(t, "to_local") else t.numel() for t in tensors)
        Path(runner.work_dir, f"count_{get_rank()}.txt").write_text(f"{here} {sum(t.numel() for t in tensors)}")


def terminate_all():
    """Send SIGTERM to this process and its data workers from outside, as SLURM does: to the workers first."""
    workers = [str(worker.pid) for worker in multiprocessing.active_children()]
    if workers:
        subprocess.run(["kill", "-TERM", *workers], check=True)
        time.sleep(0.3)  # enough to die
    subprocess.run(["kill", "-TERM", str(os.getpid())], check=True)


@MODELS.register_module(force=True)
class ToyModel(BaseModel):
    """A linear layer, dropout and a head. ``poison_at`` makes the loss NaN at that call."""

    def __init__(
        self, num_classes=NUM_CLASSES, dropout=0.5, width=8, poison_at=None, data_preprocessor=None, init_cfg=None
    ):
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = nn.Sequential(nn.Linear(NUM_CLASSES, width), nn.ReLU(), nn.Dropout(dropout))
        self.cls_head = ToyHead(num_classes)
        self.poison_at, self.calls = poison_at, 0

    def forward(self, inputs, data_samples=None, mode="tensor"):
        scores = self.cls_head.fc_cls(self.backbone(torch.stack(list(inputs)).to(next(self.parameters()).device)))
        if mode == "loss":
            self.calls += 1
            loss = nn.functional.cross_entropy(scores, torch.cat([s.gt_label for s in data_samples]))
            return {"loss_cls": loss * float("nan") if self.calls == self.poison_at else loss}
        for sample, score in zip(data_samples, scores.float().softmax(1), strict=True):
            sample.set_pred_score(score).set_pred_label(score.argmax())
        return data_samples


def find_resumable(folder):
    """The checkpoint that a run in ``folder`` would go on from, and the files that cannot be read with the reason."""
    seen = survey(folder)
    return seen.found and seen.found.path, {**seen.damaged, **seen.refused}


def write_list(path, count=24, bad=(), labels=None):
    """Write an annotation file of ``count`` clips, those in ``bad`` under names that cannot be loaded."""
    labels = labels or [index % NUM_CLASSES for index in range(count)]
    rows = [f"{'bad' if index in bad else 'clip'}{index} {label}" for index, label in enumerate(labels)]
    Path(path).write_text("\n".join(rows) + "\n")
    return str(path)


CONFIG = """
default_scope = "mmaction"
custom_imports = dict(imports=["toy"], allow_failed_imports=False)
pipeline = [dict(type="ToyLoad")]
data = dict(type="ToyDataset", pipeline=pipeline, modality="Pose")
train_dataloader = dict(batch_size=4, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=True),
                        dataset=dict(ann_file={train!r}, **data))
val_dataloader = dict(batch_size=4, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=False),
                      dataset=dict(ann_file={val!r}, test_mode=True, **data))
test_dataloader = val_dataloader
val_evaluator = dict(type="AccMetric", metric_options=dict(top_k_accuracy=dict(topk=(1,))))
test_evaluator = val_evaluator
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=3, val_interval=1)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
model = dict(type="ToyModel")
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="SGD", lr=0.5, momentum=0.9))
param_scheduler = [dict(type="LinearLR", start_factor=0.1, by_epoch=False, end=5),
                   dict(type="CosineAnnealingLR", T_max=3, by_epoch=True)]
default_hooks = dict(checkpoint=dict(type="CheckpointHook", interval=1, save_best="auto"),
                     logger=dict(type="LoggerHook", interval=2))
auto_scale_lr = dict(base_batch_size=4)
env_cfg = dict(dist_cfg=dict(backend="gloo", timeout=300))
"""


# a residual network of 9,000 parameters on clips of noise, with dropout and batch norms that do not depend on the batch
NETWORK = """
pipeline[0]["type"] = "ToyClip"
model = dict(type="Recognizer3D", data_preprocessor=dict(type="ActionDataPreprocessor"),
    backbone=dict(type="ResNet3dSlowOnly", depth=50, stage_blocks=(2, 1), num_stages=2, base_channels=5,
        out_indices=(1,), spatial_strides=(1, 2), temporal_strides=(1, 1), dilations=(1, 1), inflate=(0, 1),
        conv1_kernel=(1, 3, 3), norm_eval=True, frozen_stages=0, zero_init_residual=False),
    cls_head=dict(type="I3DHead", in_channels=40, num_classes=3, dropout_ratio=0.0))
"""


def write_config(folder, name="toy.py", train_count=24, val_count=9, bad=(), extra=""):
    """Write lists and a config into ``folder`` and return the config's path."""
    folder = Path(folder)
    train = write_list(folder / "train.txt", train_count, bad)
    val = write_list(folder / "val.txt", val_count)
    path = folder / name
    path.write_text(CONFIG.format(train=train, val=val) + extra)
    return path
