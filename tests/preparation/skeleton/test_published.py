import pytest

from mmaction.cli.download_skeletons import main
from mmaction.preparation.skeleton import published as module
from mmaction.preparation.skeleton.files import AnnotationFile
from mmaction.preparation.skeleton.published import fetch, published


def test_table():
    table = published()
    assert {"gym_2d", "diving48_2d", "gym_hrnet", "diving48_hrnet"} <= set(table)
    for name, row in table.items():
        assert row.name == name and row.url.endswith(f"/{row.file}") and row.url.startswith("https://")


def test_the_user_who_chooses_is_told_how_good_the_poses_are(capsys):
    main([])
    shown = capsys.readouterr().out
    assert all(
        "54.5 %" in published()[name].note and published()[name].note in shown
        for name in published()
        if "diving" in name
    )


def test_fetch_checks_and_remembers(tmp_path, monkeypatch):
    made = []

    def download(url, path):
        made.append(url)
        if not path.exists():
            AnnotationFile([dict(frame_dir="a", label=0)], {"train": ["a"], "val": []}).write(path)

    monkeypatch.setattr(module, "download", download)
    path = fetch("gym_2d", tmp_path)
    assert fetch("gym_2d", tmp_path) == path and len(made) == 1
    (tmp_path / f"{path.name}.sha256").write_text("")  # a run was killed while it was written
    assert fetch("gym_2d", tmp_path) == path and len(made) == 2
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ValueError, match="SHA-256 should start with"):
        fetch("gym_2d", tmp_path)
    with pytest.raises(ValueError, match="expected the splits train test, test not found"):
        fetch("diving48_2d", tmp_path)
    with pytest.raises(KeyError, match=r"no published skeleton file 'gym'; did you mean gym_2d"):
        fetch("gym", tmp_path)
