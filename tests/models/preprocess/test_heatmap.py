import numpy as np
import pytest
import torch

from mmaction.datasets.transforms import FormatShape, GeneratePoseTarget, PackPoseInputs
from mmaction.models.preprocess import PoseHeatmapPreprocessor

VARIANTS = [
    {},
    {"with_kp": False, "with_limb": True, "layout": "coco17_posec3d"},
    {"with_limb": True, "sigma": 1.3, "use_score": False},
    {"with_limb": True, "scaling": 0.5},
    {"left_kp": (1, 3), "right_kp": (2, 4)},
]


def sample(persons=2, frames=6, size=(20, 28), seed=0, joints=17):
    rng = np.random.default_rng(seed)
    keypoint = rng.uniform(-4, 32, (persons, frames, joints, 2)).astype(np.float32)
    keypoint[:, :, 3] = keypoint[:, :, 1] + 0.3  # a limb shorter than a pixel
    score = rng.uniform(0, 1, (persons, frames, joints)).astype(np.float32)
    score[0, :, 5], score[0, :, 6] = 0, 5e-5
    return {
        "keypoint": keypoint,
        "keypoint_score": score,
        "img_shape": size,
        "num_clips": 2,
        "clip_len": frames // 2,
        "label": 1,
    }


def drawn(given, double=False, **arguments):
    return FormatShape("NCTHW_Heatmap")(GeneratePoseTarget(double=double, **arguments)(dict(given)))["imgs"]


def packed(*samples, double=False, grad=False):
    batch = [PackPoseInputs(double=double)(dict(given)) for given in samples]
    inputs = [item["inputs"].requires_grad_(grad) for item in batch]
    return {"inputs": inputs, "data_samples": [item["data_samples"] for item in batch]}


@pytest.mark.parametrize("grad", [False, True], ids=["drawn", "computed"])
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("arguments", VARIANTS, ids=str)
def test_equals_the_transform(arguments, double, grad):
    samples = sample(seed=0), sample(seed=1, persons=1), sample(seed=2, persons=3)
    batch = PoseHeatmapPreprocessor(**arguments)(packed(*samples, double=double, grad=grad))["inputs"]
    assert batch.requires_grad == grad
    for heatmaps, given in zip(batch.detach(), samples, strict=True):
        np.testing.assert_allclose(heatmaps, drawn(given, double, **arguments), atol=2e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("grad", [False, True])
def test_half_precision(dtype, grad):
    given = sample()
    heatmaps = PoseHeatmapPreprocessor(with_limb=True, dtype=dtype)(packed(given, grad=grad))["inputs"]
    assert heatmaps.dtype == getattr(torch, dtype)
    np.testing.assert_allclose(heatmaps[0].detach().float(), drawn(given, with_limb=True), atol=1e-2)


def test_gradients_lead_to_the_joints():
    layout = {"joints": ["a", "b"], "limbs": [[0, 1]]}
    draw = PoseHeatmapPreprocessor(sigma=2.0, with_limb=True, layout=layout, img_shape=(16, 16))
    joints = torch.tensor([[5.3, 6.4, 1.0], [9.2, 9.6, 0.8]]).view(1, 1, 1, 2, 3).double().requires_grad_()
    target = torch.rand(1, 1, 3, 1, 16, 16, generator=torch.Generator().manual_seed(0))

    def loss(x):
        return (draw({"inputs": [x.float()]})["inputs"] * target).sum()

    (gradient,) = torch.autograd.grad(loss(joints), joints)
    for index in np.ndindex(2, 3):
        step = torch.zeros_like(joints)
        step[(0, 0, 0, *index)] = 1e-2
        numeric = (loss(joints + step) - loss(joints - step)) / 2e-2
        assert gradient[(0, 0, 0, *index)].item() == pytest.approx(numeric.item(), abs=2e-2)


def test_gradients_are_finite_for_missing_persons_and_short_limbs():
    batch = packed(sample(persons=1), sample(persons=3), grad=True)
    PoseHeatmapPreprocessor(with_limb=True)(batch)["inputs"].square().sum().backward()
    assert all(torch.isfinite(x.grad).all() for x in batch["inputs"])


def test_memory_is_in_the_order_that_convolutions_want():
    heatmaps = PoseHeatmapPreprocessor()(packed(sample(), sample(seed=1), double=True))["inputs"]
    assert heatmaps.shape == (2, 4, 17, 3, 20, 28)
    assert heatmaps.flatten(0, 1).is_contiguous(memory_format=torch.channels_last_3d)


def test_heatmaps_pass():
    heatmaps = torch.rand(1, 17, 4, 8, 8)
    result = PoseHeatmapPreprocessor()({"inputs": [heatmaps, heatmaps]})
    torch.testing.assert_close(result["inputs"], torch.stack([heatmaps, heatmaps]))


def test_blending_in_training():
    draw = PoseHeatmapPreprocessor(blending={"type": "MixupBlending", "num_classes": 3})
    batch = packed(sample(), sample(seed=1))
    result = draw(batch, training=True)
    assert all(abs(item.gt_score.sum().item() - 1) < 1e-5 for item in result["data_samples"])
    assert "gt_score" not in draw(batch)["data_samples"][0]


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (lambda: packed(sample(), sample(size=(20, 20))), r"have one img_shape and one double; got"),
        (lambda: packed(sample(frames=4), sample(frames=6)), "must have one shape"),
        (lambda: packed(sample(joints=20), double=True), "the skeletons have 20.*layout="),
        (lambda: {"inputs": [torch.rand(1, 1, 2, 17, 3)]}, "do not say their img_shape"),
        (lambda: {"inputs": []}, "`inputs` is empty"),
    ],
)
def test_batches_that_do_not_fit(batch, message):
    with pytest.raises(ValueError, match=message):
        PoseHeatmapPreprocessor()(batch())


def test_an_unknown_dtype():
    with pytest.raises(ValueError, match="dtype is one of float32, float16, bfloat16; got 'int8'"):
        PoseHeatmapPreprocessor(dtype="int8")


@pytest.mark.gpu
def test_on_a_gpu():
    batch = packed(sample(), sample(seed=1), double=True)
    expected = PoseHeatmapPreprocessor(with_limb=True)(batch)["inputs"]
    draw = PoseHeatmapPreprocessor(with_limb=True).cuda()
    torch.testing.assert_close(draw(batch)["inputs"].cpu(), expected, atol=1e-3, rtol=0)
