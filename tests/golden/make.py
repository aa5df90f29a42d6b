"""Golden results of this code: what small networks and pipelines gave when they agreed with the published ones.

``PYTHONPATH=.:tests python tests/golden/make.py`` computes them anew. It writes them only after the shared cases, which
MMAction2 computed, have passed (``tests/parity``), so it needs the shared material. Do so only for a change that is
meant.
"""

import json
import sys
import zlib
from pathlib import Path

import numpy as np
import torch
from mmengine import Config
from mmengine.dataset import Compose
from tiny import shrink_model

from mmaction.registry import MODELS, TRANSFORMS
from mmaction.structures import ActionDataSample

ROOT = Path(__file__).resolve().parents[2]
FILES = {kind: Path(__file__).with_name(f"{kind}.npz") for kind in ("models", "transforms")}
RGB = "configs/recognition"
NETWORKS: dict[str, tuple[str, tuple[int, ...]]] = {
    "slowfast": (f"{RGB}/slowfast/slowfast_r50_8xb8-8x8x1-256e_kinetics400-rgb.py", (1, 3, 32, 32, 32)),
    "slowonly": (f"{RGB}/slowonly/slowonly_r50_8xb16-8x8x1-256e_kinetics400-rgb.py", (1, 3, 4, 64, 64)),
    "i3d": (f"{RGB}/i3d/i3d_imagenet-pretrained-r50_8xb8-32x2x1-100e_kinetics400-rgb.py", (1, 3, 8, 64, 64)),
    "i3d_heavy": (
        f"{RGB}/i3d/i3d_imagenet-pretrained-r50-heavy_8xb8-32x2x1-100e_kinetics400-rgb.py",
        (1, 3, 8, 32, 32),
    ),
    "tsm": (f"{RGB}/tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb.py", (8, 3, 64, 64)),
    "tsn": (f"{RGB}/tsn/tsn_imagenet-pretrained-r50_8xb32-1x1x3-100e_kinetics400-rgb.py", (3, 3, 64, 64)),
    "r2plus1d": (f"{RGB}/r2plus1d/r2plus1d_r34_8xb8-8x8x1-180e_kinetics400-rgb.py", (1, 3, 4, 64, 64)),
    "posec3d": ("configs/skeleton/posec3d/slowonly_r50_8xb16-u48-240e_gym-keypoint.py", (1, 17, 8, 16, 16)),
    "c3d_light": ("configs/skeleton/posec3d/c3d-light_1xb16-u32-40e_demo-keypoint.py", (1, 17, 8, 16, 16)),
    "stgcn": ("configs/skeleton/stgcn/stgcn_8xb16-joint-u100-80e_ntu60-xsub-keypoint-2d.py", (1, 2, 16, 17, 3)),
    "stgcnpp": ("configs/skeleton/stgcnpp/stgcnpp_8xb16-bone-u100-80e_ntu60-xsub-keypoint-3d.py", (1, 2, 16, 25, 3)),
    "aagcn": ("configs/skeleton/2s-agcn/2s-agcn_8xb16-joint-u100-80e_ntu60-xsub-keypoint-2d.py", (1, 2, 16, 17, 3)),
    "ctrgcn": ("configs/skeleton/ctrgcn/ctrgcn_8xb16-joint-u100-80e_ntu60-xsub-keypoint-3d.py", (1, 2, 16, 25, 3)),
}
"""Case to a config, whose network is made narrow, and the shape of a sample."""

