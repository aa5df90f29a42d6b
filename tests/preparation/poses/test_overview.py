"""The page about extracted skeletons."""

import numpy as np
from stick_figure import annotation, walking, write_video

from mmaction.io.annotations import save_annotations
from mmaction.preparation.poses.overview import write_overview


def test_it_shows_clips_findings_and_what_failed(tmp_path):
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos/good.mp4")
    nobody = np.zeros_like(walking()[1])
    save_annotations(tmp_path / "poses.pkl", [annotation("good"), annotation("empty", keypoint_score=nobody)])
    path = write_overview(tmp_path / "poses.pkl", tmp_path / "videos", {"broken": "it <breaks> off"}, progress=False)
    page = path.read_text(encoding="utf-8")
    assert path == tmp_path / "poses.html"
    assert "no joint is seen in any frame" in page and "it &lt;breaks&gt; off" in page
    assert page.index("broken") < page.index("All findings</h2>"), "what failed stands in short, too"
    assert page.count('<img src="data:image/jpeg') >= 1
    assert '<a href="#samples">' in page
