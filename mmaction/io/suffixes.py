"""Which files are videos, images, pickles and weights, by the ends of their names; the only lists of them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".divx", ".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".gif"),
    *(".mpg", ".mpeg", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".ogv", ".mxf", ".dv", ".rm", ".rmvb"),
)
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
PICKLE_SUFFIXES = (".pkl", ".pickle")
CHECKPOINT_SUFFIXES = (".pth", ".pt", ".ckpt")
WEIGHT_SUFFIXES = (*CHECKPOINT_SUFFIXES, ".bin", ".safetensors")  # of checkpoints, and as hubs keep weights
EXPORT_TARGETS = {"onnx": ".onnx", "torch": ".pt2"}  # suffix of the file that ``mmaction export --to`` writes


def is_video(path: str | Path) -> bool:
    """Whether a file is a video by its name."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def is_image(path: str | Path) -> bool:
    """Whether a file is an image by its name."""
    return Path(path).suffix.lower() in IMAGE_SUFFIXES


def is_pickle(path: str | Path) -> bool:
    """Whether a file is a pickle by its name."""
    return Path(path).suffix.lower() in PICKLE_SUFFIXES


def is_checkpoint(path: str | Path) -> bool:
    """Whether a file or a web address is a checkpoint by its name."""
    return Path(path).suffix.lower() in CHECKPOINT_SUFFIXES


def is_exported(path: str | Path) -> bool:
    """Whether a file is a model that ``mmaction export`` wrote, by its name."""
    return Path(path).suffix.lower() in EXPORT_TARGETS.values()


def describe_passed_over(paths: Sequence[Path]) -> str:
    """Say how many files were passed over, their kinds, and name one; '' without any."""
    if not paths:
        return ""
    kinds = Counter(path.suffix.lower() or "no suffix" for path in paths)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    return f"passed over {len(paths)} files that are no videos by their names ({counts}), such as {paths[0]}"
