import json

import pytest
import torch

from mmaction.datasets.base import BaseActionDataset
from mmaction.probes import speed


@pytest.fixture
def clock(monkeypatch):
    """A clock that only moves when a test says so."""
    now = [0.0]
    monkeypatch.setattr(speed.time, "perf_counter", lambda: now[0])
    return now


class Slow:
    """A step that takes its time, and longer at first."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds, self.calls = clock, seconds, 0

    def __call__(self, results=None):
        self.clock[0] += self.seconds if self.calls else 100
        self.calls += 1
        return results


class Five(BaseActionDataset):
    def load_data_list(self):
        return [{"filename": str(i), "label": i} for i in range(5)]


def test_each_step_is_timed_without_the_first_sample(clock):
    dataset = Five("", pipeline=[Slow(clock, 0.002), Slow(clock, 0.02)])
    found = speed.time_pipeline(dataset, list(range(5)))
    assert found == {"annotation": 0, "Slow": pytest.approx(2), "Slow 2": pytest.approx(20)}


def test_rates(clock):
    def batches():
        for number in range(4):
            clock[0] += 0.5 if number else 30
            yield {"data_samples": [0] * 3}

    class Loader:
        __iter__ = staticmethod(batches)

    assert speed.time_loader(Loader(), 2) == pytest.approx(6)
    assert speed.time_loader(Loader(), 10) == pytest.approx(6)
    assert speed.time_model(Slow(clock, 0.25), 4, 3, torch.device("cpu")) == pytest.approx(16)


def test_verdict_names_the_bottleneck():
    steps = {"annotation": 0.1, "DecordDecode": 40.0, "Resize": 9.9}
    data = speed.verdict(steps, loader_rate=40, model_rate=200, workers=2)
    assert data[0].startswith("bottleneck: the data.")
    assert "about 10 such workers" in data[0]
    assert "DecordDecode takes 80%" in data[1]
    model = speed.verdict(steps, loader_rate=300, model_rate=200, workers=16)
    assert model[0].startswith("bottleneck: the model.")


def test_tool(pose_run, tool, tmp_path, capsys):
    main = tool("benchmark")
    words = ["--device", "cpu", "--num", "3", "--steps", "1", "--batches", "1"]
    for split in ("train", "test"):
        assert main([str(pose_run[0]), "--split", split, *words, "--out", str(tmp_path / "speed.json")]) == 0
        found = json.loads((tmp_path / "speed.json").read_text())
        assert found["split"] == split
        assert "GeneratePoseTarget" in found["pipeline_ms"]
        assert min(found["loader_samples_per_s"], found["model_samples_per_s"]) > 0
        assert "bottleneck: the" in capsys.readouterr().out
