"""What can be classified: a video, a folder of frames, an array, a skeleton; and the pipeline that reads it."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mmaction.apis.predictions import Prediction
from mmaction.datasets.functional.keypoints import shows_nobody, split_scores
from mmaction.datasets.plausible import is_tolerable, odd_values
from mmaction.io.annotations import check_annotation
from mmaction.io.downloads import cached, is_address
from mmaction.io.names import checked_template
from mmaction.io.skeleton_values import ADVICE
from mmaction.io.suffixes import IMAGE_SUFFIXES, is_image, is_pickle
from mmaction.registry import TRANSFORMS
from mmaction.structures.sample_name import sample_name
from mmaction.utils.cli import suggest_file
from mmaction.utils.config import dataset_config, type_name

OPENERS = ("VideoInit", "DecordInit", "PyAVInit", "OpenCVInit")
DECODERS = ("VideoDecode", "DecordDecode", "PyAVDecode", "OpenCVDecode", "RawFrameDecode", "ArrayDecode")
JOINT_DECODERS = ("MMDecode", "VideoPoseDecode")  # of frames and skeletons together
DECODER_OF = {"frames": "RawFrameDecode", "array": "ArrayDecode"}
_NUMBERED = re.compile(r"(?P<stem>.*?)(?P<number>[0-9]+)$")

ClipLike = str | Path | np.ndarray | Mapping[str, Any]


class NobodyError(ValueError):
    """A skeleton shows no person, so there is nothing to classify."""


@dataclass(frozen=True)
class Clip:
    """A clip to classify.

    Args:
        name: What to call it.
        kind: ``video``, ``frames`` (a folder of images), ``array`` or ``skeleton``.
        sample: What enters the data pipeline. But for videos it has ``total_frames``.
    """

    name: str
    kind: str
    sample: dict[str, Any] = field(repr=False)

    def packed(self, pipeline: Callable[[dict], Any]) -> Any:
        """Return what a test pipeline makes of the clip; ValueError if nothing, errors as of :meth:`check_somebody`."""
        self.check_somebody()
        data = pipeline(dict(self.sample))
        if data is None:
            raise ValueError(f"{self.name}: the test pipeline returned nothing")
        return data

    def check_somebody(self) -> None:
        """Raise NobodyError if the frames of a skeleton, from ``start_index`` on, show no person."""
        if self.kind != "skeleton" or np.ndim(self.sample["keypoint"]) != 4:
            return
        sample, first = self.sample, self.sample["start_index"]
        joints, score = split_scores(sample["keypoint"], sample.get("keypoint_score"), "img_shape" in sample)
        frames = slice(first, first + sample["total_frames"])
        if shows_nobody(joints[:, frames], None if score is None else score[:, frames]):
            raise NobodyError(
                f"{self.name} shows nobody: no joint is seen in any frame from {first} to {frames.stop - 1}"
            )


def as_clip(source: ClipLike, dataset: Mapping[str, Any] | None = None) -> Clip:
    """Return ``source`` as a clip.

    Args:
        source: Path or web address of a video; folder of numbered images; frames (T, H, W, 3), RGB, uint8, or flow
            (T, H, W, 2); a skeleton annotation with ``keypoint`` (M, T, V, 2 or 3) in pixels, ``keypoint_score``
            (M, T, V) and ``img_shape`` (height, width), or with ``keypoint`` (M, T, V, 3) in space and no
            ``img_shape``; or any other dict that the pipeline reads, as a data set makes it.
        dataset: Config of the data set that the model was made for; tells ``modality`` and ``filename_tmpl``. Images of
            other names are taken where the folder has no frame 0 or 1 of that one.

    Raises:
        FileNotFoundError: If there is no such file or folder; close matches are named.
        TypeError: If it is none of these.
        ValueError: If the folder holds no numbered images or several series of them, or the array or the annotation has
            a wrong shape.
    """
    dataset = dataset or {}
    modality = dataset.get("modality", "RGB")
    if isinstance(source, Mapping):
        return _dict_clip(source, modality)
    if isinstance(source, np.ndarray):
        _check_frames(source, modality)
        return Clip("array", "array", _sample(modality, array=source, total_frames=len(source)))
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(f"expected a path, an array or a dict to classify; got {type(source).__name__}")
    if is_address(source):
        return replace(as_clip(cached(str(source)), dataset), name=str(source))
    if "://" in str(source):
        raise ValueError(f"{source} is a stream; watch it with --camera {source}, or name a file or a web address")
    path = Path(source).expanduser()
    if path.is_dir():
        return Clip(str(path), "frames", _sample(modality, **_frames(path, modality, dataset.get("filename_tmpl"))))
    if not path.is_file():
        raise FileNotFoundError(f"there is no video or folder {path}{suggest_file(path)}")
    if is_pickle(path):
        raise ValueError(
            f"{path} holds many skeletons; Recognizer.predict classifies all of them, as tools/infer.py does, or take "
            "one that mmaction.io.annotations.load_annotations gives"
        )
    if modality == "Flow" and type_name(dataset) == "RawframeDataset":
        raise ValueError(
            f"{path} is a video, but the model takes optical flow: write it with "
            "tools/data/build_rawframes.py --task flow and give the folder"
        )
    return Clip(str(path), "video", _sample(modality, filename=str(path)))


def _check_frames(array: np.ndarray, modality: str) -> None:
    """Raise ValueError unless an array holds frames ``(T, H, W, C)``, RGB ones with values up to 255."""
    if array.ndim != 4 or not len(array):
        raise ValueError(f"frames are an array (T, H, W, C); got shape {array.shape}")
    if modality == "RGB" and np.issubdtype(array.dtype, np.floating) and not 1 < array.max() <= 255:
        raise ValueError(
            f"RGB frames are uint8, values 0 to 255; got {array.dtype} with values from {array.min():g} to "
            f"{array.max():g}. Convert frames in [0, 1] with (255 * frames).round().astype('uint8')"
        )


def _sample(modality: str, **keys: Any) -> dict[str, Any]:
    return {"start_index": 0, "modality": modality, "test_mode": True, **keys}


def _dict_clip(source: Mapping[str, Any], modality: str) -> Clip:
    if "keypoint" in source:
        return _skeleton_clip(source)
    if "array" in source:
        _check_frames(np.asarray(source["array"]), str(source.get("modality", modality)))
    kinds = {"array": "array", "frame_dir": "frames", "filename": "video"}
    for key, kind in kinds.items():
        if key in source:
            return Clip("array" if key == "array" else str(source[key]), kind, {**_sample(modality), **source})
    raise ValueError(f"a dict to classify needs keypoint, {', '.join(kinds)}; got the keys {', '.join(source)}")


def _skeleton_clip(source: Mapping[str, Any]) -> Clip:
    name = sample_name(dict(source))
    annotation = dict(source)
    problem = check_annotation(annotation, needs_label=False)
    if not problem and "img_shape" not in annotation and annotation["keypoint"].shape[-1] == 2:
        problem = "it has no img_shape (height, width), the size of the image that the joints lie in"
    if not problem and (found := odd_values(annotation)) and not is_tolerable(found[0], annotation):
        problem = f"{found[1]}; {ADVICE[found[0]]}"
    if problem:
        raise ValueError(f"skeleton {name}: {problem}")
    if "img_shape" in annotation:
        annotation.setdefault("original_shape", annotation["img_shape"])
    return Clip(name, "skeleton", {**_sample("Pose"), **annotation})


def _frames(folder: Path, modality: str, template: str | None) -> dict[str, Any]:
    """Describe a folder of images whose numbers follow each other."""
    names = {file.name for file in folder.iterdir()}
    component = ("x",) if modality == "Flow" else ()
    if component and template is None:
        template = "{}_{:05d}.jpg"
    if template is not None:
        checked_template(template, modality)
        if not names & {template.format(*component, first) for first in (0, 1)}:
            if component:
                raise ValueError(f"folder {folder} holds no flow images named {template.format('x', 1)}")
            template = None
    if template is None:
        template = _found_template(folder, names)
    candidates = {int(digits) for name in names for digits in re.findall("[0-9]+", name)}
    numbers = sorted(number for number in candidates if template.format(*component, number) in names)
    missing = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
    if missing:
        raise ValueError(
            f"folder {folder}: image {template.format(*component, missing[0])} is missing; the numbers of the frames "
            "must follow each other"
        )
    about = {"start_index": numbers[0], "total_frames": len(numbers)}
    return {"frame_dir": str(folder), "filename_tmpl": template, **about}


def _found_template(folder: Path, names: set[str]) -> str:
    """Return the template ``<stem><number>.<suffix>`` of most images."""
    series: dict[tuple[str, str], list[str]] = {}
    for name in map(Path, sorted(names)):
        numbered = _NUMBERED.match(name.stem)
        if numbered and is_image(name):
            series.setdefault((numbered["stem"], name.suffix), []).append(numbered["number"])
    if not series:
        raise ValueError(f"folder {folder} holds no numbered images ({', '.join(IMAGE_SUFFIXES)})")
    count = max(map(len, series.values()))
    longest = [key for key, digits in series.items() if len(digits) == count]
    if len(longest) > 1:
        shown = ", ".join(stem + series[stem, suffix][0] + suffix for stem, suffix in longest)
        raise ValueError(
            f"folder {folder} holds {len(longest)} series of {count} images ({shown}); say which with filename_tmpl in "
            "the config's test set, such as test_dataloader.dataset.filename_tmpl=img_{:05}.jpg"
        )
    ((stem, suffix),) = longest
    shortest = min(series[stem, suffix], key=lambda digits: (len(digits), digits))
    width = len(shortest) if shortest.startswith("0") else 0  # 999 is followed by 1000, in names of three digits too
    return f"{stem.replace('{', '{{').replace('}', '}}')}{{:0{width}d}}{suffix}"


def pipeline_config(cfg: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the configs of the transforms with which ``cfg`` tests; ValueError if there are none."""
    dataset = dataset_config(cfg)
    needs_none: Any = [{"type": "PackActionInputs"}] if type_name(dataset) == "FeatureDataset" else None
    pipeline = dataset.get("pipeline") or cfg.get("test_pipeline") or needs_none
    if not pipeline:
        name = getattr(cfg, "filename", None) or ""
        raise ValueError(f"config {name} has no pipeline in test_dataloader.dataset and no test_pipeline")
    return pipeline


