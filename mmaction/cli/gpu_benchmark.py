"""Measure how fast a CUDA GPU trains and predicts, beside a plain PyTorch loop in the same run.

Each family of networks runs on clips of noise at full size: in bfloat16 with channels last and fused steps, as a plain
loop in float32, and, where its library has a training loop (transformers), in that one. --video FILE also prints how
many cores make the clips that training takes; --data CONFIG measures what the data workers of a config give, and how
long the GPU waits.

Examples:
  mmaction benchmark --gpu
  python tools/analysis/gpu_benchmark.py --families posec3d slowfast --compile --out gpu_speed.json
  python tools/analysis/gpu_benchmark.py --video data/mine/videos/forehand/a1.mp4
  python tools/analysis/gpu_benchmark.py --data c3d-light_1xb16-u32-40e_demo-keypoint
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmaction.cli.gpu_check import add_device_options, choose
from mmaction.utils.files import write_json


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_device_options(parser)
    parser.add_argument("--batch-size", type=int, help="clips at once (default: as each config says)")
    parser.add_argument("--steps", type=int, default=20, help="steps to time (default: 20)")
    parser.add_argument("--compile", action="store_true", help="compile backbone and neck")
    parser.add_argument("--largest", action="store_true", help="also look for the largest batch that fits")
    parser.add_argument(
        "--data", nargs="+", default=[], metavar="CONFIG", help="also time the training data of these configs"
    )
    parser.add_argument("--video", type=Path, metavar="FILE", help="a video like yours, to count the cores needed")
    parser.add_argument("--workers", type=int, default=1, help="data workers to time (default: 1)")
    parser.add_argument("--out", default="gpu_speed.json", metavar="FILE.json", help="default: gpu_speed.json")
    args = parser.parse_args(argv)
    if args.steps < 1 or args.workers < 1 or (args.batch_size or 1) < 1:
        parser.error("--steps, --workers and --batch-size must be at least 1")
    return args


def time_data(path: str, workers: int, device: Any) -> dict[str, Any]:
    """Return the clips a second of a config's model and data, and the share of time in which the model waits."""
    from mmaction.apis.inference import init_recognizer
    from mmaction.cli.benchmark import build_loader
    from mmaction.probes import speed
    from mmaction.probes.gpu_speed import training_step
    from mmaction.utils.config import load_config

    cfg, _ = load_config(path)
    loader = build_loader(cfg, "train", workers=workers)
    model = init_recognizer(cfg, device=device)
    batch = speed.load_batch(loader.dataset, loader.batch_size)
    model_rate = speed.time_model(training_step(model, batch), loader.batch_size, 5, device)
    data_rate = speed.time_loader(loader, 10)
    return {
        "config": path,
        "workers": workers,
        "model_clips_per_s": model_rate,
        "data_clips_per_s": data_rate,
        "waits": max(0.0, 1 - data_rate / model_rate),
        "workers_needed": int(-(-model_rate * workers // data_rate)),
    }


def cores(found: Sequence[Any], video: Path, clips: int = 5) -> list[dict[str, Any]]:
    """Return for each network of videos how many cores keep up with its training, by the form of the ``video``."""
    from mmaction.probes.clip_cost import clip_cost, cores_needed, remedies
    from mmaction.probes.made_up import FAMILIES
    from mmaction.utils.config import dataset_config, load_config, type_name

    entries = []
    with tempfile.TemporaryDirectory() as name:
        sources = remedies(video, Path(name))
        for speed in found:
            steps = dataset_config(load_config(FAMILIES[speed.family])[0], ("train",))["pipeline"]
            if any(type_name(step) == "PoseDecode" for step in steps):
                continue
            costs = {form: clip_cost(path, steps, clips) for form, path in sources.items()}
            needed = {form: cores_needed(speed.train, seconds) for form, seconds in costs.items()}
            entries.append({"family": speed.family, "core_seconds": costs, "cores": needed})
    return entries


def main(argv: list[str] | None = None) -> int:
    """Measure and print; return 0."""
    args = parse_args(argv)
    name, families = choose(args)
    import torch

    from mmaction.engine.results.table import text_table
    from mmaction.probes.gpu_checks import describe_device
    from mmaction.probes.gpu_speed import HEADER, advice, measure

    device = torch.device(name)
    about = describe_device(device)
    print(about)
    found = []
    for family in families:
        found.append(measure(family, device, args.batch_size, args.steps, args.compile, args.largest))
        print(f"{family}: {found[-1].train:.3g} clips a second in training", flush=True)
    print(text_table("clips of noise; in brackets: times the plain loop", HEADER, [speed.row() for speed in found]))
    for speed in found:
        for tip in advice(speed):
            print(f"{speed.family}: {tip}")
    needs = cores(found, args.video) if args.video else []
    if needs:
        header = ("family", *needs[0]["cores"])
        rows = [(entry["family"], *map(str, entry["cores"].values())) for entry in needs]
        print(text_table(f"cores that make the clips training takes, {args.video.name}", header, rows))
    data = [time_data(path, args.workers, device) for path in args.data]
    for entry in data:
        print(
            f"{entry['config']}: {args.workers} worker(s) give {entry['data_clips_per_s']:.3g} clips a second, the "
            f"model takes {entry['model_clips_per_s']:.3g}: it waits {entry['waits']:.0%} of the time; "
            f"{entry['workers_needed']} workers would keep up"
        )
    content = {"device": about, "dry_run": args.dry_run, "families": [speed.as_dict() for speed in found]}
    content |= {"cores": needs, "data": data}
    write_json(args.out, content)
    print(f"written to {args.out}")
    return 0
