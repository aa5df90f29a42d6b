"""A graph network small enough to train in a second, for the tests of streams and features."""

TEXT = """
default_scope = "mmaction"
test_pipeline = [
    dict(type="PreNormalize2D"),
    dict(type="GenSkeFeat", dataset="coco", feats=["j"]),
    dict(type="UniformSampleFrames", clip_len=8, num_clips=2, test_mode=True),
    dict(type="PoseDecode"),
    dict(type="FormatGCNInput", num_person=1),
    dict(type="PackActionInputs"),
]
pipeline = [dict(step, num_clips=1, test_mode=False) if step["type"] == "UniformSampleFrames" else step
            for step in test_pipeline]
model = dict(
    type="RecognizerGCN",
    backbone=dict(type="STGCN", base_channels=16, num_stages=2, inflate_stages=(2,), down_stages=(2,),
                  graph_cfg=dict(layout="coco", mode="spatial")),
    cls_head=dict(type="GCNHead", in_channels=32, num_classes=5))
train_dataloader = dict(
    batch_size=4, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=True),
    dataset=dict(type="RepeatDataset", times=1, dataset=dict(
        type="PoseDataset", ann_file={pickle!r}, split="train", pipeline=pipeline, num_classes=5)))
val_dataloader = dict(
    batch_size=3, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type="PoseDataset", ann_file={pickle!r}, split={val!r}, pipeline=test_pipeline, test_mode=True))
test_dataloader = dict(
    batch_size=3, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type="PoseDataset", ann_file={pickle!r}, split="val", pipeline=test_pipeline, test_mode=True))
val_evaluator = test_evaluator = dict(type="AccMetric")
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=1, val_interval=1)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="SGD", lr=0.01))
default_hooks = dict(checkpoint=dict(type="CheckpointHook", interval=1, save_best="auto"))
"""


def write_gcn_config(path, pickle, val="val"):
    """Write the config for the skeleton file ``pickle`` to ``path`` and return it; ``val`` is its validation split."""
    path.write_text(TEXT.format(pickle=str(pickle), val=val))
    return path