class BuiltPipeline:
    """Transforms as one function, which returns None where one of them does."""

    def __init__(self, transforms: Sequence[Callable[[dict], Any]]) -> None:
        self.transforms = list(transforms)

    def __call__(self, data: Any) -> Any:
        """Return what the transforms make of a sample."""
        for transform in self.transforms:
            data = transform(data)
            if data is None:
                break
        return data


def build_pipeline(steps: Sequence[Mapping[str, Any] | Callable]) -> BuiltPipeline:
    """Return transforms, or what their configs describe, as one function."""
    return BuiltPipeline([step if callable(step) else TRANSFORMS.build(dict(step)) for step in steps])


class ClipModel(Protocol):
    """What scores clips: a recognizer from :func:`mmaction.apis.init_recognizer`, or an exported file."""

    @property
    def cfg(self) -> Any:
        """Config of the model and its test set, which holds the pipeline."""

    @property
    def classes(self) -> Any:
        """Class names, where they are known."""

    @property
    def num_scores(self) -> int:
        """Number of classes."""

    @property
    def looks_at_frames(self) -> bool:
        """Whether the network looks at each frame by itself, as TSN does."""

    def score_clip(self, data: Any) -> np.ndarray:
        """Return the scores (num_scores,) of what the pipeline gives."""

    def share_views(self, count: int) -> None:
        """Let the next calls share the features of their views, ``count`` clips back; 0: no more."""


