"""Measure the memory of long runs and draw it over the epochs.

    python tests/reliability/memory.py skeletons
    python tests/reliability/memory.py videos --data data/demo_diving

`skeletons` writes 40,000 annotations of random joints and reads them epoch after epoch with one and with eight workers;
as a control also with spawned workers, and with the annotations as Python objects, which is how lists of dicts are
usually kept. `videos` trains a tiny network on the videos of tools/data/make_demo_data.py, with the decoder, the
pipeline and the Runner of every other training.

It looks at the memory of the whole process tree from outside: the proportional set size (PSS), in which a page that
several processes share counts once, and the part of it that belongs to no file ("own"). The rest are mostly libraries,
which become cheaper and dearer as other programs on the machine come and go; so growth counts the own part alone.
Each run writes a picture and the samples as CSV, and prints a row of the table in docs/benchmarks.md.
"""

import argparse
import csv
import itertools
import math
import multiprocessing
import os
import pickle
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmaction.utils.cli import run_tool

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "configs/recognition/slowonly/slowonly_r18_1xb16-u24-100e_demo-rgb.py"
TINY_MODEL = {"model.backbone.base_channels": 4, "model.cls_head.in_channels": 32}
VARIANTS = {
    "1 worker": {"workers": 1},
    "8 workers": {"workers": 8},
    "8 workers, spawned": {"workers": 8, "start": "spawn"},
    "8 workers, annotations as Python objects": {"workers": 8, "serialize": False},
}


class Sample(NamedTuple):
    """Memory at one moment, in MB: PSS, own, and own that is not shared; epochs done are negative while loading."""

    epoch: float
    processes: int
    pss_mb: float
    own_mb: float
    private_mb: float


def process_tree(process: int) -> list[int]:
    """Return the ids of a process and all its descendants that are alive."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
    found = [process]
    for known in found:  # grows while it is walked
        found += [child for child, parent in parents.items() if parent == known]
    return found


def take_sample(epoch: float, processes: Sequence[int]) -> Sample:
    """Return the memory of some processes together; one that has ended counts nothing."""
    kilobytes = dict.fromkeys(("Pss", "Pss_Anon", "Pss_Shmem", "Private_Dirty"), 0)
    for process in processes:
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        for name, value in (line.split(":") for line in lines[1:]):
            if name in kilobytes:
                kilobytes[name] += int(value.split()[0])
    own = kilobytes["Pss_Anon"] + kilobytes["Pss_Shmem"]
    return Sample(epoch, len(processes), kilobytes["Pss"] / 1024, own / 1024, kilobytes["Private_Dirty"] / 1024)


def growth(samples: Sequence[Sample], warm_up: float) -> float:
    """Return the slope of the own memory after ``warm_up`` epochs, by least squares, in MB per epoch."""
    late = [sample for sample in samples if sample.epoch >= warm_up]
    return float(np.polyfit([sample.epoch for sample in late], [sample.own_mb for sample in late], 1)[0])


def watch(work: Callable, args: tuple, interval_s: float) -> list[Sample]:
    """Run ``work(progress, *args)`` in a process of its own and sample its tree until ``progress`` is infinite.

    Ctrl-C ends the run; the samples so far are returned.

    Raises:
        RuntimeError: If it fails.
    """
    context = multiprocessing.get_context("spawn")
    progress = context.Value("d", -1.0)
    process = context.Process(target=work, args=(progress, *args))
    process.start()
    samples = []
    try:
        while process.is_alive() and progress.value != math.inf:
            time.sleep(interval_s)
            sample = take_sample(progress.value, process_tree(process.pid))
            if progress.value != math.inf:  # else some processes may have ended meanwhile
                samples.append(sample)
        process.join()
        if process.exitcode:
            raise RuntimeError(f"the run that was measured ended with exit code {process.exitcode}")
    except KeyboardInterrupt:
        print("stopped by the user", flush=True)
        process.terminate()
    return samples


def write_skeletons(path: Path, count: int, mean_frames: float = 85) -> None:
    """Write annotations of one person with 17 joints in float16, with lengths spread as in sports."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(np.log(mean_frames) - 0.125, 0.5, count), 12, 20 * mean_frames).astype(int)
    annotations = [
        {
            "frame_dir": f"clip_{index:06d}",
            "label": int(rng.integers(99)),
            "img_shape": (720, 1280),
            "original_shape": (720, 1280),
            "total_frames": int(length),
            "keypoint": (rng.random((1, length, 17, 2)) * 700).astype(np.float16),
            "keypoint_score": rng.random((1, length, 17)).astype(np.float16),
        }
        for index, length in enumerate(lengths)
    ]
    names = [annotation["frame_dir"] for annotation in annotations]
    with path.open("wb") as file:
        pickle.dump({"split": {"train": names}, "annotations": annotations}, file, protocol=4)


