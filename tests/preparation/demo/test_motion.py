"""The physics of the dive and its picture."""

import numpy as np
import pytest

from mmaction.preparation.demo import body
from mmaction.preparation.demo.camera import follow
from mmaction.preparation.demo.dives import DIVES, Dive
from mmaction.preparation.demo.motion import GRAVITY, Performance, dive_joints

BONES = ((5, 7), (7, 9), (6, 8), (8, 10), (11, 13), (13, 15), (12, 14), (14, 16), (5, 6), (11, 12))
FPS = 50.0


def perform(dive, seed=0):
    rng = np.random.default_rng(seed)
    how = Performance.draw(rng)
    times = np.arange(-0.4, how.flight_s + 0.2, 1 / FPS)
    return how, times, dive_joints(dive, how, times, rng)


def trunk_angle(joints):
    """Angle of the trunk from upright in the plane of the somersault, unwrapped over time."""
    trunk = joints[:, [5, 6]].mean(axis=1) - joints[:, [11, 12]].mean(axis=1)
    return np.unwrap(np.arctan2(trunk[:, 0], trunk[:, 1]))


@pytest.mark.parametrize("dive", DIVES[:: len(DIVES) // 12], ids=lambda dive: dive.name)
def test_bones_keep_their_length(dive):
    _, _, joints = perform(dive)
    for a, b in BONES:
        length = np.linalg.norm(joints[:, a] - joints[:, b], axis=-1)
        assert np.ptp(length) < 1e-9


def test_flight_is_a_parabola():
    how, times, joints = perform(DIVES[0])
    flying = (times > 0.02) & (times < how.flight_s - 0.02)
    center = body.center_of_mass(joints)[flying]
    acceleration = np.diff(center, n=2, axis=0) * FPS**2
    np.testing.assert_allclose(acceleration, np.tile([0.0, -GRAVITY, 0.0], (len(acceleration), 1)), atol=1e-6)


def test_feet_stay_on_the_platform_before_the_take_off():
    how, times, joints = perform(DIVES[0])
    feet = joints[times < 0, 15:17].mean(axis=1)
    np.testing.assert_allclose(feet, np.tile([0.0, how.height + 0.08, 0.0], (len(feet), 1)), atol=1e-9)


@pytest.mark.parametrize(("takeoff", "sign"), [("forward", 1), ("back", 1), ("reverse", -1), ("inward", -1)])
@pytest.mark.parametrize("half_somersaults", [2, 3, 5])
def test_somersaults_and_their_sense(takeoff, sign, half_somersaults):
    """Forward and back dives turn away from the platform, reverse and inward dives towards it."""
    how, times, joints = perform(Dive(takeoff, half_somersaults, 0, "tuck"))
    angle = trunk_angle(joints)
    turned = angle[np.searchsorted(times, how.flight_s) - 1] - angle[np.searchsorted(times, 0.0)]
    assert turned == pytest.approx(sign * half_somersaults * np.pi, abs=0.6)


def test_folding_speeds_the_somersault_up():
    how, times, joints = perform(Dive("forward", 5, 0, "tuck"))
    speed = np.abs(np.diff(trunk_angle(joints))) * FPS
    share = times[1:] / how.flight_s
    tucked, opened = speed[(share > 0.4) & (share < 0.6)].mean(), speed[(share > 0.96) & (share < 1.0)].mean()
    assert tucked > 2 * opened


@pytest.mark.parametrize("half_twists", [0, 1, 2, 3])
def test_half_twists_turn_the_hips(half_twists):
    how, times, joints = perform(Dive("forward", 3, half_twists, "pike"))
    hips = (joints[:, 12] - joints[:, 11])[:, 2]
    before, after = hips[np.searchsorted(times, 0.0)], hips[np.searchsorted(times, how.flight_s) - 2]
    assert np.sign(after) == np.sign(before) * (-1) ** half_twists


def test_handstand_starts_with_the_head_below_the_feet():
    how, times, joints = perform(Dive("armstand", 4, 0, "pike"))
    assert (joints[times < 0, 0, 1] < joints[times < 0, 15, 1]).all()
    assert joints[times < 0][:, 9, 1].mean() == pytest.approx(how.height + 0.08, abs=0.2)


def test_camera_projects_its_target_near_the_centre_and_keeps_left_and_right():
    rng = np.random.default_rng(3)
    target = np.cumsum(rng.normal(0, 0.02, (40, 3)), axis=0) + np.array([0, 3, 0])
    camera = follow(target, 25.0, (160, 120), rng)
    center = camera.project(target[:, None])[:, 0]
    assert np.abs(center[:, :2] - [80, 60]).max() < 40
    right = camera.project(target[:, None] + 0.5 * camera.axes[:, None, 0])[:, 0]
    up = camera.project(target[:, None] + 0.5 * camera.axes[:, None, 1])[:, 0]
    assert (right[:, 0] > center[:, 0]).all()
    assert (up[:, 1] < center[:, 1]).all()
    np.testing.assert_allclose(np.linalg.det(camera.axes), -1.0, atol=1e-9)  # right, up, forward: left-handed
