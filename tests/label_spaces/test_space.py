import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmaction.label_spaces import (
    available_label_spaces,
    load_label_space,
    names_beside,
    read_label_map,
    with_label_space,
)

SPACES = {"diving48": 48, "gym99": 99, "gym288": 288}


def test_available():
    assert set(available_label_spaces()) == set(SPACES)


@pytest.mark.parametrize("name", SPACES)
def test_every_class_is_unique_and_complete(name):
    space = load_label_space(name)
    assert len(space) == SPACES[name]
    rows = {
        (space.name(i), *space.attributes(i).values(), *(space.code(i, c) for c in space.codes))
        for i in range(len(space))
    }
    assert len(rows) == len(space)
    assert all(all(cells) for cells in rows)
    for attribute in space.table:
        values = np.array(space.values(attribute))
        assert (values[space.groups(attribute)] == np.array(space.table[attribute])).all()


def test_diving48_attributes_are_the_vocabulary(shared):
    vocabulary = json.loads((shared / "data/diving48/Diving48_vocab.json").read_text())
    space = load_label_space("diving48")
    assert len(vocabulary) == len(space)
    for label, (take_off, somersaults, twists, position) in enumerate(vocabulary):
        attributes = space.attributes(label)
        assert attributes["take_off"] == take_off.lower()
        assert attributes["position"][:3].upper() == position[:3]
        for text, value in ((somersaults, attributes["somersaults"]), (twists, attributes["twists"])):
            digits = re.sub(r"\D", "", text)
            expected = {"NoTwis": 0.0, "Dive": 0.5}.get(text)
            if expected is None:
                expected = int(digits) / 10 if len(digits) == 2 else int(digits)
            assert float(value) == expected


@pytest.mark.parametrize("count", [99, 288])
def test_gym_is_the_category_list(shared, count):
    space = load_label_space(f"gym{count}")
    lines = (shared / f"data/finegym/gym{count}_categories.txt").read_text().splitlines()
    assert len(lines) == len(space)
    for label, line in enumerate(lines):
        clabel, set_code, element, name = re.fullmatch(
            r"Clabel:\s*(\d+); set:\s*(\d+); Glabel:\s*(\d+); (.*)", line.rstrip()
        ).groups()
        assert int(clabel) == label
        assert (space.code(label, "set_code"), space.code(label, "element_code")) == (set_code, element)
        assert space.name(label) == " ".join(name.split())
        apparatus = {"VT": "vault", "FX": "floor exercise", "BB": "balance beam", "UB": "uneven bars"}[name[1:3]]
        assert space.ancestors(label)[0] == apparatus


def test_two_gym99_classes_share_a_name():
    space = load_label_space("gym99")
    shared_name = [i for i in range(99) if space.names.count(space.name(i)) > 1]
    assert shared_name == [58, 70]
    assert space.ancestors(58) != space.ancestors(70)
    assert space.difference(58, 70) == ("set",)


def test_siblings_of_a_hierarchy_are_the_set():
    space = load_label_space("gym99")
    assert space.siblings(0) == (1, 2, 3, 4, 5)
    assert all(space.ancestors(i) == space.ancestors(60) for i in space.siblings(60))
    assert 60 not in space.siblings(60)


def test_siblings_of_combinations_differ_in_one_attribute():
    space = load_label_space("diving48")
    for label in range(48):
        expected = tuple(i for i in range(48) if len(space.difference(label, i)) == 1)
        assert space.siblings(label) == expected
    assert space.siblings(0, "twists") == (1, 2)
    assert space.distance(2, 0, "twists") == -2.0
    assert space.values("somersaults") == ("0.5", "1", "1.5", "2", "2.5", "3", "3.5", "4.5")
    assert space.without_samples == (30,)


