import pytest
from mmengine import Config

from mmaction.skeletons import ALIASES, LAYOUTS, choose_layout, get_layout, layout_of_config

EXPECTED_JOINTS = {"coco17": 17, "ntu25": 25, "openpose18": 18, "body25": 25, "kinect20": 20, "jhmdb15": 15}
EXPECTED_JOINTS |= {"halpe26": 26, "wholebody133": 133, "ap10k17": 17, "h36m17": 17, "mediapipe33": 33, "hand21": 21}
EXPECTED_JOINTS |= {"penn13": 13}


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
        ({"joints": ["a", "b", "c"], "limbs": [], "sides": [["a", "b"], ["b", "c"]]}, "more than once"),
    ],
)
def test_a_wrong_description_is_refused(config, message):
    with pytest.raises(ValueError, match=message):
        get_layout(config)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "dog.json",
            '{"joints": ["nose", "l_ear", "r_ear"], "limbs": [[0, 1], [0, 2]], "sides": [["l_ear", "r_ear"]]}',
        ),
        ("dog.py", "{'joints': ('nose', 'l_ear', 'r_ear'), 'limbs': [(0, 1), (0, 2)], 'sides': [(1, 2)]}"),
        ("dog.py", "# mine\njoints = ['nose', 'l_ear', 'r_ear']\nlimbs = [[0, 1], [0, 2]]\nsides = [[1, 2]]\n"),
    ],
)
def test_a_layout_from_a_file(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    layout = get_layout(str(tmp_path / name))
    assert (layout.name, layout.flip_order, layout.left_limbs) == ("dog", (0, 2, 1), (0,))


@pytest.mark.parametrize(
    "text", ["joints = open('x')", "import os", "{'joints': ['a']}", "not python", "", "[1, 2]", "joints, limbs = 1, 2"]
)
def test_a_file_that_describes_no_layout(tmp_path, text):
    (tmp_path / "a.py").write_text(text)
    with pytest.raises(ValueError, match=r"a\.py"):
        get_layout(str(tmp_path / "a.py"))
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        get_layout("none.json")


def pipeline(*steps, **rest):
    return dict(train_dataloader=dict(dataset=dict(pipeline=list(steps), **rest)))


SIX = dict(name="six", joints=list("abcdef"), limbs=[])


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (None, None),
        (pipeline(dict(type="PoseDecode")), None),
        (pipeline(metainfo=dict(layout=SIX)), "six"),
        (pipeline(dict(type="Flip", layout="body_25")), "body25"),
        (pipeline(dict(type="GenSkeFeat", feats=["b"])), "ntu25"),
        (pipeline(dict(type="JointToBone", dataset="coco")), "coco17"),
        (dict(model=dict(data_preprocessor=dict(layout=SIX), backbone=dict(layout="NCTHW"))), "six"),
        (dict(model=dict(backbone=dict(graph_cfg=dict(layout="ap10k")))), "ap10k17"),
        (dict(a=dict(layout="coco17_posec3d"), b=dict(layout="coco17")), "coco17_posec3d"),
        (pipeline(dict(type="Flip", left_kp=[1, 3, 5, 7, 9, 11, 13, 15], right_kp=range(2, 17, 2))), "coco17"),
        (pipeline(dict(type="Flip", left_kp=[4, 5, 6, 11, 12, 13], right_kp=[1, 2, 3, 14, 15, 16])), "h36m17"),
        (pipeline(dict(type="Flip", left_kp=[1], right_kp=[2])), None),
    ],
)
def test_the_config_states_the_layout(config, name):
    found = layout_of_config(config)
    assert (found and found.name) == name
    if name is not None:
        assert choose_layout("auto", len(found.joints), config, say=pytest.fail) == found


def test_a_config_with_two_layouts_and_one_that_does_not_fit():
    with pytest.raises(ValueError, match=r"body25 .*layout.* and coco17"):
        layout_of_config(pipeline(dict(type="Flip", layout="body25"), dict(type="Flip", layout="coco17")))
    with pytest.raises(ValueError, match="body25 has 25 joints, the skeletons have 17"):
        choose_layout("auto", 17, pipeline(dict(type="Flip", layout="body25")))


def test_a_guess_is_said_and_names_the_others():
    said = []
    assert choose_layout("auto", 17, None, said.append).name == "coco17"
    assert len(said) == 1 and "ap10k17, h36m17" in said[0] and "posec3d" not in said[0]


def test_whole_body_mirrors_as_published():
    layout = get_layout("coco_wholebody")
    assert layout.flip_order[:17] == get_layout("coco").flip_order
    assert [layout.flip_order[23 + point] - 23 for point in (0, 8, 17, 31, 36, 39, 40, 48, 55, 57, 60, 65)] == [
        *(16, 8, 26, 35, 45, 42, 47, 54, 59, 57, 64, 67),
    ]
    assert (layout.flip_order[17], layout.flip_order[91], layout.flip_order[111]) == (20, 112, 132)


def test_an_unknown_name_lists_close_ones():
    with pytest.raises(KeyError, match="unknown skeleton layout 'coco71'; did you mean 'coco17'"):
        get_layout("coco71")


def test_aliases_lead_somewhere():
    assert set(ALIASES.values()) <= set(LAYOUTS)
    assert not set(ALIASES) & set(LAYOUTS)


def test_a_loaded_config_states_its_layout_as_its_dict_does():
    config = {"model": {"backbone": {"graph_cfg": {"layout": "kinect20"}}}}
    assert layout_of_config(Config(config)) is layout_of_config(config) is get_layout("kinect20")


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        ("head LKnee RKnee", {(1, 2)}),
        ("r_hand head l_hand", {(2, 0)}),
        ("KneeLeft head KneeRight", {(0, 2)}),
        ("ankle_l ankle_r lip", {(0, 1)}),
        ("lip rope shoulder neck", set()),
        ("tail_left l_hand r_hand tail_right", {(0, 3)}),  # the usual rule counts where it finds anything
    ],
)
def test_sides_by_the_names_of_a_description(names, pairs):
    joints = names.split()
    layout = get_layout(dict(joints=joints, limbs=[]))
    assert set(zip(layout.left_joints, layout.right_joints, strict=True)) == pairs
    assert get_layout(dict(joints=["a_l", "a_r"], limbs=[], sides=[])).left_joints == ()


def test_joints_without_a_way_to_the_root_are_named():
    layout = get_layout(dict(joints=["hip", "hand", "tail", "tip"], limbs=[["hip", "hand"], ["tail", "tip"]]))
    assert layout.loose == ("tail", "tip")
    assert not any(layout.loose for layout in LAYOUTS.values())


def test_a_file_that_a_config_names_is_its_layout(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"joints": ["a", "b"], "limbs": [[0, 1]]}')
    assert layout_of_config({"model": {"data_preprocessor": {"layout": str(path)}}}).joints == ("a", "b")
