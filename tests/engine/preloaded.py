"""What a process that is forked for a test has imported before: the package, and what its first training imports."""

import importlib

from yapf.yapflib import yapf_api

from mmaction.utils.cli import start_without_transformers

start_without_transformers()
yapf_api.FormatCode = lambda text, **_: (text, True)  # most of the time of a small training
for name in (
    *("matplotlib.pyplot", "mpl_toolkits.mplot3d", "scipy.stats", "torch._dynamo", "torchvision"),
    *("mmaction.apis", "mmaction.engine", "mmaction.reports.report"),
):
    importlib.import_module(name)
