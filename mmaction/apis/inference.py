"""Build a trained model and classify clips with it."""

import os.path
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.logging import MMLogger
from mmengine.utils import import_modules_from_strings

from mmaction.apis.clips import ClipLike, as_clip, build_pipeline, fit_pipeline, pipeline_config
from mmaction.engine.checks.learned import check_input, classes_warning
from mmaction.io.checkpoints import load_weights, log_report, model_weights, read_checkpoint
from mmaction.io.suffixes import is_checkpoint
from mmaction.label_spaces import names_beside, with_label_space
from mmaction.models.backbones.foundation.base import FoundationBackbone
from mmaction.models.recognizers.base import BaseRecognizer
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmaction.utils import register_all_modules
from mmaction.utils.config import change_datasets, dataset_config, load_config
from mmaction.utils.config_text import config_of_text

Pipeline: TypeAlias = Callable[[dict], Any] | Sequence[Mapping[str, Any] | Callable]


def init_recognizer(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | torch.device | None = None,
    trust_checkpoint: bool = False,
) -> BaseRecognizer:
    """Build the model of a config, load its weights and set it to evaluation.

    Scores are probabilities, averaged over the views, unless the config says how views are averaged.

    Args:
        config: Path of a config, or a loaded one, which is not changed; or a checkpoint that carries one.
        checkpoint: Path or web address of the weights; None: the weights stay random.
        device: Where the model runs; None: the first GPU where there is one, else the CPU.
        trust_checkpoint: Load a checkpoint that holds other things than weights, too, which runs code of its author;
            ``trust_checkpoint = True`` in the config says the same.

    Returns:
        The model, with the attributes ``cfg`` and ``classes`` (class names, or None where nothing tells them).

    Raises:
        FileNotFoundError: If the config or the checkpoint is missing.
        ValueError: If the config has no model, the checkpoint does not fit, or the device is not there.

    Example:
        >>> model = init_recognizer("config.py", "best_acc_top1_epoch_10.pth")  # doctest: +SKIP
        >>> inference_recognizer(model, "dive.mp4").pred_label  # doctest: +SKIP
        tensor([12])
    """
    register_all_modules()
    content: Mapping[str, Any] | None = None
    if checkpoint is None and not isinstance(config, Config) and is_checkpoint(config):
        checkpoint, content = config, read_checkpoint(config, trust=trust_checkpoint)
        cfg = config_of_checkpoint(content, str(checkpoint), trust_checkpoint)
    else:
        cfg = config.copy() if isinstance(config, Config) else load_config(config)[0]
    if "model" not in cfg:
        raise ValueError(f"config {cfg.filename or ''} has no model; its entries are {', '.join(cfg)}")
    device = choose_device(device)
    model = MODELS.build(without_pretrained(cfg.model, completes=checkpoint is not None))
    meta: Mapping[str, Any] = {}
    if checkpoint is not None:
        trust = trust_checkpoint or bool(cfg.get("trust_checkpoint"))
        content = content or read_checkpoint(checkpoint, trust=trust)
        report = load_weights(model, model_weights(content, checkpoint), str(checkpoint), strict=True)
        if report.unexpected:
            log_report(report, MMLogger.get_current_instance())
        meta = content.get("meta") or {}
        if warning := check_input(cfg, meta, str(checkpoint)):
            MMLogger.get_current_instance().warning(warning)
    head = getattr(model, "cls_head", None)
    if head is not None and head.average_clips is None:
        head.average_clips = "prob"
    model.cfg = cfg
    model.classes = _class_names(cfg, meta)
    if warning := classes_warning(model.classes, cfg.filename or "the config", meta, str(checkpoint)):
        MMLogger.get_current_instance().warning(warning)
    return model.to(device).eval()


def config_of_checkpoint(content: Mapping[str, Any], name: str, trust: bool = False) -> Config:
    """Return the config that a checkpoint carries; it is read as data.

    Args:
        content: From :func:`read_checkpoint`.
        name: The checkpoint's file name.
        trust: Import the modules that the config names in ``custom_imports``.

    Raises:
        ValueError: If it carries none, or one that imports modules while ``trust`` is False.
    """
    meta = content.get("meta") or {}
    if not isinstance(meta.get("cfg"), str):
        raise ValueError(f"checkpoint {name} carries no config; pass the config before it")
    cfg = config_of_text(meta["cfg"], f"checkpoint {name}")
    if cfg.get("custom_imports"):
        if not trust:
            raise ValueError(
                f"the config in checkpoint {name} imports {cfg.custom_imports.get('imports')}, which runs code; pass "
                "the config before it, or --trust-checkpoint (trust_checkpoint=True) if you trust its author"
            )
        import_modules_from_strings(**cfg.custom_imports)
    if names := (meta.get("dataset_meta") or {}).get("classes"):  # files beside the training's data may be elsewhere
        for split in ("val", "test"):
            loader = cfg.get(f"{split}_dataloader")
            if loader:
                loader.dataset = change_datasets(loader.dataset, lambda part: {**part, "metainfo": {"classes": names}})
    return cfg


def choose_device(device: str | torch.device | None) -> torch.device:
    """Return ``device`` if it is there; for None the first GPU where there is one, else the CPU."""
    if device is None:
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = torch.device(device)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device {device} is not there: PyTorch sees {torch.cuda.device_count()} GPUs; try 'cpu'")
    return device


