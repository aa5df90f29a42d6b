"""A data set's label space does not make its checkpoints unreadable."""

import torch

from mmaction.datasets.label_spaces import with_label_space
from mmaction.engine.checkpoint import read_checkpoint
from mmaction.engine.hooks import CheckpointHook


def test_checkpoints_of_a_label_space_are_read_safely(tmp_path):
    meta = {"dataset_meta": {**with_label_space({"label_space": "diving48"}), "shape": (1, 2)}}
    hub = {"runtime_info": {**meta, "epoch": 1}}
    checkpoint = {"meta": meta, "state_dict": {"weight": torch.zeros(2)}, "message_hub": hub}
    CheckpointHook().before_save_checkpoint(None, checkpoint)
    torch.save(checkpoint, tmp_path / "epoch_1.pth")
    read = read_checkpoint(tmp_path / "epoch_1.pth")
    for dataset_meta in (read["meta"]["dataset_meta"], read["message_hub"]["runtime_info"]["dataset_meta"]):
        assert len(dataset_meta["classes"]) == 48 and dataset_meta["shape"] == (1, 2)
        assert "label_space" not in dataset_meta
