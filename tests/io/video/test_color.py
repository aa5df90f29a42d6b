import cv2
import numpy as np
import pytest

from mmaction.io.video import open_video
from mmaction.io.video.color import swscale_matrix


def test_matrix_of_bt601_with_limited_range():
    matrix = swscale_matrix("yuv420p", 2, 0)
    np.testing.assert_allclose(
        matrix[:, :3], [[1.1644, 0, 1.596], [1.1644, -0.3918, -0.813], [1.1644, 2.0172, 0]], atol=0.015
    )


def test_matrix_follows_the_colour_space():
    np.testing.assert_allclose(swscale_matrix("yuv420p", 1, 0)[0, :3], [1.1644, 0, 1.7927], atol=0.015)


@pytest.mark.parametrize("name", ["ntu_sample.avi", "demo_skeleton.mp4"])
def test_shrinking_in_yuv_stays_close_to_shrinking_in_rgb(shared, name):
    for _, frame in open_video(shared / "data/video" / name).frames([0, 31, 60]):
        expected = cv2.resize(frame.rgb(), (455, 256)).astype(int)
        difference = np.abs(frame.scaled((256, 455)) - expected)
        assert difference.mean() < 0.5
        assert (difference > 1).mean() < 0.02
        assert (difference > 2).mean() < 0.003


def test_little_shrinking_and_enlarging_are_exact(shared):
    _, frame = next(open_video(shared / "data/video/ta_chi.mp4").frames([40]))
    for shape in ((256, 340), (224, 224), (300, 400)):
        np.testing.assert_array_equal(frame.scaled(shape), cv2.resize(frame.rgb(), shape[::-1]))


@pytest.mark.parametrize("shape", [(256, 455), (1080, 1920), (900, 1600)])
def test_a_part_equals_the_part_of_the_whole(shared, shape):
    _, frame = next(open_video(shared / "data/video/ntu_sample.avi").frames([31]))
    part = frame.scaled(shape, (20, 30, 244, 200))
    np.testing.assert_array_equal(part, frame.scaled(shape)[30:200, 20:244])
