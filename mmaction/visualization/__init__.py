"""Drawing of clips, skeletons, labels and scores.

Only :mod:`mmaction.visualization.visualizer` needs torch; the rest serves ``pose_visualizer.py``, which starts without.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """Import the visualizer, or MMEngine's back end for it, when it is asked for."""
    if name == "LocalVisBackend":
        from mmengine.visualization import LocalVisBackend

        return LocalVisBackend
    if name == "ActionVisualizer":
        from mmaction.visualization.visualizer import ActionVisualizer

        return ActionVisualizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
