"""A short part of the fuzzing, and the inputs that once showed a fault; all of it is run by hand, see run.py."""

import ctypes
import functools
import io
import json
import pickle
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest
from reliability import mutators, seeds
from reliability.guard import Escape, Guard
from reliability.loop import Fuzzer
from reliability.targets import TARGETS, Target

from mmaction.models import cpu

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measures memory by /proc")
BY_NAME = {target.name: target for target in TARGETS}


@pytest.fixture(scope="module")
def guard():
    libc = ctypes.CDLL(None)  # networks in this process keep freed memory, and what an input takes would not show
    libc.mallopt(cpu.M_MMAP_MAX, 65_536)
    libc.malloc_trim(0)
    yield Guard()
    cpu.keep_freed_memory.cache_clear()  # the next network keeps it again


def faults_of(target, guard, folder, count=None, inputs=()):
    """Return what is wrong after the seeds, ``count`` mutations of them and the given inputs."""
    fuzzer, found = Fuzzer(target, folder, guard, seed=7), []
    fuzzer.warm_up()
    if count is not None:
        for number in (len(fuzzer.seeds), count):
            fuzzer.turn(number, lambda target, fault, data: found.append((fault, data[:300])))
            assert "read" in fuzzer.tally.outcomes, "none of the seeds is read"
    return found + [fault for data in inputs if (fault := fuzzer.judge(data)[1])]


