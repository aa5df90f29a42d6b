"""The attribute columns of Gym99 and Gym288 against the words of the class names."""

import re

import pytest

from mmaction.label_spaces import describe_difference, load_label_space

SPACES = {name: load_label_space(name) for name in ("gym99", "gym288")}
AMOUNT = r"(\d+(?:\.\d+)?) (?:illusion )?(?:turn|twist|spin)\b"
FREE_LEG = {"leg in split": "split", "leg below horizontal": "below horizontal", "tucked": "tuck stand", "kip": "kip"}


def words_of(space, label):
    """The name without apparatus, and without what stands in parentheses."""
    name = space.name(label).partition(") ")[2]
    return name, re.sub(r"\([^)]*\)", "", name)


@pytest.mark.parametrize("name", SPACES)
def test_attributes_are_those_of_the_name(name):
    space = SPACES[name]
    for label in range(len(space)):
        check_attributes_are_those_of_the_name(space, label)


def check_attributes_are_those_of_the_name(space, label):
    _, core = words_of(space, label)
    found = space.attributes(label)
    stated = [float(amount) for amount in re.findall(AMOUNT, core)]
    assert float(found["turns"]) + float(found["turns_on"]) == sum(stated)
    if found["turns_on"] != "0":
        assert f"with {found['turns_on']} turn on" in core
    saltos = 2 if "double salto" in core else core.count("salto") - core.count("without salto")
    if found["family"] == "tsukahara":  # whose second flight is a salto, where the name does not exclude it
        saltos = int("without salto" not in core)
    assert int(found["saltos"]) == saltos
    assert (found["kind"] == "salto") == (saltos > 0)
    for word in ("leap", "turn", "circle"):
        if found["kind"] == word and found["family"] not in ("johnson", "stalder", "illusion", "spin on back"):
            assert word in core


@pytest.mark.parametrize("name", SPACES)
def test_position_direction_and_feet_are_those_of_the_name(name):
    space = SPACES[name]
    for label in range(len(space)):
        check_position_direction_and_feet_are_those_of_the_name(space, label)


def check_position_direction_and_feet_are_those_of_the_name(space, label):
    full, core = words_of(space, label)
    found = space.attributes(label)
    if found["kind"] in ("salto", "flight") and found["family"] != "transition flight":
        stated = [word for word in ("tucked", "piked", "stretched", "straddle") if word in core]
        assert stated in ([found["position"]], [found["position"].removesuffix("d")], []), stated
        assert stated or found["position"] == "none"
    if found["kind"] == "turn" and found["position"] in FREE_LEG:
        assert FREE_LEG[found["position"]] in core
    if found["position"] in ("ring", "wolf"):
        assert found["position"] in core
    stated = re.findall(r"forward|backward|sideward", core)
    if found["kind"] == "salto" and len(set(stated)) == 1:
        assert found["direction"] == stated[0]
    if found["kind"] in ("leap", "jump", "turn"):
        assert found["direction"] == "none"
    if found["feet"] == "both":
        assert "together" in core or "both feet" in core
    if found["feet"] == "one after the other":
        assert "successively" in full or "step-out" in full
    if "one or both" in full or "one or two" in full:
        assert found["feet"] == "one or both"


@pytest.mark.parametrize(("name", "most"), [("gym99", 1), ("gym288", 13)])
def test_attributes_tell_the_classes_of_a_set_apart(name, most):
    """Of 392 and 3,631 pairs within a set, so many differ in what no attribute holds, such as where they land."""
    space = SPACES[name]
    pairs = [(a, b) for a in range(len(space)) for b in space.siblings(a) if a < b]
    assert len(pairs) == {"gym99": 392, "gym288": 3631}[name]
    assert sum(not space.difference(*pair) for pair in pairs) == most


def test_differences_in_words():
    space = SPACES["gym288"]
    one, other = (space.names.index(f"(FX) split leap with {turns} turn") for turns in ("0.5", "1"))
    assert space.difference(one, other) == ("turns",)
    assert describe_difference("turns", "1", "1.5") == "1 turn against 1.5 turns"
    assert describe_difference("turns_on", "0.5", "1") == "0.5 turns on against 1 turn on"
    assert describe_difference("position", "tucked", "piked") == "position: tucked against piked"
