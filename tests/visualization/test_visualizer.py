"""The Runner's visualizer and its hook."""

import numpy as np
import pytest
from stick_figure import FRAMES, HEIGHT, WIDTH, annotation, write_video

from mmaction.engine.hooks import VisualizationHook
from mmaction.io.video import open_video
from mmaction.io.video.writers import write_image
from mmaction.registry import HOOKS, VISUALIZERS
from mmaction.structures import ActionDataSample
from mmaction.visualization import ActionVisualizer
from mmaction.visualization.poses import clip_poses


@pytest.fixture
def visualizer(tmp_path):
    backends = [dict(type="LocalVisBackend")]
    return VISUALIZERS.build(
        dict(type="ActionVisualizer", name="test", vis_backends=backends, save_dir=str(tmp_path / "vis"))
    )


def sample():
    return ActionDataSample(metainfo=dict(sample_idx=0)).set_gt_label(1).set_pred_score([0.2, 0.8])


def frames(path):
    return [image for _, image in open_video(path).images()]


@pytest.mark.parametrize("kind", ["file", "array"])
def test_a_clip_is_written_with_its_skeleton(visualizer, tmp_path, kind):
    video = str(write_video(tmp_path / "walk.mp4")) if kind == "file" else np.full((FRAMES, HEIGHT, WIDTH, 3), 60, "u1")
    before = None if kind == "file" else video.copy()
    options = dict(out_type="video", out_path=str(tmp_path / "out.mp4"))
    visualizer.add_datasample("a", video, sample(), poses=clip_poses(annotation()), rescale_factor=2.0, **options)
    drawn = frames(tmp_path / "out.mp4")
    assert len(drawn) == FRAMES
    assert drawn[0].shape == (2 * HEIGHT, 2 * WIDTH, 3)
    assert np.abs(drawn[0].astype(int) - 60).max() > 100
    if kind == "array":
        np.testing.assert_array_equal(video, before)


def test_captions_follow_the_switches(visualizer):
    visualizer.dataset_meta = dict(classes=["stand", "walk"])
    assert visualizer._captions(sample(), True, True, True) == ("label: walk", "predicted: walk (0.80)")
    assert visualizer._captions(sample(), False, True, False) == ("predicted: walk",)
    assert visualizer._captions(ActionDataSample().set_pred_label(4), True, True, True) == ("predicted: 4",)
    assert visualizer._captions(None, True, True, True) == ()


def test_captions_average_the_scores_of_several_modalities(visualizer):
    both = ActionDataSample().set_pred_score({"rgb": [0.4, 0.6], "pose": [0.9, 0.1]})
    assert visualizer._captions(both, True, True, True) == ("predicted: 0 (0.65)",)


def test_captions_name_the_labels_of_a_multi_label_sample(visualizer):
    several = ActionDataSample().set_gt_label([0, 1, 0, 1]).set_pred_score([0.1, 0.2, 0.6, 0.1])
    assert visualizer._captions(several, True, True, True) == ("label: 1, 3", "predicted: 2 (0.60)")
    indices = ActionDataSample().set_gt_label([1, 3]).set_pred_score([0.1, 0.2, 0.6, 0.1])
    assert visualizer._captions(indices, True, False, True) == ("label: 1, 3",)


def test_without_a_path_the_backends_get_the_frames(visualizer, tmp_path):
    visualizer.add_datasample("x/y", np.zeros((5, 40, 60, 3), np.uint8), sample(), max_frames=2, step=3)
    names = sorted(path.name for path in (tmp_path / "vis/vis_data/vis_image").iterdir())
    assert names == ["x_y_0_3.png", "x_y_1_3.png"]


@pytest.mark.parametrize("rank", [0, 1])
def test_each_process_writes_its_files_and_only_the_first_records(visualizer, tmp_path, monkeypatch, rank):
    monkeypatch.setattr("mmaction.visualization.visualizer.is_main_process", lambda: rank == 0)
    clip = np.zeros((5, 40, 60, 3), np.uint8)
    visualizer.add_datasample("a", clip, sample())
    visualizer.add_datasample("a", clip, sample(), out_type="video", out_path=str(tmp_path / "a.mp4"))
    assert len(frames(tmp_path / "a.mp4")) == 5
    assert len(list((tmp_path / "vis").rglob("*.png"))) == (5 if rank == 0 else 0)


