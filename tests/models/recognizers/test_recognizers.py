"""Recognizers: input layouts, modes, many views in few pieces."""

import pytest
import torch
from mmengine.model import BaseModule
from torch import nn

from mmaction.models.heads import BaseHead, I3DHead
from mmaction.models.recognizers import Recognizer2D, Recognizer3D
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample


@MODELS.register_module(force=True)
class TinyBackbone(nn.Module):
    """One convolution; with ``num_segments`` each frame also gets the mean of its clip: a network that mixes frames."""

    def __init__(self, in_channels: int = 3, dim: int = 3, num_segments: int | None = None) -> None:
        super().__init__()
        self.conv = (nn.Conv3d if dim == 3 else nn.Conv2d)(in_channels, 6, 3, padding=1)
        self.sizes = []
        if num_segments:
            self.num_segments = num_segments

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(x))
        x = self.conv(x)
        if hasattr(self, "num_segments"):
            clips = x.unflatten(0, (-1, self.num_segments))
            x = (clips + clips.mean(1, keepdim=True)).flatten(0, 1)
        return x


@MODELS.register_module(force=True)
class TinyNeck(nn.Module):
    """Doubles the features and has a loss of its own."""

    def forward(self, x: torch.Tensor, data_samples: list | None = None) -> tuple[torch.Tensor, dict]:
        aux = {} if data_samples is None else {"loss_aux": x.mean() * 0 + len(data_samples)}
        return x * 2, aux


