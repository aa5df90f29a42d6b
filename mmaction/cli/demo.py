"""Show the whole way on a procedural data set: make it, train PoseC3D on it, test it, draw it, recognize a new dive.

The same as these commands, with the results collected at the end:
  python tools/data/make_demo_data.py
  python tools/train.py configs/skeleton/posec3d/c3d-light_1xb16-u32-40e_demo-keypoint.py --seed 0
  python tools/test.py configs/skeleton/posec3d/c3d-light_1xb16-u32-40e_demo-keypoint.py CHECKPOINT
  python tools/analysis/analyze_logs.py work_dirs/demo
  python pose_visualizer.py
  mmaction infer CHECKPOINT data/demo_diving/skeletons.pkl --clip CLIP_OF_val.txt
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from mmaction.label_spaces import LABEL_MAP
from mmaction.utils.cli import ToolStop

ROOT = Path(__file__).absolute().parents[2]
DATA = Path("data/demo_diving")
CONFIG = "configs/skeleton/posec3d/c3d-light_1xb16-u32-40e_demo-keypoint.py"


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Return the command-line options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work-dir", default="work_dirs/demo", help="folder of the results (default: %(default)s)")
    parser.add_argument("--target", type=float, default=0.9, help="least top-1 accuracy (default: %(default)s)")
    return parser.parse_args(argv)


def run(title: str, *command: object) -> None:
    """Run a program of this checkout from its root; ToolStop if it fails."""
    print(f"\n== {title}: python {' '.join(map(str, command))}", flush=True)
    code = subprocess.run([sys.executable, *map(str, command)], cwd=ROOT).returncode
    if code:
        raise ToolStop(f"'{title}' ended with exit code {code}; its message stands above")


def first_held_out() -> tuple[str, str]:
    """Return the name and the class of the first clip that is not trained on."""
    video, label = (ROOT / DATA / "val.txt").read_text(encoding="utf-8").splitlines()[0].split()
    names = (ROOT / DATA / LABEL_MAP).read_text(encoding="utf-8").splitlines()
    return Path(video).stem, names[int(label)]


def main(argv: list[str] | None = None) -> int:
    """Run the steps and say where the results are; return 1 if the accuracy is below the target."""
    args = parse_args(argv)
    start, work_dir = time.monotonic(), Path(args.work_dir)
    if not (ROOT / DATA / "classes.csv").is_file():  # the last file that is written
        run("make the data", "tools/data/make_demo_data.py", "--out", DATA, "--overwrite")
    run("train", "tools/train.py", CONFIG, "--work-dir", work_dir, "--seed", 0)
    log = work_dir / sorted((ROOT / work_dir).glob("*/*.log"))[-1].relative_to(ROOT / work_dir)
    checkpoint = work_dir / (ROOT / work_dir / "last_checkpoint").read_text(encoding="utf-8").strip().rsplit("/", 1)[-1]
    run("test", "tools/test.py", CONFIG, checkpoint, "--work-dir", work_dir)
    curves, clip = work_dir / "curves.png", work_dir / "clip.mp4"
    written = (ROOT / work_dir).glob(f"test_{checkpoint.stem}*/metrics.json")  # an earlier demo's stay beside them
    results = work_dir / max(written, key=lambda path: path.stat().st_mtime).parent.name
    run("draw the curves", "tools/analysis/analyze_logs.py", work_dir, "--out", curves)
    drawing = ("--output", clip, "--scores", results / "scores.npz", "--overwrite", "--quiet")
    run("draw a clip", "pose_visualizer.py", *drawing)
    name, label = first_held_out()
    run(
        "recognize a dive that was not trained on", "tools/infer.py", checkpoint, DATA / "skeletons.pkl", "--clip", name
    )
    print(f"in truth it is {label}")
    top1 = json.loads((ROOT / results / "metrics.json").read_text(encoding="utf-8"))["accuracy"]["top1"]
    print(f"\ntop-1 accuracy {top1:.3f} on the held-out clips, after {time.monotonic() - start:.0f} s")
    for name, path in (
        ("checkpoint", checkpoint),
        ("log", log),
        ("curves", curves),
        ("a clip with its skeleton", clip),
        ("scores and figures", results),
    ):
        print(f"  {name + ':':26}{path}")
    if top1 < args.target:
        print(f"the accuracy is below {args.target}", file=sys.stderr)
        return 1
    return 0
