import pytest

from mmaction.cli.build_file_list import main
from mmaction.io.file_list import read_file_list
from mmaction.preparation.build_list import class_indices


@pytest.fixture
def tree(tmp_path):
    """Ten videos of two classes, names with blanks included."""
    for label in ("jump", "back flip"):
        (tmp_path / "videos" / label).mkdir(parents=True)
        for number in range(5):
            (tmp_path / "videos" / label / f"clip {number}.mp4").touch()
    (tmp_path / "videos" / "jump" / "notes.txt").touch()
    return tmp_path


def read(path, fields=()):
    return {line.name: (*line.numbers, *line.labels) for line in read_file_list(str(path), fields)}


def test_a_tree_of_classes_is_split_class_by_class(tree, capsys):
    assert main([str(tree / "videos"), "--out", str(tree / "out")]) == 0
    train, val = read(tree / "out/train.txt"), read(tree / "out/val.txt")
    assert len(train) == 8 and sorted(label for (label,) in val.values()) == [0, 1]
    assert not set(train) & set(val)
    assert {**train, **val}["back flip/clip 3.mp4"] == (0,)
    assert (tree / "out/label_map.txt").read_text() == "back flip\njump\n"
    said = capsys.readouterr().out
    assert "8 train, 2 val clips of 2 classes" in said
    assert "passed over 1 files" in said and "notes.txt" in said
    assert f"check_dataset.py {tree / 'out/train.txt'}" in said and "tools/train.py CONFIG" in said
    assert said.count("num_classes = 2") == 1


def test_what_is_passed_over_is_counted_and_named(tmp_path, capsys):
    """Videos of every kind are taken; those in no class folder, other files and empty classes are named."""
    for name in ("jump/a.wmv", "jump/b.3gp", "spin/c.MTS", "spin/deep/d.m2ts", "spin/e.vob", "top.mp4", "spin/f.doc"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).touch()
    (tmp_path / "data/nobody").mkdir()
    main([str(tmp_path / "data"), "--val-ratio", "0"])
    assert len(read(tmp_path / "train.txt")) == 5
    said = capsys.readouterr().out
    assert "1 clips that lie in no class folder: top.mp4" in said
    assert "f.doc" in said and "1 class folders without clips: nobody" in said
    (tmp_path / "labels.csv").write_text("path,label\njump/a.wmv,jump\n")
    main([str(tmp_path / "data"), "--csv", str(tmp_path / "labels.csv"), "--overwrite"])
    assert "5 clips that" in capsys.readouterr().out


def test_folders_of_frames_that_are_passed_over_are_named(tmp_path, capsys):
    for name in ("a/clip/img_00001.jpg", "a/other/frame1.jpg", "lost/img_00001.jpg"):
        (tmp_path / "data" / name).parent.mkdir(parents=True)
        (tmp_path / "data" / name).touch()
    main([str(tmp_path / "data"), "--kind", "rawframes"])
    said = capsys.readouterr().out
    assert "1 folders without images img_*: a/other" in said and "in no class folder: lost" in said
    assert "number their frames" not in said


def test_frames_that_do_not_count_from_1_without_gaps_are_named(tmp_path, capsys):
    for name, numbers in (("right", (1, 2, 3)), ("from_0", (0, 1, 2)), ("gap", (1, 3))):
        folder = tmp_path / "data/a" / name
        folder.mkdir(parents=True)
        for number in numbers:
            (folder / f"img_{number:05}.jpg").touch()
    main([str(tmp_path / "data"), "--kind", "rawframes"])
    assert "2 folders do not number their frames 1, 2, 3, ...: a/from_0, a/gap; " in capsys.readouterr().out


def test_odd_names_are_read_as_they_are_written(tmp_path):
    names = ("#20_Rhythm_clap.mp4", "a b 3.mp4", " edge.mp4")
    (tmp_path / "data/clap").mkdir(parents=True)
    (tmp_path / "data/#jump").mkdir()
    for name in names:
        (tmp_path / "data/clap" / name).touch()
        (tmp_path / "data/#jump" / name).touch()
    main([str(tmp_path / "data"), "--val-ratio", "0"])
    assert set(read(tmp_path / "train.txt")) == {f"{label}/{name}" for label in ("clap", "#jump") for name in names}


