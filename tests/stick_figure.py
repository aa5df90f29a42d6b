"""A small video of a walking stick figure and its annotation."""

import cv2
import numpy as np

from mmaction.io.video.writers import VideoSink

HEIGHT, WIDTH, FRAMES = 96, 128, 12


def walking(num_frames=FRAMES, num_joints=17, persons=1, seed=0):
    """Joints that drift to the right, shape ``(M, T, V, 2)``, and their scores."""
    rng = np.random.default_rng(seed)
    body = rng.uniform([20, 20], [60, 75], (persons, 1, num_joints, 2))
    body[..., 0] += 15 * np.arange(persons)[:, None, None]
    drift = np.arange(num_frames)[None, :, None, None] * np.array([2.0, 0.0])
    keypoint = (body + drift).astype(np.float32)
    return keypoint, np.full(keypoint.shape[:3], 0.9, np.float32)


def annotation(name="walk", **changes):
    keypoint, score = walking()
    shape = (HEIGHT, WIDTH)
    info = dict(frame_dir=name, label=1, img_shape=shape, original_shape=shape, keypoint=keypoint)
    return info | dict(total_frames=keypoint.shape[1], keypoint_score=score) | changes


def write_video(path, num_frames=FRAMES, height=HEIGHT, width=WIDTH, value=60):
    sink = VideoSink(path, 25)
    for t in range(num_frames):
        sink.write(np.full((height, width, 3), value + t, np.uint8))
    sink.close()
    return path


def pictures(folder):
    """The pictures of a folder, RGB."""
    return [cv2.imread(str(path))[..., ::-1] for path in sorted(folder.iterdir())]
