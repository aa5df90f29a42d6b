"""Image networks of timm: outputs of the library, weights from its files, other sizes, mistakes."""

import pytest
import torch

pytest.importorskip("timm", reason="needs timm: pip install .[foundation]")

from models.backbones.foundation.tiny_networks import VIT, VITS

from mmaction.registry import MODELS


def build(model, **changes):
    kwargs = {"img_size": VITS[model], "model_kwargs": VIT} if model in VITS else {}
    return MODELS.build(dict(type="TimmImage", model=model, **(kwargs | changes))).eval()


@pytest.mark.parametrize("model", VITS)
def test_tokens_of_a_transformer_are_the_librarys(model):
    net = build(model, out="tokens")
    frames = torch.randn(2, 3, VITS[model], VITS[model])
    with torch.no_grad():
        expected = net.network.forward_features(frames)
        torch.testing.assert_close(net(frames), expected, atol=1e-5, rtol=1e-5)
        net.out = "map"
        rows, columns = net.grid
        assert torch.equal(net(frames)[1, :, 1, 0], expected[1, -rows * columns :].unflatten(0, net.grid)[1, 0])
        net.out = "pooled"
        torch.testing.assert_close(net(frames), net.network(frames), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "channels"), [("test_resnet", 96), ("test_efficientnet", 256), ("test_convnext", 64)]
)
def test_map_of_a_cnn_is_the_librarys(model, channels):
    net = build(model)
    frames = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(net(frames), net.network.forward_features(frames), atol=1e-5, rtol=1e-5)
        assert net(frames).shape == (2, channels, 2, 2)


def test_weights_of_a_file_are_loaded_and_their_positions_interpolated(tmp_path):
    from safetensors.torch import save_file

    net = build("vit_base_patch16_clip_224.openai")
    save_file(net.network.state_dict(), tmp_path / "model.safetensors")
    torch.save({"state_dict": net.network.state_dict()}, tmp_path / "net.pth")
    frames = torch.randn(1, 3, 32, 32)
    for file in ("model.safetensors", "net.pth"):
        other = build("vit_base_patch16_clip_224.openai", pretrained=str(tmp_path / file))
        other.init_weights()
        assert torch.equal(other(frames), net(frames))
    larger = build("vit_base_patch16_clip_224.openai", pretrained=str(tmp_path / "net.pth"), img_size=64)
    larger.init_weights()
    assert larger(torch.randn(1, 3, 64, 64)).shape == (1, 32, 4, 4)
    assert larger.network.pos_embed.shape == (1, 17, 32)
    own = net.network.pos_embed[:, 1:].mean()
    assert larger.network.pos_embed[:, 1:].mean().item() == pytest.approx(own.item(), abs=0.01)


def test_the_input_is_normalized_as_timm_does():
    model = dict(
        type="Recognizer2D",
        backbone=dict(type="TimmImage", model="vit_base_patch16_clip_224.openai", model_kwargs=VIT, img_size=32),
        data_preprocessor=dict(type="ActionDataPreprocessor"),
    )
    prepare = MODELS.build(model).data_preprocessor
    assert prepare.mean.flatten().tolist() == pytest.approx([122.7709, 116.7460, 104.0937], abs=1e-3)
    model["data_preprocessor"].update(mean=[127.5] * 3, std=[127.5] * 3)
    with pytest.raises(ValueError, match="pretrained_cfg"):
        MODELS.build(model)


def test_recomputed_activations_change_nothing(tmp_path):
    net = build("vit_base_patch16_clip_224.openai")
    torch.save(net.network.state_dict(), tmp_path / "net.pth")
    frames, grads = torch.randn(2, 3, 32, 32), []
    for with_cp in (False, True):
        net = build("vit_base_patch16_clip_224.openai", with_cp=with_cp, pretrained=str(tmp_path / "net.pth"))
        net.init_weights()
        net.train()(frames).square().mean().backward()
        grads.append(net.network.blocks[0].attn.qkv.weight.grad)
    torch.testing.assert_close(*grads)


def test_mistakes_get_one_message(tmp_path):
    with pytest.raises(ValueError, match="vit_base_patch16_clip_224"):
        build("vit_base_patch16_clip224")
    with pytest.raises(ValueError, match="img_size"):
        build("vit_base_patch16_clip_224.openai")(torch.zeros(1, 3, 64, 64))
    with pytest.raises(ValueError, match="Recognizer2D"):
        build("test_resnet")(torch.zeros(1, 3, 4, 64, 64))
    torch.save({"a": torch.zeros(3)}, tmp_path / "net.pth")
    with pytest.raises(ValueError, match="does not fit"):
        build("test_resnet", pretrained=str(tmp_path / "net.pth")).init_weights()
    with pytest.raises(ValueError, match="out must be"):
        build("test_resnet", out="vector")
    with pytest.raises(ValueError, match="bfloat16"):
        build("test_resnet", dtype="half")


def test_a_file_of_weights_that_is_missing_is_not_looked_for_on_a_hub():
    net = MODELS.build({"type": "TimmImage", "model": "test_resnet", "pretrained": "data/no_such_file.pth"})
    with pytest.raises(FileNotFoundError, match="no_such_file"):
        net.init_weights()
