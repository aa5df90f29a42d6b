"""A hand-held camera beside the pool: it follows the diver late, zooms and shakes."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Camera:
    """Where the camera is and looks at in each frame."""

    position: np.ndarray  # world position in meters, shape (3,)
    axes: np.ndarray  # rows right, up and forward of each frame, shape (T, 3, 3)
    focal: np.ndarray  # focal length in pixels, shape (T,)
    size: tuple[int, int]  # width and height of the image in pixels

    def project(self, points: np.ndarray) -> np.ndarray:
        """Map world points ``(T, V, 3)`` in meters to ``(T, V, 3)``: x, y in pixels and the depth in meters."""
        local = np.einsum("tac,tvc->tva", self.axes, points - self.position)
        depth = np.maximum(local[..., 2], 0.5)
        scale = self.focal[:, None] / depth
        x = self.size[0] / 2 + scale * local[..., 0]
        y = self.size[1] / 2 - scale * local[..., 1]
        return np.stack([x, y, depth], axis=-1)

    def project_at(self, frame: int, points: np.ndarray) -> np.ndarray:
        """Map world points ``(V, 3)`` of a single frame."""
        one = slice(frame, frame + 1)
        return replace(self, axes=self.axes[one], focal=self.focal[one]).project(points[None])[0]

    def pan(self) -> np.ndarray:
        """How far the distant background has moved since the first frame, in pixels, shape ``(T, 2)``."""
        forward = self.axes[:, 2]
        yaw = np.unwrap(np.arctan2(forward[:, 0], forward[:, 2]))
        pitch = np.arcsin(forward[:, 1])
        sense = np.sign(self.axes[0, 0] @ np.cross([0.0, 1.0, 0.0], forward[0]))
        return self.focal[:, None] * np.stack([-sense * (yaw - yaw[0]), pitch - pitch[0]], axis=-1)


def _smooth_noise(rng: np.random.Generator, num_frames: int, memory: float) -> np.ndarray:
    """Three columns of first-order autoregressive noise with unit variance, shape ``(T, 3)``."""
    noise = rng.normal(size=(num_frames, 3))
    for t in range(1, num_frames):
        noise[t] = memory * noise[t - 1] + np.sqrt(1.0 - memory**2) * noise[t]
    return noise


def follow(target: np.ndarray, fps: float, size: tuple[int, int], rng: np.random.Generator) -> Camera:
    """Film ``target`` (center of the diver in meters, shape ``(T, 3)``) from either side of the pool."""
    num_frames = len(target)
    side = rng.choice([-1.0, 1.0])
    distance, azimuth = rng.uniform(9.0, 14.0), np.radians(rng.uniform(-28.0, 28.0))
    middle = target.mean(axis=0)
    position = middle + distance * np.array([np.sin(azimuth), 0.0, side * np.cos(azimuth)])
    position[1] = rng.uniform(1.0, 3.5)
    gain, lag = rng.uniform(0.7, 0.95), rng.uniform(0.04, 0.12)
    aim = np.empty_like(target)
    aim[0] = target[0]
    for t in range(1, num_frames):
        aim[t] = aim[t - 1] + (1.0 - np.exp(-1.0 / (lag * fps))) * (target[t] - aim[t - 1])
    aim = gain * aim + (1.0 - gain) * middle + rng.normal(0.0, 0.22, 3)
    aim += 0.05 * _smooth_noise(rng, num_frames, 0.85) + 0.012 * rng.normal(size=aim.shape)
    forward = aim - position
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    up = np.cross(right, forward)
    zoom = rng.uniform(0.42, 0.56) * np.linspace(1.0, rng.uniform(0.85, 1.2), num_frames)
    zoom *= 1.0 + 0.01 * _smooth_noise(rng, num_frames, 0.9)[:, 0]
    return Camera(position, np.stack([right, up, forward], axis=1), size[1] * distance * zoom / 1.75, size)
