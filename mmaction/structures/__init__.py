"""The records that travel from the data pipeline through the model to the metrics and the result files."""

from mmaction.structures.action_data_sample import ActionDataSample
from mmaction.structures.result import Result

__all__ = ["ActionDataSample", "Result"]
