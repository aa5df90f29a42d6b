"""Features of a frozen backbone that are kept: a run on them equals one on clips, and nothing stale is used."""

import shutil
from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

pytest.importorskip("timm", reason="needs timm: pip install .[foundation]")

from mmengine.config import Config

from mmaction.apis.training import keep_features
from mmaction.cli import infer
from mmaction.datasets.transforms import LoadTokens
from mmaction.engine import build_runner, token_cache
from mmaction.io.features import FeatureWriter
from mmaction.registry import MODELS

VIT = dict(embed_dim=32, depth=2, num_heads=2)
BACKBONE = dict(
    type="TimmImage", model="vit_base_patch16_clip_224.openai", model_kwargs=VIT, img_size=32, frozen=True, out="tokens"
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Files of weights of two networks."""
    folder = tmp_path_factory.mktemp("weights")
    for name in ("one", "two"):
        torch.save(MODELS.build(dict(BACKBONE)).network.state_dict(), folder / f"{name}.pth")
    return folder


@pytest.fixture
def config(demo_data, weights, tmp_path):
    """Make the config of a run of two epochs with a validation."""

    def make(name, flip=0.5, **cache):
        pipeline = [
            dict(type="VideoInit"),
            dict(type="UniformSample", clip_len=4),
            dict(type="VideoDecode"),
            dict(type="Resize", scale=(32, 32), keep_ratio=False),
            dict(type="Flip", flip_ratio=flip),
            dict(type="FormatShape", input_format="NCHW"),
            dict(type="PackActionInputs"),
        ]
        data = dict(type="VideoDataset", ann_file=str(demo_data / "train.txt"), pipeline=pipeline, indices=6)
        data["data_prefix"] = dict(video=str(demo_data / "videos"))
        loader = dict(batch_size=2, num_workers=0, dataset=data)
        cfg = dict(
            default_scope="mmaction",
            model=dict(
                type="Recognizer2D",
                backbone=dict(BACKBONE, pretrained=str(weights / "one.pth")),
                cls_head=dict(type="TokenHead", num_classes=5, in_channels=32, num_segments=4, dropout_ratio=0.5),
                data_preprocessor=dict(type="ActionDataPreprocessor", format_shape="NCHW"),
            ),
            train_dataloader=dict(loader, sampler=dict(type="DefaultSampler", shuffle=True)),
            val_dataloader=dict(
                loader, dataset=dict(data, test_mode=True), sampler=dict(type="DefaultSampler", shuffle=False)
            ),
            val_evaluator=dict(type="AccMetric"),
            val_cfg=dict(),
            train_cfg=dict(by_epoch=True, max_epochs=2),
            optim_wrapper=dict(optimizer=dict(type="AdamW", lr=0.01, weight_decay=0.1)),
            default_hooks=dict(checkpoint=dict(type="CheckpointHook", interval=1)),
            randomness=dict(seed=0),
            work_dir=str(tmp_path / name),
        )
        cfg = Config(cfg)
        if cache:
            keep_features(cfg, **{"folder": tmp_path / "cache", "views": 1, "dtype": "float16", **cache})
        return cfg

    return make


def plain_resnet(model):
    model.backbone = dict(type="ResNet", depth=18)
    model.cls_head.in_channels = 512


def trained(cfg):
    runner = build_runner(cfg)
    runner.train()
    return runner


def passes(monkeypatch):
    """Count the batches that go through the network."""
    seen, whole = [], token_cache.features_of
    monkeypatch.setattr(token_cache, "features_of", lambda *args: seen.append(1) or whole(*args))
    return seen


def test_a_probe_on_kept_features_equals_one_on_clips(config, tmp_path, monkeypatch, capfd):
    plain = torch.load(tmp_path / "plain/epoch_2.pth", weights_only=False) if trained(config("plain")) else None
    exact = trained(config("exact", views=2, dtype="float32"))
    assert "MiB" in capfd.readouterr().out
    saved = torch.load(tmp_path / "exact/epoch_2.pth", weights_only=False)
    assert set(saved["state_dict"]) == set(plain["state_dict"]) and saved["meta"]["frozen"] == plain["meta"]["frozen"]
    for name, value in plain["state_dict"].items():
        torch.testing.assert_close(saved["state_dict"][name], value, atol=1e-6, rtol=1e-5)
    half = trained(config("half", views=2)).model.cls_head.fc_cls.weight
    torch.testing.assert_close(half, plain["state_dict"]["cls_head.fc_cls.weight"], atol=5e-3, rtol=0)

    cfg = config("whole")
    cfg.load_from = str(tmp_path / "exact/epoch_2.pth")
    assert build_runner(cfg).val() == pytest.approx(exact.val(), abs=1e-6)
    seen = passes(monkeypatch)
    trained(config("again", views=2, dtype="float32"))
    assert not seen, "a second probe takes what is there"


def test_a_probe_recognizes_videos(config, demo_data, tmp_path, capsys):
    cfg = config("a", flip=0.0, dtype="float32")
    cfg.test_dataloader, cfg.test_evaluator, cfg.test_cfg = deepcopy(
        (cfg.val_dataloader, cfg.val_evaluator, cfg.val_cfg)
    )
    cfg.test_dataloader.dataset.pipeline[1].test_mode = True
    cfg.train_cfg.max_epochs = 1
    trained(cfg)
    cfg.dump(tmp_path / "probe.py")
    checkpoint, video = str(tmp_path / "a/epoch_1.pth"), str(next((demo_data / "videos").iterdir()))
    capsys.readouterr()
    said = []
    for model in ([str(tmp_path / "probe.py"), checkpoint], [checkpoint]):
        assert infer.main([*model, video, "--topk", "1"]) == 0
        said.append(capsys.readouterr().out.splitlines()[-1].split())
    assert said[0] == said[1] and 0.2 <= float(said[0][0].strip("%")) <= 100


def test_what_depends_on_other_things_goes_elsewhere(config, weights, tmp_path, monkeypatch, capfd):
    def folders(**changes):
        trained(config("a", dtype="float32", **changes))
        return {path.name for path in (tmp_path / "cache").iterdir()}

    first = folders()
    assert len(first) == 2, "training and validation"
    second = folders(flip=0.0)
    assert len(second - first) == 2 and "another pipeline" in capfd.readouterr().out
    shutil.copy(weights / "two.pth", weights / "one.pth")
    third = folders()
    assert len(third - second) == 2 and "another weights" in capfd.readouterr().out
    clip = next((tmp_path / "cache").iterdir())
    monkeypatch.setattr(FeatureWriter, "_check", lambda *_: (_ for _ in ()).throw(FileExistsError("another")))
    with pytest.raises(FileExistsError):
        folders()
    assert clip.is_dir()


def test_a_stopped_pass_goes_on(config, tmp_path, monkeypatch):
    whole, calls = FeatureWriter.write, []

    def stop(self, rows):
        calls.append(len(rows))
        if len(calls) == 3:
            raise KeyboardInterrupt
        whole(self, rows)

    monkeypatch.setattr(FeatureWriter, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        trained(config("a", dtype="float32"))
    calls.extend([0, 0])
    trained(config("a", dtype="float32"))
    assert sum(calls[5:]) == 2 + 6, "the last batch of training, and validation"
    tokens = [np.load(path) for path in (tmp_path / "cache").glob("*/tokens.npy")]
    assert tokens and all(np.abs(rows).reshape(6, -1).max(axis=1).min() > 0 for rows in tokens)


def test_a_clip_that_cannot_be_loaded_is_none_on_kept_features_either(config, demo_data, tmp_path):
    lines = (demo_data / "train.txt").read_text().splitlines()[:5]
    (tmp_path / "train.txt").write_text("\n".join([*lines, f"gone.mp4 {lines[0].split()[-1]}"]))
    cfg = config("a", dtype="float32")
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.ann_file = str(tmp_path / "train.txt")
    cfg.default_hooks.preflight = dict(type="PreflightHook", max_share=0.5)
    cfg.default_hooks.broken_samples = dict(type="BrokenSamplesHook", max_share=0.5)
    runner = trained(cfg)
    assert "gone.mp4" in (tmp_path / "a/broken_samples.csv").read_text()
    dataset = runner.val_dataloader.dataset
    assert isinstance(dataset.pipeline.transforms[0], LoadTokens)
    assert dataset[5]["data_samples"].broken[0].endswith("gone.mp4")


@pytest.mark.parametrize(
    ("word", "change"),
    [
        ("frozen=True", lambda model: model.backbone.update(frozen=False)),
        ("STAdapter", lambda model: model.backbone.update(adapter=dict(type="STAdapter"), num_segments=4)),
        ("foundation backbone", plain_resnet),
        ("blended", lambda model: model.data_preprocessor.update(blending=dict(type="MixupBlending", num_classes=5))),
    ],
)
def test_a_backbone_whose_features_change_is_refused(config, word, change):
    model = config("a").model
    change(model)
    with pytest.raises(ValueError, match=word):
        token_cache.check_cacheable(MODELS.build(model))


def test_a_disk_without_room_is_refused(config, monkeypatch):
    with pytest.raises(ValueError, match="views"):
        trained(config("a", views=0))
    monkeypatch.setattr(token_cache.shutil, "disk_usage", lambda folder: SimpleNamespace(free=10))
    with pytest.raises(ValueError, match="no room"):
        trained(config("a", views=1))


def test_settings_that_cannot_be_seen_are_refused():
    class Hidden:
        def __init__(self, setting):
            self._setting = setting

    with pytest.raises(ValueError, match="__repr__"):
        token_cache.described(Hidden(object()))
    assert token_cache.described(Hidden(1)) != token_cache.described(Hidden(2))