@MODELS.register_module(force=True)
class TinyTwoPath(nn.Module):
    """One convolution for each modality."""

    def __init__(self) -> None:
        super().__init__()
        self.rgb = nn.Conv3d(3, 6, 1)
        self.pose = nn.Conv3d(17, 2, 1)
        self.sizes = []

    def forward(self, imgs: torch.Tensor, heatmap_imgs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.sizes.append(len(imgs))
        return self.rgb(imgs), self.pose(heatmap_imgs)


@MODELS.register_module(force=True)
class TinyStages(TinyBackbone):
    """Features of two stages."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = super().forward(x)
        return x, x[:, :2, ::2]


@MODELS.register_module(force=True)
class LoudestHead(I3DHead):
    """An own ``forward``, of the features alone."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc_cls(x.amax((2, 3, 4)))


@MODELS.register_module(force=True)
class CountingHead(I3DHead):
    """An own ``predict``: class probabilities tell the number of views."""

    def predict(self, feats: torch.Tensor, data_samples: list, num_segs: int) -> list:
        return [sample.set_pred_score([num_segs, len(feats)]) for sample in data_samples]


@MODELS.register_module(force=True)
class PublishedHead(BaseHead):
    """A head as plug-ins for MMAction2 1.2 are written."""

    def __init__(self, num_classes: int, in_channels: int, loss_cls: dict = {"type": "CrossEntropyLoss"}, **kwargs):
        super().__init__(num_classes, in_channels, loss_cls, **kwargs)
        self.fc = nn.Linear(in_channels, num_classes)

    def init_weights(self) -> None:
        nn.init.constant_(self.fc.weight, 0.1)

    def forward(self, x: torch.Tensor, **kwargs) -> torch.Tensor:
        return self.fc(x.mean((2, 3, 4)))


@MODELS.register_module(force=True)
class FreeHead(BaseModule):
    """A head that shares nothing with ours, with ``loss`` and ``predict`` of the fewest arguments."""

    def __init__(self, num_classes: int, in_channels: int, average_clips: str) -> None:
        super().__init__()
        self.fc = nn.Linear(in_channels, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x.mean((2, 3, 4)))

    def loss(self, feats: torch.Tensor, data_samples: list) -> dict:
        return {"loss_cls": self(feats).square().mean()}

    def predict(self, feats: torch.Tensor, data_samples: list) -> list:
        views = self(feats).unflatten(0, (len(data_samples), -1)).softmax(2).mean(1)
        return [sample.set_pred_score(score) for sample, score in zip(data_samples, views, strict=True)]


@MODELS.register_module(force=True)
class SilentRecognizer(Recognizer3D):
    """Sees nothing: its features are zero."""

    def extract_feat(self, inputs: torch.Tensor, stage="neck", data_samples=None, test_mode=False) -> tuple:
        return super().extract_feat(inputs, stage, data_samples, test_mode)[0] * 0, {}


def build(kind: str = "Recognizer3D", backbone: dict | None = None, head: dict | None = None, **options):
    torch.manual_seed(0)
    head = {"type": "I3DHead", "num_classes": 5, "in_channels": 6, "average_clips": "prob", **(head or {})}
    backbone = {"type": "TinyBackbone", **(backbone or {})}
    return MODELS.build({"type": kind, "backbone": backbone, "cls_head": head, **options}).eval()


TSM = {"backbone": {"dim": 2, "num_segments": 4}, "head": {"type": "TSMHead", "num_segments": 4}}
TSN = {"backbone": {"dim": 2}, "head": {"type": "TSNHead"}}
TWO = {
    "backbone": {"type": "TinyTwoPath"},
    "head": {"type": "RGBPoseHead", "in_channels": (6, 2)},
    "data_preprocessor": {
        "type": "MultiModalDataPreprocessor",
        "preprocessors": {name: {"type": "ActionDataPreprocessor"} for name in ("imgs", "heatmap_imgs")},
    },
}
CLIPS = torch.randn(2, 6, 3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
FRAMES = torch.randn(2, 24, 3, 5, 5, generator=torch.Generator().manual_seed(0))
PAIR = {"imgs": CLIPS, "heatmap_imgs": torch.rand(2, 6, 17, 8, 5, 5, generator=torch.Generator().manual_seed(0))}
MULTI_VIEW = {
    "3d": ("Recognizer3D", {}, CLIPS),
    "tsm": ("Recognizer2D", TSM, FRAMES),
    "tsn": ("Recognizer2D", TSN, FRAMES),
    "two": ("MMRecognizer3D", TWO, PAIR),
}


def scores(model, inputs) -> torch.Tensor:
    with torch.no_grad():
        samples = model(inputs, mode="predict")
    values = [s.pred_score for s in samples]
    return torch.stack([torch.cat(list(v.values())) if isinstance(v, dict) else v for v in values])


@pytest.mark.parametrize("case", MULTI_VIEW)
@pytest.mark.parametrize("limit", [1, 5, 7, 100])
def test_chunks_give_the_scores_of_one_piece(case, limit):
    kind, options, inputs = MULTI_VIEW[case]
    whole = build(kind, **options)
    feats, extra = whole.extract_feat(inputs)
    with torch.no_grad():
        reference = whole.cls_head.predict(feats, [ActionDataSample() for _ in range(2)], extra["num_segs"])
    expected = [s.pred_score for s in reference]
    expected = torch.stack([torch.cat(list(v.values())) if isinstance(v, dict) else v for v in expected])
    chunked = build(kind, **options, test_cfg={"max_testing_views": limit})
    torch.testing.assert_close(scores(chunked, inputs), expected)
    unit = chunked.views_per_unit
    assert max(chunked.backbone.sizes) <= max(limit, unit)
    assert all(size % unit == 0 for size in chunked.backbone.sizes)


@pytest.mark.parametrize("case", MULTI_VIEW)
def test_chunk_size_follows_the_free_memory(case, monkeypatch):
    kind, options, inputs = MULTI_VIEW[case]
    model = build(kind, **options)
    plenty = scores(model, inputs)
    unit = model.views_per_unit
    total = 48 if kind == "Recognizer2D" else 12
    assert model.backbone.sizes == [unit, total - unit], "the first unit is measured, the rest fits at once"
    assert scores(model, inputs).equal(scores(model, inputs)) and model.backbone.sizes[2:] == [total, total]

    need = next(iter(model._in_chunks._bytes_per_unit.values()))
    monkeypatch.setattr("mmaction.models.recognizers.views.free_memory", lambda device: 5 * need)
    model.backbone.sizes.clear()
    torch.testing.assert_close(scores(model, inputs), plenty)
    assert max(model.backbone.sizes) == 2 * unit

    monkeypatch.setattr("mmaction.models.recognizers.views.free_memory", lambda device: 0)
    model.backbone.sizes.clear()
    torch.testing.assert_close(scores(model, inputs), plenty)
    assert set(model.backbone.sizes) == {unit}


@pytest.mark.parametrize("average", ["prob", "score"])
@pytest.mark.parametrize("case", MULTI_VIEW)
def test_equal_views_run_once_and_count_as_often_as_they_come(case, average):
    kind, options, inputs = MULTI_VIEW[case]
    options = {**options, "head": {**options.get("head", {}), "average_clips": average}}
    unit = build(kind, **options).views_per_unit
    order = [index for place in (0, 1, 0, 0, 2, 1) for index in range(place * unit, (place + 1) * unit)]
    repeated = {k: v[:, order] for k, v in inputs.items()} if isinstance(inputs, dict) else inputs[:, order]
    one_by_one = {"test_cfg": {"max_testing_views": 1}}
    model = build(kind, **options, **one_by_one)
    given = scores(model, repeated)
    assert model.backbone.sizes == [unit] * 6, "three of the six views of each of the two samples differ"
    every = build(kind, **options, **one_by_one)
    every._piecewise = lambda function, views, num_segs: every._in_chunks(function, views, every.backbone, unit, unit)
    assert given.equal(scores(every, repeated)), "the same to the last bit"
    assert sum(every.backbone.sizes) == 12 * unit


def test_modes():
    model = build(neck={"type": "TinyNeck"})
    raw = model.backbone(CLIPS.flatten(0, 1))
    torch.testing.assert_close(model(CLIPS), raw)
    torch.testing.assert_close(model(CLIPS, stage="neck"), raw * 2)
    logits = model(CLIPS, stage="head")
    torch.testing.assert_close(logits, model.cls_head(raw * 2))
    torch.testing.assert_close(scores(model, CLIPS), logits.view(2, 6, 5).softmax(2).mean(1))
    samples = [ActionDataSample().set_gt_label(label) for label in (1, 4)]
    losses = model(CLIPS, samples, mode="loss")
    assert losses["loss_aux"] == 2
    expected = model.cls_head.loss_by_feat(logits, samples)["loss_cls"]
    torch.testing.assert_close(losses["loss_cls"], expected)


def test_a_training_step_moves_every_weight():
    from mmengine.optim import OptimWrapper

    model = build().train()
    before = {key: value.clone() for key, value in model.named_parameters()}
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=1.0))
    samples = [ActionDataSample().set_gt_label(label) for label in (1, 4)]
    logged = model.train_step({"inputs": list(CLIPS[:, :1]), "data_samples": samples}, wrapper)
    assert logged["loss"] == logged["loss_cls"] and {"top1_acc", "top5_acc"} <= logged.keys()
    assert all(not torch.equal(before[key], value) for key, value in model.named_parameters())


