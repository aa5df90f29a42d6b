"""The tiny recognizers and the short video of the tests of mmaction.apis."""

import importlib.util
from pathlib import Path

_spec = importlib.util.spec_from_file_location("apis_fixtures", Path(__file__).parents[1] / "apis" / "conftest.py")
_apis = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_apis)
rgb, pose, clip_files = _apis.rgb, _apis.pose, _apis.clip_files
