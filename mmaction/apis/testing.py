"""Test from Python; ``tools/test.py`` is its command line."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmaction.apis.clips import pipeline_config
from mmaction.apis.training import keep_features, open_config, pick, set_default_hook
from mmaction.engine import build_runner
from mmaction.engine.checks.config import annotation_files, check_config, metric_configs
from mmaction.engine.results.facts import clip_identity
from mmaction.engine.results.writer import ResultWriter
from mmaction.engine.resume import is_work_dir
from mmaction.evaluation.metrics import check_metric_names
from mmaction.io.checkpoints import local_path
from mmaction.io.exported import open_exported
from mmaction.io.suffixes import is_exported
from mmaction.structures import Result
from mmaction.utils import register_all_modules
from mmaction.utils.config import change_datasets, default_work_dir, type_name
from mmaction.utils.files import claim


@dataclass
class TestOptions:
    """What a test is told beside its config; the names are the options of ``tools/test.py``.

    Attributes:
        checkpoint: Weights to test: a file or a web address.
        work_dir: Folder of the result; None: the config's, else the training's, else ``work_dirs/NAME``.
        metrics: Names of measures to take instead of what the config says, as ``--eval``.
        metric_options: Options of ``metrics``, such as ``topk``, as ``--eval-options``.
        dump: Pickle file of every score.
        overwrite: Whether ``dump`` may replace a file.
        show_dir: Folder of a video of each clip.
        amp: Mixed precision.
        trust_checkpoint: Load a checkpoint that holds other things than weights, which runs code of its author.
        launcher: How the processes of a distributed run were started.
        cache: Folder of the kept features of a frozen backbone; None: the backbone runs on every clip.
        cache_dtype: ``float16`` or ``float32``.
    """

    __test__ = False  # pytest looks at names

    checkpoint: str | Path
    work_dir: str | Path | None = None
    metrics: Sequence[str] | None = None
    metric_options: Mapping[str, Any] | None = None
    dump: str | Path | None = None
    overwrite: bool = False
    show_dir: str | Path | None = None
    amp: bool = False
    trust_checkpoint: bool = False
    launcher: str = "none"
    cache: str | Path | None = None
    cache_dtype: str = "float16"

    @classmethod
    def of(cls, args: argparse.Namespace, **changed: Any) -> "TestOptions":
        """Return the options that are among ``args``, some of them ``changed``."""
        return cls(**pick(cls, {**vars(args), **changed}))


def test(
    config: str | Path | Config,
    checkpoint: str | Path,
    cfg_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> Result:
    """Test a model on the test set of its config.

    Args:
        config: Path of a config, name of a shipped one, or a loaded config, which is not changed.
        checkpoint: Weights to test: a file or a web address.
        cfg_options: Dotted keys of the config and their new values.
        **options: See :class:`TestOptions`.

    Returns:
        The scores of every clip; ``summarize(result)`` of :mod:`mmaction.evaluation` gives figures.

    Raises:
        TypeError: If an option is unknown.
        FileNotFoundError, ValueError, KeyError: If config, data or checkpoint are missing or wrong.
    """
    chosen = TestOptions(checkpoint, **options)
    register_all_modules()
    cfg, notes = open_config(config, cfg_options)
    for note in notes:
        print(note)
    return Result.load(run_test(cfg, chosen)[1])


def run_test(cfg: Config, options: TestOptions, folder: Path | None = None) -> tuple[dict[str, Any], Path]:
    """Test the model of ``cfg``, which is changed as the options say; return the figures and the result's folder."""
    apply_options(cfg, options, folder)
    runner = build_runner(cfg)
    metrics = runner.test()
    (folder,) = (part.out_dir for part in runner.test_evaluator.metrics if isinstance(part, ResultWriter))
    return metrics, folder


