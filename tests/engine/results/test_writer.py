import json

import numpy as np
import pytest
from mmengine.evaluator import Evaluator

from mmaction.engine.results.facts import training_counts
from mmaction.engine.results.table import render_table
from mmaction.engine.results.writer import (
    FILES,
    REPORT,
    ResultWriter,
    dataset_facts,
    free_folder,
    unique_ids,
)
from mmaction.evaluation import summarize
from mmaction.label_spaces import load_label_space
from mmaction.registry import DATASETS, METRICS
from mmaction.structures import Result


class Clips:
    """Three annotations of video files."""

    def __init__(self):
        self.data_prefix = {"video": "/data/videos"}

    def get_data_info(self, index):
        info = {"filename": f"/data/videos/set {index % 2}/clip.mp4", "total_frames": 30 + index, "label": index}
        return info | ({"img_shape": (240, 320), "keypoint_score": np.full((1, 2, 3), 0.5)} if index else {})


@pytest.fixture
def run(samples):
    def write(writer, scores, labels, meta=None):
        evaluator = Evaluator([writer])
        evaluator.dataset_meta = meta or {}
        evaluator.process(samples(scores, labels), {})
        assert evaluator.evaluate(len(scores)) == {}
        return writer.out_dir

    return write


def test_three_files_agree(tmp_path, run):
    scores = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3]])
    writer = METRICS.build({"type": "ResultWriter", "out_dir": str(tmp_path / "out"), "run": {"seed": 3}, "listed": 4})
    writer.dataset = Clips()
    folder = run(writer, scores, [0, 0, 1], {"classes": ("back", "front", "inward")})
    assert sorted(p.name for p in folder.iterdir()) == sorted(FILES)
    predictions = Result.load(folder)
    assert predictions.ids == ("set 0/clip.mp4", "set 1/clip.mp4", "set 0/clip.mp4 #2")
    assert predictions.classes == ("back", "front", "inward")
    assert predictions.meta["frames"].tolist() == [30, 31, 32]
    assert predictions.meta["source"][1] == "/data/videos/set 1/clip.mp4"
    np.testing.assert_array_equal(predictions.meta["width"], [np.nan, 320, 320])
    np.testing.assert_array_equal(predictions.meta["pose_quality"], [np.nan, 0.5, 0.5])
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics == summarize(writer.result)
    assert metrics["accuracy"]["top1"] == pytest.approx(2 / 3)
    assert metrics["evaluated"]["text"] == "3 of 4"
    assert metrics["run"] == {"seed": 3}
    assert (folder / "predictions.csv").read_text().count("\n") == 4


def test_label_space_of_the_data_set_is_used(tmp_path, run):
    space = load_label_space("diving48")
    scores = np.eye(48)[[3, 4, 0]]
    meta = {"classes": space.names, "label_space": space}
    writer = ResultWriter(str(tmp_path), train_counts=[30] * 48)
    run(writer, scores, [3, 3, 0], meta)
    summary = summarize(writer.result)
    assert summary["attributes"]["all_but_one"]["position"]["count"] == 1
    text = render_table(summary)
    assert "take_off" in text
    assert "medium-shot, mean1" in text
    assert "3 back, 1.5 somersaults, no twist, pike" in text
    assert "1 of 1 (100.0 %) miss only position" in text


def test_several_labels_and_several_modalities(tmp_path, run):
    run(ResultWriter(str(tmp_path / "multi")), [[0.9, 0.8, 0.1], [0.1, 0.2, 0.9]], [[0, 1], [2]])
    metrics = json.loads((tmp_path / "multi/metrics.json").read_text())
    assert metrics["accuracy"]["mean_average_precision"] == 1.0
    score = {"rgb": np.array([0.9, 0.1]), "pose": np.array([0.0, 1.0])}
    run(ResultWriter(str(tmp_path / "two")), [score], [1])
    np.testing.assert_allclose(Result.load(tmp_path / "two").scores, [[0.45, 0.55]])


def test_ids_outside_the_prefix_and_repetitions():
    class Frames:
        def __init__(self):
            self.data_prefix = {"img": "/data/frames"}

        def get_data_info(self, index):
            return {"frame_dir": "/data/frames-other/clip", "total_frames": -1}

    assert dataset_facts(Frames(), 0) == {"id": "/data/frames-other/clip", "source": "/data/frames-other/clip"}
    assert unique_ids(["a", "b", "a", "a"]) == ["a", "b", "a #2", "a #3"]


@DATASETS.register_module(name="CountedClips")
class CountedClips:
    def __init__(self, labels, pipeline):
        self.labels = labels

    def class_counts(self):
        from collections import Counter

        return Counter(self.labels)


def test_training_counts_look_through_wrappers():
    part = {"type": "CountedClips", "labels": [0, 1, 1]}
    repeat = {"type": "RepeatDataset", "times": 10, "dataset": part}
    both = {"type": "ConcatDataset", "datasets": [repeat, part]}
    assert training_counts({"train_dataloader": {"dataset": both}}) == [2, 4]
    assert training_counts({}) is None
    missing = {"train_dataloader": {"dataset": {"type": "CountedClips"}}}
    assert training_counts(missing) is None
    assert training_counts({"train_dataloader": {"dataset": CountedClips([0], [])}}) is None  # built already


@pytest.mark.parametrize(("counts", "written"), [([2, 4], [2, 4, 0]), ([2, 4, 0, 1], None)])
def test_training_counts_are_those_of_the_classes_scored(tmp_path, run, counts, written):
    writer = ResultWriter(str(tmp_path), train_counts=counts)
    run(writer, [[0.1, 0.2, 0.7]], [2])
    assert writer.result.train_counts == written


def test_results_of_something_else_are_not_replaced(tmp_path):
    def store(name, content):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(content)

    folder = tmp_path / "test_best"
    assert free_folder(folder, {"model": "a"}) == folder
    store("test_best", '{"run": {"identity": {"model": "a"}, "time": 1}}')
    assert free_folder(folder, {"model": "a"}) == folder
    assert free_folder(folder, {"model": "b"}) == tmp_path / "test_best_2"
    for number, content in enumerate(("[]", '{"run": 1}', "{", '{"run": {"identity": {"model": "c"}}}'), start=2):
        store(f"test_best_{number}", content)
    assert free_folder(folder, {"model": "b"}) == tmp_path / "test_best_6"
    assert free_folder(folder, {"model": "c"}) == tmp_path / "test_best_5"


def test_a_report_of_earlier_results_goes(tmp_path, run):
    (tmp_path / REPORT).write_text("of another model")
    run(ResultWriter(str(tmp_path)), [[0.9, 0.1]], [0])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)


def test_attributes_that_the_head_predicts_get_columns(tmp_path, samples):
    writer = ResultWriter(str(tmp_path))
    tested = samples([[0.9, 0.1], [0.2, 0.8]], [0, 1])
    tested[1].set_field({"twists": "1.5"}, "pred_attributes", dtype=dict)
    writer.process({}, [sample.to_dict() for sample in tested])
    writer.evaluate(2)
    assert Result.load(tmp_path).meta["predicted_twists"].tolist() == ["", "1.5"]
    assert "predicted_twists" in (tmp_path / "predictions.csv").read_text().splitlines()[0]
