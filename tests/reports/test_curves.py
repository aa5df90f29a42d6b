import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmaction.reports.curves import curves, log_name, plot_curves, read_log, save_figure


def write(folder, records):
    (folder / "vis_data").mkdir(parents=True)
    (folder / "vis_data/scalars.json").write_text("".join(json.dumps(r) + "\n" for r in records))


def train(epoch, iteration, loss):
    return {
        "lr": 0.1,
        "loss": loss,
        "loss_cls": loss,
        "top1_acc": 0.5,
        "time": 1.0,
        "epoch": epoch,
        "iter": iteration,
        "memory": 0,
        "step": iteration,
    }


def val(epoch, top1):
    return {"acc/top1": top1, "acc/mean1": top1, "data_time": 0.1, "time": 0.2, "step": epoch}


@pytest.fixture
def resumed(tmp_path):
    """A run of three epochs of 20 iterations, killed in the third and resumed from the second."""
    run = tmp_path / "posec3d_demo"
    write(
        run / "20260101_000000",
        [train(1, 10, 3.0), train(1, 20, 2.0), val(1, 0.4), train(2, 40, 1.5), val(2, 0.5), train(3, 50, 99.0)],
    )
    write(run / "20260102_000000", [train(3, 50, 1.2), train(3, 60, 1.0), val(3, 0.8)])
    return run


def test_epochs_and_resumed_runs(resumed):
    log = read_log(resumed)
    assert (log.name, log.by_epoch) == ("posec3d_demo", True)
    np.testing.assert_allclose(log.train["loss"], [(0.5, 3.0), (1, 2.0), (2, 1.5), (2.5, 1.2), (3, 1.0)])
    assert log.val["acc/top1"] == [(1, 0.4), (2, 0.5), (3, 0.8)]
    assert "time" not in log.keys


def test_a_course_of_the_run_that_another_one_replaces_is_left_out(resumed):
    write(resumed / "20260103_000000", [train(2, 40, 1.4), val(2, 0.6)])  # again from the end of epoch 1
    log = read_log(resumed)
    np.testing.assert_allclose(log.train["loss"], [(0.5, 3.0), (1, 2.0), (2, 1.4)])
    assert log.val["acc/top1"] == [(1, 0.4), (2, 0.6)]
    write(resumed / "20260103_000000_2", [{**train(1, 20, 5.0), "loss_new": 5.0}])  # a new run in the same second
    log = read_log(resumed)
    assert log.train["loss_new"] == log.train["loss"][-1:] == [(1, 5.0)] and not log.val


def test_iteration_runs(tmp_path):
    write(tmp_path / "20260101_000000", [{"loss": 1.0, "iter": 100, "step": 100}, {"acc/top1": 0.3, "step": 100}])
    log = read_log(tmp_path)
    assert not log.by_epoch
    assert log.train["loss"] == [(100, 1.0)]


def test_unfinished_last_line_is_skipped_another_named(resumed):
    file = resumed / "20260102_000000/vis_data/scalars.json"
    whole = file.read_text()
    file.write_text(whole + '{"loss": 0.')
    assert read_log(resumed).train["loss"][-1] == (3, 1.0)
    file.write_text("not json\n" + whole)
    with pytest.raises(ValueError, match=r"scalars.json, line 1: expected a JSON object, found 'not json'"):
        read_log(resumed)


def test_panels(resumed):
    drawn = {(panel, part, key) for panel, part, key, _ in curves(read_log(resumed))}
    assert ("loss", "train", "loss") in drawn
    assert ("accuracy", "val", "acc/top1") in drawn
    assert ("lr", "train", "lr") in drawn
    figure = plot_curves([read_log(resumed)])
    assert [axis.get_title() for axis in figure.axes] == ["loss", "accuracy", "learning rate"]
    line = figure.axes[1].get_lines()[-1]
    np.testing.assert_allclose(line.get_xdata(), [1, 2, 3])


def test_several_runs_and_chosen_keys(resumed, tmp_path):
    figure = plot_curves([read_log(resumed, "a"), read_log(resumed, "b")], keys=["acc/top1"])
    (line,) = figure.axes[0].get_lines()  # the runs are the same: one line stands for both
    assert line.get_label() == "a: val acc/top1\n= b: val acc/top1"
    save_figure(figure, tmp_path / "deep/curves.png")
    assert (tmp_path / "deep/curves.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"curves.docx: expected a name that ends in"):
        save_figure(figure, tmp_path / "curves.docx")


def test_runs_differ_in_color_curves_in_style_and_equal_ones_are_one_line(resumed, tmp_path):
    write(tmp_path / "b/posec3d_demo/20260101_000000", [train(1, 20, 1.0), val(1, 0.1), train(2, 40, 0.5), val(2, 0.2)])
    logs = [read_log(resumed), read_log(tmp_path / "b/posec3d_demo")]
    figure = plot_curves(logs)
    losses = figure.axes[0].get_lines()
    names = [f"posec3d_demo #{i}: train loss = train loss_cls" for i in (1, 2)]
    assert [line.get_label() for line in losses] == names
    assert losses[0].get_color() != losses[1].get_color() and losses[0].get_linestyle() == losses[1].get_linestyle()
    accuracies = figure.axes[1].get_lines()
    assert len({line.get_linestyle() for line in accuracies}) == 2, "training and validation"
    assert len({line.get_color() for line in accuracies}) == 2
    figure.canvas.draw()
    assert all(float(tick).is_integer() for axis in figure.axes for tick in axis.get_xticks())
    many = plot_curves([replace(logs[1], name=str(i), train={"loss": [(1, i)]}, val={}) for i in range(12)])
    assert len({tuple(line.get_color()) for line in many.axes[0].get_lines()}) == 12


def test_mistakes_are_named(resumed, tmp_path):
    with pytest.raises(ValueError, match=r"no scalar 'acc/top2'; did you mean acc/top1\?; logged: acc/mean1"):
        plot_curves([read_log(resumed)], keys=["acc/top2"])
    with pytest.raises(FileNotFoundError, match="no log found"):
        read_log(tmp_path / "nowhere")
    write(tmp_path / "new", [{"epoch": 1}])
    with pytest.raises(ValueError, match="holds no scalar yet"):
        read_log(tmp_path / "new")


def test_default_name(tmp_path):
    assert log_name(tmp_path / "a/20260101_000000/vis_data/scalars.json") == "a"
    assert log_name(tmp_path / "a/20260101_000000.json") == "a"


def test_tool(resumed, tool, tmp_path, capsys):
    main = tool("analyze_logs")
    assert main([str(resumed)]) == 0
    assert (resumed / "curves.png").is_file()
    assert main([str(resumed), str(resumed), "--names", "a", "b", "--list"]) == 0
    assert "b  val    acc/top1" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([str(resumed), "--names", "a", "b"])


RECORD = st.dictionaries(
    st.sampled_from(["loss", "iter", "epoch", "step", "acc/top1", "lr"]),
    st.none() | st.booleans() | st.integers(-5, 100) | st.floats(-1, 3) | st.text(max_size=3) | st.lists(st.none()),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RECORD.map(json.dumps) | st.text(max_size=20), max_size=5))
def test_any_log_gives_curves_or_a_message(tmp_path, lines):
    file = tmp_path / "scalars.json"
    file.write_text("\n".join(lines), encoding="utf-8")
    try:
        log = read_log(file)
    except ValueError as error:
        assert "scalars.json" in str(error)
    else:
        assert log.keys
