"""Give a sample the shape that the model reads and pack it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmaction import structures
from mmaction.datasets.functional.lazy_frames import LazyFrames
from mmaction.datasets.transforms.base import Transform
from mmaction.registry import TRANSFORMS

if TYPE_CHECKING:
    import torch

META_KEYS = ("img_shape", "img_key", "video_id", "timestamp")
# always kept: reports show accuracy by resolution and length, and MirrorHead asks which clips are mirrored
FACT_KEYS = ("original_shape", "total_frames", "flip")
FORMATS = ("NCTHW", "NCHW", "NCHW_Flow", "NCTHW_Heatmap", "NPTCHW")


def _split_clips(imgs: np.ndarray, results: dict, modality: str) -> np.ndarray:
    """Return frames ``(A * N * T, ...)`` as ``(A, N, T, ...)``: crops or mirror images, clips, frames."""
    num_clips, clip_len = results["num_clips"], results["clip_len"]
    clip_len = clip_len[modality] if isinstance(clip_len, dict) else clip_len
    if len(imgs) % (num_clips * clip_len):
        raise ValueError(f"{len(imgs)} frames are not a multiple of num_clips * clip_len = {num_clips} * {clip_len}")
    return imgs.reshape(-1, num_clips, clip_len, *imgs.shape[1:])


def _join_clips(imgs: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    """Reorder the axes and join the first two, as a view of the same memory."""
    imgs = imgs.transpose(order)
    return imgs.reshape(-1, *imgs.shape[2:])


def _pair_components(imgs: np.ndarray, results: dict) -> np.ndarray:
    """Return flow ``(2 * N * T, H, W)``, x and y in turns, as ``(N * T, H, W, 2)``; anything else as it is."""
    if imgs.ndim == 3 and results.get("modality") == "Flow":
        return imgs.reshape(-1, 2, *imgs.shape[1:]).transpose(0, 2, 3, 1)
    return imgs


@TRANSFORMS.register_module()
class FormatShape(Transform):
    """Arrange ``imgs`` as the model reads them, without copying where strides allow it.

    Sets ``imgs`` and ``input_shape``. N counts clips and crops (and mirror images), T frames of a clip.

    - ``NCTHW``: frames ``(N * T, H, W, C)`` become ``(N, C, T, H, W)``; so do x and y components of flow in turns,
      ``(2 * N * T, H, W)``, with C = 2; ``heatmap_imgs`` ``(N * T, C, H, W)``, if there, likewise
      (``heatmap_input_shape``).
    - ``NCTHW_Heatmap``: heatmaps ``(N * T, C, H, W)`` become ``(N, C, T, H, W)``.
    - ``NCHW``: frames ``(N * T, H, W, C)`` become ``(N * T, C, H, W)``; with ``modality='Flow'`` the T frames of a clip
      are joined in the channels.
    - ``NCHW_Flow``: x and y components in turns, ``(2 * N * T, H, W)``, become ``(N, 2 * T, H, W)``.
    - ``NPTCHW``: frames of P proposals become ``(P, N * T, C, H, W)``.

    Args:
        input_format: One of the formats above.
        collapse: Drop the first axis; only with one clip.
    """

    reads = ("imgs",)
    writes = ("imgs", "input_shape")

    def __init__(self, input_format: str, collapse: bool = False) -> None:
        if input_format not in FORMATS:
            raise ValueError(f"The input format {input_format} is invalid; known: {', '.join(FORMATS)}")
        self.input_format = input_format
        self.collapse = collapse

    def transform(self, results: dict) -> dict:
        """Arrange the frames; ValueError if their number does not fit the clips, or more than one is to collapse."""
        imgs = results["imgs"]
        if isinstance(imgs, LazyFrames):
            imgs = imgs.stack()
        elif not isinstance(imgs, np.ndarray):
            imgs = np.stack(imgs)
        imgs = getattr(self, f"_{self.input_format.lower()}")(imgs, results)
        if self.collapse:
            if len(imgs) != 1:
                raise ValueError(f"collapse=True needs one clip and one crop; got {len(imgs)}")
            imgs = imgs[0]
        results["imgs"] = imgs
        results["input_shape"] = imgs.shape
        return results

    def _ncthw(self, imgs: np.ndarray, results: dict) -> np.ndarray:
        if "heatmap_imgs" in results:
            heatmaps = _split_clips(results["heatmap_imgs"], results, "Pose")
            results["heatmap_imgs"] = _join_clips(heatmaps, (0, 1, 3, 2, 4, 5))
            results["heatmap_input_shape"] = results["heatmap_imgs"].shape
        imgs = _pair_components(imgs, results)
        return _join_clips(_split_clips(imgs, results, "RGB"), (0, 1, 5, 2, 3, 4))

    def _ncthw_heatmap(self, imgs: np.ndarray, results: dict) -> np.ndarray:
        return _join_clips(_split_clips(imgs, results, "Pose"), (0, 1, 3, 2, 4, 5))

    def _nchw(self, imgs: np.ndarray, results: dict) -> np.ndarray:
        imgs = _pair_components(imgs, results).transpose(0, 3, 1, 2)
        if results.get("modality") == "Flow":
            imgs = imgs.reshape(-1, results["clip_len"] * imgs.shape[1], *imgs.shape[2:])
        return imgs

    def _nchw_flow(self, imgs: np.ndarray, results: dict) -> np.ndarray:
        if len(imgs) % 2:
            raise ValueError(f"flow takes x and y components in turns, an even number of images; got {len(imgs)}")
        flow = imgs.reshape(-1, 2, *imgs.shape[1:]).astype(np.float32)
        clips = _split_clips(flow, results, "Flow")
        return clips.reshape(-1, clips.shape[2] * 2, *clips.shape[4:])

    def _nptchw(self, imgs: np.ndarray, results: dict) -> np.ndarray:
        frames = results["num_clips"] * results["clip_len"]
        return imgs.reshape(results["num_proposals"], frames, *imgs.shape[1:]).transpose(0, 1, 4, 2, 3)


@TRANSFORMS.register_module()
class Transpose(Transform):
    """Reorder the axes of arrays.

    Args:
        keys: Keys of the arrays.
        order: New order of the axes, as :func:`numpy.transpose` takes it.
    """

    def __init__(self, keys: Sequence[str], order: Sequence[int]) -> None:
        self.keys = keys
        self.order = order
        self.reads = self.writes = tuple(keys)

    def transform(self, results: dict) -> dict:
        """Write the keys; ValueError if an array has another number of axes than ``order``."""
        for key in self.keys:
            if results[key].ndim != len(self.order):
                raise ValueError(f"{key} has {results[key].ndim} axes, order={tuple(self.order)} {len(self.order)}")
            results[key] = results[key].transpose(self.order)
        return results


def to_tensor(value: "np.ndarray | torch.Tensor | Sequence | float") -> "torch.Tensor":
    """Return an array, a number or numbers as a tensor that shares their memory where possible."""
    import torch

    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, np.ndarray):
        # torch knows no negative strides; np.array, unlike ascontiguousarray, keeps zero-dimensional arrays
        return torch.from_numpy(value if all(s >= 0 for s in value.strides) else value.copy())
    if isinstance(value, (int, float, Sequence)) and not isinstance(value, str):
        return torch.as_tensor(value)
    raise TypeError(f"cannot pack a {type(value).__name__} as a tensor")


@TRANSFORMS.register_module()
class PackActionInputs(Transform):
    """Pack a sample as ``dict(inputs=tensor, data_samples=ActionDataSample)``.

    The input is the first of ``imgs``, ``heatmap_imgs``, ``keypoint``, ``audios`` and ``text`` that the sample has.

    Args:
        collect_keys: Pack these keys as a dict of tensors instead.
        meta_keys: Keys kept as meta information of the data sample, as far as they are there.
        algorithm_keys: Keys kept as fields of the data sample, as far as they are there.
        as_arrays: Give arrays, ``img_shape`` and no data sample, as exported models take them; this needs no torch.
    """

    input_keys = ("imgs", "heatmap_imgs", "keypoint", "audios", "text")

    def __init__(
        self,
        collect_keys: Sequence[str] | None = None,
        meta_keys: Sequence[str] = META_KEYS,
        algorithm_keys: Sequence[str] = (),
        as_arrays: bool = False,
    ) -> None:
        self.collect_keys = collect_keys
        self.as_arrays = as_arrays
        self.meta_keys = meta_keys
        self.algorithm_keys = algorithm_keys

    def transform(self, results: dict) -> dict:
        """Pack the sample; ValueError if it has nothing to pack."""
        arrays = self._arrays(results)
        if self.as_arrays:
            return {"inputs": arrays, "img_shape": results.get("img_shape")}
        inputs: Any
        if isinstance(arrays, dict):
            inputs = {key: to_tensor(value) for key, value in arrays.items()}
        else:
            inputs = to_tensor(arrays)
        return {"inputs": inputs, "data_samples": self._data_sample(results)}

    def _arrays(self, results: dict) -> np.ndarray | dict[str, np.ndarray]:
        if self.collect_keys is not None:
            missing = [key for key in self.collect_keys if key not in results]
            if missing:
                raise ValueError(f"collect_keys names {', '.join(missing)}, which the sample does not have")
            return {key: results[key] for key in self.collect_keys}
        key = next((key for key in self.input_keys if key in results), None)
        if key is None:
            raise ValueError(f"nothing to pack: the sample has none of {', '.join(self.input_keys)}")
        return results[key]

    def _data_sample(self, results: dict) -> "structures.ActionDataSample":
        keys = (*self.meta_keys, *FACT_KEYS)
        sample = structures.ActionDataSample(metainfo={key: results[key] for key in keys if key in results})
        if "label" in results:
            sample.set_gt_label(results["label"])
        for key in self.algorithm_keys:
            if key in results:
                sample.set_field(results[key], key)
        return sample


@TRANSFORMS.register_module()
class PackPoseInputs(PackActionInputs):
    """Pack the joints alone, for a model whose ``PoseHeatmapPreprocessor`` draws the heatmaps.

    The input is float32 ``(N, M, T, V, 3)``: clips, persons, frames, joints; x and y in pixels and the score (1
    without scores). ``img_shape`` and ``double`` go into the meta information. It replaces ``GeneratePoseTarget``,
    ``FormatShape`` and ``PackActionInputs`` at the end of a pipeline.

    Args:
        double: Ask for the mirror images as well, as ``GeneratePoseTarget(double=True)`` does.
        with_imgs: Pack ``imgs`` too, as ``FormatShape`` arranges them: the input is a dict of ``imgs`` and, the joints,
            ``heatmap_imgs``.
        as_arrays: As in ``PackActionInputs``.
        meta_keys: Further keys kept as meta information, as far as they are there.
        algorithm_keys: Keys kept as fields of the data sample, as far as they are there.
    """

    reads = ("keypoint", "img_shape")

    def __init__(
        self,
        double: bool = False,
        meta_keys: Sequence[str] = META_KEYS,
        algorithm_keys: Sequence[str] = (),
        with_imgs: bool = False,
        as_arrays: bool = False,
    ) -> None:
        super().__init__(None, meta_keys, algorithm_keys, as_arrays)
        self.double = double
        self.with_imgs = with_imgs

    def _arrays(self, results: dict) -> np.ndarray | dict[str, np.ndarray]:
        keypoint, num_clips = results["keypoint"], results.get("num_clips", 1)
        persons, frames, joints = keypoint.shape[:3]
        if frames % num_clips:
            raise ValueError(f"{frames} frames are not a multiple of num_clips={num_clips}")
        clips = (persons, num_clips, frames // num_clips, joints)
        packed = np.ones((*clips, 3), dtype=np.float32)
        packed[..., :2] = keypoint[..., :2].reshape(*clips, 2)
        if "keypoint_score" in results:
            packed[..., 2] = results["keypoint_score"].reshape(clips)
        joints = packed.swapaxes(0, 1).copy()
        return {"imgs": results["imgs"], "heatmap_imgs": joints} if self.with_imgs else joints

    def _data_sample(self, results: dict) -> "structures.ActionDataSample":
        sample = super()._data_sample(results)
        sample.set_metainfo({"img_shape": tuple(results["img_shape"]), "double": self.double})
        return sample
