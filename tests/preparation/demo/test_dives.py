"""The table of dives."""

import pytest

from mmaction.preparation.demo.dives import DIVES, Dive, first_dives


def test_dives_are_different():
    assert len(set(DIVES)) == len(DIVES)
    assert len({dive.name for dive in DIVES}) == len(DIVES)


def test_default_classes_hide_from_single_frames():
    dives = first_dives(16)
    assert {dive.position for dive in dives} == {"pike", "tuck"}
    motions = [(dive.takeoff, dive.half_somersaults, dive.half_twists) for dive in dives]
    assert all(motions.count(motion) == 2 for motion in motions)  # each motion comes in both positions
    assert all(dive.enters_head_first and dive.half_twists and not dive.starts_inverted for dive in dives)


def test_name_has_turns_not_half_turns():
    assert Dive("back", 5, 1, "pike").name == "back, 2.5 somersaults, 0.5 twists, pike"


@pytest.mark.parametrize(
    ("dive", "faces_water", "rotates_forward", "head_first"),
    [
        (Dive("forward", 3, 0, "pike"), True, True, True),
        (Dive("back", 4, 0, "tuck"), False, False, False),
        (Dive("reverse", 3, 0, "pike"), True, False, True),
        (Dive("inward", 3, 0, "pike"), False, True, True),
        (Dive("armstand", 4, 0, "pike"), True, True, True),
    ],
)
def test_senses(dive, faces_water, rotates_forward, head_first):
    assert (dive.faces_water, dive.rotates_forward, dive.enters_head_first) == (
        faces_water,
        rotates_forward,
        head_first,
    )


@pytest.mark.parametrize("count", [0, 1, len(DIVES) + 1])
def test_count_out_of_range(count):
    with pytest.raises(ValueError, match=f"num_classes: expected 2 to {len(DIVES)} dives, got {count}"):
        first_dives(count)
