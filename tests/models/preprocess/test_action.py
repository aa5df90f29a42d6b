"""Stacking, color order and normalization."""

import pytest
import torch

from mmaction.models.preprocess import ActionDataPreprocessor, MultiModalDataPreprocessor
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
SHAPES = {"NCHW": (8, 3, 6, 5), "NCTHW": (2, 3, 4, 6, 5)}


def frames(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("format_shape", SHAPES)
@pytest.mark.parametrize("to_rgb", [False, True])
def test_normalizes_each_channel(format_shape, to_rgb):
    batch = [frames(SHAPES[format_shape], seed) for seed in (1, 2, 3)]
    before = [x.clone() for x in batch]
    out = ActionDataPreprocessor(MEAN, STD, to_rgb=to_rgb, format_shape=format_shape)({"inputs": batch})["inputs"]
    assert out.shape == (3, *SHAPES[format_shape]) and out.dtype == torch.float32
    for sample, result in zip(batch, out, strict=True):
        for channel in range(3):
            source = sample[:, 2 - channel if to_rgb else channel].double()
            expected = (source - MEAN[channel]) / STD[channel]
            torch.testing.assert_close(result[:, channel].double(), expected, atol=1e-6, rtol=1e-6)
    assert all(torch.equal(x, y) for x, y in zip(batch, before, strict=True))


def test_the_default_passes_heatmaps_through():
    heatmaps = [torch.rand(2, 17, 8, 4, 4) for _ in range(2)]
    out = ActionDataPreprocessor()({"inputs": heatmaps, "data_samples": ["a", "b"]})
    assert torch.equal(out["inputs"], torch.stack(heatmaps))
    assert out["data_samples"] == ["a", "b"]


def test_a_single_sample_of_heatmaps_is_not_copied():
    heatmap = torch.rand(2, 17, 8, 4, 4)
    assert ActionDataPreprocessor()({"inputs": [heatmap]})["inputs"].data_ptr() == heatmap.data_ptr()


def test_float_input_is_left_as_it_was():
    clip = torch.rand(1, 2, 4, 3, 3)
    before = clip.clone()
    out = ActionDataPreprocessor([0.5, 0.5], [2.0, 2.0], format_shape="NCTHW")({"inputs": [clip]})["inputs"]
    torch.testing.assert_close(out[0], (before - 0.5) / 2)
    assert torch.equal(clip, before)


def test_dtype_without_normalization():
    clip = frames((1, 3, 2, 4, 4))
    assert ActionDataPreprocessor()({"inputs": [clip]})["inputs"].dtype == torch.float32
    assert ActionDataPreprocessor(to_float32=False)({"inputs": [clip]})["inputs"].dtype == torch.uint8


def test_mix2d_gives_images_a_time_axis():
    prepare = ActionDataPreprocessor(MEAN, STD, format_shape="MIX2d")
    image, clip = frames((2, 3, 6, 5)), frames((2, 3, 4, 6, 5))
    assert prepare({"inputs": [image]})["inputs"].shape == (1, 2, 3, 1, 6, 5)
    assert prepare({"inputs": [clip]})["inputs"].shape == (1, 2, 3, 4, 6, 5)


def test_a_stacked_batch_equals_its_list():
    prepare = ActionDataPreprocessor(MEAN, STD, format_shape="NCTHW")
    batch = torch.stack([frames(SHAPES["NCTHW"], seed) for seed in (1, 2)])
    assert torch.equal(prepare({"inputs": batch})["inputs"], prepare({"inputs": list(batch)})["inputs"])


def test_mean_and_std_are_no_part_of_the_state():
    assert not ActionDataPreprocessor(MEAN, STD).state_dict()


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({"mean": MEAN}, None, "together or not at all"),
        ({"mean": MEAN, "std": [1.0, 0.0, 1.0]}, None, "std above 0"),
        ({"mean": MEAN, "std": [1.0]}, None, "one number per channel"),
        ({"format_shape": "NTHWC"}, None, "format_shape must be one of NCHW, NCTHW.*NTHWC"),
        ({"mean": MEAN, "std": STD}, (2, 3, 4, 6, 5), "format_shape='NCHW' needs batches of 5 dimensions"),
        ({"mean": MEAN, "std": STD, "format_shape": "NCTHW"}, (1, 17, 4, 6, 5), "3 entries but .* 17 channels"),
        ({"to_rgb": True, "format_shape": "NCTHW"}, (1, 2, 4, 6, 5), "reverses 3 color channels.*has 2"),
    ],
)
def test_bad_options_and_shapes_are_explained(options, shape, message):
    with pytest.raises(ValueError, match=message):
        ActionDataPreprocessor(**options)({"inputs": [torch.zeros(shape)]})


