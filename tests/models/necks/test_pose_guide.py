import numpy as np
import pytest
import torch

from mmaction.models.necks import PoseGuide
from mmaction.models.preprocess import PoseHeatmapPreprocessor
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def sample(point, score=None, shape=(32, 48)):
    made = ActionDataSample(metainfo={"img_shape": shape}).set_gt_label(0)
    made.set_field(np.float32(point), "keypoint")
    if score is not None:
        made.set_field(np.float32(score), "keypoint_score")
    return made


def random_sample(persons, frames, rng, shape=(32, 48)):
    point = rng.uniform(0, [shape[1], shape[0]], (persons, frames, 17, 2))
    return sample(point, rng.uniform(0.3, 1, (persons, frames, 17)), shape)


def test_targets_are_the_heatmaps_of_the_preprocessor(rng):
    samples = [random_sample(persons, 8, rng) for persons in (1, 3)]
    targets = PoseGuide(4, sigma=0.8).targets(torch.Size((4, 17, 2, 8, 12)), samples)  # 2 clips, every second frame
    draw = PoseHeatmapPreprocessor(sigma=0.8, scaling=0.25)
    for i, one in enumerate(samples):
        joints = np.concatenate([one.keypoint, one.keypoint_score[..., None]], axis=-1)
        joints = torch.from_numpy(joints).unflatten(1, (2, 4)).transpose(0, 1)[:, :, ::2]
        expected = draw.render(joints[None], (8, 12))[0]
        torch.testing.assert_close(targets[2 * i : 2 * i + 2], expected, atol=1e-5, rtol=1e-5)


def test_loss_is_the_share_of_the_error_of_empty_heatmaps(rng):
    neck, samples = PoseGuide(17, loss_weight=2.0), [random_sample(1, 4, rng)]
    torch.nn.init.zeros_(neck.heatmaps.weight)
    torch.nn.init.zeros_(neck.heatmaps.bias)
    feats = (torch.zeros(1, 17, 4, 8, 12), torch.rand(1, 3, 2, 2, 2))
    last, losses = neck(feats, samples)
    assert last is feats[1] and losses["loss_pose"].item() == pytest.approx(2.0)
    perfect = neck.targets(feats[0].shape, samples)
    neck.heatmaps.weight.data = torch.eye(17).view(17, 17, 1, 1, 1)
    assert neck((perfect, feats[1]), samples)[1]["loss_pose"].item() == pytest.approx(0.0, abs=1e-6)
    assert neck(feats) == (feats[1], {})


def test_a_sample_without_persons_teaches_silence():
    neck = PoseGuide(2)
    empty = sample(np.zeros((0, 4, 17, 2)), np.zeros((0, 4, 17)))
    nobody = sample(np.zeros((1, 4, 17, 2)), np.zeros((1, 4, 17)))
    for one in (empty, nobody):
        loss = neck((torch.rand(1, 2, 4, 8, 12), torch.rand(1, 3, 2, 2, 2)), [one])[1]["loss_pose"]
        assert torch.isfinite(loss) and loss > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoint": None}, "needs the joints of each sample.*VideoPoseDecode"),
        ({"keypoint": np.zeros((1, 4, 13, 2))}, "17 joints in 1 x 4 frames; the sample has 13 joints in 4"),
        ({"keypoint": np.zeros((1, 6, 17, 2))}, "the sample has 17 joints in 6 frames"),
    ],
)
def test_samples_that_do_not_fit(change, message, rng):
    one = random_sample(1, 4, rng)
    for key, value in change.items():
        del one.keypoint_score
        delattr(one, key)
        if value is not None:
            one.set_field(value, key)
    with pytest.raises(ValueError, match=message):
        PoseGuide(2)((torch.rand(1, 2, 4, 8, 8), torch.rand(1, 3, 2, 2, 2)), [one])


def test_a_backbone_of_one_output_is_refused(rng):
    with pytest.raises(TypeError, match=r"out_indices, such as \(0, 1\)"):
        PoseGuide(2)(torch.rand(1, 2, 4, 8, 8), [random_sample(1, 4, rng)])


def test_a_recognizer_learns_from_joints_and_predicts_without(rng):
    model = MODELS.build(
        {
            "type": "mmaction.Recognizer3D",
            "backbone": {
                "type": "ResNet3dSlowOnly",
                "depth": 18,
                "base_channels": 4,
                "num_stages": 2,
                "out_indices": (0, 1),
                "stage_blocks": (1, 1),
                "spatial_strides": (2, 2),
                "temporal_strides": (1, 1),
                "dilations": (1, 1),
                "inflate": (0, 1),
                "with_pool1": False,
            },
            "neck": {"type": "PoseGuide", "in_channels": 4},
            "cls_head": {"type": "I3DHead", "in_channels": 8, "num_classes": 3},
        }
    )
    clips, samples = torch.rand(2, 1, 3, 4, 32, 32), [random_sample(1, 4, rng, (32, 32)) for _ in range(2)]
    losses = model(clips, samples, mode="loss")
    assert set(losses) >= {"loss_cls", "loss_pose"}
    losses["loss_pose"].backward()
    assert model.backbone.conv1.conv.weight.grad.abs().sum() > 0
    scores = model.eval()(clips, mode="predict")
    assert all(one.pred_score.shape == (3,) for one in scores)
