"""Networks: backbones, heads, losses, recognizers and the preparation of their input."""

from mmaction.models import backbones, heads, losses, preprocess, recognizers

__all__ = ["backbones", "heads", "losses", "preprocess", "recognizers"]
