"""Adapters: nothing changes at first, they alone learn, and they alone are saved."""

import copy

import pytest
import torch

pytest.importorskip("timm", reason="needs timm: pip install .[foundation]")
pytest.importorskip("peft", reason="needs peft: pip install .[foundation]")

from models.backbones.foundation.tiny_networks import CONFIGS, VIT, VITS

from mmaction.io.checkpoints import FROZEN_HASH, load_weights
from mmaction.models.backbones.foundation.base import without_replaceable
from mmaction.models.backbones.resnet_tsm import shift
from mmaction.registry import MODELS

CLIP = "vit_base_patch16_clip_224.openai"
OF_TRANSFORMERS = ("STAdapter", "DifferenceAdapter", "AIM", "LoRA")


def build(model=CLIP, **changes):
    kwargs = {"img_size": VITS[model], "model_kwargs": VIT} if model in VITS else {}
    return MODELS.build(dict(type="TimmImage", model=model, num_segments=4, **kwargs, **changes)).eval()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A file of weights of each network, and its features of eight frames."""
    found = {}
    for model in (*VITS, "test_resnet", "test_efficientnet", "test_convnext"):
        path = tmp_path_factory.mktemp("weights") / "net.pth"
        net, size = build(model), VITS.get(model, 64)
        frames = torch.randn(8, 3, size, size)
        torch.save(net.network.state_dict(), path)
        with torch.no_grad():
            found[model] = str(path), frames, net(frames)
    return found


CASES = [(model, kind) for model in VITS for kind in OF_TRANSFORMERS]
CASES += [(m, k) for m in ("test_resnet", "test_efficientnet", "test_convnext") for k in OF_TRANSFORMERS[:2]]


@pytest.mark.parametrize(("model", "kind"), CASES)
def test_nothing_changes_at_first_and_the_adapter_alone_learns(model, kind, saved):
    path, frames, expected = saved[model]
    net = build(model, pretrained=path, adapter=dict(type=kind))
    net.init_weights()
    assert torch.equal(net(frames), expected)
    frozen = copy.deepcopy(net.frozen_tensors())
    net.train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(2):  # what stands before zero weights learns from the second step on
        optimizer.zero_grad()
        net(frames).square().mean().backward()
        optimizer.step()
    tuned = [p for name, p in net.network.named_parameters() if name in net.tuned_names()]
    assert tuned and all(p.grad is not None for p in tuned)
    assert any(p.grad.abs().sum() > 0 for p in tuned)
    assert all(torch.equal(value, frozen[name]) for name, value in net.frozen_tensors().items())


@pytest.mark.parametrize("kind", OF_TRANSFORMERS[:3])
def test_adapters_see_time(kind, saved):
    path, frames, _ = saved[CLIP]
    net = build(pretrained=path, adapter=dict(type=kind))
    net.init_weights()
    for name, parameter in net.network.named_parameters():
        if name in net.tuned_names():
            torch.nn.init.normal_(parameter, std=0.2)
    other = frames.clone()
    other[1] += 1
    with torch.no_grad():
        changed = (net(frames) != net(other)).flatten(1).any(dim=1)
    assert changed[:4].sum() >= 2, "a frame of its clip sees the change"
    assert not changed[4:].any(), "the other clip does not"


def test_differences_of_a_still_clip_are_zero(saved):
    path, frames, _ = saved[CLIP]
    net = build(pretrained=path, adapter=dict(type="DifferenceAdapter", width=8))
    still = frames[:1].expand(4, -1, -1, -1)
    adapter = net.network.blocks[0].adapter
    seen = adapter.between(torch.randn(1, 8, 1, 2, 2).expand(-1, -1, 4, -1, -1))
    bias = torch.nn.functional.gelu(adapter.ahead.bias + adapter.back.bias)
    torch.testing.assert_close(seen, bias[None, :, None, None, None].expand_as(seen))
    assert net(still).shape[0] == 4


def test_shift_moves_channels_before_the_first_convolution_of_a_block(saved):
    path, frames, expected = saved["test_efficientnet"]
    net = build("test_efficientnet", pretrained=path, adapter=dict(type="TemporalShift"))
    net.init_weights()
    assert not net.frozen and all(p.requires_grad for p in net.parameters())
    assert not torch.equal(net(frames), expected)
    convs = [module for module in net.network.modules() if hasattr(module, "temporal_shift")]
    assert len(convs) == sum(len(stage) for stage in net.network.blocks)
    inputs = torch.randn(4, convs[1].in_channels, 8, 8)
    assert torch.equal(convs[1](inputs), convs[1].forward(shift(inputs, 4, 8)))


def model_with(path, **changes):
    backbone = dict(type="TimmImage", model=CLIP, img_size=32, model_kwargs=VIT, num_segments=4, pretrained=path)
    head = dict(type="TokenHead", num_classes=3, in_channels=32, num_segments=4)
    model = MODELS.build(dict(type="Recognizer2D", backbone=backbone | changes, cls_head=head))
    model.init_weights()
    return model.eval()


def test_a_checkpoint_holds_tuned_tensors_alone_and_loads_onto_its_backbone_only(saved, tmp_path):
    path, frames, _ = saved[CLIP]
    adapter = dict(type="STAdapter", width=8)
    model = model_with(path, adapter=adapter)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.1)
    state = model.state_dict()
    named = without_replaceable(model, state)
    assert named["backbone"].startswith(f"timm's {CLIP} from {path}")
    assert set(state) - {f"backbone.{FROZEN_HASH}"} == {n for n, p in model.named_parameters() if p.requires_grad}
    frames = frames[None].reshape(2, 4, 3, 32, 32)
    other = model_with(path, adapter=adapter)
    load_weights(other, state, "tuned.pth", strict=True)
    assert torch.equal(model(frames, mode="tensor", stage="head"), other(frames, mode="tensor", stage="head"))

    foreign = torch.load(path)
    foreign["norm.bias"] += 1
    torch.save(foreign, tmp_path / "other.pth")
    for changed in (model_with(str(tmp_path / "other.pth"), adapter=adapter), model_with(None, adapter=adapter)):
        with pytest.raises(ValueError, match="hash"):
            load_weights(changed, state, "tuned.pth", strict=True)
    with pytest.raises(ValueError, match="hash"):
        load_weights(model_with(path), state, "tuned.pth", strict=True)
    head_only = {key: value for key, value in state.items() if "adapter" not in key}
    with pytest.raises(ValueError, match="adapter"):
        load_weights(other, head_only, "tuned.pth", strict=True)


def test_random_and_changed_frozen_weights_are_saved(saved):
    path, _, _ = saved[CLIP]
    random = model_with(None, frozen=True)
    state = random.state_dict()
    assert not without_replaceable(random, state) and set(state) == set(random.state_dict())
    model = model_with(path, frozen=True)
    model.backbone.network.norm.bias.data += 1
    state = model.state_dict()
    assert not without_replaceable(model, state) and "backbone.network.norm.bias" in state


def test_a_frozen_network_stays_in_evaluation_without_gradients(saved):
    path, frames, expected = saved["test_efficientnet"]
    net = build("test_efficientnet", pretrained=path, frozen=True)
    net.init_weights()
    net.train()
    assert not any(module.training for module in net.network.modules())
    assert torch.equal(net(frames), expected) and not net(frames).requires_grad
    half = build("test_efficientnet", pretrained=path, frozen=True, dtype="bfloat16")
    half.init_weights()
    features = half(frames)
    assert features.dtype is torch.float32 and not torch.equal(features, expected)
    torch.testing.assert_close(features, expected, atol=0.1, rtol=0.1)


def test_lora_goes_into_a_video_transformer_too():
    pytest.importorskip("transformers", reason="needs transformers: pip install .[foundation]")
    changes = dict(type="TransformersVideo", config=CONFIGS["videomae"])
    net = MODELS.build({**changes, "adapter": dict(type="LoRA", r=2)})
    plain = MODELS.build(changes)
    own = {net._place(name, net.network.state_dict()): value for name, value in plain.network.state_dict().items()}
    assert not net.network.load_state_dict(own, strict=False).unexpected_keys
    clip = torch.randn(1, 3, 4, 32, 32)
    assert torch.equal(net.eval()(clip), plain.eval()(clip))
    tuned = sum(p.numel() for p in net.parameters() if p.requires_grad)
    assert 0 < tuned == sum(p.numel() for n, p in net.named_parameters() if "lora_" in n)


def test_mistakes_get_one_message():
    with pytest.raises(ValueError, match="STAdapter"):
        build(adapter=dict(type="StAdapter"))
    with pytest.raises(ValueError, match="num_segments"):
        MODELS.build(dict(type="TimmImage", model="test_resnet", adapter=dict(type="STAdapter")))
    with pytest.raises(TypeError, match="widht"):
        build(adapter=dict(type="STAdapter", widht=3))
    with pytest.raises(ValueError, match="convolutional"):
        build(adapter=dict(type="TemporalShift"))
    with pytest.raises(ValueError, match="AIM adapts attention"):
        build("test_resnet", adapter=dict(type="AIM"))
    with pytest.raises(ValueError, match="fits no layer"):
        build(adapter=dict(type="LoRA", target_modules=["nothing"]))
    with pytest.raises(ValueError, match="residual blocks"):
        build("test_mambaout", adapter=dict(type="STAdapter"))
    with pytest.raises(ValueError, match="residual blocks"):
        build("test_byobnet", adapter=dict(type="STAdapter"))
