"""Behind the tools of ``tools/analysis``: curves, reports, fusion, robustness, attention and speed."""
