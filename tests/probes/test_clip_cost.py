"""What a clip costs, and the forms of a video that cost less."""

import cv2
import pytest
from stick_figure import write_video

from mmaction.cli.benchmark_decoders import main
from mmaction.io.video import probe
from mmaction.probes import clip_cost as module
from mmaction.probes.clip_cost import clip_cost, cores_needed, remedies

STEPS = [
    dict(type="DecordInit"),
    dict(type="SampleFrames", clip_len=4, frame_interval=2, num_clips=1),
    dict(type="DecordDecode"),
    dict(type="Resize", scale=(24, 24), keep_ratio=False),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs"),
]


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("videos") / "a.mp4", 20, 96, 160)


def test_the_forms_of_a_video_are_small(video, tmp_path):
    forms = remedies(video, tmp_path, short=32)
    assert list(forms) == ["as it is", "resize_videos --short 32", "build_rawframes --short 32"]
    _, copy, frames = forms.values()
    assert min(probe(copy).shape) == 32 and probe(copy).num_frames == 20
    images = sorted(frames.glob("img_*.jpg"))
    assert len(images) == 20 and min(cv2.imread(str(images[0])).shape[:2]) == 32
    assert all(clip_cost(path, STEPS, 2) > 0 for path in forms.values())


def test_the_cost_is_the_median_without_the_first_clip(video, monkeypatch):
    seconds = iter([100, 1, 2, 9])
    now = [0.0]

    def pipeline(_):
        now[0] += next(seconds)

    monkeypatch.setattr(module.time, "process_time", lambda: now[0])
    monkeypatch.setattr(module, "build_pipeline", lambda steps: pipeline)
    threads = cv2.getNumThreads()
    assert clip_cost(video, STEPS, 3) == 2
    assert cv2.getNumThreads() == threads


def test_cores():
    assert cores_needed(100, 0.031) == 4
    assert cores_needed(0.1, 0.01) == 1


def test_table(video, capsys):
    assert main([str(video), "--rounds", "0", "--clips", "1"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(lines) == 5
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| as it is",
        "| resize_videos --short 256",
        "| build_rawframes --short 256",
    ]
