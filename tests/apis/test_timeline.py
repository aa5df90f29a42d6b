"""Windows over long clips."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmaction.apis import inference_recognizer, init_recognizer
from mmaction.apis.clips import as_clip
from mmaction.apis.predictions import Prediction
from mmaction.apis.timeline import classify_windows, cut_windows, draw_timeline
from mmaction.io.video.pyav_reader import PyAVReader
from mmaction.structures.events import Event
from mmaction.structures.scores import mean_score


@given(
    steps=st.lists(st.integers(20, 200), min_size=1, max_size=200),
    window_s=st.floats(0.3, 10),
    stride_s=st.floats(0.3, 5),
)
def test_windows_cover_the_clip_in_order(steps, window_s, stride_s):
    """Each holds the frames shown in it, whatever their distances; no frame is left out."""
    shown = np.cumsum([0, *steps]) / 1000
    times, end_s = shown[:-1], float(shown[-1])
    stride_s = min(stride_s, window_s)
    windows = cut_windows(times, end_s, window_s, stride_s)
    starts, ends = zip(*windows, strict=True)
    assert starts[0] == 0 and ends[-1] == len(times)
    assert (np.diff(starts) >= 0).all() and all(begin <= end for begin, end in zip(starts[1:], ends, strict=False))
    for begin, end in windows:
        assert times[end - 1] - times[begin] <= window_s + 1e-3


def test_windows_of_a_variable_rate_tell_the_true_times(rgb, tmp_path):
    """4 s at 25 frames a second, then 4 s at 10: by the average rate the second half would begin at 5.7 s."""
    times = [*(40 * t for t in range(100)), *(4000 + 100 * t for t in range(40))]
    path = tmp_path / "variable.mp4"
    write_variable(path, times)
    model = init_recognizer(*rgb, device="cpu")
    found = classify_windows(model, as_clip(path), window_s=2.0, stride_s=2.0)
    assert [(p.start_s, p.end_s) for p in found] == [
        pytest.approx(row, abs=0.06) for row in [(0, 2), (2, 4), (4, 6), (6, 8)]
    ]
    dark, bright = np.zeros((100, 32, 48, 3), np.uint8), np.full((40, 32, 48, 3), 255, np.uint8)
    for prediction, part in zip(found, [dark[:50], dark[50:], bright[:20], bright[20:]], strict=True):
        assert prediction.scores == pytest.approx(mean_score(inference_recognizer(model, part).pred_score), abs=1e-3)


def write_variable(path, times):
    """Frames at given milliseconds, black before 4 s and white from then on."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for time in times:
            image = np.full((32, 48, 3), 255 if time >= 4000 else 0, np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.mark.parametrize("kind", ["video", "frames", "array"])
def test_a_window_scores_like_the_frames_cut_out(rgb, clip_files, kind):
    model = init_recognizer(*rgb, device="cpu")
    fps = None if kind == "video" else 10
    predictions = classify_windows(model, as_clip(clip_files[kind]), window_s=1.5, stride_s=1.0, fps=fps)
    assert [(p.start_s, p.end_s) for p in predictions] == [(0, 1.5), (1, 2.5), (2, 3.5), (2.5, 4)]
    for prediction in predictions:
        part = clip_files["array"][round(prediction.start_s * 10) : round(prediction.end_s * 10)]
        expected = mean_score(inference_recognizer(model, part).pred_score)
        assert prediction.scores == pytest.approx(expected, abs=1e-5)


TSN = """
model = dict(
    type="Recognizer2D",
    backbone=dict(type="ResNet", depth=18, num_stages=1, out_indices=(0,), strides=(1,),
                  dilations=(1,), pretrained=None),
    cls_head=dict(type="TSNHead", in_channels=64, num_classes=3),
    data_preprocessor=dict(type="ActionDataPreprocessor", mean=[120.0] * 3, std=[60.0] * 3, format_shape="NCHW"))
test_pipeline = [
    dict(type="DecordInit"),
    dict(type="SampleFrames", clip_len=1, num_clips=5, test_mode=True),
    dict(type="DecordDecode"),
    dict(type="Resize", scale=(-1, 24)),
    dict(type="ThreeCrop", crop_size=24),
    dict(type="FormatShape", input_format="NCHW"),
    dict(type="PackActionInputs"),
]
"""


def test_a_network_of_single_frames_sees_each_frame_once(tmp_path, clip_files, rgb, monkeypatch):
    (tmp_path / "tsn.py").write_text(TSN)
    model = init_recognizer(tmp_path / "tsn.py", device="cpu")
    seen = []
    model.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(len(inputs[0])))
    found = classify_windows(model, as_clip(clip_files["video"]), 2.0, 0.4)
    chosen = [t + round(10 * p.start_s) for p in found for t in (2, 6, 10, 14, 18)]
    assert len(found) == 6 and sum(seen) == 3 * len(set(chosen)) < 3 * len(chosen)
    assert model.view_memory is None and model.looks_at_frames and not init_recognizer(rgb[0]).looks_at_frames
    monkeypatch.setattr(type(model), "looks_at_frames", False)
    for one, other in zip(found, classify_windows(model, as_clip(clip_files["video"]), 2.0, 0.4), strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-6)