def test_frames_join_the_other_files_of_a_folder(visualizer, tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    kept = ["notes.txt", "sub", "walk_000007.png", "12.png"]
    (folder / "sub").mkdir()
    for name in kept[:1] + kept[2:]:
        (folder / name).write_text("kept")
    for length in (5, 3):  # the second drawing is shorter
        visualizer.add_datasample("a", np.zeros((length, 40, 60, 3), np.uint8), out_path=str(folder))
        drawn = [f"{t:06d}.png" for t in range(length)]
        assert sorted(path.name for path in folder.iterdir()) == sorted(kept + drawn)
    assert not (tmp_path / ".partial-results").exists()


def test_a_drawing_that_fails_leaves_its_folder_as_it_was(visualizer, tmp_path):
    (tmp_path / "000000.png").write_text("earlier")
    with pytest.raises(ValueError):
        visualizer.add_datasample("a", [np.zeros((40, 60, 3), np.uint8), ["no frame"]], out_path=str(tmp_path))
    assert (tmp_path / "000000.png").read_text() == "earlier"
    assert not list(tmp_path.parent.glob(".partial*"))


def test_the_video_is_not_replaced(visualizer, tmp_path):
    video = write_video(tmp_path / "walk.mp4")
    before = video.read_bytes()
    with pytest.raises(ValueError, match=r"walk\.mp4 is an input and is not replaced"):
        visualizer.add_datasample("a", str(video), out_type="video", out_path=str(video))
    with pytest.raises(ValueError, match=r"holds the input .*walk\.mp4; choose another folder"):
        visualizer.add_datasample("a", str(video), out_path=str(tmp_path))
    assert video.read_bytes() == before
    assert not list(tmp_path.glob("*.png"))


def test_unknown_type(visualizer):
    with pytest.raises(ValueError, match="out_type: expected one of img, gif, video, got 'avi'"):
        visualizer.add_datasample("a", np.zeros((1, 8, 8, 3), np.uint8), out_type="avi")


class Dataset:
    """Two samples: a skeleton clip and a video."""

    def __init__(self, folder):
        self.infos = [annotation("walk"), dict(filename=str(write_video(folder / "run.mp4", 4)), label=0)]

    def __len__(self):
        return len(self.infos)

    def get_data_info(self, index):
        return dict(self.infos[index])


class FakeRunner:
    epoch = 2
    cfg = {}  # noqa: RUF012  # states no layout

    def __init__(self, visualizer, dataset):
        self.visualizer = visualizer
        self.test_dataloader = self.val_dataloader = type("Loader", (), dict(dataset=dataset))


def outputs():
    return [sample(), ActionDataSample(metainfo=dict(sample_idx=1)).set_gt_label(0).set_pred_score([0.6, 0.4])]


def test_hook_writes_a_video_of_each_sample(visualizer, tmp_path):
    hook = HOOKS.build(dict(type="VisualizationHook", enable=True, interval=1, out_dir=str(tmp_path / "show")))
    hook.after_test_iter(FakeRunner(visualizer, Dataset(tmp_path)), 0, outputs=outputs())
    assert sorted(path.name for path in (tmp_path / "show").iterdir()) == ["run.mp4", "walk.mp4"]
    walk = frames(tmp_path / "show/walk.mp4")
    assert len(walk) == FRAMES and walk[0].shape == (HEIGHT, WIDTH, 3)
    assert np.median(walk[5]) < 20  # the skeleton stands on black


def test_hook_keeps_clips_of_one_name_apart(visualizer, tmp_path):
    dataset = Dataset(tmp_path)
    dataset.infos = []
    for folder, value in (("a", 40), ("b", 200)):
        (tmp_path / folder).mkdir()
        dataset.infos.append(dict(filename=str(write_video(tmp_path / folder / "0.mp4", 4, value=value)), label=0))
    hook = VisualizationHook(True, 1, out_dir=str(tmp_path / "show"))
    for _ in range(2):  # a later validation replaces the videos of the first
        hook.after_val_iter(FakeRunner(visualizer, dataset), 0, outputs=outputs())
    assert sorted(path.name for path in (tmp_path / "show").iterdir()) == ["0.mp4", "0_1.mp4"]
    assert np.median(frames(tmp_path / "show/0.mp4")[0]) < 100 < np.median(frames(tmp_path / "show/0_1.mp4")[0])
    other = VisualizationHook(True, 1, out_dir=str(tmp_path / "other"))  # of a process that gets the second clip only
    other.after_test_iter(FakeRunner(visualizer, dataset), 0, outputs=outputs()[1:])
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["0_1.mp4"]


def test_hook_leaves_broken_samples_out(visualizer, tmp_path):
    broken = ActionDataSample(metainfo=dict(sample_idx=1, broken=("run.mp4", "no video"))).set_gt_label(0)
    hook = VisualizationHook(True, 1, out_dir=str(tmp_path / "show"))
    hook.after_test_iter(FakeRunner(visualizer, Dataset(tmp_path)), 0, outputs=[broken])
    assert not (tmp_path / "show").exists()


def test_hook_finds_the_video_of_a_skeleton(visualizer, tmp_path):
    write_video(tmp_path / "walk.mp4", value=150)
    hook = VisualizationHook(True, 1, out_dir=str(tmp_path / "show"), video_dir=str(tmp_path))
    hook.after_val_iter(FakeRunner(visualizer, Dataset(tmp_path)), 0, outputs=outputs()[:1])
    assert np.median(frames(tmp_path / "show/walk.mp4")[5]) > 120
    hook = VisualizationHook(True, 1, out_dir=str(tmp_path / "show"), video_dir=str(tmp_path / "none"))
    with pytest.raises(FileNotFoundError, match="has no video called walk"):
        hook.after_val_iter(FakeRunner(visualizer, Dataset(tmp_path)), 0, outputs=outputs()[:1])


def test_hook_shows_the_frames_of_a_clip_that_starts_within_its_folder(visualizer, tmp_path):
    for number in range(1, 9):
        write_image(tmp_path / f"img_{number:05}.png", np.full((40, 60, 3), 20 * number, np.uint8))
    dataset = Dataset(tmp_path)
    folder = dict(frame_dir=str(tmp_path), filename_tmpl="img_{:05}.png", start_index=1)
    dataset.infos = [dict(**folder, total_frames=3), dict(**folder, total_frames=3, offset=5)]
    hook = VisualizationHook(True, 1, out_dir=str(tmp_path / "show"), draw_gt=False, draw_pred=False)
    hook.after_test_iter(FakeRunner(visualizer, dataset), 0, outputs=outputs())
    for path, first in zip(sorted((tmp_path / "show").iterdir()), (1, 6), strict=True):
        levels = [np.median(image) / 20 for image in frames(path)]
        np.testing.assert_allclose(levels, np.arange(first, first + 3), atol=0.2)


def test_hook_shows_optical_flow(visualizer, tmp_path):
    for number in range(1, 4):
        for axis, level in (("x", 128 + 20 * number), ("y", 128)):
            write_image(tmp_path / f"{axis}_{number:05}.png", np.full((40, 60, 3), level, np.uint8))
    dataset = Dataset(tmp_path)
    dataset.infos = [dict(frame_dir=str(tmp_path), filename_tmpl="{}_{:05}.png", start_index=1, total_frames=3)]
    dataset.infos[0]["modality"] = "Flow"
    hook = VisualizationHook(True, 1, out_dir=str(tmp_path / "show"), draw_gt=False, draw_pred=False)
    hook.after_test_iter(FakeRunner(visualizer, dataset), 0, outputs=outputs()[:1])
    (path,) = (tmp_path / "show").iterdir()
    drawn = frames(path)
    assert len(drawn) == 3
    red, green, blue = np.median(drawn[2].reshape(-1, 3), axis=0)  # motion to the right is red
    assert red > 200 and green < 60 and blue < 60


def test_hook_keeps_to_its_interval_and_switch(visualizer, tmp_path):
    runner = FakeRunner(visualizer, Dataset(tmp_path))
    VisualizationHook(enable=False, interval=1, out_dir=str(tmp_path / "off")).after_test_iter(
        runner, 0, outputs=outputs()
    )
    assert not (tmp_path / "off").exists()
    VisualizationHook(enable=True, interval=2, out_dir=str(tmp_path / "two")).after_test_iter(
        runner, 0, outputs=outputs()
    )
    assert [path.name for path in (tmp_path / "two").iterdir()] == ["walk.mp4"]
    with pytest.raises(ValueError, match="interval: expected 1 or more, got 0"):
        VisualizationHook(interval=0)


def test_constructor_takes_the_published_arguments():
    figure = dict(frameon=False)
    made = ActionVisualizer("v", vis_backends=None, save_dir=None, fig_save_cfg=figure, fig_show_cfg=figure)
    assert made.fig_save_cfg == figure
