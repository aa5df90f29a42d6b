"""Recognize official lists by their content, whole or in part: Diving48 V1 and V2, FineGym v1.0 and v1.1.

``official_lists.json`` holds fingerprints, no annotation: for each list its number of entries and a digest, for
Diving48 V2 three bytes of the hash of each entry, and for FineGym of each event that only v1.1 has.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mmaction.preparation.official_lists import GymId, ListedClip

FILE = Path(__file__).with_name("official_lists.json")
DIVING48_V1_ENTRIES = (15943, 2096)  # train, test
_EDITED = 0.05  # a larger share of unknown entries is another version and no edit


@dataclass(frozen=True)
class ListVersion:
    """What a list was recognized as."""

    dataset: str  # diving48, gym99, gym288 or gym (a part that could be of either)
    version: str  # V1, V2, v1.0, v1.1, or v1.0 or v1.1 where both hold the same, as in the val lists
    split: str = ""  # train or val where the content tells, else an empty string
    listed: int | None = None  # entries of the whole official list, None where the list is not known
    note: str = ""  # what differs from the official list, empty where nothing does

    def __str__(self) -> str:
        title = {"diving48": "Diving48", "gym99": "Gym99", "gym288": "Gym288", "gym": "FineGym"}[self.dataset]
        return " ".join(filter(None, (title, self.version, self.split))) + (f" ({self.note})" if self.note else "")


@dataclass(frozen=True)
class OfficialList:
    """One official list of a data set."""

    name: str  # gym99, gym288 or diving48
    split: str  # train or val: the list that is written from it
    path: Path
    clips: list[ListedClip]
    version: ListVersion | None  # what it was recognized as, None for an unknown list

    @classmethod
    def of(cls, name: str, split: str, path: Path, clips: list[ListedClip]) -> "OfficialList":
        """Return the list with the version that its clips tell."""
        return cls(name, split, path, clips, identify({clip.id: clip.label for clip in clips}))


def version_of(lists: Iterable[OfficialList]) -> str:
    """Return the version of the first list that was recognized."""
    return next((known.version.version for known in lists if known.version), "of unknown version")


def version_notes(lists: Iterable[OfficialList]) -> list[str]:
    """Return how lists differ from the official ones that they were recognized as."""
    return [f"{known.path.name}: {known.version.note}" for known in lists if known.version and known.version.note]


def short_hash(text: str) -> bytes:
    """Return three bytes of the SHA-256 of ``text``."""
    return hashlib.sha256(text.encode()).digest()[:3]


def list_digest(labels: Mapping[str, int]) -> str:
    """Return 16 hexadecimal digits that identify a list, whatever its order; ``labels`` are by clip id."""
    lines = "\n".join(sorted(f"{name} {label}" for name, label in labels.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]


@cache
def _official() -> dict:
    content = json.loads(FILE.read_text(encoding="utf-8"))
    packed = {name: base64.b64decode(text) for name, text in content["hashes"].items()}
    hashes = {name: frozenset(data[i : i + 3] for i in range(0, len(data), 3)) for name, data in packed.items()}
    return {"lists": content["lists"], "hashes": hashes}


def identify(labels: Mapping[str, int]) -> ListVersion | None:
    """Say which official list this is or belongs to; None for a list of another data set.

    Args:
        labels: Class index by clip id (file name without folder and extension, or ``frame_dir``).
    """
    if not labels:
        return None
    try:
        ids = [GymId.parse(name) for name in labels]
    except ValueError:
        return _identify_diving48(labels)
    if not all(gym_id.element for gym_id in ids):
        return None
    labels = {str(gym_id): label for gym_id, label in zip(ids, labels.values(), strict=True)}
    return _exact(labels) or _identify_gym_part(ids, labels.values())


def _exact(labels: Mapping[str, int]) -> ListVersion | None:
    candidates = [entry for entry in _official()["lists"] if entry["entries"] == len(labels)]
    digest = list_digest(labels) if candidates else ""
    found = next((entry for entry in candidates if entry["digest"] == digest), None)
    return ListVersion(*(found[key] for key in ("dataset", "version", "split", "entries"))) if found else None


def _identify_diving48(labels: Mapping[str, int]) -> ListVersion | None:
    """Compare the entries with the list of V2; V1 has other labels, other clips, and samples of class 30."""
    if exact := _exact(labels):
        return exact
    hashes = _official()["hashes"]
    known = {split: hashes[f"diving48_v2_{split}"] for split in ("train", "val")}
    entries = [short_hash(f"{name} {label}") for name, label in labels.items()]
    found = {split: sum(entry in known[split] for entry in entries) for split in known}
    split = max(found, key=lambda name: found[name])
    names = sum(short_hash(name) in hashes["diving48_videos"] for name in {n.rpartition("_")[0] for n in labels})
    if not names:
        return None
    unknown = len(entries) - found[split]
    if 30 in labels.values() or len(labels) in DIVING48_V1_ENTRIES or unknown > _EDITED * len(entries):
        return ListVersion("diving48", "V1", note=f"{unknown:,} of {len(entries):,} entries differ from V2")
    known_lists = {(entry["dataset"], entry["version"], entry["split"]): entry for entry in _official()["lists"]}
    listed = known_lists["diving48", "V2", split]["entries"]
    note = f"{len(entries):,} of {listed:,} entries" + (f", {unknown:,} of them changed" if unknown else "")
    return ListVersion("diving48", "V2", split, listed, note)


def _identify_gym_part(ids: Sequence[GymId], labels: Iterable[int]) -> ListVersion:
    """Tell what a list that is no official one can be a part of."""
    later = {short_hash(gym_id.event_id) for gym_id in ids} & _official()["hashes"]["gym_v1.1_events"]
    version = "v1.1" if later else "v1.0 or v1.1"
    return ListVersion("gym288" if max(labels) > 98 else "gym", version, note=f"{len(ids):,} entries, no whole list")
