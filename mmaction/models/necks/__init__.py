"""Between backbone and head: features are merged, or learn from more than the class."""

from mmaction.models.necks.pose_guide import PoseGuide
from mmaction.models.necks.pose_reader import PoseReader

__all__ = ["PoseGuide", "PoseReader"]
