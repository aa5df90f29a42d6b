"""Constructor arguments can be read as attributes: of every class that MMAction2 1.2 has as well."""

import inspect
import json

import torch
from torch import nn

from mmaction import registry
from mmaction.utils.attributes import ReadableArguments

REGISTRIES = ("DATASETS", "TRANSFORMS", "MODELS", "METRICS", "HOOKS", "VISUALIZERS")
DEPTH = {"depth": 18}
BACKBONE = {"type": "ResNet", **DEPTH}
HEAD = {"num_classes": 3, "in_channels": 8}
BLENDING = {"num_classes": 3}
FAST = {"depth": 18, "base_channels": 4}
SLOW = {**FAST, "base_channels": 8, "lateral": True, "inflate": (0, 0, 1, 1)}
GIVEN = {
    "I3DHead": HEAD,
    "SlowFastHead": HEAD,
    "X3DHead": HEAD,
    "TSNHead": HEAD,
    "TSMHead": HEAD,
    "GCNHead": HEAD,
    "ResNet": DEPTH,
    "C2D": DEPTH,
    "ResNetTSM": DEPTH,
    "ResNet3d": DEPTH,
    "ResNet3dSlowOnly": DEPTH,
    "ResNet3dLayer": DEPTH,
    "ResNet2Plus1d": DEPTH,
    "STGCN": {"graph_cfg": {}, "num_stages": 2},
    "AAGCN": {"graph_cfg": {}, "num_stages": 2},
    "Recognizer2D": {"backbone": BACKBONE},
    "Recognizer3D": {"backbone": BACKBONE},
    "RecognizerGCN": {"backbone": BACKBONE},
    "MMRecognizer3D": {"backbone": BACKBONE},
    "MixupBlending": BLENDING,
    "CutmixBlending": BLENDING,
    "RandomBatchAugment": {"augments": {"type": "MixupBlending", **BLENDING}},
    "RGBPoseHead": {**HEAD, "in_channels": (8, 4)},
    "ResNet3dSlowFast": {"channel_ratio": 2, "slow_pathway": SLOW, "fast_pathway": FAST},
    "CBFocalLoss": {"samples_per_cls": [1, 2]},
    "C3D": {"base_channels": 2, "out_dim": 32, "num_stages": 3},
    "MultiModalDataPreprocessor": {"preprocessors": {"imgs": {"type": "ActionDataPreprocessor"}}},
    "ActionDataPreprocessor": {"mean": [1.0, 2.0, 3.0], "std": [4.0, 5.0, 6.0]},
    "UniformSample": {"clip_len": 4},
    "UniformSampleFrames": {"clip_len": 4},
    "SampleFrames": {"clip_len": 4},
    "DenseSampleFrames": {"clip_len": 4},
    "MMUniformSampleFrames": {"clip_len": {"RGB": 4}},
    "Resize": {"scale": 8},
    "RandomRescale": {"scale_range": (8, 10)},
    "RandomCrop": {"size": 8},
    "MultiScaleCrop": {"input_size": 8},
    "CenterCrop": {"crop_size": 8},
    "ThreeCrop": {"crop_size": 8},
    "TenCrop": {"crop_size": 8},
    "FormatShape": {"input_format": "NCTHW"},
    "Transpose": {"keys": ["imgs"], "order": [0]},
    "TorchVisionWrapper": {"op": "Grayscale"},
    "PadTo": {"length": 8},
    "ActionVisualizer": {"name": "arguments", "vis_backends": []},
}
"""Class to the arguments that it needs, at small sizes."""


def build(name: str, tmp_path) -> tuple[object, dict]:
    """Return an object of the registered class ``name``, and the arguments that it got."""
    given = dict(GIVEN.get(name, {}))
    if name.endswith("Dataset"):
        (tmp_path / "list.txt").write_text("a 1 0\n")
        given = {"ann_file": str(tmp_path / "list.txt"), "pipeline": [], "lazy_init": True}
    found = next(r for r in (getattr(registry, key) for key in REGISTRIES) if name in r.module_dict)
    return found.build({"type": name, **given}), given


def published(shared) -> dict[str, list[str]]:
    """Return the names of the arguments of each published class that is registered here."""
    signatures = json.loads((shared / "interface/mmaction2_1.2_signatures.json").read_text())
    known = set().union(*(getattr(registry, key).module_dict for key in REGISTRIES))
    kinds = ("datasets", "transforms", "models", "metrics", "hooks", "visualizers")
    classes = {name: list(entry["arguments"]) for kind in kinds for name, entry in signatures[kind].items()}
    return {name: arguments for name, arguments in classes.items() if name in known}


def test_each_published_argument_is_an_attribute(shared, tmp_path):
    classes = published(shared)
    assert len(classes) > 70
    missing = []
    for name, arguments in classes.items():
        built, _ = build(name, tmp_path)
        missing += [f"{name}.{argument}" for argument in arguments if not hasattr(built, argument)]
    assert not missing


def test_attributes_hold_what_was_given_or_the_default(tmp_path):
    head, _ = build("I3DHead", tmp_path)
    assert (head.dropout_ratio, head.init_std, head.num_classes) == (0.5, 0.01, 3)
    backbone = registry.MODELS.build({"type": "ResNet3d", "depth": 18, "base_channels": 8, "style": "caffe"})
    assert (backbone.depth, backbone.base_channels, backbone.style, backbone.conv1_kernel) == (
        18,
        8,
        "caffe",
        (3, 7, 7),
    )
    prepare, _ = build("ActionDataPreprocessor", tmp_path)
    assert torch.equal(prepare.mean.flatten(), torch.tensor([1.0, 2, 3]))
    assert torch.equal(prepare.std.flatten(), torch.tensor([4.0, 5, 6]))
    assert registry.MODELS.build({"type": "ActionDataPreprocessor"}).mean is None


def test_a_subclass_reads_the_arguments_of_its_base_and_keeps_its_own():
    class Base(ReadableArguments):
        def __init__(self, ratio: float = 0.5, name: str = "a") -> None:
            self.name = name.upper()

    class Child(Base):
        def __init__(self, width: int, **kwargs) -> None:
            super().__init__(**kwargs)
            self.doubled = 2 * self.ratio

    child = Child(3, ratio=0.25, name="b")
    assert (child.doubled, child.name, child.width) == (0.5, "B", 3)
    assert list(inspect.signature(Child).parameters) == ["width", "kwargs"]


def test_modules_and_buffers_of_the_name_are_left_alone():
    class Net(ReadableArguments, nn.Module):
        def __init__(self, dropout: float = 0.5, weight: float = 1.0) -> None:
            super().__init__()
            self.dropout = nn.Dropout(dropout)
            self.register_buffer("weight", torch.tensor(weight))

    net = Net(0.25)
    assert net.dropout.p == 0.25
    assert net.weight.item() == 1.0
