"""Losses of the classification heads."""
