"""Skeleton layouts: the one place that knows which joints a pose has, in which order, and how they are connected."""

from mmaction.skeletons.choice import AUTO, check_sides, choose_layout, fit_layout, get_layout, layout_of_config
from mmaction.skeletons.layout import Layout, Pairs, mirror_limbs
from mmaction.skeletons.table import ALIASES, LAYOUTS

__all__ = [
    "ALIASES",
    "AUTO",
    "LAYOUTS",
    "Layout",
    "Pairs",
    "check_sides",
    "choose_layout",
    "fit_layout",
    "get_layout",
    "layout_of_config",
    "mirror_limbs",
]
