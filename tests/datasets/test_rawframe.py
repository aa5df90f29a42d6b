import cv2
import numpy as np
import pytest

from mmaction.datasets import RawframeDataset

FORMATS = {"RGB": "NCTHW", "Flow": "NCHW_Flow"}


def pipeline(modality):
    return [
        {"type": "SampleFrames", "clip_len": 3, "frame_interval": 1, "test_mode": True},
        {"type": "RawFrameDecode"},
        {"type": "Flip", "flip_ratio": 1.0},
        {"type": "FormatShape", "input_format": FORMATS[modality]},
        {"type": "PackActionInputs"},
    ]


@pytest.fixture
def folder(tmp_path):
    """Nine frames whose gray level is their number, and flow whose x is the number and whose y is 100 more."""
    (tmp_path / "my clip").mkdir()
    for number in range(1, 10):
        image = np.full((6, 8), number, np.uint8)
        for name, value in (
            (f"img_{number:05}.png", image),
            (f"x_{number:05}.png", image),
            (f"y_{number:05}.png", image + 100),
        ):
            cv2.imwrite(str(tmp_path / "my clip" / name), value)
    return tmp_path


def build(folder, text, modality="RGB", **arguments):
    (folder / "list.txt").write_text(text)
    template = "img_{:05}.png" if modality == "RGB" else "{}_{:05}.png"
    return RawframeDataset(
        **{
            "ann_file": "list.txt",
            "data_root": str(folder),
            "data_prefix": {"img": ""},
            "pipeline": pipeline(modality),
            "filename_tmpl": template,
            "modality": modality,
            **arguments,
        }
    )


def test_rgb_frames(folder):
    sample = build(folder, "my clip 9 2\n")[0]
    assert sample["inputs"].shape == (1, 3, 3, 6, 8)
    assert sample["inputs"][0, 0, :, 0, 0].tolist() == [4, 5, 6]
    assert sample["data_samples"].gt_label.tolist() == [2]


def test_offset_moves_the_clip(folder):
    dataset = build(folder, "my clip 4 5 2\n", with_offset=True)
    assert dataset[0]["inputs"][0, 0, :, 0, 0].tolist() == [6, 7, 8]


def test_flow_is_flipped_with_its_direction(folder):
    inputs = build(folder, "my clip 9 2\n", "Flow")[0]["inputs"]
    assert inputs.shape == (1, 6, 6, 8)
    assert inputs[0, :, 0, 0].tolist() == [251, 104, 250, 105, 249, 106]


@pytest.mark.parametrize(("input_format", "shape"), [("NCTHW", (3, 2, 3, 4, 4)), ("NCHW", (3, 6, 4, 4))])
def test_flow_takes_the_way_of_rgb_through_crops_and_shapes(folder, input_format, shape):
    steps = pipeline("Flow")
    steps[3:4] = [
        {"type": "Resize", "scale": (-1, 4)},
        {"type": "ThreeCrop", "crop_size": 4},
        {"type": "FormatShape", "input_format": input_format},
    ]
    inputs = build(folder, "my clip 9 2\n", "Flow", pipeline=steps)[0]["inputs"]
    assert inputs.shape == shape
    components = (
        inputs[2].reshape(2, 3, 4, 4) if input_format == "NCTHW" else inputs[2].reshape(3, 2, 4, 4).transpose(0, 1)
    )
    assert components[0, :, 0, 0].tolist() == [251, 250, 249]
    assert components[1, :, 0, 0].tolist() == [104, 105, 106]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("my clip 0 2\n", ":1: 'my clip' has total_frames=0"),
        ("my clip 2\n", ":1: total_frames must be a whole number"),
        ("clip 2\n", ":1: expected 'name total_frames label'"),
    ],
)
def test_faults_of_the_list_are_named(folder, text, message):
    with pytest.raises(ValueError, match=message):
        build(folder, text)


def test_missing_frames_are_named(folder):
    with pytest.raises((FileNotFoundError, ValueError), match=r"no image .*img_0001\d\.png"):
        build(folder, "my clip 30 2\n")[0]


@pytest.mark.parametrize(
    ("template", "modality", "message"),
    [
        ("img.jpg", "RGB", "gives several images the same name"),
        ("img_{:05}_{}_{}.jpg", "Flow", "cannot name the images of modality Flow"),
        ("flow_{}.jpg", "Flow", "gives several images the same name"),
        ("img_{name}.jpg", "RGB", "cannot name the images of modality RGB"),
    ],
)
def test_a_template_that_names_nothing_is_refused(folder, template, modality, message):
    with pytest.raises(ValueError, match=message):
        build(folder, "my clip 9 2\n", modality, filename_tmpl=template)