def test_own_csv(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("# title: Mine\n# hierarchy: limb\nlabel,limb,side\n1,arm,right\n0,arm,left\n\n2,leg,left\n")
    space = load_label_space(path)
    assert (space.title, len(space), space.names) == ("Mine", 3, ("arm, left", "arm, right", "leg, left"))
    assert space.siblings(0) == (1,)
    assert space.siblings(0, "limb") == (2,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\nx\n", r"mine.csv: line 1: expected a header with a column 'label'"),
        ("label,a,a\n", "every column needs a name of its own"),
        ("label,a\n0,x\n0,y\n", "line 3: class 0 stands there twice"),
        ("label,a\n0\n", "line 2: expected 2 values"),
        ("label,a\nx,y\n", "line 2: expected a class index, found 'x'"),
        ("label,a\n0,x\n2,y\n", "class 1 is missing"),
        ("label,a\n", "no class"),
        ("# hierarchy: b\nlabel,a\n0,x\n", "hierarchy names 'b'"),
        ("# numeric: a\nlabel,a\n0,x\n", "a of class 0 is 'x', not a number"),
        ("# hierarchi: a\nlabel,a\n0,x\n", "line 1: unknown key 'hierarchi'"),
    ],
)
def test_bad_csv(tmp_path, text, message):
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_label_space(tmp_path / "mine.csv")


@given(st.text())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_a_table_or_a_message(tmp_path, text):
    path = tmp_path / "any.csv"
    path.write_bytes(text.encode("utf-8", "replace"))
    try:
        assert len(load_label_space(path)) > 0
    except ValueError as error:
        assert "any.csv" in str(error)


def test_unknown_names():
    with pytest.raises(FileNotFoundError, match="known: gym99"):
        load_label_space("gym9")
    space = load_label_space("gym99")
    with pytest.raises(IndexError, match=r"class 99 is outside the 99 classes"):
        space.name(99)
    with pytest.raises(KeyError, match="attribute 'twists'"):
        space.groups("twists")
    with pytest.raises(KeyError, match="no codes 'x'"):
        space.code(0, "x")
    with pytest.raises(ValueError, match="'set' of label space Gym99 has no numbers"):
        space.distance(0, 1, "set")


def test_metainfo_hook():
    metainfo = with_label_space({"label_space": "gym99", "other": 1})
    assert metainfo["classes"] == load_label_space("gym99").names
    assert metainfo["label_space"].title == "Gym99"
    assert with_label_space({"label_space": "gym99", "classes": ("a",)})["classes"] == ("a",)
    assert with_label_space(None) == {}


def test_label_spaces_of_the_same_content_are_equal_so_that_data_sets_can_be_joined():
    one, same, other = (load_label_space(name) for name in ("gym99", "gym99", "gym288"))
    assert one == same and hash(one) == hash(same) and one != other
    assert one != replace(one, codes={})


def test_a_label_map_is_a_label_space_without_attributes(tmp_path):
    (tmp_path / "label_map.txt").write_bytes(b"\xef\xbb\xbfback flip \r\njump\r\n\r\n")
    space = load_label_space(tmp_path / "label_map.txt")
    assert (space.title, space.names, dict(space.table)) == ("label_map", ("back flip", "jump"), {})
    assert space.difference(0, 1) == space.siblings(0) == ()
    assert read_label_map(tmp_path / "label_map.txt", 2) == space.names
    with pytest.raises(ValueError, match=r"label_map\.txt: expected 3 class names"):
        read_label_map(tmp_path / "label_map.txt", 3)
    with pytest.raises(FileNotFoundError, match=r"absent\.txt"):
        read_label_map(tmp_path / "absent.txt")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"a\n\nb\n", r"map\.txt:2: .*class 1.*empty"), (b"", r"map\.txt:1"), (b"a\n\xff\n", r"map\.txt: .*UTF-8")],
)
def test_a_label_map_that_would_shift_classes_is_refused(tmp_path, content, message):
    (tmp_path / "map.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_label_map(tmp_path / "map.txt")


def test_class_names_come_from_the_label_map_beside_the_list_unless_something_else_is_named(tmp_path):
    (tmp_path / "label_map.txt").write_text("a\nb\n")
    ann_file = tmp_path / "train.txt"
    assert with_label_space(None, ann_file) == {"classes": ("a", "b")}
    assert with_label_space({"classes": ("c",)}, ann_file) == {"classes": ("c",)}
    assert with_label_space({"label_space": "gym99"}, ann_file)["classes"] == load_label_space("gym99").names
    assert names_beside("") == names_beside(tmp_path / "other/train.txt") == ()
