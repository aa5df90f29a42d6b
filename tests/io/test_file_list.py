import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmaction.io.file_list import read_file_list, resolve_names


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("lists") / "list.txt"


def read(path, text, *args, **kwargs):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return [(line.name, line.numbers, line.labels) for line in read_file_list(str(path), *args, **kwargs)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.mp4 1\nb.mp4 12\n", [("a.mp4", 1), ("b.mp4", 12)]),
        ("a.mp4 1\r\nb.mp4 12\r\n", [("a.mp4", 1), ("b.mp4", 12)]),
        ("\ufeff# a comment\n\n  \na.mp4 1", [("a.mp4", 1)]),
        ("some folder/my  video 7.mp4 3\n", [("some folder/my  video 7.mp4", 3)]),
        ("a.mp4\t4\n", [("a.mp4", 4)]),
        ("  a.mp4   4  \n", [("a.mp4", 4)]),
        ("/data/ä ö.mp4 0\n", [("/data/ä ö.mp4", 0)]),
        ('"dive 07" 3\n', [("dive 07", 3)]),
    ],
)
def test_lines_of_name_and_label(path, text, expected):
    assert read(path, text) == [(name, (), (label,)) for name, label in expected]


def test_numbers_stand_between_name_and_label(path):
    assert read(path, "my frames 120 3\n", ("total_frames",)) == [("my frames", (120,), (3,))]
    assert read(path, "f 5 120 3\n", ("offset", "total_frames")) == [("f", (5, 120), (3,))]


def test_several_labels(path):
    text = 'a b.mp4 1 2 3\nc.mp4 0\n"walk 01" 4 5\n'
    assert read(path, text, multi_class=True, num_classes=6) == [
        ("a b.mp4", (), (1, 2, 3)),
        ("c.mp4", (), (0,)),
        ("walk 01", (), (4, 5)),
    ]
    assert read(path, "f 30 1 2\n", ("total_frames",), multi_class=True) == [("f", (30,), (1, 2))]


def test_another_delimiter(path):
    assert read(path, "a, b.mp4 , 4\n", delimiter=",") == [("a, b.mp4", (), (4,))]
    assert read(path, "a b.mp4;1;2\n", delimiter=";", multi_class=True) == [("a b.mp4", (), (1, 2))]


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("a.mp4 1\nb.mp4\n", {}, r":2: expected 'name label', found 'b\.mp4'; is a label missing\?"),
        ("a.mp4 x\n", {}, r":1: label must be a whole number \(0, 1, \.\.\.\), found 'x'"),
        ("a.mp4 1.0\n", {}, "label must be a whole number .*'1.0'"),
        ("a.mp4 -1\n", {}, "label must be a whole number .*'-1'"),
        ("a.mp4 ٣\n", {}, "label must be a whole number"),
        ("# c\n\na.mp4 5\n", {"num_classes": 5}, r":3: label 5 is outside the 5 classes \(0 to 4\)"),
        (
            "f x 3\n",
            {"fields": ("total_frames",)},
            "total_frames must be a whole number .*'x'; the form is 'name total",
        ),
        ("f 3\n", {"fields": ("total_frames",)}, "expected 'name total_frames label'"),
        ("a.mp4\n", {"multi_class": True}, r"expected 'name label\[ label \.\.\.\]'"),
        ("a.mp4,b\n", {"delimiter": ","}, "label must be a whole number"),
        ("7\n", {}, "expected 'name label'"),
        (
            '"a b.mp4" 3 7\n',
            {},
            r""":1: expected 'name label', found '"a b.mp4" 3 7'; it has 2 values .* multi_class=True""",
        ),
        ('"f" 5 120 3\n', {"fields": ("total_frames",)}, "expected 'name total_frames label', found .* 5 120 3"),
        ("# nothing\n\n", {}, ":1: the list names no clip"),
        (b"a.mp4 1\n\xff\xfe.mp4 2\n", {}, r":2: not a text file \(UTF-8\)"),
        ("a 1\n", {"delimiter": ""}, "delimiter is the text between name and label"),
    ],
)
def test_faults_are_named_with_their_line(path, text, arguments, message):
    with pytest.raises(ValueError, match=message):
        read(path, text, **arguments)


def test_a_missing_list_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.txt"):
        read_file_list(str(tmp_path / "nowhere.txt"))


@given(
    st.text() | st.binary(),
    st.sampled_from([(), ("total_frames",)]),
    st.booleans(),
    st.sampled_from([" ", ",", "\t"]),
)
def test_any_text_is_read_or_refused_with_its_line(path, text, fields, multi_class, delimiter):
    text = text.encode("utf-8", "replace") if isinstance(text, str) else text
    try:
        lines = read(path, text, fields, multi_class, 50, delimiter)
    except ValueError as error:
        assert str(error).startswith(f"{path}:")
    else:
        assert lines
        for name, numbers, labels in lines:
            assert name and len(numbers) == len(fields) and labels
            assert all(0 <= label < 50 for label in labels)


names = st.text(
    st.characters(
        codec="utf-8", exclude_characters='\n\r\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e"', exclude_categories=["C", "Z"]
    ),
    min_size=1,
).filter(lambda name: not name.startswith("#"))


@given(st.lists(st.tuples(st.lists(names, min_size=1, max_size=3).map(" ".join), st.integers(0, 999)), min_size=1))
def test_what_is_written_is_read(path, entries):
    text = "".join(f"{name} {label}\n" for name, label in entries)
    assert read(path, text) == [(name, (), (label,)) for name, label in entries]


def test_names_lie_below_the_data_folder_or_where_they_say(path, tmp_path):
    path.write_text(f"a/b.mp4 1\na/../c.mp4 1\n{tmp_path}/d.mp4 2\n..hidden/e.mp4 1\ns3://bucket/f.mp4 1\n")
    lines = read_file_list(str(path))
    found = [name for name, _ in resolve_names(str(path), lines, "root")]
    assert found == ["root/a/b.mp4", "root/c.mp4", f"{tmp_path}/d.mp4", "root/..hidden/e.mp4", "s3://bucket/f.mp4"]


@pytest.mark.parametrize("name", ["../x.mp4", "a/../../x.mp4", ".."])
def test_a_name_that_leaves_the_data_folder_is_refused(path, name):
    path.write_text(f"ok.mp4 1\n{name} 1\n")
    with pytest.raises(ValueError, match=r":2: '.*' leaves the data folder 'root'; .*absolute one if that is meant"):
        list(resolve_names(str(path), read_file_list(str(path)), "root"))


def test_a_name_may_begin_with_a_hash(tmp_path, capsys):
    path = tmp_path / "list.txt"
    path.write_text("# comment 1\n#20_Rhythm_clap.mp4 0\n#no clip\n####\n#\ta.mp4 1\nb.mp4 1\n")
    assert [(line.name, line.labels[0]) for line in read_file_list(str(path))] == [
        ("#20_Rhythm_clap.mp4", 0),
        ("b.mp4", 1),
    ]
    assert "4 comments are passed over (lines 1, 3, 4, 5)" in capsys.readouterr().out
