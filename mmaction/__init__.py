"""Fine-grained action recognition: gymnastics elements, dives and other actions that differ in their details."""

from mmaction.version import __version__

__all__ = ["__version__"]
