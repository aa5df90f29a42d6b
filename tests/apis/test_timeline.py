"""Windows over long clips."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmaction.apis import inference_recognizer, init_recognizer
from mmaction.apis.clips import as_clip
from mmaction.apis.predictions import Prediction, scores_of
from mmaction.apis.timeline import classify_windows, cut_windows, draw_timeline


@given(num_frames=st.integers(1, 500), window=st.integers(1, 200), stride=st.integers(1, 100))
def test_windows_cover_the_clip_in_order(num_frames, window, stride):
    windows = cut_windows(num_frames, window, stride)
    starts, ends = zip(*windows, strict=True)
    assert starts[0] == 0 and ends[-1] == num_frames
    assert all(end - start == min(window, num_frames) for start, end in windows)
    steps = np.diff(starts)
    assert (steps[:-1] == stride).all() and (steps > 0).all() and (steps <= stride).all()


@pytest.mark.parametrize("kind", ["video", "frames", "array"])
def test_a_window_scores_like_the_frames_cut_out(rgb, clip_files, kind):
    model = init_recognizer(*rgb, device="cpu")
    fps = None if kind == "video" else 10
    predictions = classify_windows(model, as_clip(clip_files[kind]), window_s=1.5, stride_s=1.0, fps=fps)
    assert [(p.start_s, p.end_s) for p in predictions] == [(0, 1.5), (1, 2.5), (2, 3.5), (2.5, 4)]
    for prediction in predictions:
        part = clip_files["array"][round(prediction.start_s * 10) : round(prediction.end_s * 10)]
        expected = scores_of(inference_recognizer(model, part))
        assert prediction.scores == pytest.approx(expected, abs=1e-5)


def test_windows_of_a_skeleton(pose):
    model = init_recognizer(*pose, device="cpu")
    rng = np.random.default_rng(0)
    annotation = {"keypoint": rng.uniform(0, 50, (1, 30, 17, 2)).astype(np.float32), "img_shape": (50, 50)}
    predictions = classify_windows(model, as_clip(annotation), 1.0, 1.0, fps=10)
    last = {**annotation, "keypoint": annotation["keypoint"][:, 20:]}
    assert len(predictions) == 3
    assert predictions[-1].scores == pytest.approx(scores_of(inference_recognizer(model, last)), abs=1e-5)


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
    monkeypatch.setattr(Figure, "savefig", lambda self, path: drawn.append(self))
    scores = np.full((count, 30), 0.01)
    scores[np.arange(count), 2 * np.arange(count)] = 0.5
    parts = [Prediction("a.mp4", row, float(i), i + 2.0) for i, row in enumerate(scores)]
    draw_timeline(parts, None, tmp_path / "t.png")
    axes = drawn[0].axes[0]
    assert {text.get_text() for text in axes.get_yticklabels()} == {f"class {2 * i}" for i in range(count)}
    assert axes.get_xlim() == (0.0, count + 1.0)


def test_the_picture_is_written(tmp_path):
    draw_timeline([Prediction("a.mp4", np.array([0.4, 0.6]), 0.0, 2.0)], ["a", "b"], tmp_path / "t.png")
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
