"""Reading the ``.skeleton`` files of NTU RGB+D: joints in space, in meters."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mmaction.utils.files import read_text

JOINTS, BODY_VALUES, JOINT_VALUES = 25, 10, 12  # as the authors' reader expects them
_LABEL = re.compile(r"A(\d{3})(?:_|$)")


def read_ntu(source: Path, persons: int | None = None) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and the joints of each clip, float32 ``(M, T, 25, 3)``, 0 where a body or joint is missing.

    A file (``S001C001P001R001A001.skeleton``; ``source`` may be a folder of them) holds the number of frames; for each
    frame the number of bodies; for each body a line of 10 values that begins with its identity, the number of joints,
    and for each joint a line of 12 values: x, y, z, places in the depth and color images, orientation, and whether it
    was tracked (0: no). At most ``persons`` bodies are kept per clip; those that are there longest come first.
    ValueError names file and line of another form.
    """
    paths = sorted(source.rglob("*.skeleton")) if source.is_dir() else [source]
    if not paths:
        raise ValueError(f"{source} holds no .skeleton file")
    for path in paths:
        yield path.stem, _read_file(path, persons)


def ntu_label(name: str) -> int | None:
    """Return the class index in the name of a clip, A001 being 0, or None if it has none."""
    found = _LABEL.search(name)
    return int(found[1]) - 1 if found and int(found[1]) else None


def _read_file(path: Path, persons: int | None) -> np.ndarray:
    lines = enumerate(read_text(path).rstrip().split("\n"), 1)

    def take(count: int) -> list[float]:
        number, text = next(lines, (0, ""))
        try:
            values = [float(word) for word in text.split()]
        except ValueError:
            values = []
        if len(values) != count or not np.isfinite(values).all():
            where = f"{path}:{number}" if number else f"{path} ends too early"
            raise ValueError(f"{where}: expected {count} numbers, found {text[:60]!r}; is it a file of NTU RGB+D?")
        return values

    frames = int(take(1)[0])
    bodies: dict[float, dict[int, np.ndarray]] = {}
    for frame in range(frames):
        for _ in range(int(take(1)[0])):
            identity = take(BODY_VALUES)[0]
            if int(take(1)[0]) != JOINTS:
                raise ValueError(f"{path}: expected bodies of {JOINTS} joints in frame {frame}")
            values = np.array([take(JOINT_VALUES) for _ in range(JOINTS)], np.float32)
            bodies.setdefault(identity, {})[frame] = values[:, :3] * (values[:, -1:] > 0)
    if not bodies:
        raise ValueError(f"{path}: nobody was found in any frame")
    order = sorted(bodies, key=lambda identity: -len(bodies[identity]))[:persons]
    keypoint = np.zeros((len(order), frames, JOINTS, 3), np.float32)
    for person, identity in enumerate(order):
        for frame, points in bodies[identity].items():
            keypoint[person, frame] = points
    return keypoint
