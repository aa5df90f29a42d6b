import copy
import json

import numpy as np
import pytest
import torch

from mmaction.apis import init_recognizer
from mmaction.probes.predict import build_test_set, choose_samples, predict_scores
from mmaction.probes.robustness import joint_importance, robustness
from mmaction.skeletons import get_layout
from mmaction.structures import ActionDataSample


@pytest.fixture
def model(pose_run):
    return init_recognizer(*pose_run, device="cpu")


class HandModel(torch.nn.Module):
    """Tells class 1 by whether the left wrist was drawn at all."""

    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg

    def test_step(self, batch):
        out = []
        for inputs, sample in zip(batch["inputs"], batch["data_samples"]):
            seen = bool(inputs[:, 9].max() > 0.1)
            label = int(sample.gt_label) if seen else (int(sample.gt_label) + 1) % 5
            out.append(ActionDataSample().set_gt_label(sample.gt_label).set_pred_score(np.eye(5)[label]))
        return out


def test_only_the_joint_that_is_looked_at_matters(model):
    found = joint_importance(HandModel(model.cfg), get_layout("coco17"), [0, 1, 2])
    drops = {row["joint"]: row["drop"] for row in found["joints"]}
    assert found["top1"] == 1.0
    assert drops.pop("left_wrist") == 1.0
    assert set(drops.values()) == {0.0}


def test_accuracy_falls_with_severity(model):
    levels = {"missing_joints": (0, 1), "missing_frames": (0, 1), "jitter": (0,)}
    found = robustness(HandModel(model.cfg), get_layout("coco17"), [0, 1, 2], levels)
    assert found["clean"] == 1.0
    assert [row["top1"] for row in found["curves"]["missing_joints"]] == [1.0, 0.0]
    assert [row["top1"] for row in found["curves"]["missing_frames"]] == [1.0, 0.0]


def test_joined_test_sets_are_examined_together(model):
    cfg, single = copy.deepcopy(model.cfg), build_test_set(model.cfg)
    part = cfg.test_dataloader.dataset
    repeated = dict(type="RepeatDataset", times=2, dataset=part)
    cfg.test_dataloader.dataset = dict(type="ConcatDataset", datasets=[part, repeated])
    seen = []
    joined = build_test_set(cfg, [lambda results: seen.append(results["frame_dir"]) or results])
    assert len(joined) == 3 * len(single)
    last, same = joined[len(joined) - 1]["data_samples"], single[len(single) - 1]["data_samples"]
    assert seen == [same.frame_dir] and last.gt_label == same.gt_label


def test_scores_do_not_depend_on_the_batch(model):
    dataset = build_test_set(model.cfg)
    one, labels = predict_scores(model, dataset, [0, 2, 3], batch_size=1)
    many, again = predict_scores(model, dataset, [0, 2, 3], batch_size=3)
    np.testing.assert_allclose(one, many, atol=1e-5)
    assert labels.tolist() == again.tolist() == [dataset.get_cat_ids(i)[0] for i in (0, 2, 3)]
    assert choose_samples(10, 3) == [1, 5, 8]
    assert choose_samples(3, 0) == choose_samples(3, 9) == [0, 1, 2]


def test_a_sample_that_cannot_be_loaded_counts_as_wrong(model):
    def unreadable(results):
        if results["sample_idx"] == 0:
            raise ValueError("cannot be read")
        return results

    class Knowing(torch.nn.Module):
        def test_step(self, batch):
            return [s.set_pred_score(np.eye(5)[int(s.gt_label)]) for s in batch["data_samples"]]

    scores, labels = predict_scores(Knowing(), build_test_set(model.cfg, [unreadable]), [0, 1])
    assert (scores.argmax(axis=1) == labels).tolist() == [False, True]


def test_tools(pose_run, tool, tmp_path, capsys):
    config, checkpoint = map(str, pose_run)
    out = tmp_path / "robust"
    words = [config, checkpoint, "--device", "cpu", "--num", "2", "--out", str(out)]
    main = tool("pose_robustness")
    assert main([*words, "--levels", "jitter=0,0.1", "swapped_sides=0,1"]) == 0
    found = json.loads((out / "robustness.json").read_text())["tiny_pose"]
    assert [row["level"] for row in found["curves"]["swapped_sides"]] == [0, 1]
    assert (out / "robustness.png").is_file()
    with pytest.raises(ValueError, match=r"unknown damage 'jiter'; did you mean jitter\?"):
        main([*words, "--levels", "jiter"])
    with pytest.raises(ValueError, match=r"levels lie in \[0, 1\]"):
        main([*words, "--levels", "jitter=0,2"])
    with pytest.raises(ValueError, match="it has no missing_joints; choose the same kinds"):
        main([*words, "--levels", "missing_joints=0", "--against", str(out / "robustness.json")])
    with pytest.raises(ValueError, match=r"robustness.json is an input and is not replaced"):
        main([*words, "--levels", "jitter=0", "--against", str(out / "robustness.json")])
    with pytest.raises(ValueError, match=r"--against .*tiny_pose\.py: no robustness\.json of this tool"):
        main([*words, "--against", config])
    assert tool("joint_importance")([*words[:-1], str(tmp_path / "joints")]) == 0
    assert len(json.loads((tmp_path / "joints/importance.json").read_text())["joints"]) == 17
    printed = capsys.readouterr().out
    assert "left_wrist" in printed and "top-1  -0.00" not in printed
