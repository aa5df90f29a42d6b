"""Mixed precision on the CPU."""

import subprocess
import sys

import pytest
import torch

from mmaction.engine.optim import AmpOptimWrapper
from mmaction.registry import OPTIM_WRAPPERS, OPTIMIZERS


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


@pytest.mark.integration
def test_transformers_is_imported_for_the_optimizer_alone():
    pytest.importorskip("transformers")
    program = (
        "import sys; from mmaction.cli import console; console.run_tool = lambda main: None; console.run(); "
        "import mmaction.engine, mmengine.runner; sys.exit('transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
    weight = torch.nn.Parameter(torch.ones(2))
    built = OPTIMIZERS.build({"type": "Adafactor", "params": [weight], "lr": 0.1, "relative_step": False})
    assert type(built).__module__.startswith("transformers.")
