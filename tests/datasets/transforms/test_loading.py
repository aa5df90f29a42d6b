import numpy as np
import pytest

from mmaction.datasets.transforms import (
    DecordDecode,
    DecordInit,
    FormatShape,
    OpenCVDecode,
    OpenCVInit,
    PyAVDecode,
    PyAVInit,
    RandomResizedCrop,
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
    with pytest.raises(
        ValueError, match="backend is one of auto, pyav, decord, opencv, torchcodec, torchcodec-cuda; got 'ffmpeg'"
    ):
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
