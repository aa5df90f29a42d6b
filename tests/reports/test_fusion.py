import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmaction.engine.results.writer import write_result
from mmaction.reports.fusion import fuse, search_weights, split_samples
from mmaction.structures import Result
from mmaction.structures.scores import as_probabilities


def simulated(seed, skill, labels, classes=5):
    """Scores that favor the right class of the samples where ``skill`` is true."""
    scores = np.random.default_rng(seed).normal(size=(len(labels), classes))
    scores[np.arange(len(labels)), labels] += np.where(skill, 6, 0)
    return Result([f"clip {i}" for i in range(len(labels))], labels, scores)


@pytest.fixture
def pair():
    """Two models; each knows the half of the clips that the other guesses."""
    labels = np.random.default_rng(0).integers(0, 5, 200)
    half = np.arange(200) % 2 == 0
    return simulated(1, half, labels), simulated(2, ~half, labels)


def test_fused_scores_are_the_weighted_mean(pair):
    fused = fuse(pair, [3, 1])
    expected = 0.75 * as_probabilities(pair[0].scores) + 0.25 * as_probabilities(pair[1].scores)
    np.testing.assert_allclose(fused.scores, expected, atol=1e-6)
    shuffled = pair[1].select(np.random.default_rng(0).permutation(200))
    np.testing.assert_allclose(fuse([pair[0], shuffled], [3, 1]).scores, fused.scores)


def test_search_beats_both_and_finds_the_useless_one(pair):
    noise = simulated(3, np.zeros(200, bool), pair[0].labels)
    noise = Result(noise.ids, noise.labels, noise.scores * 5)
    weights = search_weights([*pair, noise])
    assert sum(weights) == pytest.approx(1)
    assert weights[2] < 0.1
    accuracy = [np.mean(test.predicted == test.labels) for test in (*pair, fuse([*pair, noise], weights))]
    assert accuracy[2] > max(accuracy[:2]) + 0.2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_search_is_never_worse_than_equal_weights(seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, 40)
    tests = [simulated(seed + i, rng.random(40) < 0.5, labels) for i in range(3)]
    found, equal = (fuse(tests, weights) for weights in (search_weights(tests), [1, 1, 1]))
    assert np.mean(found.predicted == labels) >= np.mean(equal.predicted == labels)


def test_split_is_disjoint_and_seeded():
    first, rest = split_samples(10, 0.3, 1)
    assert len(first) == 3
    assert sorted([*first, *rest]) == list(range(10))
    assert split_samples(10, 0.3, 1)[0].tolist() == first.tolist()
    with pytest.raises(ValueError, match=r"a share of 1.0 leaves one part of the 10 samples empty"):
        split_samples(10, 1.0, 0)


@pytest.mark.parametrize(("weights", "broken"), [([1, 0], [0]), ([0, 1], []), ([1, 1], [])])
def test_a_sample_is_broken_where_nobody_could_load_it(pair, weights, broken):
    first = Result(pair[0].ids, pair[0].labels, pair[0].scores, meta={"broken": np.array([1] + [np.nan] * 199)})
    for tests, shares in (([first, pair[1]], weights), ([pair[1], first], weights[::-1])):
        assert np.flatnonzero(fuse(tests, shares).missing).tolist() == broken
    assert np.flatnonzero(fuse([first, first], weights).missing).tolist() == [0]


def test_a_test_that_could_not_load_a_sample_has_no_say_in_it():
    labels = np.array([0, 1])
    wrong = Result("ab", labels, np.array([[0, 1], [0.2, 0.8]]), meta={"broken": np.array([1, np.nan])})
    right = Result("ab", labels, np.array([[0.9, 0.1], [0.4, 0.6]]))
    for tests in ([wrong, right], [right, wrong]):
        fused = fuse(tests, [1, 1])
        np.testing.assert_allclose(fused.scores, [[0.9, 0.1], [0.3, 0.7]], atol=1e-6)
    np.testing.assert_allclose(fuse([wrong, right], [1, 0]).scores, wrong.scores, atol=1e-6)


def test_several_labels_are_refused(pair, tool, tmp_path):
    test = Result(pair[0].ids, np.eye(5, dtype=int)[pair[0].labels], pair[0].scores)
    with pytest.raises(ValueError, match=r"multi-label data set; .* exactly one label for each sample"):
        search_weights([test, test])
    paths = [str(tmp_path / name) for name in ("a.npz", "b.npz")]
    for path in paths:
        test.save(path)
    for option in ([], ["--weights", "1", "2"], ["--tune-share", "0.5"], ["--tune-on", *paths]):
        with pytest.raises(ValueError, match="multi-label data set"):
            tool("fuse")([*paths, *option, "--out", str(tmp_path / "out")])


@pytest.mark.parametrize("weights", [[1], [0, 0], [1, -1], [1, float("nan")]])
def test_wrong_weights_are_named(pair, weights):
    with pytest.raises(ValueError, match="one number of 0 or more for each of the 2 results, not all 0; got"):
        fuse(pair, weights)


