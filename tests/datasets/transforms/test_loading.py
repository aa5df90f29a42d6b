import cv2
import numpy as np
import pytest

from mmaction.datasets.transforms import (
    ArrayDecode,
    DecordDecode,
    DecordInit,
    FormatShape,
    ImageDecode,
    OpenCVDecode,
    OpenCVInit,
    PyAVDecode,
    PyAVInit,
    RandomResizedCrop,
    RawFrameDecode,
    Resize,
    SampleFrames,
    ThreeCrop,
    VideoDecode,
    VideoInit,
)

PAIRS = {
    "decord": (DecordInit(), DecordDecode()),
    "pyav": (PyAVInit(), PyAVDecode()),
    "pyav_threads": (PyAVInit(num_threads=2), PyAVDecode(multi_thread=True)),
    "opencv": (OpenCVInit(), OpenCVDecode()),
    "ours": (VideoInit(), VideoDecode()),
    "ours_eager": (VideoInit(backend="decord", num_threads=2), VideoDecode(lazy=False)),
    "recipe_of_tsm": (DecordInit(io_backend="disk"), DecordDecode(io_backend="disk")),
    "efficient": (DecordInit(), DecordDecode(mode="efficient")),
}


@pytest.fixture(scope="module")
def clip(demo_data):
    return sorted((demo_data / "videos").glob("*.mp4"))[0]


def run(steps, results):
    for step in steps:
        results = step(results)
    return results


def video_sample(path, seed=0):
    return {"filename": str(path), "start_index": 0, "modality": "RGB", "label": 0, "rng": np.random.default_rng(seed)}


@pytest.mark.parametrize("name", PAIRS)
def test_every_pair_reads_the_same_frames(clip, name):
    init, decode = PAIRS[name]
    results = run([init, SampleFrames(5, 3, 2), decode], video_sample(clip))
    expected = run([*PAIRS["opencv"][:1], SampleFrames(5, 3, 2), PAIRS["opencv"][1]], video_sample(clip))
    assert results["total_frames"] == expected["total_frames"] > 0
    assert results["avg_fps"] > 0 and results["video_reader"] is None
    assert results["img_shape"] == results["original_shape"] == expected["imgs"][0].shape[:2]
    assert len(results["imgs"]) == 10
    np.testing.assert_array_equal(np.stack(list(results["imgs"])), np.stack(expected["imgs"]))


@pytest.mark.parametrize(
    "geometry",
    [
        [Resize((-1, 64)), RandomResizedCrop(), Resize((56, 56), keep_ratio=False)],
        [Resize((-1, 64)), ThreeCrop(64)],
        [],
    ],
)
def test_a_lazy_pipeline_gives_the_model_the_same_input(clip, geometry):
    outputs = []
    for lazy in (False, True):
        steps = [VideoInit(), SampleFrames(4, 2, 3), VideoDecode(lazy), *geometry, FormatShape("NCTHW")]
        outputs.append(run(steps, video_sample(clip))["imgs"])
    assert outputs[0].shape == outputs[1].shape
    np.testing.assert_array_equal(*outputs)


def test_a_lazy_pipeline_on_a_large_video_stays_close(shared):
    outputs = []
    for lazy in (False, True):
        steps = [VideoInit(), SampleFrames(2, 4), VideoDecode(lazy), Resize((-1, 256)), RandomResizedCrop()]
        steps += [Resize((224, 224), keep_ratio=False), FormatShape("NCTHW")]
        outputs.append(run(steps, video_sample(shared / "data/video/ntu_sample.avi"))["imgs"].astype(int))
    difference = np.abs(outputs[0] - outputs[1])
    assert difference.mean() < 0.6
    assert (difference <= 1).mean() > 0.97


def test_lazily_decoded_frames_work_in_steps_that_know_nothing_of_it(clip):
    results = run([VideoInit(), SampleFrames(3), VideoDecode()], video_sample(clip))
    inverted = [255 - image for image in results["imgs"]]
    assert len(inverted) == 3 and inverted[0].dtype == np.uint8


def test_frames_from_memory_are_the_same(clip):
    for init in (DecordInit("local"), PyAVInit("local"), OpenCVInit("local")):
        assert run([init], video_sample(clip))["total_frames"] > 0


def test_a_remote_file_store_is_asked_for_the_content(clip, monkeypatch):
    asked = {}

    def get(path, backend_args):
        asked.update(backend_args, path=path)
        return clip.read_bytes()

    monkeypatch.setattr("mmaction.datasets.transforms.loading.get", get)
    for init, decode in (PAIRS["ours"], PAIRS["opencv"], PAIRS["decord"]):
        remote = type(init)(io_backend="petrel", enable_mc=True)
        results = run([remote, SampleFrames(3), decode], video_sample("s3://bucket/clip.mp4"))
        assert len(list(results["imgs"])) == 3
    assert asked == {"backend": "petrel", "enable_mc": True, "path": "s3://bucket/clip.mp4"}


def test_unknown_backend_and_mode_are_named():
    with pytest.raises(ValueError, match="backend is one of auto, pyav, decord, opencv, torchcodec; got 'ffmpeg'"):
        VideoInit(backend="ffmpeg")
    with pytest.raises(ValueError, match="mode is 'accurate' or 'efficient'; got 'fast'"):
        DecordDecode(mode="fast")


@pytest.mark.parametrize("name", PAIRS)
def test_a_missing_video_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"there is no video .*gone\.mp4"):
        PAIRS[name][0](video_sample(tmp_path / "gone.mp4"))


@pytest.mark.parametrize("name", PAIRS)
def test_an_unreadable_video_is_named(tmp_path, name):
    path = tmp_path / "words.mp4"
    path.write_text("no video at all")
    with pytest.raises(ValueError, match=r"words\.mp4 cannot be opened as a video"):
        PAIRS[name][0](video_sample(path))


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
