"""Faults of input files: broken videos, malicious and malformed pickles, hostile or foreign checkpoints."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from mmaction.datasets.video import VideoDataset
from mmaction.io.annotations import load_annotations
from mmaction.io.checkpoints import load_weights, model_weights, read_checkpoint

PIPELINE = [
    dict(type="DecordInit"),
    dict(type="SampleFrames", clip_len=8, frame_interval=1, num_clips=1, test_mode=True),
    dict(type="DecordDecode"),
    dict(type="Resize", scale=(32, 32), keep_ratio=False),
    dict(type="FormatShape", input_format="NCTHW"),
    dict(type="PackActionInputs"),
]


def write_video(path: Path, frames: int = 24) -> None:
    """Write a clip of moving noise, MPEG-4."""
    rng = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 12, (64, 48))
    for _ in range(frames):
        writer.write(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    writer.release()


def audio_only(path: Path) -> None:
    """Write a file with sound and no picture."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def video(name: str, break_it: Callable[[Path], None]) -> tuple[str, str, Callable[[Any], str]]:
    """Return a fault: one of three videos is broken by ``break_it``, which gets the path of a good one."""

    def fault(place: Any) -> str:
        folder = place.folder / f"video-{abs(hash(name))}"
        folder.mkdir()
        for number in range(3):
            write_video(folder / f"{number}.mp4")
        break_it(folder / "0.mp4")
        (folder / "list.txt").write_text("0.mp4 0\n1.mp4 1\n2.mp4 2\n")
        outcomes = []
        for test_mode in (False, True):
            options = dict(pipeline=PIPELINE, data_prefix=dict(video=str(folder)), num_classes=3, test_mode=test_mode)
            sample = VideoDataset(str(folder / "list.txt"), **options)[0]
            broken = sample["data_samples"].get("broken")
            assert tuple(sample["inputs"].shape) == (1, 3, 8, 32, 32)
            if broken:
                assert broken[0].endswith("0.mp4")
                assert not test_mode or sample["data_samples"].gt_label.tolist() == [0]
            outcomes.append(broken)
        assert bool(outcomes[0]) == bool(outcomes[1])
        if not outcomes[0]:
            return "decoded what can be decoded"
        fault_text = outcomes[0][1].replace(str(folder), "...")[:160]
        return f"another clip stood in, noted as broken; wrong in a test: {fault_text}"

    return "video", name, fault


def _cut(share: float) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def _noise(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 2000] = np.random.default_rng(0).bytes(2000)
    path.write_bytes(data)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


class Call:
    """Pickles into a call of ``function`` when it is loaded."""

    def __init__(self, function: Callable, *args: Any) -> None:
        self.call = function, args

    def __reduce__(self) -> tuple:
        return self.call


def skeletons(name: str, make: Callable[[Path], bytes]) -> tuple[str, str, Callable[[Any], str]]:
    """Return a fault: a skeleton file holds what ``make`` returns, which must not create the path that it gets."""

    def fault(place: Any) -> str:
        sign = place.folder / f"ran-{abs(hash(name))}"
        path = place.folder / "skeletons.pkl"
        path.write_bytes(make(sign))
        try:
            load_annotations(path, "train")
        except (ValueError, KeyError) as error:
            assert not sign.exists(), "code in the pickle has run"
            assert "skeletons.pkl" in str(error)
            return "refused: " + str(error).replace(str(place.folder), "...")[:160]
        raise AssertionError("the file was accepted")

    return "pickle", name, fault


def _getattr_chain(sign: Path) -> bytes:
    reach = Call(getattr, Call(__import__, "os"), "mkdir")
    return pickle.dumps({"split": reach, "annotations": []})


def _deep(sign: Path) -> bytes:
    return b"\x80\x04" + b"]" * 200_000 + b"a" * 199_999 + b"."


def _object_array(sign: Path) -> bytes:
    return pickle.dumps({"split": {"train": []}, "annotations": np.array([Call(os.mkdir, str(sign))], dtype=object)})


