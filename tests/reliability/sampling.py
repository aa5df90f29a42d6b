"""Compare the sampling of Kinetics with sampling of the whole action, from nothing, on the dives of the demo.

    python tests/reliability/sampling.py work_dirs/sampling --seeds 0 1 2

The skeletons of the dives are drawn on black, since small networks learn the filmed dives by heart. Four dives differ
in direction, somersaults and twists: 448 clips to train on, 240 of another seed to test on, 34 to 63 frames long. Both
kinds of sampling take 8 frames: `SampleFrames` every eighth one, a window of 64 frames that begins again where the clip
ends; `UniformSample` one from each of 8 equal parts. What has been trained is kept: repeat the command to go on.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from mmaction.io.video.writers import VideoSink
from mmaction.preparation.demo.build import DemoSpec, draw_take
from mmaction.skeletons import get_layout
from mmaction.utils.files import write_lines

ROOT = Path(__file__).resolve().parents[2]
SAMPLING = {
    "whole": 'dict(type="UniformSample", clip_len=8)',
    "kinetics": 'dict(type="SampleFrames", clip_len=8, frame_interval=8)',
}
NETS = {
    "slowfast": """dict(
    backbone=dict(
        resample_rate=2,
        speed_ratio=2,
        slow_pathway=dict(base_channels=16),
        fast_pathway=dict(base_channels=8),
    ),
    cls_head=dict(num_classes=4, in_channels=192),
)""",
    "i3d": """dict(
    backbone=dict(base_channels=16, temporal_strides=(1, 1, 2, 2)), cls_head=dict(num_classes=4, in_channels=128)
)""",
}
CONFIG = """_base_ = [
    "mmaction::_base_/models/{net}_r18_small.py",
    "mmaction::_base_/datasets/video.py",
    "mmaction::_base_/schedules/adamw_100e_small.py",
    "mmaction::_base_/default_runtime.py",
]
model = {model}
frames = {sampling}
_size = dict(type="Resize", scale=(32, 32), keep_ratio=False)
_last = [dict(type="FormatShape", input_format="NCTHW"), dict(type="PackActionInputs")]
_middle = [dict(type="CenterCrop", crop_size=56), _size]
_drawn = dict(type="RandomResizedCrop", area_range=(0.7, 1.0), aspect_ratio_range=(0.9, 1.1))
_random = [dict(type="CenterCrop", crop_size=60), _drawn, _size]
train_pipeline = [dict(type="VideoInit"), frames, dict(type="VideoDecode"), *_random, *_last]
val_pipeline = [dict(type="VideoInit"), dict(frames, test_mode=True), dict(type="VideoDecode"), *_middle, *_last]
clips = dict(data_prefix=dict(video="{data}/videos"))
loading = dict(batch_size=16, num_workers=0, persistent_workers=False)
train_dataloader = dict(dataset=dict(ann_file="{data}/train.txt", pipeline=train_pipeline, **clips), **loading)
val_dataloader = dict(dataset=dict(ann_file="{data}/val.txt", pipeline=val_pipeline, **clips), **loading)
test_dataloader = dict(dataset=dict(ann_file="{data}/test.txt", pipeline=val_pipeline, **clips), **loading)
default_hooks = dict(checkpoint=dict(interval=100, save_best=None))
auto_scale_lr = dict(enable=False, base_batch_size=16)
"""


def draw_clip(spec: DemoSpec, index: int, path: Path) -> None:
    """Write the skeleton of a dive as a video of 64x64, each limb in a color of its own."""
    limbs = get_layout("coco17").limbs
    hues = np.uint8([[[index * 179 // len(limbs), 255, 255] for index in range(len(limbs))]])
    colors = cv2.cvtColor(hues, cv2.COLOR_HSV2RGB)[0].tolist()
    keypoint, score = draw_take(spec, index).detections()
    sink = VideoSink(path, 25, num_threads=1)
    for joints, seen in zip(np.round(keypoint[0]).astype(int).tolist(), score[0], strict=True):
        image = np.zeros((72, 96, 3), np.uint8)
        for color, (a, b) in zip(colors, limbs, strict=True):
            if min(seen[a], seen[b]) > 0.1:
                cv2.line(image, joints[a], joints[b], color, 2)
        sink.write(np.ascontiguousarray(image[4:68, 16:80]))
    sink.close()


def write_data(out: Path) -> None:
    """Write videos and lists; every second of eight classes, since the others differ in the position alone."""
    (out / "videos").mkdir(parents=True, exist_ok=True)
    for seed, count in ((0, 1120), (1, 800)):
        spec = DemoSpec(count, 8, (96, 72), seed)
        labels, held_out = spec.labels(), spec.is_val()
        lists: dict[str, list[str]] = {"train": [], "val": [], "test": []}
        for index in np.flatnonzero(labels % 2 == 0).tolist():
            name = f"s{seed}_{index:05d}.mp4"
            draw_clip(spec, index, out / "videos" / name)
            split = "test" if seed else "val" if held_out[index] else "train"
            lists[split].append(f"{name} {labels[index] // 2}")
        for name, lines in lists.items():
            if lines:
                write_lines(out / f"{name}.txt", lines[:240] if name == "test" else lines)


def run(*words: object) -> float:
    """Run a program of this checkout; return the seconds that it took."""
    start = time.monotonic()
    subprocess.run([sys.executable, *map(str, words)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def measure(out: Path, name: str, seed: int, epochs: int) -> tuple[float, float]:
    """Train and test one network unless it is done; return top-1 in percent and the seconds of both."""
    folder = out / f"{name}_{seed}"
    if not (folder / "measured.json").is_file():
        seconds = run("tools/train.py", out / f"{name}.py", "--seed", seed, "--epochs", epochs, "--work-dir", folder)
        seconds += run("tools/test.py", out / f"{name}.py", folder / f"epoch_{epochs}.pth", "--work-dir", folder)
        (metrics,) = folder.glob("test_*/metrics.json")
        top1 = json.loads(metrics.read_text(encoding="utf-8"))["accuracy"]["top1"]
        (folder / "measured.json").write_text(json.dumps([100 * top1, seconds]), encoding="utf-8")
    return tuple(json.loads((folder / "measured.json").read_text(encoding="utf-8")))


def main() -> None:
    """Draw, train, test and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the data and the results")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the trainings (default: 0 1 2)")
    parser.add_argument("--epochs", type=int, default=8, help="default: %(default)s")
    args = parser.parse_args()
    out = args.out.resolve()
    if not (out / "test.txt").is_file():
        write_data(out)
    print("| network | sampling | top-1 by seed | mean | seconds |\n| --- | --- | --- | --- | --- |")
    for net, model in NETS.items():
        for kind, sampling in SAMPLING.items():
            config = CONFIG.format(net=net, model=model, sampling=sampling, data=out)
            (out / f"{net}_{kind}.py").write_text(config, encoding="utf-8")
            found = [measure(out, f"{net}_{kind}", seed, args.epochs) for seed in args.seeds]
            scores, seconds = np.array(found).T
            shown = ", ".join(f"{score:.1f}" for score in scores)
            print(f"| {net} | {kind} | {shown} | {scores.mean():.1f} | {seconds.mean():.0f} |", flush=True)


if __name__ == "__main__":
    main()
