"""The pictures: a changing background, the pool, the diver, the splash and things that pass in front."""

from dataclasses import dataclass

import cv2
import numpy as np

from mmaction.preparation.demo import body
from mmaction.preparation.demo.camera import Camera

SHIFT = 3  # OpenCV draws with this many fractional bits
# Limbs as (first joint, second joint, radius in meters, part of the scene that colors them).
_LIMBS = (
    (11, 13, 0.075, "skin"), (13, 15, 0.050, "skin"), (15, body.LEFT_TOE, 0.030, "skin"),
    (12, 14, 0.075, "skin"), (14, 16, 0.050, "skin"), (16, body.RIGHT_TOE, 0.030, "skin"),
    (5, 7, 0.045, "skin"), (7, 9, 0.035, "skin"), (9, body.LEFT_HAND, 0.025, "skin"),
    (6, 8, 0.045, "skin"), (8, 10, 0.035, "skin"), (10, body.RIGHT_HAND, 0.025, "skin"),
)  # fmt: skip
_MARGIN = 1.5  # the panorama extends this many image sizes to each side


@dataclass(frozen=True)
class Scene:
    """Colors and things of one clip, chosen without knowing its class; colors are RGB, 0 to 255."""

    panorama: np.ndarray  # distant background, shape (H', W', 3), uint8
    skin: tuple[int, ...]
    suit: tuple[int, ...]
    hair: tuple[int, ...]
    water: tuple[int, ...]
    flicker: np.ndarray  # brightness of each frame, shape (T,)
    # moving spots of the background: x, y as shares of the image, speed of both, radius, shape (K, 5)
    crowd: np.ndarray
    posts: np.ndarray  # things in front: x as a share of the width, speed per frame, width as a share, shape (K, 3)

    @classmethod
    def draw(cls, size: tuple[int, int], num_frames: int, rng: np.random.Generator) -> "Scene":
        """Draw a scene for ``num_frames`` frames of ``size`` (width, height)."""
        shade = rng.uniform(0.75, 1.0)  # in the light, against a darker hall
        num_posts = int(rng.choice([0, 1, 2], p=[0.4, 0.4, 0.2]))
        spots = rng.uniform(size=(12, 5)) * [1.0, 1.0, 0.02, 0.01, 0.04] - [0.0, 0.0, 0.01, 0.005, -0.01]
        posts = rng.uniform(size=(num_posts, 3)) * [1.4, 0.03, 0.07] + [-0.2, -0.015, 0.02]
        return cls(
            panorama=_panorama(size, rng),
            skin=tuple(int(shade * c) for c in (235, 190, 160)),
            suit=tuple(rng.integers(20, 230, 3).tolist()),
            hair=tuple(rng.integers(10, 120, 3).tolist()),
            water=tuple(rng.integers([10, 80, 120], [80, 170, 235]).tolist()),
            flicker=1.0 + 0.05 * np.sin(np.arange(num_frames) * rng.uniform(0.1, 0.8) + rng.uniform(0, 6)),
            crowd=spots,
            posts=posts,
        )

    def post_spans(self, frame: int, width: int) -> list[tuple[float, float]]:
        """Left and right edge in pixels of everything that stands in front in this frame."""
        centers = (self.posts[:, 0] + self.posts[:, 1] * frame) * width
        halves = self.posts[:, 2] * width / 2
        return [(float(c - h), float(c + h)) for c, h in zip(centers, halves, strict=True)]


