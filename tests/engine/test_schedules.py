"""A schedule set to a place is the one that was walked there."""

import random

import pytest
import torch
from mmengine.optim import scheduler as mm

from mmaction.engine.schedules import Schedule

KINDS = {
    "constant": (mm.ConstantLR, dict(factor=0.25, begin=2, end=9)),
    "linear": (mm.LinearLR, dict(start_factor=0.1, begin=0, end=7)),
    "linear to zero": (mm.LinearLR, dict(start_factor=1.0, end_factor=0.0, begin=3, end=19)),
    "exponential": (mm.ExponentialLR, dict(gamma=0.9, begin=1)),
    "step": (mm.StepLR, dict(step_size=3, gamma=0.5, begin=2)),
    "multi-step": (mm.MultiStepLR, dict(milestones=[2, 5, 5, 8], gamma=0.3)),
    "poly": (mm.PolyLR, dict(power=0.9, eta_min=0.01, begin=2, end=20)),
    "cosine": (mm.CosineAnnealingLR, dict(T_max=5, eta_min=0.02)),
    "cosine by ratio": (mm.CosineAnnealingLR, dict(T_max=4, eta_min_ratio=0.1, begin=3)),
    "cosine of one": (mm.CosineAnnealingLR, dict(T_max=1)),
    "restart": (mm.CosineRestartLR, dict(periods=[4, 3, 6], restart_weights=[1, 0.5, 0.25], eta_min=0.01)),
    "cycle": (mm.OneCycleLR, dict(eta_max=0.5, total_steps=25)),
    "momentum": (mm.LinearMomentum, dict(start_factor=0.5, end=9)),
}
ITERS_PER_EPOCH = 5


def build(*parts):
    """An optimizer of two groups, and schedulers given by name and whether they count epochs."""
    groups = [
        {"params": [torch.nn.Parameter(torch.ones(1))]},
        {"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.7},
    ]
    optimizer = torch.optim.SGD(groups, lr=0.3, momentum=0.8)
    return optimizer, [KINDS[name][0](optimizer, by_epoch=by_epoch, **KINDS[name][1]) for name, by_epoch in parts]


def walk(optimizer, schedulers, iterations):
    for done in range(1, iterations + 1):
        optimizer.step()
        for scheduler in [s for s in schedulers if not s.by_epoch]:
            scheduler.step()
        for scheduler in [s for s in schedulers if s.by_epoch and done % ITERS_PER_EPOCH == 0]:
            scheduler.step()


def assert_same_place(parts, iterations):
    walked, expected = build(*parts)
    walk(walked, expected, iterations)
    placed, schedulers = build(*parts)
    start = Schedule(schedulers)
    walk(placed, schedulers, 1)  # as a checkpoint of another place would set them
    assert start.set_place(schedulers, iterations // ITERS_PER_EPOCH, iterations, ITERS_PER_EPOCH)
    for ours, theirs in zip(placed.param_groups, walked.param_groups, strict=True):
        keys = [key for key in theirs if key != "params"]
        numbers = [key for key in keys if isinstance(theirs[key], float)]
        assert {key: ours[key] for key in numbers} == pytest.approx(
            {k: theirs[k] for k in numbers}, rel=1e-9, abs=1e-15
        )
    for ours, theirs in zip(schedulers, expected, strict=True):
        assert (ours.last_step, ours._global_step) == (theirs.last_step, theirs._global_step)
    walk(placed, schedulers, 3)  # and goes on alike
    walk(walked, expected, 3)
    assert placed.param_groups[0]["lr"] == pytest.approx(walked.param_groups[0]["lr"], rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("by_epoch", [False, True])
@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_schedule(name, by_epoch):
    for iterations in (0, 1, 2, 5, 9, 10, 16, 19):
        assert_same_place([(name, by_epoch)], iterations)


@pytest.mark.parametrize("seed", range(20))
def test_schedules_that_overlap(seed):
    rng = random.Random(seed)
    parts = [(rng.choice([name for name in KINDS if name != "cycle"]), rng.random() < 0.3) for _ in range(3)]
    assert_same_place(parts, rng.randrange(20))


def test_a_place_far_away_takes_few_steps(monkeypatch):
    _, schedulers = build(("linear", False), ("cosine by ratio", False))
    start, steps = Schedule(schedulers), []
    monkeypatch.setattr(mm.LinearLR, "step", lambda self: steps.append(self))
    monkeypatch.setattr(mm.CosineAnnealingLR, "step", lambda self: steps.append(self))
    schedulers[1].begin = 7
    start = Schedule(schedulers)
    assert start.set_place(schedulers, 10**5, 10**8, 10**3)
    assert not steps and schedulers[0]._global_step == 10**8


def test_a_schedule_that_waits_for_validations_has_no_place():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.3)
    schedulers = [mm.ReduceOnPlateauLR(optimizer, monitor="loss")]
    assert not Schedule(schedulers).set_place(schedulers, 1, 5, 5)


def test_other_ends_are_named():
    _, schedulers = build(("linear", False))
    start = Schedule(schedulers)
    assert start.other_ends(schedulers) is None
    schedulers[0].end = 12
    assert start.other_ends(schedulers) == "LinearLR ends at 12, not at 7"
