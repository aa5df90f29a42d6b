"""How well poses are found: people of images with marked joints, upright and turned, and frames of videos.

    python tests/reliability/poses.py images shared/data/pose --mode balanced
    python tests/reliability/poses.py videos clips/*.gif --mode balanced --sheets sheets/

PCK: the share of marked joints that are found within 0.2 of the torso, the way from the left shoulder to the right hip.
Every marked joint counts, also of a person who is not found. ``given``: the person's box is given, made of the marked
joints; ``found``: the estimator looks for persons in the image, and the marked ones are assigned to them.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from mmaction.io.video import open_video
from mmaction.preparation.poses.backends import BackendOptions, build_backend
from mmaction.preparation.poses.extract import Recipe, extract_video
from mmaction.preparation.poses.persons import PoseBackend
from mmaction.preparation.poses.sources import SourceVideo
from mmaction.skeletons import get_layout
from mmaction.visualization.draw import draw_skeletons

ANGLES = (0, 45, 90, 135, 180)
COCO = get_layout("coco17").joints
MPII = (
    *("right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax"),
    *("upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow"),
    "left_wrist",
)
LEFT_SHOULDER, RIGHT_HIP = COCO.index("left_shoulder"), COCO.index("right_hip")


@dataclass(frozen=True)
class Marked:
    """A person of an image whose joints people have marked."""

    image: str
    joints: np.ndarray  # x, y in pixels, (17, 2)
    known: np.ndarray  # which are marked, (17,)

    @property
    def torso(self) -> float:
        """Length in pixels."""
        return float(np.linalg.norm(self.joints[LEFT_SHOULDER] - self.joints[RIGHT_HIP]))


def marked_people(folder: Path) -> list[Marked]:
    """Read ``test_coco.json`` and ``test_mpii.json``; people without a marked torso are left out."""
    coco = json.loads((folder / "test_coco.json").read_text())
    names = {image["id"]: image["file_name"] for image in coco["images"]}
    people = []
    for person in coco["annotations"]:
        rows = np.reshape(person["keypoints"], (17, 3)).astype(float)
        people.append(Marked(names[person["image_id"]], rows[:, :2], rows[:, 2] > 0))
    for person in json.loads((folder / "test_mpii.json").read_text()):
        joints, known = np.zeros((17, 2)), np.zeros(17, bool)
        for row, name in enumerate(COCO):
            if name in MPII:
                joints[row] = person["joints"][MPII.index(name)]
                known[row] = person["joints_vis"][MPII.index(name)] > 0
        people.append(Marked(person["image"], joints, known))
    return [person for person in people if person.known[[LEFT_SHOULDER, RIGHT_HIP]].all()]


def turned(image: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the image turned clockwise, on a larger black one, and the matrix (2, 3) that turns points."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    size = np.ceil(np.abs(matrix[:, :2]) @ [width, height] - 1e-6).astype(int)
    matrix[:, 2] += (size - [width, height]) / 2
    return cv2.warpAffine(image, matrix, tuple(map(int, size))), matrix


def pck(backend: PoseBackend, folder: Path, people: Sequence[Marked], degrees: float, given: bool) -> float:
    """Return the share of joints found, in percent."""
    right = 0
    for name in sorted({person.image for person in people}):
        here = [person for person in people if person.image == name]
        image, matrix = turned(cv2.imread(str(folder / name))[..., ::-1], degrees)
        truth = [person.joints @ matrix[:, :2].T + matrix[:, 2] for person in here]
        seen = [joints[person.known] for joints, person in zip(truth, here, strict=True)]
        boxes = np.array([[*joints.min(axis=0), *joints.max(axis=0)] for joints in seen])
        found = backend.estimate([image], [boxes] if given else None)[0].keypoint
        hits = np.array(
            [
                [(np.linalg.norm(pose - joints, axis=1) < 0.2 * person.torso)[person.known].sum() for pose in found]
                for joints, person in zip(truth, here, strict=True)
            ]
        ).reshape(len(here), len(found))
        right += int(np.trace(hits) if given else hits[linear_sum_assignment(-hits)].sum())
    return 100 * right / sum(int(person.known.sum()) for person in people)


def backends(args: argparse.Namespace) -> Iterator[tuple[str, PoseBackend]]:
    """Yield the ways to compare."""
    for text, rotate, both in (("no rotation", False, False), ("forward", True, False), ("both ways", True, True)):
        if (args.what == "images" and text == "both ways") or (args.ways and text not in args.ways):
            continue
        options = BackendOptions(weights=args.weights, mode=args.mode, rotate=rotate, both_ways=both)
        yield text, build_backend(args.backend, options)


def measure_images(args: argparse.Namespace) -> None:
    """Print PCK for each angle."""
    folder = Path(args.paths[0])
    people = marked_people(folder)
    print(f"{len(people)} people, {sum(int(p.known.sum()) for p in people)} joints; PCK at 0.2 of the torso, percent")
    print("| persons | crop | " + " | ".join(f"{angle}" for angle in ANGLES) + " |")
    for given in (True, False):
        for text, backend in backends(args):
            row = [pck(backend, folder, people, angle, given) for angle in ANGLES]
            print(
                f"| {'given' if given else 'found'} | {text} | " + " | ".join(f"{v:.1f}" for v in row) + " |",
                flush=True,
            )


def measure_videos(args: argparse.Namespace) -> None:
    """Print for each video the frames with a pose, the mean score of the joints, findings, and the time of a frame."""
    print("| video | frames | crop | with a pose | mean score | findings | ms a frame |")
    for path in map(Path, args.paths):
        for text, backend in backends(args):
            started = time.process_time()
            info = extract_video(SourceVideo(path, path.stem), backend, Recipe())
            spent = 1000 * (time.process_time() - started) / info["total_frames"]
            seen = info["keypoint_score"].any(axis=(0, 2))
            score = info["keypoint_score"][0][seen].mean() if seen.any() else 0.0
            found = ", ".join(f"{name} {number}" for name, number in info["quality"].items()) or "none"
            row = (path.name, len(seen), text, int(seen.sum()), f"{score:.2f}", found, f"{spent:.0f}")
            print("|", " | ".join(map(str, row)), "|", flush=True)
            if args.sheets:
                draw_sheet(path, info, Path(args.sheets, f"{path.stem}_{text.replace(' ', '_')}.jpg"), args.plain)


def draw_sheet(path: Path, info: dict, target: Path, plain: bool, number: int = 20) -> None:
    """Write ``number`` frames, evenly spread, with their skeletons, or the skeletons alone."""
    images = [image for _, image in open_video(path).images()]
    pictures = []
    for t in np.linspace(0, len(images) - 1, min(number, len(images))).round().astype(int):
        image = np.zeros_like(images[t]) if plain else np.ascontiguousarray(images[t])
        draw_skeletons(image, info["keypoint"][:, t], info["keypoint_score"][:, t], get_layout("coco17"))
        pictures.append(cv2.resize(image, (320, round(320 * image.shape[0] / image.shape[1])))[..., ::-1])
    pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % 5)
    target.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(target), np.vstack([np.hstack(pictures[row : row + 5]) for row in range(0, len(pictures), 5)]))


def main() -> None:
    """Measure images or videos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("images", "videos"))
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--backend", default="blazepose")
    parser.add_argument("--mode", default="balanced")
    parser.add_argument("--weights", default="")
    parser.add_argument("--ways", nargs="+", help="of: no rotation, forward, both ways (default: all)")
    parser.add_argument("--sheets", help="folder for a contact sheet of each video")
    parser.add_argument("--plain", action="store_true", help="draw the skeletons alone")
    args = parser.parse_args()
    (measure_images if args.what == "images" else measure_videos)(args)


if __name__ == "__main__":
    main()