def test_clips_of_one_recording_stay_on_one_side(tmp_path):
    for label in ("jump", "spin"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for person in range(6):
            for number in range(4):
                (tmp_path / "data" / label / f"p{person}_{number}.mp4").touch()
    main([str(tmp_path / "data"), "--group", r"/(p\d)_"])
    train, val = ({name[5:7] for name in read(tmp_path / f"{split}.txt")} for split in ("train", "val"))
    assert len(train) == 5 and len(val) == 1 and not train & val
    labels = [label for (label,) in read(tmp_path / "val.txt").values()]
    assert sorted(labels) == [0] * 4 + [1] * 4
    for group, message in (("p(", "regular expression"), ("q", "does not match 48 names"), ("p", "one group")):
        with pytest.raises(ValueError, match=message):
            main([str(tmp_path / "data"), "--group", group, "--overwrite"])


def test_the_seed_decides_the_split(tree):
    lists = []
    for out, seed in (("a", 0), ("b", 0), ("c", 1)):
        main([str(tree / "videos"), "--out", str(tree / out), "--seed", str(seed), "--val-ratio", "0.4"])
        lists.append(read(tree / out / "val.txt"))
    assert lists[0] == lists[1] != lists[2]


@pytest.mark.parametrize("splits", [("train", "val"), ("Training", "validate")])
def test_folders_train_and_val_decide(tmp_path, capsys, splits):
    for split in splits:
        for label in ("a", "b"):
            (tmp_path / "data" / split / label).mkdir(parents=True)
            (tmp_path / "data" / split / label / "x.mp4").touch()
    main([str(tmp_path / "data")])
    assert read(tmp_path / "val.txt") == {f"{splits[1]}/a/x.mp4": (0,), f"{splits[1]}/b/x.mp4": (1,)}
    assert "for classes" not in capsys.readouterr().out
    (tmp_path / "data" / "old").mkdir()
    main([str(tmp_path / "data"), "--overwrite"])
    assert f"{splits[0].lower()}, {splits[1]} for classes, as these lie beside them: old" in capsys.readouterr().out


def test_numbers_without_a_class_are_named(tmp_path, capsys):
    for label in ("1", "3"):
        (tmp_path / "data" / label).mkdir(parents=True)
        (tmp_path / "data" / label / "x.mp4").touch()
    main([str(tmp_path / "data")])
    assert "are numbers and stay as they are; unused: 0, 2" in capsys.readouterr().out


def test_folders_of_one_number_are_two_classes():
    assert class_indices(["7", "01"]) == {"01": 1, "7": 7}
    assert class_indices(["2", "1", "01"]) == {"01": 0, "1": 1, "2": 2}


@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize("splits", [("train", "val", "test"), ("train", "test")])
def test_a_test_split_stands_in_for_val_only_where_there_is_none(tmp_path, capsys, splits, table):
    for split in splits:
        (tmp_path / "data" / split / "a").mkdir(parents=True)
        (tmp_path / "data" / split / "a" / "x.mp4").touch()
    rows = [f"{split}/a/x.mp4,a,{split}\n" for split in splits]
    (tmp_path / "labels.csv").write_text("path,label,split\n" + "".join(rows))
    main([str(tmp_path / "data"), *(["--csv", str(tmp_path / "labels.csv")] if table else [])])
    assert read(tmp_path / "train.txt") == {"train/a/x.mp4": (0,)}
    assert read(tmp_path / "val.txt") == {f"{splits[1]}/a/x.mp4": (0,)}
    assert (tmp_path / "test.txt").is_file() == (len(splits) == 3)
    if len(splits) == 3:
        assert read(tmp_path / "test.txt") == {"test/a/x.mp4": (0,)}
        assert "1 test clips" in capsys.readouterr().out


def test_dates_are_names_of_classes(tmp_path):
    for label in ("20240102", "20240101"):
        (tmp_path / "data" / label).mkdir(parents=True)
        (tmp_path / "data" / label / "x.mp4").touch()
    main([str(tmp_path / "data")])
    assert read(tmp_path / "train.txt") == {"20240101/x.mp4": (0,), "20240102/x.mp4": (1,)}
    assert (tmp_path / "label_map.txt").read_text() == "20240101\n20240102\n"


def test_folders_of_frames_are_counted(tmp_path):
    for label, frames in (("a", 3), ("b", 5)):
        folder = tmp_path / "data" / label / "clip"
        folder.mkdir(parents=True)
        for number in range(1, frames + 1):
            (folder / f"img_{number:05}.jpg").touch()
        for number in range(1, frames):
            (folder / f"x_{number:05}.jpg").touch()
    for kind, less in (("rawframes", 0), ("flow", 1)):
        main([str(tmp_path / "data"), "--kind", kind, "--val-ratio", "0", "--overwrite"])
        expected = {"a/clip": (3 - less, 0), "b/clip": (5 - less, 1)}
        assert read(tmp_path / "train.txt", ("total_frames",)) == expected


def test_a_table_gives_labels_and_splits(tree):
    table = tree / "labels.csv"
    table.write_text("Video,Action,Split\njump/clip 1.mp4,7,train\nback flip/clip 2.mp4,3,test\n")
    main([str(tree / "videos"), "--out", str(tree), "--csv", str(table)])
    assert read(tree / "train.txt") == {"jump/clip 1.mp4": (7,)}
    assert read(tree / "val.txt") == {"back flip/clip 2.mp4": (3,)}
    assert (tree / "label_map.txt").read_text().splitlines()[3:] == ["3", "class 4", "class 5", "class 6", "7"]


def test_a_label_map_orders_the_classes(tree):
    (tree / "map.txt").write_text("jump\nstand\nback flip\n")
    main([str(tree / "videos"), "--out", str(tree), "--label-map", str(tree / "map.txt")])
    assert {label for (label,) in read(tree / "train.txt").values()} == {0, 2}


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("clip,action\n", ValueError, r"labels\.csv:1: no column for the path; expected one of path, video"),
        ("path,action\njump/clip 1.mp4,\n", ValueError, r"labels\.csv:2: the label is missing"),
        ("path,action\njump/clip 9.mp4,1\n", FileNotFoundError, r"labels\.csv:2: there is no .*clip 9\.mp4"),
        (
            "path,action,split\njump/clip 1.mp4,1,dev\n",
            ValueError,
            r"labels\.csv:2: the split is train or val, found 'dev'",
        ),
        ("path,action\n", ValueError, "the table holds no clip"),
        ("path,action\njump/clip 1.mp4,1\njump/clip 1.mp4,2\n", ValueError, r"labels\.csv:3: .* twice"),
        ("", ValueError, "found an empty file"),
    ],
)
def test_faults_of_the_table_are_named(tree, text, error, message):
    (tree / "labels.csv").write_text(text)
    with pytest.raises(error, match=message):
        main([str(tree / "videos"), "--out", str(tree), "--csv", str(tree / "labels.csv")])