def skeleton_loader(
    path: Path, workers: int, start: str = "fork", serialize: bool = True, batch_size: int = 64, **kwargs: object
):
    """Return a loader of the skeletons in ``path`` with the pipeline of PoseC3D, as the Runner builds it."""
    from mmaction.engine.runner import ActionRunner
    from mmaction.utils import register_all_modules
    from mmaction.utils.config import load_config

    register_all_modules()
    pipeline = load_config(ROOT / "configs/_base_/pipelines/posec3d_rendered.py")[0].train_pipeline
    dataset = {"type": "PoseDataset", "ann_file": str(path), "split": "train", "num_classes": 99, "pipeline": pipeline}
    options = {"multiprocessing_context": start, "persistent_workers": True} if workers else {}
    return ActionRunner.build_dataloader(
        {
            "dataset": {**dataset, "serialize_data": serialize},
            "sampler": {"type": "DefaultSampler", "shuffle": True},
            "batch_size": batch_size,
            "num_workers": workers,
            **options,
            **kwargs,
        },
        seed=0,
    )


def read_skeletons(progress, path: Path, epochs: int, batches: int | None, options: dict) -> None:
    """Read the skeletons for some epochs, all of them or some random batches in each."""
    import torch

    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", "This DataLoader will create")  # more workers than cores
    loader = skeleton_loader(path, **options)
    for epoch in range(epochs):
        loader.dataset.set_epoch(epoch)
        loader.sampler.set_epoch(epoch)
        for number, _ in enumerate(itertools.islice(loader, batches)):
            progress.value = epoch + number / (batches or len(loader))
    progress.value = math.inf


def train_videos(progress, data: Path, epochs: int, folder: Path, options: dict) -> None:
    """Train on the demo videos, telling ``progress`` after each iteration."""
    import torch
    from mmengine.hooks import Hook

    from mmaction.engine import build_runner
    from mmaction.utils import register_all_modules
    from mmaction.utils.config import load_config

    class Progress(Hook):
        def after_train_iter(self, runner, *args, **kwargs) -> None:
            progress.value = (runner.iter + 1) / len(runner.train_dataloader)

    torch.set_num_threads(1)
    register_all_modules()
    cfg, _ = load_config(CONFIG, {**TINY_MODEL, **options})
    for name, split in (("train", "train"), ("val", "val"), ("test", "val")):
        cfg[f"{name}_dataloader"].dataset.update(
            ann_file=str(data / f"{split}.txt"),
            data_prefix={"video": str(data / "videos")},
            metainfo={"label_space": str(data / "classes.csv")},
        )
    cfg.train_cfg.max_epochs, cfg.log_level = epochs, "WARNING"
    cfg.work_dir, cfg.launcher, cfg.randomness = str(folder), "none", {"seed": 0}
    runner = build_runner(cfg)
    runner.register_hook(Progress())
    runner.train()
    progress.value = math.inf


