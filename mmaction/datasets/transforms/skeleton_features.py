"""Prepare skeletons for graph networks."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmaction.datasets.functional.keypoints import mark_missing, split_scores
from mmaction.datasets.functional.skeleton_features import (
    bones,
    in_own_square,
    main_person_frames,
    motion,
    rotation_between,
)
from mmaction.datasets.transforms.base import Transform
from mmaction.datasets.transforms.sampling import check_counts
from mmaction.registry import TRANSFORMS
from mmaction.skeletons import Layout, get_layout
from mmaction.structures.sample_name import sample_name

LayoutLike = str | Mapping[str, Any] | Layout
SCORED = ("coco17", "coco17_posec3d", "openpose18")  # MMAction2 reads their third channel as a score in any case
BODY = ("hip_center", "spine", "right_shoulder", "left_shoulder")
"""Joints by which `PreNormalize3D` turns a body."""


def _has_score(layout: Layout, data: np.ndarray, in_image: bool) -> bool:
    """Return whether a third channel is a score: joints in an image, of a sample with ``img_shape``, have one."""
    if data.shape[-1] not in (2, 3):
        raise ValueError(f"joints have 2 or 3 channels; got shape {data.shape}")
    if data.shape[-1] == 2 or in_image or layout.name not in SCORED:
        return data.shape[-1] == 3 and in_image
    low, high = data[..., 2].min(initial=0), data[..., 2].max(initial=1)
    if low < 0 or high > 1:
        warnings.warn(
            f"the third channel of {layout.name} joints without img_shape is taken for a score, as in MMAction2, but "
            f"holds {low:g} to {high:g}; give joints in space a layout of another name",
            stacklevel=3,
        )
    return True


def _check_mode(mode: str) -> str:
    if mode not in ("loop", "zero"):
        raise ValueError(f"mode is 'loop' or 'zero'; got {mode!r}")
    return mode


class _WithLayout(Transform):
    """A step for the joints of the layout that it calls ``dataset``."""

    def __init__(self, dataset: LayoutLike) -> None:
        self.dataset = dataset
        self.joint_layout = get_layout(dataset)

    def check_joints(self, num_joints: int, mirrored: bool = False) -> None:
        """Raise ValueError if the layout ``dataset`` has not ``num_joints`` joints."""
        expected = len(self.joint_layout.joints)
        if expected != num_joints:
            raise ValueError(
                f"dataset={self.dataset!r} has {expected} joints, the skeletons have {num_joints}; set dataset="
            )


@TRANSFORMS.register_module()
class PadTo(Transform):
    """Bring a skeleton to ``length`` frames, repeated or filled with zeros.

    Changes ``keypoint``, ``keypoint_score`` if there, and ``total_frames``.

    Args:
        length: Frames afterwards.
        mode: ``loop`` repeats the clip, ``zero`` fills it up.
    """

    reads = ("keypoint", "total_frames")

    def __init__(self, length: int, mode: str = "loop") -> None:
        check_counts(length=length)
        self.length = length
        self.mode = _check_mode(mode)

    def transform(self, results: dict) -> dict:
        """Pad the sample; ValueError if it is longer than ``length``."""
        total = results["total_frames"]
        if total > self.length:
            name = sample_name(results, "the sample")
            raise ValueError(f"{name} has {total} frames, more than length={self.length} of PadTo; sample frames first")
        inds = (results.get("start_index", 0) + np.arange(self.length)) % total
        for key in ("keypoint", "keypoint_score"):
            if key in results:
                results[key] = results[key][:, inds]
                if self.mode == "zero":
                    results[key][:, total:] = 0
        results["total_frames"] = self.length
        return results


@TRANSFORMS.register_module()
class PreNormalize2D(Transform):
    """Map pixels to [-1, 1]: the image's left and upper edge to -1, its right and lower edge to 1.

    Args:
        img_shape: Height and width of the image, for samples that do not say.
        by: What is mapped: the ``image``, or the ``clip``: the least square around all joints of all frames, so that
            people of any size anywhere in the image look alike. Then missing joints (score 0) become (0, 0), and the
            scores are always in ``keypoint_score``; joints without any have 1, or 0 at (0, 0).
    """

    reads = ("keypoint",)

    def __init__(self, img_shape: tuple[int, int] = (1080, 1920), by: str = "image") -> None:
        if by not in ("image", "clip"):
            raise ValueError(f"by is 'image' or 'clip'; got {by!r}")
        self.img_shape = img_shape
        self.by = by

    def transform(self, results: dict) -> dict:
        """Change ``keypoint``; with ``by="clip"``, ValueError if the joints lie in space."""
        if self.by == "clip":
            return self._fit(results)
        height, width = results.get("img_shape", self.img_shape)
        keypoint = results["keypoint"]
        # Whole pixels become fractions, so that integers need another type; float16 and others keep theirs.
        dtype = keypoint.dtype if np.issubdtype(keypoint.dtype, np.floating) else np.float32
        keypoint = keypoint.astype(dtype)
        half = np.array([width / 2, height / 2], dtype=dtype)
        keypoint[..., :2] = (keypoint[..., :2] - half) / half
        results["keypoint"] = keypoint
        return results

    @staticmethod
    def _fit(results: dict) -> dict:
        keypoint, score = split_scores(results["keypoint"], results.get("keypoint_score"), "img_shape" in results)
        if keypoint.shape[-1] != 2:
            raise ValueError(
                f"{sample_name(results, 'the sample')}: joints with three coordinates lie in space, and "
                "PreNormalize2D(by='clip') is for joints in an image: begin with a config for 3D. If the third number "
                "is a score, give every clip img_shape, or put it into keypoint_score"
            )
        keypoint, score = mark_missing(keypoint, score)
        results["keypoint"] = in_own_square(keypoint.astype(np.float32), score > 0)
        results["keypoint_score"] = score.astype(np.float32, copy=False)
        return results


@TRANSFORMS.register_module()
class PreNormalize3D(Transform):
    """Turn and move a 3D skeleton into a common frame of reference (Shi et al., 2s-AGCN, CVPR 2019).

    The person seen longer comes first, and frames without that person are left out. The center of the body in the
    first frame (joint 1 of 25, else the last joint) becomes the origin, then the spine the z axis, then the
    shoulders the x axis. Changes ``keypoint``, ``keypoint_score`` if there, and ``total_frames``, and sets
    ``body_center``. Joints with score 0 are missing.

    Args:
        zaxis: Joints at the lower and upper end of the spine.
        xaxis: Right and left shoulder.
        align_spine: Whether to turn the spine to the z axis.
        align_shoulder: Whether to turn the shoulders to the x axis.
        align_center: Whether to move the center to the origin.
        layout: Layout from whose joints ``zaxis``, ``xaxis`` and ``center`` follow, in place of the three. One without
            a spine or shoulders, such as a hand's, can only be moved: its root becomes the origin.
        center: Joint in the center of the body; the first frame that has it counts.
    """

    reads = ("keypoint",)

    def __init__(
        self,
        zaxis: Sequence[int] = (0, 1),
        xaxis: Sequence[int] = (8, 4),
        align_spine: bool = True,
        align_shoulder: bool = True,
        align_center: bool = True,
        layout: LayoutLike | None = None,
        center: int | None = None,
    ) -> None:
        self.joint_layout = skeleton = None if layout is None else get_layout(layout)
        if skeleton is not None:
            missing = [name for name in BODY if name not in skeleton.joints]
            if missing and (align_spine or align_shoulder):
                raise ValueError(
                    f"layout {layout!r} has no joint {missing[0]!r}; give zaxis, xaxis and center instead, or "
                    "align_spine=False, align_shoulder=False"
                )
            zaxis, xaxis, center = (), (), skeleton.root
            if not missing:
                hip, spine, right, left = map(skeleton.joints.index, BODY)
                zaxis, xaxis, center = (hip, spine), (right, left), spine
        self.zaxis = tuple(zaxis)
        self.xaxis = tuple(xaxis)
        self.align_spine = align_spine
        self.align_shoulder = align_shoulder
        self.align_center = align_center
        self.center = center

    def check_joints(self, num_joints: int, mirrored: bool = False) -> None:
        """Raise ValueError if a named joint is not there, or the defaults, joints of ntu25, meet other skeletons."""
        named = (*self.zaxis, *self.xaxis)
        are_defaults = self.joint_layout is None and named == (0, 1, 8, 4)
        if max(named, default=self.center or 0) >= num_joints or (are_defaults and num_joints != 25):
            raise ValueError(
                f"zaxis={self.zaxis} and xaxis={self.xaxis} do not fit {num_joints} joints (the defaults are joints of "
                "ntu25); set layout=, or give the joints of the spine and the shoulders"
            )

    def transform(self, results: dict) -> dict:
        """Normalize the sample; ValueError if the skeletons are not 3D or there are more than two persons."""
        keypoint = results["keypoint"]
        if "img_shape" in results:
            raise ValueError(f"{sample_name(results, 'the sample')} has an img_shape, so its joints lie in no space")
        if keypoint.shape[-1] != 3 or len(keypoint) > 2:
            raise ValueError(
                f"PreNormalize3D takes (M, T, V, 3) with at most 2 persons; got shape {keypoint.shape}; leave the "
                "others out of the annotations (keypoint[:2], the ones who act first)"
            )
        score = results.get("keypoint_score")
        if score is not None:
            keypoint, _ = mark_missing(keypoint, score)
        if not keypoint.any():
            return results
        if score is None:
            keypoint = main_person_frames(keypoint)
        else:
            scored = main_person_frames(np.concatenate([keypoint, score[..., None]], axis=-1))
            keypoint, results["keypoint_score"] = scored[..., :3], scored[..., 3]
        if self.align_center:
            joint = self.center if self.center is not None else 1 if keypoint.shape[2] == 25 else -1
            # As published, the first frame counts, be the joint there or not; a center that is given is looked for.
            first = 0 if self.center is None else int(keypoint[0, :, joint].any(-1).argmax())
            center = keypoint[0, first, joint].copy()
            x, y, z = np.moveaxis(keypoint, -1, 0)
            keypoint = np.where(((x != 0) | (y != 0) | (z != 0))[..., None], keypoint - center, 0)
            results["body_center"] = center
        turn = np.eye(3)
        if self.align_spine:
            low, high = keypoint[0, 0, self.zaxis]
            turn = rotation_between(high - low, np.array([0, 0, 1]))
        if self.align_shoulder:
            right, left = keypoint[0, 0, self.xaxis]
            turn = rotation_between(turn @ (right - left), np.array([1, 0, 0])) @ turn
        if self.align_spine or self.align_shoulder:
            keypoint = (keypoint.reshape(-1, 3) @ turn.T).reshape(keypoint.shape)
        results["keypoint"] = keypoint
        results["total_frames"] = keypoint.shape[1]
        return results


@TRANSFORMS.register_module()
class FitJoints(Transform):
    """Move and scale the joints of a clip so that each coordinate goes from -1 to 1 over all frames and persons.

    Behind ``RandomRot`` it takes away where a camera stands and how far, so that sets with several views need it; body
    proportions go as well (the training of CTR-GCN on Northwestern-UCLA: Chen et al., "Channel-wise Topology Refinement
    Graph Convolution", ICCV 2021). Joints with score 0, and persons of zeros alone, do not count and become zeros;
    the scores of joints in space are then taken away, as graph networks see three coordinates.
    """

    reads = ("keypoint",)

    def transform(self, results: dict) -> dict:
        """Change ``keypoint``."""
        keypoint = results["keypoint"]
        seen = np.broadcast_to(keypoint.any(axis=(1, 2, 3), keepdims=True)[..., 0], keypoint.shape[:3])
        if "keypoint_score" in results:
            seen = seen & (results["keypoint_score"] > 0)
            if keypoint.shape[-1] == 3:
                del results["keypoint_score"]
        if seen.any():
            found = keypoint[seen]
            low, high = found.min(axis=0), found.max(axis=0)
            fitted = (keypoint - (low + high) / 2) / np.maximum((high - low) / 2, 1e-6)
            results["keypoint"] = np.where(seen[..., None], fitted, 0).astype(keypoint.dtype)
        return results


@TRANSFORMS.register_module()
class JointToBone(_WithLayout):
    """Set ``target`` to the bones of ``keypoint``: vectors from each joint's parent to the joint, float32.

    Args:
        dataset: Skeleton layout, by a name of :mod:`mmaction.skeletons`.
        target: Key to set.
    """

    reads = ("keypoint",)

    def __init__(self, dataset: LayoutLike = "nturgb+d", target: str = "keypoint") -> None:
        super().__init__(dataset)
        self.target = target

    def transform(self, results: dict) -> dict:
        """Set the bones; ValueError if the joints do not fit the layout."""
        keypoint = results["keypoint"]
        self.check_joints(keypoint.shape[2])
        results[self.target] = bones(
            keypoint, self.joint_layout.parents, _has_score(self.joint_layout, keypoint, "img_shape" in results)
        )
        return results


@TRANSFORMS.register_module()
class ToMotion(_WithLayout):
    """Set ``target`` to the change of ``source`` from each frame to the next, 0 in the last frame.

    Args:
        dataset: Skeleton layout, by a name of :mod:`mmaction.skeletons`.
        source: Key of joints or bones.
        target: Key to set.
    """

    def __init__(self, dataset: LayoutLike = "nturgb+d", source: str = "keypoint", target: str = "motion") -> None:
        super().__init__(dataset)
        self.source = source
        self.target = target

    def transform(self, results: dict) -> dict:
        """Set the motion."""
        data = results[self.source]
        results[self.target] = motion(data, _has_score(self.joint_layout, data, "img_shape" in results))
        return results


@TRANSFORMS.register_module()
class MergeSkeFeat(Transform):
    """Join features into one array, and remove their own keys.

    Args:
        feat_list: Keys of the features.
        target: Key to set.
        axis: Axis along which they are joined.
    """

    def __init__(self, feat_list: Sequence[str] = ("keypoint",), target: str = "keypoint", axis: int = -1) -> None:
        self.feat_list = tuple(feat_list)
        self.target = target
        self.axis = axis

    def transform(self, results: dict) -> dict:
        """Join the features."""
        results[self.target] = np.concatenate([results.pop(name) for name in self.feat_list], axis=self.axis)
        return results


@TRANSFORMS.register_module()
class GenSkeFeat(_WithLayout):
    """Replace ``keypoint`` by features: joints ``j``, bones ``b``, and the motion of each, ``jm`` and ``bm``.

    ``keypoint_score`` becomes the third channel of 2D joints. Without it, a sample with ``img_shape`` holds joints in
    an image, and the third channel is their score; else it is the third coordinate of joints in space. As in MMAction2,
    COCO's 17 and OpenPose's 18 joints have a score in any case; a warning says where its values cannot be one.

    Args:
        dataset: Skeleton layout: a name of :mod:`mmaction.skeletons`, or a description.
        feats: Which features, in this order.
        axis: Axis along which they are joined.
    """

    reads = ("keypoint",)

    def __init__(self, dataset: LayoutLike = "nturgb+d", feats: Sequence[str] = ("j",), axis: int = -1) -> None:
        unknown = set(feats) - {"j", "b", "jm", "bm"}
        if unknown or not feats:
            raise ValueError(f"feats names some of j, b, jm, bm; got {list(feats)}")
        super().__init__(dataset)
        self.feats = tuple(feats)
        self.axis = axis

    def transform(self, results: dict) -> dict:
        """Compute and join the features.

        ValueError if 3D joints come with scores, or the joints do not fit the layout.
        """
        keypoint = results["keypoint"]
        with_score = "keypoint_score" in results
        if with_score:
            if keypoint.shape[-1] != 2:
                raise ValueError(
                    f"scores belong to 2D joints; got {keypoint.shape} of {self.dataset}; take keypoint_score out of "
                    "the annotations, or put FitJoints before this step, which uses it"
                )
            keypoint = np.concatenate([keypoint, results.pop("keypoint_score")[..., None]], axis=-1)
        with_score = with_score or _has_score(self.joint_layout, keypoint, "img_shape" in results)
        features = {"j": keypoint}
        if {"b", "bm"} & set(self.feats):
            self.check_joints(keypoint.shape[2])
            features["b"] = bones(keypoint, self.joint_layout.parents, with_score)
        for source in ("j", "b"):
            if f"{source}m" in self.feats:
                features[f"{source}m"] = motion(features[source], with_score)
        results["keypoint"] = np.concatenate([features[name] for name in self.feats], axis=self.axis)
        return results


@TRANSFORMS.register_module()
class FormatGCNInput(Transform):
    """Arrange ``keypoint`` as graph networks read it: ``(N, M, T, V, C)``, always of ``num_person`` persons.

    ``keypoint_score``, if there, becomes the last channel. Further persons are left out.

    Args:
        num_person: Persons afterwards.
        mode: How missing persons are filled: ``zero``, or ``loop``: the first one again, where there is one alone.
    """

    reads = ("keypoint",)

    def __init__(self, num_person: int = 2, mode: str = "zero") -> None:
        check_counts(num_person=num_person)
        self.num_person = num_person
        self.mode = _check_mode(mode)

    def transform(self, results: dict) -> dict:
        """Arrange the sample; ValueError if the frames do not divide into ``num_clips``, or a value is not finite."""
        keypoint, num_clips = results["keypoint"], results.get("num_clips", 1)
        if "keypoint_score" in results:
            keypoint = np.concatenate([keypoint, results["keypoint_score"][..., None]], axis=-1)
        if not np.isfinite(keypoint).all():
            raise ValueError(f"{sample_name(results, 'the sample')}: keypoint holds infinite coordinates")
        persons, frames, joints, channels = keypoint.shape
        if frames % num_clips:
            raise ValueError(f"{frames} frames are not a multiple of num_clips={num_clips}")
        clips = keypoint.reshape(persons, num_clips, frames // num_clips, joints, channels).swapaxes(0, 1)
        filled = np.empty((num_clips, self.num_person, *clips.shape[2:]), dtype=keypoint.dtype)
        if self.mode == "loop" and persons == 1:
            filled[:] = clips
        else:
            filled[:, :persons] = clips[:, : self.num_person]
            filled[:, persons:] = 0
        results["keypoint"] = filled
        return results
