"""The networks that a recipe can be written for, one row each. A new network is a row of `NETS`."""

from dataclasses import dataclass
from typing import Any

WEIGHTS = "https://download.openmmlab.com/mmaction/v1.0/recognition/"
# Schedule, its epochs, learning rate and the batch it is for: with weights to start from, and without.
FINETUNE: dict[str, Any] = {"schedule": "finetune_30e", "epochs": 30, "lr": 0.005, "batch": 8}
FROM_NOTHING: dict[str, Any] = {"schedule": "adamw_100e_small", "epochs": 100, "lr": 3e-3, "batch": 16}
FINETUNE |= {"optim": "", "is_mixed": False}
FROM_NOTHING |= {"optim": ', type="OptimWrapper"', "is_mixed": False}  # the schedule's own is in mixed precision


def _model(**parts: str) -> str:
    """Return the lines ``model = ...`` of a leaf: the arguments of each part, and the classes for the head."""
    head = ", ".join(filter(None, (parts.pop("cls_head", ""), "num_classes=num_classes")))
    made = [f"{name}=dict({arguments})" for name, arguments in {**parts, "cls_head": head}.items()]
    line = f"model = dict({', '.join(made)})"
    return line if len(line) <= 100 else "\n    ".join(["model = dict(", *(f"{part}," for part in made)]) + "\n)"


@dataclass(frozen=True)
class Net:
    """How a network is trained."""

    kind: str  # what it takes: video or skeleton
    model: str  # file of the model in configs/_base_/models
    changes: str = _model()  # with num_classes, num_joints, layout, {frames}, {persons} and {pretrained}
    data: str = ""  # file of loaders and pipelines of a video network in configs/_base_/datasets
    frames: int = 32  # of a clip, in training and testing
    multiple: int = 1  # what the number of frames must be a multiple of
    size: int = 224  # height and width of the input in pixels
    data_size: tuple[int, int] = (32, 224)  # frames and size in the file ``data``
    schedule: str = "finetune_30e"  # file in configs/_base_/schedules
    epochs: int = 30  # of the schedule
    lr: float = 0.005  # learning rate for ``batch`` clips in a step
    batch: int = 8  # clips of a step
    times: int = 1  # how often an epoch goes through a set of skeletons
    weights: str = ""  # address of published weights to start from; empty: there are none, it learns from nothing
    source: str = "load_from"  # what the weights are to the config; else ``pretrained`` of the backbone
    is_fixed: bool = False  # whether frames have the one size that the network is built for
    is_frozen: bool = False  # whether the network itself does not learn, and is nothing without weights
    is_mixed: bool = False  # whether it trains in mixed precision without being asked to
    optim: str = ""  # further arguments of the optimizer's wrapper


_SMALL: dict[str, Any] = {"data": "video_u32", "frames": 24, "size": 64, **FROM_NOTHING}
_FRAMES_2D: dict[str, Any] = {"data": "video_u16_frames", "frames": 16, "data_size": (16, 224), "lr": 0.0025}
_FIXED_16: dict[str, Any] = {"data": "video_u16_fixed", "frames": 16, "multiple": 2, "data_size": (16, 224)}
_FOUNDATION: dict[str, Any] = {
    "changes": _model(backbone="pretrained={pretrained}"),
    "source": "pretrained",
    "is_fixed": True,
    "is_mixed": True,
    "schedule": "adamw_30e_transformer",
    "lr": 1e-4,
}
_FOUNDATION_FRAMES = _FOUNDATION | {"changes": _model(backbone="pretrained={pretrained}, num_frames={frames}")}
_WITHOUT_IMAGENET = _model(backbone="pretrained=None")