def _panorama(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A blurred hall: a gradient, stands, windows and grain."""
    width, height = (int(n * (1 + 2 * _MARGIN)) for n in size)
    colors = rng.integers(20, 120, (2, 3)).astype(np.float32)
    ramp = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None, None]
    image = np.tile(colors[0] * (1 - ramp) + colors[1] * ramp, (1, width, 1))
    for _ in range(int(rng.integers(15, 40))):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        w, h = (int(n) for n in rng.integers(6, max(width // 6, 7), 2))
        cv2.rectangle(image, (x, y), (x + w, y + h), [float(c) for c in rng.integers(0, 140, 3)], -1)
    coarse = rng.normal(0.0, 1.0, (height // 4, width // 4, 3)).astype(np.float32)
    image += 8.0 * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(np.clip(image, 0, 255), (0, 0), 1.2).astype(np.uint8)


def _fixed(point: np.ndarray) -> tuple[int, int]:
    """A pixel position with ``SHIFT`` fractional bits."""
    return round(float(point[0]) * 2**SHIFT), round(float(point[1]) * 2**SHIFT)


def _background(scene: Scene, offset: np.ndarray, zoom: float, frame: int, size: tuple[int, int]) -> np.ndarray:
    width, height = size
    x0, y0 = width * _MARGIN + width / 2, height * _MARGIN + height / 2
    shift = width / 2 - zoom * x0 + offset[0], height / 2 - zoom * y0 + offset[1]
    matrix = np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]], np.float32)
    image = cv2.warpAffine(scene.panorama, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    for x, y, dx, dy, radius in scene.crowd:
        center = ((x + dx * frame) * width + offset[0], (y + dy * frame) * height + offset[1])
        cv2.circle(image, (int(center[0]), int(center[1])), max(int(radius * height), 1), scene.suit[::-1], -1)
    return image


def _water(image: np.ndarray, scene: Scene, camera: Camera, frame: int) -> None:
    """Fill the pool, which lies at height 0 and ends 12 m behind the diver."""
    away = -np.sign(camera.position[2])
    edge = np.array([[-30.0, 0.0, 12.0 * away], [30.0, 0.0, 12.0 * away]])
    ends = camera.project_at(frame, edge)
    ends = ends[np.argsort(ends[:, 0])]
    height, width = image.shape[:2]
    polygon = np.array([[0, ends[0, 1]], [width, ends[1, 1]], [width, height], [0, height]])
    if polygon[:2, 1].min() < height:
        polygon[2:, 1] = max(height, polygon[:2, 1].max())
        cv2.fillPoly(image, [polygon.astype(np.int32)], scene.water, cv2.LINE_AA)
        rows = np.arange(int(max(polygon[:2, 1].max(), 0)), height, 5)
        for row in rows + frame % 5:
            cv2.line(image, (0, int(row)), (width, int(row)), tuple(min(c + 14, 255) for c in scene.water), 1)


def _platform(image: np.ndarray, camera: Camera, frame: int, height: float, scene: Scene) -> None:
    """A narrow stand below the feet, alike from both sides so that it does not show the direction of the dive."""
    points = np.array([[-0.35, height, 0.0], [0.35, height, 0.0], [0.0, height, 0.0], [0.0, 0.0, 0.0]])
    pixels = camera.project_at(frame, points)
    thickness = max(int(0.12 * camera.focal[frame] / pixels[0, 2]), 1)
    for a, b in ((0, 1), (2, 3)):
        cv2.line(image, _fixed(pixels[a]), _fixed(pixels[b]), scene.hair, thickness, cv2.LINE_AA, SHIFT)


def _diver(image: np.ndarray, scene: Scene, joints: np.ndarray, pixels: np.ndarray, focal: float) -> None:
    """Draw limbs, trunk and head from far to near; parts below the water are not seen."""
    parts: list[tuple[float, tuple[int, ...], float, tuple[int, ...]]] = [
        (pixels[[a, b], 2].mean(), (a, b), radius, getattr(scene, color)) for a, b, radius, color in _LIMBS
    ]
    parts.append((pixels[[5, 6, 11, 12], 2].mean(), (5, 6, 12, 11), 0.09, scene.suit))
    parts.append((pixels[[0, body.HEAD_TOP], 2].mean(), (0, 3, 4), 0.12, scene.hair))
    for depth, indices, radius, color in sorted(parts, key=lambda part: -part[0]):
        if (joints[list(indices), 1] < 0.0).all():
            continue
        thickness = max(round(float(2 * radius * focal / depth)), 1)
        shaded = tuple(int(np.clip(c * (1.25 - 0.5 * (depth - pixels[:, 2].min())), 0, 255)) for c in color)
        if len(indices) == 3:
            cv2.circle(image, _fixed(pixels[list(indices), :2].mean(axis=0)), thickness << (SHIFT - 1), shaded, -1,
                       cv2.LINE_AA, SHIFT)  # fmt: skip
            face = tuple(min(c + 10, 255) for c in scene.skin)
            cv2.circle(image, _fixed(pixels[0]), max(thickness << (SHIFT - 3), 4), face, -1, cv2.LINE_AA, SHIFT)
            continue
        corners = np.array([_fixed(pixels[i]) for i in indices])
        if len(indices) == 4:
            cv2.fillPoly(image, [corners], shaded, cv2.LINE_AA, SHIFT)
        cv2.polylines(image, [corners], len(indices) > 2, shaded, thickness, cv2.LINE_AA, SHIFT)


@dataclass(frozen=True)
class Splash:
    """Drops thrown up at the entry."""

    start_s: float  # time of the entry in seconds
    origin: np.ndarray  # where the diver meets the water, in meters, shape (3,)
    velocity: np.ndarray  # of each drop in meters per second, shape (K, 3)
    delay: np.ndarray  # of each drop in seconds, shape (K,)

    @classmethod
    def draw(cls, start_s: float, origin: np.ndarray, rng: np.random.Generator) -> "Splash":
        """Draw a splash of random size."""
        count = int(rng.integers(30, 90))
        velocity = rng.normal(size=(count, 3)) * [0.7, 0.0, 0.7]
        velocity[:, 1] = rng.uniform(0.5, rng.uniform(2.5, 5.0), count)
        return cls(start_s, origin, velocity, rng.uniform(0.0, 0.25, count))

    def drops(self, time: float) -> np.ndarray:
        """World positions of the drops above the water at ``time``, shape ``(K', 3)``."""
        age = time - self.start_s - self.delay
        places = self.origin + self.velocity * age[:, None]
        places[:, 1] -= 0.5 * 9.81 * age**2
        return places[(age > 0) & (places[:, 1] > 0)]


def render_frame(
    scene: Scene, camera: Camera, joints: np.ndarray, pixels: np.ndarray, frame: int, platform: float, drops: np.ndarray
) -> np.ndarray:
    """Draw frame number ``frame``: RGB, shape ``(H, W, 3)``, uint8.

    ``joints`` are the joints in the world in meters, ``pixels`` in the image (x, y, depth), both ``(22, 3)``; ``drops``
    are the places of the splash in the world, ``(K, 3)``; the platform is ``platform`` meters high.
    """
    focal = float(camera.focal[frame])
    image = _background(scene, camera.pan()[frame], focal / float(camera.focal[0]), frame, camera.size)
    _water(image, scene, camera, frame)
    _platform(image, camera, frame, platform, scene)
    _diver(image, scene, joints, pixels, focal)
    for drop in camera.project_at(frame, drops):
        radius = max(int(0.05 * focal / drop[2] * 2**SHIFT), 4)
        cv2.circle(image, _fixed(drop), radius, (235, 245, 250), -1, cv2.LINE_AA, SHIFT)
    for left, right in scene.post_spans(frame, camera.size[0]):
        cv2.rectangle(image, (int(left), 0), (int(right), camera.size[1]), scene.hair, -1)
    return cv2.convertScaleAbs(image, alpha=float(scene.flicker[frame]))
