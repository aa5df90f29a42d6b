"""Two pipelines make the same of a clip, or the user is told."""

import pytest

from mmaction.engine.checks.steps import pipelines_warning

FRAMES = {"type": "UniformSample", "clip_len": 16}
SKELETON = [{"type": "PreNormalize2D"}, {"type": "GenSkeFeat", "feats": ["j"]}]
HEATMAP = {"type": "GeneratePoseTarget", "sigma": 0.6}


def config(train, test):
    return {
        f"{split}_dataloader": {"dataset": {"type": "RepeatDataset", "dataset": {"pipeline": steps}}}
        for split, steps in (("train", train), ("test", test))
    }


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        ([FRAMES], [{**FRAMES, "clip_len": 32}], "clip_len of UniformSample is 16 in train and 32 in test"),
        ([HEATMAP], [{**HEATMAP, "sigma": 1.0}], "sigma of GeneratePoseTarget is 0.6 in train and 1.0 in test"),
        (SKELETON, SKELETON[1:], "PreNormalize2D is in one of the pipelines train and test only"),
        (SKELETON, [SKELETON[0], {**SKELETON[1], "feats": ["b"]}], "feats of GenSkeFeat"),
        (SKELETON, [{"type": "PreNormalize2D", "by": "clip"}, SKELETON[1]], "by of PreNormalize2D"),
    ],
)
def test_another_input_in_testing_is_named(train, test, said):
    assert said in pipelines_warning(config(train, test))


def test_views_augmentation_and_defaults_are_no_difference():
    turned = [SKELETON[0], {"type": "RandomRot"}, {"type": "GenSkeFeat"}]
    assert pipelines_warning(config(turned, SKELETON)) is None
    flipped = [FRAMES, {"type": "Flip"}, HEATMAP]
    tested = [{**FRAMES, "num_clips": 10, "test_mode": True}, {**HEATMAP, "double": True}]
    assert pipelines_warning(config(flipped, tested)) is None
    assert pipelines_warning(config([FRAMES], [])) is None
