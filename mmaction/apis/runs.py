"""Several trainings and tests in a row; what is done already is not done again."""

from dataclasses import dataclass, replace
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import barrier, is_main_process

from mmaction.apis import testing, training
from mmaction.engine.results.facts import identity, training_identity
from mmaction.engine.results.writer import stored_identity
from mmaction.engine.resume import is_work_dir
from mmaction.io.downloads import file_sha256
from mmaction.structures import Result
from mmaction.utils.cli import ToolStop
from mmaction.utils.config import unformatted
from mmaction.utils.files import read_json, write_json

RECORD = "run.json"
WITH_EFFECT = ("seed", "epochs", "amp", "deterministic", "auto_scale_lr")  # options on which the weights depend


def say(text: str) -> None:
    """Print a line, in the first process alone."""
    if is_main_process():
        print(text, flush=True)


def read_record(folder: Path, mine: str) -> dict[str, str]:
    """Return what ``run.json`` of a folder notes; ValueError if it is of another training than ``mine``, a hash."""
    record = read_json(folder / RECORD) if (folder / RECORD).is_file() else {}
    if record.get("training", mine) != mine:
        raise ValueError(
            f"{folder} holds a training of another config, file named in it, or option; choose another "
            "--work-dir, or delete it"
        )
    return record


def write_record(folder: Path, **record: str) -> None:
    """Write ``run.json``: ``training``, the hash of what a training depends on, and its ``checkpoint``."""
    write_json(folder / RECORD, record)


@dataclass
class ResumableRun:
    """One training with its tests, in a folder that tells how far it is."""

    name: str  # what to call it
    cfg: Config  # its config
    folder: Path  # its work directory; ``run.json`` in it names the config that it belongs to and the checkpoint
    options: training.TrainOptions  # of the training
    resume: bool = False  # whether to go on with what the folder holds

    def train(self) -> Path:
        """Train unless that is done; return the best checkpoint by validation, or the last without validation.

        Raises:
            ValueError: If the folder belongs to another config.
            FileExistsError: If it holds a training and ``resume`` is not set.
        """
        mine = training_identity(self.cfg, {name: getattr(self.options, name) for name in WITH_EFFECT})
        record, begun = read_record(self.folder, mine), is_work_dir(self.folder)
        if not self.resume and (record or begun):
            raise FileExistsError(f"{self.folder} holds a training; go on with --resume, or choose another --work-dir")
        if record.get("checkpoint"):
            say(f"{self.name}: trained already, {self.folder / record['checkpoint']}")
            return self.folder / record["checkpoint"]
        say(f"{self.name}: training in {self.folder}")
        self._note(training=mine)
        options = replace(self.options, work_dir=self.folder, resume="auto" if begun else None)
        checkpoint = training.Run.of(training.run_training(unformatted(self.cfg), options)).checkpoint
        if not checkpoint:
            raise ToolStop(f"{self.name}: the training has left no checkpoint in {self.folder}")
        self._note(training=mine, checkpoint=checkpoint.name)
        return checkpoint

    def _note(self, **record: str) -> None:
        barrier()  # every process has read the record before
        if is_main_process():
            write_record(self.folder, **record)

    def test(self, checkpoint: Path, cfg: Config, part: str) -> Result:
        """Return the result of ``checkpoint`` on the test set of ``cfg``, from the folder ``part`` if it is there."""
        shared = {name: getattr(self.options, name) for name in ("launcher", "trust_checkpoint")}
        options = testing.TestOptions(checkpoint, self.folder, **shared)
        folder, asked = self.folder / part, unformatted(cfg)
        testing.apply_options(asked, options, folder)
        if stored_identity(folder) == identity(asked, file_sha256(checkpoint)):
            say(f"{self.name}: tested already, {folder}")
        else:
            _, folder = testing.run_test(unformatted(cfg), options, folder)
            barrier()
        return Result.load(folder)
