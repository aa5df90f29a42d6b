"""Heads on tokens: what they pool, published probes, clips of frames, attributes."""

import pytest
import torch

from mmaction.io.checkpoints import load_weights, model_weights, read_checkpoint
from mmaction.models.heads import AttributeHead
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

TOKENS = torch.randn(4, 1 + 6, 8, generator=torch.Generator().manual_seed(0))  # V, prefix + L, C
MAP = TOKENS[:, 1:].transpose(1, 2).unflatten(2, (1, 2, 3))


def token_head(**changes):
    return MODELS.build(dict(type="TokenHead", num_classes=3, in_channels=8, **changes)).eval()


def attentive_head(**changes):
    pytest.importorskip("transformers", reason="needs transformers: pip install .[foundation]")
    options = dict(type="AttentiveHead", num_classes=3, in_channels=8, num_heads=2, depth=2)
    head = MODELS.build(options | changes)
    head.init_weights()
    return head.eval()


def test_class_token_mean_and_map():
    head = token_head(pool="cls")
    torch.testing.assert_close(head(TOKENS), head.fc_cls(TOKENS[:, 0]))
    head = token_head()
    torch.testing.assert_close(head(MAP), head.fc_cls(TOKENS[:, 1:].mean(dim=1)))
    torch.testing.assert_close(head(TOKENS), head.fc_cls(TOKENS.mean(dim=1)))
    head = token_head(norm=True)
    torch.testing.assert_close(head(TOKENS[:, 0]), head.fc_cls(torch.nn.functional.layer_norm(TOKENS[:, 0], (8,))))
    with pytest.raises(ValueError, match="class token"):
        token_head(pool="cls")(MAP)
    with pytest.raises(ValueError, match="pool"):
        token_head(pool="max")


def test_frames_of_a_clip_are_averaged_or_attended_to_together():
    head = token_head(num_segments=2)
    clips = TOKENS.mean(dim=1).unflatten(0, (2, 2)).mean(dim=1)
    torch.testing.assert_close(head(TOKENS), head.fc_cls(clips))
    with pytest.raises(ValueError, match="num_segments"):
        head(TOKENS[:3])
    probe = attentive_head(num_segments=2)
    together = TOKENS.unflatten(0, (2, 2)).flatten(1, 2)
    torch.testing.assert_close(probe(TOKENS), probe.fc_cls(probe.pooler(together)))


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_attentive_probe_learns_and_does_not_care_for_the_order_of_tokens(depth):
    head = attentive_head(depth=depth)
    assert len(head.pooler.self_attention_layers) == depth - 1
    order = torch.randperm(7)
    torch.testing.assert_close(head(TOKENS), head(TOKENS[:, order]), atol=1e-6, rtol=1e-5)
    samples = [ActionDataSample().set_gt_label(label) for label in (0, 1, 2, 0)]
    head.train().loss(TOKENS, samples)["loss_cls"].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())
    with pytest.raises(ValueError, match="tokens"):
        head(TOKENS[:, 0])


def test_a_published_probe_loads_with_no_missing_and_no_extra_key(tmp_path):
    transformers = pytest.importorskip("transformers", reason="needs transformers: pip install .[foundation]")
    sizes = dict(hidden_size=48, num_hidden_layers=1, num_attention_heads=2, crop_size=32, frames_per_clip=4)
    unused = dict(pred_hidden_size=24, pred_num_attention_heads=2, pred_num_hidden_layers=1)
    config = transformers.VJEPA2Config(**sizes, **unused, num_labels=48)
    published = transformers.VJEPA2ForVideoClassification(config).eval()
    published.save_pretrained(tmp_path)
    model = MODELS.build(
        dict(
            type="Recognizer3D",
            backbone=dict(type="TransformersVideo", config=dict(model_type="vjepa2", **sizes, **unused), frozen=True),
            cls_head=dict(type="AttentiveHead", num_classes=48, in_channels=48, num_heads=2, average_clips=None),
            data_preprocessor=dict(type="ActionDataPreprocessor", format_shape="NCTHW"),
        )
    ).eval()
    file = tmp_path / "model.safetensors"
    weights = model_weights(read_checkpoint(file), file)
    report = load_weights(model, weights, str(file), strict=True)
    assert not report.missing and not report.unexpected and not report.dropped
    frames = torch.randint(0, 256, (2, 1, 3, 4, 32, 32), dtype=torch.uint8)
    data = model.data_preprocessor(dict(inputs=list(frames), data_samples=[ActionDataSample() for _ in range(2)]))
    with torch.no_grad():
        samples = model.predict(**data)
        expected = published(data["inputs"][:, 0].transpose(1, 2)).logits
    torch.testing.assert_close(torch.stack([s.pred_score for s in samples]), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["TokenHead", "AttentiveHead"])
def test_heads_take_attributes(kind, demo_data):
    if kind == "AttentiveHead":
        pytest.importorskip("transformers", reason="needs transformers: pip install .[foundation]")
    options = dict(num_heads=2) if kind == "AttentiveHead" else {}
    space = str(demo_data / "classes.csv")
    head = AttributeHead(5, 8, space, head=kind, num_segments=2, average_clips="prob", **options)
    samples = [ActionDataSample().set_gt_label(label) for label in (0, 4)]
    losses = head.loss(TOKENS, samples, num_segs=2)
    assert {"loss_cls", "loss_attributes"} <= set(losses)
    assert head.num_segments == 2 and head.eval()(TOKENS).shape == (2, 5)
