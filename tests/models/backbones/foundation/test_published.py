"""MMAction2's transformers at tiny size: names and shapes of the state dict, weights of image networks, arguments."""

import ast
import inspect
import json

import pytest
import torch
from models.backbones.test_every_backbone import arguments, plain

from mmaction.models import backbones, heads
from mmaction.registry import MODELS
from mmaction.utils.config import load_config

MVIT = dict(arch=dict(embed_dims=8, num_layers=3, num_heads=1, downscale_indices=[1]), spatial_size=32, temporal_size=4)
SWIN = dict(arch=dict(embed_dims=12, depths=[2, 1, 1, 1], num_heads=[1, 2, 2, 2]), window_size=(2, 2, 2))
VIT = dict(img_size=32, embed_dims=24, depth=2, num_heads=2, num_frames=4)
TIME = dict(img_size=32, patch_size=16, embed_dims=24, num_transformer_layers=2, num_heads=2, num_frames=4)
UNIFORMER = dict(input_resolution=32, width=24, layers=3, heads=2, n_layers=2, n_dim=24, n_head=2, return_list=[1, 2])
CASES = {
    "MViT": (MVIT, None, {"cls_token": (1, 1, 8), "blocks.1.attn.norm_q.weight": (8,), "norm3.bias": (16,)}),
    "SwinTransformer3D": (
        SWIN,
        None,
        {"layers.0.blocks.1.attn.relative_position_index": (8, 8), "layers.0.downsample.norm.bias": (48,)},
    ),
    "VisionTransformer": (VIT, "timm", {"pos_embed": (1, 8, 24), "blocks.1.mlp.layers.0.0.weight": (96, 24)}),
    "TimeSformer": (
        TIME,
        "transformers",
        {"time_embed": (1, 4, 24), "transformer_layers.layers.1.attentions.1.attn.in_proj_weight": (72, 24)},
    ),
    "UniFormerV2": (
        {**UNIFORMER, "no_lmhra": False, "double_lmhra": True, "mlp_dropout": [0.5, 0.5]},
        None,
        {"transformer.resblocks.0.lmhra1.lmhra.0.weight": (24,), "transformer.dec.1.ln_3.bias": (24,)},
    ),
}
CLIP = (2, 3, 4, 32, 32)


def build(name, **changes):
    options, package, _ = CASES[name]
    if package:
        pytest.importorskip(package, reason=f"needs {package}: pip install .[foundation]")
    net = MODELS.build(dict(type=name, **(options | changes)))
    net.init_weights()
    return net


def last(features):
    return features[-1] if isinstance(features, tuple) else features


@pytest.mark.parametrize("name", CASES)
def test_names_shapes_learning_and_saving(name):
    net = build(name)
    state = net.state_dict()
    assert {key: tuple(state[key].shape) for key in CASES[name][2]} == CASES[name][2]
    assert not any(key.startswith("network.") for key in state)
    last(net.train()(torch.randn(CLIP))).square().mean().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())
    other = build(name)
    holder = torch.nn.ModuleDict({"backbone": other})  # a prefix stands before the names in a model
    holder.load_state_dict({f"backbone.{key}": value for key, value in net.state_dict().items()})
    clip = torch.randn(CLIP)
    with torch.no_grad():
        torch.testing.assert_close(last(net.eval()(clip)), last(other.eval()(clip)), atol=0, rtol=0)
    with pytest.raises(RuntimeError, match="Missing"):
        other.load_state_dict(dict(list(state.items())[1:]))


@pytest.mark.parametrize("name", CASES)
def test_published_arguments_keep_their_order_and_defaults(shared, name):
    models = json.loads((shared / "interface/mmaction2_1.2_signatures_to_come.json").read_text())["models"]
    published, ours = models[name]["arguments"], arguments(getattr(backbones, name))
    assert [argument for argument in ours if argument in published] == list(published)
    for argument, default in published.items():
        expected = inspect.Parameter.empty if default == "required" else ast.literal_eval(default)
        assert plain(ours[argument]) == plain(expected), argument


@pytest.mark.parametrize("name", ["MViTHead", "TimeSformerHead", "UniFormerHead"])
def test_published_heads_take_the_published_arguments(shared, name):
    models = json.loads((shared / "interface/mmaction2_1.2_signatures_to_come.json").read_text())["models"]
    assert set(models[name]["arguments"]) <= set(arguments(getattr(heads, name))) | {"init_cfg"}
    head = MODELS.build(dict(type=name, num_classes=3, in_channels=8))
    features = (torch.randn(2, 8, 1, 2, 2), torch.randn(2, 8)) if name == "MViTHead" else torch.randn(2, 8)
    assert head(features).shape == (2, 3)


