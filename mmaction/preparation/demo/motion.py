"""The motion of one dive: stance, ballistic flight with constant angular momentum, entry.

World axes: x along the direction of travel, y up with the water at 0, z across; meters and seconds.
"""

from dataclasses import dataclass

import numpy as np

from mmaction.preparation.demo import body
from mmaction.preparation.demo.dives import Dive

GRAVITY = 9.81
FLIGHT_STEPS = 200
_FOLDED = {"pike": body.PIKE, "tuck": body.TUCK, "straight": body.LAYOUT}


@dataclass(frozen=True)
class Performance:
    """How one dive is carried out; drawn independently of its class."""

    height: float  # height of the platform above the water, in meters
    rise_speed: float  # vertical speed at take-off, in meters per second
    travel_speed: float  # horizontal speed at take-off, in meters per second
    crouch_s: float  # duration of the crouch before the take-off, in seconds
    twist_sign: int  # 1 to twist to the left, -1 to the right
    shape: str  # what free means this time: pike, tuck or straight
    fold_at: float  # share of the flight at which a twisting diver folds
    open_at: float  # share of the flight at which the diver opens for the entry
    entry_error: float  # rotation too far (positive) or too short at the entry, in radians
    looseness: float  # noise on the posture angles, standard deviation in radians
    size: float  # size of the body relative to 1.75 m

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Performance":
        """Draw a diver and a day."""
        return cls(
            height=rng.uniform(2.6, 4.2),
            rise_speed=rng.uniform(3.4, 4.8),
            travel_speed=rng.uniform(0.8, 1.3),
            crouch_s=rng.uniform(0.35, 0.6),
            twist_sign=int(rng.choice([-1, 1])),
            shape=str(rng.choice(["pike", "tuck", "straight"])),
            fold_at=rng.uniform(0.28, 0.58),
            open_at=rng.uniform(0.72, 0.88),
            entry_error=rng.normal(0.0, 0.10),
            looseness=rng.uniform(0.01, 0.05),
            size=rng.uniform(0.93, 1.07),
        )

    @property
    def flight_s(self) -> float:
        """Duration of the flight in seconds, until the center of mass is 0.9 m above the water."""
        return (self.rise_speed + np.sqrt(self.rise_speed**2 + 2 * GRAVITY * (self.height + 0.1))) / GRAVITY


def _smoothstep(value: np.ndarray, start: float, end: float) -> np.ndarray:
    """0 before ``start``, 1 after ``end``, smooth between."""
    x = np.clip((value - start) / (end - start), 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def _key_postures(dive: Dive, how: Performance) -> list[tuple[float, float, body.Posture]]:
    """The posture after each change, as (start of the change, end, posture) in shares of the flight."""
    position = how.shape if dive.position == "free" else dive.position
    entry = body.ENTRY_HEAD_FIRST if dive.enters_head_first else body.ENTRY_FEET_FIRST
    keys = []
    if dive.half_twists:
        keys.append((0.02, 0.14, body.WRAP))
        if position != "straight":
            keys.append((how.fold_at - 0.04, how.fold_at + 0.06, _FOLDED[position]))
    else:
        keys.append((0.04, 0.5 * how.fold_at, _FOLDED[position]))
    keys.append((how.open_at, 0.5 + 0.5 * how.open_at + 0.03, entry))
    return keys


def _flight_angles(dive: Dive, how: Performance, share: np.ndarray) -> np.ndarray:
    """Posture angles in radians, shape ``(T, 6)``, at shares 0 to 1 of the flight (before and after allowed)."""
    stretch = how.crouch_s / how.flight_s
    keys = [(-stretch, -0.4 * stretch, body.CROUCH), (-0.4 * stretch, 0.0, body.REACH)]
    first = body.HANDSTAND if dive.starts_inverted else body.STAND
    angles = np.tile(first.as_array(), (len(share), 1))
    for start, end, posture in ([] if dive.starts_inverted else keys) + _key_postures(dive, how):
        weight = _smoothstep(share, start, end)[:, None]
        angles = (1.0 - weight) * angles + weight * posture.as_array()
    return angles


def _rotation(dive: Dive, how: Performance, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Somersault and twist angles in radians at each share of the flight.

    The somersault speed is the angular momentum over the moment of inertia of the posture; the momentum is the one
    that completes the dive in the time of the flight.
    """
    grid = np.linspace(0.0, 1.0, FLIGHT_STEPS)
    inertia = body.somersault_inertia(body.body_joints(_flight_angles(dive, how, grid)))
    turned = np.concatenate([[0.0], np.cumsum(0.5 / inertia[1:] + 0.5 / inertia[:-1])])
    total = dive.half_somersaults * np.pi + how.entry_error
    somersault = np.interp(share, grid, turned / turned[-1] * total)
    twist_end = how.open_at if dive.position == "straight" else how.fold_at
    twist = _smoothstep(share, 0.06, twist_end) * dive.half_twists * np.pi
    return (-somersault if dive.rotates_forward else somersault), how.twist_sign * twist


def dive_joints(dive: Dive, how: Performance, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the joints in the world in meters, shape ``(T, 22, 3)``.

    ``times`` rise, in seconds, shape ``(T,)``; the take-off is at 0 and the entry at ``how.flight_s``.
    """
    share = times / how.flight_s
    angles = _flight_angles(dive, how, share)
    wobble = np.cumsum(rng.normal(0.0, how.looseness, angles.shape), axis=0) * 0.5
    joints = how.size * body.body_joints(angles + np.clip(wobble, -0.3, 0.3))
    somersault, twist = _rotation(dive, how, share)
    tilt = 0.12 * how.twist_sign * np.sin(np.pi * np.clip(share / 0.5, 0.0, 1.0)) * min(dive.half_twists, 1)
    joints = body.rotate(body.rotate(joints, twist, "y"), tilt, "x")
    joints = body.rotate(joints, somersault + np.pi * dive.starts_inverted, "z")
    joints = body.rotate(joints, np.full(len(times), 0.0 if dive.faces_water else np.pi), "y")
    return joints + _path(dive, how, times, joints)[:, None]


def _path(dive: Dive, how: Performance, times: np.ndarray, joints: np.ndarray) -> np.ndarray:
    """The center of mass: over the contact before the take-off, a parabola in flight, slowed down in the water."""
    contact = joints[:, [body.LEFT_HAND, body.RIGHT_HAND]] if dive.starts_inverted else joints[:, [15, 16]]
    stance = np.array([0.0, how.height + 0.08, 0.0]) - contact.mean(axis=1)
    start = stance[max(int(np.searchsorted(times, 0.0)) - 1, 0)]
    air = np.clip(times, 0.0, how.flight_s)
    flight = start + np.stack(
        [how.travel_speed * air, how.rise_speed * air - 0.5 * GRAVITY * air**2, np.zeros_like(air)], axis=-1
    )
    entry_speed = how.rise_speed - GRAVITY * how.flight_s
    under = np.clip(times - how.flight_s, 0.0, None)
    flight[:, 1] += entry_speed * 0.35 * (1.0 - np.exp(-under / 0.35))
    return np.where(times[:, None] < 0.0, stance, flight)
