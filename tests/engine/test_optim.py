"""Mixed precision on the CPU."""

import sys

import pytest
import torch
from mmengine.optim.optimizer import builder

from mmaction.engine.optim import AmpOptimWrapper
from mmaction.registry import OPTIM_WRAPPERS, OPTIMIZERS
from mmaction.utils.cli import OptimizersWithoutTransformers, run_tool


def build(**kwargs):
    model = torch.nn.Linear(4, 2)
    return model, AmpOptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=0.1), **kwargs)


def test_the_config_name_gives_the_wrapper_that_knows_the_cpu():
    assert OPTIM_WRAPPERS.get("AmpOptimWrapper") is AmpOptimWrapper


@pytest.mark.parametrize("options", [{}, {"dtype": "float16", "loss_scale": 512.0}, {"clip_grad": {"max_norm": 1.0}}])
@pytest.mark.parametrize("knows_bfloat16", [True, False])
def test_a_cpu_computes_in_bfloat16_if_it_can_and_the_step_is_that_of_the_plain_gradient(
    options, knows_bfloat16, monkeypatch
):
    if torch.cuda.is_available():
        pytest.skip("tests the CPU path")
    monkeypatch.setattr("mmaction.engine.optim.has_bfloat16", lambda device: knows_bfloat16)
    model, wrapper = build(**options)
    before = model.weight.detach().clone()
    with wrapper.optim_context(model):
        output = model(torch.ones(3, 4))
    assert output.dtype == (torch.bfloat16 if knows_bfloat16 else torch.float32)
    output.float().sum().backward()
    wrapper.zero_grad()
    with wrapper.optim_context(model):
        loss = model(torch.ones(3, 4)).float().mean()
    wrapper.update_params(loss)
    step = (before - model.weight.detach()) / 0.1
    assert torch.allclose(step, torch.full_like(step, 0.5 if "clip_grad" not in options else step[0, 0].item()))
    assert wrapper.state_dict()["loss_scaler"] == {}


def test_bfloat16_is_emulated_on_request(monkeypatch):
    monkeypatch.setattr("mmaction.engine.optim.has_bfloat16", lambda device: False)
    assert build(dtype="bfloat16")[1].cast_dtype == torch.bfloat16


def test_states_go_between_devices():
    _, wrapper = build()
    state = wrapper.state_dict()
    state["loss_scaler"] = {"scale": 65536.0, "growth_factor": 2.0, "backoff_factor": 0.5}
    wrapper.load_state_dict(state)
    assert "loss_scaler" in state  # the caller's dict stays whole


def test_an_unknown_precision_is_an_error():
    with pytest.raises(ValueError, match=r"dtype is one of float16, bfloat16.* got 'half'"):
        build(dtype="half")


def test_transformers_is_imported_for_the_optimizer_alone(monkeypatch):
    assert builder.TRANSFORMERS_OPTIMIZERS == []  # conftest.py has the import hook before MMEngine is imported
    monkeypatch.setattr(sys, "meta_path", [hook for hook in sys.meta_path if hook is not OptimizersWithoutTransformers])
    with pytest.raises(SystemExit, match="0"):
        run_tool(lambda: 0)
    assert sys.meta_path[0] is OptimizersWithoutTransformers
    pytest.importorskip("transformers")
    weight = torch.nn.Parameter(torch.ones(2))
    built = OPTIMIZERS.build({"type": "Adafactor", "params": [weight], "lr": 0.1, "relative_step": False})
    assert type(built).__module__.startswith("transformers.")
