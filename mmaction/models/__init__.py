"""Networks: backbones, heads, losses, recognizers and the preparation of their input."""

from mmaction.models import backbones

__all__ = ["backbones"]
