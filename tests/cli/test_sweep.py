"""tools/sweep.py on a tiny network: what it trains, what it does not repeat, and its table."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from mmaction.cli import sweep
from mmaction.structures import Result

SPEC = importlib.util.spec_from_file_location("pose_config", Path(__file__).parent / "pose_config.py")
pose_config = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(pose_config)


@pytest.fixture
def config(demo_data, tmp_path):
    return str(pose_config.write_pose_config(tmp_path / "tiny.py", demo_data / "skeletons.pkl"))


def test_settings_are_compared_and_results_that_are_there_are_kept(config, tmp_path, capsys):
    def run(*settings):
        rows = [part for name, option in settings for part in ("--setting", name, option)]
        seeds = ["--seeds", "1", "--epochs", "1", "--work-dir", str(tmp_path / "out")]
        key = "train_dataloader.dataset.filter_cfg"
        assert sweep.main([config, *rows, *seeds, "--cfg-options", f"{key}.per_class=2", f"{key}.seed={{seed}}"]) == 0
        return capsys.readouterr().out

    first = ("plain", "optim_wrapper.optimizer.lr=0.1")
    run(first)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("scores.npz")}
    assert len(kept) == 1
    shown = run(first, ("slow", "optim_wrapper.optimizer.lr=0.001"))
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert shown == (tmp_path / "out/sweep.md").read_text() + shown[shown.index("top1 in percent") :]
    assert "| plain | " in shown and " to plain) |" in shown
    folder = tmp_path / "out/slow_seed=1"
    trained = (folder / "tiny.py").read_text()
    assert "lr=0.001" in trained and "per_class=2" in trained
    assert Result.load(folder / "test_epoch_1").train_counts == [2] * 5
    with pytest.raises(ValueError, match=r"plain_seed=1 holds a training of another config, .* or option"):
        run(("plain", "optim_wrapper.optimizer.lr=0.2"))


def test_a_run_that_fails_names_its_log_and_may_be_corrected(config, tmp_path):
    for name in ("depht", "dpeth"):
        with pytest.raises(sweep.ToolStop, match=rf"unchanged_seed=0.*no argument '{name}'.*output\.txt"):
            sweep.main(
                [config, "--seeds", "0", "--work-dir", str(tmp_path / "out"), "--cfg-options", f"model.{name}=1"]
            )


def test_figures_of_a_result(tmp_path):
    labels = np.array([0, 0, 0, 1, 1, 2])
    scores = np.eye(3)[[0, 0, 1, 1, 0, 0]]
    Result([str(i) for i in range(6)], labels, scores, train_counts=[90, 9, 1]).save(tmp_path / "scores.npz")
    found = {metric: sweep.measure(tmp_path, metric, None) for metric in ("top1", "mean1", "freq1")}
    assert found == pytest.approx({"top1": 50, "mean1": 100 * (2 / 3 + 1 / 2) / 3, "freq1": 90 * 2 / 3 + 9 / 2})
    assert sweep.measure(tmp_path, "top1", [1]) == 50


def figures(**values):
    return {
        sweep.SweepRun(setting, column, seed, ()): value
        for (setting, column), seeds in {tuple(key.split("__")): value for key, value in values.items()}.items()
        for seed, value in enumerate(seeds)
    }


def test_the_table_has_means_intervals_and_paired_differences():
    text = sweep.table(figures(a__n3=[50.0, 60.0, 55.0], b__n3=[60.0, 70.0, 65.0], b__n5=[70.0]))
    assert text.splitlines() == [
        "| | n3 | n5 |",
        "| --- | --- | --- |",
        "| a | 55.0 ± 12.4 |  |",
        "| b | 65.0 ± 12.4 (10.0 ± 0.0 to a) | 70.0 |",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--setting", "a", "lr"], "KEY=VALUE"), (["--setting", "a", "--setting", "a"], "name of its own")],
)
def test_mistakes_are_told(config, capsys, options, said):
    with pytest.raises(SystemExit) as ended:
        sweep.main([config, *options])
    assert ended.value.code == 2 and said in capsys.readouterr().err


def test_runs_are_the_product_of_seeds_columns_and_settings():
    args = sweep.parse_args(
        ["c.py", "--setting", "x", "k={seed}", "--setting", "y", "--vary", "a.n=3,5", "--seeds", "7"]
    )
    runs = list(sweep.plan(args))
    assert [(run.setting, run.column) for run in runs] == [("x", "n=3"), ("y", "n=3"), ("x", "n=5"), ("y", "n=5")]
    assert runs[0].options == ("a.n=3", "k=7")
    assert len({run.folder(Path("out")) for run in runs}) == 4
