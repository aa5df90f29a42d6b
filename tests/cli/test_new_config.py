"""Configs that are written for a user's data."""

import io
import pickle
import shutil

import numpy as np
import pytest
from tiny import shrink_config

from mmaction.cli import new_config
from mmaction.engine import build_runner
from mmaction.engine.checks.config import check_config
from mmaction.preparation.recipe import choose
from mmaction.preparation.recipe_config import leaf
from mmaction.preparation.recipe_data import read_data
from mmaction.preparation.recipe_nets import NETS
from mmaction.utils.config import base_batch_size, load_config

KINDS = {kind: [name for name, net in NETS.items() if net.kind == kind] for kind in ("video", "skeleton")}


@pytest.fixture(scope="module")
def folders(demo_data, tmp_path_factory):
    """The demo's videos in a folder for each class."""
    root = tmp_path_factory.mktemp("mine") / "videos"
    for line in [
        *(demo_data / "train.txt").read_text().splitlines(),
        *(demo_data / "val.txt").read_text().splitlines(),
    ]:
        name, label = line.split()
        (root / f"dive {label}").mkdir(parents=True, exist_ok=True)
        shutil.copy(demo_data / "videos" / name, root / f"dive {label}")
    return root


@pytest.fixture(scope="module")
def data(folders, demo_data):
    """What is known of both kinds of data."""
    return {"video": read_data(folders), "skeleton": read_data(demo_data / "skeletons.pkl")}


@pytest.mark.parametrize("name", NETS)
def test_a_config_of_every_network_is_short_and_reads(name, data, tmp_path):
    recipe = choose(name, data[NETS[name].kind], gpus=2)
    path = tmp_path / f"{name}.py"
    path.write_text(leaf(recipe))
    assert len(path.read_text().splitlines()) <= 40
    cfg, notes = load_config(path)
    assert not notes
    check_config(cfg, "training")
    assert cfg.model.cls_head.num_classes == 5
    assert cfg.train_dataloader.batch_size == recipe.batch and base_batch_size(cfg) == 2 * recipe.batch
    assert (
        cfg.optim_wrapper.optimizer.lr
        == recipe.lr
        == pytest.approx(recipe.net.lr * 2 * recipe.batch / recipe.net.batch, rel=0.01)
    )
    assert cfg.train_cfg.max_epochs == recipe.net.epochs
    assert (cfg.optim_wrapper.get("type") == "AmpOptimWrapper") == NETS[name].is_mixed
    assert any(reason.startswith("precision: mixed") for reason in recipe.reasons) == NETS[name].is_mixed
    net = NETS[name]
    assert (cfg.load_from or cfg.model.backbone.get("pretrained") or "") == net.weights
    if NETS[name].kind == "video":
        pipeline = cfg.test_dataloader.dataset.pipeline
        (sampling,) = [step for step in pipeline if step.type == "UniformSample"]
        assert sampling.clip_len == recipe.frames and recipe.frames % NETS[name].multiple == 0
        (crop,) = [step for step in pipeline if step.type == "ThreeCrop"]
        assert crop.crop_size == (recipe.size if net.is_fixed else recipe.size * 8 // 7)
        assert tuple(pipeline[3].scale) == (-1, crop.crop_size)


SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in ("tsm", "posec3d-light")]


