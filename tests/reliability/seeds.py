"""Good inputs of every parser, made by code so that they stay valid when a format changes, and a few hostile ones."""

import functools
import io
import json
import pickle
from collections import OrderedDict

import numpy as np
from reliability.mutators import PIECES, pack_tar, pack_zip


def annotations() -> dict:
    """Return the content of a skeleton file with two clips."""
    rng = np.random.default_rng(0)
    clips = [
        {
            "frame_dir": f"clip{number}",
            "label": number,
            "img_shape": (48, 64),
            "original_shape": (48, 64),
            "total_frames": 3,
            "keypoint": (48 * rng.random((1 + number, 3, 17, 2))).astype("f2"),
            "keypoint_score": rng.random((1 + number, 3, 17)).astype("f2"),
        }
        for number in range(2)
    ]
    return {"split": {"train": ["clip0", "clip1"], "val": {"clip1"}}, "annotations": clips}


def kinetics() -> list[dict]:
    """Return annotations in the form of Kinetics skeletons: a row for each detected person."""
    return [
        {
            "filename": "a.mp4",
            "label": np.int64(2),
            "frame_inds": np.arange(4),
            "keypoint": np.ones((4, 17, 3), "f2"),
            "box_score": np.ones(4, "f2"),
            "valid": {0.5: 4, 0.6: 3},
            "total_frames": 4,
        }
    ]


def pickles() -> list[bytes]:
    """Return good skeleton files in all protocols."""
    contents = (annotations(), annotations()["annotations"], kinetics(), {"clip0": [np.zeros((1, 5), "f4"), []]})
    texts = ({"a": [np.float32(1.5), OrderedDict(x=b"", y=frozenset([1])), np.array(["u"]), 2**70]},)
    return [pickle.dumps(content, protocol=protocol) for content in (*contents, *texts) for protocol in (0, 2, 3, 4, 5)]


def skeleton_pickles() -> list[bytes]:
    """Return skeleton files whose splits share no clip, in all protocols, and what :func:`pickles` returns."""
    content = annotations() | {"split": {"train": ["clip0"], "val": {"clip1"}}}
    return [*(pickle.dumps(content, protocol=protocol) for protocol in (0, 2, 3, 4, 5)), *pickles()]


def boxes() -> list[bytes]:
    """Return given boxes of a clip whose second frame shows nobody, without and with scores."""
    frames = [np.array([[1, 2, 30, 40, 0.9][:size]], "f4") for size in (4, 5)]
    return [pickle.dumps({"clip0": [frame, np.zeros((0, 4))]}, protocol=p) for frame in frames for p in (0, 2, 4)]


def hostile_pickles() -> list[bytes]:
    """Return programs: calls of what must not be called, objects, bombs, in front of and inside of good content."""
    whole = [b"\x80\x04" + piece + b"." for piece in PIECES if piece]
    inside = [b"\x80\x04}X\x0b\x00\x00\x00annotations](" + piece + b"es." for piece in PIECES if piece]
    deep = [b"\x80\x02})" + b"\x85" * 300_000 + b"Ns.", b"\x80\x02})" + b"2\x86" * 40 + b"Ns."]
    copies = pickle.dumps(list(range(20_000)), protocol=2)[:-1]
    return [
        *whole,
        *inside,
        *deep,
        copies + b"q\xff" + b"0cbuiltins\nlist\nq\xfe0" + b"h\xfeh\xff\x85R" * 20_000 + b".",
    ]


def dumps() -> list[bytes]:
    """Return scores as MMAction2 and PYSKL dump them."""
    import torch

    samples = [
        {"pred_score": torch.tensor([0.2, 0.8]), "gt_label": torch.tensor([1]), "frame_dir": "a"},
        {"pred_score": torch.tensor([0.6, 0.4]), "gt_label": torch.tensor([0]), "frame_dir": "b"},
    ]
    old = [{"pred_scores": {"item": s["pred_score"].numpy()}, "gt_labels": {"item": s["gt_label"]}} for s in samples]
    rgb = [{"pred_score": {"rgb": s["pred_score"], "pose": s["pred_score"]}, "gt_label": [1]} for s in samples]
    plain = [np.array([0.1, 0.9], "f4"), np.array([0.3, 0.7], "f4")]
    return [pickle.dumps(content, protocol=protocol) for content in (samples, old, rgb, plain) for protocol in (2, 4)]


