"""Features of the clips of a split as files: plain arrays that are read by memory map, and facts as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmaction.utils.files import read_json, write_json

FACTS = "features.json"  # written last: a folder without it is not finished
PROGRESS = "progress.json"
REQUIRED = ("features", "labels", "missing")


@dataclass(frozen=True)
class Features:
    """The features of N clips, arrays that stay on the disk until they are used.

    Attributes:
        folder: Where they are.
        ids: Names of the clips, unique.
        features: float32 (N, C), or (N, views, C) where views are kept.
        labels: Class indices, int64 (N,), or 0 and 1 for each class, (N, classes).
        missing: bool (N,): the clip could not be loaded, or its skeleton shows nobody; its rows are 0.
        logits: float32 (N, classes), or (N, rows, classes); None: the model has no head.
        scores: float32 (N, classes), as in a test; None likewise.
        maps: Feature maps before pooling, (N, ...), or (N, views, ...), one for each stage, pathway or modality.
        facts: What ``features.json`` says of the model, its config and the data.
    """

    folder: Path
    ids: list[str]
    features: np.ndarray
    labels: np.ndarray
    missing: np.ndarray
    logits: np.ndarray | None = None
    scores: np.ndarray | None = None
    maps: list[np.ndarray] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def basis(self) -> str:
        """SHA-256 of the checkpoint in whose basis they are: with several folds, the one trained on all clips."""
        identity = self.facts.get("identity") or {}
        return str(identity.get("parts", [identity])[0].get("checkpoint"))

    @property
    def is_memorized(self) -> bool:
        """Whether the model was trained on these clips."""
        return (self.facts.get("identity") or {}).get("split") == "train"


def load_features(folder: str | Path) -> Features:
    """Return the features in a folder that ``tools/extract_features.py`` wrote, without reading the arrays.

    Raises:
        FileNotFoundError: If it is not there, or a file of it is gone.
        ValueError: If it is not finished, or damaged.
    """
    facts, ids, arrays = read_arrays(folder)
    if not set(REQUIRED) <= set(arrays):
        raise ValueError(f"{Path(folder) / FACTS}: arrays hold {', '.join(REQUIRED)}; got {', '.join(arrays)}")
    maps = [arrays.pop(name) for name in sorted(arrays) if name.startswith("map_")]
    known = {name: array for name, array in arrays.items() if name in Features.__dataclass_fields__}
    return Features(Path(folder), ids, maps=maps, facts=facts, **known)


def read_arrays(folder: str | Path) -> tuple[dict[str, Any], list[str], dict[str, np.ndarray]]:
    """Return the facts, the names of the rows and the arrays in a folder that :class:`FeatureWriter` has finished.

    Errors as of :func:`load_features`.
    """
    folder = Path(folder)
    if not (folder / FACTS).is_file():
        if (folder / PROGRESS).is_file():
            raise ValueError(
                f"{folder} is not finished; run the command that wrote it again, it goes on where it stopped"
            )
        raise FileNotFoundError(f"{folder} holds no {FACTS}; name a folder that tools/extract_features.py wrote")
    facts = read_json(folder / FACTS)
    try:
        ids, names = [str(name) for name in facts.pop("ids")], [str(name) for name in facts["arrays"]]
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{folder / FACTS} names no ids and arrays: {error!r}") from None
    if len(set(ids)) != len(ids) or not all(name.isidentifier() for name in names):
        raise ValueError(f"{folder / FACTS}: ids must be unique, and arrays have names; got {names}")
    return facts, ids, {name: _read_array(folder / f"{name}.npy", len(ids)) for name in names}


def _read_array(path: Path, count: int) -> np.ndarray:
    if not path.is_file():
        raise FileNotFoundError(f"{path}, which {FACTS} names, is not there")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # damaged bytes make NumPy raise anything
        raise ValueError(f"{path} is no readable array: {error}") from error
    if array.dtype.kind not in "fib" or array.ndim < 1 or len(array) != count:
        raise ValueError(f"{path}: expected numbers of {count} clips; got {array.dtype} of shape {array.shape}")
    return array


class FeatureWriter:
    """Writes arrays of N rows piece by piece; what is stopped goes on where it was.

    Args:
        folder: Made if absent.
        count: N.
        identity: What the rows depend on, by name. A folder of another one is neither continued nor replaced.

    Attributes:
        done: How many rows are written.

    Raises:
        FileExistsError: If the folder holds, or has begun with, features of another identity.
    """

    def __init__(self, folder: str | Path, count: int, identity: Mapping[str, Any]) -> None:
        self.folder, self.count, self.identity = Path(folder), count, json.loads(json.dumps(identity, default=str))
        self._arrays: dict[str, Any] = {}  # memory maps
        self.done = 0
        state = next((self.folder / name for name in (FACTS, PROGRESS) if (self.folder / name).is_file()), None)
        if state is not None:
            content = read_json(state)
            self._check(content.get("identity"), content.get("count"))
            self.done = count if state.name == FACTS else int(content["done"])
            for name in content["arrays"] if state.name == PROGRESS else ():
                self._arrays[name] = self._open(name)
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def finished(self) -> bool:
        """Whether the folder is complete."""
        return (self.folder / FACTS).is_file()

    def _check(self, identity: Any, count: Any) -> None:
        stored = identity if isinstance(identity, dict) else {}
        other = [name for name, value in self.identity.items() if stored.get(name) != value]
        if other or count != self.count:
            raise FileExistsError(
                f"{self.folder} holds features of another {', '.join(other) or 'number of clips'}; delete it, or name "
                "another --out"
            )

    def write(self, rows: Sequence[Mapping[str, np.ndarray]]) -> None:
        """Append one row for each clip: an array of one shape for each name."""
        for name in rows[0]:
            shapes = {np.shape(row[name]) for row in rows} | ({self._arrays[name].shape[1:]} if self._arrays else set())
            if len(shapes) > 1:
                raise ValueError(
                    f"{name}: the clips have different shapes, {sorted(shapes)}; use --views mean, or a pipeline that "
                    "gives every clip as many views of one size"
                )
        for name, value in rows[0].items() if not self._arrays else ():
            self._create(name, np.asarray(value))
        self._arrays = self._arrays or {name: self._open(name) for name in rows[0]}
        for name, array in self._arrays.items():
            array[self.done : self.done + len(rows)] = np.stack([row[name] for row in rows])
            array.flush()
        self.done += len(rows)
        self._note(PROGRESS, done=self.done)

    def _create(self, name: str, row: np.ndarray) -> None:
        """Make the file of an array of ``count`` such rows, all 0."""
        header = {"descr": row.dtype.str, "fortran_order": False, "shape": (self.count, *row.shape)}
        with open(self.folder / f"{name}.npy", "wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            file.truncate(file.tell() + self.count * row.nbytes)

    def _open(self, name: str) -> np.ndarray:
        return np.load(self.folder / f"{name}.npy", mmap_mode="r+", allow_pickle=False)

    def finish(self, ids: Sequence[str], facts: Mapping[str, Any]) -> None:
        """Name the clips, and mark the folder as complete."""
        assert self.done == self.count == len(ids), "rows are missing"
        self._note(FACTS, **facts, ids=list(ids))
        (self.folder / PROGRESS).unlink(missing_ok=True)

    def _note(self, name: str, **content: Any) -> None:
        known = {"identity": self.identity, "count": self.count, "arrays": list(self._arrays)}
        write_json(self.folder / name, {**known, **content}, default=str)
