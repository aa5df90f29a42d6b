"""Processor time of two installations of ``mmaction`` in turns, sample by sample, on one thread of one machine.

    pip install --no-deps --target OLD mmaction2==1.2.0 mmcv-lite==2.1.0
    python tests/reliability/side_by_side.py OLD . --configs OLD/mmaction/.mim/configs --video clip.mp4

Each folder is put first on the path of a process of its own. Both read the published configs below --configs, draw the
same samples and get the same made-up weights. Printed are the least and the median milliseconds of processor time;
other work on the machine makes both larger, and their ratio less so.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

POSE = "skeleton/posec3d/slowonly_r50_8xb16-u48-240e_gym-keypoint.py"
LIMB = "skeleton/posec3d/slowonly_r50_8xb16-u48-240e_gym-limb.py"
SLOWFAST = "recognition/slowfast/slowfast_r50_8xb8-8x8x1-256e_kinetics400-rgb.py"
JOBS = {  # name: config, what to run of it, how often
    "PoseC3D sample, joints, training": (POSE, "train_pipeline", 60),
    "PoseC3D sample, limbs, training": (LIMB, "train_pipeline", 40),
    "PoseC3D sample, joints, testing": (POSE, "test_pipeline", 15),
    "SlowFast sample, training": (SLOWFAST, "train_pipeline", 30),
    "SlowFast sample, testing": (SLOWFAST, "test_pipeline", 7),
    "PoseC3D, inference of 2 clips": (POSE, "inference", 3),
    "PoseC3D, training step of 2 clips": (POSE, "step", 3),
    "SlowFast, inference of 2 clips": (SLOWFAST, "inference", 3),
    "SlowFast, training step of 2 clips": (SLOWFAST, "step", 3),
}
CLIP = {POSE: (1, 17, 48, 56, 56), SLOWFAST: (1, 3, 32, 224, 224)}


def sample(config: str, what: str, video: str) -> dict[str, Any]:
    """Return what a data set hands to a pipeline: a video, or the joints of 120 frames."""
    import numpy as np

    common = {"label": 3, "start_index": 0, "test_mode": what == "test_pipeline"}
    if config == SLOWFAST:
        return {"filename": video, "modality": "RGB", **common}
    rng, size = np.random.default_rng(0), (720, 1280)
    joints = (rng.random((1, 120, 17, 2)) * [200, 300] + [220, 100]).astype(np.float16)
    score = rng.random((1, 120, 17)).astype(np.float16)
    shapes = {"img_shape": size, "original_shape": size, "total_frames": 120, "frame_dir": "a", "modality": "Pose"}
    return {"keypoint": joints, "keypoint_score": score, **shapes, **common}


def prepare(folder: str, config: str, what: str, video: str) -> Callable[[], Any]:
    """Return what is timed."""
    import torch
    from mmengine import Config
    from mmengine.dataset import Compose
    from mmengine.optim import build_optim_wrapper

    from mmaction.registry import MODELS, TRANSFORMS
    from mmaction.structures import ActionDataSample

    cfg = Config.fromfile(Path(folder, config))
    if what.endswith("pipeline"):
        pipeline = Compose([TRANSFORMS.build(step) for step in cfg[what]])
        return lambda: pipeline(sample(config, what, video))
    torch.manual_seed(0)
    cfg.model.backbone["pretrained"] = None
    model = MODELS.build(cfg.model)
    pixels = torch.randint(0, 256, (2, *CLIP[config]), dtype=torch.uint8)
    inputs = list(pixels if config == SLOWFAST else pixels / 255)
    samples = [ActionDataSample().set_gt_label(1) for _ in inputs]
    if what == "inference":
        return torch.no_grad()(lambda: model.eval().test_step({"inputs": list(inputs), "data_samples": samples}))
    optimizer = build_optim_wrapper(model, dict(type="OptimWrapper", optimizer=dict(type="SGD", lr=1e-3, momentum=0.9)))
    return lambda: model.train().train_step({"inputs": list(inputs), "data_samples": samples}, optimizer)


def serve(folder: str, video: str) -> None:
    """Run what the other process names, line by line, and answer with milliseconds."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints
    import cv2
    import torch
    from mmengine.registry import init_default_scope

    from mmaction.utils import register_all_modules

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    register_all_modules()
    init_default_scope("mmaction")
    name, run = "", None
    for line in sys.stdin:
        if line != name:
            run = None  # frees the model before
            name, run = line, prepare(folder, *json.loads(line), video)
            run()
        assert run is not None
        start = time.process_time()
        run()
        print(1000 * (time.process_time() - start), file=answers, flush=True)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", nargs="+", help="folders that hold the package mmaction")
    parser.add_argument("--configs", required=True, help="the published configs")
    parser.add_argument("--video", required=True)
    parser.add_argument("--only", nargs="+", default=[""], help="jobs whose name contains one of these")
    args = parser.parse_args()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    sides, pipes = [], {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    for root in args.roots:
        code = f"import sys; sys.path[:0] = [{str(Path(root).resolve())!r}, {str(Path(__file__).parent)!r}]; import "
        code += f"side_by_side; side_by_side.serve({args.configs!r}, {args.video!r})"
        command = [sys.executable, "-c", code]
        sides.append(subprocess.Popen(command, text=True, env=environment, **pipes))
    print("| | " + " | ".join(args.roots) + " |\n|" + " --- |" * (1 + len(sides)))
    for name, (config, what, count) in JOBS.items():
        if not any(word in name for word in args.only):
            continue
        found: list[list[float]] = [[] for _ in sides]
        for turn in range(count):
            for i in range(len(sides))[:: 1 if turn % 2 else -1]:
                side = sides[i]
                assert side.stdin is not None and side.stdout is not None
                side.stdin.write(json.dumps([config, what]) + "\n")
                side.stdin.flush()
                found[i].append(float(side.stdout.readline()))
        cells = " | ".join(f"{min(ms):.3g}, {statistics.median(ms):.3g}" for ms in found)
        print(f"| {name} ({count}) | {cells} |", flush=True)
    for side in sides:
        side.communicate()


if __name__ == "__main__":
    main()
