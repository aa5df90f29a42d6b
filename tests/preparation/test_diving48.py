import json
import shutil

import pytest

from mmaction.preparation import diving48
from mmaction.preparation.manifest import coverage
from mmaction.preparation.official_lists import read_diving48


def write_json(path, clips):
    path.parent.mkdir(parents=True, exist_ok=True)
    entries = [{"vid_name": n, "label": label, "start_frame": 0, "end_frame": f - 1} for n, label, f in clips]
    path.write_text(json.dumps(entries, indent=2))


@pytest.fixture
def small(tmp_path, videos):
    """Three train clips (one absent, one of another length), two val clips (one cut off)."""
    out = tmp_path / "diving48"
    write_json(tmp_path / "lists/Diving48_V2_train.json", [("a_0", 3, 10), ("a_1", 3, 12), ("b_0", 47, 10)])
    write_json(tmp_path / "lists/Diving48_V2_test.json", [("c_0", 0, 10), ("c_1", 5, 40)])
    for name, frames in (("a_0", 10), ("a_1", 10), ("c_0", 10), ("c_1", 40), ("unlisted", 5)):
        videos.write(out / f"videos/{name}.mp4", frames)
    content = (out / "videos/c_1.mp4").read_bytes()
    (out / "videos/c_1.mp4").write_bytes(content[: len(content) // 2])
    return out, tmp_path / "lists"


def test_lists_and_manifest(small):
    out, lists = small
    manifest = diving48.prepare(out, lists)
    assert (out / "train.txt").read_text() == "a_0.mp4 3\na_1.mp4 3\n"
    assert (out / "val.txt").read_text() == "c_0.mp4 0\n"
    assert (out / "skeleton_list.txt").read_text() == "videos/a_0.mp4 3\nvideos/a_1.mp4 3\nvideos/c_0.mp4 0\n"
    assert (out / "label_map.txt").read_text().splitlines()[47] == "reverse, dive, no twist, tuck"
    train, val = manifest.lists["train.txt"], manifest.lists["val.txt"]
    assert (train.listed, train.available, train.missing) == (3, 2, {"clips have no video": ["b_0"]})
    assert train.wrong_length == {"a_1": [12, 10]}
    assert val.missing == {"videos do not decode": ["c_1"]}
    assert (train.class_counts[47], train.available_class_counts[47]) == (1, 0)
    assert str(coverage(out / "train.txt")) == "2 of 3 clips (Diving48 of unknown version train)"
    summary = manifest.summary()
    assert "2 of 3 clips" in summary and "classes that lost all their clips: 47" in summary
    assert "a_1: 12 frames listed, 10 found" in summary


def test_a_dangling_link_counts_as_a_damaged_video(small):
    out, lists = small
    (out / "videos/a_1.mp4").unlink()
    (out / "videos/a_1.mp4").symlink_to(out / "absent.mp4")
    manifest = diving48.prepare(out, lists)
    assert (out / "train.txt").read_text() == "a_0.mp4 3\n"
    assert manifest.lists["train.txt"].missing["videos do not decode"] == ["a_1"]


def test_second_run_reads_only_changed_videos(small, monkeypatch, videos):
    out, lists = small
    diving48.prepare(out, lists)
    looked = []
    check_video = diving48.check_video
    monkeypatch.setattr(diving48, "check_video", lambda path, **kw: looked.append(path.stem) or check_video(path, **kw))
    videos.write(out / "videos/c_1.mp4", 40)
    assert diving48.prepare(out, lists).lists["val.txt"].available == 2
    assert looked == ["c_1"]


def test_videos_from_folder_or_archive(small, tmp_path):
    out, _ = small
    other = tmp_path / "other"
    shutil.copytree(out / "videos", tmp_path / "again")
    diving48.provide_videos(other, out / "videos")
    assert (other / "videos/a_0.mp4").is_file()
    diving48.provide_videos(other, out / "videos")  # again: the same link
    with pytest.raises(FileExistsError, match="already there"):
        diving48.provide_videos(other, tmp_path / "again")
    archive = shutil.make_archive(tmp_path / "rgb", "gztar", out, "videos")
    diving48.provide_videos(tmp_path / "third", tmp_path / archive)
    assert (tmp_path / "third/videos/a_0.mp4").is_file()
    with pytest.raises(FileNotFoundError, match="no folder or archive"):
        diving48.provide_videos(other, tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="no video below"):
        diving48.provide_videos(tmp_path / "fourth", tmp_path / "lists")
    assert not (tmp_path / "fourth").exists()  # so that the next try, with the right folder, is not refused


def test_nothing_is_unpacked_into_a_linked_folder(small, tmp_path):
    out, _ = small
    linked = tmp_path / "linked"
    diving48.provide_videos(linked, out / "videos")
    before = {path.name: path.stat().st_size for path in (out / "videos").iterdir()}
    (tmp_path / "rgb").mkdir()
    (tmp_path / "rgb/a_0.mp4").write_text("official")
    archive = shutil.make_archive(tmp_path / "rgb", "gztar", tmp_path, "rgb")
    with pytest.raises(FileExistsError, match=r"videos is a link to .*diving48/videos, whose files .* remove the link"):
        diving48.provide_videos(linked, tmp_path / archive)
    with pytest.raises(FileExistsError, match=r"videos is a link to .*--download annotations"):
        diving48.fetch(linked, "V2")
    assert {path.name: path.stat().st_size for path in (out / "videos").iterdir()} == before


def test_wrong_input(small, tmp_path, videos):
    out, lists = small
    with pytest.raises(FileNotFoundError, match="--download"):
        diving48.prepare(out, tmp_path / "absent")
    write_json(lists / "Diving48_train.json", [("a_0", 30, 10)])
    with pytest.raises(ValueError, match="choose with --version"):
        diving48.prepare(out, lists)
    (lists / "Diving48_train.json").unlink()
    (lists / "Diving48_vocab.json").write_text("[1]")
    with pytest.raises(ValueError, match="not the vocabulary of Diving48"):
        diving48.prepare(out, lists)
    (lists / "Diving48_vocab.json").unlink()
    for path in (out / "videos").iterdir():
        path.unlink()
    videos.write(out / "videos/unlisted.mp4", 3)
    with pytest.raises(ValueError, match=r"none of the 5 listed clips is among its 1 videos"):
        diving48.prepare(out, lists)


def test_real_lists_are_v2(shared):
    lists = diving48.read_official(shared / "data/diving48", None)
    assert {official.split: len(official.clips) for official in lists} == {"train": 15027, "val": 1970}
    assert [str(official.version) for official in lists] == ["Diving48 V2 train", "Diving48 V2 val"]


def test_real_lists_with_v1_labels_are_told_apart(shared, tmp_path):
    entries = json.loads((shared / "data/diving48/Diving48_V2_train.json").read_text())
    for entry in entries[::5]:
        entry["label"] = (entry["label"] + 1) % 48
    (tmp_path / "train.json").write_text(json.dumps(entries))
    shutil.copy(shared / "data/diving48/Diving48_V2_test.json", tmp_path / "test.json")
    with pytest.raises(ValueError, match="labels of V1 and V2 disagree"):
        diving48.read_official(tmp_path, None)


def test_real_lists_with_stub_videos(shared, tmp_path, monkeypatch):
    """The whole official lists go through; only the reading of 16,997 videos is replaced."""
    lists = diving48.read_official(shared / "data/diving48", None)
    frames = {clip.id: clip.frames for official in lists for clip in official.clips}
    left_out = sorted(frames)[::1000]
    present = {name: tmp_path / f"videos/{name}.mp4" for name in frames if name not in left_out}
    monkeypatch.setattr(diving48, "find_videos", lambda folder: present)
    monkeypatch.setattr(diving48, "_check_videos", lambda videos, *args: {name: frames[name] for name in videos})
    (tmp_path / "videos").mkdir()
    manifest = diving48.prepare(tmp_path, shared / "data/diving48")
    assert manifest.version == "V2"
    for official, total in zip(lists, (15027, 1970), strict=True):
        name = f"{official.split}.txt"
        report = manifest.lists[name]
        missing = sum(clip.id in left_out for clip in official.clips)
        assert (report.listed, report.available) == (total, total - missing)
        expected = [sum(clip.label == label for clip in official.clips) for label in range(48)]
        assert report.class_counts == expected and expected[30] == 0
        assert len((tmp_path / name).read_text().splitlines()) == total - missing
    assert len(read_diving48(shared / "data/diving48/Diving48_V2_test.json")) == 1970