def metric_config(names: Sequence[str], options: Mapping[str, Any] | None) -> dict:
    """Return the config of the metric for ``--eval`` and ``--eval-options``; ValueError if one is unknown."""
    metric = {"type": "AccMetric", "metric_list": check_metric_names(list(names))}
    if unknown := [name for name in options or () if name != "topk"]:
        raise ValueError(f"--eval-options: unknown {', '.join(unknown)}; known: topk")
    return metric | ({"metric_options": {"top_k_accuracy": dict(options)}} if options else {})


def take_exported(cfg: Config, path: Path, options: TestOptions) -> None:
    """Let ``cfg`` test an exported file with the pipeline that it carries; say where it is not what the config has.

    ValueError if it has another number of classes, or ``options`` ask for what it cannot.
    """
    if options.amp:
        raise ValueError("--amp: the precision of an exported model is fixed in its file")
    facts, own = open_exported(path, "cpu", options.trust_checkpoint).facts, clip_identity(cfg, pipeline_config(cfg))
    classes = (cfg.model.get("cls_head") or {}).get("num_classes")
    if classes not in (None, facts["num_classes"]):
        raise ValueError(f"{path} has {facts['num_classes']} classes, the model of {cfg.filename} {classes}")
    if different := [name for name, value in own.items() if facts["identity"].get(name) != value]:
        said = f"{path}: {' and '.join(different)} are other ones than in {cfg.filename}"
        print(f"{said}; the test uses what the file was exported with, from {facts['config']}", file=sys.stderr)
    cfg.model, cfg.load_from = {"type": "ExportedNetwork", "file": str(path)}, None
    loader = cfg.test_dataloader
    loader.dataset = change_datasets(loader.dataset, lambda part: {**part, "pipeline": facts["pipeline"]})


def apply_options(cfg: Config, options: TestOptions, folder: Path | None = None) -> None:
    """Write the options into ``cfg``; the result goes to ``folder``.

    User errors as of :func:`check_config`, downloads and ``--dump``.
    """
    if options.metrics:
        cfg.test_evaluator = metric_config(options.metrics, options.metric_options)
    check_config(cfg, "testing")
    cfg.launcher = options.launcher
    checkpoint = local_path(options.checkpoint)
    of_training = str(checkpoint.parent) if is_work_dir(checkpoint.parent) else None
    cfg.work_dir = str(options.work_dir or cfg.get("work_dir") or of_training or default_work_dir(cfg))
    cfg.load_from, cfg.resume = str(checkpoint), False
    if is_exported(checkpoint):
        take_exported(cfg, checkpoint, options)
    cfg.randomness = {"seed": 0, **(cfg.get("randomness") or {})}  # whatever is random in a test is so the same way
    if options.trust_checkpoint:
        cfg.trust_checkpoint = True
    if options.amp:
        cfg.test_cfg.fp16 = True
    if options.cache:
        keep_features(cfg, options.cache, 1, options.cache_dtype)
    if options.show_dir:
        hook = {"type": "VisualizationHook", "enable": True, "interval": 1, "out_dir": str(options.show_dir)}
        set_default_hook(cfg, "visualization", hook)
        plain = {"type": "ActionVisualizer", "vis_backends": [{"type": "LocalVisBackend"}]}
        cfg.visualizer = cfg.get("visualizer") or plain
    # the result comes first, before what may fail, such as a dump on a full disk
    folder = folder or Path(cfg.work_dir, f"test_{Path(options.checkpoint).stem}")
    result = {"type": "ResultWriter", "out_dir": str(folder)}
    others = [metric for metric in metric_configs(cfg.test_evaluator) if type_name(metric) != "ResultWriter"]
    metrics = [result, *others]  # a config that an earlier test wrote holds its writer
    if options.dump:
        claim(Path(options.dump), options.overwrite, [cfg.filename, checkpoint, *annotation_files(cfg)])
        metrics.append({"type": "DumpResults", "out_file_path": str(options.dump)})
    is_whole = isinstance(cfg.test_evaluator, dict) and "metrics" in cfg.test_evaluator
    cfg.test_evaluator = {**cfg.test_evaluator, "metrics": metrics} if is_whole else metrics
    set_default_hook(cfg, "result", {"type": "ResultHook", "checkpoint": str(options.checkpoint)})
