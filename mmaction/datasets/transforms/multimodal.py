"""Steps that treat frames and skeletons of one video together."""

import numpy as np

from mmaction.datasets.transforms.base import Transform
from mmaction.datasets.transforms.loading import DecordDecode, DecordInit, VideoDecode
from mmaction.datasets.transforms.pose import PoseCompact, PoseDecode
from mmaction.registry import TRANSFORMS
from mmaction.structures.sample_name import sample_name


@TRANSFORMS.register_module()
class MMDecode(Transform):
    """Read the sampled frames of a video and of its skeleton, and bring the joints to the size of the frames.

    Sets ``imgs`` (frames ``RGB_inds`` of ``filename``, by default ``frame_dir`` with ``.mp4``) and ``keypoint`` and
    ``keypoint_score`` (frames ``Pose_inds``) as far as ``modality`` names them, and ``img_shape``.

    Args:
        io_backend: Where videos are, by MMEngine's name.
        num_threads: Threads that decode.
        mode: As in ``DecordDecode``.
    """

    reads = ("modality",)
    writes = ("imgs", "keypoint", "keypoint_score", "img_shape")

    def __init__(self, io_backend: str = "disk", num_threads: int = 1, mode: str = "accurate") -> None:
        self._open = DecordInit(io_backend, num_threads)
        self._read = DecordDecode(mode)
        self._pose = PoseDecode()

    def transform(self, results: dict) -> dict:
        """Read all modalities.

        ValueError if a modality is neither ``RGB`` nor ``Pose``, or ``Pose`` is wanted of a clip without joints.
        """
        for modality in results["modality"]:
            if modality not in ("RGB", "Pose"):
                raise ValueError(f"MMDecode reads RGB and Pose; got the modality {modality!r}")
            getattr(self, f"_decode_{modality.lower()}")(results, results[f"{modality}_inds"])
        if "imgs" in results and "keypoint" in results:
            _match_sizes(results, results["imgs"][0].shape[:2])
        return results

    def _decode_rgb(self, results: dict, inds: np.ndarray) -> None:
        results.setdefault("filename", f"{results.get('frame_dir')}.mp4")
        video = self._read(self._open({"filename": results["filename"], "frame_inds": inds}))
        results["imgs"] = video["imgs"]

    def _decode_pose(self, results: dict, inds: np.ndarray) -> None:
        if "keypoint" not in results:
            raise ValueError(f"{sample_name(results, 'the sample')} has no keypoint, which the modality Pose needs")
        given = {key: results[key] for key in ("keypoint", "keypoint_score", "img_shape") if key in results}
        pose = self._pose({**given, "frame_inds": inds})
        keypoint = results["keypoint"] = pose["keypoint"]
        results["keypoint_score"] = pose.get("keypoint_score", np.ones(keypoint.shape[:-1], dtype=np.float32))


@TRANSFORMS.register_module()
class VideoPoseDecode(VideoDecode):
    """Read the same sampled frames of an opened video and of its skeleton.

    As ``VideoDecode``, and ``keypoint`` ``(M, N * T, V, 2)`` and ``keypoint_score`` as ``PoseDecode``; joints are
    brought to the size of the frames.

    Args:
        lazy: As in ``VideoDecode``.
    """

    reads = (*VideoDecode.reads, "keypoint", "img_shape")

    def transform(self, results: dict) -> dict:
        """Read both; ValueError if a sampled frame is outside the video or the skeleton, or cannot be decoded."""
        annotated = results["img_shape"]
        results = super().transform(PoseDecode()(results))
        frames, results["img_shape"] = results["img_shape"], annotated
        _match_sizes(results, frames)
        return results


def _match_sizes(results: dict, actual: tuple[int, int]) -> None:
    """Scale the joints from the image size of the annotation to the size of the frames."""
    height, width = results["img_shape"]
    if actual != (height, width):
        results["keypoint"][..., 0] *= actual[1] / width
        results["keypoint"][..., 1] *= actual[0] / height
        results["img_shape"] = results["original_shape"] = actual


@TRANSFORMS.register_module()
class MMCompact(PoseCompact):
    """Crop frames and skeleton to the box around all joints; what lies beyond the frames is black.

    Changes what ``PoseCompact`` changes, and ``imgs``. Arguments: see ``PoseCompact``.
    """

    reads = ("keypoint", "img_shape", "imgs")

    def __init__(
        self,
        padding: float = 0.25,
        threshold: float = 10,
        hw_ratio: float | tuple[float, float] | None = 1,
        allow_imgpad: bool = True,
    ) -> None:
        super().__init__(padding, threshold, hw_ratio, allow_imgpad)

    def _crop(self, results: dict) -> tuple[int, int, int, int] | None:
        box = super()._crop(results)
        if box is not None:
            results["imgs"] = [_crop_padded(img, box) for img in results["imgs"]]
        return box


def _crop_padded(img: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """Return the part of an image inside a box, which may reach beyond it."""
    x1, y1, x2, y2 = box
    (height, width), (left, top) = img.shape[:2], (max(x1, 0), max(y1, 0))
    part = img[top : max(min(y2, height), top), left : max(min(x2, width), left)]
    cropped = np.zeros((y2 - y1, x2 - x1, *img.shape[2:]), dtype=img.dtype)
    cropped[top - y1 : top - y1 + part.shape[0], left - x1 : left - x1 + part.shape[1]] = part
    return cropped