@pytest.mark.parametrize("name", ["slowfast-r18", "stgcn++", *SLOW])
def test_it_trains_as_it_stands(name, data, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(leaf(choose(name, data[NETS[name].kind])))
    cfg, _ = load_config(path)
    shrink_config(cfg)
    cfg.update(work_dir=str(tmp_path / "work"), launcher="none")
    cfg.default_hooks.checkpoint.update(save_last=False, interval=-1, save_best=None)
    cfg.visualizer = dict(type="ActionVisualizer", vis_backends=[])
    runner = build_runner(cfg)
    runner.train()
    assert runner.iter >= 1


def test_a_described_layout_and_the_persons_reach_the_pipelines_and_the_graph(tmp_path, capsys):
    rng, path = np.random.default_rng(0), tmp_path / "mine.pkl"
    clips = [dict(frame_dir=f"c{i}", label=i, total_frames=9, keypoint=rng.random((2 + i, 9, 3, 3))) for i in range(2)]
    path.write_bytes(pickle.dumps({"split": {"train": ["c0", "c1"], "test": ["c0"]}, "annotations": clips}))
    layout = tmp_path / "layout.json"
    layout.write_text('{"joints": ["hip", "l_hand", "r_hand"], "limbs": [[0, 1], [0, 2]]}')
    options = [str(path), "--gpus", "0", "--model", "ctrgcn-light", "--out", str(tmp_path / "mine.py")]
    with pytest.raises(ValueError, match="no layout with 3 joints is known, so name or describe one"):
        new_config.main(options)
    assert new_config.main([*options, "--layout", str(layout)]) == 0
    said = capsys.readouterr().out
    assert "guessed" not in said and "up to 3 persons; a graph network sees 2" in said
    cfg, notes = load_config(tmp_path / "mine.py")
    steps = {step.type: step for step in cfg.test_dataloader.dataset.pipeline}
    assert not notes and steps["GenSkeFeat"].dataset == steps["PreNormalize3D"].layout == str(layout)
    assert steps["FormatGCNInput"].num_person == cfg.model.backbone.num_person == 2
    assert cfg.model.backbone.graph_cfg.layout == str(layout)


def test_lists_are_made_once_and_every_choice_is_told(folders, tmp_path, capsys):
    out = tmp_path / "mine.py"
    options = [str(folders), "--model", "slowfast-r18", "--gpus", "0", "--out", str(out)]
    assert new_config.main([*options, "--frames", "12"]) == 0
    said = capsys.readouterr().out
    for word in (
        "looked at",
        "12 equal parts",
        "views",
        "size: 64",
        "from nothing",
        "batch: 2",
        "learning rate",
        "next",
    ):
        assert word in said, word
    assert (folders.parent / "label_map.txt").read_text().splitlines()[0] == "dive 0"
    assert load_config(out)[0].train_dataloader.dataset.ann_file == str(folders.parent / "train.txt")
    with pytest.raises(FileExistsError, match="overwrite"):
        new_config.main(options)
    (folders / "dive 1" / "new.mp4").touch()
    assert new_config.main([*options[:-1], str(tmp_path / "other.py")]) == 0
    (folders / "dive 1" / "new.mp4").unlink()
    assert "no list holds 1 videos: dive 1/new.mp4; --overwrite" in capsys.readouterr().out
    before = (folders.parent / "val.txt").read_text()
    assert new_config.main([*options, "--overwrite"]) == 0
    assert (folders.parent / "val.txt").read_text() == before


def test_frames_follow_the_lengths_of_the_clips(data):
    short, long = (dict(vars(data["video"]), lengths=lengths) for lengths in ([20] * 9, [400] * 9))
    kind = type(data["video"])
    assert choose("slowfast-r50", kind(**short)).frames == 16
    recipe = choose("slowfast-r50", kind(**long))
    assert recipe.frames == 32 and any("cut the clips" in reason for reason in recipe.reasons)
    large = kind(**dict(vars(data["video"]), edge=720, lengths=[64] * 9, counts={"train": 5000, "val": 9}))
    recipe = choose("slowfast-r50", large, weights="none", gpus=1)
    assert (recipe.size, recipe.batch) == (224, 16) and "adamw" in leaf(recipe)
    assert "_sizes" not in leaf(recipe) and "learns them by heart" in "".join(recipe.reasons)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere", "--model", "tsm"], "nowhere"),
        (["train.txt", "--model", "tsm"], "--val"),
        (["skeletons.pkl", "--model", "tsm"], "posec3d"),
        (
            ["train.txt", "--val", "val.txt", "--videos", "videos", "--model", "slowfast-r18", "--frames", "9"],
            "multiple of 4",
        ),
        (["train.txt", "--val", "val.txt", "--model", "tsm"], "can be read: .* more; there is no video [^ ]*: check"),
        (["train.txt"], "--model"),
        (["train.txt", "--model", "tsm", "--out", "mine.txt"], r"\*\.py"),
    ],
)
def test_mistakes_are_named(options, message, demo_data, tmp_path, monkeypatch):
    monkeypatch.chdir(demo_data)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    out = [] if "--out" in options else ["--out", str(tmp_path / "mine.py")]
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        new_config.main([*options, "--gpus", "0", *out])
    assert not (tmp_path / "mine.py").exists()


def test_questions_lead_to_the_same_config(folders, tmp_path, monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    asked = tmp_path / "asked.py"
    answers = ["nowhere", str(folders), "resnet", "i3d-r18", "0", "16", "", str(asked)]
    monkeypatch.setattr("sys.stdin", Terminal("".join(f"{answer}\n" for answer in answers)))
    assert new_config.main([]) == 0
    said = capsys.readouterr().out
    assert "there is nothing at nowhere" in said and "known: slowfast-r50" in said
    given = tmp_path / "given.py"
    assert (
        new_config.main([str(folders), "--model", "i3d-r18", "--gpus", "0", "--frames", "16", "--out", str(given)]) == 0
    )
    assert asked.read_text() == given.read_text()