@pytest.mark.parametrize("count", [20, pytest.param(400, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.filterwarnings("ignore")
def test_seeds_are_read_and_mutations_show_no_fault(name, count, guard, tmp_path):
    assert faults_of(BY_NAME[name], guard, tmp_path, count) == []


# ---------------------------------------------------------------- what was found, and is mended
def annotation_file(**changes):
    content = seeds.annotations()
    content["annotations"][0].update(changes)
    return pickle.dumps(content)


def npz(**changes):
    buffer = io.BytesIO()
    arrays = {"ids": np.array(["a"]), "labels": np.array([0]), "scores": np.ones((1, 2), "f4"), **changes}
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def dump(**changes):
    return pickle.dumps([{"pred_score": np.ones(2, "f4"), "gt_label": 0, "frame_dir": "a", **changes}])


def npy(values):
    buffer = io.BytesIO()
    np.save(buffer, np.array(values))
    return buffer.getvalue()


def npy_header(text):
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def repeated_tensor():
    """Return a dumped tensor of 800 MB that are one number, repeated by strides of zero."""
    import torch

    return pickle.dumps([{"pred_score": torch.zeros(1).expand(10**4, 2 * 10**4), "gt_label": 0}], protocol=2)


SCALAR = b"cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n"
NO_BYTES = b"{'descr': '|S0', 'fortran_order': False, 'shape': (99999999999, 2), }\n"
REGULAR, DEEP = tarfile.REGTYPE, b"[" * 100_000
FOUND = {
    "any pickle": lambda: (
        b"\x80\x02]r" + (5 * 10**7).to_bytes(4, "little") + b".",  # a place in the memo: 800 MB, and up to 32 GiB
        b"\x80\x02})" + b"\x85" * 1_000_000 + b"Ns.",  # the hash of tuples a million deep: the stack of the process
        b"\x80\x02})" + b"2\x86" * 60 + b"Ns.",  # the hash of 2**60 shared tuples: years
        pickle.dumps(list(range(4999)), 2)[:-1]
        + b"q\xff0c__builtin__\nset\nq\xfe0]("
        + b"h\xfeh\xff\x85R" * 4999
        + b"e.",
        # text of a number that is no character; a type that is 3**30 shared lists, in the message
        b"\x80\x02" + SCALAR + b"X\x02\x00\x00\x00U1\x85R" + b"C\x04\xff\xff\xff\xff\x86R.",
        b"\x80\x02]q\x00" + b"](h\x00h\x00h\x00eq\x00" * 30 + b"NR.",  # a call of such lists, in Python's message
        # a type whose text NumPy would parse as Python
        b"\x80\x02" + SCALAR + b"X\x02\x00\x00\x00" + b"01\x85R" + b"C\x04\x00\x00\x00\x00\x86R.",
        b"\x80\x02]q\x000" + b"](h\x00h\x00h\x00eq\x000" * 30 + SCALAR + b"h\x00\x85R.",
    ),
    "skeleton file": lambda: (
        *(annotation_file(label=label) for label in ([[0], [1, 2]], "x", None, 10**400, {})),
        *(annotation_file(img_shape=shape) for shape in (3, (np.nan, 4), ("a", "b"), [np.zeros(2), 1], ())),
        *(annotation_file(total_frames=frames) for frames in (np.arange(3), [3], "3", np.nan)),
        *(annotation_file(keypoint=keypoint) for keypoint in ({}, [[1], [1, 2]], np.array(["x"]))),
        annotation_file(label=functools.reduce(lambda part, _: [part, part], range(28), 1)),  # 2**28 labels
        annotation_file(kind=np.dtype("f4")),  # what stands for a type stayed, and could not be pickled again
        pickle.dumps({**seeds.annotations(), "split": {"train": 3}}),
    ),
    "skeleton tools": lambda: (
        *(annotation_file(label=label) for label in ("x", None, np.inf, [])),
        annotation_file(keypoint_score=np.array([b"x"])),
        annotation_file(img_shape=(np.nan, 1)),
        pickle.dumps({**seeds.annotations(), "split": {"train": 3}}),
    ),
    "skeletons to draw": lambda: (
        annotation_file(keypoint={}),
        annotation_file(keypoint_score=[[1], [1, 2]]),
        *(annotation_file(img_shape=shape) for shape in (np.array([3, 4]), (3,), (np.inf, 1), {"a": 1})),
        annotation_file(label=".."),
    ),
    "given boxes": lambda: tuple(pickle.dumps({"a": boxes}) for boxes in (3, [{}], ["train"], [[[1, 2], [3]]], [5.0])),
    "scores.npz": lambda: (
        *seeds.npz()[2:],  # an array alone
        npz(classes=np.array([{}])),
        mutators.pack_zip([("ids", b"x"), ("labels.npy", b""), ("scores.npy", b"")]),
        mutators.pack_zip([("ids.npy", npy_header(b"{'descr': '<U1', 'fortran_order': (\n"))]),
        mutators.pack_zip([("ids.npy", npy_header(b"{'descr': '<U1', 'fortran_order': False, 'shape': (9**12,)}\n"))]),
        mutators.pack_zip([("ids.npy", bytes(120_000_000))], zipfile.ZIP_DEFLATED),
        mutators.pack_zip([("ids.npy", npy(["a"])), ("labels.npy", npy([0])), ("scores.npy", npy_header(NO_BYTES))]),
    ),
    "dumped scores": lambda: (
        dump(pred_score=[10**300, 1]),
        dump(gt_label={}),
        dump(pred_score={"a": {}}),
        repeated_tensor(),
    ),
    "captions": lambda: (*seeds.npz()[2:], b"PK\x03\x04", npz(scores=np.float32(1))),
    "label map": lambda: (b"a\xff\nb",),
    "class names": lambda: (b"a\nb\n\xed\xa0\x80",),
    "list of videos": lambda: (
        "a.mp4 ²\n".encode(),
        "a.mp4 ٣\n".encode(),
        b"a.mp4 " + b"9" * 5000,
        b"\xff 1",
        b"n" * 300 + b" 1",
    ),
    "table of clips": lambda: (
        b"path,label\n../outside.mp4,1\n",
        b"path,label\n/etc/hostname,1\n",
        b"path,label\n" + b"n" * 300 + b",1\n",
        b"path,label\n" + b"n" * 140_000 + b",1\n",
        b"path,label\nb.mp4," + b"9" * 5000 + b"\n",
    ),
    "label space": lambda: (b"# without_samples: 9\nlabel,name\n0,a\n",),
    "config.ini": lambda: (b"[paths]\nvideo = a\n[drawing]\nscale = nan\n", b"[paths]\n[output]\nspeed = inf\n"),
    "manifest": lambda: (DEEP,),
    "journal": lambda: (DEEP + b"\n",),
    "alphapose": lambda: (
        json.dumps([{"image_id": frame, "keypoints": [5.0] * 51} for frame in [0] * 40 + [65535]]).encode(),
    ),
    "last start": lambda: (b'{"starts": [["0f3e", 0]]}',),
    "training log": lambda: (
        DEEP + b"\n{}",
        b'{"loss": ' + b"9" * 400 + b', "step": 1}\n{}',
        b'{"loss": ' + b"9" * 5000 + b"}\n{}",
    ),
    "metrics.json": lambda: (
        *(
            DEEP,
            b'{"evaluated": {"count": 2}, "accuracy": 3}',
            b'{"evaluated": {"count": 2}, "accuracy": {"top1": "x"}}',
        ),
        b'{"evaluated": {"count": 2}, "accuracy": {"top1": ' + b"9" * 400 + b"}}",
    ),
    "robustness.json": lambda: (DEEP,),
    "checkpoint": lambda: (
        b"\x80",
        b"\x80\x02\x85.",
        b"\x80\x02K",
        seeds.checkpoints()[2].replace(b"storage", b"st0rage"),
        mutators.pack_zip([("archive/data.pkl", b"\x80\x02}."), ("archive/data/0", bytes(120_000_000))], 8),
    ),
    "archive": lambda: (
        mutators.pack_tar([(".", REGULAR, "", b"x")]),  # took the place of the folder
        mutators.pack_zip([(".", b"x")]),
        mutators.pack_tar([("a", REGULAR, "", b"x"), ("a/b", REGULAR, "", b"x")]),
        mutators.pack_zip([("a/b", b"x"), ("a", b"xy")]),
        mutators.pack_zip([("a\0b", b"x"), ("n" * 300, b"")]),
        mutators.pack_tar([("n" * 300, REGULAR, "", b"x")]),
        seeds.archives()[-1],  # 120 MB of zeros
        mutators.pack_tar([("n" * 70_000_000, REGULAR, "", b"")], "w:xz", tarfile.GNU_FORMAT),  # as the name of a file
        mutators.pack_zip([("a", b"x" * 99)], zipfile.ZIP_BZIP2).replace(b"BZh", b"BZx"),
    ),
}


@pytest.mark.parametrize("name", FOUND)
@pytest.mark.filterwarnings("ignore")
def test_inputs_that_once_showed_a_fault(name, guard, tmp_path):
    assert faults_of(BY_NAME[name], guard, tmp_path, inputs=FOUND[name]()) == []


# ---------------------------------------------------------------- the harness itself
def hide():
    with pytest.raises(Escape):
        exec("x = 1")


BAD = {
    "runs a program": lambda path: subprocess.run(["true"]),
    "writes elsewhere": lambda path: (path.parents[2] / "elsewhere").write_text("x"),
    "makes a folder elsewhere": lambda path: (path.parents[2] / "elsewhere").mkdir(),
    "runs code": lambda path: exec("x = 1"),
    "hides it": lambda path: hide(),
    "takes memory": lambda path: np.ones(60_000_000),  # far over the limit: other pages may be swapped out meanwhile
    "raises anything": lambda path: [][0],
    "does not name the file": lambda path: int("x"),
}


@pytest.mark.parametrize("what", BAD)
def test_the_harness_sees_a_target_that(what, guard, tmp_path):
    target = Target("test", "bad", BAD[what], lambda: [b"seed"], mutators.mutate_bytes)
    fuzzer = Fuzzer(target, tmp_path / "fuzz", guard, seed=0)
    assert fuzzer.judge(b"x")[1]
    assert not (tmp_path / "elsewhere").exists()


def test_a_hang_and_a_crash_are_reported_with_their_input(root, tmp_path):
    script = f"""
import os, sys, time
sys.path[:0] = [{str(root / "tests")!r}]
from reliability import fuzz as run, guard, loop, mutators, targets
guard.SECONDS = 0.2
def bad(path):
    os.abort() if path.read_bytes() == b"crash" else [0 for _ in iter(int, 1)] if path.read_bytes() == b"hang" else None
bad_target = targets.Target("bad", "bad", bad, lambda: [b"a", b"a", b"a", WHAT], mutators.mutate_bytes)
run.RESTARTS = 2
for module in (run, targets):
    module.TARGETS = (bad_target,)
"""
    for what in ("crash", "hang"):
        program = tmp_path / f"{what}.py"
        body = script.replace("WHAT", repr(what.encode())) + "run.__file__ = __file__\nsys.exit(run.main())\n"
        program.write_text(body)
        call = [sys.executable, program, "--minutes", "0.01", "--faults", tmp_path / what]
        done = subprocess.run(call, capture_output=True, text=True, timeout=900)
        assert done.returncode == 1, done.stderr
        kept = [path.read_bytes() for path in (tmp_path / what).glob("*.bin")]
        assert kept == [what.encode()] and ("took more than" if what == "hang" else "ended with code") in done.stderr


def test_mutations_repeat_and_differ(guard, tmp_path):
    for target in TARGETS:
        first, second = (Fuzzer(target, tmp_path, guard, seed=1) for _ in range(2))
        made = [[f.target.mutate(f.rng, f.seeds[0], f.pool) for _ in range(15)] for f in (first, second)]
        if target.group not in ("archives", "scores", "checkpoints"):  # archives hold the time
            assert made[0] == made[1]
        assert len(set(made[0])) > 7
