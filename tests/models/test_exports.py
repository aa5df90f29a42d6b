"""Names that plug-ins for MMAction2 1.2 import."""

import subprocess
import sys

import pytest

from mmaction import models


def test_models_offers_every_class_of_its_packages():
    for package in (models.backbones, models.heads, models.losses, models.necks, models.preprocess, models.recognizers):
        for name in package.__all__:
            assert getattr(models, name) is getattr(package, name)
            assert name in models.__all__


def test_published_imports():
    from mmaction.datasets import BaseActionDataset, VideoDataset
    from mmaction.utils import ConfigType, ForwardResults, OptConfigType, OptSampleList, SampleList

    assert issubclass(VideoDataset, BaseActionDataset)
    assert isinstance({}, ConfigType) and isinstance(None, OptConfigType)
    assert SampleList and OptSampleList and ForwardResults
    with pytest.raises(ImportError, match="ConfigTypo"):
        from mmaction.utils import ConfigTypo  # noqa: F401


def test_the_names_of_types_cost_the_tools_no_start_time():
    code = "import sys, mmaction.utils; assert 'torch' not in sys.modules; mmaction.utils.SampleList"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