IMAGES, POSE_2D, POSE_3D = "images", "pose_2d", "pose_3d"
SIDES = dict(left_kp=[1, 3, 5, 7, 9, 11, 13, 15], right_kp=[2, 4, 6, 8, 10, 12, 14, 16])
SAMPLE = dict(type="SampleFrames", test_mode=True)
CLIP = dict(type="UniformSampleFrames", clip_len=12, test_mode=True)
COMPACT = [CLIP, dict(type="PoseDecode"), dict(type="PoseCompact", hw_ratio=1.0, allow_imgpad=True)]
PIPELINES: dict[str, tuple[str, list[dict]]] = {
    "resize_center": (IMAGES, [dict(type="Resize", scale=(-1, 64)), dict(type="CenterCrop", crop_size=56)]),
    "three_crops": (IMAGES, [dict(type="ThreeCrop", crop_size=96), dict(type="FormatShape", input_format="NCTHW")]),
    "ten_crops": (IMAGES, [dict(type="TenCrop", crop_size=48), dict(type="FormatShape", input_format="NCHW")]),
    "flip": (IMAGES, [dict(type="Flip", flip_ratio=1.0)]),
    "sample_slowfast": (
        POSE_2D,
        [dict(type="SampleFrames", clip_len=32, frame_interval=2, num_clips=10, test_mode=True)],
    ),
    "sample_tsn": (POSE_2D, [dict(SAMPLE, clip_len=1, num_clips=25)]),
    "sample_dense": (POSE_2D, [dict(type="DenseSampleFrames", clip_len=8, frame_interval=8, test_mode=True)]),
    "sample_uniform": (POSE_2D, [dict(CLIP, num_clips=10)]),
    "compact": (POSE_2D, COMPACT),
    "flip_joints": (POSE_2D, [*COMPACT, dict(type="Flip", flip_ratio=1.0, **SIDES)]),
    "joints": (
        POSE_2D,
        [
            *COMPACT,
            dict(type="Resize", scale=(56, 56), keep_ratio=False),
            dict(type="GeneratePoseTarget", double=True, **SIDES),
            dict(type="FormatShape", input_format="NCTHW_Heatmap"),
        ],
    ),
    "limbs": (
        POSE_2D,
        [
            *COMPACT,
            dict(type="Resize", scale=(56, 56), keep_ratio=False),
            dict(type="GeneratePoseTarget", with_kp=False, with_limb=True),
            dict(type="FormatShape", input_format="NCTHW_Heatmap"),
        ],
    ),
    "graph_2d": (
        POSE_2D,
        [
            dict(type="PreNormalize2D"),
            dict(type="GenSkeFeat", dataset="coco", feats=["j", "b", "jm", "bm"]),
            CLIP,
            dict(type="PoseDecode"),
            dict(type="FormatGCNInput"),
        ],
    ),
    "graph_3d": (
        POSE_3D,
        [
            dict(type="PreNormalize3D"),
            dict(type="GenSkeFeat", dataset="nturgb+d", feats=["j", "b", "jm", "bm"]),
            CLIP,
            dict(type="PoseDecode"),
            dict(type="FormatGCNInput", mode="loop"),
        ],
    ),
    "pad": (POSE_3D, [dict(type="PadTo", length=50, mode="zero")]),
}
"""Case to the kind of sample and the pipeline."""


def made_up(key: str, tensor: torch.Tensor) -> torch.Tensor:
    """Return the weights that the golden cases give to ``key``."""
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    shape = tuple(tensor.shape)
    if not tensor.is_floating_point():  # counters and indices stay
        return tensor
    if key.endswith("running_var"):
        value = 0.5 + rng.random(shape)
    elif key.endswith("running_mean"):
        value = 0.1 * rng.standard_normal(shape)
    elif tensor.ndim == 1 and key.endswith("weight"):
        value = 1 + 0.1 * rng.standard_normal(shape)
    elif tensor.ndim == 1:
        value = 0.1 * rng.standard_normal(shape)
    else:
        value = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))
    return torch.from_numpy(np.asarray(value)).to(tensor)


def made_up_model(cfg: dict) -> torch.nn.Module:
    """Return the model of a config with made-up weights and without dropout."""
    off = {"pretrained": None, "dropout_ratio": 0, "drop_path_rate": 0.0, "mlp_dropout": [0.0] * 4, "channel_map": None}
    for part, key, value in ((part, *item) for part in ("backbone", "cls_head") for item in off.items()):
        if key in cfg[part]:
            cfg[part][key] = value
    model = MODELS.build(cfg)
    model.load_state_dict({key: made_up(key, tensor) for key, tensor in model.state_dict().items()})
    return model


def made_up_batch(shape: tuple[int, ...], is_rgb: bool) -> dict[str, list]:
    """Return two samples of ``shape`` with the labels 1 and 5."""
    rng = np.random.default_rng(1)
    size = (2, *shape)
    inputs = rng.integers(0, 256, size, dtype=np.uint8) if is_rgb else rng.random(size).astype(np.float32)
    return {
        "inputs": list(torch.from_numpy(inputs)),
        "data_samples": [ActionDataSample().set_gt_label(label) for label in (1, 5)],
    }


