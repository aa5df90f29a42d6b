import pytest
import torch

from mmaction.datasets import ConcatDataset, RepeatAugDataset, VideoDataset
from mmaction.datasets.collate import repeat_pseudo_collate
from mmaction.registry import DATASETS

PIPELINE = [
    {"type": "VideoInit"},
    {"type": "SampleFrames", "clip_len": 4, "frame_interval": 2},
    {"type": "VideoDecode"},
    {"type": "Resize", "scale": (-1, 32)},
    {"type": "RandomResizedCrop"},
    {"type": "Resize", "scale": (24, 24), "keep_ratio": False},
    {"type": "Flip"},
    {"type": "FormatShape", "input_format": "NCTHW"},
    {"type": "PackActionInputs"},
]


@pytest.fixture
def make(demo_data, tmp_path):
    """Build a data set over the demo videos from the text of a list."""

    def build(text, **arguments):
        path = tmp_path / "list.txt"
        path.write_text(text, newline="")
        return VideoDataset(
            **{
                "ann_file": str(path),
                "pipeline": PIPELINE,
                "data_prefix": {"video": str(demo_data / "videos")},
                **arguments,
            }
        )

    return build


@pytest.fixture(scope="module")
def clips(demo_data):
    return sorted(path.name for path in (demo_data / "videos").glob("*.mp4"))


def test_samples_have_frames_and_label(make, clips):
    dataset = make(f"# list\r\n{clips[0]} 3\r\n{clips[1]} 0\r\n", num_classes=5)
    assert len(dataset) == 2
    sample = dataset[0]
    assert sample["inputs"].shape == (1, 3, 4, 24, 24) and sample["inputs"].dtype == torch.uint8
    assert sample["data_samples"].gt_label.tolist() == [3]


def test_the_demo_lists_load_through_the_registry(demo_data):
    config = {"type": "VideoDataset", "ann_file": "train.txt", "data_root": str(demo_data), "pipeline": PIPELINE}
    dataset = DATASETS.build({**config, "data_prefix": {"video": "videos"}, "num_classes": 5})
    assert len(dataset) > 5
    assert dataset[len(dataset) - 1]["inputs"].shape == (1, 3, 4, 24, 24)


def test_several_labels_become_a_vector(make, clips):
    dataset = make(f"{clips[0]} 1 3\n", multi_class=True, num_classes=4)
    assert dataset.get_data_info(0)["label"].tolist() == [0, 1, 0, 1]


def test_augmentation_follows_seed_epoch_and_index(make, clips):
    dataset = make(f"{clips[0]} 1\n", seed=7)
    dataset.set_epoch(0)
    first, again = dataset[0]["inputs"], dataset[0]["inputs"]
    dataset.set_epoch(1)
    assert torch.equal(first, again)
    assert not torch.equal(first, dataset[0]["inputs"])


def test_workers_open_their_own_readers(make, clips):
    from torch.utils.data import DataLoader

    dataset = make("".join(f"{name} 1\n" for name in clips[:4]), seed=7)
    dataset.set_epoch(0)
    loader = DataLoader(dataset, num_workers=2, collate_fn=list)
    for (sample,), expected in zip(loader, dataset, strict=True):
        assert torch.equal(sample["inputs"], expected["inputs"])


def test_a_missing_video_is_named(make):
    with pytest.raises((FileNotFoundError, ValueError), match=r"there is no video .*videos/gone\.mp4"):
        make("gone.mp4 1\n")[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.mp4\n", ":1: expected 'name label'"),
        ("a.mp4 1\nb.mp4 one\n", ":2: label must be a whole number"),
        ("a.mp4 9\n", ":1: label 9 is outside the 5 classes"),
        ("../a.mp4 1\n", ":1: '../a.mp4' leaves the data folder"),
    ],
)
def test_faults_of_the_list_are_named_when_it_is_built(make, text, message):
    with pytest.raises(ValueError, match=message):
        make(text, num_classes=5)


def test_a_pipeline_in_the_wrong_order_is_named(make, clips):
    with pytest.raises(ValueError, match="VideoDecode, needs 'video_reader'"):
        make(f"{clips[0]} 1\n", pipeline=[PIPELINE[2]])


@pytest.mark.parametrize("sample_once", [True, False])
def test_a_sample_comes_several_times_augmented_differently(make, clips, sample_once):
    text = f"{clips[0]} 3\n{clips[1]} 0\n"
    made = make(text)
    arguments = {"ann_file": made.ann_file, "data_prefix": made.data_prefix, "seed": 1}
    random_frames = [dict(step, **{"frame_interval": 8} if "clip_len" in step else {}) for step in PIPELINE[:3]]
    plain = [*random_frames, {"type": "Resize", "scale": (24, 24), "keep_ratio": False}, *PIPELINE[-2:]]
    dataset = RepeatAugDataset(pipeline=plain, num_repeats=3, sample_once=sample_once, **arguments)
    dataset.set_epoch(2)
    first, second, third = (part["inputs"] for part in dataset[1])
    assert first.equal(second) == first.equal(third) == sample_once, "the frames are those of one draw, or of each"
    strong = RepeatAugDataset(pipeline=PIPELINE, num_repeats=3, sample_once=sample_once, **arguments)
    strong.set_epoch(2)
    parts = strong[1]
    assert len({part["inputs"].float().sum().item() for part in parts}) == 3
    assert [part["data_samples"].sample_idx for part in parts] == [1, 1, 1]
    assert all(a["inputs"].equal(b["inputs"]) for a, b in zip(parts, strong[1], strict=True))
    batch = repeat_pseudo_collate([strong[0], strong[1]])
    assert [int(sample.gt_label) for sample in batch["data_samples"]] == [3, 3, 3, 0, 0, 0]
    assert len(batch["inputs"]) == 6
    joined = ConcatDataset([strong, strong])[3]
    assert [part["data_samples"].sample_idx for part in joined] == [3, 3, 3]


def test_a_broken_sample_that_comes_several_times_is_noted_each_time(make, clips):
    made = make(f"{clips[0]} 3\ngone.mp4 0\n")
    dataset = RepeatAugDataset(made.ann_file, PIPELINE, made.data_prefix, num_repeats=2, sample_once=True)
    assert all(part["data_samples"].broken[0].endswith("gone.mp4") for part in dataset[1])
    assert not any("broken" in part["data_samples"] for part in dataset[0])


@pytest.mark.parametrize("wrong", [{"num_repeats": 0}, {"test_mode": True}])
def test_repetitions_are_for_training(make, clips, wrong):
    made = make(f"{clips[0]} 3\n")
    with pytest.raises(ValueError, match="for training"):
        RepeatAugDataset(made.ann_file, PIPELINE, **wrong)
