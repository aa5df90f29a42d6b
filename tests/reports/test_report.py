import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmaction.engine.results.writer import write_result
from mmaction.evaluation import summarize
from mmaction.label_spaces import load_label_space
from mmaction.reports.clip_pictures import ClipPictures
from mmaction.reports.figures import class_labels, confusion_figure, short_names
from mmaction.reports.report import confusion_cells, find_log, result_name, worst_clips, write_report
from mmaction.structures import Result


@pytest.fixture
def small(tmp_path):
    """A written test of 60 samples of three classes, and its folder."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    scores = rng.dirichlet(np.ones(3), 60)
    meta = {"frames": rng.integers(10, 90, 60), "width": np.full(60, 640), "height": rng.choice([360, 480], 60)}
    predictions = Result(
        [f"clip<{i}>" for i in range(60)], labels, scores, ["<b>back</b>", 'a "twist" & turn', "front"], meta
    )
    folder = tmp_path / "run" / "test_best"
    write_result(folder, replace(predictions, run={"seed": 0}))
    return folder


def figures_of(page):
    return {name: float(value) for name, value in re.findall(r'data-metric="(\w+)" data-value="([^"]+)"', page)}


ZOOM = """<script>window.addEventListener("load", async () => {
    await Plotly.relayout("plot-confusion", {"xaxis.range": [39.5, 64.5], "yaxis.range": [64.5, 39.5]});
    document.body.dataset.ticks = document.querySelectorAll("#plot-confusion .ytick text").length;
    document.getElementById("plot-confusion").emit("plotly_click", {points: [{pointIndex: [0, 0]}]}); });</script>"""


def test_page_shows_the_figures_of_metrics_json_in_a_browser(gym288_element_misses, tmp_path, browse):
    predictions, space = gym288_element_misses
    better = Result(predictions.ids, predictions.labels, predictions.scores.copy(), predictions.classes)
    better.scores[np.arange(0, len(better), 3), better.labels[::3]] += 9
    train_counts = list(range(1, len(space) + 1))
    for name, test in (("a", predictions), ("b", better)):
        write_result(tmp_path / name, replace(test, label_space=space, train_counts=train_counts))
    out = write_report([tmp_path / "a", tmp_path / "b"], tmp_path / "report.html", names=["A", "B"])
    assert out.stat().st_size < 10e6
    out.write_text(out.read_text(encoding="utf-8").replace("</body>", ZOOM + "</body>"), encoding="utf-8")
    page, console = browse(out)
    assert console == []
    assert int(re.search(r'data-ticks="(\d+)"', page)[1]) >= 25, "zoomed in, every class has its name"
    metrics = json.loads((tmp_path / "a/metrics.json").read_text())
    shown = figures_of(page)
    assert {name: shown[name] for name in metrics["accuracy"]} == metrics["accuracy"]
    assert shown["ece"] == metrics["calibration"]["ece"]
    assert shown["mcnemar"] < 1e-6
    assert json.loads(re.search(r'id="metrics">(.*?)</script>', page, re.DOTALL)[1]) == metrics
    assert page.index("have the right set but the wrong element") < page.index('id="comparison"')
    drawn = set(re.findall(r'<div id="(plot-[\w-]+)" class="plotly-graph-div js-plotly-plot"', page))
    assert {"plot-confusion", "plot-classes", "plot-calibration", "plot-long_tail", "plot-gain-0"} <= drawn
    assert page.count("<image") >= 2
    order = confusion_cells(predictions)["order"]
    cell = page.split('id="cell"')[1].split("</section>")[0]
    assert f"{order[0]} {space.names[order[0]]}: right" in html.unescape(cell)
    right = (predictions.labels == order[0]) & (predictions.predicted == order[0])
    assert cell.count('class="clip"') == right.sum() > 0, "a click lists the clips of the cell"
    assert f"mmaction view {tmp_path}/a --true {order[0]} --predicted {order[0]}" in cell


def test_names_are_escaped_nothing_is_loaded_and_the_log_is_found(small, tmp_path, browse):
    log = tmp_path / "run/20260101_000000/vis_data"
    log.mkdir(parents=True)
    records = [{"loss": 1.0 / (i + 1), "epoch": i + 1, "iter": 10 * i + 10, "step": 10 * i + 10} for i in range(3)]
    records += [{"acc/top1": 0.2 * i, "step": i} for i in (1, 2, 3)]
    (log / "scalars.json").write_text("\n".join(map(json.dumps, records)))
    assert find_log(small, {}).name == "run"
    out = write_report([small], small / "report.html")
    text = out.read_text(encoding="utf-8")
    body = text[text.index("<body>") :]
    assert "<b>back</b>" not in re.sub(r"<script.*?</script>", "", body, flags=re.DOTALL)
    assert "clip&lt;" in body
    assert not re.search(r'(?:src|href)="(?!#|data:)', body)
    page, console = browse(out)
    assert console == []
    assert figures_of(page)["top1"] == json.loads((small / "metrics.json").read_text())["accuracy"]["top1"]
    assert "Accuracy by clip length (frames)" in page
    assert "Accuracy by short side (pixels)" in page
    assert "learning curves of run" in page


def test_twist_is_named_before_everything_else(diving_twist_misses, tmp_path):
    predictions, space, counts = diving_twist_misses
    write_result(tmp_path / "test", replace(predictions, label_space=space, train_counts=counts))
    text = write_report([tmp_path / "test"], tmp_path / "r.html").read_text(encoding="utf-8")
    body = text[text.index("<h1>") :]
    assert body.index("miss only twists") < body.index('class="cards"')
    assert "twists: predicted minus true" in body


def test_label_space_can_be_given_later(diving_twist_misses, tmp_path):
    predictions, space, _ = diving_twist_misses
    write_result(tmp_path / "test", replace(predictions, listed=2000))
    page = write_report([tmp_path / "test"], tmp_path / "r.html", space=space).read_text(encoding="utf-8")
    assert "miss only twists" in page and "1970 of 2000" in page
    assert result_name(tmp_path / "test/scores.npz") == f"{tmp_path.name}/test"


def test_a_label_map_names_the_classes_of_a_test_that_did_not_know_them(tmp_path):
    write_result(tmp_path / "test", Result(["a", "b", "c"], [0, 1, 1], np.eye(3)[[0, 1, 2]]))
    (tmp_path / "map.txt").write_text("back flip\njump\nsplit leap\n")
    space = load_label_space(tmp_path / "map.txt")
    page = write_report([tmp_path / "test"], tmp_path / "r.html", space=space).read_text(encoding="utf-8")
    assert "split leap" in page[page.index("<h1>") :]


def test_differences_of_gym_classes_are_said_in_words(gym288_element_misses, tmp_path):
    predictions, space = gym288_element_misses
    write_result(tmp_path / "test", replace(predictions, label_space=space))
    text = write_report([tmp_path / "test"], tmp_path / "r.html").read_text(encoding="utf-8")
    assert ">0 turns against 0.5 turns<" in text and ">position: stretched against tucked<" in text


def test_several_labels(tmp_path):
    rng = np.random.default_rng(0)
    predictions = Result(["a", "b", "c"], rng.integers(0, 2, (3, 4)), rng.random((3, 4)))
    write_result(tmp_path / "test", predictions)
    page = write_report([tmp_path / "test"], tmp_path / "r.html").read_text(encoding="utf-8")
    assert figures_of(page) == summarize(predictions)["accuracy"]


def test_clips_that_could_not_be_loaded_are_in_no_confusion():
    scores, labels = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]), [0, 0, 1]
    predictions = Result(["a", "b", "c"], labels, scores, meta={"broken": np.array([1, np.nan, np.nan])})
    assert confusion_figure(predictions).data[0].customdata.tolist() == [[1, 0], [1, 0]]
    assert [clip["id"] for clip in worst_clips(predictions, ClipPictures(), 5)] == ["c"]


@pytest.mark.parametrize("name", ["gym99", "gym288", "diving48"])
def test_short_names_differ_where_the_names_do(name):
    names = load_label_space(name).names
    short = short_names(names)
    assert max(map(len, short)) <= 60
    assert len(set(short)) == len(set(names)) and len(set(zip(names, short))) == len(set(names))
    labels = class_labels(range(len(names)), names)
    assert all(len(line) <= 40 for label in labels for line in label.split("<br>"))


@given(st.lists(st.text("ab c", min_size=1, max_size=90), min_size=1, max_size=5))
def test_any_names_can_be_shortened(names):
    assert all(len(short) <= 60 for short in short_names(names))
    assert all(short == name for short, name in zip(short_names(names), names) if len(name) <= 60)


def test_cells_link_to_the_clips_that_are_there(tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/a b.mp4").touch()
    meta = {"source": np.array([str(tmp_path / "videos/a b.mp4"), "gone.mp4"])}
    found = Result(["a", "b"], [0, 1], [[0.25, 0.75], [0.1, 0.9]], meta=meta)
    cells = confusion_cells(found, tmp_path / "run")
    assert cells == {"order": [0, 1], "clips": [[1, 1, "b", 90, ""], [0, 1, "a", 75, "../videos/a%20b.mp4"]]}


def test_results_of_other_samples_are_not_compared(small):
    result = Result.load(small)
    write_result(small.parent / "b", replace(result, ids=[f"other {i}" for i in range(60)]))
    with pytest.raises(ValueError, match="run/b lacks 60 of 60 samples, the first is 'clip<0>'"):
        write_report([small, small.parent / "b"], small / "r.html")
    assert not (small / "r.html").exists()


def test_tool(small, tool, capsys):
    main = tool("report")
    assert main([str(small), "--title", "My run", "--worst", "2"]) == 0
    assert "report.html (" in capsys.readouterr().out
    text = (small / "report.html").read_text(encoding="utf-8")
    assert "<h1>My run</h1>" in text
    assert text.count('class="clip"') == 2
    with pytest.raises(SystemExit):
        main([str(small), "--worst", "-1"])
