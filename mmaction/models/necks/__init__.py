"""Between backbone and head: features are merged, or learn from more than the class."""

from mmaction.models.necks.pose_guide import PoseGuide

__all__ = ["PoseGuide"]
