import pytest

from mmaction.skeletons import ALIASES, LAYOUTS, get_layout

EXPECTED_JOINTS = {"coco17": 17, "ntu25": 25, "openpose18": 18, "body25": 25, "kinect20": 20, "jhmdb15": 15}


@pytest.mark.parametrize("name", LAYOUTS)
def test_derived_facts_agree(name):
    layout = LAYOUTS[name]
    count = len(layout.joints)
    assert count == EXPECTED_JOINTS.get(name, count)
    assert [layout.flip_order[mirror] for mirror in layout.flip_order] == list(range(count))
    assert [layout.limb_flip_order[m] for m in layout.limb_flip_order] == list(range(len(layout.limbs)))
    assert {joint for limb in layout.limbs for joint in limb} == set(range(count)) or layout.bones
    assert [joint for joint, parent in enumerate(layout.parents) if joint == parent] == [layout.root]
    for left, right in zip(layout.left_joints, layout.right_joints, strict=True):
        assert layout.joints[left].replace("left", "right") == layout.joints[right]
    assert len(set(layout.left_limbs) | set(layout.right_limbs)) == 2 * len(layout.left_limbs)


def test_coco_is_the_published_default():
    coco = get_layout("coco")
    assert coco.left_joints == (1, 3, 5, 7, 9, 11, 13, 15)
    assert coco.right_joints == (2, 4, 6, 8, 10, 12, 14, 16)
    assert coco.left_limbs == (0, 2, 4, 5, 6, 10, 11, 12)
    assert coco.right_limbs == (1, 3, 7, 8, 9, 13, 14, 15)


def test_the_limb_recipes_have_their_own_order():
    recipe = get_layout("coco17_posec3d")
    assert recipe.left_limbs == (0, 2, 3, 6, 7, 8, 12, 14)
    assert recipe.right_limbs == (1, 4, 5, 9, 10, 11, 13, 15)
    assert set(map(frozenset, recipe.limbs)) - set(map(frozenset, get_layout("coco").limbs)) == set()


def test_bones_of_published_graph_networks():
    assert get_layout("nturgb+d").parents[21:] == (22, 7, 24, 11)
    assert get_layout("openpose").parents == (0, 0, 1, 2, 3, 1, 5, 6, 2, 8, 9, 5, 11, 12, 0, 0, 14, 15)
    assert get_layout("coco").parents == (0, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 0, 0, 11, 12, 13, 14)


def test_a_layout_from_a_config():
    layout = get_layout(
        {"name": "bird", "joints": ["tail", "left_wing", "wing_right", "right_wing", "wing_left"], "limbs": [[0, 1]]}
    )
    assert layout.flip_order == (0, 3, 4, 1, 2)
    named = get_layout({"joints": ["tail", "left_wing", "right_wing"], "limbs": [["left_wing", "tail"], [2, 0]]})
    assert named.limbs == ((1, 0), (2, 0))
    assert named.left_limbs == (0,)
    assert named.right_limbs == (1,)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"joints": ["a", "a"], "limbs": []}, "more than once: a"),
        ({"joints": ["left_a"], "limbs": []}, "no 'right_a'"),
        ({"joints": ["a", "b"], "limbs": [[0, 2]]}, "not a pair of its 2 joints"),
        ({"joints": ["a", "b"], "limbs": [["a", "c"]]}, "'c', which is not among a, b"),
        ({"joints": ["a"]}, r"missing: \['limbs'\]"),
        ({"joints": ["a"], "limbs": [], "edges": []}, r"unknown: \['edges'\]"),
    ],
)
def test_a_wrong_description_is_refused(config, message):
    with pytest.raises(ValueError, match=message):
        get_layout(config)


def test_an_unknown_name_lists_close_ones():
    with pytest.raises(KeyError, match="unknown skeleton layout 'coco71'; did you mean 'coco17'"):
        get_layout("coco71")


def test_aliases_lead_somewhere():
    assert set(ALIASES.values()) <= set(LAYOUTS)
    assert not set(ALIASES) & set(LAYOUTS)
