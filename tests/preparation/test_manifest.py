import pytest

from mmaction.preparation.manifest import ListReport, Manifest, coverage
from mmaction.utils.journal import Journal


def manifest(available):
    report = ListReport("val", "x.txt", "v", 3, available, [2, 1], [available, 0], {"clips have no video": ["a"]})
    return Manifest("Gym99", "v1.1", "gym99", {"val.txt": report}, ["mind the gap"])


def test_coverage_round_trip(tmp_path):
    manifest(2).write(tmp_path)
    found = coverage(tmp_path / "val.txt")
    assert (found.available, found.listed, found.complete) == (2, 3, False)
    assert str(found) == "2 of 3 clips (Gym99 v1.1 val)"
    assert coverage(tmp_path / "train.txt") is None
    assert coverage(tmp_path / "elsewhere/val.txt") is None
    assert manifest(3).complete and not manifest(2).complete


def test_summary_says_what_is_lost():
    text = manifest(2).summary()
    assert "val.txt: 2 of 3 clips" in text and "1 clips have no video, such as a" in text
    assert "classes that lost all their clips: 1" in text and "note: mind the gap" in text


def test_summary_names_the_first_of_many_lost_classes():
    report = ListReport("val", "x.txt", "v", 25, 0, [1] * 25, [0] * 25, {})
    text = Manifest("Gym99", "v1.1", "gym99", {"val.txt": report}, []).summary()
    assert "lost all their clips: 0, 1, 2," in text and text.endswith("18, 19 and 5 more")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"lists": {"val.txt": 3}}', '{"lists": 1}'])
def test_damaged_manifest(tmp_path, content):
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(ValueError, match="not a manifest of a prepare tool"):
        coverage(tmp_path / "val.txt")


def test_journal_survives_a_kill_in_a_line(tmp_path):
    journal = Journal(tmp_path / "j.jsonl")
    for number in range(3):
        journal.add(f"clip{number}", frames=number)
    journal.add("clip0", frames=9)
    content = (tmp_path / "j.jsonl").read_bytes()
    for cut in range(len(content) + 1):
        (tmp_path / "j.jsonl").write_bytes(content[:cut])
        again = Journal(tmp_path / "j.jsonl")
        assert len(again.records) == min(content[:cut].count(b"\n"), 3)
        again.add("clip7", frames=7)
        assert Journal(tmp_path / "j.jsonl").get("clip7") == {"frames": 7}


def test_journal_refuses_another_file(tmp_path):
    (tmp_path / "j.jsonl").write_text("hello\n")
    with pytest.raises(ValueError, match="not a journal"):
        Journal(tmp_path / "j.jsonl")
