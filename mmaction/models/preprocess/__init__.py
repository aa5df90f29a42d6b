"""From a batch of samples to the tensor that the backbone reads, on the device of the model."""

from mmaction.models.preprocess.action import ActionDataPreprocessor

__all__ = ["ActionDataPreprocessor"]
