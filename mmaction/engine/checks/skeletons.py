"""Do the place, the persons and the posture of skeletons fit the steps of their pipelines?"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmaction.datasets.transforms import FormatGCNInput, GenSkeFeat, PreNormalize2D, PreNormalize3D, RandomRot
from mmaction.engine.checks.joints import Pipeline
from mmaction.io.skeleton_values import MAX_SCORE
from mmaction.skeletons import Layout, get_layout
from mmaction.utils.text import first_few

UPPER, LOWER = ("head", "neck", "nose", "face", "shoulder", "thorax"), ("hip", "knee", "ankle", "foot")
FRAMES_SEEN = 16  # of a clip, evenly spread, where joints are compared with each other
UNLIKE = 1.5  # a limb so many times as long as its mirror image; other orders of joints have 1.7 to 13, right ones 1.1
DETOUR = 2.3  # and so many times as long as the steps of a way over other joints; right orders have 1.1 to 1.4
PIXELS = 16  # coordinates beyond are no shares, and no meters
UPRIGHT = 1.5  # how much more a body extends along the vertical than along the other axes, on average


def check_space(pipelines: Sequence[Pipeline]) -> None:
    """Raise ValueError where joints in an image meet a step for joints in space, or the other way round."""
    for pipeline in pipelines:
        for index, step in enumerate(pipeline.steps):
            is_for_space = isinstance(step, PreNormalize3D)
            if not is_for_space and getattr(step, "by", "") != "clip":
                continue
            for info in pipeline.infos():
                if np.ndim(info.get("keypoint", 0)) != 4:
                    continue
                if _lies_in_space(info) != is_for_space or (is_for_space and _ends_in_score(info["keypoint"])):
                    here, there = ("in an image", "in space") if is_for_space else ("in space", "in an image")
                    raise ValueError(
                        f"{pipeline.place} ({getattr(pipeline.dataset, 'ann_file', '')}): its skeletons lie {here} "
                        f"({_seen(info)}), and step {index} of its pipeline, {type(step).__name__}, is for joints "
                        f"{there}; begin with a config for {2 if is_for_space else 3}D, or correct the annotations: "
                        "img_shape stands in those of joints in an image, and only there"
                    )


def _lies_in_space(info: dict[str, Any]) -> bool:
    return info["keypoint"].shape[-1] == 3 and "img_shape" not in info


def _ends_in_score(joints: np.ndarray) -> bool:
    """Whether the third number of a joint is a share, and the first two are pixels."""
    return bool(joints[..., 2].min() >= 0 and joints[..., 2].max() <= MAX_SCORE < PIXELS < np.abs(joints).max())


def _seen(info: dict[str, Any]) -> str:
    third = ", the third a score" if info["keypoint"].shape[-1] == 3 and _ends_in_score(info["keypoint"]) else ""
    return f"{info['keypoint'].shape[-1]} numbers a joint{third}, {'an' if 'img_shape' in info else 'no'} img_shape"


def skeleton_warnings(pipelines: Sequence[Pipeline], model: Any = None) -> list[str]:
    """Return what the data make doubtful: the order of joints, and persons, limbs and turns that are left out."""
    parts = list(model.modules()) if model is not None else []
    found = [
        [part(pipeline) for part in (_persons, _image, _posture, _loose_joints)] + [_order(pipeline, parts)]
        for pipeline in pipelines
    ]
    return [next(filter(None, kind)) for kind in zip(*found, strict=True) if any(kind)]


def _loose_joints(pipeline: Pipeline) -> str | None:
    given = [(get_layout(step.dataset), step.feats) for step in pipeline.steps if isinstance(step, GenSkeFeat)]
    if any(not layout.limbs and {"b", "bm"} & set(feats) for layout, feats in given):
        return (
            f"{pipeline.place}: the layout has no limb, so that all bones, which the network sees, are 0: take joints"
        )
    loose = [name for layout, _ in given for name in layout.loose]
    if not loose:
        return None
    return (
        f"{pipeline.place}: no limb of the layout leads from {first_few(loose)} to its root, so that their bones are 0 "
        "and the graph has parts that do not see each other: add limbs"
    )


def _persons(pipeline: Pipeline) -> str | None:
    kept = next((step.num_person for step in pipeline.steps if isinstance(step, FormatGCNInput)), None)
    if kept is None:
        return None
    clips = pipeline.skeletons
    seen = [np.any(clip, axis=(1, 2, 3)) if len(clip) > kept else np.ones(1, bool) for clip in clips]
    if any(isinstance(step, PreNormalize3D) for step in pipeline.steps):  # it puts the one seen longer first
        seen = [np.sort(part)[::-1] for part in seen]
    last = np.array([np.flatnonzero(part).max(initial=0) + 1 for part in seen])
    if not (last > kept).any():
        return None
    return (
        f"{pipeline.place}: {(last > kept).sum()} of {len(last)} clips looked at show persons behind the first "
        f"num_person={kept}, up to number {last.max()}, who are left out"
        f"{'' if all(part[:kept].any() for part in seen) else ', also where nobody is among the first'}: set "
        f"num_person={last.max()} in FormatGCNInput and the backbone, or put the one who acts first"
    )


def _image(pipeline: Pipeline) -> str | None:
    """Say that the size of the image is a guess."""
    guessed = [step for step in pipeline.steps if isinstance(step, PreNormalize2D) and step.by == "image"]
    clips = [info for info in pipeline.infos() if np.ndim(info.get("keypoint", 0)) == 4 and "img_shape" not in info]
    if not clips or not guessed or guessed[0].img_shape != PreNormalize2D().img_shape:
        return None
    height, width = guessed[0].img_shape
    low, high = (int(edge(clips[0]["keypoint"][..., :2])) for edge in (np.min, np.max))
    return (
        f"{pipeline.place}: the clips do not say img_shape, and PreNormalize2D takes their images for {width}x{height}"
        f"; x and y go from {low} to {high} in the first: give each clip img_shape, or the step one"
    )


def _posture(pipeline: Pipeline) -> str | None:
    """Say that joints in space are never turned about the axis along which the bodies stand."""
    turns = [step.theta for step in pipeline.steps if isinstance(step, RandomRot) and len(step.theta) == 3]
    layouts = [get_layout(step.dataset) for step in pipeline.steps if isinstance(step, GenSkeFeat)]
    aligned = any(getattr(step, f"align_{part}", False) for step in pipeline.steps for part in ("spine", "shoulder"))
    if not turns or not layouts or aligned:
        return None
    axis = standing_axis(pipeline.skeletons, layouts[0])
    if axis is None or turns[0][axis] or not turns[0].any():
        return None
    names, others = "xyz", [name for number, name in enumerate("xyz") if number != axis]
    return (
        f"{pipeline.place}: the bodies stand along {names[axis]}, the only axis about which RandomRot does not turn "
        f"them (theta={turns[0].tolist()}): give an angle about {names[axis]} and 0 about the axis along which "
        f"the camera looks, {' or '.join(others)}"
    )


def _order(pipeline: Pipeline, parts: Sequence[Any]) -> str | None:
    """Say that limbs and their mirror images differ in length, as they do where joints have another order."""
    named = (getattr(getattr(part, "spec", part), "joint_layout", None) for part in (*pipeline.steps, *parts))
    for layout in dict.fromkeys(layout for layout in named if layout is not None):
        fitting = [joints for joints in pipeline.skeletons if joints.shape[2] == len(layout.joints)]
        found = odd_limb(joint_distances(fitting), layout) if fitting else None
        if found:
            return (
                f"{pipeline.place}: {found}: the joints seem to have another order than in the layout {layout.name!r}; "
                "look at them (python pose_visualizer.py) and give the layout of the data"
            )
    return None


def joint_distances(skeletons: Sequence[np.ndarray]) -> np.ndarray:
    """Return the mean distance of every two joints of the first person, ``(V, V)``; NaN if never seen together.

    In ``skeletons``, arrays ``(M, T, V, D)``, a joint at the origin is missing. Distances of a frame are relative to
    their mean, so that near and far persons count alike.
    """
    num_joints = skeletons[0].shape[2]
    total, count = np.zeros((2, num_joints, num_joints))
    for clip in skeletons:
        joints = clip[0, :: max(1, clip.shape[1] // FRAMES_SEEN)].astype(np.float64)
        seen = np.any(joints, axis=-1)
        distances = np.linalg.norm(joints[:, :, None] - joints[:, None], axis=-1)
        distances *= np.logical_and(seen[:, :, None], seen[:, None])
        mean = distances.sum(axis=(1, 2)) / np.maximum((distances > 0).sum(axis=(1, 2)), 1)
        total += (distances / np.where(mean > 0, mean, 1.0)[:, None, None]).sum(axis=0)
        count += (distances > 0).sum(axis=0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def odd_limb(distances: np.ndarray, layout: Layout) -> str | None:
    """Return a sentence about the limb whose length contradicts a layout most, None if all are plausible.

    ``distances`` are those of :func:`joint_distances`. A limb is as long as its mirror image, and no other joints lead
    in short steps from one of its ends to the other.
    """
    lengths = [float(distances[limb]) for limb in layout.limbs]
    names = [" to ".join(layout.joints[joint] for joint in limb) for limb in layout.limbs]
    ratios = [
        (lengths[first] / lengths[second], first, second)
        for left, right in zip(layout.left_limbs, layout.right_limbs, strict=True)
        for first, second in ((left, right), (right, left))
    ]
    ratio, longer, shorter = max((row for row in ratios if np.isfinite(row[0])), default=(1.0, 0, 0))
    if ratio > UNLIKE:
        return f"the limb {names[longer]} is {ratio:.1f} times as long as its mirror image, {names[shorter]}"
    steps = np.where(np.isnan(distances), np.inf, distances)  # the longest of the way whose longest step is shortest
    for joint in range(len(steps)):
        steps = np.minimum(steps, np.maximum(steps[:, [joint]], steps[[joint]]))
    detours = [(length / steps[limb], name) for length, name, limb in zip(lengths, names, layout.limbs, strict=True)]
    ratio, name = max((row for row in detours if np.isfinite(row[0])), default=(1.0, ""))
    if ratio > DETOUR:
        return f"the limb {name} is {ratio:.1f} times as long as the steps of a way over other joints between its ends"
    return None


def standing_axis(skeletons: Sequence[np.ndarray], layout: Layout) -> int | None:
    """Return along which axis bodies in space ``(M, T, V, 3)`` stand; None if names or places do not tell."""
    upper, lower = (
        [index for index, name in enumerate(layout.joints) if any(word in name.lower() for word in words)]
        for words in (UPPER, LOWER)
    )
    lengths = []
    for joints in skeletons if upper and lower else ():
        ends = [joints[0][:, part].astype(np.float64) for part in (upper, lower)]
        seen = np.all([part.any(-1).all(-1) for part in ends], axis=0)
        if seen.any():
            lengths.append(np.subtract(*[part[seen].mean(axis=(0, 1)) for part in ends]))
    if not lengths:
        return None
    extent = np.abs(np.mean(lengths, axis=0))
    axis = int(extent.argmax())
    return axis if extent[axis] > UPRIGHT * np.delete(extent, axis).max() else None
