"""A data set's label space does not make its checkpoints unreadable."""

from types import SimpleNamespace

import pytest
import torch

from mmaction.engine.hooks import CheckpointHook
from mmaction.io.checkpoints import read_checkpoint
from mmaction.label_spaces import with_label_space


def test_checkpoints_of_a_label_space_are_read_safely(tmp_path):
    meta = {"dataset_meta": {**with_label_space({"label_space": "diving48"}), "shape": (1, 2)}}
    hub = {"runtime_info": {**meta, "epoch": 1}}
    checkpoint = {"meta": meta, "state_dict": {"weight": torch.zeros(2)}, "message_hub": hub}
    CheckpointHook().before_save_checkpoint(SimpleNamespace(model=torch.nn.Linear(1, 1)), checkpoint)
    torch.save(checkpoint, tmp_path / "epoch_1.pth")
    read = read_checkpoint(tmp_path / "epoch_1.pth")
    for dataset_meta in (read["meta"]["dataset_meta"], read["message_hub"]["runtime_info"]["dataset_meta"]):
        assert len(dataset_meta["classes"]) == 48 and dataset_meta["shape"] == (1, 2)
        assert "label_space" not in dataset_meta


@pytest.mark.parametrize(("names", "warned"), [("a b c", False), ("a b d", True)])
def test_resuming_and_testing_warn_of_other_classes(tmp_path, toy, train, test, capfd, names, warned):
    table = tmp_path / "classes.csv"
    extra = "for loader in (train_dataloader, test_dataloader):\n    loader['dataset'].update({})\n".format(
        f"metainfo=dict(label_space={str(table)!r})"
    )
    config = toy.write_config(tmp_path, extra=extra)
    for epochs, text in ((1, "a b c"), (2, names)):
        rows = [f"{label},{name}" for label, name in enumerate(text.split())]
        table.write_text("\n".join(["label,name", *rows]))
        train(config, "--work-dir", tmp_path / "run", "--resume", "--cfg-options", f"train_cfg.max_epochs={epochs}")
    assert read_checkpoint(tmp_path / "run/epoch_2.pth")["meta"]["class_counts"] == [8, 8, 8]
    assert ("dataset metainfo from the resumed checkpoint is different" in capfd.readouterr().out) == warned
    test(config, tmp_path / "run/epoch_1.pth")
    said = capfd.readouterr().out
    assert ("not learned the classes that" in said) == ("class 2 is 'c' in one and 'd' in the other" in said) == warned
