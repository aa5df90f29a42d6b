import numpy as np
import pytest
import torch
from fixtures.features import CLASSES, WIDTH, expert_arrays, write_expert

from mmaction.datasets import FeatureDataset
from mmaction.engine.checks.data import listing_warnings

IDS = [f"folder/clip {i}" for i in range(8)]
LABELS = np.arange(8) % CLASSES


@pytest.fixture
def experts(tmp_path):
    """Two experts; the second has the clips in another order, under the names of videos, and lacks one."""
    first, second = (expert_arrays(LABELS, np.ones(8, bool), seed) for seed in (0, 1))
    folders = {
        "a": write_expert(tmp_path / "a", IDS, LABELS, first),
        "b": write_expert(
            tmp_path / "b", [f"{n}.mp4" for n in IDS], LABELS, second, ("folder/clip 3.mp4",), [5, 2, 7, 0, 1, 6, 4, 3]
        ),
    }
    return folders, first, second


def test_clips_are_aligned_by_id(experts):
    folders, first, second = experts
    dataset = FeatureDataset(folders, num_classes=CLASSES)
    for index in range(8):
        data = dataset[index]
        parts = data["inputs"][0].split([WIDTH, CLASSES, WIDTH, CLASSES])
        assert data["inputs"].shape == (1, 2 * (WIDTH + CLASSES)) and data["inputs"].dtype == torch.float32
        assert data["data_samples"].gt_label.item() == LABELS[index]
        assert data["data_samples"].frame_dir == IDS[index]
        np.testing.assert_allclose(parts[0], first[0][index])
        np.testing.assert_allclose(parts[1].exp(), first[1][index], rtol=1e-4)
        if index == 3:
            assert torch.cat(parts[2:]).isnan().all()
        else:
            np.testing.assert_allclose(parts[2], second[0][index])
    assert dataset.metainfo["classes"][2] == "class 2" and dataset.widths == {"a": WIDTH, "b": WIDTH}


def test_a_clip_that_no_expert_has_counts_as_nobody(experts, tmp_path):
    arrays = expert_arrays(LABELS, np.ones(8, bool), 0)
    folder = write_expert(tmp_path / "c", IDS, LABELS, arrays, (IDS[3],))
    dataset = FeatureDataset({"b": experts[0]["b"], "c": folder}, test_mode=True)
    nobody = {dataset[i]["data_samples"].frame_dir: dataset[i]["data_samples"].get("nobody") for i in range(8)}
    assert [name for name, value in nobody.items() if value] == ["folder/clip 3.mp4"]


@pytest.mark.parametrize(
    ("kept", "labels", "word"),
    [
        (range(7), LABELS, "expert b .* lacks 1 of 8 samples, the first is 'folder/clip 7'"),
        (range(8), (LABELS + 1) % CLASSES, "another label of 'folder/clip 0'"),
    ],
)
def test_experts_of_other_clips_or_labels_are_refused(experts, tmp_path, kept, labels, word):
    arrays = expert_arrays(LABELS, np.ones(8, bool), 0)
    ids = [IDS[i] for i in kept]
    other = write_expert(tmp_path / "other", ids, labels[: len(ids)], [part[: len(ids)] for part in arrays])
    with pytest.raises(ValueError, match=word):
        FeatureDataset({"a": experts[0]["a"], "b": other})
    if len(ids) < 8:
        with pytest.raises(ValueError, match=r"expert b .* lacks 1 of 8"):
            FeatureDataset({"b": other, "a": experts[0]["a"]})


def test_features_of_memorized_clips_are_named(tmp_path, capsys):
    arrays = expert_arrays(LABELS, np.ones(8, bool), 0)
    folder = write_expert(tmp_path / "seen", IDS, LABELS, arrays, split="train")
    FeatureDataset({"joint": folder}, test_mode=True)
    assert "trained on the same clips" not in "".join(capsys.readouterr())
    FeatureDataset({"joint": folder})
    assert "joint are of models that were trained on the same clips" in "".join(capsys.readouterr())


def test_features_that_are_not_finite_are_refused_but_of_missing_clips(tmp_path):
    for number in (np.nan, np.inf):
        features, scores = expert_arrays(LABELS, np.ones(8, bool), 0)
        features[3, 2] = number
        folder = write_expert(tmp_path / f"of {number}", IDS, LABELS, (features, scores))
        with pytest.raises(ValueError, match=r"expert b .* 1 clips, such as 'folder/clip 3', are not finite: the"):
            FeatureDataset({"b": folder})
    known = write_expert(tmp_path / "missing", IDS, LABELS, (features, scores), (IDS[3],))
    assert len(FeatureDataset({"b": known})) == 8


def test_experts_that_name_classes_differently_are_named(experts, tmp_path, capsys):
    folders, first, _ = experts
    other = write_expert(tmp_path / "c", IDS, LABELS, first, classes=["class 1", "class 0", "class 2", "class 3"])
    FeatureDataset(folders)
    assert "name their classes" not in "".join(capsys.readouterr())
    FeatureDataset({"a": folders["a"], "c": other})
    said = "".join(capsys.readouterr())
    assert "name their classes differently" in said and "class 0 is 'class 0' in one and 'class 1' in the other" in said


def test_clips_to_learn_from_and_to_be_tested_on_are_named(experts, tmp_path):
    arrays, others = expert_arrays(LABELS, np.ones(8, bool), 0), [f"other {i}" for i in range(8)]
    other = write_expert(tmp_path / "other", others, LABELS, arrays)
    train, val = ([FeatureDataset({"a": folder})] for folder in (experts[0]["a"], other))
    assert list(listing_warnings({"train": train, "val": val})) == []
    (said,) = listing_warnings({"train": train, "val": train})
    assert "8 clips are in the training and in the validation set" in said and "folder/clip 0" in said
    (said,) = listing_warnings({"train": train, "val": val, "test": train})
    assert "8 clips are in the training and in the test set" in said
    assert len(list(listing_warnings({"train": train, "val": train, "test": train}))) == 1, "the same clips, said once"
