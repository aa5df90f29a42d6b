"""Take a skeleton's frames and bring it into the image that the model sees."""

import numpy as np

from mmaction.datasets.functional.geometry import compose_quadruple
from mmaction.datasets.functional.keypoints import compact_box, group_persons, mark_missing, move_origin, split_scores
from mmaction.datasets.transforms.base import Transform
from mmaction.registry import TRANSFORMS
from mmaction.structures.sample_name import sample_name


@TRANSFORMS.register_module()
class PoseDecode(Transform):
    """Take the sampled frames of a skeleton, in float32.

    Changes ``keypoint`` to ``(M, N * T, V, C)`` and ``keypoint_score`` to ``(M, N * T, V)``; without ``frame_inds``
    all frames are taken. ``offset`` is added to the indices if the sample has it.

    A sample with ``img_shape`` holds joints in an image, which have two coordinates: a third channel becomes
    ``keypoint_score``, or is dropped where there are scores already. 3D joints stay as they are.

    Args:
        with_marks: Whether a missing joint gets both marks, so that neither a crop nor a heatmap shows it: the place
            (0, 0) where its score is 0, and without scores the score 0 where it is at (0, 0), others 1.
    """

    reads = ("keypoint",)
    writes = ("total_frames", "frame_inds")

    def __init__(self, with_marks: bool = False) -> None:
        self.with_marks = with_marks

    def transform(self, results: dict) -> dict:
        """Take the frames; ValueError if an index lies outside the skeleton's frames."""
        keypoint = results["keypoint"]
        results.setdefault("total_frames", keypoint.shape[1])
        if "frame_inds" not in results:
            results["frame_inds"] = np.arange(results["total_frames"])
        results["frame_inds"] = np.asarray(results["frame_inds"]).reshape(-1)
        inds = results["frame_inds"] + results.get("offset", 0)
        if inds.size and not -keypoint.shape[1] <= inds.min() <= inds.max() < keypoint.shape[1]:
            raise ValueError(
                f"{sample_name(results, 'the sample')}: frames {inds.min()} to {inds.max()} were sampled, but "
                f"the skeleton has {keypoint.shape[1]}; start_index is 0 for skeletons"
            )
        keypoint, score = split_scores(keypoint, results.get("keypoint_score"), "img_shape" in results)
        results["keypoint"] = keypoint.take(inds, axis=1).astype(np.float32, copy=False)
        if score is not None:
            results["keypoint_score"] = score.take(inds, axis=1).astype(np.float32, copy=False)
        if self.with_marks:
            marked = mark_missing(results["keypoint"], results.get("keypoint_score"))
            results["keypoint"], results["keypoint_score"] = marked
        return results


@TRANSFORMS.register_module()
class DecompressPose(Transform):
    """Sort the persons that were found in a video into a skeleton clip.

    Changes ``keypoint`` from ``(K, V, 3)``, one row per found person (x, y, score) in the order of their frames
    ``frame_inds`` ``(K,)``, to ``(M, T, V, 2)`` and sets ``keypoint_score`` ``(M, T, V)``, both float16, and
    ``total_frames``. Rows that ``anno_inds`` (a mask, if there) leaves out are dropped. Removes ``frame_inds``.

    Args:
        squeeze: Leave out frames without a person.
        max_person: Keep at most this many persons of a frame, by their sum of scores.
    """

    reads = ("keypoint", "total_frames")
    writes = ("keypoint_score", "total_frames")

    def __init__(self, squeeze: bool = True, max_person: int = 10) -> None:
        if max_person < 1:
            raise ValueError(f"max_person is at least 1; got {max_person}")
        self.squeeze = squeeze
        self.max_person = max_person

    def transform(self, results: dict) -> dict:
        """Sort the persons; ValueError if no person is left, or the frames are not in order."""
        name = sample_name(results, "the sample")
        if "frame_inds" not in results:
            raise ValueError(f"{name} has no frame_inds: its keypoint is no list of found persons, leave this step out")
        frames, rows = np.asarray(results.pop("frame_inds")), results["keypoint"]
        if "anno_inds" in results:
            frames, rows = frames[results["anno_inds"]], rows[results["anno_inds"]]
        if not len(frames) or (np.diff(frames) < 0).any():
            problem = "no person is left" if not len(frames) else "frame_inds goes back"
            raise ValueError(f"{name}: {problem}; DecompressPose needs persons in the order of their frames")
        total = results["total_frames"]
        if self.squeeze:
            frames = np.unique(frames, return_inverse=True)[1]
            total = int(frames[-1]) + 1
        keypoint, score = group_persons(frames, rows, total, self.max_person)
        results.update(total_frames=total, keypoint=keypoint, keypoint_score=score)
        return results


@TRANSFORMS.register_module()
class PoseCompact(Transform):
    """Crop to the box around all joints of the clip.

    Changes ``keypoint`` and ``img_shape`` and sets ``crop_quadruple`` (x, y, width, height as shares of the original
    image). Joints that are NaN become missing (0). A skeleton smaller than ``threshold`` stays as it is.

    Args:
        padding: Share by which the width and height of the tight box grow.
        threshold: Least width and height of the tight box, in pixels.
        hw_ratio: Ratio of height to width, or its least and greatest value; the box grows to meet it. None: any.
        allow_imgpad: Whether the box may reach beyond the image.
    """

    reads: tuple[str, ...] = ("keypoint", "img_shape")

    def __init__(
        self,
        padding: float = 0.25,
        threshold: float = 10,
        hw_ratio: float | tuple[float, float] | None = None,
        allow_imgpad: bool = True,
    ) -> None:
        if padding < 0:
            raise ValueError(f"padding is the share by which the box grows, at least 0; got {padding}")
        self.padding = padding
        self.threshold = threshold
        self.hw_ratio = (hw_ratio, hw_ratio) if isinstance(hw_ratio, (int, float)) else hw_ratio
        self.allow_imgpad = allow_imgpad

    def transform(self, results: dict) -> dict:
        """Crop the sample."""
        img_shape = results["img_shape"]
        box = self._crop(results)
        if box is not None:
            outer = results.get("crop_quadruple", (0.0, 0.0, 1.0, 1.0))
            results["crop_quadruple"] = compose_quadruple(outer, box, img_shape)
        return results

    def _crop(self, results: dict) -> tuple[int, int, int, int] | None:
        """Move the joints into the box and return it, or None if the skeleton is too small to crop to it.

        ValueError if a coordinate is infinite.
        """
        keypoint = np.nan_to_num(results["keypoint"], nan=0.0, posinf=np.inf, neginf=-np.inf)
        if np.isinf(keypoint).any():
            raise ValueError("keypoint holds infinite coordinates")
        box = compact_box(
            keypoint, results["img_shape"], self.padding, self.threshold, self.hw_ratio, self.allow_imgpad
        )
        if box is not None:
            keypoint = move_origin(keypoint, box[:2])
            results["img_shape"] = (box[3] - box[1], box[2] - box[0])
        results["keypoint"] = keypoint
        return box