def npz() -> list[bytes]:
    """Return ``scores.npz`` files, one with several labels for each sample."""
    scores = np.array([[0.2, 0.8], [0.6, 0.4]], "f4")
    single = {
        "ids": np.array(["a", "b"]),
        "labels": np.array([1, 0]),
        "scores": scores,
        "classes": np.array(["x", "y"]),
    }
    several = {"ids": np.array(["a", "b"]), "labels": np.array([[1, 1], [0, 1]]), "scores": scores}
    several |= {"meta_frames": np.array([3.0, np.nan]), "meta_source": np.array(["a.mp4", ""])}
    result = []
    for arrays in (single, several):
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        result.append(buffer.getvalue())
    buffer = io.BytesIO()
    np.save(buffer, scores)
    return [*result, buffer.getvalue()]


@functools.cache
def checkpoints() -> list[bytes]:
    """Return checkpoints of a tiny model: as MMEngine stores them, weights alone, in the old file format."""
    import torch
    from mmengine.logging import HistoryBuffer

    state = OrderedDict(torch.nn.Linear(2, 3).state_dict())
    meta = {"epoch": 1, "iter": 4, "seed": 0, "cfg": "x = 1", "experiment_name": "a", "time": "now"}
    message_hub = {"log_scalars": {"loss": HistoryBuffer([1.0, 0.5], [1, 1])}, "runtime_info": {"iter": 4}}
    whole = {
        "meta": meta,
        "state_dict": state,
        "message_hub": message_hub,
        "optimizer": {"state": {}, "param_groups": []},
    }
    whole["param_schedulers"] = [{"last_step": np.float64(2), "values": np.arange(3)}]
    result = []
    for content, new in ((whole, True), (state, True), (whole, False), ({"state_dict": {}}, True), ([1], True)):
        buffer = io.BytesIO()
        torch.save(content, buffer, _use_new_zipfile_serialization=new)
        result.append(buffer.getvalue())
    return result


@functools.cache
def archives() -> list[bytes]:
    """Return archives of two files, and hostile ones: links, absolute names, names that leave the folder, bombs."""
    import tarfile

    good = [("good/a.txt", b"text"), ("good/b/c.txt", b"more" * 50)]
    tars = [(name, tarfile.REGTYPE, "", content) for name, content in good]
    link = ("link", tarfile.SYMTYPE, "..", b"")
    through = ("link/escaped.txt", tarfile.REGTYPE, "", b"x")
    zips = [pack_zip(good), pack_zip(good, 8), pack_zip([*good, ("link", b"..")], link=True)]
    zips += [
        pack_zip([(name, b"x")]) for name in ("../escaped.txt", "/tmp/escaped.txt", ".", "a/..", "..\\escaped.txt")
    ]
    zips += [pack_zip([("bomb", bytes(120_000_000))], 8)]
    sizes = [pack_tar(tars, mode) for mode in ("w", "w:gz", "w:xz", "w:bz2")]
    hostile = [pack_tar([*tars, link, through]), pack_tar([(".", tarfile.REGTYPE, "", b"x")]), pack_tar([])]
    return [*zips, *sizes, *hostile, pack_tar([("bomb", tarfile.REGTYPE, "", bytes(120_000_000))], "w:gz")]


def vocabulary() -> list[bytes]:
    """Return the vocabulary of Diving48."""
    from mmaction.label_spaces import load_label_space

    table = load_label_space("diving48").table
    return [json.dumps([[value.capitalize() for value in values] for values in zip(*table.values())]).encode()]