def checkpoint(name: str, make: Callable[[Path, Path, Any], None], words: str) -> tuple[str, str, Callable[[Any], str]]:
    """Return a fault: ``make`` writes a checkpoint that must be refused with ``words`` in the message."""

    def fault(place: Any) -> str:
        sign, path = place.folder / f"sign-{abs(hash(name))}", place.folder / "input.pth"
        make(path, sign, place)
        model = torch.nn.ModuleDict({"backbone": torch.nn.Linear(3, 8), "cls_head": torch.nn.Linear(8, 3)})
        try:
            load_weights(model, model_weights(read_checkpoint(path), path), str(path), strict=False)
        except ValueError as error:
            assert not sign.exists(), "code in the checkpoint has run"
            assert words in str(error), error
            return "refused: " + str(error).replace(str(place.folder), "...")[:160]
        raise AssertionError("the checkpoint was accepted")

    return "weights", name, fault


def _evil(path: Path, sign: Path, place: Any) -> None:
    torch.save({"state_dict": {"a": torch.zeros(1)}, "meta": Call(os.mkdir, str(sign))}, path)


def _evil_old_format(path: Path, sign: Path, place: Any) -> None:
    content = {"state_dict": {}, "meta": Call(os.mkdir, str(sign))}
    torch.save(content, path, _use_new_zipfile_serialization=False)


def _foreign(path: Path, sign: Path, place: Any) -> None:
    torch.save({"state_dict": {"conv1.weight": torch.zeros(64, 3, 7, 7), "fc.weight": torch.zeros(9, 9)}}, path)


def program_in_checkpoint(place: Any) -> str:
    """A checkpoint carries a config as text, which MMEngine's resume would run."""
    sign = place.folder / "program-ran"
    content = read_checkpoint(place.folder / "whole" / "epoch_2.pth")
    content["meta"]["config"] = f"open({str(sign)!r}, 'w').close()"
    torch.save(content, place.folder / "program.pth")
    assert place.train("program", "--resume", str(place.folder / "program.pth")) == 0
    assert not sign.exists(), "the text has run"
    return "resumed; the text did not run"


INPUT_FAULTS = [
    video("missing", lambda path: path.unlink()),
    video("empty", lambda path: path.write_bytes(b"")),
    video("a text file", lambda path: path.write_text("hello\n" * 100)),
    video("a folder", _folder),
    video("cut in half", _cut(0.5)),
    video("only its first 100 bytes", lambda path: path.write_bytes(path.read_bytes()[:100])),
    video("noise in the middle", _noise),
    video("sound only", audio_only),
    video("a single frame", lambda path: write_video(path, frames=1)),
    skeletons("calls os.mkdir", lambda sign: pickle.dumps({"split": Call(os.mkdir, str(sign)), "annotations": []})),
    skeletons("calls eval", lambda sign: pickle.dumps([Call(eval, f"__import__('os').mkdir({str(sign)!r})")])),
    skeletons("reaches a function by getattr", _getattr_chain),
    skeletons("an array of objects", _object_array),
    skeletons("cut off", lambda sign: pickle.dumps({"split": {"train": ["a"]}, "annotations": [{}] * 50})[:-20]),
    skeletons("nested 200,000 deep", _deep),
    skeletons("empty", lambda sign: b""),
    skeletons("something else", lambda sign: pickle.dumps("hello")),
    checkpoint("calls os.mkdir", _evil, "could run code"),
    checkpoint("calls os.mkdir, old file format", _evil_old_format, "input.pth"),
    checkpoint("another architecture", _foreign, "another architecture"),
    checkpoint("a text file", lambda path, sign, place: path.write_text("hello"), "damaged or no checkpoint"),
    checkpoint("a list", lambda path, sign, place: torch.save([1, 2], path), "expected a dict"),
    ("weights", "a program in the meta data", program_in_checkpoint),
]
