import shutil

import pytest
from fixtures.planted_defects import Data


@pytest.fixture
def data(demo_data, tmp_path):
    shutil.copytree(demo_data, tmp_path / "demo")
    return Data(tmp_path / "demo")