def test_blended_labels_reach_the_loss():
    from mmengine.optim import OptimWrapper

    blending = {"type": "MixupBlending", "num_classes": 5, "alpha": 1.0}
    model = build(data_preprocessor={"type": "ActionDataPreprocessor", "blending": blending}, head={"dropout_ratio": 0})
    wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.0))
    samples = [ActionDataSample().set_gt_label(label) for label in (1, 4)]
    torch.manual_seed(3)
    logged = model.train_step({"inputs": list(CLIPS[:, :1]), "data_samples": samples}, wrapper)
    assert set(logged) == {"loss", "loss_cls"}
    torch.manual_seed(3)
    mixed, blended = model.data_preprocessor.blending(CLIPS[:, :1], samples)
    target = torch.stack([sample.gt_score for sample in blended])
    assert target[0, 1] not in (0, 1), "the seed must give a real mixture"
    expected = torch.nn.functional.cross_entropy(model(mixed, stage="head"), target)
    torch.testing.assert_close(logged["loss_cls"], expected)


def test_test_step_writes_into_the_given_samples():
    samples = [ActionDataSample().set_gt_label(label) for label in (1, 4)]
    with torch.no_grad():
        out = build().test_step({"inputs": list(CLIPS), "data_samples": samples})
    assert out == samples and all(s.pred_score.shape == (5,) for s in samples)


@pytest.mark.parametrize("case", MULTI_VIEW)
def test_feature_extraction_averages_the_views(case):
    kind, options, inputs = MULTI_VIEW[case]
    model = build(kind, **options, test_cfg={"feature_extraction": True})
    with torch.no_grad():
        samples = model(inputs, mode="predict")
        feats = model(inputs)
    feats = feats if isinstance(feats, tuple) else (feats,)
    vectors = torch.cat([x.flatten(2).mean(2) for x in feats], 1)
    torch.testing.assert_close(torch.stack([s.feature for s in samples]), vectors.unflatten(0, (2, -1)).mean(1))
    assert "pred_score" not in samples[0]


