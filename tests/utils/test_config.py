"""Reading configs."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config

from mmaction.utils.config import (
    base_batch_size,
    change_datasets,
    dataset_config,
    default_work_dir,
    inner_datasets,
    load_config,
    scale_epochs,
    set_steps,
)
from mmaction.utils.shipped_configs import CONFIGS, find_config


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_a_config_is_read_with_options(tmp_path):
    write(tmp_path, base="a = dict(x=1, y=2)\n", leaf="_base_ = './base.py'\na = dict(x=3)\n")
    cfg, notes = load_config(tmp_path / "leaf.py", {"a.y": 5})
    assert dict(cfg.a) == {"x": 3, "y": 5} and notes == []
    assert default_work_dir(cfg) == "work_dirs/leaf"


def test_yaml_is_data(tmp_path):
    folder = tmp_path / "made"
    (tmp_path / "plain.yaml").write_text("a: {x: 1, y: !!python/tuple [2, 3]}\n")
    (tmp_path / "evil.yaml").write_text(f"a: !!python/object/apply:os.mkdir [{folder}]\n")
    (tmp_path / "leaf.yml").write_text("_base_: ./evil.yaml\n")
    assert load_config(tmp_path / "plain.yaml")[0].a == dict(x=1, y=(2, 3))
    for name in ("evil.yaml", "leaf.yml"):
        with pytest.raises(ValueError, match=rf"config .*{name}: .*constructor for the tag .*os.mkdir"):
            load_config(tmp_path / name)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: {type: subprocess.check_output, args: [touch, MADE]}", "model.type: subprocess.check_output is in no"),
        ("a: [{b: {type: mmengine.mkdir_or_exist, dir_name: MADE}}]", r"a\[0\].b.type: mmengine.mkdir_or_exist is in"),
        ("runner_type: os.system", "runner_type: os.system is in no registry"),
        ("custom_imports: {imports: [program]}", "custom_imports would run code"),
        ("_base_: program.py", "its _base_ program.py is a program; write evil.py"),
        ("_base_: [plain.json, mmdet::x.py]", "its _base_ mmdet::x.py is a program"),
        ("_base_: inner.yaml", "inner.yaml is data, but its _base_ program.py is a program"),
    ],
)
def test_data_names_no_code(tmp_path, monkeypatch, text, said):
    monkeypatch.syspath_prepend(tmp_path)
    made = tmp_path / "made"
    (tmp_path / "program.py").write_text(f"import os\nos.mkdir({str(made)!r})\n")
    (tmp_path / "plain.json").write_text('{"x": 1}')
    (tmp_path / "inner.yaml").write_text("_base_: program.py\n")
    (tmp_path / "evil.yaml").write_text(text.replace("MADE", str(made)))
    with pytest.raises(ValueError, match=said):
        load_config(tmp_path / "evil.yaml")
    assert not made.exists()


def test_data_names_classes_with_their_scope(tmp_path):
    write(tmp_path, base="model = dict(type='mmaction.I3DHead', init_cfg=dict(type='mmengine.Kaiming'))\nb = (1, 2)\n")
    cfg, _ = load_config(tmp_path / "base.py")
    cfg.dump(tmp_path / "dumped.yaml")
    cfg.dump(tmp_path / "dumped.json")
    (tmp_path / "leaf.json").write_text('{"_base_": "dumped.yaml", "model": {"num_classes": 3}}')
    assert load_config(tmp_path / "dumped.yaml")[0].model.type == "mmaction.I3DHead"
    assert load_config(tmp_path / "leaf.json")[0].model.num_classes == 3


def test_a_loader_in_a_list_of_one_is_taken_out(tmp_path):
    path = tmp_path / "published.py"
    path.write_text("train_dataloader = [dict(batch_size=16)]\nval_dataloader = dict(batch_size=1)\n")
    cfg, notes = load_config(path, {"train_dataloader.batch_size": 4})
    assert cfg.train_dataloader == dict(batch_size=4)
    assert cfg.val_dataloader == dict(batch_size=1)
    assert len(notes) == 1
    assert "train_dataloader is a list of one loader" in notes[0]


def test_a_missing_config_names_close_matches_here_and_among_the_shipped_ones(tmp_path):
    write(tmp_path, slowfast_mine="a = 1\n")
    with pytest.raises(FileNotFoundError, match=r"slowfast_mien.py does not exist; did you mean .*/slowfast_mine.py"):
        load_config(tmp_path / "slowfast_mien.py")
    with pytest.raises(FileNotFoundError, match=r"did you mean .*configs/_base_/default_runtime.py"):
        load_config("configs/_base_/default_runtim.py")
    with pytest.raises(FileNotFoundError, match=r"nope.py does not exist; mmaction configs"):  # not pose.py, a part
        load_config("configs/nope.py")
    with pytest.raises(FileNotFoundError) as caught:
        load_config("configs/skeleton/stgcnpp/stgcnpp.py")
    assert "stgcnpp-light" in str(caught.value) and "_base_" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="is a folder; name one of the files"):
        load_config(tmp_path)


def test_a_file_of_another_kind_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_text("a = 1")
    with pytest.raises(ValueError, match=r"a.txt: expected a file named \*.py"):
        load_config(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"leaf": "a = 1\nb = dict(\n"}, r"leaf.py, line 2: '\(' was never closed: b = dict\("),
        ({"base": "a = (1\n", "leaf": "_base_ = ['./base.py']\n"}, r"base.py, line 1: '\(' was never closed"),
        ({"leaf": "a = 1\nb = c\n"}, r"leaf.py, line 2: NameError: name 'c' is not defined"),
        ({"base": "\n\na = 1 / 0\n", "leaf": "_base_ = './base.py'\n"}, r"base.py, line 3: ZeroDivisionError"),
        ({"leaf": "b = '{{ nothing'\nc = {{_base_.none}}\n"}, r"config .*leaf.py"),
    ],
)
def test_a_fault_names_the_file_and_the_line(tmp_path, files, message):
    with pytest.raises((ValueError, KeyError), match=message):
        load_config(write(tmp_path, **files) / "leaf.py")


def test_a_missing_base_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"leaf.py: .*nope.py.* \(named in its _base_\)"):
        load_config(write(tmp_path, leaf="_base_ = './nope.py'\n") / "leaf.py")


def test_a_base_may_be_a_shipped_config_from_any_folder(tmp_path):
    path = "recognition/slowfast/slowfast_r50_8xb8-4x16x1-256e_kinetics400-rgb.py"
    leaf = (
        write(tmp_path, leaf=f"_base_ = ['mmaction::{path}']\nmodel = dict(cls_head=dict(num_classes=7))\n") / "leaf.py"
    )
    assert load_config(leaf)[0].model.cls_head.num_classes == 7
    assert load_config(f"mmaction::{path}")[0].model == load_config(CONFIGS / path)[0].model
    with pytest.raises(FileNotFoundError, match="leaf2"):
        load_config(write(tmp_path, leaf2="_base_ = 'mmaction::nothing.py'\n") / "leaf2.py")


def test_a_shipped_config_is_found_by_its_name_and_a_file_of_the_user_goes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "c3d-light_1xb16-u32-40e_demo-keypoint"
    shipped = CONFIGS / "skeleton/posec3d" / f"{name}.py"
    assert find_config(name) == find_config(f"{name}.py") == shipped
    assert load_config(name)[0].filename == str(shipped)
    (tmp_path / f"{name}.py").write_text("a = 1\n")
    assert find_config(f"{name}.py") == Path(f"{name}.py")
    with pytest.raises(FileNotFoundError, match=r"did you mean .*demo-keypoint"):
        load_config("c3d-light_1xb16-u32-40e_demo-keypoints")


@pytest.mark.parametrize(
    ("cfg", "name", "batch"),
    [
        ({"auto_scale_lr": {"base_batch_size": 64}}, "slowonly_r50_8xb16-u48.py", 64),
        ({}, "configs/slowonly_r50_8xb16-u48-240e_gym-keypoint.py", 128),
        ({"auto_scale_lr": None}, "i3d_r50_1xb8-u32-30e_gym99-rgb.py", 8),
        ({}, "slowfast_r50_8x8x1_256e_kinetics400_rgb.py", None),
        ({}, None, None),
    ],
)
def test_the_batch_that_the_learning_rate_is_meant_for(cfg, name, batch):
    assert base_batch_size(cfg, name) == batch


def test_data_sets_are_found_below_their_wrappers():
    first, second = dict(ann_file="a.pkl"), dict(ann_file="b.pkl")
    both = dict(datasets=[dict(times=2, dataset=first), second])
    assert list(inner_datasets(dict(dataset=both))) == [first, second]
    assert list(inner_datasets(dict(datasets=[]))) == list(inner_datasets(None)) == []
    cfg = dict(test_dataloader=None, val_dataloader=dict(dataset=both), train_dataloader=dict(dataset=second))
    assert dataset_config(cfg) == first and dataset_config(cfg, ["train"]) == second
    assert dataset_config(cfg, ["test"]) == dataset_config({}) == {}
    assert dataset_config(cfg, inner=False) == both
    changed = change_datasets(dict(dataset=both), lambda part: {**part, "test_mode": True})
    expected = [dict(times=2, dataset={**first, "test_mode": True}), {**second, "test_mode": True}]
    assert changed == dict(dataset=dict(datasets=expected)) and "test_mode" not in first


@given(st.sampled_from(["slowonly", "posec3d", "small", "tsm"]), st.integers(1, 400))
def test_a_scaled_schedule_ends_with_the_run(kind, epochs):
    schedules = {
        "slowonly": [dict(type="LinearLR", begin=0, end=34), dict(type="Cosine", T_max=222, begin=34, end=256)],
        "posec3d": [dict(type="Cosine", T_max=256, convert_to_iter_based=True)],
        "small": [dict(type="LinearLR", end=5, by_epoch=True), dict(type="Cosine", T_max=251, begin=5)],
        "tsm": [dict(type="MultiStepLR", end=256, milestones=[90, 130]), dict(type="LinearLR", by_epoch=False, end=9)],
    }
    cfg = Config(dict(train_cfg=dict(max_epochs=256, val_begin=10, val_interval=5), param_scheduler=schedules[kind]))
    scale_epochs(cfg, epochs)
    by_epoch = [part for part in cfg.param_scheduler if part.get("by_epoch", True)]
    main = max(by_epoch, key=lambda part: part.get("T_max", part.get("end", 0)))
    assert main.get("begin", 0) + main.get("T_max", epochs) == main.get("end", epochs) == epochs
    assert cfg.train_cfg == dict(max_epochs=epochs, val_begin=min(10, epochs), val_interval=min(5, epochs))


def test_schedules_by_iterations_are_scaled_with_the_run():
    parts = [dict(type="Linear", end=100), dict(type="Cosine", begin=100, end=1000, T_max=900)]
    cfg = Config(dict(train_cfg=dict(max_epochs=10), param_scheduler=[dict(part, by_epoch=False) for part in parts]))
    scale_epochs(cfg, 3)
    first, second = cfg.param_scheduler
    assert (first.end, second.begin, second.end, second.T_max) == (30, 30, 300, 270)


def test_a_training_by_iterations_has_no_epochs_to_scale():
    with pytest.raises(ValueError, match="max_iters"):
        scale_epochs(Config(dict(train_cfg=dict(max_iters=9))), 3)
    with pytest.raises(ValueError, match="at least 1"):
        scale_epochs(Config(dict(train_cfg=dict(max_epochs=9))), 0)


def test_the_imports_of_base_and_leaf_both_count(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("of_base", "of_leaf"):
        (tmp_path / f"{name}.py").write_text("from mmaction.registry import HOOKS\n")
    base = "custom_imports = dict(imports=['of_base'], allow_failed_imports=False)\n"
    write(tmp_path, base=base, leaf="_base_ = './base.py'\n" + base.replace("of_base", "of_leaf"))
    cfg, _ = load_config(tmp_path / "leaf.py")
    assert {"of_base", "of_leaf"} <= set(sys.modules) and cfg.custom_imports.imports == ["of_base", "of_leaf"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("from mmaction.models.heads.i3d_head import I3DHead", r"plugged.py, line 1: .*i3d_head'; docs/migration.md"),
        ("import not_installed", r"plugged.py, line 1: .*'not_installed'; install it, or let PYTHONPATH"),
        (None, r"leaf.py: ModuleNotFoundError: No module named 'plugged'; install it, or let PYTHONPATH"),
    ],
)
def test_why_a_plug_in_cannot_be_imported_is_said(tmp_path, monkeypatch, line, message):
    monkeypatch.syspath_prepend(tmp_path)
    if line:
        (tmp_path / "plugged.py").write_text(line + "\n")
    write(tmp_path, leaf="custom_imports = dict(imports=['plugged'], allow_failed_imports=False)\n")
    with pytest.raises(ValueError, match=message):
        load_config(tmp_path / "leaf.py")


def test_a_config_of_the_first_mmaction2_is_answered_with_the_page(tmp_path):
    old = "data = dict(videos_per_gpu=8)\ntotal_epochs = 3\noptimizer = dict(type='SGD')\n"
    with pytest.raises(ValueError, match="migration"):
        load_config(write(tmp_path, old=old) / "old.py")


def test_steps_are_changed_wherever_they_are():
    cfg = dict(
        pipeline=[dict(type="A", x=1), dict(type="B", x=1)], loader=dict(datasets=[dict(steps=(dict(type="A"),))])
    )
    set_steps(cfg, "A", x=2)
    assert cfg == dict(
        pipeline=[dict(type="A", x=2), dict(type="B", x=1)], loader=dict(datasets=[dict(steps=(dict(type="A", x=2),))])
    )
    with pytest.raises(KeyError, match="'C'"):
        set_steps(cfg, "C", x=2)
