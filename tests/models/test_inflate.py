import pytest
import torch

from mmaction.models.backbones import C2D, ResNet, ResNet3d, ResNet3dSlowFast, ResNet3dSlowOnly, ResNetTSM
from mmaction.models.inflate import from_torchvision, inflate_weight, read_weights, select_weights


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A file like torchvision's resnet18: its names, made-up weights."""
    from torchvision.models import resnet18

    torch.manual_seed(0)
    net = resnet18(weights=None)
    for norm in net.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(norm.weight, 1, 0.2)
            norm.running_mean.normal_(0, 0.2)
    path = tmp_path_factory.mktemp("torchvision") / "resnet18.pth"
    torch.save(net.state_dict(), path)
    return str(path)


def load(net, source):
    net.pretrained = source
    net.init_weights()
    return net.eval()


def test_torchvision_names_become_ours(published):
    weights = from_torchvision(torch.load(published, weights_only=True))
    assert set(weights) == set(ResNet(depth=18).state_dict())
    assert from_torchvision(weights) == weights


def test_kernel_is_repeated_and_divided():
    weight = torch.randn(4, 3, 7, 7)
    inflated = inflate_weight(weight, torch.Size((4, 3, 5, 7, 7)))
    torch.testing.assert_close(inflated.sum(2), weight)
    assert all(torch.equal(inflated[:, :, 0], inflated[:, :, t]) for t in range(5))


def test_more_input_channels():
    weight = torch.randn(4, 3, 7, 7)
    flow = inflate_weight(weight, torch.Size((4, 2, 1, 7, 7)))
    torch.testing.assert_close(flow[:, 1, 0], weight.mean(1))
    weight = torch.randn(4, 8, 1, 1)
    lateral = inflate_weight(weight, torch.Size((4, 10, 1, 1, 1)))
    assert torch.equal(lateral[:, :8, 0], weight)
    assert not lateral[:, 8:].any()


@pytest.mark.parametrize("shape", [(4, 8, 1, 1), (5, 8, 1, 1, 1), (4, 8, 1, 3, 3), (4, 6, 1, 1, 1)])
def test_weight_that_cannot_fit(shape):
    assert inflate_weight(torch.randn(4, 8, 1, 1), torch.Size(shape)) is None


def test_inflated_network_equals_the_2d_network_on_a_still_clip(published):
    """Where the temporal kernel is 1 each frame is seen alone."""
    frames, clips = load(ResNet(depth=18), published), load(ResNet3dSlowOnly(depth=18, inflate=0), published)
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected = frames(image)
        out = clips(image.unsqueeze(2).expand(-1, -1, 3, -1, -1))
    for t in range(3):
        torch.testing.assert_close(out[:, :, t], expected, atol=1e-4, rtol=1e-4)


def test_longer_kernels_agree_away_from_the_ends(published):
    """A kernel of length 3 answers a still clip like the 2D one wherever it does not reach beyond the clip."""
    frames = load(ResNet(depth=18), published)
    clips = load(ResNet3d(depth=18, with_pool2=False, inflate=(1, 0, 0, 0)), published)
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        out = clips(image.unsqueeze(2).expand(-1, -1, 13, -1, -1))
        torch.testing.assert_close(out[:, :, 6], frames(image), atol=1e-4, rtol=1e-4)
        assert not torch.allclose(out[:, :, 0], frames(image), atol=1e-2)


@pytest.mark.parametrize(
    "build",
    [
        lambda: ResNetTSM(depth=18),
        lambda: ResNetTSM(depth=18, shift_place="block"),
        lambda: ResNetTSM(depth=18, temporal_pool=True),
        lambda: C2D(depth=18),
    ],
)
def test_wrappers_are_seen_through(published, build):
    expected, net = load(ResNet(depth=18), published).state_dict(), load(build(), published)
    loaded = list(net.state_dict().values())
    assert len(loaded) == len(expected)
    assert all(torch.equal(a, b) for a, b in zip(loaded, expected.values(), strict=True))


def test_pathways_inflate_apart(published):
    slow = {"depth": 18, "lateral": True, "conv1_kernel": (1, 7, 7), "inflate": 0, "pretrained": published}
    net = ResNet3dSlowFast(slow_pathway=slow, fast_pathway={"depth": 18, "base_channels": 8})
    net.init_weights()
    weight = torch.load(published, weights_only=True)["layer2.0.conv1.weight"]
    ours = net.slow_path.layer2[0].conv1.conv.weight
    assert ours.shape == (128, 80, 1, 3, 3)
    assert torch.equal(ours[:, :64, 0], weight)
    assert not ours[:, 64:].any()


def test_prefix_of_a_recognizer_is_taken_off(published, tmp_path):
    weights = {"backbone.conv1.conv.weight": torch.ones(2), "cls_head.fc_cls.weight": torch.ones(3)}
    torch.save({"state_dict": weights}, tmp_path / "whole.pth")
    assert list(read_weights(str(tmp_path / "whole.pth"))) == ["conv1.conv.weight"]


def test_what_stays_is_logged(published, monkeypatch):
    messages = []
    monkeypatch.setattr("mmaction.models.inflate.print_log", lambda message, logger: messages.append(message))
    cfg = {"mode": "gaussian", "sub_sample": True}
    ResNet3d(depth=18, pretrained=published, non_local=(0, (0, 1), 0, 0), non_local_cfg=cfg).init_weights()
    assert messages == [
        f"{published}: 120 tensors loaded into ResNet3d; left at their initial values: "
        "layer2.1.non_local_block.g.0.conv.weight, layer2.1.non_local_block.g.0.conv.bias, "
        "layer2.1.non_local_block.conv_out.conv.weight, layer2.1.non_local_block.conv_out.conv.bias"
    ]


def test_other_networks_are_refused(tmp_path):
    torch.save({"stem.weight": torch.ones(1)}, tmp_path / "other.pth")
    net = ResNet3d(depth=18, pretrained=str(tmp_path / "other.pth"))
    with pytest.raises(ValueError, match=r"other\.pth' does not fit ResNet3d: it holds stem\.weight"):
        net.init_weights()
    torch.save({"conv1.conv.weight": torch.ones(4, 3, 7, 7)}, tmp_path / "narrow.pth")
    net = ResNet3d(depth=18, pretrained=str(tmp_path / "narrow.pth"))
    with pytest.raises(ValueError, match=r"conv1\.conv\.weight has shape \(4, 3, 7, 7\), but the network has"):
        net.init_weights()


def test_2d_weights_need_pretrained2d(published):
    net = ResNet3d(depth=18, pretrained=published, pretrained2d=False)
    with pytest.raises(ValueError, match=r"but the network has \(64, 3, 3, 7, 7\)"):
        net.init_weights()


def test_unknown_torchvision_model():
    with pytest.raises(ValueError, match=r"no such model; did you mean .*resnet50"):
        read_weights("torchvision://resnet5")


def test_selection_leaves_the_weights_alone():
    weights = {"a": torch.ones(2, 3, 1, 1), "b": torch.ones(2)}
    target = {"a": torch.zeros(2, 3, 1, 1, 1), "c": torch.zeros(2)}
    selected = select_weights(weights, target, inflate=True)
    assert list(selected) == ["a"]
    assert selected["a"].shape == (2, 3, 1, 1, 1)
    assert weights["a"].shape == (2, 3, 1, 1)
