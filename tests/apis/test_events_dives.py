"""Events on dives that are joined to long clips with known limits, by the model that the demo trains."""

from itertools import pairwise

import numpy as np
import pytest

from mmaction.apis import Recognizer, train
from mmaction.apis.clips import as_clip
from mmaction.apis.events import WHOLE_LENGTHS, find_whole_events
from mmaction.apis.timeline import classify_windows
from mmaction.evaluation.events import summarize_events
from mmaction.io.annotations import load_annotations
from mmaction.preparation.demo.build import DemoSpec, write_demo_data
from mmaction.structures.events import Event

FPS, LENGTH_S, STRIDE_S = 25, 1.9, 0.2  # the mean length of the dives that are trained on


def unlike_neighbors(clips, rng):
    """Return the clips in a random order in which, as far as possible, neighbors are of different classes."""
    left, found = [clips[i] for i in rng.permutation(len(clips))], []
    while left:
        other = (i for i, clip in enumerate(left) if not found or clip["label"] != found[-1]["label"])
        found.append(left.pop(next(other, 0)))
    return found


def join(clips):
    """Return clips as one, and the events in it."""
    edges = np.cumsum([0, *(clip["total_frames"] for clip in clips)]) / FPS
    events = [Event(clip["label"], *span) for clip, span in zip(clips, pairwise(edges), strict=True)]
    joined = {key: np.concatenate([clip[key] for clip in clips], axis=1) for key in ("keypoint", "keypoint_score")}
    return {"frame_dir": "dives", "img_shape": clips[0]["img_shape"], **joined}, events


def windows_of(model, clip):
    return [
        window for part in WHOLE_LENGTHS for window in classify_windows(model, clip, part * LENGTH_S, STRIDE_S, FPS)
    ]


@pytest.mark.slow
@pytest.mark.integration
def test_joined_dives_are_found_by_the_model_of_the_demo(tmp_path, monkeypatch):
    """60 dives that were not trained on, twelve in a row. Wrong times or labels would give far less."""
    monkeypatch.chdir(tmp_path)
    data = write_demo_data(DemoSpec(), tmp_path / "data/demo_diving", progress=False)
    run = train("c3d-light_1xb16-u32-40e_demo-keypoint", seed=0, work_dir=tmp_path / "out")
    model = Recognizer.load(run.checkpoint, device="cpu").model
    dives = unlike_neighbors(load_annotations(str(data / "skeletons.pkl"), "val"), np.random.default_rng(0))
    clips, true = zip(*(join(dives[i : i + 12]) for i in range(0, 60, 12)), strict=True)
    found = [find_whole_events(windows_of(model, as_clip(clip))) for clip in clips]
    figures = summarize_events(found, true)
    assert figures["f1@50"] >= 0.9, figures
