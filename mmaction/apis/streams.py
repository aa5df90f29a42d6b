"""Train and test several streams of a skeleton, or several networks on the same clips, to be fused."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmaction.apis.runs import ResumableRun, say
from mmaction.apis.training import TrainOptions
from mmaction.engine import folds
from mmaction.io.names import match_names
from mmaction.structures import Result
from mmaction.utils.config import load_config, unformatted
from mmaction.utils.streams import STREAMS, has_streams, stream_config


def load_streams(
    paths: Sequence[str], streams: Sequence[str] | None = None, options: dict[str, Any] | None = None
) -> dict[str, Config]:
    """Return the config of each stream by its name: of one config all streams, of several each as it is.

    Args:
        paths: Config files.
        streams: Which of ``j``, ``b``, ``jm`` and ``bm``, of every config that has streams.
        options: As ``--cfg-options``, of every config.
    """
    loaded = [load_config(path, options) for path in paths]
    for note in dict.fromkeys(note for _, notes in loaded for note in notes):
        print(note, file=sys.stderr)
    streams = streams or (list(STREAMS) if len(loaded) == 1 else [])
    found: dict[str, Config] = {}
    for path, (cfg, _) in zip(paths, loaded, strict=True):
        several = streams if len(loaded) == 1 or has_streams(cfg.to_dict()) else []
        prefix = f"{Path(path).stem}_" if len(loaded) > 1 else ""
        own = {prefix + STREAMS[stream]: stream_config(cfg, stream) for stream in several}
        own = own or {Path(path).stem: unformatted(cfg)}
        if double := found.keys() & own:
            raise ValueError(f"{path}: another config gives {min(double)} too; rename one of them")
        found |= own
    if len(found) < 2:
        raise ValueError("fusion needs at least two streams or two configs")
    if untested := [name for name, cfg in found.items() if cfg.get("test_dataloader") is None]:
        raise ValueError(f"{untested[0]}: the config has no test_dataloader, so there is nothing to fuse")
    return found


def check_tests(configs: Sequence[Config]) -> None:
    """Raise ValueError if configs do not test the same clips with the same labels: then nothing can be fused."""
    if len(configs) == 1:  # its streams are of the same clips
        return
    (name, first), *others = [(cfg.filename, folds.split_clips(cfg, "test")) for cfg in configs]
    advice = "fusion needs the same test list"
    for other, clips in others:
        if len(clips.ids) != len(first.ids):
            raise ValueError(f"{other} tests {len(clips.ids)} clips, {name} tests {len(first.ids)}: {advice}")
        order = match_names(clips.ids, first.ids, other, advice)
        if (wrong := np.flatnonzero(clips.labels[order] != first.labels)).size:
            raise ValueError(f"{other} and {name} disagree on the label of {first.ids[wrong[0]]}")


def choose_tune(asked: str | None, refit: bool, configs: list[Config]) -> str:
    """Return where weights are found, ``asked`` or what is possible; ValueError if that would be the test split."""
    why = next(filter(None, map(_why_not_val, configs)), None) if asked in (None, "val") else None
    if why is None:
        return asked or ("holdout" if refit else "val")
    if asked == "val":
        raise ValueError(f"--tune val: {why}; choose --tune holdout, folds or none")
    say(f"{why}: weights are found on a part of the training split instead (--tune holdout)")
    return "holdout"


def _why_not_val(cfg: Config) -> str | None:
    """Return why weights cannot be found on the validation split of a config, or None."""
    if cfg.get("val_dataloader") is None:
        return "the config has no validation split"
    shared = folds.shared_clips(cfg, "val")
    return (
        f"the validation split shares {len(shared)} clips with the test split, such as {shared[0]}" if shared else None
    )


@dataclass
class Plan:
    """How each stream is trained and tested, and on what it is scored for the weights."""

    tune: str  # one of ``TUNE``
    root: Path  # folder of the folders of the streams
    options: TrainOptions  # of the trainings
    resume: bool = False  # whether to go on with what the folders hold
    clips: folds.Clips | None = None  # the training clips, for ``holdout`` and ``folds``
    # which fold holds each, (N,); empty without folds
    numbers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    refit: bool = False  # with ``holdout``: whether to train again on all clips

    def run(self, name: str, cfg: Config) -> tuple[Result, Result | None]:
        """Return the result of a stream on the test split and, but for ``none``, on what weights are found on."""
        if self.tune in ("val", "none"):
            run = self._run(name, cfg if self.tune == "val" else folds.unvalidated(cfg), name)
            best = run.train()
            found = run.test(best, folds.evaluate_on(cfg, "test", "val"), "tune") if self.tune == "val" else None
            return run.test(best, cfg, "test"), found
        if self.tune == "holdout":
            run, held = self._part(name, cfg, 0)
            best = run.train()
            found = run.test(best, held, "tune")
            if not self.refit:
                return run.test(best, cfg, "test"), found
        else:
            parts = [self._part(name, cfg, fold) for fold in range(self.numbers.max() + 1)]
            found = Result.join([run.test(run.train(), held, "tune") for run, held in parts])
        run = self._run(f"{name}, all clips", folds.unvalidated(cfg), f"{name}/full")
        return run.test(run.train(), cfg, "test"), found

    def _run(self, title: str, cfg: Config, place: str) -> ResumableRun:
        return ResumableRun(title, cfg, self.root / place, self.options, self.resume)

    def _part(self, name: str, cfg: Config, fold: int) -> tuple[ResumableRun, Config]:
        """Return the training without a fold, validated on it with ``holdout``, and the config that tests on it."""
        assert self.clips is not None, "this plan has no folds"
        held, alone = self.numbers == fold, self.tune == "holdout"
        validates = alone and cfg.get("val_dataloader") is not None
        part = folds.held_out(cfg, "val", self.clips, held) if validates else folds.unvalidated(cfg)
        title = f"{name}, without fold {fold + 1} of {self.numbers.max() + 1}"
        run = self._run(title, folds.without(part, self.clips, held), name if alone else f"{name}/fold_{fold}")
        return run, folds.held_out(cfg, "test", self.clips, held)

    def split(self, configs: Sequence[Config], count: int, group_by: str | None) -> None:
        """Divide the training clips of ``configs``, which must be the same, into ``count`` folds."""
        first, *others = configs
        self.clips = folds.split_clips(first, "train", group_by)
        self.numbers = folds.make_folds(self.clips.labels, count, self.options.seed or 0, self.clips.groups)
        say(folds.describe_folds(self.clips, self.numbers))
        for cfg in others:
            if folds.split_clips(cfg, "train").ids != self.clips.ids:
                raise ValueError(f"{cfg.filename} does not train on the clips of {first.filename}, in the same order")

    def describe(self, names: Sequence[str]) -> str:
        """Say how many trainings there are, and where the weights come from."""
        each = {"folds": len(set(self.numbers)) + 1, "holdout": 1 + self.refit}.get(self.tune, 1)
        origin = {
            "val": "weights from the validation split",
            "holdout": f"weights from {(self.numbers == 0).sum()} training clips held out",
            "folds": "weights from the scores of all training clips by models that did not see them",
            "none": "equal weights, the last checkpoints",
        }
        return f"{len(names)} streams ({', '.join(names)}) x {each} trainings; {origin[self.tune]}"