NETS: dict[str, Net] = {
    "slowfast-r50": Net(
        "video",
        "slowfast_r50",
        _model(backbone="resample_rate=4, speed_ratio=4, slow_pathway=dict(fusion_kernel=7)"),
        "video_u32",
        multiple=4,
        weights=f"{WEIGHTS}slowfast/slowfast_r50_8xb8-8x8x1-256e_kinetics400-rgb/"
        "slowfast_r50_8xb8-8x8x1-256e_kinetics400-rgb_20220818-1cb6dfc8.pth",
    ),
    "slowfast-r18": Net("video", "slowfast_r18_small", multiple=4, **_SMALL),
    "i3d-r50": Net(
        "video",
        "i3d_r50",
        _WITHOUT_IMAGENET,
        "video_u32",
        weights=f"{WEIGHTS}i3d/i3d_imagenet-pretrained-r50_8xb8-32x2x1-100e_kinetics400-rgb/"
        "i3d_imagenet-pretrained-r50_8xb8-32x2x1-100e_kinetics400-rgb_20220812-e213c223.pth",
    ),
    "i3d-r18": Net("video", "i3d_r18_small", **_SMALL),
    "slowonly": Net(
        "video",
        "slowonly_r50",
        data="video_u16",
        frames=16,
        data_size=(16, 224),
        weights=f"{WEIGHTS}slowonly/slowonly_r50_8xb16-8x8x1-256e_kinetics400-rgb/"
        "slowonly_r50_8xb16-8x8x1-256e_kinetics400-rgb_20220901-2132fc87.pth",
    ),
    "tsm": Net(
        "video",
        "tsm_r50",
        _model(backbone="pretrained=None, num_segments={frames}", cls_head="num_segments={frames}"),
        weights=f"{WEIGHTS}tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x16-50e_kinetics400-rgb/"
        "tsm_imagenet-pretrained-r50_8xb16-1x1x16-50e_kinetics400-rgb_20220831-042b1748.pth",
        **_FRAMES_2D,
    ),
    "tsn": Net(
        "video",
        "tsn_r50",
        _WITHOUT_IMAGENET,
        weights=f"{WEIGHTS}tsn/tsn_imagenet-pretrained-r50_8xb32-1x1x8-100e_kinetics400-rgb/"
        "tsn_imagenet-pretrained-r50_8xb32-1x1x8-100e_kinetics400-rgb_20220906-2692d16c.pth",
        **_FRAMES_2D,
    ),
    "r2plus1d": Net(
        "video",
        "r2plus1d_r34",
        data="video_u64_112",
        frames=64,
        size=112,
        data_size=(64, 112),
        weights=f"{WEIGHTS}r2plus1d/r2plus1d_r34_8xb8-32x2x1-180e_kinetics400-rgb/"
        "r2plus1d_r34_8xb8-32x2x1-180e_kinetics400-rgb_20220812-4270588c.pth",
    ),
    "vjepa2-l-probe": Net(
        "video",
        "vjepa2_l_probe",
        data="video_u32_256",
        multiple=2,
        size=256,
        data_size=(32, 256),
        weights="facebook/vjepa2-vitl-fpc64-256",
        is_frozen=True,
        **_FOUNDATION_FRAMES | {"lr": 3e-4},
    ),
    "videomae-b": Net(
        "video",
        "videomae_b",
        weights="MCG-NJU/videomae-base-finetuned-kinetics",
        optim=',\n    constructor="LearningRateDecayOptimizerConstructor",\n'
        "    paramwise_cfg=dict(_delete_=True, decay_rate=0.75),\n",
        **_FIXED_16,
        **_FOUNDATION_FRAMES,
    ),
    "clip-b16-adapter": Net(
        "video",
        "clip_b16_adapter",
        _model(backbone="pretrained={pretrained}, num_segments={frames}", cls_head="num_segments={frames}"),
        "video_u32_frames",
        weights="timm",
        is_frozen=True,
        **{name: value for name, value in _FOUNDATION.items() if name != "changes"} | {"lr": 3e-4},
    ),
    "mvit-v2-s": Net("video", "mvit_v2_s", weights="KINETICS400_V1", **_FIXED_16, **_FOUNDATION),
    "swin3d-t": Net(
        "video",
        "swin3d_t",
        data="video_u32",
        multiple=2,
        weights="KINETICS400_V1",
        optim=", paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1)))",
        **_FOUNDATION | {"is_fixed": False},
    ),
    "posec3d": Net(
        "skeleton",
        "posec3d_slowonly_r50_rendered",
        frames=48,
        size=56,
        schedule="sgd_24e_posec3d",
        epochs=24,
        times=10,
        lr=0.025,
        batch=16,
    ),
    "posec3d-light": Net(
        "skeleton",
        "posec3d_c3d_light",
        _model(data_preprocessor="layout=layout", backbone="in_channels=num_joints"),
        frames=32,
        size=24,
        **FROM_NOTHING,
    ),
    **{
        name: Net(
            "skeleton",
            file,
            _model(backbone="graph_cfg=dict(layout=layout), num_person={persons}"),
            frames=100,
            schedule="sgd_16e_gcn",
            epochs=16,
            times=5,
            lr=0.0125,
            batch=16,
        )
        for name, file in (("stgcn++", "stgcnpp"), ("ctrgcn", "ctrgcn"))
    },
    **{
        name: Net(
            "skeleton",
            file,
            _model(backbone="graph_cfg=dict(layout=layout), num_person={persons}"),
            **FROM_NOTHING | {"schedule": "adamw_60e_small", "epochs": 60},
        )
        for name, file in (("stgcn++-light", "stgcnpp_light"), ("ctrgcn-light", "ctrgcn_light"))
    },
}

# Pipelines of skeleton networks, by the layout and the dimensions of the joints; None: any layout.
Pipelines = dict[tuple[str | None, int], str]
_GRAPHS: Pipelines = {
    ("coco17", 2): "gcn_2d",
    ("ntu25", 3): "gcn_3d",
    ("kinect20", 2): "gcn_small_2d",
    ("kinect20", 3): "gcn_small_3d",
}
_SMALL_GRAPHS: Pipelines = {(None, 2): "gcn_small_2d", (None, 3): "gcn_small_3d"}
PIPELINES: dict[str, Pipelines] = {
    "posec3d": {("coco17", 2): "posec3d_rendered"},
    "posec3d-light": {(None, 2): "pose_small"},
    "stgcn++": _GRAPHS,
    "ctrgcn": _GRAPHS,
    "stgcn++-light": _SMALL_GRAPHS,
    "ctrgcn-light": _SMALL_GRAPHS,
}
# What these pipelines are told of the data, by steps of theirs.
TOLD = {
    "gcn_small_2d": {"GenSkeFeat": "dataset=layout", "FormatGCNInput": "num_person={persons}"},
    "gcn_small_3d": {
        "PreNormalize3D": "layout=layout",
        "GenSkeFeat": "dataset=layout",
        "FormatGCNInput": "num_person={persons}",
    },
}