def logits_of(model: torch.nn.Module, batch: dict[str, list]) -> np.ndarray:
    """Return the logits of a batch with one clip a sample, ``(samples, classes)``."""
    model.eval()
    model.cls_head.average_clips = None
    with torch.no_grad():
        return np.stack([sample.pred_score.numpy() for sample in model.test_step(batch)])


def loss_and_gradient(model: torch.nn.Module, batch: dict[str, list]) -> tuple[float, float]:
    """Return the loss of a batch in training, and the norm of all its gradients."""
    model.train()
    data = model.data_preprocessor(batch, training=True)
    loss, _ = model.parse_losses(model(**data, mode="loss"))
    loss.backward()
    norms = [p.grad.norm() for p in model.parameters() if p.grad is not None]
    return loss.item(), torch.stack(norms).norm().item()


def run_network(case: str) -> dict[str, np.ndarray]:
    """Return the logits of a case, and the checksum of its state dict, its loss and the norm of its gradients."""
    path, shape = NETWORKS[case]
    cfg = Config.fromfile(ROOT / path).model
    shrink_model(cfg)
    cfg.cls_head.num_classes = 16
    model = made_up_model(cfg)
    keys = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
    is_rgb = path.startswith(RGB)
    logits = logits_of(model, made_up_batch(shape, is_rgb))
    loss = loss_and_gradient(model, made_up_batch(shape, is_rgb))
    checksum = zlib.crc32(json.dumps(keys, sort_keys=True).encode())
    return {"logits": logits, "keys": np.array(checksum), "training": np.array(loss)}


def sample_of(kind: str) -> dict:
    """Return a made-up sample: frames, joints in an image, or joints in space."""
    rng = np.random.default_rng(2)
    sample = dict(
        filename="clip.mp4", label=0, start_index=0, total_frames=40, img_shape=(48, 64), original_shape=(48, 64)
    )
    if kind == IMAGES:
        imgs = rng.integers(0, 256, (3, 96, 128, 3), dtype=np.uint8)
        sizes = dict(img_shape=(96, 128), original_shape=(96, 128))
        return dict(sample, **sizes, imgs=list(imgs), clip_len=3, num_clips=1, modality="RGB")
    sample["modality"] = "Pose"
    if kind == POSE_3D:
        del sample["img_shape"], sample["original_shape"]  # which joints in an image have
        return dict(sample, keypoint=rng.standard_normal((1, 40, 25, 3)).astype(np.float32))
    walk = rng.uniform(8, 40, (2, 1, 17, 2)) + rng.standard_normal((2, 40, 17, 2)).cumsum(axis=1)
    score = rng.uniform(0.2, 1, (2, 40, 17)).astype(np.float32)
    return dict(sample, keypoint=walk.astype(np.float32), keypoint_score=score)


def run_pipeline(case: str) -> dict[str, np.ndarray]:
    """Return the arrays that a pipeline leaves in a sample."""
    kind, steps = PIPELINES[case]
    before = sample_of(kind)
    after = Compose([TRANSFORMS.build(dict(step)) for step in steps])(dict(before))
    if "FormatShape" not in {step["type"] for step in steps} and kind == IMAGES:
        after["imgs"] = np.stack(after["imgs"])
    kept = ("imgs", "keypoint", "keypoint_score", "frame_inds", "img_shape", "total_frames")
    return {key: np.asarray(after[key]) for key in kept if key in after}


def main() -> int:
    """Write the results after the shared cases have passed."""
    import pytest

    from mmaction.utils import register_all_modules

    status = pytest.main(
        ["-q", "-p", "no:cacheprovider", str(ROOT / "tests/parity"), "--deselect=tests/parity/test_golden.py"]
    )
    if status:
        print("the shared cases do not pass, so nothing is written")
        return int(status)
    register_all_modules()
    for kind, cases, run in (("models", NETWORKS, run_network), ("transforms", PIPELINES, run_pipeline)):
        arrays = {f"{case}/{key}": value for case in cases for key, value in run(case).items()}
        np.savez_compressed(FILES[kind], **arrays)
        print(f"{FILES[kind]}: {len(arrays)} arrays, {FILES[kind].stat().st_size / 1e3:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
