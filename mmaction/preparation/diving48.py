"""Diving48: from the official lists and a folder of videos to checked training lists."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from mmaction.io.downloads import download, extract_archive
from mmaction.io.video import VideoError, check_video
from mmaction.io.video.folders import find_videos, no_videos, walk_videos
from mmaction.label_spaces import load_label_space
from mmaction.preparation.manifest import Manifest, write_prepared
from mmaction.preparation.official_lists import read_diving48
from mmaction.preparation.recognize_list import OfficialList, version_notes, version_of
from mmaction.utils.files import read_json
from mmaction.utils.journal import Journal
from mmaction.utils.text import first_few
from mmaction.utils.workers import in_parallel

SITE = "http://www.svcl.ucsd.edu/projects/resound"
ANNOTATIONS = {
    "V2": ("Diving48_V2_train.json", "Diving48_V2_test.json", "Diving48_vocab.json"),
    "V1": ("Diving48_train.json", "Diving48_test.json", "Diving48_vocab.json"),
}
ARCHIVE = "Diving48_rgb.tar.gz"  # holds rgb/NAME.mp4, about 9.6 GB
_WORDS = {"train": "train", "val": "test"}  # our split: the word in the official file name
_TRAPS = {
    "V1": ["V1 holds many wrong labels; published figures since 2021 are on V2 and cannot be compared"],
    "V2": ["class 30 has no clip in V2; mean class accuracy is over the other 47"],
}


def fetch(out: Path, version: str, *, videos: bool = True) -> None:
    """Download the official annotations and, with ``videos``, the archive of clips into ``out``.

    Both go on where an earlier run stopped. The archive is unpacked into ``out/videos`` and kept. ConnectionError if
    the site cannot be reached; the message says where to put the files by hand; FileExistsError if ``out/videos`` is a
    link.
    """
    target = _unlinked(out / "videos") if videos else None
    for name in ANNOTATIONS[version]:
        download(f"{SITE}/{name}", out / "annotations" / name)
    if target:
        archive = download(f"{SITE}/{ARCHIVE}", out / ARCHIVE)
        extract_archive(archive, target, strip=1)


def provide_videos(out: Path, source: Path) -> None:
    """Make the clips of ``source`` available as ``out/videos``: unpack an archive, link to a folder."""
    target = out / "videos"
    if source.is_file():
        extract_archive(source, _unlinked(target), strip=1)
        return
    if not source.is_dir():
        raise FileNotFoundError(f"no folder or archive of videos at {source}")
    if not walk_videos(source)[0]:
        raise no_videos(source)
    if target.exists():
        if not target.samefile(source):
            raise FileExistsError(f"{target} is already there; move it away, or use it without --videos {source}")
        return
    out.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.resolve(), target_is_directory=True)


def _unlinked(folder: Path) -> Path:
    """Return a folder to unpack into; refuse a link, behind which lie somebody's own videos."""
    if folder.is_symlink():
        raise FileExistsError(
            f"{folder} is a link to {folder.resolve()}, whose files unpacking could replace; remove the link, or stay "
            "with its videos: no archive in --videos, and --download annotations"
        )
    return folder


