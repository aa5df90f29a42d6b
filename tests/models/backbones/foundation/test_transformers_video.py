"""Video transformers of transformers: outputs of the library, weights from its files, other lengths and sizes."""

import json

import pytest
import torch

pytest.importorskip("transformers", reason="needs transformers: pip install .[foundation]")

from models.backbones.foundation.tiny_networks import CONFIGS

from mmaction.models.backbones.foundation.base import interpolate_positions
from mmaction.registry import MODELS


def build(kind=None, **changes):
    config = dict(CONFIGS[kind]) if kind else None
    return MODELS.build(dict(type="TransformersVideo", config=config, **changes)).eval()


def clip_for(net, clips=2):
    fields, family = net.model_config, net.family
    size = getattr(fields, family.size)
    return torch.randn(clips, 3, getattr(fields, family.frames), size, size)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Folder of each model as the library saves it, and the network that is in it."""
    folder, nets = tmp_path_factory.mktemp("hub"), {}
    for kind in CONFIGS:
        nets[kind] = build(kind)
        nets[kind].network.save_pretrained(folder / kind)
    return folder, nets


@pytest.mark.parametrize("kind", CONFIGS)
def test_tokens_are_the_librarys_and_the_map_is_made_of_them(kind):
    net = build(kind, out="tokens")
    clip = clip_for(net)
    with torch.no_grad():
        tokens = net(clip)
        known = {"skip_predictor": True} if kind == "vjepa2" else {}
        expected = net.network(clip.transpose(1, 2), **known).last_hidden_state
        net.out = "map"
        features = net(clip)
    t, h, w = net.grid
    prefix = net.family.prefix
    assert tokens.shape[1] == prefix + t * h * w and features.shape[2:] == (t, h, w)
    if kind == "timesformer":  # the library has the frames of a place beside each other
        body = expected[:, 1:].unflatten(1, (h, w, t)).permute(0, 3, 1, 2, 4).flatten(1, 3)
        expected = torch.cat([expected[:, :1], body], dim=1)
    torch.testing.assert_close(tokens, expected, atol=1e-5, rtol=1e-5)
    place = tokens[:, prefix:].unflatten(1, (t, h, w))[1, t - 1, 1, 0]
    assert torch.equal(features[1, :, t - 1, 1, 0], place)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_change_in_one_frame_moves_its_own_tokens_most(kind):
    net = build(kind)
    clip = clip_for(net, 1)
    other = clip.clone()
    other[:, :, -1] += 2
    with torch.no_grad():
        change = (net(clip) - net(other)).abs().mean(dim=(0, 1, 3, 4))
    assert change.argmax() == len(change) - 1


@pytest.mark.parametrize("kind", CONFIGS)
def test_weights_of_a_folder_and_of_a_file_are_the_same(kind, saved):
    folder, nets = saved
    clip = clip_for(nets[kind])
    with torch.no_grad():
        expected = nets[kind](clip)
        for net in (
            build(pretrained=str(folder / kind)),
            build(kind, pretrained=str(folder / kind / "model.safetensors")),
        ):
            net.init_weights()
            assert torch.equal(net(clip), expected)
            assert kind in net.weights_from


@pytest.mark.parametrize("kind", CONFIGS)
def test_other_lengths_and_sizes_take_interpolated_positions(kind, saved):
    folder, nets = saved
    size = getattr(nets[kind].model_config, nets[kind].family.size)
    longer = build(pretrained=str(folder / kind), num_frames=8, img_size=2 * size)
    longer.init_weights()
    clip = torch.nn.functional.interpolate(clip_for(nets[kind], 1), (8, 2 * size, 2 * size))
    with torch.no_grad():
        assert longer(clip).shape[2:] == longer.grid
    assert longer.grid == tuple(2 * n for n in nets[kind].grid)


def test_interpolated_positions_keep_the_prefix_and_a_linear_ramp():
    ramp = torch.linspace(0, 1, 4)[:, None, None].expand(4, 2, 2).reshape(1, 16, 1)
    table = torch.cat([torch.full((1, 1, 1), 9.0), ramp], dim=1)
    fitted = interpolate_positions(table, (4, 2, 2), (8, 2, 2))
    assert fitted.shape == (1, 33, 1) and fitted[0, 0] == 9
    frames = fitted[0, 1:, 0].reshape(8, 2, 2)
    assert torch.allclose(frames.diff(dim=0)[1:-1], torch.full((5, 2, 2), 1 / 6), atol=1e-6)
    assert interpolate_positions(table[:, :9], (4, 2, 2), (8, 2, 2)) is None


def test_the_processor_beside_the_weights_sets_the_input(saved):
    folder, _ = saved
    net = build("videomae")
    assert net.input_statistics()[0] == pytest.approx([123.675, 116.28, 103.53])
    fields = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "rescale_factor": 1 / 255}
    (folder / "videomae" / "preprocessor_config.json").write_text(json.dumps(fields))
    mean, std, source = build(pretrained=str(folder / "videomae")).input_statistics()
    assert mean == [127.5] * 3 and std == [63.75] * 3 and source.startswith("preprocessor_config.json")
    model = dict(
        type="Recognizer3D",
        backbone=dict(type="TransformersVideo", pretrained=str(folder / "videomae")),
        data_preprocessor=dict(type="ActionDataPreprocessor", format_shape="NCTHW"),
    )
    prepare = MODELS.build(model).data_preprocessor
    assert prepare.mean.flatten().tolist() == mean
    model["data_preprocessor"].update(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])
    with pytest.raises(ValueError, match=r"preprocessor_config\.json"):
        MODELS.build(model)


def test_input_that_was_shifted_and_scaled_otherwise_is_described_in_grey_levels(saved):
    folder, _ = saved
    fields = dict(image_mean=[0.5] * 3, image_std=[0.5] * 3, rescale_factor=1 / 127.5, offset=True)
    (folder / "vivit" / "preprocessor_config.json").write_text(json.dumps(fields))
    mean, std, _ = build(pretrained=str(folder / "vivit")).input_statistics()
    frame = torch.arange(256.0)
    expected = (frame / 127.5 - 1 - 0.5) / 0.5
    torch.testing.assert_close((frame - mean[0]) / std[0], expected)


def test_recomputed_activations_and_other_attention_change_nothing(saved):
    folder, nets = saved
    clip = clip_for(nets["videomae"])
    grads = []
    for changes in ({}, {"with_cp": True}, {"attn_implementation": "eager"}):
        net = build(pretrained=str(folder / "videomae"), **changes)
        net.init_weights()
        net.train()(clip).square().mean().backward()
        grads.append(torch.cat([p.grad.flatten() for p in net.parameters()]))
    assert build("videomae", attn_implementation="eager").network.config._attn_implementation == "eager"
    for grad in grads[1:]:
        torch.testing.assert_close(grad, grads[0], atol=1e-6, rtol=1e-4)


def test_mistakes_get_one_message(saved, tmp_path):
    folder, nets = saved
    with pytest.raises(ValueError, match="videomae"):
        MODELS.build(dict(type="TransformersVideo", config=dict(model_type="videomea")))
    with pytest.raises(ValueError, match="config"):
        MODELS.build(dict(type="TransformersVideo"))
    with pytest.raises(ValueError, match="num_frames"):
        nets["videomae"](torch.zeros(1, 3, 6, 32, 32))
    with pytest.raises(ValueError, match="Recognizer3D"):
        nets["videomae"](torch.zeros(1, 3, 32, 32))
    wider = dict(CONFIGS["videomae"], hidden_size=64)
    net = MODELS.build(
        dict(type="TransformersVideo", config=wider, pretrained=str(folder / "videomae/model.safetensors"))
    )
    with pytest.raises(ValueError, match="does not fit"):
        net.init_weights()
    with pytest.raises(ConnectionError, match="hf download"):
        build(pretrained=str(tmp_path / "nothing"))
    with pytest.raises(ValueError, match="LoRA"):
        build("videomae", adapter=dict(type="AIM"))
