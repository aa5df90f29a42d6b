"""mmaction export, and what runs its files."""

import contextlib
import io
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from mmaction.cli import export, infer
from mmaction.cli import test as test_tool
from mmaction.structures import Result

NO_TORCH = """
import sys
# what docs/export.md does not name
NOT_NAMED = "torch torchvision scipy sklearn matplotlib plotly supervision trackers decord jinja2 filelock".split()
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in NOT_NAMED:
            raise ImportError(f"{name} is not installed")
sys.meta_path.insert(0, Refuse())
from mmaction.cli.infer import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def exported(rgb, tmp_path_factory):
    """The tiny model of RGB clips as an ONNX file."""
    path = tmp_path_factory.mktemp("exported") / "tiny.onnx"
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert export.main([*map(str, rgb), "--out", str(path), "--runs", "1", "--cfg-options", MERGED]) == 0
    path.with_suffix(".txt").write_text(printed.getvalue())
    return path


def test_it_says_what_was_proved_and_replaces_nothing_unasked(exported, rgb):
    with pytest.raises(FileExistsError, match="--overwrite"):
        export.main([*map(str, rgb), "--out", str(exported)])
    printed = exported.with_suffix(".txt").read_text()
    assert "imgs (batch, 2, 3, 4, 24, 24) uint8 to scores of 3 classes: probabilities, mean of 2 views" in printed
    assert "PyTorch's" in printed and "one clip: PyTorch" in printed
    assert sorted(path.name for path in exported.parent.iterdir()) == ["tiny.onnx", "tiny.txt"]


def test_infer_has_the_scores_of_the_checkpoint_without_torch(exported, rgb, clip_files):
    from mmaction.apis import Recognizer

    call = [str(exported), str(clip_files["video"]), str(clip_files["frames"]), "--format", "json"]
    done = subprocess.run([sys.executable, "-c", NO_TORCH, *call], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = Recognizer.load(*rgb, device="cpu")(clip_files["video"])
    for entry in json.loads(done.stdout):
        assert {row["name"]: pytest.approx(row["score"], abs=1e-5) for row in entry["top"]} == dict(
            zip(("jump", "turn", "rest"), expected.scores.tolist(), strict=True)
        )


def test_windows_of_an_exported_model(exported, rgb, clip_files, capsys):
    video = str(clip_files["video"])
    for model in ([str(exported)], [*map(str, rgb)]):
        assert infer.main([*model, video, "--window", "2", "--format", "csv", "--topk", "1"]) == 0
    first, second = np.array_split(capsys.readouterr().out.splitlines(), 2)
    assert [line.rpartition(",")[0] for line in first] == [line.rpartition(",")[0] for line in second]


MERGED = "model.cls_head.average_clips=prob"
TEST_SET = """
_base_ = {base!r}
default_scope = "mmaction"
model = dict(cls_head=dict(average_clips="prob"))
test_dataloader = dict(batch_size=2, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=False), dataset=dict(
    ann_file={list!r}))
test_evaluator = dict(type="AccMetric")
test_cfg = dict(type="TestLoop")
"""


def test_a_test_of_the_file_is_one_of_the_checkpoint(exported, rgb, clip_files, tmp_path, capfd):
    (tmp_path / "list.txt").write_text("".join(f"{clip_files['video']} {label}\n" for label in (0, 1, 2)))
    config = tmp_path / "tested.py"
    config.write_text(TEST_SET.format(base=str(rgb[0]), list=str(tmp_path / "list.txt")))
    found = []
    for weights in (rgb[1], exported):
        assert test_tool.main([str(config), str(weights), "--work-dir", str(tmp_path / "work")]) == 0
        found.append(Result.load(tmp_path / "work" / f"test_{weights.stem}"))
    np.testing.assert_allclose(found[0].scores, found[1].scores, atol=1e-5)
    assert found[1].run["checkpoint"] == str(exported) and found[1].run["checkpoint_sha256"]
    assert "are other ones" not in capfd.readouterr().err
    text = config.read_text()
    config.write_text(text.replace("model = dict(", "model = dict(backbone=dict(with_cp=True), "))
    test_tool.main([str(config), str(exported), "--work-dir", str(tmp_path / "other")])
    assert "model are other ones" in capfd.readouterr().err
    config.write_text(text.replace("dict(average", "dict(num_classes=4, average"))
    with pytest.raises(ValueError, match="3 classes"):
        test_tool.main([str(config), str(exported), "--work-dir", str(tmp_path / "other")])


@pytest.mark.parametrize(
    ("options", "error", "word"),
    [
        (["--opset", "3"], ValueError, "opset 3 is unknown"),
        (["--to", "tflite"], SystemExit, "invalid choice"),
        (["--to", "torch"], SystemExit, r"named \*.pt2"),
        (["--to", "torch", "--out", "x.pt2", "--opset", "20"], ValueError, "only ONNX has opsets"),
    ],
)
def test_mistakes_leave_nothing_behind(options, error, word, rgb, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as raised:
        export.main([*map(str, rgb), "--out", "x.onnx", *options])
    assert re.search(word, str(raised.value) + capsys.readouterr().err)
    assert not list(tmp_path.iterdir())


def test_a_missing_library_is_named(rgb, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r"pip install .\[export\]"):
        export.main([*map(str, rgb), "--out", str(tmp_path / "x.onnx")])


def test_files_that_are_none(exported, tmp_path, clip_files):
    import onnx

    (tmp_path / "cut.onnx").write_bytes(exported.read_bytes()[:2000])
    model = onnx.load(exported)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    for name, word in (("cut", "no ONNX model"), ("foreign", "not written by mmaction export")):
        with pytest.raises(ValueError, match=word):
            infer.main([str(tmp_path / f"{name}.onnx"), str(clip_files["video"])])
    with pytest.raises(FileNotFoundError, match="did you mean"):
        infer.main([str(exported.with_name("tinny.onnx")), str(clip_files["video"])])
    with pytest.raises(SystemExit):
        infer.main(["config.py", str(exported), str(clip_files["video"])])


def test_a_file_is_data_and_names_no_code(exported, tmp_path, clip_files):
    import onnx

    model = onnx.load(exported)
    (entry,) = (entry for entry in model.metadata_props if entry.key == "mmaction")
    facts = json.loads(entry.value)
    entry.value = json.dumps({**facts, "pipeline": [{"type": "os.getcwd"}, *facts["pipeline"]]})
    onnx.save(model, tmp_path / "evil.onnx")
    entry.value = json.dumps({**facts, "custom_imports": {"imports": ["this"]}})
    onnx.save(model, tmp_path / "imports.onnx")
    with pytest.raises(ValueError, match=r"os\.getcwd is in no registry"):
        infer.main([str(tmp_path / "evil.onnx"), str(clip_files["video"])])
    with pytest.raises(ValueError, match="--trust-checkpoint"):
        infer.main([str(tmp_path / "imports.onnx"), str(clip_files["video"])])
