import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from mmaction.preparation import gym
from mmaction.preparation.cutting import Encoding
from mmaction.preparation.gym_annotations import read_annotations
from mmaction.preparation.manifest import coverage

FAST = Encoding(preset="ultrafast")
VIDEOS = {"AAAAAAAAAAA": 25, "BBBBBBBBBB-": 30, "CCCCCCCCCC_": 50}  # id: frames per second
EVENTS = ["000001_000004", "000005_000008"]
ELEMENTS = {"0000_0001": (0.52, 1.48), "0001_0001": (1.5, 1.96), "0002_0003": (2.04, 3.0)}  # exact times
DURATION_S = 10


@pytest.fixture(scope="session")
def gym_videos(tmp_path_factory, videos):
    """Full-length videos with burnt-in frame numbers."""
    folder = tmp_path_factory.mktemp("videos")
    for name, fps in VIDEOS.items():
        videos.write(folder / f"{name}.mp4", DURATION_S * fps, fps=fps, g="40", bf="2")
    return folder


def element_ids():
    return [f"{v}_E_{e}_A_{a}" for v in VIDEOS for e in EVENTS for a in ELEMENTS]


def write_lists(folder, *, exact=True):
    """Official files: train is the first two videos, val the third."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, part, wanted in (("gym99", "train_element_v1.1", "AB"), ("gym99", "val_element", "C")):
        ids = [i for i in element_ids() if i[0] in wanted]
        (folder / f"{name}_{part}.txt").write_text("".join(f"{i} {n % 99}\n" for n, i in enumerate(ids)))
    (folder / "gym288_val_element.txt").write_text(f"{element_ids()[-1]} 287\n")
    if exact:
        segments = {f"A_{a}": {"stages": 1, "timestamps": [list(span)]} for a, span in ELEMENTS.items()}
        event = {e: [int(e[:6]) + 0.4, int(e[7:]) + 0.4] for e in EVENTS}
        times = {
            v: {f"E_{e}": {"event": 1, "timestamps": [event[e]], "segments": segments} for e in EVENTS} for v in VIDEOS
        }
        (folder / "finegym_annotation_info_v1.1.json").write_text(json.dumps(times))
    return folder


def exact_frames(name):
    """The frame numbers that an element clip must hold, from its exact times, computed in whole hundredths."""
    video, event, element = name[:11], name[14:27], name[30:]
    first, last = (round(100 * t) + 100 * int(event[:6]) + 40 for t in ELEMENTS[element])
    fps = VIDEOS[video]
    return [n for n in range(DURATION_S * fps) if first * fps <= 100 * n < last * fps]


def prepare(out, lists, *folders, **kwargs):
    return gym.prepare(out, lists, folders, encoding=FAST, **kwargs)


def test_every_cut_starts_and_ends_on_the_right_frame(tmp_path, gym_videos, videos):
    manifests = prepare(tmp_path / "gym", write_lists(tmp_path / "lists"), gym_videos)
    for name in element_ids():
        assert videos.numbers(tmp_path / f"gym/subactions/{name}.mp4") == exact_frames(name), name
    for video, fps in VIDEOS.items():
        for event in EVENTS:
            first, last = int(event[:6]) * 10 + 4, int(event[7:]) * 10 + 4
            wanted = [n for n in range(DURATION_S * fps) if first * fps <= 10 * n < last * fps]
            assert videos.numbers(tmp_path / f"gym/events/{video}_E_{event}.mp4") == wanted
    assert str(coverage(tmp_path / "gym/gym99/train.txt")) == "12 of 12 clips (Gym99 v1.0 or v1.1 train)"
    lines = (tmp_path / "gym/gym99/val.txt").read_text().splitlines()
    assert lines == [f"{name}.mp4 {n}" for n, name in enumerate(element_ids()[12:])]
    assert (tmp_path / "gym/gym288/val.txt").read_text() == f"{element_ids()[-1]}.mp4 287\n"
    assert (
        (tmp_path / "gym/gym99/skeleton_list.txt").read_text().startswith(f"../subactions/{element_ids()[0]}.mp4 0\n")
    )
    assert len((tmp_path / "gym/gym288/label_map.txt").read_text().splitlines()) == 288
    assert all(manifest.complete for manifest in manifests.values())
    assert not (tmp_path / "gym/.unfinished").exists()


def test_times_from_ids_cover_the_last_second(tmp_path, gym_videos, videos):
    manifests = prepare(tmp_path / "gym", write_lists(tmp_path / "lists", exact=False), gym_videos, with_events=False)
    name = f"AAAAAAAAAAA_E_{EVENTS[0]}_A_0002_0003"
    assert videos.numbers(tmp_path / f"gym/subactions/{name}.mp4") == list(range((1 + 2) * 25, (1 + 4) * 25))
    assert any("18 of 18 elements have no exact times" in note for note in manifests["gym99"].notes)
    assert not (tmp_path / "gym/events").exists()


def test_missing_videos_are_counted_and_found_later(tmp_path, gym_videos, videos):
    lists, some = write_lists(tmp_path / "lists"), tmp_path / "some"
    some.mkdir()
    (some / "A film [BBBBBBBBBB-].mp4").symlink_to(gym_videos / "BBBBBBBBBB-.mp4")
    manifests = prepare(tmp_path / "gym", lists, some)
    report = manifests["gym99"].lists["train.txt"]
    assert (report.available, report.listed) == (6, 12)
    assert len(report.missing["clips have no source video"]) == 6
    assert "6 of 12 clips" in manifests["gym99"].summary() and "0 of 6 clips" in manifests["gym99"].summary()
    assert (tmp_path / "gym/missing_videos.txt").read_text() == "AAAAAAAAAAA\nCCCCCCCCCC_\n"
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "gym/subactions").iterdir()}
    manifests = prepare(tmp_path / "gym", lists, gym_videos)
    assert manifests["gym99"].complete
    assert all(path.stat().st_mtime_ns == changed for path, changed in before.items())  # nothing is cut twice


def test_from_event_clips_and_element_clips(tmp_path, gym_videos, videos):
    lists = write_lists(tmp_path / "lists")
    prepare(tmp_path / "first", lists, gym_videos)
    manifests = prepare(tmp_path / "second", lists, tmp_path / "first/events")
    assert manifests["gym99"].complete
    for name in element_ids():
        assert videos.numbers(tmp_path / f"second/subactions/{name}.mp4") == exact_frames(name)
    broken = tmp_path / f"first/subactions/{element_ids()[0]}.mp4"
    broken.write_bytes(broken.read_bytes()[:900])
    manifests = prepare(tmp_path / "third", lists, tmp_path / "first/subactions")
    assert manifests["gym99"].lists["train.txt"].missing == {"clips could not be cut": [element_ids()[0]]}
    assert "it has no frames" in (tmp_path / "third/problems.txt").read_text()
    assert videos.numbers(tmp_path / f"third/subactions/{element_ids()[1]}.mp4") == exact_frames(element_ids()[1])


def test_clips_that_were_cut_stay_when_a_folder_of_elements_is_added(tmp_path, gym_videos, videos):
    lists, full, elements = write_lists(tmp_path / "lists"), tmp_path / "full", tmp_path / "elements"
    full.mkdir()
    (full / "AAAAAAAAAAA.mp4").symlink_to(gym_videos / "AAAAAAAAAAA.mp4")
    manifests = prepare(tmp_path / "gym", lists, full, with_events=False)
    assert manifests["gym99"].lists["train.txt"].available == 6
    cut, other = element_ids()[0], element_ids()[6]
    for name in (cut, other):
        videos.write(elements / f"{name}.mp4", 12)
    for _ in range(2):
        manifests = prepare(tmp_path / "gym", lists, full, elements, with_events=False)
        assert manifests["gym99"].lists["train.txt"].available == 7
        assert (tmp_path / "gym/problems.txt").read_text() == ""
        assert videos.numbers(tmp_path / f"gym/subactions/{cut}.mp4") == exact_frames(cut)
        assert (tmp_path / f"gym/subactions/{other}.mp4").samefile(elements / f"{other}.mp4")
    (tmp_path / f"gym/subactions/{cut}.mp4").write_bytes(b"not what was cut")
    manifests = prepare(tmp_path / "gym", lists, full, elements, with_events=False)
    assert manifests["gym99"].lists["train.txt"].available == 6
    assert "is there already; remove it" in (tmp_path / "gym/problems.txt").read_text()


def test_changed_times_and_damaged_clips_are_cut_again(tmp_path, gym_videos, videos):
    lists, clip = write_lists(tmp_path / "lists", exact=False), tmp_path / f"gym/subactions/{element_ids()[0]}.mp4"
    prepare(tmp_path / "gym", lists, gym_videos)
    write_lists(tmp_path / "lists", exact=True)
    prepare(tmp_path / "gym", lists, gym_videos)
    assert videos.numbers(clip) == exact_frames(element_ids()[0])
    clip.write_bytes(b"")
    prepare(tmp_path / "gym", lists, gym_videos)
    assert videos.numbers(clip) == exact_frames(element_ids()[0])


def test_clips_of_other_times_are_not_listed_where_their_video_is_gone(tmp_path, gym_videos, videos):
    lists, one, elements = write_lists(tmp_path / "lists", exact=False), tmp_path / "one", tmp_path / "elements"
    one.mkdir()
    (one / "CCCCCCCCCC_.mp4").symlink_to(gym_videos / "CCCCCCCCCC_.mp4")
    prepare(tmp_path / "gym", lists, gym_videos)
    write_lists(tmp_path / "lists", exact=True)
    manifests = prepare(tmp_path / "gym", lists, one)
    report = manifests["gym99"].lists["train.txt"]
    assert report.available == 0 and manifests["gym99"].lists["val.txt"].available == 6
    assert report.missing == {"clips were cut at other times and have no source video": element_ids()[:12]}
    assert (tmp_path / "gym/missing_videos.txt").read_text() == "AAAAAAAAAAA\nBBBBBBBBBB-\n"
    videos.write(elements / f"{element_ids()[0]}.mp4", 12)
    prepare(tmp_path / "gym", lists, one, elements)
    assert "is there already; remove it" in (tmp_path / "gym/problems.txt").read_text()
    # clips that an event clip gave have their times in the event, and stay without it
    prepare(tmp_path / "full", lists, gym_videos)
    prepare(tmp_path / "second", lists, tmp_path / "full/events")
    assert prepare(tmp_path / "second", lists, one)["gym99"].complete


@pytest.mark.slow
@pytest.mark.integration
def test_killed_at_any_point_and_resumed(tmp_path, gym_videos, videos, root):
    """The tool is killed several times; nothing half-written is left, and the end is as after one whole run."""
    lists, out = write_lists(tmp_path / "lists"), tmp_path / "gym"
    command = [sys.executable, root / "tools/data/gym/prepare.py", "--out", out, "--annotations", lists]
    command += ["--videos", gym_videos, "--workers", "2", "--preset", "ultrafast"]
    clock, kills = random.Random(1), 0
    for wanted in (1, 7, 15):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while process.poll() is None and len([*out.glob("events/*.mp4"), *out.glob("subactions/*.mp4")]) < wanted:
            time.sleep(0.005)
        time.sleep(clock.random() * 0.05)
        kills += process.poll() is None
        os.kill(process.pid, signal.SIGKILL) if process.poll() is None else None
        process.communicate()
        for path in out.glob("subactions/*.mp4"):
            assert videos.numbers(path) == exact_frames(path.stem)
    assert kills >= 2
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "12 of 12 clips" in done.stdout
    assert sorted(path.stem for path in out.glob("subactions/*")) == sorted(element_ids())
    assert all(videos.numbers(path) == exact_frames(path.stem) for path in out.glob("subactions/*"))
    assert not list(out.rglob("*part*"))


def test_wrong_input(tmp_path, gym_videos):
    lists = write_lists(tmp_path / "lists")
    with pytest.raises(FileNotFoundError, match="--download fetches"):
        prepare(tmp_path / "gym", tmp_path / "absent", gym_videos)
    with pytest.raises(FileNotFoundError, match="no folder of videos"):
        prepare(tmp_path / "gym", lists, tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"not one clip could be made.* 3 videos are missing"):
        prepare(tmp_path / "gym", lists, tmp_path / "empty")
    (lists / "gym99_val_element.txt").write_text(f"{element_ids()[0]} 99\n")
    with pytest.raises(ValueError, match=r"label 99 is outside the 99 classes .* gym99"):
        prepare(tmp_path / "gym", lists, gym_videos)


@pytest.fixture(scope="module")
def official(shared):
    """The official lists of FineGym and their times."""
    return read_annotations(shared / "data/finegym")


def test_real_annotations(shared, official):
    found = {(o.name, o.split): (len(o.clips), o.version.version) for o in official.lists}
    assert found == {
        ("gym99", "train"): (26320, "v1.1"),
        ("gym99", "val"): (8521, "v1.0 or v1.1"),
        ("gym288", "train"): (29334, "v1.1"),
        ("gym288", "val"): (9646, "v1.0 or v1.1"),
    }
    older = read_annotations(shared / "data/finegym", "v1.0")
    assert {(o.name, o.split): len(o.clips) for o in older.lists}["gym99", "train"] == 20484


def test_real_lists_are_planned_completely(official, tmp_path):
    """Every one of the real elements is planned once, within its event, from a full video that is there."""
    ids = {clip.id for gym_list in official.lists for clip in gym_list.clips}
    sources = gym.GymVideos(videos={name[:11]: tmp_path / f"{name[:11]}.mp4" for name in ids})
    state = gym.Preparation(tmp_path / "gym", official, sources)
    cuts = {cut.id: cut for job in state.jobs() for cut in job.cuts}
    assert ids <= cuts.keys() and len(cuts) == len(ids) + len(state.by_event)
    for name in ids:
        event, element = cuts[name.partition("_A_")[0]].span, cuts[name].span
        assert event.start <= element.start < element.end, name
        assert element.end <= event.end + 1, name


def test_files_that_are_passed_over_are_counted_and_named(tmp_path):
    names = ("AAAAAAAAAAA.wmv", "again/AAAAAAAAAAA.mp4", "A film [BBBBBBBBBB-].3gp", "holiday.mp4", "list.txt")
    for name in (*names, "CCCCCCCCCC_/E_000010_000014.ts", "CCCCCCCCCC__E_000010_000014_A_0001_0002.mts"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = gym.find_videos_by_id([tmp_path])
    assert {name: path.name for name, path in found.videos.items()} == {
        "AAAAAAAAAAA": "AAAAAAAAAAA.wmv",
        "BBBBBBBBBB-": "A film [BBBBBBBBBB-].3gp",
    }
    assert list(found.events) == ["CCCCCCCCCC__E_000010_000014"]
    assert list(found.elements) == ["CCCCCCCCCC__E_000010_000014_A_0001_0002"]
    said = "; ".join(found.passed_over)
    assert "list.txt" in said and "1 videos whose names hold no FineGym id: " in said and "holiday.mp4" in said
    assert "1 videos whose id another video has: " in said and "again/AAAAAAAAAAA.mp4" in said
