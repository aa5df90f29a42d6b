"""Drawing on images."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmaction.skeletons import LAYOUTS, get_layout
from mmaction.visualization import draw
from mmaction.visualization.draw import LEFT, RIGHT, Style

GOLDEN = "tests/golden/skeleton.png"


def spread(layout, height, width, seed=0):
    """One person whose joints lie on different pixels."""
    pixels = np.random.default_rng(seed).choice(height * width, len(layout.joints), replace=False)
    joints = np.stack([pixels % width, pixels // width], axis=-1).astype(np.float32)
    return joints[None], np.ones((1, len(joints)), np.float32)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize(("height", "width"), [(120, 160), (61, 83), (1080, 1920)])
def test_a_dot_lies_on_its_joint(name, height, width):
    layout = get_layout(name)
    keypoint, score = spread(layout, height, width)
    style = Style(thickness=1, radius=0)
    image = draw.draw_skeletons(np.zeros((height, width, 3), np.uint8), keypoint, score, layout, style)
    for (x, y), color in zip(keypoint[0].astype(int), draw.side_colors(layout), strict=True):
        assert tuple(image[y, x]) == color


def test_joint_counts_of_the_layouts():
    assert {15, 17, 18, 20, 25} <= {len(layout.joints) for layout in LAYOUTS.values()}


def test_joints_below_the_threshold_or_without_a_position_are_not_drawn():
    layout = get_layout("coco17")
    keypoint, score = spread(layout, 100, 100)
    score[0, 5:] = 0.2
    keypoint[0, 0] = np.nan
    score[0, 1] = 0.0
    image = np.zeros((100, 100, 3), np.uint8)
    draw.draw_skeletons(image, keypoint, score, layout, Style(1, 0, score_thr=0.3))
    drawn = [bool(image[int(y), int(x)].any()) for x, y in np.nan_to_num(keypoint[0])]
    assert drawn[2:5] == [True] * 3
    assert not drawn[1]
    assert sum(drawn) <= 5  # a limb may cross another joint


def test_left_and_right_differ_and_persons_differ():
    layout = get_layout("coco17")
    colors = draw.side_colors(layout)
    assert all(colors[joint] == LEFT for joint in layout.left_joints)
    assert all(colors[joint] == RIGHT for joint in layout.right_joints)
    limbs = dict(zip(layout.limbs, draw.limb_colors(layout), strict=True))
    assert limbs[5, 7] == LEFT
    assert limbs[6, 8] == RIGHT
    assert limbs[11, 12] not in (LEFT, RIGHT)
    assert draw.person_color(0) != draw.person_color(1)


def test_several_persons_have_their_own_limb_colors():
    layout = get_layout("coco17")
    keypoint = np.zeros((2, 17, 2), np.float32)
    keypoint[:, 5], keypoint[:, 7] = [[10, 10], [10, 50]], [[80, 10], [80, 50]]
    score = np.zeros((2, 17), np.float32)
    score[:, [5, 7]] = 1.0
    image = draw.draw_skeletons(np.zeros((60, 100, 3), np.uint8), keypoint, score, layout, Style(3, 0))
    assert tuple(image[10, 45]) == draw.person_color(0)
    assert tuple(image[50, 45]) == draw.person_color(1)
    image = draw.draw_skeletons(np.zeros((60, 100, 3), np.uint8), keypoint, score, layout, Style(3, 0, color_by="side"))
    assert tuple(image[10, 45]) == tuple(image[50, 45]) == LEFT


def test_wrong_number_of_joints():
    with pytest.raises(ValueError, match=r"expected joints \(M, 17, 2\).*got \(1, 20, 2\)"):
        draw.draw_skeletons(np.zeros((9, 9, 3), np.uint8), np.zeros((1, 20, 2)), np.ones((1, 20)), get_layout("coco17"))


@pytest.mark.parametrize(("argument", "value"), [("color_by", "mood"), ("joint_text", "numbers")])
def test_unknown_style(argument, value):
    with pytest.raises(ValueError, match=f"{argument}: expected one of .*, got '{value}'"):
        Style(**{argument: value})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=34, max_size=34))
def test_any_position_can_be_drawn(numbers):
    keypoint = np.array(numbers, np.float32).reshape(1, 17, 2)
    image = np.zeros((32, 48, 3), np.uint8)
    layout = get_layout("coco17")
    style = Style(joint_text="names")
    with np.errstate(invalid="ignore", over="ignore"):
        draw.draw_trail(image, np.stack([keypoint, keypoint], axis=1), np.ones((1, 2, 17)), layout, style)
        draw.draw_skeletons(image, np.clip(keypoint, -1e6, 1e6), np.ones((1, 17)), layout, style)
    assert image.shape == (32, 48, 3)


def test_golden_frame(root):
    """A frame with everything on it; regenerate the picture only when the drawing is meant to change."""
    layout = get_layout("coco17")
    body = np.array(
        [
            *([40, 12], [43, 9], [37, 9], [46, 11], [34, 11], [52, 26], [28, 26], [60, 42], [20, 42], [64, 57]),
            *([16, 57], [48, 58], [32, 58], [50, 78], [30, 78], [51, 98], [29, 98]),
        ],
        np.float32,
    )
    keypoint = body[None, None] + np.array([0, 4, 8])[None, :, None, None] * np.array([1.0, 0.2])
    score = np.ones(keypoint.shape[:3])
    image = np.full((120, 160, 3), 90, np.uint8)
    style = Style(thickness=2, radius=2, font_scale=0.4)
    draw.draw_trail(image, keypoint, score, layout, style)
    draw.draw_skeletons(image, keypoint[:, -1], score[:, -1], layout, style)
    draw.draw_box(image, np.array([18, 4, 78, 108]), draw.person_color(0), 1)
    draw.draw_text(image, ["frame 2"], (100, 2), 0.35)
    draw.draw_frame(image, (230, 30, 30), 2)
    golden = cv2.imread(str(root / GOLDEN))[..., ::-1]
    difference = np.abs(image.astype(int) - golden)
    assert difference.mean() < 1.0, "compare with the picture in tests/golden"


def test_texts_may_leave_the_image():
    image = np.full((20, 30, 3), 200, np.uint8)
    draw.draw_text(image, ["a long line that does not fit", "and another"], (-5, -40), 0.5)
    draw.draw_text(image, ["below"], (40, 100), 0.5, anchor="bottom")
    assert image.shape == (20, 30, 3)


def test_long_texts_fit_into_small_images():
    image = np.full((72, 96, 3), 200, np.uint8)
    draw.draw_text(image, ["label: forward, 1.5 somersaults, 0.5 twists"], (0, 0), 0.5)
    lines, scale = draw._fitted(["label: forward, 1.5 somersaults, 0.5 twists"], 96, 0.5)
    assert len(lines) > 1 and " ".join(lines) == "label: forward, 1.5 somersaults, 0.5 twists"
    assert all(draw._text_size(line, scale)[0] <= 96 for line in lines)
    corner = draw.draw_text(np.full((72, 96, 3), 200, np.uint8), ["12"], (94, 70), 0.33)
    assert (corner[60:, 70:] < 100).any(), "moved into the image"


@pytest.mark.parametrize("shape", [(480, 640), (240, 320)])
def test_names_of_joints_are_placed_apart(monkeypatch, shape):
    layout, placed = get_layout("coco17"), []
    body = np.array([[0, -9], [1, -10], [-1, -10], [2, -9], [-2, -9], [4, -6], [-4, -6], [6, -2], [-6, -2], [7, 2],
                     [-7, 2], [3, 2], [-3, 2], [3, 8], [-3, 8], [3, 14], [-3, 14]], np.float32)  # fmt: skip
    keypoint = body * shape[0] / 40 + np.array(shape[::-1]) / 2
    monkeypatch.setattr(draw, "draw_text", lambda image, lines, corner, scale: placed.append((lines[0], corner, scale)))
    style = Style.for_size(*shape, joint_text="names")
    draw.draw_skeletons(np.zeros((*shape, 3), np.uint8), keypoint[None], np.ones((1, 17)), layout, style)
    assert sorted(name for name, _, _ in placed) == sorted(layout.joints)
    boxes = np.array([[*corner, *np.add(corner, draw._text_size(name, scale))] for name, corner, scale in placed])
    assert (boxes >= 0).all() and (boxes[:, 2:] <= shape[::-1]).all()
    a, b = np.triu_indices(len(boxes), 1)
    shared = np.minimum(boxes[a, 2:], boxes[b, 2:]) - np.maximum(boxes[a, :2], boxes[b, :2]) - 1
    assert not (shared > 0).all(axis=1).any(), "no two names overlap"


def test_scores_list_the_best_classes():
    image = np.zeros((120, 160, 3), np.uint8)
    draw.draw_scores(image, ["a", "b", "c"], [0.1, 0.7, 0.2], truth=1, count=2)
    rows = np.flatnonzero(image.any(axis=(1, 2)))
    assert rows.min() > 60  # two lines at the foot
    bars = [np.flatnonzero(image[row].any(axis=-1)).max() for row in (rows[0], rows[-2])]
    assert bars[0] > bars[1]


def test_pictures_beside_each_other_and_sheets():
    a, b = np.full((10, 8, 3), 1, np.uint8), np.full((6, 4, 3), 2, np.uint8)
    both = draw.side_by_side(a, b)
    assert both.shape == (10, 12, 3)
    assert (both[:6, 8:] == 2).all() and (both[6:, 8:] == 0).all()
    sheet = draw.contact_sheet([a, a, a], columns=2, gap=2)
    assert sheet.shape == (2 * 12 + 2, 2 * 10 + 2, 3)
    assert (sheet[2:12, 2:10] == 1).all() and (sheet[14:24, 12:20] == 255).all()
    with pytest.raises(ValueError, match="at least one image, got none"):
        draw.contact_sheet([], 2)


def test_heatmaps_take_the_color_of_their_channel():
    heatmaps = np.zeros((2, 3, 4, 5), np.float32)
    heatmaps[0, 1, 2, 3], heatmaps[1, 2, 0, 0] = 1.0, 0.5
    pictures = draw.color_heatmaps(heatmaps, [(255, 0, 0), (0, 200, 0)])
    assert pictures.shape == (3, 4, 5, 3)
    assert tuple(pictures[1, 2, 3]) == (255, 0, 0)
    assert tuple(pictures[2, 0, 0]) == (0, 100, 0)
    assert not pictures[0].any()
    with pytest.raises(ValueError, match="2 channels"):
        draw.color_heatmaps(heatmaps[:1], [(1, 1, 1), (2, 2, 2)])
