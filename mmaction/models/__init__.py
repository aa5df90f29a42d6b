"""Networks: backbones, necks, heads, losses, recognizers and the preparation of their input."""

from mmaction.models import backbones, heads, losses, necks, preprocess, recognizers

__all__ = ["backbones", "heads", "losses", "necks", "preprocess", "recognizers"]
