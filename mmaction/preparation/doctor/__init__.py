"""Examines a data set before a GPU hour is spent on it; ``tools/data/check_dataset.py`` is its command line."""
