"""One clip: a dive that is filmed, and what a pose estimator would see in it."""

from dataclasses import dataclass

import numpy as np

from mmaction.preparation.demo import body
from mmaction.preparation.demo.camera import Camera, follow
from mmaction.preparation.demo.dives import Dive
from mmaction.preparation.demo.motion import Performance, dive_joints
from mmaction.preparation.demo.render import Scene, Splash, render_frame


@dataclass(frozen=True)
class Take:
    """A dive in front of a camera, before it is drawn."""

    times: np.ndarray  # of the frames in seconds from the take-off, shape (T,)
    joints: np.ndarray  # world coordinates in meters, shape (T, 22, 3)
    pixels: np.ndarray  # the same in the image: x, y in pixels and depth in meters, shape (T, 22, 3)
    camera: Camera
    scene: Scene  # colors, background and things in front
    splash: Splash  # drops at the entry
    platform: float  # height of the platform in meters
    noise: np.random.Generator  # source of the errors of the pose estimator

    @classmethod
    def draw(cls, dive: Dive, size: tuple[int, int], fps: float, rng: np.random.Generator) -> "Take":
        """Draw a take; all but the motion is drawn without looking at ``dive``: diver, camera, background, tempo.

        ``size`` is the width and height of the frames in pixels.
        """
        how = Performance.draw(rng)
        times = _times(how, fps, rng)
        scene = Scene.draw(size, len(times), rng)
        camera_rng, joint_rng, splash_rng, noise_rng = rng.spawn(4)
        joints = dive_joints(dive, how, times, joint_rng)
        center = body.center_of_mass(joints)
        camera = follow(center, fps, size, camera_rng)
        origin = np.array([np.interp(how.flight_s, times, center[:, 0]), 0.0, 0.0])
        splash = Splash.draw(how.flight_s, origin, splash_rng)
        return cls(times, joints, camera.project(joints), camera, scene, splash, how.height, noise_rng)

    def frames(self) -> np.ndarray:
        """Draw the frames, RGB, shape ``(T, H, W, 3)``, uint8."""
        frames = (
            render_frame(self.scene, self.camera, joints, pixels, t, self.platform, self.splash.drops(time))
            for t, (time, joints, pixels) in enumerate(zip(self.times, self.joints, self.pixels, strict=True))
        )
        return np.stack(list(frames))

    def detections(self) -> tuple[np.ndarray, np.ndarray]:
        """What a pose estimator finds: errors that grow with the body, unsure, hidden and missing joints.

        Returns:
            COCO-17 joints x, y in pixels, shape ``(1, T, 17, 2)``, float32, and scores 0 to 1, 0 where a joint was not
            seen (its position is 0 then), shape ``(1, T, 17)``, float32.
        """
        rng, size = self.noise, np.array(self.camera.size)
        keypoint = self.pixels[:, : body.NUM_COCO, :2].copy()
        extent = np.ptp(self.pixels[..., :2], axis=1).max(axis=-1)[:, None, None]
        keypoint += 0.012 * extent * rng.normal(size=keypoint.shape)
        score = np.clip(0.92 - np.abs(rng.normal(0.0, 0.10, keypoint.shape[:2])), 0.3, 1.0)
        hidden = (self.joints[:, : body.NUM_COCO, 1] < -0.05) | self._behind_posts(keypoint[..., 0])
        unsure = (rng.random(score.shape) < 0.04) | (hidden & (rng.random(score.shape) < 0.3))
        keypoint += np.where(unsure[..., None], 0.05 * extent, 0.0) * rng.normal(size=keypoint.shape)
        score = np.where(unsure, rng.uniform(0.05, 0.35, score.shape), score)
        missing = (hidden & ~unsure) | (rng.random(score.shape) < 0.02)
        missing |= ((keypoint < 0) | (keypoint > size - 1)).any(axis=-1)
        keypoint[missing], score[missing] = 0.0, 0.0
        return keypoint[None].astype(np.float32), score[None].astype(np.float32)

    def _behind_posts(self, x: np.ndarray) -> np.ndarray:
        """Which joints, at ``x`` in pixels, shape ``(T, 17)``, something in front hides."""
        hidden = np.zeros(x.shape, bool)
        for t, row in enumerate(x):
            for left, right in self.scene.post_spans(t, self.camera.size[0]):
                hidden[t] |= (row > left) & (row < right)
        return hidden


def _times(how: Performance, fps: float, rng: np.random.Generator) -> np.ndarray:
    """Times of the frames: before the take-off to after the entry, slowed down or sped up."""
    start = -rng.uniform(0.1, 0.6)
    end = how.flight_s + rng.uniform(0.05, 0.4)
    return np.arange(start, end, rng.uniform(0.85, 1.25) / fps)
