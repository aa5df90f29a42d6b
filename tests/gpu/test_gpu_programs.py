"""The programs for a GPU: a dry run on the CPU, and each check on a GPU where there is one."""

import json

import pytest
import torch

from mmaction.cli import console, gpu_benchmark, gpu_check
from mmaction.probes.gpu_checks import NotHere, _differences, all_checks, run_checks
from mmaction.probes.made_up import FAMILIES


@pytest.mark.slow
def test_checks_in_a_dry_run(tmp_path, capsys):
    out = tmp_path / "gpu.json"
    assert console.main(["check", "--gpu", "--dry-run", "--families", "stgcnpp", "--out", str(out)]) == 0
    content = json.loads(out.read_text())
    states = {check["name"]: check["state"] for check in content["checks"]}
    assert states.pop("stgcnpp: float16") == "skipped" and set(states.values()) == {"ok"} and len(states) == 10
    assert content["dry_run"] and "nothing below says anything about a GPU" in capsys.readouterr().out


@pytest.mark.slow
def test_speed_in_a_dry_run(tmp_path, capsys):
    out = tmp_path / "speed.json"
    arguments = ["--gpu", "--dry-run", "--families", "stgcnpp", "--batch-size", "2", "--steps", "1", "--compile"]
    assert console.main(["benchmark", *arguments, "--out", str(out)]) == 0
    (found,) = json.loads(out.read_text())["families"]
    assert found["family"] == "stgcnpp" and found["batch"] == 2 and found["train"] > 0 < found["plain_train"]
    assert "stgcnpp" in capsys.readouterr().out


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
    from mmaction.utils.config import load_config

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
