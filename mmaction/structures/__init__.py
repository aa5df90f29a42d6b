"""The records that travel from the data pipeline through the model to the metrics."""

from mmaction.structures.action_data_sample import ActionDataSample

__all__ = ["ActionDataSample"]
