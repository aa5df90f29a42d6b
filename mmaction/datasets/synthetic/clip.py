"""One clip: the frames and what a pose estimator would see in them."""

from dataclasses import dataclass

import numpy as np

from mmaction.datasets.synthetic import body
from mmaction.datasets.synthetic.camera import follow
from mmaction.datasets.synthetic.dives import Dive
from mmaction.datasets.synthetic.motion import Performance, dive_joints
from mmaction.datasets.synthetic.render import Look, Splash, render_frame


@dataclass(frozen=True)
class Clip:
    """A filmed dive.

    Args:
        frames: RGB, shape ``(T, H, W, 3)``, uint8.
        keypoint: COCO-17 joints x, y in pixels, shape ``(1, T, 17, 2)``, float32.
        keypoint_score: Confidence 0 to 1, 0 where a joint was not seen, shape ``(1, T, 17)``, float32.
    """

    frames: np.ndarray
    keypoint: np.ndarray
    keypoint_score: np.ndarray


def _times(how: Performance, fps: float, rng: np.random.Generator) -> np.ndarray:
    """Times of the frames: before the take-off to after the entry, slowed down or sped up."""
    start = -rng.uniform(0.1, 0.6)
    end = how.flight_s + rng.uniform(0.05, 0.4)
    return np.arange(start, end, rng.uniform(0.85, 1.25) / fps)


def _observe(
    joints: np.ndarray, pixels: np.ndarray, look: Look, size: tuple[int, int], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Turn true positions into detections: noise, missing joints, occlusion, water."""
    num_frames = len(pixels)
    body_px = np.ptp(pixels[..., :2], axis=1).max(axis=-1)
    jitter = 0.012 * body_px[:, None, None] * rng.normal(size=(num_frames, body.NUM_COCO, 2))
    keypoint = pixels[:, : body.NUM_COCO, :2] + jitter
    score = np.clip(0.92 - np.abs(rng.normal(0.0, 0.10, keypoint.shape[:2])), 0.3, 1.0)
    hidden = joints[:, : body.NUM_COCO, 1] < -0.05
    for t in range(num_frames):
        for left, right in look.post_spans(t, size[0]):
            hidden[t] |= (keypoint[t, :, 0] > left) & (keypoint[t, :, 0] < right)
    unsure = (rng.random(score.shape) < 0.04) | (hidden & (rng.random(score.shape) < 0.3))
    keypoint += np.where(unsure, 0.05 * body_px[:, None], 0.0)[..., None] * rng.normal(size=keypoint.shape)
    score = np.where(unsure, rng.uniform(0.05, 0.35, score.shape), score)
    missing = (hidden & ~unsure) | (rng.random(score.shape) < 0.02)
    missing |= ((keypoint < 0) | (keypoint > np.array(size) - 1)).any(axis=-1)
    keypoint[missing], score[missing] = 0.0, 0.0
    return keypoint, score


def make_clip(dive: Dive, size: tuple[int, int], fps: float, rng: np.random.Generator) -> Clip:
    """Film one dive.

    Everything but the motion is drawn without looking at ``dive``: diver, camera, background, start, end and tempo.

    Args:
        dive: The class.
        size: Width and height of the frames in pixels.
        fps: Frames per second of the video.
        rng: Source of all that is random.
    """
    how = Performance.draw(rng)
    times = _times(how, fps, rng)
    look = Look.draw(size, len(times), rng)
    camera_rng, joint_rng, splash_rng, noise_rng = rng.spawn(4)
    joints = dive_joints(dive, how, times, joint_rng)
    centre = body.centre_of_mass(joints)
    camera = follow(centre, fps, size, camera_rng)
    pixels = camera.project(joints)
    origin = np.array([np.interp(how.flight_s, times, centre[:, 0]), 0.0, 0.0])
    splash = Splash.draw(how.flight_s, origin, splash_rng)
    frames = [
        render_frame(look, camera, joints[t], pixels[t], t, how.height, splash.drops(times[t]))
        for t in range(len(times))
    ]
    keypoint, score = _observe(joints, pixels, look, size, noise_rng)
    return Clip(np.stack(frames), keypoint[None].astype(np.float32), score[None].astype(np.float32))
