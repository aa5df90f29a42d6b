"""What configs see and cost, and that the page on fine-grained actions says it as it is."""

import re

import numpy as np
import pytest
from mmengine.config import Config

from mmaction.probes.config_table import markdown, row, views_of_clip
from mmaction.probes.flops import model_without_values, training_bytes
from mmaction.utils import register_all_modules
from mmaction.utils.config import inner_datasets, load_config

SETS = ("gym99", "gym288", "diving48")


def table(root) -> dict[str, str]:
    """The rows of the page, by config."""
    page = (root / "docs/finegrained.md").read_text(encoding="utf-8")
    return {
        name: line for line in page.splitlines() for name in re.findall(r"^\| (\S+_(?:gym99|kinetics400)\S*) \|", line)
    }


def leaves(root, name: str) -> list:
    found = (root / "configs/recognition").glob(f"*/*-30e_{name}*.py")
    return sorted(path for path in found if path.parent.name != "foundation")  # docs/foundation.md has those


def test_the_page_has_a_row_for_every_recipe(root):
    names = [path.stem for path in leaves(root, "gym99")]
    assert len(names) >= 6 and set(names) == {name for name in table(root) if "gym99" in name}
    for name in SETS:
        assert [path.stem.replace(name, "gym99") for path in leaves(root, name)] == names


@pytest.mark.slow
def test_rows_are_as_the_tool_prints_them(root):
    register_all_modules()
    for name, line in table(root).items():
        (path,) = (root / "configs/recognition").glob(f"*/{name}.py")
        printed = markdown({name: row(load_config(path)[0])}).splitlines()[-1]
        assert printed == line
        if "gym99" in name:  # the leaf says the same
            columns = [cell.strip() for cell in line.split("|")]
            operations, memory = columns[-3], columns[-2].split(" for ")[0]
            assert f"# One view: {operations} multiply-adds. A training step: at least {memory} " in path.read_text()


@pytest.mark.parametrize("num_frames", [1, 7, 20, 40, 150, 300])
def test_recipes_see_the_whole_clip_in_order(root, num_frames):
    register_all_modules()
    for path in leaves(root, "diving48"):
        clips = views_of_clip(load_config(path)[0], num_frames)
        parts = np.split(clips, [32], 1) if "rgbpose" in path.stem else [clips]  # Pose_inds, RGB_inds
        assert all((np.diff(part) >= 0).all() for part in parts) and clips.min() >= 0 and clips.max() < num_frames
        assert (
            np.diff(np.hstack([clips, np.full((len(clips), 1), num_frames)])).max()
            <= -(-num_frames // 8) + 1 + num_frames // 8
        )


def test_leaves_of_a_set_differ_from_gym99_in_data_alone(root):
    for name in SETS[1:]:
        for path in leaves(root, name):
            cfg, model = load_config(path)[0], load_config(path.with_name(path.name.replace(name, "gym99")))[0]
            assert cfg.model.cls_head.num_classes == {"gym288": 288, "diving48": 48}[name]
            cfg.model.cls_head.num_classes = 99
            if name == "gym288":  # the only one with a long tail
                assert cfg.model.cls_head.pop("loss_cls").type == "BalancedSoftmaxLoss", path.name
            for key in ("model", "load_from", "optim_wrapper", "param_scheduler", "train_cfg"):
                assert cfg[key] == model[key], (path.name, key)
            for loader in ("train", "val", "test"):
                (dataset,) = inner_datasets(cfg[f"{loader}_dataloader"].dataset)
                assert name in dataset.ann_file and dataset.metainfo.label_space == name
                assert len(path.read_text().splitlines()) <= 40


def test_memory_grows_with_the_batch_and_holds_the_optimizer():
    register_all_modules()
    backbone = dict(type="ResNet3dSlowOnly", depth=18, base_channels=8, pretrained=None)
    model = dict(type="Recognizer3D", backbone=backbone, cls_head=dict(type="I3DHead", in_channels=64, num_classes=5))
    model = model_without_values(Config(dict(model=model)))
    one, two, adam = (training_bytes(model, (3, 4, 32, 32), *args) for args in ((1,), (2,), (1, 2)))
    weights = 4 * sum(weight.numel() for weight in model.parameters())
    assert adam - one == weights
    sample = two - one
    assert one == sample + 3 * weights
    stem = 4 * 8 * 4 * 16 * 16  # bytes of what the first convolution gives, which three layers keep in turn
    assert 2 * stem < sample < 40 * stem
