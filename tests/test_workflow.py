"""The commands that copy a recipe, with the edit between them, on the demo data."""

import re
import shutil

import pytest
import torch
from page_commands import COPY_PAGE, ROOT, commands, program, reason_not_to_run
from workspace import Workspace

from mmaction.registry import MODELS
from mmaction.utils.config import load_config

NAME = "configs/recognition/slowfast/slowfast_r50_diving48.py"
SOURCE = "configs/recognition/slowfast/slowfast_r50_1xb8-u32-30e_gym99-rgb.py"
# what the test adds to the documented commands, to be done in seconds
SHORT = """--cfg-options
    train_cfg.val_begin=30
    default_hooks.checkpoint.interval=30
    train_dataloader.num_workers=0
    val_dataloader.num_workers=0
    test_dataloader.num_workers=0
    train_dataloader.batch_size=2
    train_dataloader.dataset.indices=2
    val_dataloader.dataset.indices=2
    test_dataloader.dataset.indices=2
    test_dataloader.dataset.pipeline.1.num_clips=1
    train_dataloader.dataset.pipeline.3.scale=(-1,40)
    train_dataloader.dataset.pipeline.5.scale=(32,32)
    val_dataloader.dataset.pipeline.3.scale=(-1,40)
    val_dataloader.dataset.pipeline.4.crop_size=32
    test_dataloader.dataset.pipeline.3.scale=(-1,40)
    test_dataloader.dataset.pipeline.4.crop_size=40
"""
SMALL_MODEL = """
model = dict(
    backbone=dict(
        resample_rate=4,
        speed_ratio=4,
        slow_pathway=dict(fusion_kernel=7, depth=18, base_channels=16),
        fast_pathway=dict(depth=18, base_channels=2),
    ),
    cls_head=dict(type="SlowFastHead", in_channels={channels}, num_classes={classes}),
)
"""


def edit(text: str, **values: str) -> str:
    """Set variables at the top of a config, as a user does in an editor."""
    for name, value in values.items():
        text, count = re.subn(rf"^{name} = .*$", f'{name} = "{value}"', text, flags=re.MULTILINE)
        assert count == 1, name
    return text


def edit_config(folder):
    """Edit the copied config as the page says; then put a narrow network and a checkpoint of 400 classes in it."""
    text = (folder / NAME).read_text()
    text = edit(
        text,
        data_root="data/diving48/videos",
        ann_file_train="data/diving48/train.txt",
        ann_file_val="data/diving48/val.txt",
    )
    shown = re.search(r"^ *metainfo = (.*?) +#.*\n *num_classes = (\d+)$", COPY_PAGE.read_text(), re.M)
    values = "metainfo = {}\nnum_classes = {}".format(*shown.groups())
    text, count = re.subn(r"^metainfo = .*\nnum_classes = .*$", values, text, flags=re.M)
    assert count == 1
    text = re.sub(r"^load_from = \(.*?^\)$", 'load_from = "kinetics.pth"', text, flags=re.S | re.M)
    full, _ = load_config(folder / SOURCE)
    (folder / NAME).write_text(text)
    edited, _ = load_config(folder / NAME)
    assert edited.model.cls_head.num_classes == 48
    assert edited.model.backbone == full.model.backbone
    for name, file in (("train", "train"), ("val", "val"), ("test", "val")):
        dataset = edited[f"{name}_dataloader"].dataset
        assert dataset.ann_file == f"data/diving48/{file}.txt"
        assert dataset.data_prefix == dict(video="data/diving48/videos")

    # the same edits with a narrow network, and a checkpoint of 400 classes to start from
    channels = 8 * 16 + 8 * 2  # of the two pathways
    small = re.sub(
        r"^model = dict\(.*?^\)\n", SMALL_MODEL.format(channels=channels, classes=48), text, flags=re.S | re.M
    )
    (folder / NAME).write_text(small)
    cfg, _ = load_config(folder / NAME)
    cfg.model.cls_head.num_classes = 400
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), folder / "kinetics.pth")


@pytest.mark.integration
def test_commands_that_copy_a_recipe(tmp_path, demo_data):
    workspace = Workspace(tmp_path, demo_data, shorter={"train.py": SHORT, "test.py": SHORT})
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    said = {}
    for words in commands(COPY_PAGE):
        if not reason_not_to_run(words):
            path = program(words)
            said[path.name if path else words[0]] = workspace.run(words)
        if "build_file_list.py" in said and "cp" not in said:  # two of the 48 classes are there
            names = tmp_path / "data/diving48/label_map.txt"
            names.write_text("".join(f"class{index}\n" for index in range(48)))
        if words[0] == "cp":
            edit_config(tmp_path)
    assert {"build_file_list.py", "cp", "check_dataset.py", "report.py"} <= set(said)
    assert "cls_head.fc_cls" in said["train.py"], "the head of another class count is named"
    assert (tmp_path / "work_dirs/slowfast_diving48/best_acc_top1_epoch_30.pth").is_file()
    assert "acc/top1" in said["test.py"]
    results = tmp_path / "work_dirs/slowfast_diving48/test_best_acc_top1_epoch_30"
    assert 'id="plot-training"' in (results / "report.html").read_text(), "the training's log is found"