def draw(path: Path, title: str, curves: dict[str, list[Sample]]) -> None:
    """Draw PSS (whole line) and own memory (dashed) over epochs for each run, and write the samples beside it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.2), dpi=100, layout="constrained")
    for name, samples in curves.items():
        epochs, _, pss, own, _ = zip(*(sample for sample in samples if sample.epoch >= 0), strict=True)
        [line] = axes.plot(epochs, pss, label=name, linewidth=1.3)
        axes.plot(epochs, own, "--", color=line.get_color(), linewidth=1)
    axes.set(xlabel="epoch", ylabel="MB, all processes together (dashed: own)", title=title)
    axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("run", *Sample._fields))
        writer.writerows((name, *sample) for name, samples in curves.items() for sample in samples)


COLUMNS = ("run", "processes", "PSS, peak while loading", "PSS", "own memory", "growth, MB per epoch")
HEADER = f"| {' | '.join(COLUMNS)} |\n{'| --- ' * len(COLUMNS)}|"


def row(name: str, samples: list[Sample], warm_up: float) -> str:
    """Return a row of the table, with means over the first and the last tenth of the time after warm-up."""
    loading = max((s.pss_mb for s in samples if s.epoch < 0), default=0)
    late = [sample for sample in samples if sample.epoch >= warm_up]
    tenth = max(len(late) // 10, 1)
    begin, end = np.mean(late[:tenth], axis=0), np.mean(late[-tenth:], axis=0)
    pss, own = (f"{begin[i]:.0f} to {end[i]:.0f}" for i in (2, 3))
    slope = f"{growth(samples, warm_up):+.2f}"
    return f"| {name} | {max(s.processes for s in late)} | {loading:.0f} | {pss} | {own} | {slope} |"


def measure_skeletons(args: argparse.Namespace, folder: Path) -> None:
    """Measure every variant of reading skeletons."""
    path = folder / f"skeletons_{args.annotations}.pkl"
    if not path.exists():
        write_skeletons(path, args.annotations)
    size = path.stat().st_size / 2**20
    print(f"{args.annotations} annotations, {size:.0f} MB\n{HEADER}", flush=True)
    curves = {}
    for name in args.runs:
        run = (path, args.epochs, args.batches, VARIANTS[name])
        curves[name] = watch(read_skeletons, run, args.interval)
        print(row(name, curves[name], warm_up=1), flush=True)
        much = f"{args.batches} batches" if args.batches else "all"
        title = f"{args.annotations:,} skeleton annotations, reading {much} in each of {args.epochs} epochs"
        draw(args.out / "memory_skeletons.png", title, curves)


def measure_videos(args: argparse.Namespace, folder: Path) -> None:
    """Measure a training on the demo videos."""
    print(HEADER, flush=True)
    options = {"train_dataloader.dataset.indices": args.clips} if args.clips else {}
    samples = watch(train_videos, (args.data.resolve(), args.epochs, folder / "videos", options), args.interval)
    warm_up = args.epochs / 10
    print(row(f"{args.epochs} epochs of training", samples, warm_up), flush=True)
    name = f"{growth(samples, warm_up):+.3f} MB per epoch after epoch {warm_up:.0f}"
    draw(args.out / "memory_videos.png", f"Training on the demo videos for {args.epochs} epochs", {name: samples})


def main(argv: list[str] | None = None) -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("skeletons", "videos"))
    parser.add_argument("--epochs", type=int, help="default: 4 for skeletons, 200 for videos")
    parser.add_argument("--annotations", type=int, default=40_000, help="skeleton clips (default: %(default)s)")
    parser.add_argument("--batches", type=int, help="batches of 64 skeletons in an epoch (default: all)")
    parser.add_argument("--runs", nargs="+", choices=VARIANTS, default=list(VARIANTS), help="default: all")
    parser.add_argument("--data", type=Path, default=Path("data/demo_diving"), help="demo data (default: %(default)s)")
    parser.add_argument("--clips", type=int, help="videos of an epoch (default: all to train on)")
    parser.add_argument("--interval", type=float, default=2, help="seconds between samples (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("work_dirs/memory"), help="results (default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="keep the working files in this folder")
    args = parser.parse_args(argv)
    if not os.path.exists("/proc/self/smaps_rollup"):
        raise NotImplementedError("memory is read from /proc/PID/smaps_rollup, which Linux has from version 4.14 on")
    args.epochs = args.epochs or {"skeletons": 4, "videos": 200}[args.what]
    with tempfile.TemporaryDirectory(prefix="memory-") as temporary:
        folder = args.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        {"skeletons": measure_skeletons, "videos": measure_videos}[args.what](args, folder)


if __name__ == "__main__":
    run_tool(main)
