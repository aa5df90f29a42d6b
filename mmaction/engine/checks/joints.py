"""Do the data fit the parts of a run that name joints, and the first layer of the network?

A transform, a preprocessor or any other module takes part by a method ``check_joints(num_joints)``, which raises
ValueError where it does not fit skeletons of that many joints.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd  # no public class is the base of all convolutions

from mmaction.datasets.fallback import BROKEN
from mmaction.engine.hooks.data_hooks import sources
from mmaction.registry import DATASETS, TRANSFORMS
from mmaction.utils.config import inner_datasets

CLIPS_SEEN = 200  # of a data set, evenly spread, where its skeletons are compared
SAMPLES_TRIED = 3  # a sample that cannot be loaded is not this check's concern


@dataclass
class Pipeline:
    """The transforms of one data set, and that data set."""

    place: str  # such as val_dataloader
    dataset: Any
    steps: list[Any]

    @property
    def is_doubled(self) -> bool:
        """Whether a step asks for mirror images beside the heatmaps."""
        return any(getattr(step, "double", False) for step in self.steps)

    def infos(self, wanted: int = SAMPLES_TRIED) -> Iterator[dict[str, Any]]:
        """Yield ``wanted`` annotations, evenly spread, without those that cannot be read."""
        count = len(self.dataset)
        for index in dict.fromkeys(number * count // wanted for number in range(wanted)):
            try:
                yield self.dataset.get_data_info(index)
            except BROKEN:
                continue

    @cached_property
    def skeletons(self) -> list[np.ndarray]:
        """The joints ``(M, T, V, D)`` of ``CLIPS_SEEN`` clips, evenly spread; none where there are no skeletons."""
        return [info["keypoint"] for info in self.infos(CLIPS_SEEN) if np.ndim(info.get("keypoint", 0)) == 4]

    def num_joints(self) -> int | None:
        """Return the number of joints of the skeletons, None if the annotations hold none."""
        shapes: Iterator[tuple[int, ...]] = (getattr(info.get("keypoint"), "shape", ()) for info in self.infos())
        return next((shape[-2] for shape in shapes if len(shape) >= 3), None)

    def sample(self) -> dict[str, Any] | None:
        """Return what the model gets of a sample, None if it cannot be loaded."""
        for data in self.infos():
            try:
                for step in self.steps:
                    data = step(data)
                    if data is None:
                        break
            except (*BROKEN, KeyError):
                continue
            if isinstance(data, dict) and "inputs" in data:
                return data
        return None


def pipelines_of(split: str, dataset: Any) -> Iterator[Pipeline]:
    """Yield the pipelines of a data set and of those that it repeats or joins."""
    for part in sources(dataset):
        steps = getattr(getattr(part, "pipeline", None), "transforms", None)
        if steps is not None and hasattr(part, "get_data_info"):
            yield Pipeline(f"{split}_dataloader", part, list(steps))


def test_pipelines(config: Any, known: list[Pipeline]) -> tuple[list[Pipeline], str | None]:
    """Return the pipelines of the test set, which a training does not build, and what is wrong with that set.

    A data set of the pipelines ``known`` that reads the same annotations is used again.
    """
    found = []
    for part in inner_datasets(config or {}):
        same = [other.dataset for other in known if _source(other.dataset) == _config_source(part)]
        try:
            if same:
                steps = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in part["pipeline"]]
                found.append(Pipeline("test_dataloader", same[0], steps))
            else:
                found += pipelines_of("test", DATASETS.build(dict(part)))
        except (OSError, ValueError, KeyError, TypeError) as error:
            return found, f"the test set cannot be read, and tools/test.py will need it: {error}"
    return found, None


def _source(dataset: Any) -> tuple[Any, ...]:
    return tuple(getattr(dataset, key, None) for key in ("ann_file", "split"))


def _config_source(config: Mapping[str, Any]) -> tuple[Any, ...]:
    root, name = config.get("data_root") or "", config.get("ann_file") or ""
    return (f"{root.rstrip('/')}/{name}" if root and not name.startswith("/") else name), config.get("split")


def check_joints(pipelines: list[Pipeline], model: nn.Module) -> None:
    """Compare the skeletons of each pipeline with all that names joints there and in the model; ValueError at one."""
    named = {name: part for name, part in model.named_modules() if hasattr(part, "check_joints")}
    for pipeline in pipelines:
        num_joints = pipeline.num_joints()
        if num_joints is None:
            continue
        owners = {f"step {i} of its pipeline": step for i, step in enumerate(pipeline.steps)}
        for place, owner in {**owners, **{f"model.{name}": part for name, part in named.items()}}.items():
            if not hasattr(owner, "check_joints"):
                continue
            try:
                owner.check_joints(num_joints, pipeline.is_doubled and owner in named.values())
            except ValueError as error:
                raise ValueError(
                    f"{pipeline.place} ({getattr(pipeline.dataset, 'ann_file', '')}): its skeletons have {num_joints} "
                    f"joints; {place}, {type(owner).__name__}: {error}"
                ) from None
    _check_mirrors(pipelines, named)


def _check_mirrors(pipelines: list[Pipeline], modules: Mapping[str, Any]) -> None:
    """Raise ValueError if two parts of a run exchange different joints in a mirror image."""
    found: dict[frozenset, str] = {}
    for pipeline in pipelines:
        flips = [step for step in pipeline.steps if getattr(step, "flip_ratio", 0) or getattr(step, "double", False)]
        owners = flips + ([*modules.values()] if pipeline.is_doubled else [])
        for owner in owners if pipeline.num_joints() else ():
            if pairs := _exchanged(owner):
                found.setdefault(pairs, f"{type(owner).__name__} of {pipeline.place}")
    if len(found) > 1:
        first, second = list(found)[:2]
        odd = sorted(map(sorted, first ^ second))
        raise ValueError(
            f"{found[first]} and {found[second]} exchange different joints in a mirror image (such as {odd[0]}); "
            "give both the layout of the data"
        )


def _exchanged(owner: Any) -> frozenset:
    """Return the pairs of joints that a step or module exchanges in a mirror image."""
    sides = (getattr(owner, "left_kp", None), getattr(owner, "right_kp", None))
    left, right = getattr(getattr(owner, "spec", None), "joint_sides", sides)
    return frozenset(map(frozenset, zip(left or (), right or (), strict=True)))


def mirror_warning(pipelines: list[Pipeline]) -> str | None:
    """Say that a mirrored skeleton keeps its left joints on the left, as no sides are known."""
    for pipeline in pipelines:
        for step in pipeline.steps if pipeline.num_joints() else ():
            if getattr(step, "flip_ratio", 0) and not _exchanged(step):
                return (
                    f"{pipeline.place}: {type(step).__name__} mirrors skeletons and exchanges no joints, as it knows "
                    "no left and right ones: give it layout=, with joints named left_... and right_..., or with sides"
                )
    return None


@torch.no_grad()
def check_channels(pipelines: list[Pipeline], model: Any) -> None:
    """Raise ValueError if a sample of a pipeline has other channels than the first layer of the network takes."""
    layout = getattr(model, "sample_layout", ())
    if "C" not in layout or not hasattr(model, "backbone"):
        return
    for pipeline in pipelines:
        sample = pipeline.sample()
        if sample is None:
            continue
        samples = [sample["data_samples"]] if "data_samples" in sample else None
        inputs = sample["inputs"]
        listed = {name: [part] for name, part in inputs.items()} if isinstance(inputs, Mapping) else [inputs]
        batch = model.data_preprocessor({"inputs": listed, "data_samples": samples})["inputs"]
        for name, part in batch.items() if isinstance(batch, Mapping) else [("", batch)]:
            if part.ndim == len(layout) + 1:
                channels = part.shape[1 + layout.index("C")]
                _compare(pipeline, name, channels, _first_channels(model.backbone, name))


# which pathway of a network of two takes which modality
PATHWAYS = {"imgs": "rgb_path", "heatmap_imgs": "pose_path"}


def _first_channels(backbone: nn.Module, modality: str) -> int | None:
    """Return how many channels the first convolution takes, where it can be told."""
    part = getattr(backbone, PATHWAYS.get(modality, ""), None) if modality else backbone
    first = next((layer for layer in part.modules() if isinstance(layer, _ConvNd)), None) if part is not None else None
    return first.in_channels if first is not None else None


def _compare(pipeline: Pipeline, modality: str, channels: int, expected: int | None) -> None:
    if expected is None or channels == expected:
        return
    where = f"model.backbone.{PATHWAYS[modality].replace('path', 'pathway')}" if modality else "model.backbone"
    joints = pipeline.num_joints()
    skeletons = f", from skeletons of {joints} joints" if joints else ""
    raise ValueError(
        f"{pipeline.place}: its samples ({getattr(pipeline.dataset, 'ann_file', '')}) have {channels} channels"
        f"{skeletons}, and the network takes {expected}: set {where}.in_channels={channels}, or correct the pipeline"
    )
