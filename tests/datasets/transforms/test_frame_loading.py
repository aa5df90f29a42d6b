import cv2
import numpy as np
import pytest

from mmaction.datasets.transforms import ArrayDecode, ImageDecode, RawFrameDecode


@pytest.fixture
def frames_folder(tmp_path):
    for number in range(1, 7):
        image = np.full((12, 16, 3), (10 * number, 0, 255), np.uint8)  # BGR, as OpenCV writes
        cv2.imwrite(str(tmp_path / f"img_{number:05}.png"), image)
        cv2.imwrite(str(tmp_path / f"x_{number:05}.png"), np.full((12, 16), number, np.uint8))
        cv2.imwrite(str(tmp_path / f"y_{number:05}.png"), np.full((12, 16), 100 + number, np.uint8))
    return tmp_path


def frames_sample(folder, modality="RGB", template="img_{:05}.png", **more):
    inds = np.array([1, 3, 3, 2])
    return {"frame_dir": str(folder), "filename_tmpl": template, "modality": modality, "frame_inds": inds, **more}


@pytest.mark.parametrize("backend", ["cv2", "pillow"])
def test_frames_are_read_as_rgb(frames_folder, backend):
    results = RawFrameDecode(decoding_backend=backend)(frames_sample(frames_folder))
    assert [tuple(image[0, 0]) for image in results["imgs"]] == [(255, 0, 10), (255, 0, 30), (255, 0, 30), (255, 0, 20)]
    assert results["img_shape"] == results["original_shape"] == (12, 16)


def test_each_frame_is_read_once(frames_folder, monkeypatch):
    step = RawFrameDecode()
    read = []
    original = step._read
    monkeypatch.setattr(step, "_read", lambda path, flag: read.append(path) or original(path, flag))
    step(frames_sample(frames_folder))
    assert len(read) == 3


def test_flow_takes_turns_between_x_and_y(frames_folder):
    results = RawFrameDecode()(frames_sample(frames_folder, "Flow", "{}_{:05}.png"))
    assert [int(image[0, 0]) for image in results["imgs"]] == [1, 101, 3, 103, 3, 103, 2, 102]


def test_the_offset_is_added(frames_folder):
    results = RawFrameDecode()(frames_sample(frames_folder, offset=3))
    assert [int(image[0, 0, 2]) for image in results["imgs"]] == [40, 60, 60, 50]


FLOW = {"modality": "Flow", "filename_tmpl": "{}_{:05}.png"}


def test_missing_and_broken_images_are_named(frames_folder):
    with pytest.raises(FileNotFoundError, match=r"no image .*img_00007\.png: check filename_tmpl, start_index"):
        RawFrameDecode()(frames_sample(frames_folder) | {"frame_inds": [1, 7]})
    for name in ("img", "x"):
        (frames_folder / f"{name}_00002.png").write_text("no image")
    for step, more in (
        (RawFrameDecode(), {}),
        (RawFrameDecode(decoding_backend="pillow"), {}),
        (RawFrameDecode(), FLOW),
    ):
        with pytest.raises(ValueError, match=r"_00002\.png cannot be decoded as an image"):
            step(frames_sample(frames_folder) | more)


def test_one_image_is_a_video_of_one_frame(frames_folder):
    results = ImageDecode()({"filename": str(frames_folder / "img_00004.png")})
    assert len(results["imgs"]) == 1 and tuple(results["imgs"][0][0, 0]) == (255, 0, 40)
    assert results["img_shape"] == (12, 16)


def test_arrays_give_frames_or_flow():
    array = np.arange(6 * 2 * 3 * 3, dtype=np.uint8).reshape(6, 2, 3, 3)
    results = ArrayDecode()({"array": array, "frame_inds": [4, 0], "modality": "RGB"})
    np.testing.assert_array_equal(results["imgs"][0], array[4])
    assert results["img_shape"] == (2, 3)
    flow = ArrayDecode()({"array": array[..., :2], "frame_inds": [1], "modality": "Flow"})
    np.testing.assert_array_equal(flow["imgs"][1], array[1, ..., 1])


@pytest.mark.parametrize(
    ("array", "inds", "message"),
    [
        (np.zeros((2, 3, 3)), [0], r"shape \(T, H, W, C\); got \(2, 3, 3\)"),
        (np.zeros((2, 3, 3, 3)), [0, 2], "frames 0 to 2 asked of 2 in array"),
    ],
)
def test_arrays_of_another_shape_are_named(array, inds, message):
    with pytest.raises(ValueError, match=message):
        ArrayDecode()({"array": array, "frame_inds": inds, "modality": "RGB"})
