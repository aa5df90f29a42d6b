"""What weights of photographs know of the demo's dives that random weights do not."""

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip("timm", reason="needs timm: pip install .[foundation]")

from models.backbones.foundation.lite0 import published_weights
from sklearn.linear_model import Ridge

from mmaction.preparation.demo.build import DemoSpec, draw_take
from mmaction.registry import MODELS

SIDE, CROP, FRAMES, CLIPS, HELD_OUT = 128, 100, 6, 150, 50
SHOULDERS, HIPS = (5, 6), (11, 12)


def frames_and_uprightness():
    """Return frames (clips, FRAMES, H, W, 3) and how far up the trunk points in each, -1 to 1."""
    spec, images, up = DemoSpec(num_clips=CLIPS), [], []
    for index in range(CLIPS):
        take = draw_take(spec, index)
        frames = list(take.frames())
        chosen = np.linspace(0, len(frames) - 1, FRAMES + 2).round().astype(int)[1:-1]
        top, left = (spec.size[1] - CROP) // 2, (spec.size[0] - CROP) // 2
        parts = [frames[i][top : top + CROP, left : left + CROP] for i in chosen]
        images.append([cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) for part in parts])
        joints = take.detections()[0][0][chosen]
        trunk = joints[:, HIPS].mean(axis=1) - joints[:, SHOULDERS].mean(axis=1)
        up.append(trunk[:, 1] / (np.linalg.norm(trunk, axis=1) + 1e-6))
    return np.array(images), np.array(up)


def explained(images, up, pretrained):
    """Return which share of the variance of clips not fitted a linear map of the frozen features explains."""
    torch.manual_seed(0)
    net = MODELS.build(dict(type="TimmImage", model="tf_efficientnet_lite0", pretrained=pretrained, frozen=True))
    net.init_weights()
    mean, std, _ = net.input_statistics()
    features = []
    for clip in images:
        grid = net((torch.from_numpy(clip).permute(0, 3, 1, 2).float() - mean[0]) / std[0])
        features.append(torch.nn.functional.adaptive_avg_pool2d(grid, 2).flatten(1).numpy())
    features = np.array(features)
    fitted, held = (part.reshape(-1, features.shape[-1]) for part in (features[HELD_OUT:], features[:HELD_OUT]))
    scale = fitted.std(axis=0) + 1e-3
    model = Ridge(alpha=3000).fit(fitted / scale, up[HELD_OUT:].ravel())
    return model.score(held / scale, up[:HELD_OUT].ravel())


@pytest.mark.slow
def test_weights_of_photographs_tell_how_a_diver_stands_and_random_ones_do_not(tmp_path):
    weights = published_weights(tmp_path)
    images, up = frames_and_uprightness()
    known, random = (explained(images, up, pretrained) for pretrained in (weights, None))
    assert known > 0.2 and known > random + 0.15
