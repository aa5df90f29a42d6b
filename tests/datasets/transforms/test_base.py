import pickle

import numpy as np
import pytest

from mmaction.datasets.transforms.base import RandomTransform, Transform, check_pipeline


class Draw(RandomTransform):
    writes = ("number",)

    def transform(self, results):
        return {**results, "number": self.rng(results).random()}


class Use(Transform):
    reads = ("number",)

    def transform(self, results):
        return results


def test_the_samples_own_generator_is_used():
    draw = Draw()
    numbers = [draw({"rng": np.random.default_rng([1, 2])})["number"] for _ in range(2)]
    assert numbers[0] == numbers[1] == np.random.default_rng([1, 2]).random()


def test_without_one_each_object_draws_its_own():
    first, second = Draw(), Draw()
    numbers = {first({})["number"], first({})["number"], second({})["number"]}
    assert len(numbers) == 3


def test_a_copy_in_another_process_does_not_repeat_the_draws():
    draw = Draw()
    draw({})
    copy = pickle.loads(pickle.dumps(draw))
    assert draw({})["number"] != copy({})["number"]


def test_a_forked_process_does_not_repeat_the_draws(monkeypatch):
    draw = Draw()
    draw({})
    state = draw._rng.bit_generator.state
    expected = np.random.default_rng()
    expected.bit_generator.state = state
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert draw({})["number"] != expected.random()


def test_pipeline_whose_keys_fit():
    check_pipeline([Draw(), Use()], ["label"])
    check_pipeline([Use()], ["number"])
    check_pipeline([lambda results: results, Use()], [])  # what a plain function sets is unknown


def test_pipeline_that_misses_a_key():
    with pytest.raises(ValueError, match=r"step 0 of the pipeline, Use, needs 'number'.*; move Draw before it"):
        check_pipeline([Use(), Draw()], ["label"])
    with pytest.raises(ValueError, match=r"nor an earlier step provides$"):
        check_pipeline([Use()], ["label"])


def test_repr_shows_the_arguments():
    draw = Draw()
    draw.size = 3
    draw({})
    assert repr(draw) == "Draw(size=3)"