def test_statistics_for_another_range_than_the_frames_are_refused():
    prepare = ActionDataPreprocessor(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    assert prepare({"inputs": [torch.zeros(2, 3, 4, 5)]})["inputs"].min() < -2  # frames from 0 to 1 in floats
    with pytest.raises(ValueError, match=r"in gray levels, 0 to 255.* multiply both by 255"):
        prepare({"inputs": [torch.zeros(2, 3, 4, 5, dtype=torch.uint8)]})


def test_samples_of_two_sizes_are_explained():
    with pytest.raises(ValueError, match=r"one shape; got .*\(1, 3, 4, 5\).*\(1, 3, 4, 6\).*batch_size to 1"):
        ActionDataPreprocessor()({"inputs": [torch.zeros(1, 3, 4, 5), torch.zeros(1, 3, 4, 6)]})
    with pytest.raises(ValueError, match="at least one sample"):
        ActionDataPreprocessor()({"inputs": []})


def two_modalities() -> MultiModalDataPreprocessor:
    rgb = {"type": "ActionDataPreprocessor", "mean": MEAN, "std": STD, "format_shape": "NCTHW"}
    preprocessors = {"imgs": rgb, "heatmap_imgs": {"type": "ActionDataPreprocessor"}}
    return MODELS.build({"type": "MultiModalDataPreprocessor", "preprocessors": preprocessors})


def test_each_modality_has_its_own_preparation():
    imgs, heatmaps = [frames((1, 3, 2, 4, 4))] * 2, [torch.rand(1, 17, 8, 4, 4)] * 2
    samples = [ActionDataSample(), ActionDataSample()]
    out = two_modalities()({"inputs": {"imgs": imgs, "heatmap_imgs": heatmaps}, "data_samples": samples})
    assert torch.equal(out["inputs"]["heatmap_imgs"], torch.stack(heatmaps))
    alone = ActionDataPreprocessor(MEAN, STD, format_shape="NCTHW")({"inputs": imgs})["inputs"]
    assert torch.equal(out["inputs"]["imgs"], alone)
    assert out["data_samples"] is samples


def test_samples_tell_each_modality_the_size_of_its_images():
    preprocessors = {
        "imgs": {"type": "ActionDataPreprocessor"},
        "heatmap_imgs": {"type": "PoseHeatmapPreprocessor", "scaling": 0.25},
    }
    prepare = MODELS.build({"type": "MultiModalDataPreprocessor", "preprocessors": preprocessors})
    inputs = {"imgs": [torch.rand(1, 3, 2, 32, 24)], "heatmap_imgs": [torch.rand(1, 1, 8, 17, 3)]}
    samples = [ActionDataSample(metainfo={"img_shape": (32, 24)})]
    out = prepare({"inputs": inputs, "data_samples": samples})
    assert out["inputs"]["heatmap_imgs"].shape == (1, 1, 17, 8, 8, 6)


def test_modalities_must_agree():
    with pytest.raises(ValueError, match=r"gives the modalities \['imgs'\].*\['heatmap_imgs', 'imgs'\]"):
        two_modalities()({"inputs": {"imgs": []}})
    blending = {"type": "ActionDataPreprocessor", "blending": {"type": "MixupBlending", "num_classes": 2}}
    with pytest.raises(ValueError, match=r"preprocessors\['imgs'\]: blending"):
        MultiModalDataPreprocessor({"imgs": blending})


def test_colors_that_are_reversed_are_said(monkeypatch):
    said = []
    monkeypatch.setattr("mmaction.models.preprocess.action.print_log", lambda text, *_: said.append(text))
    ActionDataPreprocessor()
    assert not said
    ActionDataPreprocessor(to_rgb=True)
    assert "sees BGR" in said[0]
