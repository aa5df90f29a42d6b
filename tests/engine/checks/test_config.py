"""Mistakes in a config that are named before anything is built."""

import pytest
from mmengine.config import Config

from mmaction.engine.checks.config import annotation_files, check_config

TRAINING = dict(
    train_dataloader={},
    train_cfg=dict(max_epochs=9, by_epoch=True),
    optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.1)),
    val_evaluator=dict(type="AccMetric", metric_options=dict(top_k_accuracy=dict(topk=(1,)))),
)


def training(save_best=None, **changes):
    checkpoint = dict(type="CheckpointHook", save_best=save_best)
    return Config({**TRAINING, "default_hooks": dict(checkpoint=checkpoint), **changes})


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (dict(train_cfg=None, optim_wrapper=None), ValueError, "has no train_cfg, optim_wrapper: training needs"),
        (dict(train_cfg=dict(max_epochs=0)), ValueError, r"train_cfg\.max_epochs: .* of at least 1, got 0"),
        (dict(train_cfg=dict(max_iters=-5, by_epoch=False)), ValueError, r"train_cfg\.max_iters: .* got -5"),
        (dict(train_cfg=dict(max_epochs="ten")), ValueError, r"train_cfg\.max_epochs: .* got 'ten'"),
        (dict(train_cfg=dict(max_epochs=2.5)), ValueError, r"train_cfg\.max_epochs: .* got 2.5"),
        (
            dict(train_cfg=dict(max_epochs=9, val_interval=0)),
            ValueError,
            r"train_cfg\.val_interval: .* got 0; --no-validate trains",
        ),
        (dict(log_level="LOUD"), ValueError, "log_level='LOUD': expected DEBUG, INFO"),
        (
            dict(optim_wrapper=dict(optimizer=dict(lr="abc"))),
            TypeError,
            r"optimizer\.lr: expected a number .* got 'abc'",
        ),
        (dict(save_best="acc/top9"), ValueError, "no 'acc/top9'; did you mean acc/top1.* measures acc/top1, acc/mean1"),
        (dict(save_best=["acc/top1", "mean1"]), ValueError, "measures no 'mean1'"),
        (
            dict(param_scheduler=[dict(type="LinearLR"), dict(type="ReduceOnPlateauLR", monitor="acc/top")]),
            ValueError,
            r"ReduceOnPlateauLR\.monitor: the validation measures no 'acc/top'; did you mean acc/top1",
        ),
        (dict(param_scheduler=dict(type="ReduceOnPlateauLR")), ValueError, "measures no 'loss'"),  # its default
        (
            dict(custom_hooks=[dict(type="EarlyStoppingHook", monitor="top1")]),
            ValueError,
            r"EarlyStoppingHook\.monitor: the validation measures no 'top1'",
        ),
    ],
)
def test_a_mistake_is_named(changes, error, message):
    with pytest.raises(error, match=message):
        check_config(training(**changes), "training")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        dict(save_best="auto"),
        dict(save_best="acc/mean1"),
        dict(save_best="acc/rgb_top1"),  # of a model of several modalities
        dict(save_best="acc/RGBPose_1:1_mean1"),
        dict(save_best="mine", val_evaluator=None),
        dict(save_best="mine", val_evaluator=[TRAINING["val_evaluator"], dict(type="ConfusionMatrix")]),
        dict(save_best="my/mean1", val_evaluator=dict(metrics=[dict(type="AccMetric", prefix="my")])),
        dict(default_hooks=None, log_level=10),
        dict(default_hooks=dict(early=dict(type="EarlyStoppingHook", monitor="acc/top1"), timer=None)),
        dict(param_scheduler=dict(net=[dict(type="ReduceOnPlateauLR", monitor="acc/mean1")], head=[])),
        dict(param_scheduler=dict(type="ReduceOnPlateauLR"), val_evaluator=None),
        dict(train_cfg=dict(type="EpochBasedTrainLoop", max_epochs=1)),
    ],
)
def test_what_is_right_passes(changes):
    check_config(training(**changes), "training")


def tsm(clips, backbone=8, head=8, split="train"):
    pipeline = [
        dict(type="SampleFrames", clip_len=1, num_clips=clips, test_mode=split == "val"),
        dict(type="TenCrop", crop_size=8),
    ]
    model = dict(
        type="Recognizer2D",
        backbone=dict(type="ResNetTSM", depth=50, num_segments=backbone),
        cls_head=dict(type="TSMHead", num_classes=2, in_channels=2048, num_segments=head),
    )
    dataset = dict(
        type="RepeatDataset", times=2, dataset=dict(type="Foreign", pipeline=pipeline[: 1 + (split == "val")])
    )
    return {"model": model, f"{split}_dataloader": dict(dataset=dataset)}


@pytest.mark.parametrize("setting", [dict(clips=16), dict(clips=8, head=16), dict(clips=9, split="val")])
def test_samples_that_are_no_whole_clips_of_tsm_are_refused(setting):
    with pytest.raises(ValueError, match="num_segments"):
        check_config(training(**tsm(**setting)), "training")


@pytest.mark.parametrize("setting", [dict(clips=16, backbone=16, head=16), dict(clips=16, split="val")])
def test_samples_of_whole_clips_of_tsm_pass(setting):
    check_config(training(**tsm(**setting)), "training")


def test_a_metric_may_be_given_by_its_name(tmp_path, train, toy):
    train(toy.write_config(tmp_path), "--work-dir", tmp_path / "run", "--cfg-options", "val_evaluator=AccMetric")
    assert (tmp_path / "run" / "epoch_3.pth").is_file()


@pytest.mark.parametrize("arguments", [[], ["--amp"], ["--no-validate"]])
def test_a_config_for_testing_alone_is_not_trained(tmp_path, train, toy, arguments):
    only = "train_dataloader = train_cfg = optim_wrapper = param_scheduler = None\n"
    with pytest.raises(ValueError, match=r"toy\.py has no train_dataloader, train_cfg, optim_wrapper"):
        train(toy.write_config(tmp_path, extra=only), "--work-dir", tmp_path / "run", *arguments)


@pytest.mark.parametrize("arguments", [[], ["--eval", "top_k_accuracy"], ["--dump", "scores.pkl"]])
def test_a_config_without_a_test_set_is_not_tested(tmp_path, test, toy, arguments):
    none = "test_dataloader = test_cfg = test_evaluator = None\n"
    with pytest.raises(ValueError, match=r"toy\.py has no test_dataloader, test_cfg.*: testing needs"):
        test(toy.write_config(tmp_path, extra=none), "absent.pth", "--work-dir", tmp_path / "run", *arguments)


def test_annotation_files_are_found_below_wrappers():
    def part(name, **more):
        return dict(type="PoseDataset", ann_file=name, **more)

    both = dict(type="ConcatDataset", datasets=[part("a.pkl"), dict(type="RepeatDataset", dataset=part("b.pkl"))])
    loaders = dict(
        train_dataloader=dict(dataset=dict(type="RepeatDataset", times=2, dataset=both)),
        val_dataloader=[dict(dataset=part("d.pkl"))] * 2,  # which a test of the test set does not use
        test_dataloader=dict(dataset=part("c.pkl", data_root="data")),
    )
    assert sorted(annotation_files(Config(loaders))) == ["a.pkl", "b.pkl", "data/c.pkl"]
