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
from mmaction.structures import ActionDataSample

SIDE, CROP, FRAMES, CLIPS, HELD_OUT = 128, 100, 6, 150, 50
SHOULDERS, HIPS = (5, 6), (11, 12)


def frames_and_joints():
    """Return frames (clips, FRAMES, H, W, 3) and joints (clips, FRAMES, V, 2) in their pixels."""
    spec, images, points = DemoSpec(num_clips=CLIPS), [], []
    for index in range(CLIPS):
        take = draw_take(spec, index)
        frames = list(take.frames())
        chosen = np.linspace(0, len(frames) - 1, FRAMES + 2).round().astype(int)[1:-1]
        top, left = (spec.size[1] - CROP) // 2, (spec.size[0] - CROP) // 2
        parts = [frames[i][top : top + CROP, left : left + CROP] for i in chosen]
        images.append([cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR) for part in parts])
        points.append((take.detections()[0][0][chosen][..., :2] - (left, top)) * SIDE / CROP)
    return np.array(images), np.float32(points)


def uprightness(points):
    """Return how far up the trunk points in each frame, -1 to 1."""
    trunk = points[..., HIPS, :].mean(axis=-2) - points[..., SHOULDERS, :].mean(axis=-2)
    return trunk[..., 1] / (np.linalg.norm(trunk, axis=-1) + 1e-6)


def frozen(pretrained, images, **options):
    """Yield the features of each clip, by EfficientNet-Lite0 with these weights."""
    torch.manual_seed(0)
    backbone = dict(type="TimmImage", model="tf_efficientnet_lite0", pretrained=pretrained, frozen=True, **options)
    net = MODELS.build(backbone)
    net.init_weights()
    mean, std, _ = net.input_statistics()
    for clip in images:
        yield net((torch.from_numpy(clip).permute(0, 3, 1, 2).float() - mean[0]) / std[0])


def explained(images, up, pretrained):
    """Return which share of the variance of clips not fitted a linear map of the frozen features explains."""
    grids = frozen(pretrained, images)
    features = [torch.nn.functional.adaptive_avg_pool2d(grid, 2).flatten(1).numpy() for grid in grids]
    features = np.array(features)
    fitted, held = (part.reshape(-1, features.shape[-1]) for part in (features[HELD_OUT:], features[:HELD_OUT]))
    scale = fitted.std(axis=0) + 1e-3
    model = Ridge(alpha=3000).fit(fitted / scale, up[HELD_OUT:].ravel())
    return model.score(held / scale, up[:HELD_OUT].ravel())


def joints_missed(images, points, pretrained):
    """Return the cross entropy of the joints of clips not fitted, by a PoseReader on the frozen maps."""
    clips = list(frozen(pretrained, images, stages=(2, 3)))
    samples = [ActionDataSample(metainfo={"img_shape": (SIDE, SIDE)}) for _ in points]
    for one, joints in zip(samples, points, strict=True):
        one.set_field(joints[None], "keypoint")
    network = dict(type="C3D", base_channels=4, num_stages=3, temporal_downsample=False)
    torch.manual_seed(0)
    reader = MODELS.build(dict(type="PoseReader", in_channels=(40, 112), network=network, num_segments=FRAMES))
    reader.init_weights()
    optimizer = torch.optim.AdamW(reader.parameters(), lr=3e-3)

    def loss(chosen):
        maps = [torch.cat([clips[i][stage] for i in chosen]) for stage in (0, 1)]
        return reader(maps, [samples[i] for i in chosen])[1]["loss_pose"] / reader.loss_weight

    for _ in range(6):
        for chosen in torch.randperm(CLIPS - HELD_OUT).add(HELD_OUT).split(10):
            optimizer.zero_grad()
            loss(chosen.tolist()).backward()
            optimizer.step()
    with torch.no_grad():
        return loss(range(HELD_OUT)).item()


@pytest.mark.slow
def test_weights_of_photographs_tell_how_a_diver_stands_and_where_the_joints_are(tmp_path):
    weights = published_weights(tmp_path)
    images, points = frames_and_joints()
    known, random = (explained(images, uprightness(points), pretrained) for pretrained in (weights, None))
    assert known > 0.2 and known > random + 0.15
    known, random = (joints_missed(images, points, pretrained) for pretrained in (weights, None))
    assert known < random - 0.5
