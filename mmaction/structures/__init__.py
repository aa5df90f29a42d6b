"""The records that travel from the data pipeline through the model to the metrics and the result files."""

from typing import Any

__all__ = ["ActionDataSample", "Result"]


def __getattr__(name: str) -> Any:
    """Import a record when it is asked for: they need torch, the name of a sample does not."""
    if name == "ActionDataSample":
        from mmaction.structures.action_data_sample import ActionDataSample

        return ActionDataSample
    if name == "Result":
        from mmaction.structures.result import Result

        return Result
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