def test_features_of_a_model_without_head():
    model = Recognizer3D({"type": "TinyBackbone"}, test_cfg={"feature_extraction": True})
    sample = model(CLIPS[:1], mode="predict")[0]
    torch.testing.assert_close(sample.feature, model(CLIPS[:1]).mean((0, 2, 3, 4)))
    for mode in ("predict", "loss"):
        with pytest.raises(ValueError, match="no cls_head"):
            Recognizer3D({"type": "TinyBackbone"})(CLIPS, mode=mode)


def test_features_of_several_stages_come_side_by_side():
    model = Recognizer3D({"type": "TinyStages"}, test_cfg={"feature_extraction": True})
    stages = model(CLIPS[:1])
    expected = torch.cat([x.mean((0, 2, 3, 4)) for x in stages])
    torch.testing.assert_close(model(CLIPS[:1], mode="predict")[0].feature, expected)


@pytest.mark.parametrize("name", ["LoudestHead", "PublishedHead", "FreeHead"])
@pytest.mark.parametrize("test_cfg", [None, {"max_testing_views": 5}])
def test_a_heads_own_forward_trains_and_predicts(name, test_cfg):
    model = build(head={"type": name}, neck={"type": "TinyNeck"}, test_cfg=test_cfg)
    samples = [ActionDataSample().set_gt_label(label) for label in (1, 4)]
    model(CLIPS, samples, mode="loss")["loss_cls"].backward()
    assert all(p.grad is not None for p in model.cls_head.parameters())
    logits = model(CLIPS, stage="head")
    model.backbone.sizes.clear()
    torch.testing.assert_close(scores(model, CLIPS), logits.view(2, 6, 5).softmax(2).mean(1))
    assert model.backbone.sizes == ([1, 11] if test_cfg is None else [5, 5, 2]), "views still run in chunks"


def test_a_heads_own_predict_is_called():
    assert scores(build(head={"type": "CountingHead"}), CLIPS).tolist() == [[6, 12], [6, 12]]


def test_a_recognizers_own_features_reach_the_prediction():
    model = build("SilentRecognizer", head={"average_clips": "score"})
    torch.testing.assert_close(scores(model, CLIPS), model.cls_head.fc_cls.bias.expand(2, 5))
    samples = [ActionDataSample().set_gt_label(label) for label in (1, 4)]
    assert model(CLIPS, samples, mode="loss")["loss_cls"] > 0
    model.test_cfg = {"feature_extraction": True}
    assert model(CLIPS, mode="predict")[1].feature.tolist() == [0] * 6


def test_features_of_several_stages_reach_a_heads_own_forward():
    @MODELS.register_module(force=True)
    class StagesHead(I3DHead):
        def forward(self, feats, num_segs=1, **kwargs):
            return self.fc_cls(torch.cat([x.mean((2, 3, 4)) for x in feats], 1))

    model = build(backbone={"type": "TinyStages"}, head={"type": "StagesHead", "in_channels": 8})
    logits = model(CLIPS, stage="head")
    torch.testing.assert_close(scores(model, CLIPS), logits.view(2, 6, 5).softmax(2).mean(1))


@pytest.mark.parametrize("shape", [(4, 2), (4, 6), (2, 6), (2, 2), (1, 3)])  # four times two frames fill two clips
@pytest.mark.parametrize("mode", ["loss", "predict", "tensor"])
def test_frames_that_fill_no_clip_are_refused(shape, mode):
    samples = [ActionDataSample().set_gt_label(0) for _ in range(shape[0])]
    with pytest.raises(ValueError, match=rf"clips of 4 frames .* each sample has {shape[1]}; num_cl"):
        build("Recognizer2D", **TSM)(torch.rand(*shape, 3, 5, 5), samples, mode=mode)


@pytest.mark.parametrize(("backbone", "head", "frames"), [(4, 4, 8), (4, 8, 8), (8, 4, 8), (4, 8, 4)])
def test_training_on_parts_of_videos_is_refused(backbone, head, frames):
    parts = {"backbone": {"dim": 2, "num_segments": backbone}, "head": {"type": "TSMHead", "num_segments": head}}
    samples = [ActionDataSample().set_gt_label(0)]
    with pytest.raises(ValueError, match=rf"{backbone} in the backbone and {head} in the head.*{frames}"):
        build("Recognizer2D", **parts)(torch.rand(1, frames, 3, 5, 5), samples, mode="loss")


