"""Video networks of torchvision: outputs of the library, its weights, mistakes."""

import pytest
import torch
from torchvision import models
from torchvision.models import video

from mmaction.registry import MODELS

BLOCKS = [
    video.mvit.MSBlockConfig(1, 16, 16, (3, 3, 3), (3, 3, 3), (1, 1, 1), (1, 2, 2)),
    video.mvit.MSBlockConfig(2, 16, 32, (3, 3, 3), (3, 3, 3), (1, 2, 2), (1, 1, 1)),
]
MVIT = dict(spatial_size=(32, 32), temporal_size=4, block_setting=BLOCKS, residual_pool=True, rel_pos_embed=True)
SWIN = dict(patch_size=[2, 4, 4], embed_dim=16, depths=[2, 1], num_heads=[2, 2], window_size=[2, 2, 2])
RESNET = (video.resnet.BasicBlock, [video.resnet.Conv3DSimple] * 4, [1, 1, 1, 1], video.resnet.BasicStem)
TINY = {
    "mvit_v2_s": lambda: video.MViT(**MVIT, residual_with_cls_embed=False, proj_after_attn=True, num_classes=5),
    "swin3d_t": lambda: video.swin_transformer.SwinTransformer3d(**SWIN, num_classes=5),
    "r2plus1d_18": lambda: video.VideoResNet(*RESNET, num_classes=5),
}
SHAPES = {"mvit_v2_s": (4, 32, 32), "swin3d_t": (4, 32, 24), "r2plus1d_18": (4, 32, 24)}
LAST = {"mvit_v2_s": "head", "swin3d_t": "head", "r2plus1d_18": "fc"}


@pytest.fixture(autouse=True)
def tiny_networks(monkeypatch):
    """Let torchvision build small networks under the published names."""
    monkeypatch.setattr(models, "get_model", lambda name, weights, **kwargs: TINY[name](**kwargs))


def build(model, **changes):
    return MODELS.build(dict(type="TorchvisionVideo", model=model, **changes)).eval()


@pytest.mark.parametrize("model", SHAPES)
def test_features_are_what_the_librarys_classifier_sees(model, tmp_path):
    network = TINY[model]().eval()
    torch.save(network.state_dict(), tmp_path / "net.pth")
    net = build(model, pretrained=str(tmp_path / "net.pth"), out="pooled")
    net.init_weights()
    clip = torch.randn(1, 3, *SHAPES[model])
    last = getattr(network, LAST[model])
    with torch.no_grad():
        pooled, expected = net(clip), network(clip)
        torch.testing.assert_close(last(pooled), expected, atol=1e-5, rtol=1e-5)
        net.out = "map"
        assert net(clip).ndim == 5
        if model == "mvit_v2_s":
            net.out = "tokens"
            assert torch.equal(net(clip)[:, 0], pooled)
            assert net(torch.randn(1, 3, 8, 64, 48)).shape[1] == 1 + 4 * 8 * 6


def test_the_map_of_s3d_is_what_its_pool_sees(monkeypatch):
    monkeypatch.setattr(torch.nn.init, "trunc_normal_", lambda tensor, *args, **kwargs: tensor.data.uniform_(-0.1, 0.1))
    monkeypatch.setitem(TINY, "s3d", lambda: video.S3D(num_classes=5))
    net, clip = build("s3d"), torch.randn(1, 3, 8, 32, 32)
    with torch.no_grad():
        assert torch.equal(net(clip), net.network.features(clip))


def test_the_input_is_normalized_as_the_weights_transforms_do():
    mean, _, source = build("swin3d_t").input_statistics()
    assert mean == pytest.approx([123.675, 116.28, 103.53]) and "Swin3D_T_Weights" in source
    mean, _, source = build("r2plus1d_18", pretrained="KINETICS400_V1").input_statistics()
    assert mean == pytest.approx([110.2, 100.6, 96.0], abs=0.1) and "KINETICS400_V1" in source


@pytest.mark.parametrize("model", ["mvit_v2_s", "swin3d_t"])
def test_recomputed_activations_change_nothing(model):
    plain, net = build(model), build(model, with_cp=True)
    net.load_state_dict(plain.state_dict())
    clip, grads = torch.randn(2, 3, *SHAPES[model]), []
    for part in (plain, net):
        for norm in (module for module in part.modules() if isinstance(module, torch.nn.Dropout)):
            norm.p = 0.0
        torch.manual_seed(0)
        part.train()(clip).square().mean().backward()
        grads.append(torch.cat([p.grad.flatten() for p in part.parameters()]))
    torch.testing.assert_close(*grads, atol=1e-6, rtol=1e-4)


def test_mistakes_get_one_message(monkeypatch):
    with pytest.raises(ValueError, match="swin3d_t"):
        build("swin3d_tt")
    with pytest.raises(ValueError, match="KINETICS400_V1"):
        build("swin3d_t", pretrained="KINETICS400_V2").init_weights()
    monkeypatch.setitem(MVIT, "rel_pos_embed", False)
    with pytest.raises(ValueError, match="clip_len"):
        build("mvit_v2_s")(torch.zeros(1, 3, 8, 32, 32))
    with pytest.raises(ValueError, match="cannot be built"):
        build("swin3d_t", model_kwargs={"depth": 3})
    with pytest.raises(ValueError, match="Recognizer3D"):
        build("swin3d_t")(torch.zeros(1, 3, 32, 32))
