"""A run that was cut off goes on to the same weights, bit for bit."""

import pathlib
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from toy import find_resumable

from mmaction.engine import build_runner, resume
from mmaction.io.checkpoints import read_checkpoint
from mmaction.utils.cli import ToolStop
from mmaction.utils.config import load_config

SNAPSHOTS = "default_hooks['checkpoint'].update(snapshot_interval=2)\n"
KEEP = "default_hooks['keep'] = dict(type='KeepEverything')\n"


@pytest.fixture
def keep_everything():
    """A hook that copies each snapshot before the next one replaces it."""
    from mmaction.registry import HOOKS

    class KeepEverything(Hook):
        priority = "LOWEST"

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            from pathlib import Path

            for path in Path(runner.work_dir).glob("iter_*.pth"):
                shutil.copy(path, Path(runner.work_dir) / f"kept_{path.name}")

    HOOKS.register_module(module=KeepEverything, force=True)
    yield
    HOOKS.module_dict.pop("KeepEverything")


def assert_same_run(path, other):
    """Compare weights, optimizer, schedulers and best-so-far of two checkpoints exactly."""
    ours, theirs = read_checkpoint(path), read_checkpoint(other)
    for key, value in ours["state_dict"].items():
        assert torch.equal(value, theirs["state_dict"][key]), key
    flat_a, flat_b = (torch.utils._pytree.tree_flatten(c["optimizer"])[0] for c in (ours, theirs))
    for a, b in zip(flat_a, flat_b, strict=True):
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
    assert ours["param_schedulers"] == theirs["param_schedulers"]
    info_a, info_b = (c["message_hub"]["runtime_info"] for c in (ours, theirs))
    assert info_a["best_score"] == info_b["best_score"]


@pytest.mark.parametrize(("amp", "workers"), [(False, 0), (True, 1)])
def test_resuming_in_the_middle_of_an_epoch_changes_nothing(tmp_path, toy, train, keep_everything, amp, workers):
    config = toy.write_config(tmp_path, extra=SNAPSHOTS + KEEP)
    options = ["--seed", 3, *(["--amp"] if amp else []), "--cfg-options", f"train_dataloader.num_workers={workers}"]
    if workers:
        options.append("train_dataloader.persistent_workers=True")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(config, "--work-dir", whole, *options)
    for snapshot in (8, 10):  # iterations of the second epoch of six
        shutil.rmtree(cut, ignore_errors=True)
        train(config, "--work-dir", cut, "--resume", whole / f"kept_iter_{snapshot}.pth", *options)
        assert_same_run(whole / "epoch_3.pth", cut / "epoch_3.pth")


