"""The steps of ``make demo`` fit each other: what one writes, the next reads."""

import json
import os
import re
import runpy
import shutil
from pathlib import Path

import pytest
from engine.processes import run_forked

from mmaction.cli import demo
from mmaction.utils.cli import ToolStop

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.integration
def test_demo_runs_from_end_to_end(tmp_path, demo_data, monkeypatch, capsys):
    """The whole of ``tools/demo.py`` in a copy of the checkout, with small data and two epochs."""
    for name in ("tools", "mmaction"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "pose_visualizer.py", tmp_path)
    settings = re.sub(r"dive_\d+", "dive_00000", (ROOT / "config.ini").read_text(encoding="utf-8"))
    (tmp_path / "config.ini").write_text(settings, encoding="utf-8")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/demo_diving").symlink_to(demo_data)
    config = tmp_path / "configs/skeleton/posec3d/c3d-light_1xb16-u32-40e_demo-keypoint.py"
    text = config.read_text().replace("max_epochs=40", "max_epochs=2, val_begin=1, val_interval=1")
    config.write_text(text + "\ntrain_dataloader.update(num_workers=0, batch_size=5)\n")
    log = tmp_path / "output.txt"

    def run(title: str, *command: object) -> None:
        code = run_forked([*map(str, command)], tmp_path, log, {"PYTHONPATH": str(tmp_path)})
        assert code == 0, f"{title}: {log.read_text()[-3000:]}"

    monkeypatch.setattr(demo, "ROOT", tmp_path)
    monkeypatch.setattr(demo, "run", run)  # in processes that have the package loaded already
    assert demo.main(["--target", "0"]) == 0
    said, answer = capsys.readouterr().out, log.read_text()
    name, label = (demo_data / "val.txt").read_text().split()[:2]
    truth = (demo_data / "label_map.txt").read_text().splitlines()[int(label)]
    assert f"\n{Path(name).stem}\n" in answer and f"in truth it is {truth}\n" in said
    work = tmp_path / "work_dirs/demo"
    for name in ("curves.png", "clip.mp4", "epoch_2.pth"):
        assert (work / name).stat().st_size > 1000
        assert f"work_dirs/demo/{name}" in said
    metrics = json.loads((work / "test_epoch_2/metrics.json").read_text())
    assert f"top-1 accuracy {metrics['accuracy']['top1']:.3f} on the held-out clips" in said


def test_a_step_that_fails_ends_the_demo(capfd):
    demo.run("greet", "-c", "print('hello')")
    assert capfd.readouterr().out == "\n== greet: python -c print('hello')\nhello\n"
    with pytest.raises(ToolStop, match="'fall' ended with exit code 3"):
        demo.run("fall", "-c", "raise SystemExit(3)")


@pytest.mark.parametrize("is_absolute", [False, True])
def test_demo_takes_any_work_dir_and_shows_the_newest_test(tmp_path, monkeypatch, capsys, is_absolute):
    main = runpy.run_path(str(ROOT / "tools/demo.py"))["main"]
    work = tmp_path / "results"
    (work / "20200101_000000").mkdir(parents=True)
    (work / "20200101_000000/20200101_000000.log").touch()
    (work / "last_checkpoint").write_text(f"{work}/epoch_2.pth")
    for age, (name, top1) in enumerate((("test_epoch_2_2", 0.9), ("test_epoch_2", 0.1))):
        (work / name).mkdir()
        (work / name / "metrics.json").write_text(json.dumps({"accuracy": {"top1": top1}}))
        os.utime(work / name / "metrics.json", (1e9 - age, 1e9 - age))
    (tmp_path / "data/demo_diving").mkdir(parents=True)
    (tmp_path / "data/demo_diving/val.txt").write_text("dive_00007.mp4 1\n")
    (tmp_path / "data/demo_diving/label_map.txt").write_text("forward\nback\n")
    monkeypatch.setitem(main.__globals__, "ROOT", tmp_path)
    monkeypatch.setitem(main.__globals__, "run", lambda *command: None)  # the programs have done their work
    shown = work if is_absolute else Path("results")
    assert main(["--work-dir", str(shown), "--target", "0.8"]) == 0
    said = capsys.readouterr().out
    assert f"{shown}/20200101_000000/20200101_000000.log" in said and f"{shown}/test_epoch_2_2\n" in said
