"""Networks: backbones, necks, heads, losses, recognizers and the preparation of their input."""

from mmaction.models import backbones, heads, losses, necks, preprocess, recognizers
from mmaction.models.backbones import *
from mmaction.models.heads import *
from mmaction.models.losses import *
from mmaction.models.necks import *
from mmaction.models.preprocess import *
from mmaction.models.recognizers import *

__all__ = ["backbones", "heads", "losses", "necks", "preprocess", "recognizers"]
__all__ += backbones.__all__
__all__ += heads.__all__
__all__ += losses.__all__
__all__ += necks.__all__
__all__ += preprocess.__all__
__all__ += recognizers.__all__
