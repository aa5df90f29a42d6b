"""Reading and writing of videos."""

import cv2
import numpy as np
import pytest

from mmaction.io.video import open_video
from mmaction.io.video.writers import ImageFolderSink, VideoSink, write_image
from mmaction.visualization.sinks import SheetSink


def moving_bar(num_frames, height, width):
    for t in range(num_frames):
        image = np.full((height, width, 3), (40, 90, 160), np.uint8)
        image[:, 2 * t : 2 * t + 8] = (220, 60, 30)
        yield image


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
@pytest.mark.parametrize(("height", "width"), [(48, 64), (47, 63)])
def test_what_is_written_is_read_again(tmp_path, suffix, height, width):
    path = tmp_path / f"a{suffix}"
    sink = VideoSink(path, 10)
    for image in moving_bar(8, height, width):
        sink.write(image)
    sink.close()
    reader = open_video(path)
    even = suffix == ".mp4"
    assert (reader.info.height, reader.info.width) == (height + even * (height % 2), width + even * (width % 2))
    assert reader.info.fps == pytest.approx(10)
    frames = list(reader.images())
    assert [t for t, _ in frames] == list(range(8))
    for (_, got), expected in zip(frames, moving_bar(8, height, width), strict=True):
        assert np.abs(got[:height, :width].astype(int) - expected).mean() < 8


def test_range_of_frames(tmp_path):
    sink = VideoSink(tmp_path / "a.mp4", 25)
    for image in moving_bar(9, 32, 48):
        sink.write(image)
    sink.close()
    reader = open_video(tmp_path / "a.mp4")
    assert [t for t, _ in reader.images(3, 6)] == [3, 4, 5]
    assert [t for t, _ in reader.images(7)] == [7, 8]
    assert not list(reader.images(20))


def test_same_input_same_file(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        sink = VideoSink(tmp_path / name, 25, num_threads=1)
        for image in moving_bar(40, 64, 96):
            sink.write(image)
        sink.close()
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_rotated_video_is_turned_upright_as_opencv_does(shared):
    path = shared / "data/video/video_90.mov"
    reader = open_video(path)
    assert (reader.info.height, reader.info.width) == (568, 320)
    capture = cv2.VideoCapture(str(path))
    for _, image in reader.images():
        _, expected = capture.read()
        assert np.abs(image[..., ::-1].astype(int) - expected).mean() < 1.5


def test_gif_is_read(shared):
    reader = open_video(shared / "data/video/diving_sample.gif")
    frames = [image for _, image in reader.images()]
    assert len(frames) == 21
    assert frames[0].shape == (281, 500, 3)


def test_damaged_video_gives_what_it_has_and_says_so(shared):
    reader = open_video(shared / "data/video/corrupted.mp4")
    assert reader.num_frames == 50
    assert sum(1 for _ in reader.images()) == 28
    assert "Invalid data" in reader.problem


def test_cut_off_video_gives_what_it_has_and_says_so(shared, tmp_path):
    content = (shared / "data/video/test.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) // 4])
    reader = open_video(tmp_path / "cut.avi")
    frames = sum(1 for _ in reader.images())
    assert reader.problem == f"cut off, {frames} of 164 frames are there"
    assert 20 < frames < 80
    assert len(list(reader.images(0, 5))) == 5
    assert reader.problem == ""


def test_unreadable_videos(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no video .*none.mp4"):
        open_video(tmp_path / "none.mp4")
    (tmp_path / "text.mp4").write_text("this is no video")
    with pytest.raises(ValueError, match=r"text.mp4 cannot be opened as a video"):
        open_video(tmp_path / "text.mp4")


def test_picture_sinks(tmp_path):
    folder, sheet = ImageFolderSink(tmp_path / "frames"), SheetSink(tmp_path / "sheet.png", columns=2, height=24)
    for image in moving_bar(3, 48, 64):
        folder.write(image)
        sheet.write(image)
    folder.close()
    sheet.close()
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == ["000000.png", "000001.png", "000002.png"]
    written = cv2.imread(str(tmp_path / "frames/000001.png"))[..., ::-1]
    np.testing.assert_array_equal(written, list(moving_bar(2, 48, 64))[1])
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (2 * 28 + 4, 2 * 36 + 4, 3)


def test_a_picture_that_cannot_be_written(tmp_path):
    with pytest.raises(OSError):
        write_image(tmp_path / "no_folder/a.png", np.zeros((4, 4, 3), np.uint8))


@pytest.mark.parametrize("suffix", [".mp4", ".gif"])
def test_frames_are_shown_at_the_times_given(tmp_path, suffix):
    """Half 25, half 10 frames a second."""
    times = [*np.arange(5) * 0.04, *(0.2 + np.arange(5) * 0.1)]
    sink = VideoSink(tmp_path / f"a{suffix}", 25)
    for time_s, image in zip(times, moving_bar(10, 32, 48), strict=True):
        sink.write(image, float(time_s))
    sink.close()
    np.testing.assert_allclose(open_video(tmp_path / f"a{suffix}").info.times, times, atol=1e-3)
