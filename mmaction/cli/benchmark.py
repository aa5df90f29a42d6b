"""Measure the data pipeline and the model of a config, and name the one that a run waits for.

Examples:
  python tools/analysis/benchmark.py CONFIG
  python tools/analysis/benchmark.py CONFIG --split test --batch-size 4 --workers 8 --num 50
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmaction.cli.arguments import model_parser, open_model
from mmaction.probes import speed
from mmaction.probes.predict import choose_samples
from mmaction.utils.files import refuse_inputs, write_json


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = model_parser(__doc__, checkpoint="optional")
    parser.add_argument(
        "--split",
        choices=("train", "val", "test"),
        default="train",
        help="split to time; train also times the backward pass",
    )
    parser.add_argument("--num", type=int, default=20, help="samples to time in the pipeline (default: 20)")
    parser.add_argument("--steps", type=int, default=5, help="steps of the model (default: 5)")
    parser.add_argument("--batches", type=int, default=10, help="batches of the data loader (default: 10)")
    parser.add_argument("--batch-size", type=int, help="clips at once (default: the config's)")
    parser.add_argument("--workers", type=int, help="processes that prepare data (default: the config's)")
    parser.add_argument("--out", metavar="FILE.json", help="write the figures")
    args = parser.parse_args(argv)
    if args.num < 2 or args.steps < 1 or args.batches < 1:
        parser.error("--num must be at least 2, --steps and --batches at least 1")
    if args.out and Path(args.out).suffix != ".json":
        parser.error(f"--out {args.out}: expected a file named *.json")
    return args


def build_loader(cfg: Config, split: str, batch_size: int | None = None, workers: int | None = None) -> Any:
    """Return the data loader of a split, with another batch or number of workers if they are given."""
    config = cfg.get(f"{split}_dataloader")
    if not config:
        raise ValueError(f"config {cfg.filename} has no {split}_dataloader")
    config = {**config, "batch_size": batch_size or config["batch_size"]}
    if workers is not None:
        config["num_workers"] = workers
    if not config.get("num_workers"):
        config.update(num_workers=0, persistent_workers=False)
    return Runner.build_dataloader(config, seed=0)


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of the data and the model."""
    model = open_model(args)
    loader = build_loader(model.cfg, args.split, args.batch_size, args.workers)
    dataset = loader.dataset
    pipeline = speed.time_pipeline(dataset, choose_samples(len(dataset), args.num))
    batch = speed.load_batch(dataset, loader.batch_size)
    step = speed.training_step(model, batch) if args.split == "train" else speed.inference_step(model, batch)
    device = next(model.parameters()).device
    return {
        "split": args.split,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "batch_size": loader.batch_size,
        "workers": loader.num_workers,
        "pipeline_ms": pipeline,
        "loader_samples_per_s": speed.time_loader(loader, args.batches),
        "model_samples_per_s": speed.time_model(step, loader.batch_size, args.steps, device),
    }


def main(argv: list[str] | None = None) -> int:
    """Measure and print; return 0."""
    args = parse_args(argv)
    if args.out:
        refuse_inputs(args.out, [args.config])
    found = measure(args)
    total = sum(found["pipeline_ms"].values())
    print(f"data, {args.split} split, one process: {total:.2f} ms a sample")
    for name, value in found["pipeline_ms"].items():
        print(f"  {name:24s} {value:8.2f} ms  {value / max(total, 1e-9):4.0%}")
    print(f"data loader, {found['workers']} workers: {found['loader_samples_per_s']:.3g} samples a second")
    what = f"{'training' if args.split == 'train' else 'prediction'} on {found['device']}, batch {found['batch_size']}"
    print(f"model, {what}: {found['model_samples_per_s']:.3g} samples a second")
    rates = found["loader_samples_per_s"], found["model_samples_per_s"]
    found["verdict"] = speed.verdict(found["pipeline_ms"], *rates, found["workers"])
    print("\n".join(found["verdict"]))
    if args.out:
        write_json(args.out, found)
    return 0
