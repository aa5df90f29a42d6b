import numpy as np
import pytest
import torch
from cli.gcn_config import write_gcn_config
from mmengine.config import Config
from torch import nn

from mmaction.apis import init_recognizer
from mmaction.probes.gradcam import GradCAM, fewer_views, last_stage, overlay
from mmaction.probes.predict import build_test_set
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample


@MODELS.register_module(force=True)
class BrightNet(nn.Module):
    """Class 1 is spoken for by what is bright, class 0 by nothing."""

    def __init__(self):
        super().__init__()
        self.layer1 = nn.AvgPool3d((1, 4, 4))

    def forward(self, x):
        return self.layer1(x)


def bright_model():
    head = {"type": "I3DHead", "num_classes": 2, "in_channels": 3, "average_clips": "prob"}
    model = MODELS.build({"type": "Recognizer3D", "backbone": {"type": "BrightNet"}, "cls_head": head}).eval()
    nn.init.zeros_(model.cls_head.fc_cls.weight)
    nn.init.zeros_(model.cls_head.fc_cls.bias)
    nn.init.ones_(model.cls_head.fc_cls.weight[1])
    return model


def packed(inputs, label=1):
    return {"inputs": inputs, "data_samples": ActionDataSample().set_gt_label(label)}


def test_map_lies_where_the_evidence_is():
    inputs = torch.zeros(1, 3, 4, 32, 32)
    inputs[0, :, 2, 8:16, 16:28] = 1.0
    maps, scores = GradCAM(bright_model())(packed(inputs))
    assert maps.shape == (1, 4, 32, 32)
    assert scores.argmax() == 1
    assert maps.max() == pytest.approx(1)
    t, y, x = np.unravel_index(maps[0].argmax(), maps[0].shape)
    assert (t, 8 <= y < 16, 16 <= x < 28) == (2, True, True)
    assert maps[0, 0].max() < 0.05
    nothing, _ = GradCAM(bright_model())(packed(inputs), target=0)
    assert nothing.max() == 0


def test_weights_and_gradients_are_left_alone(pose_run):
    model = init_recognizer(*pose_run, device="cpu")
    for parameter in model.backbone.parameters():
        parameter.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    data = build_test_set(model.cfg)[0]
    maps, scores = GradCAM(model)(data)
    assert maps.shape == (2, 8, 24, 24)
    with torch.no_grad():
        batch = {"inputs": [data["inputs"]], "data_samples": [data["data_samples"]]}
        assert int(model.test_step(batch)[0].pred_score.argmax()) == scores.argmax()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_network_of_single_frames():
    backbone = {"type": "ResNet", "depth": 18, "pretrained": None}
    head = {"type": "TSNHead", "num_classes": 3, "in_channels": 512, "average_clips": "prob"}
    model = MODELS.build({"type": "Recognizer2D", "backbone": backbone, "cls_head": head}).eval()
    maps, scores = GradCAM(model)(packed(torch.rand(4, 3, 64, 64)))
    assert maps.shape == (1, 4, 64, 64)
    assert scores.sum() == pytest.approx(1, abs=1e-5)


def test_a_network_without_named_stages():
    backbone = {"type": "C3D", "in_channels": 2, "base_channels": 2, "num_stages": 3, "temporal_downsample": False}
    head = {"type": "I3DHead", "num_classes": 3, "in_channels": 16, "average_clips": "prob"}
    model = MODELS.build({"type": "Recognizer3D", "backbone": backbone, "cls_head": head}).eval()
    assert last_stage(model) == "backbone.conv4b"
    maps, _ = GradCAM(model)(packed(torch.rand(1, 2, 4, 32, 32)))
    assert maps.shape == (1, 4, 32, 32)
    model.backbone = nn.Sequential(nn.ReLU())
    with pytest.raises(ValueError, match="Sequential has no convolution; name a layer with --layer"):
        last_stage(model)


def test_a_layer_of_several_outputs_is_refused():
    pathway = {"depth": 18, "base_channels": 4, "conv1_kernel": (1, 7, 7)}
    backbone = {"type": "ResNet3dSlowFast", "resample_rate": 2, "speed_ratio": 2, "channel_ratio": 1}
    backbone |= {"slow_pathway": pathway | {"lateral": True}, "fast_pathway": pathway}
    head = {"type": "SlowFastHead", "num_classes": 3, "in_channels": 64}
    model = MODELS.build({"type": "Recognizer3D", "backbone": backbone, "cls_head": head}).eval()
    assert GradCAM(model)(packed(torch.rand(1, 3, 4, 32, 32)))[0].shape == (1, 4, 32, 32)
    with pytest.raises(ValueError, match="no feature maps of one clip; name another one with --layer"):
        GradCAM(model, "backbone")(packed(torch.rand(1, 3, 4, 32, 32)))