def test_no_snapshot_is_taken_while_gradients_are_summed(tmp_path, toy, train, keep_everything):
    config = toy.write_config(tmp_path, extra=SNAPSHOTS + KEEP)
    options = ["--seed", 3, "--cfg-options", "optim_wrapper.accumulative_counts=3"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(config, "--work-dir", whole, *options)
    kept = {path.name for path in whole.glob("kept_iter_*.pth")}
    assert kept == {"kept_iter_3.pth", "kept_iter_9.pth", "kept_iter_15.pth"}  # due at 2, 8 and 14
    train(config, "--work-dir", cut, "--resume", whole / "kept_iter_9.pth", *options)
    assert_same_run(whole / "epoch_3.pth", cut / "epoch_3.pth")


def test_a_random_seed_is_taken_over_and_the_validation_cut_off_is_made_up_for(tmp_path, toy, train, capfd):
    config = toy.write_config(tmp_path)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(config, "--work-dir", whole)
    cut.mkdir()
    shutil.copy(whole / "epoch_2.pth", cut)  # whether or not epoch 2 was the best, it is a state to go on from
    meta = read_checkpoint(cut / "epoch_2.pth")["meta"]
    train(config, "--work-dir", cut, "--resume")
    assert_same_run(whole / "epoch_3.pth", cut / "epoch_3.pth")
    assert read_checkpoint(cut / "epoch_3.pth")["meta"]["seed"] == meta["seed"]
    assert f"resuming {cut / 'epoch_2.pth'}: epoch 2, iteration 12" in capfd.readouterr().err


def test_a_damaged_checkpoint_is_named_and_skipped(trained, train, capfd):
    config, work_dir = trained
    data = bytearray((work_dir / "epoch_3.pth").read_bytes())
    (work_dir / "epoch_3.pth").write_bytes(data[: len(data) // 2])
    flipped = bytearray((work_dir / "epoch_2.pth").read_bytes())
    place = flipped.find(b"data/0") + 80  # inside the values of the first tensor: it still unpickles
    flipped[place] ^= 0xFF
    (work_dir / "epoch_2.pth").write_bytes(flipped)
    path, damaged = find_resumable(work_dir)
    assert path == work_dir / "epoch_1.pth"
    assert {bad.name for bad in damaged} == {"epoch_2.pth", "epoch_3.pth"}
    train(config, "--work-dir", work_dir, "--resume")
    assert "skipped the damaged checkpoint" in capfd.readouterr().err
    assert find_resumable(work_dir) == (work_dir / "epoch_3.pth", {})


def test_only_damaged_checkpoints_are_an_error_and_none_is_a_fresh_start(tmp_path, toy, train, capfd):
    config = toy.write_config(tmp_path)
    work_dir = tmp_path / "run"
    work_dir.mkdir()
    (work_dir / "epoch_1.pth").write_bytes(b"PK not a zip")
    with pytest.raises(ValueError, match=r"no intact checkpoint in .*epoch_1.pth"):
        train(config, "--work-dir", work_dir, "--resume")
    (work_dir / "epoch_1.pth").unlink()
    train(config, "--work-dir", work_dir, "--resume", "--cfg-options", "train_cfg.max_epochs=1")
    assert "nothing to resume" in capfd.readouterr().err
    assert (work_dir / "epoch_1.pth").is_file()


def test_weights_alone_cannot_be_resumed(tmp_path, toy, train):
    config = toy.write_config(tmp_path)
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="weights only"):
        train(config, "--work-dir", tmp_path / "run", "--resume", tmp_path / "weights.pth")


def test_a_program_in_a_checkpoint_does_not_run_on_resuming(tmp_path, toy, train):
    config = toy.write_config(tmp_path)
    train(config, "--work-dir", tmp_path / "run", "--cfg-options", "train_cfg.max_epochs=1")
    content = read_checkpoint(tmp_path / "run" / "epoch_1.pth")
    content["meta"]["config"] = f"open({str(tmp_path / 'ran')!r}, 'w')"
    torch.save(content, tmp_path / "evil.pth")
    train(config, "--work-dir", tmp_path / "other", "--resume", tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


ONE_EPOCH = ("--cfg-options", "train_cfg.max_epochs=1")


def flip_a_bit(path):
    """Damage a checkpoint so that only its check sums tell."""
    data = bytearray(path.read_bytes())
    data[data.find(b"data/0") + 80] ^= 0xFF
    path.write_bytes(data)


def test_checkpoints_in_another_folder_are_found(tmp_path, toy, train, capfd):
    config, work_dir, out_dir = toy.write_config(tmp_path), tmp_path / "run", tmp_path / "store"
    options = (*ONE_EPOCH, f"default_hooks.checkpoint.out_dir={out_dir}")
    train(config, "--work-dir", work_dir, *options)
    assert find_resumable(work_dir) == (out_dir / "run" / "epoch_1.pth", {})
    (work_dir / "last_checkpoint").unlink()
    train(config, "--work-dir", work_dir, "--resume", *options)
    assert f"resuming {out_dir / 'run' / 'epoch_1.pth'}" in capfd.readouterr().err


def test_a_run_is_not_mixed_up_with_an_earlier_one_in_its_folder(tmp_path, toy, train, capfd):
    config, work_dir = toy.write_config(tmp_path), tmp_path / "run"
    train(config, "--work-dir", work_dir, "--seed", 1)
    shutil.copytree(work_dir, tmp_path / "moved")
    train(config, "--work-dir", work_dir, "--seed", 2, "--cfg-options", "train_cfg.max_epochs=2")
    assert find_resumable(work_dir) == (work_dir / "epoch_2.pth", {})
    flip_a_bit(work_dir / "epoch_2.pth")
    assert find_resumable(work_dir)[0] == work_dir / "epoch_1.pth"
    (work_dir / "epoch_2.pth").unlink()
    assert find_resumable(work_dir)[0] == work_dir / "epoch_1.pth"
    train(config, "--work-dir", work_dir, "--resume")
    assert read_checkpoint(work_dir / "epoch_3.pth")["meta"]["seed"] == 2
    said = capfd.readouterr().err
    assert f"as another run or an earlier course of this one has written them: {work_dir / 'epoch_3.pth'}" in said
    assert find_resumable(tmp_path / "moved")[0] == tmp_path / "moved" / "epoch_3.pth"


def test_a_run_taken_up_again_from_an_earlier_epoch_goes_on_from_there(trained, train):
    config, work_dir = trained
    again = ("--resume", work_dir / "epoch_1.pth", "--cfg-options", "train_cfg.max_epochs=2")
    train(config, "--work-dir", work_dir, *again)
    assert find_resumable(work_dir) == (work_dir / "epoch_2.pth", {})
    flip_a_bit(work_dir / "epoch_2.pth")
    assert find_resumable(work_dir)[0] == work_dir / "epoch_1.pth"  # not epoch 3 of the earlier course


def contents(folder):
    return {path.read_bytes() for path in folder.rglob("*.pth")}


@pytest.mark.parametrize(("source", "keep"), [("other", 1), ("other", -1), ("run", 1)])
def test_a_run_that_goes_on_from_a_named_checkpoint_replaces_nothing(trained, tmp_path, train, source, keep):
    config, work_dir = trained
    other = work_dir if source == "run" else tmp_path / source
    if other != work_dir:
        train(config, "--work-dir", other, "--seed", 5)
    before = contents(work_dir) | contents(other)
    options = ("--cfg-options", f"default_hooks.checkpoint.max_keep_ckpts={keep}")
    train(config, "--work-dir", work_dir, "--resume", other / "epoch_1.pth", *options)
    assert before <= contents(work_dir) | contents(other)
    assert find_resumable(work_dir) == (work_dir / "epoch_3.pth", {})
    (aside,) = work_dir.glob("before_*")
    first = 2 if other == work_dir else 1
    assert {path.name for path in aside.glob("epoch_*")} == {f"epoch_{n}.pth" for n in range(first, 4)}


def test_a_named_snapshot_stays(tmp_path, toy, train, keep_everything):
    config, work_dir = toy.write_config(tmp_path, extra=SNAPSHOTS + KEEP), tmp_path / "run"
    train(config, "--work-dir", work_dir)
    shutil.copy(work_dir / "kept_iter_8.pth", work_dir / "iter_8.pth")
    before = contents(work_dir)
    larger = ("--cfg-options", "train_dataloader.batch_size=8")  # iteration 8 is 4 then, and 8 comes again
    train(config, "--work-dir", work_dir, "--resume", work_dir / "iter_8.pth", *larger)
    assert before <= contents(work_dir)


@pytest.fixture
def stop_at_once(register):
    """What ends a run in its first iteration, when added to a config."""

    @register
    class StopAtOnce(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None):
            raise ToolStop("stopped at once")

    return "custom_hooks = [dict(type='StopAtOnce')]\n"


def test_a_run_stopped_before_its_first_checkpoint_is_not_mixed_up_with_an_earlier_one(
    tmp_path, toy, train, stop_at_once
):
    config, work_dir = toy.write_config(tmp_path), tmp_path / "run"
    stopping = toy.write_config(tmp_path, "stopping.py", extra=stop_at_once)
    train(config, "--work-dir", work_dir, *ONE_EPOCH)
    with pytest.raises(ToolStop, match="at once"):
        train(stopping, "--work-dir", work_dir)
    for _ in range(2):
        with pytest.raises(
            ValueError, match=r"written no checkpoint, and these are of an earlier one: .*epoch_1.pth; name"
        ):
            train(config, "--work-dir", work_dir, "--resume")
    train(config, "--work-dir", work_dir, "--resume", work_dir / "epoch_1.pth")
    assert find_resumable(work_dir) == (work_dir / "epoch_3.pth", {})


def test_a_resumed_run_that_is_stopped_before_its_first_checkpoint_goes_on_from_the_same(
    tmp_path, toy, train, stop_at_once
):
    config, first = toy.write_config(tmp_path), tmp_path / "first"
    stopping = toy.write_config(tmp_path, "stopping.py", extra=stop_at_once)
    train(config, "--work-dir", first)
    for work_dir in (first, tmp_path / "second"):
        with pytest.raises(ToolStop, match="at once"):
            train(stopping, "--work-dir", work_dir, "--resume", first / "epoch_1.pth")
        assert find_resumable(work_dir) == (first / "epoch_1.pth", {})


def test_the_state_after_a_change_of_batch_is_the_furthest(tmp_path, toy, train):
    config, work_dir = toy.write_config(tmp_path), tmp_path / "run"
    train(config, "--work-dir", work_dir, "--cfg-options", "train_cfg.max_epochs=2")
    train(config, "--work-dir", work_dir, "--resume", "--cfg-options", "train_dataloader.batch_size=12")
    iterations = [read_checkpoint(work_dir / f"epoch_{epoch}.pth")["meta"]["iter"] for epoch in (2, 3)]
    assert iterations[0] > iterations[1]
    assert find_resumable(work_dir) == (work_dir / "epoch_3.pth", {})


def test_processes_that_would_go_on_from_different_places_stop(tmp_path, toy, train, monkeypatch):
    config, work_dir = toy.write_config(tmp_path), tmp_path / "run"
    train(config, "--work-dir", work_dir, *ONE_EPOCH)
    monkeypatch.setattr(resume, "all_gather_object", lambda place: [place, None])
    with pytest.raises(
        ToolStop, match=r"process 0 from epoch 1, iteration 6; process 1 from the beginning. Let all of"
    ):
        train(config, "--work-dir", work_dir, "--resume")
    monkeypatch.setattr(resume, "all_gather_object", lambda place: [place, place])
    train(config, "--work-dir", work_dir, "--resume")


def test_a_run_that_saves_weights_only_does_not_begin_again(tmp_path, toy, train):
    config, work_dir = toy.write_config(tmp_path), tmp_path / "run"
    options = (*ONE_EPOCH, "default_hooks.checkpoint.save_optimizer=False")
    train(config, "--work-dir", work_dir, *options)
    with pytest.raises(
        ValueError, match=r"hold weights only \(save_optimizer=False\): .*epoch_1.pth; pass one as --load"
    ):
        train(config, "--work-dir", work_dir, "--resume", *options)
    with pytest.raises(ValueError, match=r"epoch_1.pth cannot be resumed: it holds weights only"):
        train(config, "--work-dir", work_dir, "--resume", work_dir / "epoch_1.pth", *options)


@pytest.mark.parametrize("content", ["{", "[]", '{"starts": [], "from": null}', '{"starts": [["a", "b"]], "from": 1}'])
def test_damage_to_the_note_of_the_last_start_is_named(tmp_path, content):
    (tmp_path / "last_start.json").write_text(content)
    with pytest.raises(ValueError, match=r"last_start.json:"):
        find_resumable(tmp_path)


def test_checkpoints_without_the_id_of_a_run_are_taken_by_their_progress(trained):
    _, work_dir = trained
    for path in work_dir.glob("epoch_*.pth"):
        content = read_checkpoint(path)
        assert content["message_hub"]["runtime_info"].pop("starts")
        torch.save(content, path)
    (work_dir / "last_start.json").unlink()
    (work_dir / "last_checkpoint").write_text(str(work_dir / "epoch_1.pth"))
    assert find_resumable(work_dir) == (work_dir / "epoch_3.pth", {})


def test_what_is_no_file_is_passed_over(tmp_path, toy, train):
    config, work_dir = toy.write_config(tmp_path), tmp_path / "run"
    train(config, "--work-dir", work_dir, *ONE_EPOCH)
    (work_dir / "aaa.pth").symlink_to(work_dir / "epoch_1.pth")
    (work_dir / "latest.pth").symlink_to(work_dir / "gone.pth")
    (work_dir / "folder.pth").mkdir()
    (work_dir / "last_checkpoint").write_text("a" * 5000)  # no name that a file can have
    assert find_resumable(work_dir) == (work_dir / "epoch_1.pth", {})


@pytest.fixture
def with_object(tmp_path, toy, train):
    """A config, and the work directory of a run of one epoch whose checkpoint holds an object."""
    config, work_dir = toy.write_config(tmp_path), tmp_path / "run"
    train(config, "--work-dir", work_dir, *ONE_EPOCH)
    content = read_checkpoint(work_dir / "epoch_1.pth")
    content["meta"]["when"] = pathlib.PurePosixPath("noon")
    torch.save(content, work_dir / "epoch_1.pth")
    return config, work_dir


def test_objects_in_a_checkpoint_need_the_users_word(with_object, train, capfd):
    config, work_dir = with_object
    for request in ("auto", work_dir / "epoch_1.pth"):
        with pytest.raises(ValueError, match=r"epoch_1.pth is refused: .* pass --trust-checkpoint"):
            train(config, "--work-dir", work_dir, "--resume", request)
    (work_dir / "last_checkpoint").unlink()
    with pytest.raises(ValueError, match=r"no checkpoint in .*run can be used: .*pass --trust-checkpoint") as error:
        train(config, "--work-dir", work_dir, "--resume")
    assert "damaged" not in str(error.value) and "remove" not in str(error.value)
    train(config, "--work-dir", work_dir, "--resume", "--trust-checkpoint", "--cfg-options", "train_cfg.max_epochs=2")
    assert f"resuming {work_dir / 'epoch_1.pth'}" in capfd.readouterr().err
    trusted = ("--resume", work_dir / "epoch_1.pth", "--trust-checkpoint", "--cfg-options", "train_cfg.max_epochs=2")
    train(config, "--work-dir", work_dir, *trusted)


def test_a_refused_file_beside_the_last_checkpoint_is_named_and_skipped(with_object, train, capfd):
    config, work_dir = with_object
    shutil.copy(work_dir / "epoch_1.pth", work_dir / "other.pth")
    train(config, "--work-dir", work_dir, *ONE_EPOCH)
    train(config, "--work-dir", work_dir, "--resume", *ONE_EPOCH)
    assert f"skipped: checkpoint {work_dir / 'other.pth'} is refused" in capfd.readouterr().err


def test_a_checkpoint_of_the_old_format_can_be_resumed(tmp_path, toy, train):
    config, work_dir = toy.write_config(tmp_path), tmp_path / "run"
    train(config, "--work-dir", work_dir, *ONE_EPOCH)
    path = work_dir / "epoch_1.pth"
    torch.save(read_checkpoint(path), path, _use_new_zipfile_serialization=False)
    assert find_resumable(work_dir) == (path, {})
    train(config, "--work-dir", work_dir, "--resume", path, "--cfg-options", "train_cfg.max_epochs=2")
    path.write_bytes(path.read_bytes()[:-1000])
    (work_dir / "epoch_2.pth").unlink()
    found, damaged = find_resumable(work_dir)
    assert found is None and list(damaged) == [path]


def test_a_last_checkpoint_in_an_object_store_is_not_passed_over(tmp_path, toy, train):
    work_dir = tmp_path / "run"
    work_dir.mkdir()
    (work_dir / "last_checkpoint").write_text("s3://bucket/run/epoch_3.pth")
    with pytest.raises(ValueError, match=r"the last checkpoint is s3:.*epoch_3.pth; copy it here and name"):
        train(toy.write_config(tmp_path), "--work-dir", work_dir, "--resume")


def test_a_schedule_that_keeps_a_function_is_resumed_and_tested_without_trust(tmp_path, toy, train, test):
    cycle = "param_scheduler = [dict(type='OneCycleLR', eta_max=0.5, total_steps=18, by_epoch=False)]\n"
    config = toy.write_config(tmp_path, extra=cycle)
    train(config, "--work-dir", tmp_path / "whole", "--seed", 0)
    train(config, "--work-dir", tmp_path / "run", "--resume", tmp_path / "whole/epoch_1.pth")
    whole, run = (read_checkpoint(tmp_path / name / "epoch_3.pth") for name in ("whole", "run"))
    assert all(torch.equal(whole["state_dict"][key], value) for key, value in run["state_dict"].items())
    assert whole["param_schedulers"] == run["param_schedulers"]
    test(config, tmp_path / "run/epoch_3.pth", "--work-dir", tmp_path / "run")


def test_another_optimizer_cannot_take_up_a_run(tmp_path, toy, train):
    work_dir = tmp_path / "run"
    train(toy.write_config(tmp_path), "--work-dir", work_dir, "--cfg-options", "train_cfg.max_epochs=1")
    config = toy.write_config(tmp_path, extra="optim_wrapper['optimizer'] = dict(type='AdamW', lr=0.01)\n")
    with pytest.raises(ValueError, match=r"epoch_1\.pth is of .* another optimizer than AdamW: it holds damp.*"):
        train(config, "--work-dir", work_dir, "--resume")


def test_a_schedule_that_would_end_elsewhere_with_more_epochs_is_named(tmp_path, toy, train):
    steps = "param_scheduler = [dict(type='MultiStepLR', milestones=[1, 3], gamma=0.1)]\n"
    config, work_dir = toy.write_config(tmp_path, extra=steps), tmp_path / "run"
    train(config, "--work-dir", work_dir, "--cfg-options", "train_cfg.max_epochs=2")
    train(config, "--work-dir", work_dir, "--resume", "--cfg-options", "train_cfg.max_epochs=2")
    train(config, "--work-dir", work_dir, "--resume", "--cfg-options", "train_cfg.max_epochs=4")
    logs = [path.read_text() for path in sorted(work_dir.rglob("*.log"))]
    assert ["MultiStepLR ends at 2, not at 4, and the learning rate stays" in log for log in logs] == [0, 0, 1]


@pytest.mark.parametrize("goes_on", [True, False])
def test_averaged_weights_that_are_trained_on_without_their_hook_are_named(tmp_path, toy, train, goes_on):
    work_dir, ema = tmp_path / "run", "custom_hooks = [dict(type='EMAHook')]\n"
    once = toy.write_config(tmp_path, name="once.py", extra=ema)
    train(once, "--work-dir", work_dir, "--cfg-options", "train_cfg.max_epochs=1")
    train(toy.write_config(tmp_path, extra=ema if goes_on else ""), "--work-dir", work_dir, "--resume")
    said = "of a run with an EMAHook; without it, averaged weights are trained on"
    assert any(said in path.read_text() for path in work_dir.rglob("*.log")) != goes_on


@pytest.mark.parametrize("request_of", [lambda work_dir: (), lambda work_dir: (work_dir / "epoch_2.pth",)])
def test_a_resumption_is_planned_once_and_loads_each_checkpoint_once(trained, train, monkeypatch, request_of):
    config, work_dir = trained
    loaded, plans = [], []
    load, plan = torch.load, resume.plan_resume
    monkeypatch.setattr(torch, "load", lambda path, **kwargs: loaded.append(path) or load(path, **kwargs))
    for module in ("mmaction.engine.runner", "mmaction.apis.training"):
        monkeypatch.setattr(f"{module}.plan_resume", lambda *args: plans.append(args) or plan(*args))
    (work_dir / "iter_99.pth").write_bytes(b"of nobody")
    train(config, "--work-dir", work_dir, "--resume", *request_of(work_dir), "--cfg-options", "train_cfg.max_epochs=4")
    seen = [Path(path).name for path in loaded if Path(path).parent == work_dir]
    assert len(plans) == 1 and sorted(seen) == sorted(set(seen)) and seen
    assert (work_dir / "epoch_4.pth").is_file()


def test_a_runner_that_is_built_without_a_plan_makes_its_own(trained):
    config, work_dir = trained
    cfg, _ = load_config(config, {"work_dir": str(work_dir), "resume": True})
    runner = build_runner(cfg)
    assert runner.resume_plan.state.path == work_dir / "epoch_3.pth"
    runner.train()  # nothing is left to train, but the state is loaded
    assert runner.epoch == 3


def test_a_plan_gives_its_checkpoint_once_and_no_memory_of_the_file(trained):
    _, work_dir = trained
    path = work_dir / "epoch_3.pth"
    plan = resume.ResumePlan(resume.SavedState.read(path), [])
    assert plan.take(work_dir / "epoch_2.pth", "cpu") is None
    content = plan.take(str(path), "cpu")
    path.write_bytes(bytes(path.stat().st_size))  # what is mapped from the file would be zeros now
    assert content["state_dict"]["backbone.0.weight"].abs().sum() > 0
    assert plan.take(path, "cpu") is None