def test_existing_lists_are_kept(tree):
    main([str(tree / "videos"), "--out", str(tree)])
    with pytest.raises(FileExistsError, match=r"train\.txt.* exist already: .*--overwrite"):
        main([str(tree / "videos"), "--out", str(tree)])
    assert main([str(tree / "videos"), "--out", str(tree), "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["nowhere"], FileNotFoundError, "nowhere"),
        (
            ["videos", "--kind", "rawframes"],
            FileNotFoundError,
            r"holds no clips; expected videos/CLASS/\.\.\. with folders",
        ),
        (["videos", "--val-ratio", "1"], ValueError, "val_ratio is a share"),
    ],
)
def test_arguments_that_lead_nowhere_are_named(tree, monkeypatch, arguments, error, message):
    monkeypatch.chdir(tree)
    with pytest.raises(error, match=message):
        main(arguments)


def test_a_label_map_beside_the_lists_stays(tree, monkeypatch):
    monkeypatch.chdir(tree)
    (tree / "label_map.txt").write_text("jump\nstand\nback flip\n\n")
    main(["videos", "--label-map", "label_map.txt"])
    assert {label for (label,) in read(tree / "train.txt").values()} == {0, 2}
    assert (tree / "label_map.txt").read_text() == "jump\nstand\nback flip\n\n"


def test_a_class_that_the_map_does_not_have_is_named(tree):
    (tree / "map.txt").write_text("jump\n")
    with pytest.raises(ValueError, match="classes that the label map does not have: back flip"):
        main([str(tree / "videos"), "--out", str(tree), "--label-map", str(tree / "map.txt")])
