"""The programs for a GPU: a dry run on the CPU, and each check on a GPU where there is one."""

import json

import pytest
import torch
from stick_figure import write_video
from tiny import shallow, shrink_config

from mmaction.cli import console, gpu_benchmark, gpu_check
from mmaction.probes.gpu_checks import NotHere, _differences, all_checks, run_checks
from mmaction.probes.made_up import FAMILIES
from mmaction.utils.config import load_config


@pytest.fixture
def tiny(monkeypatch):
    """The families at tiny size; the programs are the same."""

    def load(path, *changes):
        cfg, space = load_config(path, *changes)
        if path in FAMILIES.values():
            shrink_config(cfg)
            shallow(cfg.model.backbone)
        return cfg, space

    for module in ("gpu_checks", "gpu_speed"):
        monkeypatch.setattr(f"mmaction.probes.{module}.load_config", load)


@pytest.mark.slow
def test_checks_in_a_dry_run(tiny, tmp_path, capsys):
    out = tmp_path / "gpu.json"
    assert console.main(["check", "--gpu", "--dry-run", "--out", str(out)]) == 0, capsys.readouterr().out
    content = json.loads(out.read_text())
    states = {check["name"]: check["state"] for check in content["checks"]}
    skipped = {name for name, state in states.items() if state == "skipped"}
    assert skipped == {f"{family}: float16" for family in FAMILIES}
    assert set(states.values()) == {"ok", "skipped"} and len(states) == 5 * len(FAMILIES) + 6
    assert content["dry_run"] and "nothing below says anything about a GPU" in capsys.readouterr().out


@pytest.mark.slow
def test_speed_in_a_dry_run(tiny, trainer, tmp_path, capsys):
    out, video = tmp_path / "speed.json", write_video(tmp_path / "a.mp4", 40, 64, 96)
    arguments = ["--gpu", "--dry-run", "--batch-size", "2", "--steps", "1", "--compile", "--video", str(video)]
    assert console.main(["benchmark", *arguments, "--out", str(out)]) == 0
    content = json.loads(out.read_text())
    found = {entry["family"]: entry for entry in content["families"]}
    assert list(found) == list(FAMILIES)
    assert all(entry["batch"] == 2 and entry["train"] > 0 < entry["plain_train"] for entry in found.values())
    assert [name for name, entry in found.items() if entry["library_train"]] == ["videomae"]
    assert [name for name, entry in found.items() if entry["heatmap_share"]] == ["posec3d"]
    needs = {entry["family"]: entry["cores"] for entry in content["cores"]}
    assert needs.keys() == FAMILIES.keys() - {"posec3d", "stgcnpp"}
    assert all(len(cores) == 3 and min(cores.values()) >= 1 for cores in needs.values())
    shown = capsys.readouterr().out
    assert "cores that make the clips training takes, a.mp4" in shown and "videomae" in shown


@pytest.mark.parametrize("program", [gpu_check, gpu_benchmark])
def test_mistakes_are_named(program, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"posec3dd.*did you mean posec3d"):
        program.main(["--families", "posec3dd"])
    with pytest.raises(ValueError, match="no CUDA GPU"):
        program.main([])


def test_a_check_that_fails_is_reported_and_ends_nothing(monkeypatch):
    def found(device, families, batch):
        yield "wrong", lambda: _differences([torch.ones(2)] * 2, [torch.zeros(2) + 0.5] * 2, 1e-3)
        yield "not a number", lambda: _differences([torch.ones(2) * torch.nan] * 2, [torch.ones(2)] * 2, 1e-3)
        yield "absent", lambda: (_ for _ in ()).throw(NotHere("no such device"))
        yield "right", lambda: _differences([torch.ones(2)] * 2, [torch.ones(2)] * 2, 1e-3)

    monkeypatch.setattr("mmaction.probes.gpu_checks.all_checks", found)
    assert [outcome.state for outcome in run_checks(None, [])] == ["failed", "failed", "skipped", "ok"]


@pytest.mark.gpu
@pytest.mark.parametrize("number", range(5 * len(FAMILIES) + 6))
def test_on_a_gpu(number):
    name, check = list(all_checks(torch.device("cuda:0"), list(FAMILIES), 2))[number]
    assert check(), name


@pytest.mark.gpu
def test_no_iteration_waits_for_the_gpu():
    from mmaction.probes.gpu_speed import _build, training_step
    from mmaction.probes.made_up import made_up_batch

    cfg, _ = load_config(FAMILIES["posec3d"])
    data = made_up_batch(cfg, 2)
    data["inputs"] = [clip.pin_memory() for clip in data["inputs"]]
    step = training_step(_build(cfg, torch.device("cuda:0")), data)
    step()
    torch.cuda.set_sync_debug_mode("error")
    try:
        step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
