"""The schedules of a run at any place, walked there anew from the beginning."""

import warnings
from copy import copy, deepcopy
from types import SimpleNamespace
from typing import Any


def schedulers_of(schedulers: Any) -> list[Any]:
    """Return the schedulers of a run, which are a list, a dict of lists for several optimizers, or None."""
    parts = schedulers.values() if isinstance(schedulers, dict) else [schedulers or ()]
    return [scheduler for part in parts for scheduler in part]


class _Walk:
    """Steps of schedulers over one of all parameter groups that are alike: a network may have hundreds, walks be long.

    :meth:`end` gives the values and the places reached to the schedulers themselves.
    """

    def __init__(self, schedulers: list[Any]) -> None:
        self._schedulers, self.walkers = schedulers, [copy(scheduler) for scheduler in schedulers]
        self._alike: dict[int, list[int]] = {}  # of each optimizer: for each group the place of its stand-in
        stand_ins: dict[int, SimpleNamespace] = {}
        for scheduler, walker in zip(schedulers, self.walkers, strict=True):
            optimizer, key = scheduler.optimizer, id(scheduler.optimizer)
            if key not in stand_ins:
                settings = [{k: v for k, v in group.items() if k != "params"} for group in optimizer.param_groups]
                distinct = {repr(group): group for group in settings}
                self._alike[key] = [list(distinct).index(repr(group)) for group in settings]
                stand_ins[key] = SimpleNamespace(param_groups=list(distinct.values()), step=None, _global_step=0)
            walker.optimizer, walker.verbose = stand_ins[key], False
            firsts = [self._alike[key].index(place) for place in range(len(walker.optimizer.param_groups))]
            walker.base_values = [scheduler.base_values[first] for first in firsts]

    def end(self) -> None:
        for scheduler, walker in zip(self._schedulers, self.walkers, strict=True):
            places, reached = self._alike[id(scheduler.optimizer)], walker.optimizer.param_groups
            for group, place in zip(scheduler.optimizer.param_groups, places, strict=True):
                group.update(reached[place])
            kept = {"base_values": scheduler.base_values, "verbose": scheduler.verbose}
            # what the log shows (_last_value) has no public way to be set
            last = [walker._last_value[place] for place in places]
            scheduler.load_state_dict({**walker.state_dict(), **kept, "_last_value": last})


class Schedule:
    """The parameter schedulers of a run, a list, a dict of lists or None, as they are before its first iteration."""

    def __init__(self, schedulers: Any) -> None:
        self._schedulers = schedulers_of(schedulers)
        self._states = [deepcopy(scheduler.state_dict()) for scheduler in self._schedulers]
        names = [(s.param_name, f"initial_{s.param_name}") for s in self._schedulers]
        self._values = [
            [{key: group[key] for key in keys} for group in s.optimizer.param_groups]
            for s, keys in zip(self._schedulers, names, strict=True)
        ]

    def other_ends(self, schedulers: Any) -> str | None:
        """Say which of ``schedulers`` a checkpoint lets end elsewhere, as they follow the number of epochs; or None."""
        told = [
            f"{type(scheduler).__name__} ends at {scheduler.end}, not at {state['end']}"
            for scheduler, state in zip(schedulers_of(schedulers), self._states, strict=True)
            if scheduler.end != state["end"]
        ]
        return ", ".join(told) or None

    def set_place(self, schedulers: Any, epoch: int, iteration: int, iters_per_epoch: int) -> bool:
        """Set ``schedulers`` to the place after so many epochs and iterations; False if they depend on validations."""
        now = schedulers_of(schedulers)
        if any(getattr(scheduler, "need_val_args", False) for scheduler in now):
            return False
        for scheduler, state, values in zip(now, self._states, self._values, strict=True):
            scheduler.load_state_dict(deepcopy(state))
            for group, value in zip(scheduler.optimizer.param_groups, values, strict=True):
                group.update(value)
        walk = _Walk(now)
        by_epoch = [walker for walker in walk.walkers if walker.by_epoch]
        by_iter = [walker for walker in walk.walkers if not walker.by_epoch]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # no step of the optimizer goes with these
            for done in range(1, 1 + (iteration if by_iter else epoch)):
                for walker in by_iter:
                    walker.step()
                if not by_iter or (done % iters_per_epoch == 0 and done <= epoch * iters_per_epoch):
                    for walker in by_epoch:
                        walker.step()
        walk.end()
        return True
