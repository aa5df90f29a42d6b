import pytest
import torch

pytest.importorskip("timm", reason="needs timm: pip install .[foundation]")
pytest.importorskip("transformers", reason="needs transformers: pip install .[foundation]")

from mmaction.cli import console
from mmaction.probes import tiny_cost
from mmaction.utils.setup import register_all_modules

NEEDS_PEFT = "CLIP ViT, LoRA"


@pytest.mark.parametrize("family", tiny_cost.FAMILIES)
def test_each_family_takes_a_step(family):
    if family == NEEDS_PEFT:
        pytest.importorskip("peft", reason="needs peft: pip install .[foundation]")
    register_all_modules()
    model, batch = tiny_cost.build(tiny_cost.FAMILIES[family])
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    losses = model.train()(**model.data_preprocessor(batch, True), mode="loss")
    assert torch.isfinite(losses["loss_cls"]) and trained
    is_tuned = "all weights" in family or family.startswith(("MViT", "Video Swin", "UniFormer", "EfficientNet"))
    assert is_tuned == (len(trained) == len(list(model.parameters())))


def test_the_command_prints_a_row_for_each_family_that_is_asked_for(capsys):
    assert console.main(["benchmark", "--foundation", "--steps", "1", "--families", "MViT v2"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "MViT v2" in line)
    *_, weights, trained, milliseconds, peak = row.replace("|", " ").split()
    assert float(weights) == float(trained) > 0.5 and float(milliseconds) > 0 and float(peak) > 5


def test_an_unknown_family_and_a_step_that_fails_are_told(capsys, monkeypatch):
    with pytest.raises(SystemExit):
        console.main(["benchmark", "--foundation", "--families", "MVit v2"])
    assert "MViT v2" in capsys.readouterr().err
    monkeypatch.setitem(tiny_cost.FAMILIES, "wrong", {**tiny_cost.FAMILIES["MViT v2"], "cls_head": {"type": "I3DHead"}})
    with pytest.raises(TypeError):
        tiny_cost.measure("wrong", 1)