def test_tool(pair, tool, tmp_path, capsys):
    for name, test in zip("ab", pair):
        test.save(tmp_path / f"{name}.npz")
    main = tool("fuse")
    paths = [str(tmp_path / "a.npz"), str(tmp_path / "b.npz")]
    assert main([*paths, "--tune-share", "0.5", "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "100 samples, weights searched on 100 samples that are left out here" in printed
    assert "equal weights" in printed and "Gain of each class" in printed
    facts = json.loads((tmp_path / "out/fusion.json").read_text())
    for row in facts["classes"]:
        assert f"{100 * row['gain']:+.1f}" in printed
    assert facts["accuracy"]["fused"]["top1"] > max(facts["accuracy"][path]["top1"] for path in paths)
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    assert metrics["evaluated"]["count"] == 100
    assert metrics["run"]["fused"] == paths
    assert f"{100 * metrics['accuracy']['top1']:.2f}" in printed
    assert (tmp_path / "out/gains.csv").read_text().startswith("class,name,count,first,second,gain,gained")
    with pytest.raises(SystemExit):
        main([*paths, "--weights", "1"])
    assert "--weights: 1 values for 2 results" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*paths, "--names", "x", "x"])
    assert "x is given twice; each result needs a name of its own" in capsys.readouterr().err
    pair[0].select(np.arange(9)).save(tmp_path / "part.npz")
    with pytest.raises(
        ValueError, match=r"9 samples, such as clip 0, are among those that are reported, on which weights"
    ):
        main([*paths, "--tune-on", str(tmp_path / "part.npz"), str(tmp_path / "part.npz")])


def test_what_makes_weights_too_good_is_named(pair, tool, tmp_path, capsys):
    def save(name, test, **run):
        replace(test, run=run).save(tmp_path / f"{name}.npz")
        return str(tmp_path / f"{name}.npz")

    def fused(*tuning):
        assert tool("fuse")([*tests, "--tune-on", *tuning, "--out", str(tmp_path / "out")]) == 0
        return "".join(capsys.readouterr())

    tests = [save(name, test, checkpoint_sha256=name) for name, test in zip("ab", pair)]
    apart = [replace(test, ids=[f"other {i}" for i in range(200)]) for test in pair]
    right = [save(f"{name} apart", test, checkpoint_sha256=name) for name, test in zip("ab", apart)]
    assert "--tune-on:" not in fused(*right)
    again = [save(f"{name} again", replace(test, scores=test.scores + 1)) for name, test in zip("ab", pair)]
    assert "200 samples, such as clip 0, have name and label of samples that are reported" in fused(*again)
    seen = save("seen", apart[0], memorized=True)
    assert "seen.npz are of models that were trained on the same clips" in fused(seen, right[1])
    with pytest.raises(ValueError, match=r"--tune-on .*b apart.npz is of the checkpoint of result 2; name"):
        fused(*right[::-1])


def test_a_learned_fusion_is_shown_beside(pair, tool, tmp_path, capsys):
    for name, test in zip("abc", [*pair, fuse(pair, [1, 1])]):
        test.select(np.arange(200)[::-1] if name == "c" else np.arange(200)).save(tmp_path / f"{name}.npz")
    paths = [str(tmp_path / f"{name}.npz") for name in "abc"]
    (tmp_path / "learned").mkdir()
    (tmp_path / "c.npz").rename(tmp_path / "learned/scores.npz")
    assert tool("fuse")([*paths[:2], "--beside", str(tmp_path / "learned"), "--out", str(tmp_path / "out")]) == 0
    accuracy = json.loads((tmp_path / "out/fusion.json").read_text())["accuracy"]
    name = f"{tmp_path.name}/learned"
    assert accuracy[name] == accuracy["fused"] and name in capsys.readouterr().out


def test_neither_an_input_nor_the_fusion_of_others_is_replaced(pair, tool, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, test in zip("abc", [*pair, pair[0]]):
        write_result(tmp_path / name, test)
    main = tool("fuse")
    before = (tmp_path / "a/scores.npz").read_bytes()
    for inputs, out in ((["a", "b"], "a"), (["a/scores.npz", "b"], "a"), (["a", "b"], ".")):
        with pytest.raises(ValueError, match=r"is an input and is not replaced|holds the input"):
            main([*inputs, "--out", out])
    with pytest.raises(ValueError, match="c is an input"):
        main(["a", "b", "--tune-on", "c", "b", "--out", "c"])
    assert (tmp_path / "a/scores.npz").read_bytes() == before
    for _ in range(2):  # the same again, with other weights
        assert main(["a", "b", "--weights", "2", "1"]) == main(["a", "b"]) == 0
    first = (tmp_path / "work_dirs/fused/metrics.json").read_bytes()
    with pytest.raises(FileExistsError, match=r"fused holds a result of others; .* such as work_dirs/fused_2"):
        main(["b", "c", "--out", "work_dirs/fused"])
    assert main(["b", "c"]) == 0
    assert json.loads((tmp_path / "work_dirs/fused_2/metrics.json").read_text())["run"]["fused"] == ["b", "c"]
    assert (tmp_path / "work_dirs/fused/metrics.json").read_bytes() == first