def test_overlapping_windows_decode_each_frame_once(rgb, clip_files, monkeypatch):
    decoded, decode = [], PyAVReader.decode

    def counted(self, indices):
        for index, frame in decode(self, indices):
            decoded.append(index)
            yield index, frame

    monkeypatch.setattr(PyAVReader, "decode", counted)
    classify_windows(init_recognizer(*rgb, device="cpu"), as_clip(clip_files["video"]), 1.5, 0.3)
    assert decoded == sorted(set(decoded)) and len(decoded) > 30


def test_windows_of_a_skeleton(pose):
    model = init_recognizer(*pose, device="cpu")
    rng = np.random.default_rng(0)
    annotation = {"keypoint": rng.uniform(0, 50, (1, 30, 17, 2)).astype(np.float32), "img_shape": (50, 50)}
    predictions = classify_windows(model, as_clip(annotation), 1.0, 1.0, fps=10)
    last = {**annotation, "keypoint": annotation["keypoint"][:, 20:]}
    assert len(predictions) == 3
    assert predictions[-1].scores == pytest.approx(mean_score(inference_recognizer(model, last).pred_score), abs=1e-5)


def test_bad_windows_are_explained(rgb, clip_files):
    model = init_recognizer(rgb[0], device="cpu")
    with pytest.raises(ValueError, match=r"longer than 0 seconds; got 0 and 1"):
        classify_windows(model, as_clip(clip_files["array"]), 0, 1)
    with pytest.raises(ValueError, match=r"does not tell its frame rate.*--fps"):
        classify_windows(model, as_clip(clip_files["frames"]), 1, 1)


@pytest.mark.parametrize("count", [1, 5])
def test_the_picture_has_a_row_for_each_winner(tmp_path, count, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path: drawn.append(self) or path.touch())
    scores = np.full((count, 30), 0.01)
    scores[np.arange(count), 2 * np.arange(count)] = 0.5
    parts = [Prediction("a.mp4", row, float(i), i + 2.0) for i, row in enumerate(scores)]
    draw_timeline(parts, None, tmp_path / "t.png", [Event(2, 1.0, 2.0)] if count > 1 else ())
    axes = drawn[0].axes[0]
    assert [(box.get_x(), box.get_width()) for box in axes.patches] == [(1.0, 1.0)] * (count > 1)
    assert {text.get_text() for text in axes.get_yticklabels()} == {f"class {2 * i}" for i in range(count)}
    assert axes.get_xlim() == (0.0, count + 1.0)


def test_the_picture_is_written(tmp_path):
    draw_timeline([Prediction("a.mp4", np.array([0.4, 0.6]), 0.0, 2.0)], ["a", "b"], tmp_path / "t.png")
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
