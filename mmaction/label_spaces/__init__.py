"""What the classes of fine-grained data sets consist of: attributes, hierarchy, siblings."""

from mmaction.label_spaces.space import LabelSpace, available_label_spaces, load_label_space, with_label_space

__all__ = ["LabelSpace", "available_label_spaces", "load_label_space", "with_label_space"]
