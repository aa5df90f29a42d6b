"""Data sets and the transforms that turn an annotation into the input of a model."""
