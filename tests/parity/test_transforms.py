"""Golden results of deterministic pipelines: every case agrees within 1e-3, and within one gray level for uint8."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from mmengine.dataset import Compose

from mmaction.registry import TRANSFORMS

CASES = Path(os.environ.get("MMACTION_SHARED", Path(__file__).parents[3] / "shared")) / "parity/transforms"
TUPLES = ("scale", "hw_ratio", "img_shape", "original_shape")


def _tuples(mapping):
    return {key: tuple(value) if key in TUPLES and isinstance(value, list) else value for key, value in mapping.items()}


def load_case(path: Path):
    """Return the pipeline and the sample of one golden case, and what should come out."""
    data = np.load(path)
    sample = _tuples(json.loads(str(data["inputs"])))
    for key in data.files:
        if key.startswith("in_"):
            sample[key[3:]] = list(data[key]) if key == "in_imgs" else data[key]
    steps = [TRANSFORMS.build(_tuples(step)) for step in json.loads(str(data["pipeline"]))]
    expected = {key[4:]: data[key] for key in data.files if key.startswith("out_")}
    return Compose(steps), sample, expected, json.loads(str(data["outs"]))


@pytest.mark.parametrize("path", sorted(CASES.glob("*.npz")), ids=lambda path: path.stem)
def test_golden(path):
    pipeline, sample, arrays, scalars = load_case(path)
    result = pipeline(sample)
    for key, expected in arrays.items():
        actual = np.asarray(result[key])
        assert actual.shape == expected.shape, key
        tolerance = 1 if expected.dtype == np.uint8 else 1e-3
        np.testing.assert_allclose(actual.astype(np.float64), expected.astype(np.float64), atol=tolerance, rtol=0)
    for key, expected in scalars.items():
        assert result[key] == expected, key
