"""Skeleton annotation files: published ones, merging and splitting, other programs' formats."""