def test_test_cfg_overrides_the_heads_average():
    by_cfg = build(test_cfg={"average_clips": "score"})
    by_head = build(head={"average_clips": "score"})
    torch.testing.assert_close(scores(by_cfg, CLIPS), scores(by_head, CLIPS))


def test_skeleton_graphs_are_views_of_persons():
    model = build("RecognizerGCN", backbone={"in_channels": 2, "dim": 3})
    assert model(torch.randn(2, 3, 2, 8, 17, 3)).shape == (6, 6, 8, 17, 3)


def test_defaults_of_the_caller_are_not_changed():
    config = {"type": "TinyBackbone"}
    head = {"type": "I3DHead", "num_classes": 2, "in_channels": 6, "loss_cls": {"type": "CrossEntropyLoss"}}
    test_cfg = {"average_clips": "prob"}
    Recognizer3D(config, head, test_cfg=test_cfg)
    assert config == {"type": "TinyBackbone"} and test_cfg == {"average_clips": "prob"}
    assert head == {"type": "I3DHead", "num_classes": 2, "in_channels": 6, "loss_cls": {"type": "CrossEntropyLoss"}}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: build()(FRAMES), r"\(samples, clips, C, T, H, W\); got shape \(2, 24, 3, 5, 5\)"),
        (lambda: build("Recognizer2D", **TSN)(CLIPS), r"\(samples, frames, C, H, W\)"),
        (lambda: build()(CLIPS, mode="test"), "mode must be one of .*'test'"),
        (lambda: build()(CLIPS, stage="body"), "stage must be one of .*'body'"),
        (lambda: build(test_cfg={"max_views": 3}), "'max_views' in test_cfg.*did you mean max_testing_views"),
        (lambda: build(test_cfg={"fcn": 3}), "'fcn' in test_cfg.*known are average_clips"),
        (lambda: build(test_cfg={"max_testing_views": 0}), "whole number from 1 on"),
        (lambda: build(test_cfg={"average_clips": "max"}), "average_clips must be one of"),
        (
            lambda: build("MMRecognizer3D", **TWO)({**PAIR, "imgs": CLIPS[:, :2]}),
            r"same number of clips.*'imgs': 2, 'heatmap_imgs': 6",
        ),
    ],
)
def test_bad_inputs_and_options_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_frames_per_clip_come_from_the_backbone():
    assert build("Recognizer2D", **TSM).views_per_unit == 4
    assert build("Recognizer2D", **TSN).views_per_unit == 1
    assert isinstance(build("Recognizer2D", **TSN), Recognizer2D)


@pytest.mark.parametrize("case", MULTI_VIEW)
def test_features_are_what_the_scores_are_made_of(case):
    kind, options, inputs = MULTI_VIEW[case]
    model = build(kind, **options)
    with torch.no_grad():
        found = model.predict_features(inputs, with_map=True)
        expected = model(inputs, mode="predict")
        feats = model(inputs)
    feats = feats if isinstance(feats, tuple) else (feats,)
    for index, sample in enumerate(found):
        for name, value in expected[index].items():
            torch.testing.assert_close(sample.get(name), value)
        for own, whole in zip(sample.feature_maps, feats, strict=True):
            torch.testing.assert_close(own, whole.unflatten(0, (2, -1))[index])
        vectors = torch.cat([own.flatten(2).mean(2) for own in sample.feature_maps], 1)
        torch.testing.assert_close(sample.feature, vectors)
        if not isinstance(sample.pred_score, dict):
            torch.testing.assert_close(sample.logits.softmax(1).mean(0), sample.pred_score)


@pytest.mark.parametrize(("kind", "head"), [("Recognizer3D", "LoudestHead"), ("SilentRecognizer", "I3DHead")])
def test_a_model_that_joins_the_steps_is_refused(kind, head):
    with pytest.raises(ValueError, match=f"{kind} with {head} gives no features"):
        build(kind, head={"type": head}).predict_features(CLIPS)


def test_what_train_cfg_holds_in_vain_is_said(monkeypatch):
    said = []
    monkeypatch.setattr("mmaction.models.recognizers.base.print_log", lambda text, *_: said.append(text))
    build(train_cfg={})
    assert not said
    build(train_cfg={"blending": {"type": "MixupBlending"}})
    assert "train_cfg of the model is not used: blending" in said[0]
