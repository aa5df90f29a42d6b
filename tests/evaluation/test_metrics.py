import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from mmaction.engine.results.writer import ResultWriter
from mmaction.evaluation import AccMetric, ConfusionMatrix, metrics
from mmaction.registry import METRICS


@pytest.fixture
def evaluate(samples):
    def run(metric, scores, labels, classes=None, batch=2):
        evaluator = Evaluator(metric)
        evaluator.dataset_meta = {"classes": classes} if classes else {}
        items = samples(scores, labels)
        for start in range(0, len(items), batch):
            evaluator.process(items[start : start + batch], {})
        return evaluator.evaluate(len(items))

    return run


SCORES = [[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]


def test_key_names_order_and_fewer_than_five_classes(evaluate):
    values = evaluate(METRICS.build({"type": "AccMetric"}), SCORES, [1, 0, 0, 0])
    assert list(values) == ["acc/top1", "acc/top5", "acc/mean1"]
    assert values["acc/top1"] == 0.75
    assert values["acc/top5"] == 1.0
    assert values["acc/mean1"] == pytest.approx((1 + 2 / 3) / 2)


def test_padded_samples_do_not_count(samples):
    evaluator = Evaluator(AccMetric())
    evaluator.process(samples([*SCORES, SCORES[0]], [1, 0, 2, 0, 2]), {})
    assert evaluator.evaluate(4)["acc/top1"] == 1.0


def test_absent_class_is_named_once(monkeypatch, evaluate):
    lines = []
    monkeypatch.setattr(metrics, "print_log", lambda message, **_: lines.append(message))
    metric = AccMetric()
    for _ in range(2):
        evaluate(metric, SCORES, [1, 0, 0, 0], classes=["front", "back", "inward"])
    assert lines == [
        "1 of 3 classes have no sample here and are left out of the mean class accuracy: 2 (inward)",
    ]


def test_a_missing_sample_counts_as_wrong_in_every_accuracy():
    found = AccMetric().calculate([[1, 0], [0, 1]], [0, 1], [True, False])
    assert found == {"top1": 0.5, "top5": 0.5, "mean1": 0.5}


def test_a_plug_in_may_calculate_from_two_arguments(evaluate):
    class Counted(AccMetric):
        def calculate(self, preds, labels):
            return {**super().calculate(preds, labels), "count": len(labels)}

    assert evaluate(Counted(), SCORES, [1, 0, 0, 0])["acc/count"] == 4


def test_options_and_prefix(evaluate):
    metric = AccMetric(metric_list="top_k_accuracy", metric_options={"top_k_accuracy": {"topk": (2, 3)}}, prefix="val")
    assert evaluate(metric, SCORES, [0, 1, 0, 2]) == {"val/top2": 0.25, "val/top3": 1.0}


def test_multi_label_average_precision(evaluate):
    values = evaluate(
        AccMetric(("mean_average_precision", "mmit_mean_average_precision")), SCORES, [[1, 2], [0], [2], [0, 1]]
    )
    assert set(values) == {"acc/mean_average_precision", "acc/mmit_mean_average_precision"}
    assert values["acc/mmit_mean_average_precision"] == 1.0
    assert values["acc/mean_average_precision"] == pytest.approx((1.0 + (1 + 2 / 3) / 2 + 1.0) / 3, abs=0.1)


def test_accuracy_of_several_labels_is_refused(evaluate):
    with pytest.raises(ValueError, match=r"sample 1 has 2 labels.*mean_average_precision"):
        evaluate(AccMetric(), SCORES[:2], [[0], [0, 1]])


def test_two_modalities_and_their_sums(evaluate):
    rgb, pose = np.array([[0.8, 0.2], [0.9, 0.1]]), np.array([[0.1, 0.9], [0.2, 0.8]])
    values = evaluate(AccMetric(), [{"rgb": a, "pose": b} for a, b in zip(rgb, pose)], [1, 1])
    assert values["acc/rgb_top1"] == 0.0
    assert values["acc/pose_top1"] == 1.0
    assert values["acc/RGBPose_1:1_top1"] == 0.5
    assert values["acc/RGBPose_1:2_top1"] == 1.0
    assert values["acc/RGBPose_2:1_top1"] == 0.0


def test_unknown_names_list_the_known():
    with pytest.raises(ValueError, match=r"unknown metric 'top_k_acuracy'; did you mean top_k_accuracy\?; known: "):
        AccMetric(metric_list=("top_k_acuracy",))
    with pytest.raises(ValueError, match="known: top_k_accuracy, mean_class_accuracy, mean_average_precision, mmit"):
        AccMetric(metric_options={"zzz": {}})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_k_accuracy": {"k": 5}}, "top_k_accuracy has no option 'k'; known: topk"),
        ({"mean_class_accuracy": {"topk": 5}}, "mean_class_accuracy has no option 'topk'; it has none"),
        ({"top_k_accuracy": {"topk": "1,5"}}, "every k .* must be a whole number of at least 1; got topk='1,5'"),
        ({"top_k_accuracy": {"topk": (1, 2.0)}}, "whole number"),
        ({"top_k_accuracy": {"topk": ()}}, "whole number"),
        ({"top_k_accuracy": {"topk": True}}, "whole number"),
        ({"top_k_accuracy": {"topk": 0}}, "whole number"),
    ],
)
def test_wrong_options_are_named_before_anything_is_measured(options, message):
    with pytest.raises(ValueError, match=message):
        AccMetric(metric_options=options)


def test_half_precision_scores(evaluate):
    scores = [torch.tensor(s, dtype=torch.bfloat16) for s in SCORES]
    assert evaluate(AccMetric(), scores, [1, 0, 2, 0])["acc/top1"] == 1.0


def test_confusion_matrix_metric(evaluate):
    matrix = evaluate(ConfusionMatrix(), SCORES, [1, 0, 0, 1])["confusion_matrix/result"]
    assert matrix.tolist() == [[1, 0, 1], [1, 1, 0], [0, 0, 0]]
    assert evaluate(ConfusionMatrix(5), SCORES, [1, 0, 0, 1])["confusion_matrix/result"].shape == (5, 5)


def test_confusion_matrix_of_labels_alone_and_of_scores():
    metric = ConfusionMatrix()
    metric.process(None, [{"gt_label": torch.tensor([2]), "pred_label": torch.tensor([0])}])
    assert metric.evaluate(1)["confusion_matrix/result"].tolist() == [[0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert ConfusionMatrix.calculate(torch.tensor(SCORES), [1, 0, 2, 0]).diag().tolist() == [2, 1, 1]


def test_confusion_matrix_averages_the_scores_of_several_modalities():
    metric = ConfusionMatrix()
    both = {"rgb": torch.tensor([0.4, 0.6, 0.0]), "pose": torch.tensor([0.9, 0.1, 0.0])}
    metric.process(None, [{"gt_label": torch.tensor([1]), "pred_score": both}])
    assert metric.evaluate(1)["confusion_matrix/result"].tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_a_model_without_scores_is_named():
    for metric in (AccMetric(), ResultWriter("unused")):
        with pytest.raises(ValueError, match=r"no pred_score to measure .*test_cfg\.feature_extraction"):
            metric.process(None, [{"gt_label": torch.tensor([0]), "feature": torch.zeros(3)}])
