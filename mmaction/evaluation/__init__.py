"""Metrics: functions on arrays and the thin classes that the Runner calls."""