def test_layers(pose_run):
    model = init_recognizer(*pose_run, device="cpu")
    assert last_stage(model) == "backbone.layer3"
    assert GradCAM(model, "backbone.layer2").layer is model.backbone.layer2
    with pytest.raises(ValueError, match=r"no layer 'backbone\.layer9'; did you mean backbone\.layer"):
        GradCAM(model, "backbone.layer9")
    with pytest.raises(ValueError, match="no feature maps of one clip; name another one with --layer"):
        GradCAM(model, "cls_head.fc_cls")(build_test_set(model.cfg)[0])


def test_fewer_views(pose_run):
    model = init_recognizer(*pose_run, device="cpu")
    data = packed(torch.arange(10.0).reshape(10, 1, 1, 1, 1))
    assert fewer_views(data, model, 2)["inputs"].flatten().tolist() == [2, 7]
    assert fewer_views(data, model, 10)["inputs"] is data["inputs"]
    with pytest.raises(ValueError, match="one modality; this sample has imgs, heatmap_imgs"):
        fewer_views(packed({"imgs": 1, "heatmap_imgs": 2}), model, 2)


def test_overlay_colors_only_where_the_map_is():
    pictures = np.full((1, 2, 8, 8, 3), 100, np.uint8)
    maps = np.zeros((2, 2, 4, 4), np.float32)
    maps[0, 1, :2] = 1
    shown = overlay(pictures, maps)
    assert (shown[0, 0] == 100).all()
    assert (shown[0, 1, 7] == 100).all()
    assert shown[0, 1, 0, 0, 0] > shown[0, 1, 0, 0, 2]
    with pytest.raises(ValueError, match="do not fit pictures"):
        overlay(pictures, maps[:, :1])


def graph_model():
    """Class 1 is spoken for by joints that lie to the right, class 0 by nothing."""
    backbone = {"type": "STGCN", "graph_cfg": {"layout": "coco17"}, "num_stages": 2, "base_channels": 4}
    backbone |= {"inflate_stages": (), "down_stages": (2,), "data_bn_type": None}
    head = {"type": "GCNHead", "num_classes": 2, "in_channels": 4}
    return MODELS.build({"type": "RecognizerGCN", "backbone": backbone, "cls_head": head}).eval()


def test_a_graph_network_tells_joints_and_frames():
    model = graph_model()
    assert last_stage(model) == "backbone.gcn.1"
    cam = GradCAM(model)
    cam.layer = torch.nn.Identity()  # the input itself, frames halved: its evidence is known
    model.backbone.forward = lambda x: cam.layer(x.flatten(0, 1).permute(0, 3, 1, 2)[:, :, ::2]).unflatten(
        0, x.shape[:2]
    )
    model.cls_head = MODELS.build({"type": "GCNHead", "num_classes": 2, "in_channels": 3})
    nn.init.zeros_(model.cls_head.fc.weight)
    nn.init.ones_(model.cls_head.fc.weight[1])
    inputs = torch.zeros(3, 2, 8, 17, 3)
    inputs[1, 0, 4:6, 9, 0] = 1
    maps, scores = cam(packed(inputs))
    assert maps.shape == (3, 2, 8, 17)
    assert scores.argmax() == 1
    assert np.unravel_index(maps.argmax(), maps.shape)[:2] == (1, 0)
    assert (maps[1, 0, 4:6, 9] > 0.7).all()
    assert maps[..., :9].max() == maps[..., 10:].max() == maps[[0, 2]].max() == maps[1, 1].max() == 0
    assert maps[1, 0, [0, 1, 7], 9].max() == 0


@pytest.mark.parametrize("feature", ["j", "bm"])
def test_tool_for_graph_networks(demo_data, tool, tmp_path, feature):
    config = write_gcn_config(tmp_path / "tiny.py", demo_data / "skeletons.pkl")
    config.write_text(config.read_text().replace('feats=["j"]', f'feats=["{feature}"]'))
    torch.save({"state_dict": MODELS.build(Config.fromfile(config).model).state_dict()}, tmp_path / "tiny.pth")
    words = [str(config), str(tmp_path / "tiny.pth"), "0", "--device", "cpu", "--out", str(tmp_path)]
    assert tool("gradcam")(words) == 0
    assert len(list(tmp_path.glob("00000_*_class?.png"))) == 1


def test_tool(pose_run, tool, tmp_path):
    config, checkpoint = map(str, pose_run)
    main = tool("gradcam")
    words = ["--device", "cpu", "--out", str(tmp_path)]
    assert main([config, checkpoint, "0", "3", "--target", "label", *words]) == 0
    assert len(list(tmp_path.glob("0000[03]_*_class?.png"))) == 2
    assert main([config, checkpoint, "1", "--target", "2", "--as", "mp4", *words]) == 0
    assert len(list(tmp_path.glob("00001_*_class2.mp4"))) == 1
    with pytest.raises(ValueError, match="there is no test sample 99; the test set has 5"):
        main([config, checkpoint, "99", *words])
    with pytest.raises(ValueError, match="--target 7: the model has the classes 0 to 4"):
        main([config, checkpoint, "0", "--target", "7", *words])
    with pytest.raises(FileNotFoundError):
        main([config, checkpoint, "no_such.mp4", *words])