def without_pretrained(model_cfg: ConfigDict, completes: bool = False) -> ConfigDict:
    """Return a copy of a model's config in which no weights are fetched for parts of it.

    With ``completes`` a foundation backbone keeps its ``pretrained``, which completes a checkpoint that leaves it out.
    """
    model_cfg = ConfigDict(model_cfg)
    kind = MODELS.get(model_cfg["type"]) if isinstance(model_cfg.get("type"), str) else model_cfg.get("type")
    is_foundation = isinstance(kind, type) and issubclass(kind, FoundationBackbone)
    for key, value in model_cfg.items():
        if key == "pretrained" and not (completes and is_foundation):
            model_cfg[key] = None
        elif isinstance(value, dict):
            model_cfg[key] = without_pretrained(value, completes)
    return model_cfg


def _class_names(cfg: Config, meta: Mapping[str, Any]) -> list[str] | None:
    """Find the class names: in the test set's config, then in the checkpoint, then in a label map beside the list."""
    dataset = dataset_config(cfg)
    names = with_label_space(dataset.get("metainfo")).get("classes") or (meta.get("dataset_meta") or {}).get("classes")
    if not names and dataset.get("ann_file"):
        names = names_beside(os.path.join(dataset.get("data_root") or "", dataset["ann_file"]))
    return [str(name) for name in names] if names else None


def inference_recognizer(
    model: BaseRecognizer, video: ClipLike, test_pipeline: Pipeline | None = None, features: bool = False
) -> ActionDataSample:
    """Classify one clip.

    Args:
        model: From :func:`init_recognizer`.
        video: Path of a video, folder of frames, array of frames, skeleton annotation or other dict, see
            :func:`mmaction.apis.clips.as_clip`.
        test_pipeline: Transforms, or their configs; None: the model config's, changed where they read videos
            and the clip is a folder or an array, or the reverse.
        features: Also return what the scores are made of.

    Returns:
        A sample with ``pred_score`` (num_classes,) and ``pred_label`` (1,); with ``features`` also ``feature``
        (in_channels of the head,) and ``logits`` (num_classes,), the means over the views.

    Raises:
        FileNotFoundError, TypeError, ValueError: As ``as_clip`` and ``fit_pipeline``, or if a frame cannot be read.
        NobodyError: A ValueError: if it is a skeleton without a person, in which nothing can be recognized.
    """
    clip = as_clip(video, dataset_config(model.cfg))
    if test_pipeline is None:
        test_pipeline = fit_pipeline(pipeline_config(model.cfg), clip.kind)
    data = clip.packed(test_pipeline if callable(test_pipeline) else build_pipeline(test_pipeline))
    with torch.no_grad():
        if not features:
            return model.test_step(pseudo_collate([data]))[0]
        (sample,) = model.predict_features(**model.data_preprocessor(pseudo_collate([data]), False))
    for name in ("feature", "logits"):
        if name in sample:
            sample.set_field(sample.get(name).mean(dim=0), name)
    return sample


def inference_skeleton(
    model: BaseRecognizer,
    pose_results: Sequence[Mapping[str, np.ndarray]],
    img_shape: tuple[int, int],
    test_pipeline: Pipeline | None = None,
) -> ActionDataSample:
    """Classify the skeletons that a pose estimator found; as :func:`inference_recognizer`.

    Args:
        model: From :func:`init_recognizer`, of a skeleton config.
        pose_results: For each frame ``keypoints`` (persons, V, 2) in pixels and ``keypoint_scores`` (persons, V).
        img_shape: Height and width of the frames in pixels.
        test_pipeline: As in :func:`inference_recognizer`.

    Raises:
        ValueError: If there is no frame, nobody in any of them, or the shapes do not agree.
    """
    return inference_recognizer(model, skeleton_annotation(pose_results, img_shape), test_pipeline)


def skeleton_annotation(pose_results: Sequence[Mapping[str, np.ndarray]], img_shape: tuple[int, int]) -> dict[str, Any]:
    """Return the poses of frames as one annotation; person m of a frame is row m, absent ones have score 0."""
    keypoints = [np.asarray(frame["keypoints"], dtype=np.float32) for frame in pose_results]
    scores = [np.asarray(frame["keypoint_scores"], dtype=np.float32) for frame in pose_results]
    persons = max((len(frame) for frame in keypoints), default=0)
    if not persons:
        raise ValueError(f"pose_results holds nobody in {len(pose_results)} frames; there is nothing to classify")
    joints = next(frame.shape[1] for frame in keypoints if len(frame))
    keypoint = np.zeros((persons, len(keypoints), joints, 2), dtype=np.float32)
    keypoint_score = np.zeros((persons, len(keypoints), joints), dtype=np.float32)
    for index, (points, score) in enumerate(zip(keypoints, scores, strict=True)):
        if not len(points):
            continue
        if points.shape[1:] != (joints, 2) or score.shape != points.shape[:2]:
            raise ValueError(
                f"pose_results[{index}]: expected keypoints (persons, {joints}, 2) and keypoint_scores (persons, "
                f"{joints}); got {points.shape} and {score.shape}"
            )
        keypoint[: len(points), index] = points
        keypoint_score[: len(points), index] = score
    about = {"total_frames": len(keypoints), "img_shape": tuple(img_shape)}
    return {"keypoint": keypoint, "keypoint_score": keypoint_score, **about}