FILE_LISTS = (
    b'a.mp4 0\nb c.mp4 1\n# note\n\n"d 1.mp4" 2\nsub/e.mp4 10\n',
    b"clip0 3 0\nclip1 12 1\r\nclip2 0 3 2\n",
    b'a.mp4 0 1 2\nb.mp4 1\n"c 5" 3 4\n',
    b"a.mp4,0\nb, c.mp4 , 1\n",
    b"../outside.mp4 0\na/../../x 1\n/etc/hostname 2\n",
)
GYM_IDS = (
    b"A0xAXXysHUo_E_002184_002237_A_0035_0036 0\nA0xAXXysHUo_E_002184_002237_A_0041_0042 5\n",
    b"A0xAXXysHUo_002184_002237_0035_0036 98\n0jqn1vxdhls_E_000131_000141 2\n",
)
TABLES = (
    b'path,label,split\na.mp4,jump,train\nb.mp4,"twist, double",val\n',
    b"\xef\xbb\xbfvideo;class\na.mp4;1\n",
    b"name,action\r\na.mp4,0\r\nb.mp4,1\r\n../outside.mp4,2\r\n",
)
LABEL_SPACES = (
    b"# title: Dives\n# hierarchy: group\n# numeric: turns\n# codes: code\n# without_samples: 1\nlabel,name,group,"
    b"turns,code\n0,front,a,1.5,x1\n1,back,a,2,x2\n2,twist,b,0.5,x3\n",
    b'label,position,twists\n1,tuck,0\n0,"pike, open",1\n',
)
DIVING48 = (
    b'[{"vid_name": "-mmq0PT-u8k_00155", "label": 3, "start_frame": 0, "end_frame": 98},\n'
    b' {"vid_name": "b", "label": 0}]',
)
GYM_TIMES = (
    json.dumps(
        {"A0xAXXysHUo": {"E_002184_002237": {"event": 1, "timestamps": [[2184.5, 2237.1]], "segments": {
            "A_0035_0036": {"stages": 1, "timestamps": [[35.1, 36.2], [36.2, 37]]}}}}}
    ).encode(),
    json.dumps({"A0xAXXysHUo_E_002184_002237": {"A_0035_0036": {"timestamps": [[0, 1.5]]}}}).encode(),
)  # fmt: skip
MANIFEST = (
    json.dumps({"dataset": "Gym99", "version": "v1.1", "lists": {"input": {
        "split": "val", "available": 3, "listed": 4, "wrong_length": {"a": [3, 4]}}}}).encode(),
)  # fmt: skip
JOURNAL = (b'{"key": "a", "found": 3}\n{"key": "b", "found": "broken", "bytes": 7}\n{"key": "c", "fou',)
LAST_START = (
    b'{"starts": [["0f3e", 0]], "from": null}',
    b'{"starts": [["0f3e", 0], ["9ad1", 12]], "from": "epoch_2.pth"}',
)
LOGS = (
    b'{"lr": 0.1, "data_time": 0.01, "loss": 2.5, "top1_acc": 0.1, "time": 0.3, "epoch": 1, "iter": 20, "memory": 100, '
    b'"step": 20}\n{"lr": 0.05, "loss": 1.5, "epoch": 2, "iter": 40, "step": 40}\n{"acc/top1": 0.5, "acc/mean1": 0.4, '
    b'"data_time": 0.1, "time": 0.2, "step": 2}\n',
    b'{"loss": 1.0, "step": 10}\n{"loss": NaN, "step": 20}\n{"acc/top1": 0.5, "st',
)
SETTINGS = (
    b"[paths]\nvideo = a.mp4\nannotation = a.pkl ; note\noutput = out.mp4\n\n[drawing]\nscale = 1.5\nboxes = yes\n"
    b"trail = 5\njoints = names\n[clip]\nframes = 10:50\n[output]\nspeed = 0.5\nsheet_frames = 9\n"
    b"[checks]\njump = 0.5\n",
    b"[paths]\nvideo =\n[drawing]\nscore_thr: 0.3\n[checks]\ntolerance = 0.2\nlow_score = 0.1\nswap = 0.3\n",
)
LABEL_MAP = (b"front\nback\ntwist, double\n",)
NAMES = (
    b"slowonly_r50_8xb16-4x16x1-256e_kinetics400-rgb_20220901-a1b2c3d4.pth",
    b"https://host/x/slowfast-0123456789abcdef.tar.gz",
    b"10:50",
    b"A0xAXXysHUo_E_002184_002237_A_0035_0036",
    b"epoch_12.pth",
)
_ROW = {"class": 0, "name": "x", "count": 1, "accuracy": 1.0, "train_count": 3}
_ACCURACY = {
    "evaluated": {"count": 2, "listed": None, "text": "2"},
    "accuracy": {"top1": 1.0, "top5": 1.0},
    "run": {},
    "headline": [],
}
METRICS = (json.dumps({**_ACCURACY, "per_class": [_ROW, _ROW]}).encode(),)


def _people(points: int) -> list[float]:
    return [float(value) for number in range(points) for value in (number + 1, 2 * number + 1, 0.9)]


OPENPOSE = (
    json.dumps({"version": 1.3, "people": [{"person_id": [-1], "pose_keypoints_2d": _people(25)}]}).encode(),
    json.dumps({"people": []}).encode(),
)
_BODY = {"category_id": 1, "keypoints": _people(17), "score": 2.5}
RESULTS = (
    json.dumps([{"image_id": f"{n}.jpg", **_BODY, "idx": n % 2} for n in range(3)]).encode(),
    json.dumps([{"image_id": f"clip{n}/000{n}.png", **_BODY, "track_id": [n]} for n in range(2)]).encode(),
    json.dumps({"annotations": [{"image_id": n, **_BODY} for n in (5, 6)]}).encode(),
)
_PERSON = [{"x": 0.1, "y": 0.2, "z": 0.0, "visibility": 0.9}] * 33
MEDIAPIPE = (json.dumps([{"pose_landmarks": [_PERSON]}, None, [], _PERSON, [_PERSON, _PERSON]]).encode(),)
