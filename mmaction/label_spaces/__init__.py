"""What the classes of fine-grained data sets consist of: attributes, hierarchy, siblings."""

from mmaction.label_spaces.space import (
    LABEL_MAP,
    UNSAID,
    LabelSpace,
    available_label_spaces,
    describe_difference,
    load_label_space,
    names_beside,
    read_label_map,
    with_label_space,
)

__all__ = [
    "LABEL_MAP",
    "UNSAID",
    "LabelSpace",
    "available_label_spaces",
    "describe_difference",
    "load_label_space",
    "names_beside",
    "read_label_map",
    "with_label_space",
]
