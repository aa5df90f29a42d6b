"""Free memory and the watch over layers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from mmaction.models.recognizers import views


def test_layers_are_watched_and_released():
    network = nn.Sequential(nn.Linear(4, 100), nn.ReLU(), nn.Linear(100, 2))
    with views.watch_layers(network) as peak:
        network(torch.zeros(3, 4))
    assert peak[0] == 2 * 3 * 100 * 4, "ReLU reads and returns 3 x 100 floats of 4 bytes"
    assert not any(module._forward_hooks for module in network.modules())
    with pytest.raises(RuntimeError), views.watch_layers(network):
        network(torch.zeros(3, 5))
    assert not any(module._forward_hooks for module in network.modules())


def test_memory_of_the_machine_and_of_a_container(tmp_path):
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9000 kB\nMemFree: 100 kB\nMemAvailable:    2000 kB\n")
    assert views._available_memory(str(meminfo)) == 2000 * 1024
    assert views._available_memory(str(tmp_path / "absent")) is None
    assert views._cgroup_memory(str(tmp_path)) is None
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("500\n")
    assert views._cgroup_memory(str(tmp_path)) is None
    (tmp_path / "memory.max").write_text("1500\n")
    assert views._cgroup_memory(str(tmp_path)) == 1000


def test_the_smaller_limit_counts(monkeypatch):
    monkeypatch.setattr(views, "_available_memory", lambda: 300)
    monkeypatch.setattr(views, "_cgroup_memory", lambda: 200)
    assert views.free_memory(torch.device("cpu")) == 200
    monkeypatch.setattr(views, "_available_memory", lambda: None)
    monkeypatch.setattr(views, "_cgroup_memory", lambda: None)
    assert views.free_memory(torch.device("cpu")) == views.ASSUMED_FREE


def test_a_chunk_takes_a_share_of_the_free_memory(monkeypatch):
    monkeypatch.setattr(views, "free_memory", lambda device: 1000)
    assert views.chunk_budget(torch.device("cpu")) == views.chunk_budget(torch.device("cuda")) == 500
    monkeypatch.setattr(views, "free_memory", lambda device: 2**40)
    assert views.chunk_budget(torch.device("cpu")) == 2**30
    assert views.chunk_budget(torch.device("cuda")) == 2**39


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.integers(1, 3), st.sampled_from([1, 3, 2500]))
def test_distinct_views_spread_again_are_the_views(kinds, unit, size):
    frames = torch.zeros(4, unit, 1, size)
    frames[torch.arange(4), -1, 0, -1] = torch.arange(4.0)  # they differ in one value, which is not always probed
    clips = frames[kinds].flatten(0, 1)
    for views_ in (clips, {"a": clips, "b": -clips}):
        once, places = views.distinct(views_, unit)
        assert views.num_views(once) == len(set(kinds)) * unit
        assert (places is None) == (len(set(kinds)) == len(kinds))
        back = once if places is None else views.spread(once, places)
        assert all(x.equal(y) for x, y in zip(*map(_parts, (back, views_)), strict=True))


def _parts(value) -> list:
    return list(value.values()) if isinstance(value, dict) else [value]


@pytest.mark.gpu
def test_free_memory_of_a_gpu():
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    device = torch.device("cuda:0")
    before = views.free_memory(device)
    block = torch.zeros(2**28, dtype=torch.uint8, device=device)
    assert before - views.free_memory(device) >= 2**28 * 0.9
    del block
    assert views.free_memory(device) >= before * 0.9


@given(
    st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=4), min_size=1, max_size=6),
    st.integers(1, 2),
    st.integers(1, 3),
)
def test_a_memory_gives_what_the_network_gives_and_asks_it_once(calls, unit, span):
    bank, asked = torch.randn(7, unit, 3, 2), []

    def network(chunk):
        asked.extend(chunk.unflatten(0, (-1, unit))[:, 0, 0, 0].tolist())
        return compute(chunk)

    def compute(chunk):
        return {"a": chunk.sum(dim=(1, 2)).unsqueeze(1), "b": (chunk.mean(dim=1), chunk.amax(dim=1))}

    memory = views.ViewMemory(span)
    for number, members in enumerate(calls):
        recent = {index for call in calls[max(number - span, 0) : number] for index in call}
        batch = bank[members].flatten(0, 1)
        found = memory(network, batch, unit)
        assert sorted(asked) == sorted(bank[index, 0, 0, 0].item() for index in set(members) - recent)
        asked.clear()
        for one, other in zip(views.tensors_in(found), views.tensors_in(compute(batch)), strict=True):
            torch.testing.assert_close(one, other)