def test_a_head_of_710_classes_is_cut_to_the_mapped_ones(tmp_path):
    (tmp_path / "map.json").write_text("[4, 1]")
    wide = MODELS.build(dict(type="UniFormerHead", num_classes=6, in_channels=8))
    head = MODELS.build(
        dict(type="UniFormerHead", num_classes=2, in_channels=8, channel_map=str(tmp_path / "map.json"))
    )
    head.load_state_dict(wide.state_dict())
    assert torch.equal(head.fc_cls.weight, wide.fc_cls.weight[[4, 1]])


def test_the_shipped_map_finds_the_classes_of_kinetics_400_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = load_config("uniformerv2-base-p16-res224_clip-kinetics710-pre_8xb32-u8_kinetics400-rgb")[0].model.cls_head
    wide = MODELS.build(dict(cfg, num_classes=710, channel_map=None, init_cfg=None))
    torch.save({f"cls_head.{name}": value for name, value in wide.state_dict().items()}, tmp_path / "k710.pth")
    cfg.init_cfg.checkpoint = str(tmp_path / "k710.pth")
    head = MODELS.build(cfg)
    head.init_weights()
    rows = [(wide.fc_cls.weight == row).all(dim=1).nonzero().item() for row in head.fc_cls.weight]
    assert sorted(rows) == list(range(400)) and rows[:3] == [341, 158, 189]


def test_an_image_swin_is_inflated(tmp_path):
    net = build("SwinTransformer3D", window_size=(2, 3, 3))
    image = {}
    for key, value in net.state_dict().items():
        if key.endswith("relative_position_bias_table"):
            image[key] = torch.randn(25, value.shape[1])  # 3 x 3, of one frame
        elif key == "patch_embed.proj.weight":
            image[key] = torch.randn(value.shape[:2] + value.shape[3:])
        elif not key.endswith("relative_position_index"):
            image[key.replace("norm3.", "norm.")] = torch.randn(value.shape)
    torch.save({"model": image, "state_dict": image}, tmp_path / "swin.pth")
    net = build("SwinTransformer3D", window_size=(2, 3, 3), pretrained=str(tmp_path / "swin.pth"))
    state = net.state_dict()
    torch.testing.assert_close(state["patch_embed.proj.weight"].sum(dim=2), image["patch_embed.proj.weight"])
    table = state["layers.0.blocks.0.attn.relative_position_bias_table"].unflatten(0, (3, 25))
    assert all(torch.equal(part, image["layers.0.blocks.0.attn.relative_position_bias_table"]) for part in table)
    assert torch.equal(state["norm3.weight"], image["norm.weight"])


def test_other_sizes_take_interpolated_positions():
    with torch.no_grad():
        assert build("VisionTransformer").eval()(torch.randn(1, 3, 8, 48, 48)).shape == (1, 24)
        assert build("VisionTransformer", return_feat_map=True)(torch.randn(CLIP)).shape == (2, 24, 2, 2, 2)
        assert build("SwinTransformer3D").eval()(torch.randn(1, 3, 6, 40, 24)).shape[2:] == (3, 2, 1)


def test_space_only_attention_averages_frames():
    net = build("TimeSformer", attention_type="space_only").eval()
    frame = torch.randn(1, 3, 1, 32, 32)
    with torch.no_grad():
        still, moving = net(frame.expand(-1, -1, 4, -1, -1)), net(torch.randn(1, 3, 4, 32, 32))
    assert still.shape == moving.shape == (1, 24) and not torch.equal(still, moving)
    assert "transformer_layers.layers.0.attentions.0.attn.in_proj_weight" in net.state_dict()


def test_an_image_vit_starts_time_sformer(tmp_path):
    image = build("TimeSformer", attention_type="space_only").state_dict()
    torch.save(image, tmp_path / "vit.pth")
    net = build("TimeSformer", pretrained=str(tmp_path / "vit.pth"))
    state, place = net.state_dict(), "transformer_layers.layers.1.attentions."
    for part in ("attn.in_proj_weight", "attn.out_proj.bias", "norm.weight"):
        assert torch.equal(state[f"{place}1.{part}"], image[f"{place}0.{part}"])
        assert torch.equal(state[f"{place}0.{part}"], image[f"{place}0.{part}"])


def test_mistakes_get_one_message():
    with pytest.raises(ValueError, match="tiny"):
        MODELS.build(dict(type="SwinTransformer3D", arch="tinny"))
    with pytest.raises(ValueError, match="out_scales"):
        MODELS.build(dict(type="MViT", arch="tiny", out_scales=[0, 1]))
    with pytest.raises(ValueError, match="frozen_stages"):
        MODELS.build(dict(type="SwinTransformer3D", arch="tiny", frozen_stages=1))
    with pytest.raises(ValueError, match="return_list"):
        MODELS.build(dict(type="UniFormerV2", n_layers=2))
