"""Scores as text."""

import csv
import io
import json

import numpy as np
import pytest
import torch

from mmaction.apis.predictions import Prediction, class_name, render_predictions
from mmaction.structures import ActionDataSample
from mmaction.structures.scores import mean_score

NAMES = ["jump", 'turn "half", left', "rest"]
WHOLE = [Prediction("a.mp4", np.array([0.2, 0.7, 0.1])), Prediction("b.mp4", np.array([0.5, 0.5, 0.0]))]
PARTS = [
    Prediction("a.mp4", np.array([0.2, 0.7, 0.1]), 0.0, 2.0),
    Prediction("a.mp4", np.array([0.9, 0.0, 0.1]), 1.0, 3.0),
]


def test_the_best_classes_come_first_and_ties_keep_their_order():
    assert [label for label, _ in WHOLE[0].top(3)] == [1, 0, 2]
    assert [label for label, _ in WHOLE[1].top(2)] == [0, 1]
    assert len(WHOLE[0].top(99)) == 3


def test_json_holds_every_number():
    entries = json.loads(render_predictions(WHOLE, NAMES, "json", topk=2))
    assert [entry["input"] for entry in entries] == ["a.mp4", "b.mp4"]
    assert entries[0]["top"] == [
        {"label": 1, "name": NAMES[1], "score": 0.7},
        {"label": 0, "name": "jump", "score": 0.2},
    ]
    assert json.loads(render_predictions(PARTS, None, "json"))[1]["end_s"] == 3.0


def test_csv_survives_commas_and_quotes():
    rows = list(csv.DictReader(io.StringIO(render_predictions(WHOLE + PARTS, NAMES, "csv", topk=2))))
    assert len(rows) == 8
    assert rows[0] == {
        "input": "a.mp4", "start_s": "", "end_s": "", "rank": "1", "label": "1", "name": NAMES[1], "score": "0.7",
    }  # fmt: skip
    assert (rows[-2]["start_s"], rows[-2]["end_s"], rows[-2]["name"]) == ("1.0", "3.0", "jump")


def test_tables():
    lines = render_predictions(WHOLE, NAMES, "table", topk=2).splitlines()
    assert lines[0] == "a.mp4" and lines[3] == "b.mp4" and len(lines) == 6
    assert lines[1].split(maxsplit=2) == ["0.700", "1", NAMES[1]]
    lines = render_predictions(PARTS, NAMES, "table").splitlines()
    assert lines[0] == "a.mp4" and len(lines) == 3
    assert lines[2].split() == ["1.00", "-", "3.00", "s", "0.900", "jump", "0.100", "rest"]


def test_classes_without_a_name():
    assert class_name(None, 3) == "class 3" and class_name(["a"], 3) == "class 3" and class_name(["a"], 0) == "a"


def test_scores_of_several_modalities_are_averaged():
    sample = ActionDataSample().set_pred_score({"rgb": torch.tensor([1.0, 0]), "pose": torch.tensor([0.5, 0.5])})
    assert mean_score(sample.pred_score) == pytest.approx([0.75, 0.25])