def predict_clip(
    model: ClipModel, pipeline: Callable[[dict], Any], clip: Clip, times: tuple[float, float] | None = None
) -> Prediction:
    """Return the scores of a clip as a row of a result; a skeleton without a person gives ``nobody``.

    Where the clip is a stretch of one, ``times`` are its begin and end in seconds.
    """
    try:
        scores, nobody = model.score_clip(clip.packed(pipeline)), False
    except NobodyError:
        scores, nobody = np.zeros(model.num_scores), True
    start, end = times or (None, None)
    return Prediction(clip.name, scores, start, end, nobody)


def fit_pipeline(pipeline: Sequence[Mapping[str, Any]], kind: str, opened: bool = False) -> list[dict[str, Any]]:
    """Return the configs of a test pipeline, changed so that it reads a clip of ``kind`` (see :class:`Clip`).

    Args:
        pipeline: Configs of transforms that read videos, frames or skeletons.
        kind: As in :class:`Clip`.
        opened: Leave the step out that opens a video: the sample brings ``video_reader``.

    Raises:
        ValueError: If the pipeline is for skeletons and the clip is none, the other way round, or if it reads both.
    """
    steps = [dict(step) for step in pipeline]
    types = [type_name(step) for step in steps]
    if any(name in JOINT_DECODERS for name in types):
        raise ValueError(
            f"the config's test pipeline reads frames and skeletons at once ({', '.join(types)}), which no single clip "
            "gives; such a model is tested on its data set: tools/test.py"
        )
    reads_frames = any(name in DECODERS for name in types)
    if kind == "skeleton":
        if "PoseDecode" not in types:
            raise ValueError(f"the config's test pipeline reads no skeletons ({', '.join(types)}); give it a video")
        return steps
    if not reads_frames:
        raise ValueError(
            f"the config's test pipeline reads no frames ({', '.join(types)}); give it a skeleton annotation or a "
            "pickle of them. Skeletons of a video: tools/data/skeleton/extract_poses.py"
        )
    if kind == "video":
        if not any(name in OPENERS for name in types):
            steps = [{"type": "VideoDecode"} if type_name(step) in DECODERS else step for step in steps]
            steps.insert(0, {"type": "VideoInit"})
        return [step for step in steps if not (opened and type_name(step) in OPENERS)]
    wanted = DECODER_OF[kind]
    others = set(DECODERS) - {wanted}
    steps = [step for step in steps if type_name(step) not in OPENERS]
    return [{"type": wanted} if type_name(step) in others else step for step in steps]
