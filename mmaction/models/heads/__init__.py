"""Classifiers on the features of a backbone."""
