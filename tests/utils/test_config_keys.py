"""Variables and options of a config that would be lost are errors with what was meant."""

import pytest

from mmaction.utils.config import load_config
from mmaction.utils.config_keys import unread_keys

DEMO = "configs/recognition/slowonly/slowonly_r18_1xb16-u24-100e_demo-rgb.py"
SKELETONS = "configs/skeleton/posec3d/c3d-light_1xb16-u32-40e_demo-keypoint.py"
USE = "model = dict(cls_head=dict(num_classes=num_classes))\n"


def leaf(root, folder, base, text):
    path = folder / "leaf.py"
    path.write_text(f"_base_ = {str(root / base)!r}\n{text}")
    return path


@pytest.mark.parametrize(
    ("base", "text", "meant"),
    [
        (DEMO, "data_root = 'my/videos'\n", r"train_dataloader\.dataset\.data_prefix\.video"),
        (DEMO, "ann_file_train = 'mine.txt'\n", r"did you mean train_dataloader\.dataset\.ann_file\?"),
        (DEMO, "ann_file_test = 'mine.txt'\n", r"did you mean test_dataloader\.dataset\.ann_file\?"),
        (DEMO, "num_classes = 3\n", r"did you mean model\.cls_head\.num_classes\?"),
        (DEMO, "train_pipeline = []\n", "sets train_pipeline"),
        (SKELETONS, "ann_file = 'mine.pkl'\n", r"train_dataloader\.dataset\.dataset\.ann_file"),
        (SKELETONS, "layout = 'ntu25'\n", r"model\.data_preprocessor\.layout"),
    ],
)
def test_a_variable_of_the_base_that_the_leaf_does_not_use_is_an_error(root, tmp_path, base, text, meant):
    with pytest.raises(ValueError, match=meant):
        load_config(leaf(root, tmp_path, base, text))


def test_the_error_reaches_through_a_leaf_of_a_leaf_and_a_written_config(root, tmp_path):
    middle = leaf(root, tmp_path, DEMO, "").rename(tmp_path / "middle.py")
    with pytest.raises(ValueError, match="data_root"):
        load_config(leaf(root, tmp_path, middle, "data_root = 'my/videos'\n"))
    load_config(middle)[0].dump(tmp_path / "flat.py")
    with pytest.raises(ValueError, match="data_prefix"):
        load_config(leaf(root, tmp_path, tmp_path / "flat.py", "data_root = 'my/videos'\n"))
    with pytest.raises(KeyError, match="data_prefix"):
        load_config(tmp_path / "flat.py", {"data_root": "my/videos"})


def test_a_variable_that_the_leaf_uses_or_that_no_base_has_used_is_right(root, tmp_path):
    cfg, notes = load_config(leaf(root, tmp_path, DEMO, f"num_classes = 3\n{USE}"))
    assert cfg.model.cls_head.num_classes == 3 and not notes
    middle = leaf(root, tmp_path, DEMO, "of_a_plugin = 1\n").rename(tmp_path / "middle.py")
    cfg, _ = load_config(leaf(root, tmp_path, middle, "of_a_plugin = 2\n"), {"of_a_plugin": 3})
    assert cfg.of_a_plugin == 3
    load_config(leaf(root, tmp_path, DEMO, "data_root = 'data/demo_diving/videos'\n"))  # the value that it has


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("max_epochs", r"did you mean train_cfg\.max_epochs\?"),
        ("lr", r"did you mean optim_wrapper\.optimizer\.lr\?"),
        ("batch_size", r"train_dataloader\.batch_size"),
        ("data_root", r"train_dataloader\.dataset\.data_prefix\.video"),
        ("num_classes", r"model\.cls_head\.num_classes"),
        ("optim_wraper.optimizer.lr", "optim_wrapper"),
        ("nonsense", "nothing reads nonsense"),
    ],
)
def test_an_option_that_nothing_reads_is_an_error(root, key, meant):
    with pytest.raises(KeyError, match=meant):
        load_config(root / DEMO, {key: 3})


def test_an_option_of_a_plugin_is_kept(root, tmp_path):
    config = leaf(root, tmp_path, DEMO, "custom_imports = dict(imports=['json'])\n")
    cfg, notes = load_config(config, {"of_a_plugin": 3})
    assert cfg.of_a_plugin == 3 and "kept for a plug-in" in notes[0]
    with pytest.raises(KeyError, match="max_epochs"):
        load_config(config, {"max_epochs": 3})


def test_other_keys_that_nothing_reads_are_listed(root, tmp_path):
    path = leaf(root, tmp_path, DEMO, "max_epochs = 3\nmine = 1\n")
    assert unread_keys(load_config(path)[0], path) == ["max_epochs; did you mean train_cfg.max_epochs?", "mine."]
