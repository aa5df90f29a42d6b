"""The schedules of a run at any place, computed from the place instead of by walking there."""

import math
import warnings
from collections.abc import Callable
from copy import deepcopy
from typing import Any

from mmengine.optim import scheduler as mm

Jump = Callable[[Any, float, int, int, float], float]


# Each jump returns the value of a parameter after the scheduler's step ``last``, given its ``value`` after the step
# ``first`` (-1 before the first one) and the value ``base`` from which the schedule starts. The steps that MMEngine
# takes multiply by ratios, whose product over a range is the ratio of its ends.
def _constant(scheduler: Any, value: float, first: int, last: int, base: float) -> float:
    factors = [scheduler.factor if 0 <= step < scheduler.total_iters else 1 for step in (first, last)]
    return value * factors[1] / factors[0]


def _linear(scheduler: Any, value: float, first: int, last: int, base: float) -> float:
    rise = (scheduler.end_factor - scheduler.start_factor) / scheduler.total_iters
    factors = [scheduler.start_factor + rise * step if step >= 0 else 1 for step in (first, last)]
    return value * factors[1] / factors[0]


def _exponential(scheduler: Any, value: float, first: int, last: int, base: float) -> float:
    return value * scheduler.gamma ** (last - max(first, 0))


def _step(scheduler: Any, value: float, first: int, last: int, base: float) -> float:
    return value * scheduler.gamma ** (last // scheduler.step_size - max(first, 0) // scheduler.step_size)


def _multi_step(scheduler: Any, value: float, first: int, last: int, base: float) -> float:
    return value * scheduler.gamma ** sum(n for step, n in scheduler.milestones.items() if first < step <= last)


def _poly(scheduler: Any, value: float, first: int, last: int, base: float) -> float:
    left = [scheduler.total_iters - step for step in (max(first, 0), last)]
    return scheduler.eta_min + (value - scheduler.eta_min) * (left[1] / left[0]) ** scheduler.power


def _lowest(scheduler: Any, base: float) -> float:
    return scheduler.eta_min if scheduler.eta_min_ratio is None else base * scheduler.eta_min_ratio


def _height(step: int, half_period: int) -> float:
    """Return the height of the cosine, from 2 at step 0 to 0 after half a period."""
    return 1 + math.cos(math.pi * step / half_period)


def _cosine(scheduler: Any, value: float, first: int, last: int, base: float) -> float:
    low, half, start = _lowest(scheduler, base), scheduler.T_max, max(first, 0)
    trough = half + (last - 1 - half) // (2 * half) * 2 * half  # the last one before ``last``
    if start <= trough:  # there the ratio is 0 / 0, and MMEngine adds the rise from it
        value = (value if start == trough else low) + (base - low) * _height(trough + 1, half) / 2
        start = trough + 1
    return low + (value - low) * _height(last, half) / _height(start, half)


def _cosine_restart(scheduler: Any, value: float, first: int, last: int, base: float) -> float:
    ends = scheduler.cumulative_periods
    last, start = min(last, ends[-1] - 1), max(first, 0)  # nothing changes after the last period
    if last < start or (last == start and first >= 0):
        return value
    index = scheduler.get_position_from_periods(last, ends)
    begin, half, low = (ends[index - 1] if index else 0), scheduler.periods[index], _lowest(scheduler, base)
    if first < begin:
        value, start = base * scheduler.restart_weights[index], begin
    return low + (value - low) * _height(last - begin, half) / _height(start - begin, half)


_JUMPS: dict[type, Jump] = {
    mm.ConstantParamScheduler: _constant,
    mm.LinearParamScheduler: _linear,
    mm.ExponentialParamScheduler: _exponential,
    mm.StepParamScheduler: _step,
    mm.MultiStepParamScheduler: _multi_step,
    mm.PolyParamScheduler: _poly,
    mm.CosineAnnealingParamScheduler: _cosine,
    mm.CosineRestartParamScheduler: _cosine_restart,
}
_MULTIPLY = {_constant, _linear, _exponential, _step, _multi_step}  # in any order, also when they overlap


def schedulers_of(schedulers: Any) -> list[Any]:
    """Return the schedulers of a run, which are a list, a dict of lists for several optimizers, or None."""
    parts = schedulers.values() if isinstance(schedulers, dict) else [schedulers or ()]
    return [scheduler for part in parts for scheduler in part]


def _jump_of(scheduler: Any) -> Jump | None:
    return next((jump for kind, jump in _JUMPS.items() if isinstance(scheduler, kind)), None)


# MMEngine keeps the count of steps (_global_step) and what the log shows (_last_value) private, and sets them in step()
# alone.
def _advance(schedulers: list[Any], steps: int) -> None:
    """Take so many steps with schedulers that count alike, in their order."""
    ends = [scheduler._global_step + steps for scheduler in schedulers]
    while any(scheduler._global_step < end for scheduler, end in zip(schedulers, ends, strict=True)):
        here = schedulers[0]._global_step
        edges = {edge - 1 for scheduler in schedulers for edge in (scheduler.begin, scheduler.end)}
        count = min([edge - here for edge in edges if edge > here] + [ends[0] - here])
        acting = [s for s in schedulers if s.begin <= here + 1 < s.end]
        for scheduler in schedulers:
            if scheduler not in acting:
                scheduler._global_step += count
        _act(acting, count)
    for scheduler in schedulers:
        scheduler._last_value = [group[scheduler.param_name] for group in scheduler.optimizer.param_groups]


def _act(schedulers: list[Any], count: int) -> None:
    """Take ``count`` steps with schedulers that all act in each of them: at once where the order does not matter."""
    jumps = [jump for jump in map(_jump_of, schedulers) if jump]
    is_alone = len({(id(s.optimizer), s.param_name) for s in schedulers}) == len(schedulers)
    if len(jumps) < len(schedulers) or not (is_alone or set(jumps) <= _MULTIPLY):
        for _ in range(count):
            for scheduler in schedulers:
                scheduler.step()
        return
    for scheduler, jump in zip(schedulers, jumps, strict=True):
        first, name = scheduler.last_step, scheduler.param_name
        for group, base in zip(scheduler.optimizer.param_groups, scheduler.base_values, strict=True):
            group[name] = jump(scheduler, group[name], first, first + count, base)
        scheduler.last_step += count
        scheduler._global_step += count


class Schedule:
    """The parameter schedulers of a run as they are before its first iteration.

    Args:
        schedulers: A list of schedulers, a dict of lists, or None.
    """

    def __init__(self, schedulers: Any) -> None:
        self._schedulers = schedulers_of(schedulers)
        self._states = [deepcopy(scheduler.state_dict()) for scheduler in self._schedulers]
        self._values = [
            [
                {key: group[key] for key in (s.param_name, f"initial_{s.param_name}")}
                for group in s.optimizer.param_groups
            ]
            for s in self._schedulers
        ]

    def other_ends(self, schedulers: Any) -> str | None:
        """Say which of ``schedulers`` a checkpoint lets end elsewhere, as they follow the number of epochs; or None."""
        now = schedulers_of(schedulers)
        told = [
            f"{type(scheduler).__name__} ends at {scheduler.end}, not at {state['end']}"
            for scheduler, state in zip(now, self._states, strict=True)
            if scheduler.end != state["end"]
        ]
        return ", ".join(told) or None

    def set_place(self, schedulers: Any, epoch: int, iteration: int, iters_per_epoch: int) -> bool:
        """Set ``schedulers`` and what they schedule to the place given; False if they depend on validations.

        The place is counted in epochs and iterations that have ended. The schedulers have the form that they had
        before.
        """
        now = schedulers_of(schedulers)
        if any(getattr(scheduler, "need_val_args", False) for scheduler in now):
            return False
        for scheduler, state, values in zip(now, self._states, self._values, strict=True):
            scheduler.load_state_dict(deepcopy(state))
            for group, value in zip(scheduler.optimizer.param_groups, values, strict=True):
                group.update(value)
        by_epoch = [scheduler for scheduler in now if scheduler.by_epoch]
        by_iter = [scheduler for scheduler in now if not scheduler.by_epoch]
        with warnings.catch_warnings():  # no step of the optimizer goes with these
            warnings.filterwarnings("ignore", "Detected call of `scheduler.step", UserWarning)
            warnings.filterwarnings("ignore", "Seems like `optimizer.step", UserWarning)
            for _ in range(epoch if by_epoch else 0):  # the epochs' schedules act in between
                _advance(by_iter, iters_per_epoch)
                _advance(by_epoch, 1)
            _advance(by_iter, iteration - (epoch * iters_per_epoch if by_epoch else 0))
        return True
