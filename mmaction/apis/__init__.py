"""Use a trained model from Python: build it, run it on a clip, read the scores."""

from mmaction.apis.detection import detection_inference, pose_inference
from mmaction.apis.inference import inference_recognizer, inference_skeleton, init_recognizer
from mmaction.apis.recognizer import Recognizer
from mmaction.apis.testing import test
from mmaction.apis.training import Run, train

__all__ = [
    "Recognizer",
    "Run",
    "detection_inference",
    "inference_recognizer",
    "inference_skeleton",
    "init_recognizer",
    "pose_inference",
    "test",
    "train",
]
