"""Use a trained model from Python: build it, run it on a clip, read the scores."""

from mmaction.apis.inference import inference_recognizer, inference_skeleton, init_recognizer

__all__ = ["inference_recognizer", "inference_skeleton", "init_recognizer"]
