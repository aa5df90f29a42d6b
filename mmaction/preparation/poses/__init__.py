"""From videos to skeleton annotations: pose estimators, tracking, and the extraction of many videos."""