def read_official(folder: Path, version: str | None) -> list[OfficialList]:
    """Read ``*train*.json`` and ``*test*.json`` of a folder, and check its vocabulary.

    ``version`` is needed where the folder holds V1 and V2. ValueError where the two lists are of different versions.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder of annotations at {folder}; --download fetches the official ones")
    lists = [_pick(folder, split, version) for split in _WORDS]
    versions = {official.version.version for official in lists if official.version}
    if len(versions) > 1:
        told = " and ".join(f"{official.path.name} is {official.version}" for official in lists)
        raise ValueError(f"{told}: labels of V1 and V2 disagree, use two lists of one version")
    for path in sorted(folder.glob("*vocab*.json")):
        _check_vocabulary(path)
    return lists


def _pick(folder: Path, split: str, version: str | None) -> OfficialList:
    """Read the list of one split; ``version`` picks one of several."""
    word = _WORDS[split]
    paths = sorted(folder.glob(f"*{word}*.json"))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no *{word}*.json; --download fetches the official lists")
    found = [OfficialList.of("diving48", split, path, read_diving48(path)) for path in paths]
    if version:
        found = [official for official in found if official.version and official.version.version == version]
    if len(found) != 1:
        names = ", ".join(path.name for path in paths)
        wanted = f"one {word} list" + (f" of {version}" if version else "; choose with --version V1 or V2")
        raise ValueError(f"{folder}: expected {wanted}, found {len(found)} among {names}")
    return found[0]


def _check_vocabulary(path: Path) -> None:
    try:
        take_offs = [str(entry[0]).lower() for entry in read_json(path)]
    except (ValueError, TypeError, LookupError) as error:
        raise ValueError(f"{path}: not the vocabulary of Diving48: {error}") from error
    if take_offs != list(load_label_space("diving48").table["take_off"]):
        raise ValueError(f"{path}: not the vocabulary of the 48 classes of Diving48 (their take-offs differ)")


def prepare(
    out: Path,
    annotations: Path,
    *,
    version: str | None = None,
    decode: bool = True,
    workers: int = 2,
) -> Manifest:
    """Check the clips in ``out/videos`` against the official lists and write what training needs.

    Writes ``train.txt``, ``val.txt``, ``skeleton_list.txt``, ``label_map.txt`` and ``manifest.json`` into ``out``. A
    clip that is absent or does not decode is left out of the lists and named in the manifest; one with another number
    of frames than listed stays and is named. What was checked is remembered, so that a second run is quick.
    ``decode=False`` only reads the files. ``version`` picks one of several.
    """
    lists = read_official(annotations, version)
    if not (out / "videos").is_dir():
        raise FileNotFoundError(f"no videos at {out}/videos: --videos names yours, --download fetches the official")
    videos = find_videos(out / "videos")
    wanted = {clip.id for official in lists for clip in official.clips}
    present = {name: path for name, path in videos.items() if name in wanted}
    if not present:
        raise ValueError(f"{out}/videos: none of the {len(wanted):,} listed clips is among its {len(videos):,} videos")
    found = _check_videos(present, Journal(out / "checked_videos.jsonl"), decode, workers)
    frames = {name: count for name, count in found.items() if isinstance(count, int)}
    why_missing = dict.fromkeys(wanted - present.keys(), "clips have no video")
    why_missing |= dict.fromkeys(found.keys() - frames.keys(), "videos do not decode")
    manifest = Manifest("Diving48", version_of(lists), "diving48", {}, _notes(lists, videos.keys() - wanted))
    paths = {name: path.relative_to(out / "videos").as_posix() for name, path in present.items()}
    return write_prepared(out, manifest, lists, why_missing, "videos", paths.__getitem__, frames)


def _check_videos(videos: Mapping[str, Path], journal: Journal, decode: bool, workers: int) -> dict[str, int | str]:
    """Return the number of frames of each video, or why it cannot be used."""
    from tqdm import tqdm

    def check(item: tuple[str, Path]) -> int | str:
        name, path = item
        try:
            stat = path.stat()
        except OSError as error:
            return f"{path}: {error.strerror}"
        state = {"bytes": stat.st_size, "changed": stat.st_mtime_ns}
        record = journal.get(name)
        if record and state.items() <= record.items() and record["decoded"] >= decode:
            return record["found"]
        try:
            found: int | str = check_video(path, decode=decode).num_frames
        except VideoError as error:
            found = str(error)
        journal.add(name, found=found, decoded=decode, **state)
        return found

    checked = in_parallel(check, videos.items(), workers=workers)
    bar = tqdm(checked, total=len(videos), desc="checking clips", unit=" clips")
    return {name: found for (name, _), found in bar}


def _notes(lists: Sequence[OfficialList], unlisted: Collection[str]) -> list[str]:
    """Say what is unusual about the lists, and which videos none of them names."""
    notes = version_notes(lists)
    notes += _TRAPS.get(version_of(lists), ())
    if unlisted:
        notes.append(f"passed over {len(unlisted):,} videos that no list names: {first_few(sorted(unlisted), 3)}")
    return notes
