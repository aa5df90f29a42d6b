"""The articulated body: posture angles in, joints in meters out.

Body axes: x to the front, y from the feet to the head, z to the right. Lengths and masses follow the segment tables of
Winter, "Biomechanics and Motor Control of Human Movement", for a person of 1.75 m.
"""

from dataclasses import astuple, dataclass

import numpy as np

THIGH, SHANK, FOOT = 0.43, 0.43, 0.16
TORSO, UPPER_ARM, FOREARM, HAND = 0.50, 0.31, 0.26, 0.14
SHOULDER_HALF, HIP_HALF = 0.19, 0.11
NECK, HEAD = 0.12, 0.11

# Joints beyond COCO-17 that the pictures and the mass model need.
NUM_COCO = 17
HEAD_TOP, LEFT_TOE, RIGHT_TOE, LEFT_HAND, RIGHT_HAND = range(17, 22)

# Mass of each joint as a share of the body, segments split between their ends.
MASS = np.zeros(22)
MASS[0], MASS[HEAD_TOP] = 0.04, 0.04
MASS[[5, 6]], MASS[[11, 12]] = 0.145, 0.185
MASS[[7, 8]], MASS[[9, 10]] = 0.022, 0.014
MASS[[13, 14]], MASS[[15, 16]] = 0.064, 0.030
MASS /= MASS.sum()


@dataclass(frozen=True)
class Posture:
    """Angles in degrees; 0 everywhere is standing straight with the arms at the sides."""

    hip: float = 0.0  # flexion of the hips; 120 folds the body
    knee: float = 0.0  # flexion of the knees; 130 brings the heels to the thighs
    shoulder: float = 0.0  # elevation of the arms to the front; 90 points forward, 180 overhead
    elbow: float = 0.0
    spread: float = 0.0  # elevation of the arms to the side
    neck: float = 0.0  # flexion of the neck; 40 brings the chin to the chest

    def as_array(self) -> np.ndarray:
        """Return the six angles in radians, shape ``(6,)``."""
        return np.radians(astuple(self))


STAND = Posture(shoulder=8, spread=8)
CROUCH = Posture(hip=75, knee=85, shoulder=-35, elbow=10, spread=10)
REACH = Posture(hip=3, shoulder=165, spread=8)
HANDSTAND = Posture(shoulder=178, spread=4, neck=-15)
WRAP = Posture(hip=6, shoulder=55, elbow=115, spread=12, neck=10)
PIKE = Posture(hip=128, shoulder=70, elbow=15, spread=6, neck=20)
TUCK = Posture(hip=122, knee=128, shoulder=42, elbow=35, spread=10, neck=35)
LAYOUT = Posture(hip=-6, shoulder=25, elbow=60, spread=35)
ENTRY_HEAD_FIRST = Posture(shoulder=179, spread=2)
ENTRY_FEET_FIRST = Posture(shoulder=4, spread=3)


def _direction(angle: np.ndarray, side: np.ndarray | float = 0.0) -> np.ndarray:
    """A unit vector hanging down at ``angle`` 0, turned to the front by ``angle`` and to the right by ``side``."""
    side = np.broadcast_to(side, angle.shape)
    return np.stack([np.sin(angle) * np.cos(side), -np.cos(angle) * np.cos(side), np.sin(side)], axis=-1)


def _arm(angles: np.ndarray, sign: float, shoulder: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Elbow, wrist and fingertips; ``sign`` is 1 for the right arm and -1 for the left one."""
    lift, bend, spread = angles[:, 2], angles[:, 3], angles[:, 4]
    elbow = shoulder + UPPER_ARM * _direction(lift, sign * spread)
    fore = _direction(lift + bend, sign * (spread - 0.5 * bend))
    return elbow, elbow + FOREARM * fore, elbow + (FOREARM + HAND) * fore


def _leg(angles: np.ndarray, hip: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Knee, ankle and toes."""
    knee = hip + THIGH * _direction(angles[:, 0])
    shank = _direction(angles[:, 0] - angles[:, 1])
    ankle = knee + SHANK * shank
    return knee, ankle, ankle + FOOT * _direction(angles[:, 0] - angles[:, 1] + 0.5)


def _head(neck_angle: np.ndarray, neck: np.ndarray) -> dict[int, np.ndarray]:
    """Nose, eyes, ears and the top of the head."""
    up = -_direction(-neck_angle)
    up[:, 0] *= -1.0
    front = np.stack([up[:, 1], -up[:, 0], np.zeros(len(up))], axis=-1)
    right = np.array([0.0, 0.0, 1.0])
    center = neck + (NECK + HEAD) * up
    return {
        0: center + HEAD * front - 0.02 * up,
        1: center + 0.09 * front + 0.03 * up - 0.035 * right,
        2: center + 0.09 * front + 0.03 * up + 0.035 * right,
        3: center - 0.075 * right,
        4: center + 0.075 * right,
        HEAD_TOP: center + HEAD * up,
    }


def body_joints(angles: np.ndarray) -> np.ndarray:
    """Place the joints of postures (radians, shape ``(T, 6)``) in the body's own axes, center of mass at 0.

    Hip flexion is shared between trunk and legs, so that folding alone does not turn the body as a whole.

    Returns:
        Joints in meters, shape ``(T, 22, 3)``: COCO-17, then the top of the head, left and right toes and fingertips.
    """
    joints = np.zeros((len(angles), len(MASS), 3))
    neck = np.tile([0.0, TORSO, 0.0], (len(angles), 1))
    for index, place in _head(angles[:, 5], neck).items():
        joints[:, index] = place
    for sign, shoulder, elbow, wrist, hip, knee, ankle, toe, hand in (
        (-1.0, 5, 7, 9, 11, 13, 15, LEFT_TOE, LEFT_HAND),
        (1.0, 6, 8, 10, 12, 14, 16, RIGHT_TOE, RIGHT_HAND),
    ):
        joints[:, shoulder] = neck + np.array([0.0, -0.03, sign * SHOULDER_HALF])
        joints[:, hip] = [0.0, 0.0, sign * HIP_HALF]
        joints[:, elbow], joints[:, wrist], joints[:, hand] = _arm(angles, sign, joints[:, shoulder])
        joints[:, knee], joints[:, ankle], joints[:, toe] = _leg(angles, joints[:, hip])
    joints = rotate(joints, -0.45 * angles[:, 0], "z")
    return joints - center_of_mass(joints)[:, None]


def center_of_mass(joints: np.ndarray) -> np.ndarray:
    """The center of mass in meters, shape ``(T, 3)``, of joints ``(T, 22, 3)``."""
    return np.einsum("j,tjc->tc", MASS, joints)


def somersault_inertia(joints: np.ndarray) -> np.ndarray:
    """Moment of inertia about the transverse axis per unit of mass, in square meters, shape ``(T,)``."""
    return np.einsum("j,tjc->t", MASS, joints[..., :2] ** 2)


def rotate(points: np.ndarray, angle: np.ndarray, axis: str) -> np.ndarray:
    """Turn ``(T, V, 3)`` points about ``axis``, ``x``, ``y`` or ``z``, by ``angle`` (radians, shape ``(T,)``).

    The turn goes from the axis that follows in the cycle x, y, z, x to the one after it: about z from x toward y.
    """
    first = ("xyz".index(axis) + 1) % 3
    second = (first + 1) % 3
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    turned = points.copy()
    turned[..., first] = cos * points[..., first] - sin * points[..., second]
    turned[..., second] = sin * points[..., first] + cos * points[..., second]
    return turned
